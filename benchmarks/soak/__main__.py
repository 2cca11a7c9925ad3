"""``python -m benchmarks.soak``: the daemon under steady load for a long time, and what of it grows."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from benchmarks.soak.running import Plan, complaints, soak


def main() -> int:
    """Run, print, and return 1 when something was lost or grows."""
    options = _arguments()
    warm_up = options.minutes / 3 if options.warm_up_minutes is None else options.warm_up_minutes
    figures = soak(
        Plan(
            options.minutes,
            warm_up,
            options.rate,
            options.share,
            options.saturation_seconds,
            options.conversations,
            options.life_seconds,
            options.sample_seconds,
            options.directory,
        )
    )
    series = figures.pop("series") if not options.json else None
    if series is None:
        print(json.dumps(figures, indent=2))
    else:
        print("\n".join(f"{what}: {value}" for what, value in figures.items()))
    for complaint in (found := complaints(figures)):
        print(complaint, file=sys.stderr)
    return 1 if found else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON, with all samples (`series`)")
    parser.add_argument("--minutes", type=float, default=30.0, help="of steady load")
    parser.add_argument("--warm-up-minutes", type=float, help="of it that do not count; without it a third")
    parser.add_argument(
        "--rate", type=float, default=0.0, help="messages a second; 0: measure, and take --share"
    )
    parser.add_argument("--share", type=float, default=0.7, help="of the saturation that is measured first")
    parser.add_argument("--saturation-seconds", type=float, default=10.0, help="of measuring it")
    parser.add_argument("--conversations", type=int, default=100, help="at a time")
    parser.add_argument(
        "--life-seconds", type=float, default=30.0, help="of a conversation, until it is ended"
    )
    parser.add_argument("--sample-seconds", type=float, default=10.0, help="between two samples")
    parser.add_argument("--directory", type=Path, help="where the daemon keeps its files: on a real disk")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
