"""Is a repeated command the same command (G3)? Answered from the event that the first one caused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from actors import events
from actors.conversation.content import same_content
from actors.conversation.waiting import said
from actors.events import AnyEvent
from actors.events.conversation import Said
from actors.journal import Entry
from protocol import channels, customers, life, messages, teamwork

#: Where the first message of a customer stands in its conversation: after ``Started``.
FIRST_MESSAGE = 2


class Trace(NamedTuple):
    """What a kind of command leaves in the journal: the event, or one of several, that carries its id, and
    whether that event says what a command says. The conversation or agent that the command is told to is
    compared for all.
    """

    event: type[Any] | tuple[type[Any], ...]
    says: Callable[[Any, Any], bool]


def _customer_left(command: messages.CustomerLeft, event: events.Ended | events.Interrupted) -> bool:
    return (event.by, event.channel) == ("customer", command.channel) and (event.contact, event.reason) == (
        command.contact,
        command.reason,
    )


def _end(command: messages.End, event: events.Ended | events.Solved | events.EndScheduled) -> bool:
    """What the style and ``after_s`` make of an end are three events."""
    if (event.reason, event.notes) != (command.reason, command.notes):
        return False
    if isinstance(event, events.EndScheduled):
        return (event.by, event.after_s) == (command.agent, command.after_s)
    by = "agent" if isinstance(event, events.Ended) else command.agent
    return (event.by, command.after_s) == (by, 0)


def _rate(command: life.CustomerRating, event: events.Rated) -> bool:
    return (event.channel, event.contact, event.score, event.comment) == (
        command.channel,
        command.contact,
        command.score,
        command.comment,
    )


def _accept(command: messages.Accept, event: events.Assigned) -> bool:
    return event.how in ("accepted", "transferred") and (event.offer, event.agent) == (
        command.offer,
        command.agent,
    )


def _take(command: teamwork.Take | teamwork.TakeNext, event: events.Assigned) -> bool:
    return (event.how, event.agent) == ("taken", command.agent)


def _take_next(command: teamwork.TakeNext, event: events.Assigned) -> bool:
    return _take(command, event) and command.department in ("", event.department)


def _transfer(command: teamwork.Transfer, event: events.TransferStarted) -> bool:
    return (event.to_agent, event.to_department, event.note, event.reason) == (
        command.to_agent,
        command.to_department,
        command.note,
        command.reason,
    )


def _invite(command: teamwork.Invite, event: events.Invited) -> bool:
    return (event.agent, event.note) == (command.invited, command.note)


def _cancel_invitation(command: teamwork.CancelInvitation, event: events.InvitationEnded) -> bool:
    return (event.outcome, event.agent) == ("withdrawn", command.invited)


def _refuse(command: teamwork.RefuseInvitation, event: events.InvitationEnded) -> bool:
    return event.outcome == "refused" and (event.invitation, event.reason) == (
        command.invitation,
        command.reason,
    )


def _hand_over(command: teamwork.HandOver, event: events.HandOverBegun) -> bool:
    return (event.presence, event.to_agent, event.to_department) == (
        command.presence,
        command.to_agent,
        command.to_department,
    )


def _set_order(command: teamwork.SetOrder, event: events.OrderChanged) -> bool:
    return (event.department, event.order, event.until) == (command.department, command.order, command.until)


def _visitor_entered(command: customers.VisitorEntered, event: events.VisitBegun) -> bool:
    return all(getattr(event, name) == getattr(command, name) for name in event.__struct_fields__)


def _delivery_report(command: channels.DeliveryReport, event: events.DeliveryReported) -> bool:
    said = (event.channel, event.sequence, event.reported, event.code, event.reason, event.provider_id)
    return (*said, event.retry_after_s) == (
        command.channel,
        command.sequence,
        command.state,
        command.code,
        command.reason,
        command.provider_id,
        command.retry_after_s,
    )


def _invite_visitor(command: customers.InviteVisitor, event: events.AgentWrote) -> bool:
    return same_content(command.content, event.content, event.asked) and (
        event.agent,
        event.channel,
        event.contact,
    ) == (command.agent, command.channel, command.contact)


def _abuse(
    command: customers.SetDoNotDisturb | customers.Block, event: events.DoNotDisturbSet | events.Blocked
) -> bool:
    return (event.on, event.by, event.conversation) == (command.on, command.agent, command.conversation)


TRACES: dict[type[Any], Trace] = {
    messages.CustomerLeft: Trace((events.Ended, events.Interrupted), _customer_left),
    channels.DeliveryReport: Trace(events.DeliveryReported, _delivery_report),
    messages.AgentMessage: Trace(
        events.AgentWrote,
        lambda command, event: (
            same_content(command.content, event.content, event.asked)
            and command.agent == (event.author or event.agent)
            and not event.channel
        ),
    ),
    messages.Accept: Trace(events.Assigned, _accept),
    messages.Decline: Trace(
        events.OfferDeclined,
        lambda command, event: (event.offer, event.reason) == (command.offer, command.reason),
    ),
    messages.End: Trace((events.Ended, events.Solved, events.EndScheduled), _end),
    life.SetStatus: Trace(
        events.StatusSet,
        lambda command, event: (event.status, event.by) == (command.status, command.agent),
    ),
    life.CancelEnd: Trace(events.EndCancelled, lambda command, event: event.by == command.agent),
    life.Reopen: Trace(events.Reopened, lambda command, event: event.agent == command.agent),
    life.AddNote: Trace(
        events.NoteWritten,
        lambda command, event: (event.agent, event.text) == (command.agent, command.text),
    ),
    life.Tag: Trace(
        events.Tagged,
        lambda command, event: (
            (event.by, event.added, event.removed) == (command.agent, command.add, command.remove)
        ),
    ),
    life.CustomerRating: Trace(events.Rated, _rate),
    messages.SetPresence: Trace(
        events.PresenceChosen, lambda command, event: event.presence == command.presence
    ),
    messages.Logout: Trace(events.LoggedOut, lambda _, event: not event.by),
    customers.InviteVisitor: Trace(events.AgentWrote, _invite_visitor),
    customers.SetDoNotDisturb: Trace(events.DoNotDisturbSet, _abuse),
    customers.Block: Trace(events.Blocked, _abuse),
    customers.VisitorEntered: Trace(events.VisitBegun, _visitor_entered),
    customers.VisitorViewed: Trace(
        events.PageViewed,
        lambda command, event: (event.page, event.title) == (command.page, command.title),
    ),
    customers.VisitorLeft: Trace(events.VisitEnded, lambda _, event: event.reason == "left"),
    teamwork.Take: Trace(events.Assigned, _take),
    teamwork.TakeNext: Trace(events.Assigned, _take_next),
    teamwork.Transfer: Trace(events.TransferStarted, _transfer),
    teamwork.CancelTransfer: Trace(events.TransferEnded, lambda _, event: event.outcome == "withdrawn"),
    teamwork.Invite: Trace(events.Invited, _invite),
    teamwork.CancelInvitation: Trace(events.InvitationEnded, _cancel_invitation),
    teamwork.Join: Trace(events.MemberJoined, lambda command, event: event.invitation == command.invitation),
    teamwork.RefuseInvitation: Trace(events.InvitationEnded, _refuse),
    teamwork.Leave: Trace(events.MemberLeft, lambda command, event: event.agent == command.agent),
    teamwork.EndConference: Trace(
        events.ConferenceEnded, lambda command, event: event.reason == command.reason
    ),
    teamwork.HandOver: Trace(events.HandOverBegun, _hand_over),
    teamwork.EndSession: Trace(
        events.LoggedOut,
        lambda command, event: (event.by, event.reason) == (command.agent, command.reason),
    ),
    teamwork.SetOrder: Trace(events.OrderChanged, _set_order),
}


def principal(command: Any, caused: list[AnyEvent]) -> int:
    """Return which of the events that a command has caused carries its id."""
    kind = type(command)
    carries = events.CustomerWrote if kind is messages.CustomerMessage else TRACES[kind].event
    return next((place for place, event in enumerate(caused) if isinstance(event, carries)), 0)


def same(command: Any, entry: Entry) -> bool:
    """True when ``command`` says what the command of ``entry`` said;

    ``entry`` is the event that carries its id.
    """
    kind, event = type(command), entry.event
    if kind is messages.CustomerMessage:
        return _same_customer_message(command, entry)
    if kind is channels.CustomerActed:
        return _same_act(command, entry)
    trace = TRACES.get(kind)
    # What leaves no trace, like reading, is never what has left one: its sender has used an id twice.
    return (
        trace is not None
        and isinstance(event, trace.event)
        and _same_place(command, entry)
        and trace.says(command, event)
    )


def _same_act(command: channels.CustomerActed, entry: Entry) -> bool:
    """In a conversation, or where there was none, in what is known of the customer."""
    event = entry.event
    if isinstance(event, events.Acted):
        return (entry.id, event.trigger) == (f"{command.channel}/{command.contact}", command.trigger)
    return isinstance(event, events.Triggered) and (event.channel, event.contact, event.trigger) == (
        command.channel,
        command.contact,
        command.trigger,
    )


def _same_place(command: Any, entry: Entry) -> bool:
    """Say whether the event stands where the command was told to."""
    if entry.kind == "conversation":
        return getattr(command, "conversation", entry.id) == entry.id
    if entry.kind == "customer" and hasattr(command, "channel"):
        return entry.id == f"{command.channel}/{command.contact}"
    return entry.kind != "agent" or getattr(command, "of_agent", command.agent) == entry.id


def _same_customer_message(command: messages.CustomerMessage, entry: Entry) -> bool:
    """What a message says of its customer counts where it has begun a conversation, and only there."""
    event = entry.event
    if not isinstance(event, events.CustomerWrote) or not same_content(command.content, event.content):
        return False
    if (event.channel, event.contact) != (command.channel, command.contact):
        return False
    return entry.sequence != FIRST_MESSAGE or (event.said or Said()) == (said(command) or Said())
