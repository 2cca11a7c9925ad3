"""Which rule is proven by which test: `python -m tests.rules [--json] [--report FILE]`.

The rules are the ids in the tables of docs/capabilities.md. A test claims some with the marker `rule`,
and proves them by passing. A normal run writes the same report with `pytest --rules-report FILE`.
Both also work when pytest-xdist shares the tests out among several processes, as `make test` does.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict

import pytest

ROOT = Path(__file__).resolve().parent.parent
CAPABILITIES = ROOT / "docs" / "capabilities.md"
#: Under this name a test's report carries the ids which the test claims.
CLAIMS = "rules"
#: As `make test` runs them.
IN_PARALLEL = ("-n", "2", "--dist", "worksteal")
ROW = re.compile(r"^\| ((?:guarantee-)?[A-Z]\d+) \| (.+?) \|", re.MULTILINE)


class Marked(TypedDict):
    """What the report says about one test that carries the marker."""

    ids: list[str]
    passed: bool


Report = dict[str, Marked]


def rules_in(text: str) -> dict[str, str]:
    """Return id and words of every rule in the page's tables, in their order."""
    rows = ROW.findall(text)
    rules = dict(rows)
    assert len(rules) == len(rows), "an id stands twice in docs/capabilities.md"
    return rules


def claims_of(items: Iterable[pytest.Item]) -> dict[str, list[str]]:
    """Return the ids in the markers of each test that has any."""
    claims = {item.nodeid: [i for mark in item.iter_markers("rule") for i in mark.args] for item in items}
    return {test: ids for test, ids in claims.items() if ids}


def unknown_ids(claims: Mapping[str, Sequence[str]], rules: Mapping[str, str]) -> list[str]:
    """Return a sentence for each id that a test claims and that docs/capabilities.md does not have."""
    return [
        f"{test}: docs/capabilities.md has no rule {rule!r}"
        for test, ids in claims.items()
        for rule in ids
        if rule not in rules
    ]


def proofs(report: Report, rules: Iterable[str]) -> dict[str, list[str]]:
    """Return for each rule the tests that claim it and have passed."""
    return {
        rule: [test for test, marked in report.items() if marked["passed"] and rule in marked["ids"]]
        for rule in rules
    }


def as_text(proven: Mapping[str, Sequence[str]]) -> str:
    """Return a line for each rule, with its tests below it, and a closing count."""
    lines = []
    for rule, tests in proven.items():
        lines += [rule, *(f"    {test}" for test in tests)] if tests else [f"{rule}: not yet"]
    done = sum(1 for tests in proven.values() if tests)
    return "\n".join([*lines, f"{done} of {len(proven)} rules are proven by a passing test."])


@dataclass(eq=False)  # Plugins are kept in sets.
class RuleRecorder:
    """The pytest plugin that writes the report.

    The ids travel in the tests' own reports. So it makes no difference whether a test runs in this process or
    in a worker of pytest-xdist, and what a worker has proven before it dies is not lost with it.
    """

    path: Path
    claims: dict[str, list[str]] = field(default_factory=dict)
    passed: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Have the reports of each test say what the test claims."""
        claims = claims_of(items)
        for item in items:
            if item.nodeid in claims:
                item.user_properties.append((CLAIMS, claims[item.nodeid]))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what each test claims and how it ends; one whose teardown fails has not passed."""
        for name, value in report.user_properties:
            if name == CLAIMS:
                self.claims[report.nodeid] = value
        if report.failed:
            self.failed.add(report.nodeid)
        elif report.passed and report.when == "call":
            self.passed.add(report.nodeid)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the report, unless this is a worker, which has seen but a part."""
        if not hasattr(session.config, "workerinput"):
            self.write()

    def write(self) -> None:
        """Write what is known by now."""
        passed = self.passed - self.failed
        report = {test: Marked(ids=ids, passed=test in passed) for test, ids in sorted(self.claims.items())}
        self.path.write_text(json.dumps(report, indent=1), encoding="utf-8")


def run_tests() -> tuple[Report, int]:
    """Run all tests in a process of their own, output on standard error; return report and exit code."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rules.json"
        command = [sys.executable, "-m", "pytest", *IN_PARALLEL, f"--rules-report={path}"]
        code = subprocess.run(command, cwd=ROOT, stdout=sys.stderr, check=False).returncode
        report = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        return report, code


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what is proven; return 1 when a test failed or claims a rule that does not exist."""
    parser = argparse.ArgumentParser(prog="python -m tests.rules", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print an object: id to passing tests")
    parser.add_argument("--report", type=Path, metavar="FILE", help="read this report, run no tests")
    options = parser.parse_args(arguments)
    if options.report is None:
        report, code = run_tests()
    else:
        report, code = json.loads(options.report.read_text(encoding="utf-8")), 0
    rules = rules_in(CAPABILITIES.read_text(encoding="utf-8"))
    proven = proofs(report, rules)
    sys.stdout.write((json.dumps(proven, indent=1) if options.json else as_text(proven)) + "\n")
    unknown = unknown_ids({test: marked["ids"] for test, marked in report.items()}, rules)
    sys.stderr.writelines(f"{problem}\n" for problem in unknown)
    return 1 if unknown or code else 0


if __name__ == "__main__":
    sys.exit(main())
