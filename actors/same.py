"""Is a repeated command the same command (G3)? Answered from the event that the first one caused."""

from __future__ import annotations

from typing import Any

from actors import events
from actors.events import AnyEvent
from actors.journal import Entry
from protocol.messages import (
    Accept,
    AgentMessage,
    CustomerLeft,
    CustomerMessage,
    Decline,
    End,
    Logout,
    SetPresence,
)
from protocol.teamwork import EndSession, HandOver

#: The event that answers a command, where it is not the only one that the command causes.
PRINCIPAL: dict[type[Any], type[Any]] = {
    CustomerMessage: events.CustomerWrote,
    CustomerLeft: events.Ended,
    SetPresence: events.PresenceChosen,
    Logout: events.LoggedOut,
    EndSession: events.LoggedOut,
    HandOver: events.HandOverBegun,
}


def principal(command: Any, caused: list[AnyEvent]) -> int:
    """Return which of the events that a command has caused carries its id."""
    kind = PRINCIPAL.get(type(command))
    return next((place for place, event in enumerate(caused) if type(event) is kind), 0)


def same(command: Any, entry: Entry) -> bool:
    """True when ``command`` says what the command of ``entry`` said;

    ``entry`` is the event that carries its id.
    """
    event = entry.event
    match command:
        case CustomerMessage():
            return _same_customer_message(command, entry)
        case CustomerLeft():
            return isinstance(event, events.Ended) and (
                event.by,
                event.contact,
                event.reason,
                event.channel,
            ) == ("customer", command.contact, command.reason, command.channel)
        case AgentMessage():
            return (
                isinstance(event, events.AgentWrote)
                and entry.id == command.conversation
                and event.content == command.content
            )
        case Accept():
            return _same_offer(command, entry, events.Assigned)
        case Decline():
            return isinstance(event, events.OfferDeclined) and (event.offer, event.reason) == (
                command.offer,
                command.reason,
            )
        case End():
            return (
                isinstance(event, events.Ended)
                and entry.id == command.conversation
                and event.reason == command.reason
            )
        case SetPresence():
            return isinstance(event, events.PresenceChosen) and event.presence == command.presence
        case Logout():
            return isinstance(event, events.LoggedOut) and entry.id == command.agent and not event.by
        case EndSession():
            return _same_end_session(command, entry)
        case HandOver():
            return isinstance(event, events.HandOverBegun) and (
                event.presence,
                event.to_agent,
                event.to_department,
            ) == (command.presence, command.to_agent, command.to_department)
    return False


def _same_customer_message(command: CustomerMessage, entry: Entry) -> bool:
    event = entry.event
    return (
        isinstance(event, events.CustomerWrote)
        and (event.channel, event.contact) == (command.channel, command.contact)
        and event.content == command.content
    )


def _same_offer(command: Accept | Decline, entry: Entry, kind: type[Any]) -> bool:
    event: Any = entry.event
    return type(event) is kind and (entry.id, event.offer, event.agent) == (
        command.conversation,
        command.offer,
        command.agent,
    )


def _same_end_session(command: EndSession, entry: Entry) -> bool:
    event = entry.event
    return (
        isinstance(event, events.LoggedOut)
        and (entry.id, event.by) == (command.of_agent, command.agent)
        and event.reason == command.reason
    )
