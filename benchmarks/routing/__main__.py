"""`python -m benchmarks.routing`: what a routing decision costs, among how many ever wait and work."""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
from time import thread_time_ns
from typing import Any

from actors.dispatcher.decisions import Decision
from actors.dispatcher.facts import Report
from benchmarks.routing.scan import Scan
from benchmarks.routing.world import World
from daemon.memory import settle_garbage_collector

#: Decisions before the measurement, in one sample, and how many samples of each world.
WARM, SAMPLE, ROUNDS = 3_000, 500, 15
#: A plain scan among a million takes a tenth of a second: so long it is measured at most, in each round.
SCAN_S = 0.4

Sizes = tuple[int, int]


def decisions(world: World, many: int) -> float:
    """Have agents freed, and as many customers come; return microseconds a decision.

    Whoever comes asks for the same as whoever was served last, so that the queue stays as it is.
    A decision is all that the view has to do for it: told of the end, told of the arrival, the decision with
    its reasons, told of the offer, told of the acceptance. Making up the facts is not counted.
    """
    view, spent, made = world.view, 0, 0
    served: Report | None = None
    while made < many:
        ended, came = world.ending(), world.arrival(served)
        now = world.now
        began = thread_time_ns()
        view.take_report(ended, now)
        if view.waiting_counts()["help"] < world.waiting:
            view.take_report(came, now)
        offers = view.decide(now, 256)
        spent += thread_time_ns() - began
        made += len(offers)
        if offers:
            served = view.conversations[offers[0].conversation]
        spent += _accept(world, offers)
    return spent / made / 1000


def _accept(world: World, offers: list[Decision]) -> int:
    told, view, now = world.accepted(offers), world.view, world.now
    began = thread_time_ns()
    for offered, accepted in told:
        view.take_report(offered, now)
        view.take_report(accepted, now)
    return thread_time_ns() - began


def arrivals(world: World, many: int) -> float:
    """Have customers come while agents have room, and as many conversations end; microseconds an arrival."""
    view, spent = world.view, 0
    for _ in range(many):
        came = world.arrival()
        now = world.now
        began = thread_time_ns()
        view.take_report(came, now)
        offers = view.decide(now, 256)
        spent += thread_time_ns() - began
        spent += _accept(world, offers)
        ended = world.ending()
        began = thread_time_ns()
        view.take_report(ended, now)
        offers = view.decide(now, 256)
        spent += thread_time_ns() - began
        spent += _accept(world, offers)
    return spent / many / 1000


def scanned(world: World, *, arriving: bool) -> float:
    """Take the same decisions by a plain scan of the same facts, without keeping them; microseconds each."""
    scan = Scan(world)
    spent, made = 0, 0
    names = list(scan.used)
    while made < SAMPLE and spent < SCAN_S * 1e9:
        came, agent = world.arrival(), world.chance.choice(names)
        scan.used[agent] -= 0 if arriving else 1
        began = thread_time_ns()
        if arriving:
            scan.agent_for(came)
        else:
            scan.next_for(agent)
        spent += thread_time_ns() - began
        scan.used[agent] += 0 if arriving else 1
        made += 1
    return spent / made / 1000


class Samples:
    """What was measured of some worlds that are alive at once, in turns."""

    def __init__(self, sizes: list[Sizes], *, arriving: bool, rounds: int) -> None:
        measure = arrivals if arriving else decisions
        worlds = {each: World(*each, busy=0.5 if arriving else 1.0) for each in sizes}
        settle_garbage_collector()
        self.view_us: dict[Sizes, list[float]] = {each: [] for each in sizes}
        self.scan_us: dict[Sizes, list[float]] = {each: [] for each in sizes}
        for world in worlds.values():
            measure(world, WARM if rounds == ROUNDS else SAMPLE)
        for place in range(rounds):
            for each in sizes if place % 2 else reversed(sizes):
                self.view_us[each].append(measure(worlds[each], SAMPLE))
                if place % 5 == 0:
                    self.scan_us[each].append(scanned(worlds[each], arriving=arriving))
        del worlds
        gc.unfreeze()
        gc.collect()

    def growth(self, large: Sizes, small: Sizes) -> float:
        """Return the median over rounds of one round's quotient: noise of the machine hits both alike."""
        pairs = zip(self.view_us[large], self.view_us[small], strict=True)
        return round(statistics.median(many / few for many, few in pairs), 3)

    def rows(self, kind: str) -> list[dict[str, Any]]:
        """Return a row for each world."""
        rows = []
        for (waiting, agents), samples in self.view_us.items():
            scan_us = statistics.median(self.scan_us[waiting, agents])
            us = statistics.median(samples)
            rows.append(
                {
                    "kind": kind,
                    "waiting": waiting,
                    "agents": agents,
                    "us": round(us, 2),
                    "quickest_us": round(min(samples), 2),
                    "slowest_us": round(max(samples), 2),
                    "decisions_per_s": round(1e6 / us),
                    "scan_us": round(scan_us, 1),
                    "speedup_over_scan": round(scan_us / us, 1),
                }
            )
        return rows


def run(*, quick: bool) -> dict[str, Any]:
    """Measure everything. ``quick``: small worlds, a few rounds, for a look whether it runs."""
    rounds = 3 if quick else ROUNDS
    most = 10_000 if quick else 1_000_000
    crowd = 100 if quick else 10_000
    base = min(1_000, crowd)
    waits = [each for each in (1_000, 10_000, 100_000, 1_000_000) if each <= most]
    crowds = [each for each in (10, 100, 1_000, 10_000) if each <= crowd]
    by_waiting = Samples([(each, base) for each in waits], arriving=False, rounds=rounds)
    by_agents = Samples([(10_000, each) for each in crowds], arriving=False, rounds=rounds)
    arriving = Samples([(0, each) for each in crowds], arriving=True, rounds=rounds)
    largest = by_waiting.rows("agent freed")[-1]
    return {
        "cost_growth_waiting": by_waiting.growth((most, base), (1_000, base)),
        "cost_growth_agents": by_agents.growth((10_000, crowd), (10_000, 10)),
        "cost_growth_agents_arriving": arriving.growth((0, crowd), (0, 10)),
        "decisions_per_s": largest["decisions_per_s"],
        "speedup_over_scan": largest["speedup_over_scan"],
        "quick": quick,
        "rows": [*by_waiting.rows("agent freed"), *by_agents.rows("agent freed"), *arriving.rows("arrival")],
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--quick", action="store_true", help="small worlds and few rounds: does it run?")
    options = parser.parse_args()
    result = run(quick=options.quick)
    if options.json:
        json.dump(result, sys.stdout, indent=2)
        print()
        return
    for row in result.pop("rows"):
        print(
            "{kind:>12} {waiting:>9,} waiting x {agents:>6,} agents: {us:8.2f} us ({decisions_per_s:,}/s); "
            "scan {scan_us:,.1f} us ({speedup_over_scan:,.1f}x)".format(**row)
        )
    for name, value in result.items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    main()
