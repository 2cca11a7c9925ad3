"""Play many seeds: ``python -m tests.simulation --seeds A..B --json``."""

from __future__ import annotations

import argparse
import gc
import json
import sys
from typing import Any

from tests.simulation.play import OPERATIONS, Result, in_brief, play, shortest

#: How much of a story is told: the end matters most.
STORY_LINES = 120


def seeds_of(text: str) -> range:
    """Return the seeds of ``A..B`` (both are played) or of a single number."""
    first, dots, last = text.partition("..")
    return range(int(first), int(last if dots else first) + 1)


def tell(result: Result) -> str:
    """Return the story of a failed play, to be read."""
    lines = [
        f"seed {result.seed}: {result.violation}",
        f"shortest failing prefix: {result.operations} operations, {result.simulated_s:.3f} s",
        f"play it again: python -m tests.simulation --seeds {result.seed} --operations {result.asked}",
    ]
    story = result.story[-STORY_LINES:]
    lines += [f"  {at:10.3f} s  {who:<12} {in_brief(what)}" for at, who, what in story]
    return "\n".join(lines)


def main(arguments: list[str]) -> int:
    """Run the command; 1 when a seed has failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=seeds_of, default=range(1, 21), metavar="A..B")
    parser.add_argument("--operations", type=int, default=OPERATIONS, metavar="N")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--whole", action="store_true", help="do not look for the shortest failing prefix")
    given = parser.parse_args(arguments)
    figures: dict[str, Any] = {
        "seeds": 0,
        "failed": [],
        "simulated_hours": 0.0,
        "operations": 0,
        "cpu_s": 0.0,
    }
    gc.freeze()  # What is here already stays, and is not looked through after every play.
    for seed in given.seeds:
        result = play(seed, given.operations)
        figures["seeds"] += 1
        figures["simulated_hours"] += result.simulated_s / 3600
        figures["operations"] += result.operations
        figures["cpu_s"] += result.cpu_s
        if result.violation is not None:
            figures["failed"].append(seed)
            sys.stderr.write(tell(result if given.whole else shortest(seed, result)) + "\n")
    figures["simulated_hours"] = round(figures["simulated_hours"], 2)
    figures["cpu_s"] = round(figures["cpu_s"], 2)
    lines = "\n".join(f"{name}: {value}" for name, value in figures.items())
    sys.stdout.write((json.dumps(figures) if given.json else lines) + "\n")
    return 1 if figures["failed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
