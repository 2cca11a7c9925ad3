"""Play many seeds: ``python -m tests.simulation --seeds A..B --json``; ``--jobs 2`` for two cores."""

from __future__ import annotations

import argparse
import gc
import json
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from typing import Any, NamedTuple

from tests.simulation.play import OPERATIONS, Result, in_brief, play, shortest

#: How much of a story is told: the end matters most.
STORY_LINES = 120
#: How many seeds a process takes at a time.
SEEDS_AT_ONCE = 4


class Played(NamedTuple):
    """What is kept of a seed. ``said`` is the story of a failed one, and empty otherwise."""

    seed: int
    simulated_s: float
    operations: int
    cpu_s: float
    said: str


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


def play_one(seed: int, operations: int, *, whole: bool) -> Played:
    """Play a seed; of one that fails find the shortest failing prefix, unless the whole is wanted."""
    result = play(seed, operations)
    said = ""
    if result.violation is not None:
        said = tell(result if whole else shortest(seed, result)) + "\n"
    return Played(seed, result.simulated_s, result.operations, result.cpu_s, said)


def play_all(seeds: range, operations: int, jobs: int, *, whole: bool) -> Iterator[Played]:
    """Play seeds in so many processes; they come in order, whoever is ready first.

    Raises BrokenProcessPool when a process dies: then nothing is known of its seeds.
    """
    one = partial(play_one, operations=operations, whole=whole)
    gc.freeze()  # What is here already stays, and is not looked through after every play.
    if jobs == 1:
        yield from map(one, seeds)
        return
    # Forked: a bug that is planted here is there as well, and nothing is imported again.
    with ProcessPoolExecutor(jobs, get_context("fork")) as pool:
        yield from pool.map(one, seeds, chunksize=SEEDS_AT_ONCE)


def main(arguments: list[str]) -> int:
    """Run the command; 1 when a seed has failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=seeds_of, default=range(1, 21), metavar="A..B")
    parser.add_argument("--operations", type=int, default=OPERATIONS, metavar="N")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="in how many processes")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--whole", action="store_true", help="do not look for the shortest failing prefix")
    given = parser.parse_args(arguments)
    if given.jobs < 1:
        parser.error(f"--jobs is {given.jobs}; it takes one process at least")
    figures: dict[str, Any] = {
        "seeds": 0,
        "failed": [],
        "simulated_hours": 0.0,
        "operations": 0,
        "cpu_s": 0.0,
    }
    for played in play_all(given.seeds, given.operations, given.jobs, whole=given.whole):
        figures["seeds"] += 1
        figures["simulated_hours"] += played.simulated_s / 3600
        figures["operations"] += played.operations
        figures["cpu_s"] += played.cpu_s
        if played.said:
            figures["failed"].append(played.seed)
            sys.stderr.write(played.said)
    figures["simulated_hours"] = round(figures["simulated_hours"], 2)
    figures["cpu_s"] = round(figures["cpu_s"], 2)
    lines = "\n".join(f"{name}: {value}" for name, value in figures.items())
    sys.stdout.write((json.dumps(figures) if given.json else lines) + "\n")
    return 1 if figures["failed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
