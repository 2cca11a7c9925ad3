"""A hand-over (A4): what becomes of each conversation of an agent who leaves, with the room there is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from actors.dispatcher.facts import HandOverAll, Report
from actors.dispatcher.machine import View
from actors.events.agent import Moved


class Owned(NamedTuple):
    """A conversation of the agent who leaves, whose queue it is, and whether its customer has no answer."""

    report: Report
    department: str
    unanswered: bool = False


def plan(view: View, asked: HandOverAll, owned: Iterable[Owned], now: float) -> list[Moved]:
    """Return what becomes of each conversation, who has waited longest first.

    What the colleague is given is booked in the view at once, so that the next one reckons with it; the
    conversation's own report settles it.
    """
    results = []
    for each in sorted(owned, key=lambda each: (each.report.since, each.report.conversation)):
        report = each.report
        moved = _planned(view, asked, each)
        if moved.outcome == "assigned":
            given = report._replace(
                assignee=asked.to_agent, offered_to="", waiting=False, transferring=False, woken=False
            )
            view.take_report(given, now)
        results.append(moved)
    return results


def _planned(view: View, asked: HandOverAll, owned: Owned) -> Moved:
    report = owned.report
    conversation = report.conversation
    queue = asked.to_department if asked.to_department in view.desk.departments else owned.department
    if not asked.to_agent:
        return Moved(conversation, "queued", to_department=queue)
    beyond = view.desk.policies.beyond_capacity
    reason = view.target(asked.to_agent, report.weight, report.kind, beyond_capacity=beyond)
    if reason is None:
        return Moved(conversation, "assigned", to_agent=asked.to_agent)
    if asked.refused == "keep" or (asked.refused == "on_reply" and not owned.unanswered):
        return Moved(conversation, "kept", to_agent=asked.agent, reason=reason.value)
    return Moved(conversation, "queued", to_department=queue, reason=reason.value)
