import os

import pytest

from benchmarks.replay.performance import Actors
from benchmarks.replay.sources import Dialogue, Turn
from benchmarks.replay.transcripts import Difference, Line, compare

SAID = [("customer", "hello"), ("agent", "hello"), ("customer", "再见"), ("customer", "hello")]
DIALOGUE = Dialogue("one", [Turn(speaker, text) for speaker, text in SAID])


def seen(*places: int) -> dict[str, list[Line]]:
    return {"one": [Line(*SAID[place], sequence) for sequence, place in enumerate(places, 1)]}


@pytest.mark.parametrize(
    ("places", "difference"),
    [
        ((0, 1, 2, 3), Difference()),
        ((0, 1, 3), Difference(lost=1, unequal=1)),
        ((0, 1, 2, 2, 3), Difference(duplicated=1, unequal=1)),
        ((0, 2, 1, 3), Difference(out_of_order=1, unequal=1)),
        ((), Difference(lost=4, unequal=1)),
    ],
)
def test_every_difference_is_counted(places: tuple[int, ...], difference: Difference) -> None:
    assert compare([DIALOGUE], seen(*places)) == difference


def test_a_message_without_acknowledgement_is_lost() -> None:
    transcripts = seen(0, 1, 2, 3)
    transcripts["one"][-1].sequence = 0
    assert compare([DIALOGUE], transcripts) == Difference(lost=1, unequal=1)


def test_the_daemons_numbers_must_grow() -> None:
    transcripts = seen(0, 1, 2, 3)
    transcripts["one"][1].sequence = 9
    assert compare([DIALOGUE], transcripts) == Difference(out_of_order=1, unequal=1)


def test_a_changed_byte_is_a_lost_and_a_surplus_message() -> None:
    transcripts = seen(0, 1, 2, 3)
    transcripts["one"][2].text = "再见 "
    assert compare([DIALOGUE], transcripts) == Difference(lost=1, duplicated=1, unequal=1)


def test_a_dialogue_that_nobody_led_is_surplus() -> None:
    transcripts = seen(0, 1, 2, 3) | {"two": [Line("agent", "who?", 1)]}
    assert compare([DIALOGUE], transcripts) == Difference(duplicated=1, unequal=1)


def test_progress_is_read_however_the_bytes_are_cut() -> None:
    actors = Actors.__new__(Actors)
    actors.said, actors._unread = {"gateway": 0}, {"gateway": b""}
    for piece in (b"1", b"\n", b"23", b"2\n4"):
        actors._read("gateway", piece, None)
    assert actors.said == {"gateway": 232}


def test_a_lone_newline_is_not_the_end_of_a_peer() -> None:
    # Seen with PYTHONUNBUFFERED=1: taken for the end, it stopped the clock and the kills.
    actors = Actors.__new__(Actors)
    actors.said, actors._unread = {"gateway": 0}, {"gateway": b"7"}
    reader, writer = os.pipe()
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        actors._read("gateway", b"\n", stream)
        assert not stream.closed
    assert actors.said == {"gateway": 7}
