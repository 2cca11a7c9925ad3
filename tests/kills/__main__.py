"""Kill a real daemon again and again under load: ``python -m tests.kills --cycles N --json``."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from random import Random
from typing import Any

from tests.kills.load import Agent, Customers
from tests.kills.verdict import KEPT, answers_missing, gaps, judge
from tests.plays.theatre import House, desk_text, until

#: How long the daemon lives in a cycle, at the least and at the most.
LIFE_S = (0.05, 1.6)
#: A restart takes a second; on a machine that has other things to do it may take more, but not this long.
RESTART_S_MAX = 30.0
#: Settings under which load is not taken for a flood.
LIMITS = {"frames_per_second": 20_000, "frame_burst": 40_000}


def killed(cycles: int, seed: int) -> dict[str, Any]:
    """Kill so many times; return what has come of it."""
    chance = Random(seed)
    restarts_s: list[float] = []
    with House(desk_text(agents=["anna"], capacity=200), limits=LIMITS) as house:
        customers, anna = Customers(house, Random(f"{seed} customers")), Agent(house, "anna", Random(seed))
        for _ in range(cycles):
            # Now and then it dies while it is still coming back, or at once when it is there.
            life_s = 0.0 if chance.random() < 0.1 else chance.uniform(*LIFE_S)
            customers.write_until(time.monotonic() + life_s)
            house.kill()
            began = time.monotonic()
            house.start()
            restarts_s.append(time.monotonic() - began)
        customers.write_until(time.monotonic() + 1.0)
        customers.finish()
        answers = anna.answers
        until(lambda: answers_missing(customers.hears.texts, answers[:]) == 0, "the answers", 30.0)
        anna.finish()
        code = house.stop()
        found = judge(house.folder / "state" / "journal.db", customers.sent, customers.acknowledged)
        found["problems"] += [f"the agent's thread has failed: {anna.error!r}"] if anna.error else []
        found["problems"] += [f"the daemon ended with {code}"] if code else []
        return {
            "cycles": cycles,
            "acked": len(customers.acknowledged),
            "answers_acked": len(answers),
            "gaps": gaps(customers.numbers) + gaps(anna.numbers),
            "restart_s_max": round(max(restarts_s, default=0.0), 2),
            **found,
        }


def main(arguments: list[str]) -> int:
    """Run the command; 1 when anything was lost, doubled or contradicted."""
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__)
    parser.add_argument("--cycles", type=int, default=20, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    given = parser.parse_args(arguments)
    logging.disable(logging.WARNING)  # The SDK tells of every connection that it loses.
    began = time.monotonic()
    figures = killed(given.cycles, given.seed)
    figures["problems"] = figures["problems"][:KEPT]
    figures["s"] = round(time.monotonic() - began, 1)
    lines = "\n".join(f"{name}: {value}" for name, value in figures.items())
    sys.stdout.write((json.dumps(figures) if given.json else lines) + "\n")
    slow = figures["restart_s_max"] > RESTART_S_MAX
    return 1 if figures["problems"] or figures["gaps"] or slow else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
