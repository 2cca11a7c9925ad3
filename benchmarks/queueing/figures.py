"""What is measured of a policy, from the outcomes alone: the same way for ours, for the peers and for the
bound.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from typing import Any

from benchmarks.queueing.facts import Facts
from benchmarks.queueing.simulation import Outcome

#: The service level: answered within so many seconds.
WITHIN_S = 20
#: Agents who were on shift for less are left out of the comparison between agents.
SHIFT_HOURS_MIN = 8


def figures_of(facts: Facts, outcomes: list[Outcome]) -> dict[str, Any]:
    """Return the figures of one policy in one world.

    ``mean_wait_s`` and ``p90_wait_s`` are over all who wanted an agent, until they were answered or left; the
    ``_served_`` ones over those who were answered. ``within_20s`` is the share of all who were answered
    within 20 s, ``abandoned`` the share who left. ``continuity``: of the identified customers served before,
    the share who came to the agent of the last time. ``fairness``: the Gini coefficient of the agents' busy
    share (0: all are equally busy). ``without_skill``: how many came to an agent who lacks the skill.
    """
    waits = [outcome.waited_s for outcome in outcomes]
    served = [outcome.waited_s for outcome in outcomes if outcome.agent]
    passed, pairs = overtakings(facts, outcomes)
    shares = busy_shares(facts, outcomes)
    again, same = returning(facts, outcomes)
    return {
        "mean_wait_s": _rounded(statistics.fmean(waits)),
        "p90_wait_s": _rounded(percentile(waits, 0.9)),
        "mean_wait_served_s": _rounded(statistics.fmean(served)) if served else None,
        "p90_wait_served_s": _rounded(percentile(served, 0.9)) if served else None,
        "longest_wait_s": _rounded(max(waits)),
        "within_20s": _rounded(sum(waited_s <= WITHIN_S for waited_s in served) / len(waits), 4),
        "abandoned": _rounded(1 - len(served) / len(waits), 4),
        "abandoned_calls": len(waits) - len(served),
        "overtakings": pairs,
        "overtaken_calls": passed,
        "without_skill": sum(
            bool(outcome.agent) and call.skill not in facts.skills[outcome.agent]
            for call, outcome in zip(facts.calls, outcomes, strict=True)
        ),
        "continuity": _rounded(same / again, 4) if again else None,
        "fairness": _rounded(gini(shares), 4),
        "busy_share_cv": _rounded(variation(shares), 4),
        "busy_share_mean": _rounded(statistics.fmean(shares), 4) if shares else None,
    }


def _rounded(value: float, digits: int = 2) -> float:
    return round(value, digits)


def percentile(values: list[float], share: float) -> float:
    """Return the value that so great a share of all does not exceed (nearest rank)."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def overtakings(facts: Facts, outcomes: list[Outcome]) -> tuple[int, int]:
    """Return how many calls were overtaken by equals, and how many pairs that makes.

    Equals have the same skill class and the same priority. One overtakes another if it came later, and is
    answered while the other still waits.
    """
    overtaken: set[int] = set()
    pairs = 0
    #: By class: who may still wait, as (end of the wait, number), in the order of arrival.
    before: dict[tuple[str, int], list[tuple[float, int]]] = defaultdict(list)
    for number, (call, outcome) in enumerate(zip(facts.calls, outcomes, strict=True)):
        equals = before[call.skill, call.priority]
        equals[:] = [earlier for earlier in equals if earlier[0] > call.at]
        answered_at = call.at + outcome.waited_s
        if outcome.agent:
            passed = [earlier for until, earlier in equals if until > answered_at]
            pairs += len(passed)
            overtaken.update(passed)
        equals.append((answered_at, number))
    return len(overtaken), pairs


def busy_shares(facts: Facts, outcomes: list[Outcome]) -> list[float]:
    """Return, for each agent with enough hours, the time in service over the time on shift."""
    hours: dict[str, float] = defaultdict(float)
    busy: dict[str, float] = defaultdict(float)
    for shift in facts.shifts:
        hours[shift.agent] += (shift.ends - shift.begins) / 3600
    for call, outcome in zip(facts.calls, outcomes, strict=True):
        if outcome.agent:
            busy[outcome.agent] += call.service_s / 3600
    return [busy[agent] / worked for agent, worked in hours.items() if worked >= SHIFT_HOURS_MIN]


def gini(values: list[float]) -> float:
    """Return the Gini coefficient: 0 when all are equal, up to 1."""
    total = sum(values)
    if not total:
        return 0.0
    weighted = sum(place * value for place, value in enumerate(sorted(values), 1))
    return 2 * weighted / (len(values) * total) - (len(values) + 1) / len(values)


def variation(values: list[float]) -> float:
    """Return the coefficient of variation: the standard deviation over the mean."""
    mean = statistics.fmean(values) if values else 0.0
    return statistics.pstdev(values) / mean if mean else 0.0


def returning(facts: Facts, outcomes: list[Outcome]) -> tuple[int, int]:
    """Return how many calls came from customers served before, and how many came to the same agent again.

    In the order of answers: the last time is who was answered last before this one was.
    """
    served = [
        (call.at + outcome.waited_s, number, call.customer, outcome.agent)
        for number, (call, outcome) in enumerate(zip(facts.calls, outcomes, strict=True))
        if call.customer and outcome.agent
    ]
    last: dict[str, str] = {}
    again = same = 0
    for _, _, customer, agent in sorted(served):
        previous = last.get(customer)
        if previous is not None:
            again += 1
            same += previous == agent
        last[customer] = agent
    return again, same
