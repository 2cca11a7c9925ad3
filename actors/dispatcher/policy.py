"""Who is offered what: facts in, decisions with their reasons out."""

from __future__ import annotations

from actors.dispatcher.facts import Report
from actors.dispatcher.machine import Decision, Roster, View
from actors.events import Why
from config.desk import Desk


def decide(view: View, desk: Desk, queue: str, now: float, limit: int) -> tuple[list[Decision], float | None]:
    """Return what to offer now out of a queue, and when to look again for the sake of decliners.

    A queue is its department's; one whose department has left the desk is served by the desk's first
    department.

    Longest wait first (D1). Nobody is passed over by a later arrival unless every agent with room has
    declined that conversation.
    """
    if not view.anyone_waits(queue):
        return [], None
    department = queue if queue in desk.departments else next(iter(desk.departments))
    free = _free_agents(view, desk, department)
    pause_s = desk.departments[department].decline_pause_s
    decisions: list[Decision] = []
    look_again: float | None = None
    for report in view.queue(queue):
        if not free or len(decisions) >= limit:
            break
        chosen, wait_until = _choose(report, free, pause_s, now)
        if chosen is None:
            if wait_until is not None:
                look_again = wait_until if look_again is None else min(look_again, wait_until)
            continue
        decisions.append(_explain(report, chosen, free, queue, now))
        _take_room(free, chosen)
    return decisions, look_again


class _Free:
    """An agent with room, as far as this decision has come."""

    __slots__ = ("agent", "known", "room", "used")

    def __init__(self, agent: str, known: Roster, capacity: int) -> None:
        self.agent = agent
        self.known = known
        self.used = known.used
        self.room = capacity - known.used

    def rank(self) -> tuple[int, float, str]:
        """Least loaded, then longest idle, then by name: no two rank alike."""
        return (self.used, self.known.idle_since, self.agent)


def _free_agents(view: View, desk: Desk, department: str) -> dict[str, _Free]:
    free: dict[str, _Free] = {}
    for name, agent in desk.agents.items():
        known = view.roster.get(name)
        if known is None or not known.available or department not in agent.departments:
            continue
        candidate = _Free(name, known, agent.capacity)
        if candidate.room > 0:
            free[name] = candidate
    return free


def _choose(
    report: Report, free: dict[str, _Free], pause_s: float, now: float
) -> tuple[_Free | None, float | None]:
    """The best agent who has not declined; else the decliner whose pause is over; else when to look again."""
    fresh = [candidate for candidate in free.values() if candidate.agent not in report.declined]
    if fresh:
        return min(fresh, key=_Free.rank), None
    again = [candidate for candidate in free.values() if report.declined[candidate.agent] + pause_s <= now]
    if again:
        return min(again, key=_Free.rank), None
    return None, min(report.declined[agent] for agent in free) + pause_s


def _explain(report: Report, chosen: _Free, free: dict[str, _Free], department: str, now: float) -> Decision:
    why = Why(
        rule="longest_wait",
        choice="least_loaded",
        considered=len(free),
        used=chosen.used,
        waited_s=round(now - report.since, 3),
    )
    return Decision(report.conversation, chosen.agent, department, why)


def _take_room(free: dict[str, _Free], chosen: _Free) -> None:
    chosen.used += 1
    chosen.room -= 1
    if chosen.room <= 0:
        del free[chosen.agent]
