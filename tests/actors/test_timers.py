"""The timers do what a list would do that is searched from end to end."""

from hypothesis import given, strategies as st

from actors.timers import Timers

ADDRESSES = st.sampled_from([("conversation", "acme", name) for name in "abcde"])
TIMES = st.one_of(st.none(), st.integers(0, 6).map(float))
STEPS = st.one_of(
    st.tuples(st.just("set"), ADDRESSES, TIMES),
    st.tuples(st.just("due"), st.integers(0, 6).map(float), st.integers(1, 3)),
)


@given(st.lists(STEPS, max_size=60))
def test_what_is_due_comes_out_once_in_order_of_time(steps: list[tuple[str, object, object]]) -> None:
    timers = Timers()
    naive: dict[object, float] = {}
    for what, first, second in steps:
        if what == "set":
            timers.set(first, second)  # type: ignore[arg-type]
            naive.pop(first, None)
            if second is not None:
                naive[first] = second  # type: ignore[assignment]
        else:
            found = timers.due(first, second)  # type: ignore[arg-type]
            expected = sorted(at for at in naive.values() if at <= first)[:second]  # type: ignore[operator, misc]
            assert [naive.pop(address) for address in found] == expected
        assert len(timers) == len(naive)
        assert timers.next_at() == min(naive.values(), default=None)


def test_equal_times_come_out_in_the_order_in_which_they_were_set() -> None:
    timers = Timers()
    addresses = [("conversation", "acme", name) for name in "dacb"]
    for address in addresses:
        timers.set(address, 5.0)
    assert timers.due(5.0, 10) == addresses


def test_moving_a_deadline_again_and_again_does_not_fill_the_memory() -> None:
    timers = Timers()
    for at in range(10_000):
        timers.set(("conversation", "acme", "a"), float(at))
    assert len(timers) == 1
    assert len(timers._heap) < 200
