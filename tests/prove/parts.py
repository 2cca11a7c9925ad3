"""What is run, for how long, and what it adds to the page."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.rules import ROOT

#: How much of what a failed part has said is kept.
KEPT = 2_000


class Part(NamedTuple):
    """A command that is run again and again, with other seeds each time, until its share of the time is over.

    ``command(round)`` returns its arguments; ``take(figures, found)`` adds what it has found to the page's.
    A part that makes no sense in pieces runs once.
    """

    name: str
    share: float
    command: Callable[[int], list[str]]
    take: Callable[[Page, dict[str, Any]], None]
    once: bool = False
    rounds_max: int | None = None

    def goes_on_after(self, rounds: int) -> bool:
        """Say whether there may be another round, as far as the time allows."""
        return not self.once and (self.rounds_max is None or rounds < self.rounds_max)


@dataclass
class Page:
    """The figures of a proof."""

    seeds: int = 0
    simulated_hours: float = 0.0
    operations: int = 0
    seed_cpu_s: float = 0.0
    kills: int = 0
    acks_checked: int = 0
    lost: int = 0
    duplicated: int = 0
    images: int = 0
    frames: int = 0
    frames_live: int = 0
    canaries_planted: int = 0
    canaries_caught: int = 0
    p99_ms_quiet: float = 0.0
    p99_ms_attacked: float = 0.0
    failures: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)


def _simulation(page: Page, found: dict[str, Any]) -> None:
    page.seeds += found["seeds"]
    page.simulated_hours += found["simulated_hours"]
    page.operations += found["operations"]
    page.seed_cpu_s += found["cpu_s"]


def _kills(page: Page, found: dict[str, Any]) -> None:
    page.kills += found["cycles"]
    page.acks_checked += found["acked"] + found["answers_acked"]
    page.lost += found["lost"]
    page.duplicated += found["duplicated"]


def _crash(page: Page, found: dict[str, Any]) -> None:
    page.images += found["images"]
    page.acks_checked += found["acknowledged"]


def _fuzz(page: Page, found: dict[str, Any]) -> None:
    page.frames += found.get("inside", {}).get("frames", 0) + found.get("guided", {}).get("runs", 0)
    live = found.get("live")
    if live is not None:
        page.frames_live += live["frames"]
        page.p99_ms_quiet = max(page.p99_ms_quiet, live["p99_ms_before"])
        page.p99_ms_attacked = max(page.p99_ms_attacked, live["p99_ms_during"])


def _canaries(page: Page, found: dict[str, Any]) -> None:
    page.canaries_planted += found["planted"]
    page.canaries_caught += found["caught"]


def lanes(minutes: float, first: int) -> list[list[Part]]:
    """Return what two cores do side by side; a short proof plants only what is caught within a few seeds."""
    seeds, short = 20, minutes < 5
    quick = ["--simulated", "--quick", "--seeds", "8"] if short else []
    simulation = Part(
        "simulation",
        1.0,
        lambda n: ["tests.simulation", "--seeds", f"{first + n * seeds}..{first + (n + 1) * seeds - 1}"],
        _simulation,
        # As many in every short proof, however quick the machine: from one seed it judges the same plays.
        rounds_max=8 if short else None,
    )
    others = [
        Part("canaries", 0.0, lambda _: ["tests.canaries", *quick], _canaries, once=True),
        Part("kills", 0.3, lambda n: ["tests.kills", "--cycles", "5", "--seed", str(first + n)], _kills),
        Part("crash", 0.25, lambda n: ["tests.crash", "--images", "500", "--first", str(first + n)], _crash),
        Part("fuzz", 0.1, lambda n: ["tests.fuzz", "--frames", "20000", "--seed", str(first + n)], _fuzz),
        Part("fuzz, guided", 0.0, lambda _: ["tests.fuzz", "--guided", "20000"], _fuzz, once=True),
        Part("fuzz, live", 0.05, lambda n: ["tests.fuzz", "--live", "1000", "--seed", str(first + n)], _fuzz),
    ]
    return [[simulation], others]


def run_lane(page: Page, parts: list[Part], end: float) -> None:
    """Run the parts of a lane, one after the other; each gets its share of what time is left to all."""
    for place, part in enumerate(parts):
        began = time.monotonic()
        shares = sum(other.share for other in parts[place:]) or 1.0
        until = began + max(0.0, end - began) * part.share / shares
        number = 0
        while number == 0 or (part.goes_on_after(number) and time.monotonic() < until):
            _run(page, part, part.command(number))
            number += 1
        page.seconds[part.name] = round(time.monotonic() - began, 1)


def _run(page: Page, part: Part, arguments: list[str]) -> None:
    command = [sys.executable, "-m", *arguments, "--json"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    try:
        part.take(page, json.loads(run.stdout))
    except (ValueError, KeyError) as error:
        page.failures.append(f"{part.name}: no figures ({error!r})\n{run.stderr[-KEPT:]}")
        return
    if run.returncode:
        said = f"{run.stdout[:KEPT]}\n{run.stderr[:KEPT]}\n…\n{run.stderr[-KEPT:]}"
        page.failures.append(f"{part.name}: `python -m {' '.join(arguments)}` has failed\n{said}")
