"""``python -m benchmarks.relay``: the daemon against the yardsticks."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from benchmarks.relay.report import MAIN, report, table
from benchmarks.relay.rounds import Plan, Setting, measure


def main() -> int:
    """Measure, print, and return 1 when a figure is void."""
    options = _arguments()
    if options.quick:
        options.rounds, options.messages = 5, 5_000
        options.conversations, options.transport, options.latency_seconds = [100], ["plain"], 2.0
    plan = Plan(
        options.rounds, options.messages, options.window, options.latency_seconds, 500, options.directory
    )
    settings = [
        Setting(transport, conversations, conversations == MAIN[1] or len(options.conversations) == 1)
        for transport in options.transport
        for conversations in options.conversations
    ]
    figures = report([measure(setting, plan) for setting in settings], plan)
    print(json.dumps(figures, indent=2) if options.json else table(figures))
    for reason in figures["void"]:
        print(f"void: {reason}", file=sys.stderr)
    return 1 if figures["void"] else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.relay", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--quick", action="store_true", help="plain, 100 conversations, 5 rounds of 5,000")
    parser.add_argument("--rounds", type=int, default=11, help="at least 2")
    parser.add_argument("--messages", type=int, default=10_000, help="of one server in one round")
    parser.add_argument("--window", type=int, default=1_000, help="messages outstanding")
    parser.add_argument("--conversations", type=int, nargs="+", default=[1, 100, 1_000])
    parser.add_argument("--transport", nargs="+", choices=["plain", "curve"], default=["plain", "curve"])
    parser.add_argument("--latency-seconds", type=float, default=2.0, help="of one server in one round")
    parser.add_argument("--directory", type=Path, help="where the servers keep their files: on a real disk")
    options = parser.parse_args()
    if options.rounds < 2:
        parser.error("--rounds: one round has no spread, and nothing could be said of it; give at least 2")
    return options


if __name__ == "__main__":
    sys.exit(main())
