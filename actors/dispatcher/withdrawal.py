"""What an agent can no longer be offered: facts in, the offers to take back out, each with its reason."""

from __future__ import annotations

from actors.dispatcher.machine import View
from actors.dispatcher.reasons import Reason

#: Who may be offered a waiting customer; busy ones by the desk's policy only (A3).
TAKE_NEW = frozenset({"online", "busy"})


def of_offers(view: View, agent: str) -> list[tuple[str, Reason]]:
    """Return the conversations whose live offers the agent cannot take any more.

    Who has become busy keeps an offer as long as nobody else is there for it (A3).
    """
    known = view.agent(agent)
    if not known.offers:
        return []
    found = []
    for conversation in sorted(known.offers):
        report = view.conversations[conversation]
        new = not report.assignee
        # What is offered is booked already: room is no question here.
        reason = view.target(agent, 0, "", beyond_capacity=True)
        if reason is None and new and known.presence not in TAKE_NEW:
            reason = Reason(known.presence)
        if reason is None and new and known.presence == "busy" and _spared(view, agent, report.department):
            reason = Reason.BUSY
        if reason is not None:
            found.append((conversation, reason))
    return found


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
