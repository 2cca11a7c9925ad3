"""The measuring itself: what lacks is named where it lacks, and nobody gets round it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.coverage import __main__ as command
from tests.coverage.__main__ import main
from tests.coverage.carried import CARRIED, LANES, modules
from tests.coverage.measuring import Lacking, found, run, settings
from tests.rules import ROOT

MODULE = '''"""A decision with two ways, and one that waits for nobody."""


def sign(number: int) -> str:
    if number < 0:
        return "below"
    return "above"


def last(numbers: list[int]) -> int:
    found = 0
    for number in numbers:
        if number:
            found = number
    return found
'''
IMPORTS = "import sys\nsys.path.insert(0, '.')\nfrom small import last, sign\n\n"


class Small:
    """A repository of one module and some tests, measured."""

    def __init__(self, root: Path, module: str = MODULE) -> None:
        self.root, self.rc = root, root / "coverage.rc"
        (root / "small.py").write_text(module, encoding="utf-8")
        (root / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
        self.rc.write_text(settings(root / "seen", root, ["small.py"]), encoding="utf-8")

    def runs(self, *lanes: str) -> list[str]:
        for number, body in enumerate(lanes):
            (self.root / f"test_{number}.py").write_text(IMPORTS + body, encoding="utf-8")
        plain = ("-p", "no:cacheprovider", "-q")
        return run(self.rc, self.root, [(*plain, f"test_{number}.py") for number in range(len(lanes))])

    def lacks(self) -> list[str]:
        (lacking,) = found(self.rc, self.root, ["small.py"])
        return lacking.sentences()


def test_what_no_test_has_gone_through_is_named_by_line_and_by_way(tmp_path: Path) -> None:
    small = Small(tmp_path)
    assert small.runs("def test_one():\n    assert sign(1) == 'above'\n    assert last([3]) == 3\n") == []
    assert small.lacks() == [
        "small.py:6: never run",
        "small.py:13: never goes to line 12",
    ]


def test_what_several_processes_have_seen_counts_together(tmp_path: Path) -> None:
    small = Small(tmp_path)
    below = "def test_below():\n    assert sign(-1) == 'below'\n    assert last([3, 0]) == 3\n"
    above = "def test_above():\n    assert sign(1) == 'above'\n"
    assert small.runs(below, above) == []
    assert small.lacks() == []


def test_a_test_that_fails_is_told_in_its_own_words(tmp_path: Path) -> None:
    good = "def test_good():\n    assert sign(1) == 'above'\n"
    (said,) = Small(tmp_path).runs(good, "def test_bad():\n    assert sign(1) == 'below'\n")
    assert "test_bad" in said
    assert "test_good" not in said


@pytest.mark.parametrize(
    ("remark", "lacks"),
    [
        ("# pragma: no cover: the process ends in the line before", []),
        ("# pragma: no cover", ["small.py:6: never run"]),
        ("# pragma: no branch", ["small.py:6: never run"]),
    ],
)
def test_a_line_is_left_out_only_with_a_reason_beside_it(
    tmp_path: Path, remark: str, lacks: list[str]
) -> None:
    small = Small(tmp_path, MODULE.replace('return "below"', f'return "below"  {remark}'))
    small.runs("def test_one():\n    assert sign(1) == 'above'\n    assert last([3, 0, 1]) == 1\n")
    assert small.lacks() == lacks


def test_no_branch_is_excused_by_a_remark(tmp_path: Path) -> None:
    small = Small(tmp_path, MODULE.replace("if number:", "if number:  # pragma: no branch"))
    small.runs("def test_one():\n    sign(1)\n    sign(-1)\n    assert last([3]) == 3\n")
    assert small.lacks() == ["small.py:13: never goes to line 12"]


def test_a_module_that_no_test_has_imported_lacks_everything(tmp_path: Path) -> None:
    small = Small(tmp_path)
    (tmp_path / "test_0.py").write_text("def test_nothing():\n    pass\n", encoding="utf-8")
    (tmp_path / "other.py").write_text("A = 1\n", encoding="utf-8")
    assert run(small.rc, tmp_path, [("-p", "no:cacheprovider", "-q", "test_0.py")]) == []
    assert "small.py:4: never run" in small.lacks()


# What is measured.


def test_every_module_and_every_test_of_the_lists_is_there_and_none_twice() -> None:
    every = modules()
    assert sorted(set(every)) == sorted(every)
    tests = [part for lane in LANES for part in lane if part.startswith("tests/")]
    assert sorted(set(tests)) == sorted(tests)
    assert [path for path in [*every, *tests] if not (ROOT / path.partition("::")[0]).is_file()] == []


@pytest.mark.parametrize("folder", ["protocol", "actors/conversation", "actors/events", "daemon/stores"])
def test_a_module_that_is_new_in_a_room_that_is_measured_is_measured(folder: str) -> None:
    there = {path.relative_to(ROOT).as_posix() for path in (ROOT / folder).glob("*.py")}
    empty = {path for path in there if not (ROOT / path).read_text(encoding="utf-8").count("\n\n")}
    assert there - empty <= set(modules())


# The command.


@pytest.fixture
def lacking(monkeypatch: pytest.MonkeyPatch) -> dict[str, Lacking]:
    """Nothing is run: each module lacks what the test says, and nothing otherwise."""
    lacks: dict[str, Lacking] = {path: Lacking(path, 4, (), ()) for path in modules()}
    monkeypatch.setattr(command, "run", lambda *_: [])
    monkeypatch.setattr(command, "found", lambda *_: list(lacks.values()))
    return lacks


def test_where_nothing_lacks_the_command_succeeds_and_says_so(
    lacking: dict[str, Lacking], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([]) == 0
    said = capsys.readouterr().out
    assert said.splitlines()[-1] == (
        f"{len(lacking)} files, {4 * len(lacking)} branches: every branch is gone both ways."
    )
    assert [subject for subject in CARRIED if f"{subject}: " not in said] == []


def test_one_branch_that_lacks_fails_the_command_which_names_it(
    lacking: dict[str, Lacking], capsys: pytest.CaptureFixture[str]
) -> None:
    lacking["actors/journal.py"] = Lacking("actors/journal.py", 16, (), ((241, -238),))
    assert main([]) == 1
    said = capsys.readouterr().out
    assert "    actors/journal.py:241: never goes out of it\n" in said
    assert said.endswith("1 of them lack some.\n")


def test_as_json_the_figures_of_each_file_are_there(
    lacking: dict[str, Lacking], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--json"]) == 0
    assert json.loads(capsys.readouterr().out)["complete"] is True
    lacking["actors/journal.py"] = Lacking("actors/journal.py", 16, (240,), ((241, -238),))
    assert main(["--json"]) == 1
    figures = json.loads(capsys.readouterr().out)
    assert figures["complete"] is False
    assert figures["files"]["actors/journal.py"] == {
        "branches": 16, "never_run": [240], "never_gone": [[241, -238]],
    }  # fmt: skip


def test_where_a_test_has_failed_nothing_was_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "run", lambda *_: ["FAILED test_x"])
    assert main([]) == 2
    assert "FAILED test_x" in capsys.readouterr().err
