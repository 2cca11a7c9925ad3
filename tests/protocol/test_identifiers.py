"""Command ids: the layout of a UUID of version 7, and ids of one maker that strictly grow."""

import uuid

from hypothesis import given, strategies as st

from protocol.identifiers import CHANCE_BYTES, CommandIds, command_id

TIMES = st.integers(0, 2**48 - 1)
CHANCES = st.binary(min_size=CHANCE_BYTES, max_size=CHANCE_BYTES)


@given(now_ms=TIMES, chance=CHANCES)
def test_an_id_is_a_uuid_of_version_7_with_its_time_in_front(now_ms: int, chance: bytes) -> None:
    made = uuid.UUID(bytes=command_id(now_ms, chance))
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert made.int >> 80 == now_ms


def test_different_chance_makes_different_ids() -> None:
    assert command_id(5, bytes(10)) != command_id(5, bytes(9) + b"\x01")


@given(clock=st.lists(TIMES, min_size=2, max_size=50), chance=CHANCES)
def test_ids_of_one_maker_strictly_grow_whatever_the_clock_does(clock: list[int], chance: bytes) -> None:
    times = iter(clock)
    ids = CommandIds(lambda: next(times), lambda _: chance)
    made = [ids() for _ in clock]
    assert made == sorted(set(made))


def test_many_ids_of_one_millisecond_strictly_grow_and_stay_in_it() -> None:
    ids = CommandIds(lambda: 7, lambda count: b"\xff" * count)
    made = [ids() for _ in range(10_000)]
    assert made == sorted(set(made))
    assert {uuid.UUID(bytes=each).int >> 80 for each in made} == {7}


@given(now_ms=TIMES, chance=CHANCES)
def test_the_ids_of_a_maker_are_valid_uuids_of_version_7(now_ms: int, chance: bytes) -> None:
    ids = CommandIds(lambda: now_ms, lambda _: chance)
    assert {uuid.UUID(bytes=ids()).version for _ in range(3)} == {7}


def test_ids_grow_into_the_next_millisecond_when_there_are_no_more_in_this_one() -> None:
    ids = CommandIds(lambda: 7, lambda count: b"\xff" * count)
    before = ids()
    ids._tail = (1 << 74) - 2  # Counting there would take longer than there is a universe.
    made = [ids() for _ in range(3)]
    assert [before, *made] == sorted({before, *made})
    assert [uuid.UUID(bytes=each).int >> 80 for each in made] == [7, 8, 8]
    assert {uuid.UUID(bytes=each).version for each in made} == {7}
