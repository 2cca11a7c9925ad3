"""The facts that are the same for every policy: who calls when, with what patience and for how long a
service, and who is on shift.

What the log cannot know is filled in once, from the log, by a chance that is fixed by the call's own key:

* **Patience** of a customer who was served is only known to be longer than the wait (it is censored). It is
  drawn from the Kaplan-Meier estimate over all who waited, given that it is longer than that wait; what the
  estimate leaves open beyond the last hang-up counts as the longest wait in the log. Who hung up has the
  patience that the log shows.
* **Service time** of a customer who hung up is drawn from those of the served ones of the same type.
* **Staff**: an agent is on shift from a call's beginning to its end and in between two calls that are at
  most ``BREAK_S`` apart; a longer gap is a break. Calls that the log names no server for tell nothing of
  the staff. An agent who goes off shift ends the call in hand first.
* **Skills**: an agent has the types that make up at least ``SKILL_SHARE`` of the agent's calls in the
  month.
"""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from benchmarks.queueing.arrivals import Row

BREAK_S = 15 * 60
SKILL_SHARE = 0.01
SEED = "switchboard"


class Call(NamedTuple):
    """One customer who wants an agent. ``customer`` is empty where the log has not identified anybody."""

    at: float
    key: str
    customer: str
    priority: int
    skill: str
    patience_s: int
    service_s: int


class Shift(NamedTuple):
    """An agent takes calls from ``begins`` to ``ends``."""

    begins: float
    ends: float
    agent: str


class Facts(NamedTuple):
    """One world: the calls in order of arrival, the shifts in order of time, each agent's skills."""

    calls: list[Call]
    shifts: list[Shift]
    skills: Mapping[str, frozenset[str]]


def facts_of(rows: list[Row], *, every_skill: bool, break_s: float = BREAK_S) -> Facts:
    """Return the facts of a log; with ``every_skill`` every agent can take every call."""
    calls, found = calls_of(rows), skills_of(rows)
    if every_skill:
        kinds = frozenset(call.skill for call in calls)
        found = dict.fromkeys(found, kinds)
    return Facts(calls, shifts_of(rows, break_s), found)


def calls_of(rows: list[Row]) -> list[Call]:
    """Return the calls, with what the log cannot know filled in."""
    patience = Patience((row.waited_s, row.served) for row in rows)
    services: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        if row.served:
            services[row.skill].append(row.service_s)
    every = [row.service_s for row in rows if row.served]
    calls = []
    for row in rows:
        chance = random.Random(f"{SEED}/{row.key}").random()
        patience_s, service_s = row.waited_s, row.service_s
        if row.served:
            patience_s = patience.longer_than(row.waited_s, chance)
        else:
            known = services[row.skill] or every or [0]
            service_s = known[int(chance * len(known))]
        calls.append(Call(row.at, row.key, row.customer, row.priority, row.skill, patience_s, service_s))
    return calls


class Patience:
    """The Kaplan-Meier estimate of how many customers would wait longer than so many seconds."""

    def __init__(self, waits: Iterable[tuple[int, bool]]) -> None:
        known = list(waits)
        every = sorted(waited_s for waited_s, _ in known)
        hung_up = Counter(waited_s for waited_s, served in known if not served)
        self.longest = every[-1] if every else 0
        self.times: list[int] = sorted(hung_up)
        #: The share that waits longer than each of the times; negative, so that it can be bisected.
        self._negative: list[float] = []
        share = 1.0
        for waited_s in self.times:
            share *= 1 - hung_up[waited_s] / (len(every) - bisect_left(every, waited_s))
            self._negative.append(-share)

    def share(self, waited_s: int) -> float:
        """Return the share of customers who wait longer."""
        place = bisect_right(self.times, waited_s)
        return -self._negative[place - 1] if place else 1.0

    def longer_than(self, waited_s: int, chance: float) -> int:
        """Return the patience of somebody who would have waited longer; ``chance`` is from 0 up to 1."""
        wanted = self.share(waited_s) * (1 - chance)
        place = bisect_right(self._negative, -wanted)
        found = self.times[place] if place < len(self.times) else self.longest
        return max(found, waited_s + 1)


def shifts_of(rows: list[Row], break_s: float) -> list[Shift]:
    """Return the shifts, by the log's own server names."""
    spans: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for row in rows:
        if row.server:
            spans[row.server].append((row.began_at, row.began_at + row.service_s))
    shifts = []
    for agent, calls in spans.items():
        calls.sort()
        begins, ends = calls[0]
        for began_at, ended_at in calls[1:]:
            if began_at - ends > break_s:
                shifts.append(Shift(begins, ends, agent))
                begins, ends = began_at, ended_at
            else:
                ends = max(ends, ended_at)
        shifts.append(Shift(begins, ends, agent))
    return sorted(shift for shift in shifts if shift.ends > shift.begins)


def skills_of(rows: list[Row]) -> dict[str, frozenset[str]]:
    """Return what each agent can do, by what the agent did."""
    done: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        if row.server:
            done[row.server][row.skill] += 1
    return {
        agent: frozenset(skill for skill, many in counts.items() if many >= SKILL_SHARE * counts.total())
        for agent, counts in sorted(done.items())
    }
