"""The dispatcher's view: who waits in which queue, who may be offered what. A derived view, rebuilt at start
from what the conversations and agents announce; reports are whole facts, so telling one twice changes
nothing.

Until the routing issue completes it, the rule is simple: per department, the longest waiting first (D1);
among the department's online, reachable agents with room the least loaded, then the longest idle; decliners
only when nobody else is left, and after a pause (E, PEERS table row 7).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from actors.dispatcher.facts import AgentNews, Report
from actors.events import Why


@dataclass(slots=True)
class Roster:
    """What the dispatcher knows of an agent. ``parked`` counts owned conversations that are not in memory."""

    presence: str = "offline"
    reachable: bool = False
    offers: set[str] = field(default_factory=set)
    owned: set[str] = field(default_factory=set)
    parked: int = 0
    idle_since: float = 0.0

    @property
    def used(self) -> int:
        """Capacity in use: what is owned, and what is reserved by live offers (G8)."""
        return len(self.offers) + len(self.owned) + self.parked

    @property
    def available(self) -> bool:
        """May be offered something, as far as presence goes."""
        return self.reachable and self.presence == "online"


class Decision(NamedTuple):
    """Offer this conversation to this agent; ``why`` is what the journal keeps of the reasons."""

    conversation: str
    agent: str
    department: str
    why: Why


class View:
    """Queues and roster of one tenant."""

    def __init__(self) -> None:
        self.roster: dict[str, Roster] = {}
        self.conversations: dict[str, Report] = {}
        self._queues: dict[str, list[tuple[float, str]]] = {}
        self._waiting: dict[str, int] = {}

    def waiting(self) -> dict[str, int]:
        """Return how many wait in each department."""
        return {department: many for department, many in self._waiting.items() if many}

    def anyone_waits(self, department: str) -> bool:
        """True when somebody waits in the department's queue."""
        return bool(self._waiting.get(department))

    def departments(self) -> set[str]:
        """Return the departments in which anybody waits."""
        return set(self.waiting())

    def agent(self, agent: str) -> Roster:
        """Return what is known of an agent."""
        known = self.roster.get(agent)
        if known is None:
            known = self.roster[agent] = Roster()
        return known

    def take_agent(self, news: AgentNews, now: float) -> None:
        """Take in what an agent tells."""
        known = self.agent(news.agent)
        if not known.available:
            known.idle_since = now
        known.presence, known.reachable = news.presence, news.reachable

    def take_report(self, report: Report, now: float) -> list[str]:
        """Take in what a conversation tells; the newest report is the whole truth about it.

        Return the agents who have room again: other queues that they serve may wait for it.
        """
        before = self.conversations.pop(report.conversation, None)
        freed: list[str] = []
        if before is not None:
            had, has = {before.assignee, before.offered_to}, {report.assignee, report.offered_to, ""}
            freed = sorted(had - has)
            self._unlink(before)
        for agent in freed:
            self.agent(agent).idle_since = now
        self._link(report, before)
        return freed

    def _link(self, report: Report, before: Report | None) -> None:
        if report.parked:
            if before is not None:
                self.agent(report.assignee).parked += 1
            return
        if report.woken and before is None and report.assignee:
            self.agent(report.assignee).parked -= 1
        if report.assignee:
            self.agent(report.assignee).owned.add(report.conversation)
        elif report.offered_to:
            self.agent(report.offered_to).offers.add(report.conversation)
        elif report.waiting:
            self._enqueue(report)
        else:
            return
        self.conversations[report.conversation] = report

    def _enqueue(self, report: Report) -> None:
        department = report.department
        queue = self._queues.setdefault(department, [])
        heapq.heappush(queue, (report.since, report.conversation))
        many = self._waiting[department] = self._waiting.get(department, 0) + 1
        if len(queue) > 64 + 4 * many:
            # Most places are stale: drop them, so that the queue stays in proportion.
            places = {place for place in queue if self._stands(place)} | {(report.since, report.conversation)}
            self._queues[department] = sorted(places)

    def _stands(self, place: tuple[float, str]) -> bool:
        report = self.conversations.get(place[1])
        return report is not None and report.waiting and report.since == place[0]

    def _unlink(self, before: Report) -> None:
        if before.waiting:
            self._waiting[before.department] -= 1
        for agent in (before.assignee, before.offered_to):
            if agent:
                known = self.agent(agent)
                known.owned.discard(before.conversation)
                known.offers.discard(before.conversation)

    def queue(self, department: str) -> Iterator[Report]:
        """Return those who wait in a department, longest first; stale places are dropped on the way."""
        heap = self._queues.get(department, [])
        kept: list[tuple[float, str]] = []
        try:
            while heap:
                place = heapq.heappop(heap)
                if not self._stands(place) or (kept and kept[-1] == place):
                    continue
                kept.append(place)
                yield self.conversations[place[1]]
        finally:
            for place in kept:
                heapq.heappush(heap, place)

    def reserve(self, decision: Decision) -> None:
        """Reserve capacity for an offer that is on its way to the conversation."""
        report = self.conversations[decision.conversation]
        self._waiting[report.department] -= 1
        self.conversations[decision.conversation] = report._replace(waiting=False, offered_to=decision.agent)
        self.agent(decision.agent).offers.add(decision.conversation)
