"""What agents ask of the dispatcher, since it knows who waits and who has room: to take, to change an
order, to transfer, to invite.

The dispatcher adds what it knows, a choice or a refusal; the conversation has the last word, and the event.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from actors import events
from actors.channel.machine import Approach
from actors.conversation.orders import Claim, InviteAsked, Refusal, TransferAsked
from actors.conversation.state import not_yours
from actors.dispatcher.audit import is_open
from actors.dispatcher.decisions import Offer
from actors.dispatcher.facts import nobodys
from actors.dispatcher.reasons import SENTENCES, Reason
from actors.permissions import knows_of, may_in, sees
from actors.telling import Told
from protocol.customers import InviteVisitor
from protocol.errors import Code
from protocol.teamwork import Invite, SetOrder, Take, TakeNext, Transfer

if TYPE_CHECKING:
    from actors.dispatcher.actor import DispatcherActor


class OperatorSetsOrder(NamedTuple):
    """The operator of the daemon changes the order of a queue; the caller has checked what it names."""

    department: str
    order: str
    until: str


#: The code of a refusal, where it is not that nothing can be taken or given now.
CODES = {
    Reason.TAKEN_BY_ANOTHER: Code.TAKEN,
    Reason.OFFERED_TO_ANOTHER: Code.TAKEN,
    Reason.PICKING_NOT_ALLOWED: Code.NOT_ALLOWED,
    Reason.UNKNOWN_AGENT: Code.NOT_ALLOWED,
    Reason.UNKNOWN_DEPARTMENT: Code.NOT_ALLOWED,
    Reason.ENDED: Code.CLOSED,
}


def _take(dispatcher: DispatcherActor, told: Told) -> None:
    """One agent wins (D6); the others are told who was quicker."""
    wanted: Take = told.message
    found = _hidden(dispatcher, wanted) or dispatcher.view.pick(
        wanted.agent, wanted.conversation, dispatcher.system.now
    )
    if isinstance(found, Offer):
        dispatcher.tell_conversation(wanted.conversation, Claim(told, wanted.agent, found.why))
    else:
        refusal = _lost(dispatcher, wanted, found)
        dispatcher.tell_conversation(wanted.conversation, Claim(told, wanted.agent, None, refusal))


def _hidden(dispatcher: DispatcherActor, wanted: Take) -> Reason | None:
    """Where the list is hidden, only those may choose from it who may see it (D5); the others, the next."""
    report, desk = dispatcher.view.conversations.get(wanted.conversation), dispatcher.desk
    if report is None or report.department not in desk.departments:
        return None
    department = report.department
    if desk.departments[department].listed or may_in(desk, wanted.agent, "explain", department):
        return None
    serves = wanted.agent in desk.agents and department in desk.agents[wanted.agent].departments
    return Reason.PICKING_NOT_ALLOWED if serves else Reason.OTHER_DEPARTMENT


def _lost(dispatcher: DispatcherActor, wanted: Take, reason: Reason) -> Refusal:
    """Say why it was not the agent; whom it could never come to learns nothing of it (G15)."""
    report = dispatcher.view.conversations.get(wanted.conversation)
    if report is None:
        return refusal_of(reason)
    if not knows_of(dispatcher.desk, wanted.agent, report.department):
        return not_yours()
    winner = report.offered_to or report.assignee
    return refusal_of(reason, winner if CODES.get(reason) is Code.TAKEN else "")


def refusal_of(reason: Reason, about: str = "") -> Refusal:
    """Return the refusal that gives a reason by its code and sentence."""
    subject = f" ({about})" if about else ""
    return Refusal(CODES.get(reason, Code.UNAVAILABLE), f"{reason.value}{subject}: {SENTENCES[reason]}")


def _take_next(dispatcher: DispatcherActor, told: Told) -> None:
    """The next of one department, or of all that the agent serves (D3)."""
    wanted: TakeNext = told.message
    chosen = dispatcher.chosen.get((told.sender, wanted.id))
    if chosen is not None:
        # Twice in one turn: the conversation knows the first by then, and answers as it did (G3).
        dispatcher.tell_conversation(chosen, Claim(told, wanted.agent, None))
        return
    found = dispatcher.view.pick_next(wanted.agent, wanted.department, dispatcher.system.now)
    if isinstance(found, Offer):
        dispatcher.chosen[told.sender, wanted.id] = found.conversation
        dispatcher.tell_conversation(found.conversation, Claim(told, wanted.agent, found.why))
    else:
        refusal = refusal_of(found)
        dispatcher.system.refuse(told, refusal.code, refusal.message)


def _set_order(dispatcher: DispatcherActor, told: Told) -> None:
    """Change the order of a queue while it runs (D2)."""
    wanted: SetOrder = told.message
    desk, now = dispatcher.desk, dispatcher.system.now
    if wanted.department not in desk.departments or not may_in(
        desk, wanted.agent, "set_order", wanted.department
    ):
        what = f"{wanted.agent} may set the order of no department {wanted.department!r}"
        dispatcher.system.refuse(told, Code.NOT_ALLOWED, what)
        return
    dispatcher.take_in([order_changed(wanted, wanted.agent, now)], told)


def order_changed(wanted: SetOrder | OperatorSetsOrder, by: str, now: float) -> events.OrderChanged:
    """Return the change of a queue's order; an empty order is the desk's again, and has no end."""
    before = now if wanted.order and wanted.until else 0.0
    return events.OrderChanged(wanted.department, wanted.order, by, wanted.until, before)


def _transfer(dispatcher: DispatcherActor, told: Told) -> None:
    """Ask the conversation to change hands; what is given to a colleague is booked at once (G1-G8)."""
    wanted: Transfer = told.message
    if dispatcher.in_doubt([wanted.conversation]):
        dispatcher.again(told)
    else:
        dispatcher.tell_conversation(wanted.conversation, _transfer_asked(dispatcher, told, wanted))


def _transfer_asked(dispatcher: DispatcherActor, told: Told, wanted: Transfer) -> TransferAsked:
    deadline_at = dispatcher.system.now + dispatcher.desk.policies.transfer_timeout_s
    refusal = _book(dispatcher, wanted) if wanted.to_agent else None
    return TransferAsked(told, refusal, dispatcher.system.make_id(), deadline_at)


def _book(dispatcher: DispatcherActor, wanted: Transfer) -> Refusal | None:
    """Book the colleague's room for a transfer, so that a second one in this turn does not get it too.

    What the conversation reports afterwards settles it, also when it refuses.
    """
    view, policies = dispatcher.view, dispatcher.desk.policies
    report = dispatcher.introduced(wanted.conversation)
    if report is None or not is_open(report) or wanted.to_agent in (report.assignee, report.offered_to):
        return None  # The conversation has an answer of its own.
    # It takes capacity from now on, whatever its style has released while it waited for somebody.
    kind, weight = dispatcher.sort_of(dispatcher.conversation(wanted.conversation).state.channel)
    reason = view.target(wanted.to_agent, weight, kind, beyond_capacity=policies.beyond_capacity)
    if reason is not None:
        return refusal_of(reason, wanted.to_agent)
    booked = report._replace(
        offered_to=wanted.to_agent,
        waiting=False,
        transferring=bool(report.assignee),
        kind=kind,
        weight=weight,
    )
    view.take_report(booked, dispatcher.system.now)
    return None


def _invite(dispatcher: DispatcherActor, told: Told) -> None:
    """Ask a colleague to join a conversation; a member takes no capacity (G9)."""
    wanted: Invite = told.message
    view, system = dispatcher.view, dispatcher.system
    reason = view.target(wanted.invited, 0, "", beyond_capacity=True)
    refusal = refusal_of(reason, wanted.invited) if reason is not None else None
    deadline_at = system.now + dispatcher.desk.policies.invitation_timeout_s
    asked = InviteAsked(told, refusal, system.make_id(), deadline_at)
    dispatcher.tell_conversation(wanted.conversation, asked)


def _invite_visitor(dispatcher: DispatcherActor, told: Told) -> None:
    """Book the agent's room, so that a second conversation in this turn does not get it too (C9).

    What the conversation reports settles it; where it does not come about, a report without anybody.
    """
    wanted: InviteVisitor = told.message
    desk, system = dispatcher.desk, dispatcher.system
    channel = desk.channels.get(wanted.channel)
    if channel is None or not sees(desk, wanted.agent, channel.department):
        system.refuse(told, Code.NOT_ALLOWED, "no channel in which this agent may invite has that id")
        return
    key = (told.sender, wanted.id)
    ident = dispatcher.chosen.get(key)
    if ident is None:
        reason = dispatcher.view.target(wanted.agent, channel.weight, channel.kind, beyond_capacity=False)
        if reason is not None:
            refusal = refusal_of(reason, wanted.agent)
            system.refuse(told, refusal.code, refusal.message)
            return
        ident = dispatcher.chosen[key] = system.make_id()
        booked = nobodys(ident, channel.department, system.now)._replace(
            assignee=wanted.agent, kind=channel.kind, weight=channel.weight
        )
        dispatcher.view.take_report(booked, system.now)
        dispatcher.auditor.put_off()
    system.tell(("channel", dispatcher.address[1], wanted.channel), Approach(told, ident))


#: What an agent can ask of the dispatcher: every command has its answer here.
ASKED: dict[type[Any], Callable[[DispatcherActor, Told], None]] = {
    Take: _take,
    TakeNext: _take_next,
    SetOrder: _set_order,
    Transfer: _transfer,
    Invite: _invite,
    InviteVisitor: _invite_visitor,
}
