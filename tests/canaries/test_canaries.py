"""The bugs that the simulator catches within a few seeds; ``python -m tests.canaries`` plants them all."""

from __future__ import annotations

import json

import pytest

from tests.canaries.__main__ import CHECKERS, in_simulation, main
from tests.canaries.planted import GUARDED, PLANTED, SIMULATED, Planted

#: Not more, in every run of the suite.
SEEDS_MAX = 8
QUICK = [bug for bug in SIMULATED if not bug.rare]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("bug", QUICK, ids=lambda bug: bug.name)
def test_a_planted_bug_is_caught_by_its_checker(bug: Planted) -> None:
    found = in_simulation(bug, SEEDS_MAX)
    assert found["caught_by"] in bug.checkers, found


@pytest.mark.parametrize("bug", PLANTED, ids=lambda bug: bug.name)
def test_every_bug_can_still_be_planted(bug: Planted) -> None:
    """The suite plants the quick ones only; what a bug is put into may be called something else since."""
    with bug.planted():
        pass


def test_there_are_more_planted_bugs_than_promised_and_each_has_a_name_and_a_catcher() -> None:
    assert len(PLANTED) >= 25
    assert len({bug.name for bug in PLANTED}) == len(PLANTED)
    assert all(bool(bug.checkers) != bool(bug.test) for bug in PLANTED)
    assert {checker for bug in SIMULATED for checker in bug.checkers} >= set(CHECKERS)
    assert GUARDED


def test_the_figures_have_the_keys_that_proofs_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json", "--only", "body in a log line"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["planted"], figures["caught"]) == (1, 1)
    assert figures["each"][0]["caught_by"] == "I15"
