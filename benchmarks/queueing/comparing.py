"""All policies over one month of the log, in two worlds; and whether ours is as good as it has to be."""

from __future__ import annotations

import gc
import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.queueing.arrivals import Row, read_month
from benchmarks.queueing.facts import Facts, facts_of
from benchmarks.queueing.figures import WITHIN_S, figures_of, percentile
from benchmarks.queueing.floor import Floor
from benchmarks.queueing.rules import RULES, Pool
from benchmarks.queueing.simulation import Rule, simulate

OURS = "switchboard"
WITHOUT_PREVIOUS = "switchboard_without_previous_agent"
#: The worlds; in the first one the bound holds.
WORLDS = {"every_skill": True, "log_skills": False}
#: Our policies: the settings that differ from a department's defaults. Those after the first are variants.
DEPARTMENTS = {OURS: "", WITHOUT_PREVIOUS: 'previous_agent = "never"'}
#: Our mean wait over the bound's, with every skill everywhere.
BOUND_RATIO_MOST = 1.05
SECONDS_MOST = 60


class Job(NamedTuple):
    """What one process works at."""

    folder: Path
    month: str
    every_skill: bool
    break_s: float
    department: str


def drive(job: Job) -> dict[str, Any]:
    """Drive the production dispatcher, in a process of its own."""
    facts = facts_of(read_month(job.folder, job.month), every_skill=job.every_skill, break_s=job.break_s)
    # The daemon's own collector settings (daemon/bootstrap.py).
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    return drive_over(facts, job.department)


def drive_over(facts: Facts, department: str) -> dict[str, Any]:
    """Drive the production dispatcher over facts."""
    began = time.perf_counter()
    floor = Floor(facts, department)
    found = figures_of(facts, floor.run())
    return found | {"turns": floor.turns, "seconds": round(time.perf_counter() - began, 2)}


def stand_in(facts: Facts, rule: Callable[[Facts], Rule]) -> dict[str, Any]:
    """Let a rule decide."""
    return figures_of(facts, simulate(facts, rule))


def compare(
    folder: Path, month: str, break_s: float, processes: int, *, variants: bool = False
) -> dict[str, Any]:
    """Run everything over a month; return all figures."""
    began = time.perf_counter()
    departments = DEPARTMENTS if variants else {OURS: DEPARTMENTS[OURS]}
    rows = read_month(folder, month)
    ours: dict[tuple[str, str], Future[dict[str, Any]]] = {}
    with ProcessPoolExecutor(processes, get_context("spawn")) as executor:
        for world, every_skill in WORLDS.items():
            for policy, department in departments.items():
                job = Job(folder, month, every_skill, break_s, department)
                ours[world, policy] = executor.submit(drive, job)
        stand_ins = {world: _stand_ins(rows, every, break_s) for world, every in WORLDS.items()}
        worlds = {
            world: _world(
                {policy: ours[world, policy].result() for policy in departments} | others["policies"],
                others["bound"],
            )
            for world, others in stand_ins.items()
        }
    found = {"month": month, **summary(rows, break_s), "worlds": worlds}
    return judged(found, time.perf_counter() - began)


def _stand_ins(rows: list[Row], every_skill: bool, break_s: float) -> dict[str, Any]:
    facts = facts_of(rows, every_skill=every_skill, break_s=break_s)
    return {
        "policies": {name: stand_in(facts, rule) for name, rule in RULES.items()},
        "bound": stand_in(facts, Pool),
    }


def _world(policies: dict[str, Any], bound: dict[str, Any]) -> dict[str, Any]:
    return {
        "bound_mean_wait_s": bound["mean_wait_s"],
        "wait_to_bound": round(policies[OURS]["mean_wait_s"] / bound["mean_wait_s"], 4),
        "bound": bound,
        "policies": policies,
    }


def summary(rows: list[Row], break_s: float) -> dict[str, Any]:
    """Return the facts' sizes, and what the log itself says of its own month."""
    facts = facts_of(rows, every_skill=False, break_s=break_s)
    waits = [float(row.waited_s) for row in rows]
    served = [row.waited_s for row in rows if row.served]
    edges = sorted([(s.begins, 1) for s in facts.shifts] + [(s.ends, -1) for s in facts.shifts])
    there = most = 0
    for _, step in edges:
        there += step
        most = max(most, there)
    return {
        "calls": len(rows),
        "agents": len(facts.skills),
        "shifts": len(facts.shifts),
        "shift_hours": round(sum(shift.ends - shift.begins for shift in facts.shifts) / 3600),
        "most_on_shift": most,
        "log": {
            "mean_wait_s": round(statistics.fmean(waits), 2),
            "p90_wait_s": percentile(waits, 0.9),
            "within_20s": round(sum(waited_s <= WITHIN_S for waited_s in served) / len(rows), 4),
            "abandoned": round(1 - len(served) / len(rows), 4),
        },
    }


def judged(found: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Add what is required, and whether it is met; the first world's figures also stand at the top."""
    first = found["worlds"][next(iter(WORLDS))]
    met = {
        "wait_to_bound": first["wait_to_bound"] <= BOUND_RATIO_MOST,
        "overtakings": all(_ours(world)["overtakings"] == 0 for world in found["worlds"].values()),
        "skills": all(_ours(world)["without_skill"] == 0 for world in found["worlds"].values()),
        "beaten_on_mean_wait": _beaten(found, "mean_wait_s"),
        "beaten_on_p90_wait": _beaten(found, "p90_wait_s"),
        "seconds": seconds < SECONDS_MOST,
    }
    return found | {
        "policies": first["policies"],
        "bound_mean_wait_s": first["bound_mean_wait_s"],
        "wait_to_bound": first["wait_to_bound"],
        "seconds": round(seconds, 1),
        "cpu_seconds": round(sum(os.times()[:4]), 1),
        "met": met,
    }


def _ours(world: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = world["policies"][OURS]
    return found


def _beaten(found: dict[str, Any], key: str) -> bool:
    return all(
        _ours(world)[key] < figures[key]
        for world in found["worlds"].values()
        for name, figures in world["policies"].items()
        if name in RULES
    )
