"""Open as many crash images as asked for: ``python -m tests.crash --images N --json``."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.actors.small import parse_desks_once
from tests.crash.recording import Op, build_shim, read_log
from tests.crash.running import Run, images, quick_folder
from tests.crash.verdict import problems

#: Beside every flush, so many moments between flushes at which the power goes.
BETWEEN = 150
#: How often the same run loses power, each time with other luck for what was not flushed.
ROUNDS = 4
#: The most complaints that are kept.
KEPT = 20


def one_run(place: Path, shim: Path, seed: int, wanted: int, figures: dict[str, Any]) -> None:
    """Record a run of one or two lives, and open images of it until there are enough."""
    chance = Random(seed)
    run = Run(place, shim)
    run.lives = 100 * seed
    for _ in range(chance.choice((1, 1, 2))):
        run.live(chance.randint(15, 50), first=max(run.sent, default=-1) + 1)
    steps = read_log(run.log)
    figures["runs"] += 1
    figures["acknowledged"] += len(run.told().acknowledged)
    figures["flushes"] += sum(step.op is Op.FLUSH for step in steps)
    for part in range(ROUNDS):
        luck = Random(f"{seed} {part}")
        for name, folder, told, plain in images(steps, place / f"images-{part}", BETWEEN, luck):
            kind = "flush_boundaries" if plain else "any_part_of_the_rest"
            figures["images"] += 1
            figures[kind] += 1
            wrong = problems(folder / "journal.db", told, wholly=plain and figures["images"] % 8 == 0)
            figures["failed"] += bool(wrong)
            figures["problems"] += [f"run {seed}, round {part}, {name}: {each}" for each in wrong][:KEPT]
            for left in folder.iterdir():
                left.unlink()
            if figures["images"] >= wanted:
                return


def main(arguments: list[str]) -> int:
    """Run the command; 1 when an image was not what was promised."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--images", type=int, default=1_000, metavar="N")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--first", type=int, default=1, metavar="SEED", help="the seed of the first run")
    given = parser.parse_args(arguments)
    figures: dict[str, Any] = {
        "images": 0, "failed": 0, "flush_boundaries": 0, "any_part_of_the_rest": 0, "runs": 0,
        "acknowledged": 0, "flushes": 0, "problems": [],
    }  # fmt: skip
    began = time.process_time()
    seed = given.first
    with pytest.MonkeyPatch.context() as patch, quick_folder() as folder:
        parse_desks_once(patch)
        shim = build_shim(folder)
        while figures["images"] < given.images:
            place = folder / f"run-{seed}"
            one_run(place, shim, seed, given.images, figures)
            seed += 1
    figures["problems"] = figures["problems"][:KEPT]
    figures["cpu_s"] = round(time.process_time() - began, 2)
    lines = "\n".join(f"{name}: {value}" for name, value in figures.items())
    sys.stdout.write((json.dumps(figures) if given.json else lines) + "\n")
    return 1 if figures["failed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
