from pathlib import Path

import pytest

from benchmarks.replay.performance import Wanted, perform
from benchmarks.replay.sources import Dialogue, Turn

#: Two of the same speaker in a row, the customer's last word, texts that repeat, and Chinese.
SHAPES = ["cacaca", "ccaacc", "caac", "c", "cccaaa"]


def dialogues(count: int) -> list[Dialogue]:
    return [
        Dialogue(
            f"dialogue {number}",
            [
                Turn("customer" if who == "c" else "agent", "好的" if place % 3 == 2 else f"{number}.{place}")
                for place, who in enumerate(SHAPES[number % len(SHAPES)])
            ],
        )
        for number in range(count)
    ]


@pytest.mark.rule("G1", "G3", "G4")
@pytest.mark.parametrize(("kills", "curve"), [(0, True), (2, False)])
def test_everybody_has_seen_the_source(tmp_path: Path, kills: int, curve: bool) -> None:
    source = dialogues(120)
    found = perform(source, Wanted(kills, seed=3, in_flight=16, agents=2, curve=curve), tmp_path)
    assert found["equal"], found
    assert found["kills"] == kills
    assert found["journal"]["epochs"] == kills + 1
    assert found["messages"] == sum(len(dialogue.turns) for dialogue in source)
