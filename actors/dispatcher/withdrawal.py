"""What an agent can no longer be offered: facts in, the offers to take back out, each with its reason."""

from __future__ import annotations

from actors.dispatcher.facts import Report
from actors.dispatcher.machine import View
from actors.dispatcher.reasons import Reason


def of_offer(view: View, report: Report, *, new: bool) -> Reason | None:
    """Return why the agent cannot take a live offer any more; None if there is no reason.

    ``new``: of a waiting customer, not a colleague's transfer. What is offered is booked already: room is no
    question here. Who has become busy keeps an offer as long as nobody else is there for it (A3).
    """
    agent = report.offered_to
    reason = view.target(agent, 0, "", beyond_capacity=True)
    if reason is None and new and not view.takes_new(agent, report.department):
        return Reason(view.agent(agent).presence)
    return reason


def of_invitations(view: View, agent: str) -> Reason | None:
    """Return why the agent can no longer be asked to join a conversation; None if there is no reason."""
    return view.target(agent, 0, "", beyond_capacity=True)
