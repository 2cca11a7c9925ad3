"""Throw frames: ``python -m tests.fuzz --frames N --json``, ``python -m tests.fuzz --live N --json``."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from typing import Any

from tests.fuzz.guided import NO_ATHERIS
from tests.fuzz.inside import ALLOCATED_MAX, fuzz
from tests.fuzz.live import attack
from tests.rules import ROOT

RSS_GROWTH_MAX = 32 * 1024 * 1024


def guided(runs: int) -> dict[str, Any]:
    """Let atheris run beside: how many inputs it has tried, and what it has found."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "tests.fuzz.guided", folder, f"-runs={runs}", "-max_len=4096"]
        command += [f"-artifact_prefix={folder}/", "-verbosity=1", "-print_final_stats=1"]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if run.returncode == NO_ATHERIS:
        sys.stderr.write(run.stderr)
        return {"atheris": "not installed", "runs": 0, "crashes": 0}
    done = re.search(r"number_of_executed_units: (\d+)", run.stderr)
    crashed = run.returncode != 0
    return {
        "atheris": run.stderr[-1_500:] if crashed else "no crash",
        "runs": int(done[1]) if done else 0,
        "crashes": int(crashed),
    }


def main(arguments: list[str]) -> int:
    """Run the command; 1 when something has crashed, grown, or disturbed the others."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--frames", type=int, default=0, metavar="N", help="in this process")
    parser.add_argument("--live", type=int, default=0, metavar="N", help="at a live socket")
    parser.add_argument(
        "--guided", type=int, default=0, metavar="N", help="inputs for atheris, if it is there"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    given = parser.parse_args(arguments)
    figures: dict[str, Any] = {}
    if given.frames:
        figures["inside"] = fuzz(given.frames, given.seed)
    if given.guided:
        figures["guided"] = guided(given.guided)
    if given.live:
        figures["live"] = attack(given.live, given.seed)
    good = all(
        part["crashes"] == 0
        and part.get("rss_growth_bytes", 0) <= RSS_GROWTH_MAX
        and part.get("allocated_max_bytes", 0) <= ALLOCATED_MAX
        and part.get("legitimate_undisturbed", True)
        for part in figures.values()
    )
    lines = "\n".join(f"{name}: {part}" for name, part in figures.items())
    sys.stdout.write((json.dumps(figures) if given.json else lines) + "\n")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
