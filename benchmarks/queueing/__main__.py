"""Replay a month of a real arrival log: ``python -m benchmarks.queueing --data FOLDER``.

The production dispatcher under the default policy, against the stand-ins for peers
(benchmarks/queueing/rules.py says what each does, and where that is from) and the pooled first-come bound;
the same calls, patience, service times and staff for all (benchmarks/queueing/facts.py).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from benchmarks.queueing.arrivals import LogFailed
from benchmarks.queueing.comparing import BOUND_RATIO_MOST, compare
from benchmarks.queueing.facts import BREAK_S

COLUMNS = (
    ("mean_wait_s", "mean s"),
    ("p90_wait_s", "p90 s"),
    ("mean_wait_served_s", "served s"),
    ("within_20s", "in 20 s"),
    ("abandoned", "left"),
    ("overtakings", "overtook"),
    ("continuity", "same agent"),
    ("fairness", "Gini"),
)


def as_text(found: dict[str, Any]) -> str:
    """Return a table for each world, and what is met."""
    log = found["log"]
    lines = [
        f"{found['month']}: {found['calls']:,} calls, {found['agents']} agents in {found['shifts']:,} shifts,"
        f" at most {found['most_on_shift']} at once; in {found['seconds']} s"
        f" ({found['cpu_seconds']} s of processor time)",
        f"the log itself: mean {log['mean_wait_s']} s, p90 {log['p90_wait_s']} s,"
        f" {log['within_20s']:.1%} in 20 s, {log['abandoned']:.1%} left",
    ]
    for name, world in found["worlds"].items():
        lines.append(f"\n{name:36}" + "".join(f"{title:>11}" for _, title in COLUMNS))
        for policy, figures in {"bound": world["bound"], **world["policies"]}.items():
            lines.append(f"{policy:36}" + "".join(f"{figures[key]!s:>11}" for key, _ in COLUMNS))
        lines.append(f"mean wait over the bound's: {world['wait_to_bound']} (at most {BOUND_RATIO_MOST})")
    lines += ["", *(f"{'met' if good else 'NOT MET':>8}  {key}" for key, good in found["met"].items())]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Replay, print, return 1 unless every requirement is met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.queueing", description=__doc__)
    parser.add_argument(
        "--data", type=Path, required=True, help="the folder with the months, like january.txt.gz"
    )
    parser.add_argument("--month", default="january")
    parser.add_argument("--break-minutes", type=float, default=BREAK_S / 60)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--variants", action="store_true", help="our policy without the previous agent, too")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    try:
        found = compare(
            options.data,
            options.month,
            options.break_minutes * 60,
            options.processes,
            variants=options.variants,
        )
    except LogFailed as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(found) if options.json else as_text(found))
    return 0 if all(found["met"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
