"""A slice of the simulation in every run of the suite; ``python -m tests.simulation`` plays many more."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tests.canaries.planted import SIMULATED
from tests.rules import ROOT
from tests.simulation import __main__ as simulation
from tests.simulation.__main__ import main, seeds_of, tell
from tests.simulation.play import play, shortest

SEEDS = range(1, 11)
#: The bug of the story is caught within so many seeds.
SEEDS_MAX = 12

_HASH = "from tests.simulation.play import play; print(play(3, 120).hash)"


@pytest.mark.timeout(60)
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.rule(
    "guarantee-G1", "guarantee-G2", "guarantee-G3", "guarantee-G4", "guarantee-G5", "guarantee-G7",
    "guarantee-G8", "guarantee-G9", "guarantee-G10", "guarantee-G11",
)  # fmt: skip
def test_a_shop_goes_through_faults_and_everything_finishes(seed: int) -> None:
    result = play(seed)
    assert result.violation is None, tell(result)
    assert result.operations >= 500
    assert result.simulated_s >= 3_600


def test_the_same_seed_gives_the_same_bytes_in_every_process() -> None:
    """Python lays out sets by a number of the process's own; nothing that is written may hang on that."""
    hashes = {
        subprocess.run(
            [sys.executable, "-c", _HASH],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": number},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for number in ("1", "2")
    }
    assert hashes == {play(3, 120).hash + "\n"}


def test_another_seed_gives_other_bytes() -> None:
    assert play(3, 30).hash != play(4, 30).hash


def test_a_failing_seed_tells_its_shortest_prefix_and_a_story(capsys: pytest.CaptureFixture[str]) -> None:
    bug = next(bug for bug in SIMULATED if bug.name == "no duplicate check")
    with bug.planted():
        seed, failing = next(
            (seed, found) for seed in range(1, SEEDS_MAX) if (found := play(seed)).violation is not None
        )
        best = shortest(seed, failing)
        assert best.violation is not None
        assert best.operations <= failing.operations
        assert main(["--seeds", str(seed), "--json"]) == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out)["failed"] == [seed]
    assert f"shortest failing prefix: {best.operations} operations" in printed.err
    assert "• CustomerWrote" in printed.err


def test_the_figures_have_the_keys_that_proofs_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seeds", "1..2", "--operations", "20", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert list(figures) == ["seeds", "failed", "simulated_hours", "operations", "cpu_s"]
    assert (figures["seeds"], figures["operations"]) == (2, 40)


def test_two_processes_find_what_one_does_and_in_the_same_order(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bug = next(bug for bug in SIMULATED if bug.name == "no duplicate check")
    monkeypatch.setattr(simulation, "SEEDS_AT_ONCE", 1)
    found = []
    with bug.planted():
        for jobs in ("1", "2"):
            code = main(["--seeds", "1..6", "--operations", "300", "--whole", "--json", "--jobs", jobs])
            printed = capsys.readouterr()
            found.append((code, json.loads(printed.out) | {"cpu_s": 0}, printed.err))
    assert found[0] == found[1]
    assert found[0][1]["failed"], "with nothing failed the order of what failed is not seen"


def test_no_process_at_all_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--jobs", "0"])
    assert "--jobs is 0; it takes one process at least" in capsys.readouterr().err


def test_seeds_are_a_range_with_both_ends_or_one_number() -> None:
    assert list(seeds_of("3..5")) == [3, 4, 5]
    assert list(seeds_of("7")) == [7]
