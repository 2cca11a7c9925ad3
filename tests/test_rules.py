"""The tool that says which rules are proven, and the markers it reads."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest

from tests.rules import (
    CAPABILITIES,
    CLAIMS,
    IN_PARALLEL,
    ROOT,
    Report,
    RuleRecorder,
    as_text,
    claims_of,
    main,
    proofs,
    rules_in,
    unknown_ids,
)

REPORT: Report = {
    "test_a": {"ids": ["A1", "A2"], "passed": True},
    "test_b": {"ids": ["A1"], "passed": False},
}


def ended(
    when: Literal["setup", "call", "teardown"], outcome: Literal["passed", "failed"]
) -> pytest.TestReport:
    place = ("test_a.py", 1, "test_a")
    return pytest.TestReport("test_a", place, {}, outcome, None, when, user_properties=[(CLAIMS, ["A1"])])


def test_every_rule_that_a_test_claims_is_in_the_capabilities(request: pytest.FixtureRequest) -> None:
    rules = rules_in(CAPABILITIES.read_text(encoding="utf-8"))
    assert unknown_ids(claims_of(request.session.items), rules) == []


def test_the_capabilities_page_lists_every_capability_and_guarantee_once() -> None:
    rules = rules_in(CAPABILITIES.read_text(encoding="utf-8"))
    assert sum(1 for rule in rules if not rule.startswith("guarantee-")) == 132
    assert [f"guarantee-G{n}" for n in range(1, 17)] == [r for r in rules if r.startswith("guarantee-")]


def test_an_id_that_stands_twice_is_refused() -> None:
    with pytest.raises(AssertionError, match="twice"):
        rules_in("| A1 | one | |\n| A1 | two | |\n")


def test_an_unknown_id_is_named_together_with_its_test() -> None:
    problems = unknown_ids({"tests/test_x.py::test_y": ["A1", "Z9"]}, {"A1": "one"})
    assert problems == ["tests/test_x.py::test_y: docs/capabilities.md has no rule 'Z9'"]


def test_only_a_passing_test_proves_a_rule() -> None:
    assert proofs(REPORT, ["A1", "A2", "A3"]) == {"A1": ["test_a"], "A2": ["test_a"], "A3": []}


def test_a_rule_without_a_passing_test_is_printed_as_not_yet() -> None:
    text = as_text({"A1": ["test_a"], "A2": []})
    assert text == "A1\n    test_a\nA2: not yet\n1 of 2 rules are proven by a passing test."


@pytest.mark.parametrize(
    ("reports", "passed"),
    [
        ([ended("setup", "passed"), ended("call", "passed"), ended("teardown", "passed")], True),
        ([ended("setup", "passed"), ended("call", "failed"), ended("teardown", "passed")], False),
        ([ended("setup", "passed"), ended("call", "passed"), ended("teardown", "failed")], False),
        ([ended("setup", "failed")], False),
    ],
)
def test_the_recorder_counts_a_test_as_passed_when_all_its_phases_are(
    tmp_path: Path, reports: list[pytest.TestReport], passed: bool
) -> None:
    recorder = RuleRecorder(tmp_path / "rules.json")
    for report in reports:
        recorder.pytest_runtest_logreport(report)
    recorder.write()
    assert json.loads(recorder.path.read_text()) == {"test_a": {"ids": ["A1"], "passed": passed}}


PLUGIN = """
from pathlib import Path
from tests.rules import RuleRecorder

def pytest_configure(config):
    config.pluginmanager.register(RuleRecorder(Path("rules.json")))
"""
GOOD, BAD, DEADLY = "pass", "assert False", "import os; os._exit(11)"


def small_suite(folder: Path, arguments: tuple[str, ...], *bodies: str) -> tuple[int, dict[str, bool]]:
    """Run tests with these bodies; the first claims A0, and so on. Return exit code and what has passed."""
    tests = [
        f"@pytest.mark.rule('A{number}')\ndef test_{number}():\n    {body}\n"
        for number, body in enumerate(bodies)
    ]
    (folder / "conftest.py").write_text(PLUGIN)
    (folder / "test_small.py").write_text("import pytest\n" + "".join(tests))
    (folder / "pytest.ini").write_text(f"[pytest]\npythonpath = {ROOT}\nmarkers = rule\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    only_asked_for = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    run = subprocess.run(command, cwd=folder, env=only_asked_for, stdout=subprocess.DEVNULL, check=False)
    report: Report = json.loads((folder / "rules.json").read_text())
    return run.returncode, {marked["ids"][0]: marked["passed"] for marked in report.values()}


def test_a_run_in_one_process_says_who_has_proven_what(tmp_path: Path) -> None:
    assert small_suite(tmp_path, (), GOOD, BAD) == (1, {"A0": True, "A1": False})


def test_the_workers_reports_are_one_and_a_test_that_takes_its_process_along_has_failed(
    tmp_path: Path,
) -> None:
    # Only three: of more than two waiting tests the other worker takes some. It may ask the one that is gone,
    # for which pytest-xdist 3.8 ends the run with an internal error: a failure as well, but another code.
    code, found = small_suite(tmp_path, ("-p", "xdist", *IN_PARALLEL), GOOD, DEADLY, GOOD)
    assert (code, found) == (1, {"A0": True, "A1": False, "A2": True})


def test_an_earlier_report_is_read_without_running_a_test(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rules.json"
    path.write_text(json.dumps(REPORT))
    assert main(["--json", "--report", str(path)]) == 0
    assert json.loads(capsys.readouterr().out)["A1"] == ["test_a"]


def test_a_report_with_an_unknown_id_makes_the_tool_fail(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rules.json"
    path.write_text(json.dumps({"test_a": {"ids": ["Z9"], "passed": True}}))
    assert main(["--report", str(path)]) == 1
    assert "test_a: docs/capabilities.md has no rule 'Z9'" in capsys.readouterr().err
