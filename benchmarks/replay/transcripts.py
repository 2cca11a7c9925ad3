"""What somebody saw of the dialogues, and how it differs from the source."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from msgspec import Struct

from benchmarks.replay.sources import Dialogue, Speaker

Said = tuple[str, bytes]


class Line(Struct):
    """One message in a transcript; ``sequence`` is the daemon's number for it, 0 until it is acknowledged."""

    speaker: Speaker
    text: str
    sequence: int = 0


Transcripts = dict[str, list[Line]]


class Difference(Struct):
    """How transcripts differ from the source, in messages."""

    lost: int = 0
    duplicated: int = 0
    out_of_order: int = 0
    #: Dialogues that are not the source's, byte for byte.
    unequal: int = 0

    def __add__(self, other: Difference) -> Difference:
        return Difference(
            self.lost + other.lost,
            self.duplicated + other.duplicated,
            self.out_of_order + other.out_of_order,
            self.unequal + other.unequal,
        )


def compare(dialogues: list[Dialogue], seen: Transcripts) -> Difference:
    """Compare somebody's transcripts with the source; one of an unknown dialogue is all duplicates."""
    total = Difference()
    for dialogue in dialogues:
        source = [(turn.speaker, turn.text.encode()) for turn in dialogue.turns]
        total += _compare_one(source, seen.get(dialogue.name, []))
    unknown = seen.keys() - {dialogue.name for dialogue in dialogues}
    for name in unknown:
        total += _compare_one([], seen[name])
    return total


def _compare_one(source: list[Said], lines: list[Line]) -> Difference:
    said = [(line.speaker, line.text.encode()) for line in lines if line.sequence]
    numbers = [line.sequence for line in lines if line.sequence]
    overtaken = sum(later <= earlier for earlier, later in pairwise(numbers))
    if said == source:
        return Difference(out_of_order=overtaken, unequal=int(overtaken > 0))
    wanted, got = Counter(source), Counter(said)
    in_both = (wanted & got).total()
    out_of_order = max(overtaken, in_both - common_subsequence(source, said))
    return Difference((wanted - got).total(), (got - wanted).total(), out_of_order, 1)


def common_subsequence(first: list[Said], second: list[Said]) -> int:
    """Return how many items of both stand in the same order."""
    row = [0] * (len(second) + 1)
    for item in first:
        before = row
        row = [0]
        for place, other in enumerate(second):
            row.append(before[place] + 1 if item == other else max(before[place + 1], row[place]))
    return row[-1]
