"""Plant every bug, and say who has caught it: ``python -m tests.canaries --json``."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from typing import Any

from tests.canaries.plant import NAME
from tests.canaries.planted import GUARDED, PLANTED, SIMULATED, Planted
from tests.rules import ROOT
from tests.simulation.play import play

#: A bug that is not seen in so many seeds is not caught.
SEEDS_MAX = 60
#: What the checkers of the simulator are called.
CHECKERS = ("I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8", "I9", "I10", "I11", "I12", "I13", "I15", "I16",
            "I17", "I18", "I19", "G6", "G11", "G14", "C9", "window", "auditor")  # fmt: skip


def in_simulation(bug: Planted, seeds_max: int) -> dict[str, Any]:
    """Play seeds until a checker complains."""
    with bug.planted():
        for seed in range(1, seeds_max + 1):
            found = play(seed).violation
            if found is not None:
                return {"caught_by": found.checker, "seeds": seed, "what": str(found)[:200]}
    return {"caught_by": "", "seeds": seeds_max, "what": ""}


def by_test(bug: Planted) -> dict[str, Any]:
    """Run the test that must fail with the bug."""
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-p", "tests.canaries.plant", bug.test],
        cwd=ROOT,
        env={**os.environ, NAME: bug.name},
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode not in (0, 1):
        raise RuntimeError(f"{bug.test} could not be run:\n{run.stdout[-2000:]}{run.stderr[-2000:]}")
    said = [line for line in run.stdout.splitlines() if line.startswith("E  ")]
    caught = run.returncode == 1
    return {
        "caught_by": bug.test if caught else "",
        "seeds": 0,
        "what": said[0][4:204].strip() if said else "",
    }


def main(arguments: list[str]) -> int:
    """Run the command; 1 when a bug was not caught."""
    parser = argparse.ArgumentParser(prog="python -m tests.canaries", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--only", default="", metavar="TEXT", help="bugs with this in their name")
    parser.add_argument("--simulated", action="store_true", help="leave out what takes a test of its own")
    parser.add_argument("--quick", action="store_true", help="leave out what takes many seeds")
    parser.add_argument("--seeds", type=int, default=SEEDS_MAX, metavar="N", help="for each bug, at the most")
    given = parser.parse_args(arguments)
    chosen = [bug for bug in (SIMULATED if given.simulated else PLANTED) if given.only in bug.name]
    chosen = [bug for bug in chosen if not (given.quick and bug.rare)]
    each = []
    for bug in chosen:
        began = time.monotonic()
        found = by_test(bug) if bug in GUARDED else in_simulation(bug, given.seeds)
        expected = not bug.checkers or found["caught_by"] in bug.checkers
        each.append(
            {"name": bug.name, **found, "expected": expected, "s": round(time.monotonic() - began, 1)}
        )
        if not given.json:
            sys.stdout.write("{name}: {caught_by}, {seeds} seeds, {s} s: {what}\n".format(**each[-1]))
            sys.stdout.flush()
    caught_by = {one["caught_by"] for one in each}
    idle = [] if given.only or given.quick else [checker for checker in CHECKERS if checker not in caught_by]
    caught = sum(bool(one["caught_by"]) for one in each)
    figures = {"planted": len(each), "caught": caught, "each": each, "checkers_without_a_catch": idle}
    if given.json:
        sys.stdout.write(json.dumps(figures) + "\n")
    else:
        sys.stdout.write(f"caught: {caught} of {len(each)}; checkers without a catch: {', '.join(idle)}\n")
    return 0 if caught == len(each) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
