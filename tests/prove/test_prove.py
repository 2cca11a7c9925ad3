"""The page of a proof: figures are added up, and whatever fails is on it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.prove import __main__ as proving
from tests.prove.__main__ import main, written
from tests.prove.parts import Page, Part, lanes, run_lane


def simulated(page: Page, found: dict[str, Any]) -> None:
    page.seeds += found["seeds"]


def test_figures_of_all_rounds_are_added_up_until_the_time_is_over() -> None:
    page = Page()
    part = Part(
        "simulation",
        1.0,
        lambda n: ["tests.simulation", "--seeds", f"{n + 1}", "--operations", "5"],
        simulated,
    )
    run_lane(page, [part], time.monotonic())
    assert page.seeds == 1, "at least one round, however short the time"
    assert page.failures == []


def test_a_part_that_fails_or_says_nothing_is_on_the_page() -> None:
    page = Page()
    bad = Part("simulation", 1.0, lambda _: ["tests.simulation", "--seeds", "nonsense"], simulated, once=True)
    run_lane(page, [bad], time.monotonic())
    assert "no figures" in page.failures[0]
    text = written(page, 2, 7, "abc")
    assert "| failures | 1 |" in text
    assert "## Failed" in text


def test_a_proof_writes_a_page_and_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    part = Part(
        "simulation", 1.0, lambda _: ["tests.simulation", "--seeds", "1", "--operations", "5"], simulated
    )
    monkeypatch.setattr(proving, "lanes", lambda minutes, first: [[part]])
    assert main(["--minutes", "0", "--seed", "3", "--into", str(tmp_path)]) == 0
    assert json.loads((tmp_path / "proof.json").read_text())["seeds"] == 1
    assert "| simulated seeds | 1 |" in (tmp_path / "proof.md").read_text()
    assert "| failures | 0 |" in capsys.readouterr().out


def test_two_cores_are_busy_and_nothing_that_proves_is_left_out() -> None:
    one, other = lanes(10, 1)
    assert [part.name for part in one] == ["simulation"]
    assert [part.name for part in other] == [
        "canaries",
        "kills",
        "crash",
        "fuzz",
        "fuzz, guided",
        "fuzz, live",
    ]
    assert "--quick" in lanes(2, 1)[1][0].command(0)
    assert "--quick" not in other[0].command(0)
