"""What an agent can no longer be offered: facts in, the offers to take back out, each with its reason."""

from __future__ import annotations

from actors.dispatcher.facts import Report
from actors.dispatcher.machine import View
from actors.dispatcher.reasons import Reason

#: Who may be offered a waiting customer; busy ones by the desk's policy only (A3).
TAKE_NEW = frozenset({"online", "busy"})


def of_offer(view: View, report: Report, *, new: bool) -> Reason | None:
    """Return why the agent cannot take a live offer any more; None if there is no reason.

    ``new``: of a waiting customer, not a colleague's transfer. What is offered is booked already: room is no
    question here. Who has become busy keeps an offer as long as nobody else is there for it (A3).
    """
    agent = report.offered_to
    presence = view.agent(agent).presence
    reason = view.target(agent, 0, "", beyond_capacity=True)
    if reason is None and new and presence not in TAKE_NEW:
        return Reason(presence)
    if reason is None and new and presence == "busy" and _spared(view, agent, report.department):
        return Reason.BUSY
    return reason


def of_invitations(view: View, agent: str) -> Reason | None:
    """Return why the agent can no longer be asked to join a conversation; None if there is no reason."""
    return view.target(agent, 0, "", beyond_capacity=True)


def _spared(view: View, agent: str, department: str) -> bool:
    """Say whether a busy agent is spared, because of the policy or of others who are there (A3)."""
    policy = view.desk.policies.busy_fallback
    others = {
        known.presence
        for other, known in view.roster.items()
        if other != agent and known.reachable and other in view.desk.agents
        if department in view.desk.agents[other].departments
    }
    return policy == "never" or "online" in others or (policy == "only_one" and "busy" in others)
