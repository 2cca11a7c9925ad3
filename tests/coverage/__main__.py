"""Measure the branches of what must never be wrong: ``python -m tests.coverage --json``; 1 if any lacks."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from tests.coverage.carried import CARRIED, LANES, modules
from tests.coverage.measuring import Lacking, found, run, settings
from tests.rules import ROOT


def as_text(lacking: dict[str, Lacking]) -> str:
    """Return a line for each subject, what lacks in its files, and a closing count."""
    lines = []
    for subject, paths in CARRIED.items():
        branches = sum(lacking[path].branches for path in paths)
        lines.append(f"{subject}: {len(paths)} files, {branches} branches")
        lines += [f"    {text}" for path in paths for text in lacking[path].sentences()]
    open_files = sum(not one.complete for one in lacking.values())
    all_branches = sum(one.branches for one in lacking.values())
    verdict = f"{open_files} of them lack some" if open_files else "every branch is gone both ways"
    return "\n".join([*lines, f"{len(lacking)} files, {all_branches} branches: {verdict}."]) + "\n"


def as_json(lacking: dict[str, Lacking]) -> str:
    """Return the same as JSON."""
    files = {
        path: {"branches": one.branches, "never_run": one.lines, "never_gone": one.arcs}
        for path, one in lacking.items()
    }
    subjects = {subject: list(paths) for subject, paths in CARRIED.items()}
    complete = all(one.complete for one in lacking.values())
    return json.dumps({"complete": complete, "subjects": subjects, "files": files}, indent=1) + "\n"


def main(arguments: list[str]) -> int:
    """Run the command: 1 when a branch lacks, 2 when a test has failed, for then nothing is measured."""
    parser = argparse.ArgumentParser(prog="python -m tests.coverage", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        rc = Path(folder) / "coverage.rc"
        rc.write_text(settings(Path(folder) / "seen", ROOT, modules()), encoding="utf-8")
        failures = run(rc, ROOT, LANES)
        if failures:
            sys.stderr.write("\n".join(failures))
            return 2
        lacking = {one.path: one for one in found(rc, ROOT, modules())}
    sys.stdout.write(as_json(lacking) if given.json else as_text(lacking))
    return 0 if all(one.complete for one in lacking.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
