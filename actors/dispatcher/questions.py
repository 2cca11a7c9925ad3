"""Questions about queues and people, answered between turns from the dispatcher's view. Nothing is changed.

Who may ask is the caller's business (``actors/authorization.py``).
"""

from __future__ import annotations

from typing import NamedTuple

from actors.channel.actor import ChannelActor
from actors.conversation.state import Status
from actors.customer.naming import channel_name
from actors.dispatcher.actor import DispatcherActor
from actors.dispatcher.facts import Report
from actors.dispatcher.reasons import SENTENCES, Reason
from actors.dispatcher.roster import Roster
from actors.queries import conversation as conversation_state
from actors.runtime import System
from config.desk import Agent, Desk
from protocol.views import ColleagueView, ReasonView, WaitingView


class Waiting(NamedTuple):
    """Who waits in a department's queue: the first of them in its order, how many in all, and the order."""

    waiting: list[WaitingView]
    total: int
    order: str


class Place(NamedTuple):
    """A customer's place in a queue, 1 is next; with ``waiting`` false in none."""

    waiting: bool
    place: int = 0
    estimated_wait_s: float = 0.0
    department: str = ""


def waiting_list(system: System, tenant: str, department: str, limit: int) -> Waiting:
    """Return the first ``limit`` of those who wait in a department, in the order of its queue (D4).

    Who is being offered to somebody stands in no line; who waits to be transferred does.
    """
    dispatcher = _dispatcher(system, tenant)
    reports, total = dispatcher.view.waiting(department, limit, system.now)
    found = [_waiting_view(system, tenant, place, report) for place, report in enumerate(reports, 1)]
    return Waiting(found, total, dispatcher.order_of(department))


def _waiting_view(system: System, tenant: str, place: int, report: Report) -> WaitingView:
    state = conversation_state(system, tenant, report.conversation)
    return WaitingView(
        conversation=report.conversation,
        department=report.department,
        channel=state.channel if state is not None else "",
        contact=state.contact if state is not None else "",
        waiting_since=report.since,
        place=place,
        name=state.name if state is not None else "",
        priority=report.priority,
        offered_to=report.offered_to,
        channel_name=channel_name(system.desks[tenant], state.channel) if state is not None else "",
        origin=state.origin if state is not None else "",
    )


def position(system: System, tenant: str, channel: str, contact: str) -> Place:
    """Return a customer's place in the queue and the estimated wait (PEERS c22).

    Whoever is being offered to somebody is next: place 1.
    """
    actor = system.actors.get(("channel", tenant, channel))
    ident = actor.conversation_of(contact) if isinstance(actor, ChannelActor) else None
    view = _dispatcher(system, tenant).view
    report = view.conversations.get(ident) if ident is not None else None
    if report is None or report.assignee:
        return Place(False)
    found = view.position(report.conversation, system.now)
    if found is not None:
        place, estimated_wait_s = found
        return Place(True, place, estimated_wait_s or 0.0, report.department)
    if report.offered_to:
        return Place(True, 1, 0.0, report.department)
    return Place(False)


def colleagues(system: System, tenant: str, agent: str, limit: int) -> tuple[list[ColleagueView], int]:
    """Return the agents of the agent's departments and of those below, without the agent (A10, L1): the first
    ``limit`` in the desk's order, and how many there are.
    """
    view = _dispatcher(system, tenant).view
    desk = view.desk
    own = desk.agents.get(agent)
    if own is None:
        return [], 0
    seen = departments_below(desk, own.departments)
    found = [
        (ident, settings)
        for ident, settings in desk.agents.items()
        if ident != agent and not seen.isdisjoint(settings.departments)
    ]
    shown = [_colleague(view.roster.get(ident), ident, settings) for ident, settings in found[:limit]]
    return shown, len(found)


def _colleague(known: Roster | None, ident: str, settings: Agent) -> ColleagueView:
    known = known or Roster()
    return ColleagueView(
        agent=ident,
        name=settings.name,
        departments=settings.departments,
        presence=str(known.presence),
        reachable=known.reachable,
        available=known.available and known.used < settings.capacity,
        used=known.used,
        capacity=settings.capacity,
        conversations=len(known.owned) + known.parked,
        offers=len(known.offers),
    )


def why_not(system: System, tenant: str, conversation: str, agent: str) -> list[ReasonView]:
    """Return all that keeps a conversation from an agent; nothing if it would be offered now."""
    view = _dispatcher(system, tenant).view
    if ("conversation", tenant, conversation) in system.supervisor.out:
        return [_view_of(Reason.OUT_OF_ACTION, "")]
    if conversation not in view.conversations:
        state = conversation_state(system, tenant, conversation)
        if state is None or state.status is Status.ENDED:
            return [_view_of(Reason.ENDED, "")]
        if state.assignee:
            return [_view_of(Reason.TAKEN_BY_ANOTHER, state.assignee)]
    return [_view_of(reason, about) for reason, about in view.why_not(conversation, agent, system.now)]


def why_idle(system: System, tenant: str, agent: str) -> list[ReasonView]:
    """Return all that keeps an agent without a new conversation."""
    view = _dispatcher(system, tenant).view
    return [_view_of(reason, about) for reason, about in view.why_idle(agent, system.now)]


def departments_below(desk: Desk, departments: tuple[str, ...]) -> set[str]:
    """Return the departments and all below them in the tree."""
    found = set(departments)
    while more := {name for name, it in desk.departments.items() if it.parent in found} - found:
        found |= more
    return found


def _view_of(reason: Reason, about: str) -> ReasonView:
    return ReasonView(reason.value, SENTENCES[reason], about)


def _dispatcher(system: System, tenant: str) -> DispatcherActor:
    actor = system.actors[("dispatcher", tenant, "")]
    assert isinstance(actor, DispatcherActor)
    return actor
