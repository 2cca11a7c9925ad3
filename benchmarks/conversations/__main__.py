"""Measure conversations in one process: ``python -m benchmarks.conversations``.

100,000 live and 1,000,000 parked ones, built by real events through the production runtime and store: what
each costs in memory, how long waking one and starting with all takes, and whether a message, a look-up and a
stop cost more among many. Every figure is taken in a process of its own.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

#: How often a start is repeated; the median counts.
STARTS = 3


class Requirement(NamedTuple):
    """A figure and the most that it may be."""

    key: str
    most: float
    what: str


REQUIREMENTS = (
    Requirement("live_bytes", 4_096, "resident bytes of a live conversation, all in"),
    Requirement("parked_bytes", 64, "resident bytes of a parked conversation"),
    Requirement("wake_p99_ms", 5, "milliseconds to wake one, 99th percentile, warm"),
    Requirement("cold_start_s", 2, "seconds to start with all of them parked"),
    Requirement("message_cost_growth", 1.3, "cost of a message among many, against among a thousand"),
    Requirement("stop_cost_growth", 1.5, "cost of a look-up and stop among many, against among a thousand"),
)


def take(figure: str, folder: Path, number: int) -> dict[str, Any]:
    """Take one figure in a process of its own; ``process_s`` is its whole life, imports included."""
    folder.mkdir(parents=True, exist_ok=True)
    print(f"measuring: {figure} ({number:,})", file=sys.stderr, flush=True)
    began = time.monotonic()
    command = [sys.executable, "-m", "benchmarks.conversations.figures", figure, str(folder), str(number)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found | {"process_s": round(time.monotonic() - began, 2)}


def measure(folder: Path, live: int, parked: int) -> dict[str, Any]:
    """Take all figures; the order matters, for the later ones change the journal of the parked ones."""
    large = folder / "large"
    details: dict[str, Any] = {"live": take("live", folder / "live", live)}
    details["stop"] = take("stop", folder / "stop", live)
    details["build"] = take("build", large, parked)
    details["starts"] = [take("start", large, parked) for _ in range(STARTS)]
    details["wake"] = take("wake", large, parked)
    details["message"] = take("message", large, parked)
    return summary(live, parked, details)


def summary(live: int, parked: int, details: dict[str, Any]) -> dict[str, Any]:
    """Return the figures that are required, and whether each requirement is met."""
    threads = [*details["live"]["threads"], *details["build"]["threads"]]
    found = {
        "live": live,
        "parked": parked,
        "live_bytes": details["live"]["live_bytes"],
        "parked_bytes": details["build"]["parked_bytes"],
        "wake_p99_ms": details["wake"]["wake_p99_ms"],
        "cold_start_s": statistics.median(start["cold_start_s"] for start in details["starts"]),
        "message_cost_growth": details["message"]["message_cost_growth"],
        "stop_cost_growth": details["stop"]["stop_cost_growth"],
        "threads": max(threads),
    }
    met = {each.key: found[each.key] <= each.most for each in REQUIREMENTS}
    met["threads"] = len(set(threads)) == 1
    return found | {"met": met, "details": details}


def as_text(found: dict[str, Any]) -> str:
    """Return a line for each requirement."""
    lines = [f"{found['live']:,} live, {found['parked']:,} parked"]
    for each in REQUIREMENTS:
        word = "met" if found["met"][each.key] else "NOT MET"
        lines.append(f"{word:>8}  {found[each.key]:>9} of at most {each.most:<6}  {each.what}")
    word = "met" if found["met"]["threads"] else "NOT MET"
    lines.append(f"{word:>8}  {found['threads']:>9} {'':17}  threads, the same before and after")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, return 1 unless every requirement is met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.conversations", description=__doc__)
    parser.add_argument("--live", type=int, default=100_000)
    parser.add_argument("--parked", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="conversations-") as folder:
        found = measure(Path(folder), options.live, options.parked)
    print(json.dumps(found) if options.json else as_text(found))
    return 0 if all(found["met"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
