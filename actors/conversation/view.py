"""Who must learn of an event of a conversation, and what they may see of it.

The one place that builds what leaves the daemon; masking will stand here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from actors import events
from actors.agent import view as agents
from actors.conversation.machine import Conversation
from actors.events import AnyEvent
from actors.journal import Entry
from protocol import messages
from protocol.messages import Delivery, News
from protocol.views import OfferView


@lru_cache(maxsize=10_000)
def to_agent(agent: str) -> tuple[str, ...]:
    """Return the stream of an agent, alone."""
    return (f"agent/{agent}",)


@lru_cache(maxsize=10_000)
def to_channel(channel: str) -> tuple[str, ...]:
    """Return the stream of a channel, alone."""
    return (f"channel/{channel}",)


def audience(state: Conversation, event: AnyEvent) -> tuple[str, ...]:
    """Return the streams of those who must learn of an event; ``state`` is the state before it."""
    kind = type(event)
    if kind is events.CustomerWrote:
        return _agent(state)
    if kind is events.AgentWrote:
        return to_channel(state.channel)
    if kind is events.Assigned or kind is events.Ended:
        return to_channel(state.channel) + _agent(state)
    if kind is events.Started or kind is events.Queued:
        return ()
    return to_agent(event.agent)  # type: ignore[union-attr]  # every other event names its agent


def _agent(state: Conversation) -> tuple[str, ...]:
    """The agent who has the conversation, or is offered it."""
    if state.assignee:
        return to_agent(state.assignee)
    if state.offer is not None:
        return to_agent(state.offer.agent)
    return ()


def _offer(ident: str, event: events.Offered) -> News:
    view = OfferView(
        conversation=ident,
        offer=event.offer,
        department=event.department,
        channel=event.channel,
        contact=event.contact,
        deadline_at=event.deadline_at,
        waiting_since=event.since,
        name=event.name,
    )
    return messages.OfferMade(view)


_NEWS: dict[type[Any], Callable[[str, Any], News]] = {
    events.CustomerWrote: lambda _, event: messages.CustomerSaid(event.content),
    events.AgentWrote: lambda _, event: messages.AgentSaid(event.agent, event.content),
    events.Started: lambda _, event: messages.ConversationStarted(
        event.channel, event.contact, event.department, event.name
    ),
    events.Offered: _offer,
    events.OfferDeclined: lambda _, event: messages.OfferEnded(event.offer, "declined", event.reason),
    events.OfferExpired: lambda _, event: messages.OfferEnded(event.offer, "expired"),
    events.OfferWithdrawn: lambda _, event: messages.OfferEnded(event.offer, "withdrawn", event.reason),
    events.Assigned: lambda _, event: messages.Assigned(
        event.agent, event.department, event.channel, event.contact, event.name
    ),
    events.Released: lambda _, event: messages.Unassigned(event.agent, event.department, event.reason),
    events.Ended: lambda _, event: messages.ConversationEnded(event.by, event.contact, event.reason),
    **agents.NEWS,
}


def news(ident: str, event: AnyEvent) -> News | None:
    """Return what a consumer or a reader of the thread may see of an event; None if nothing."""
    make = _NEWS.get(type(event))
    return None if make is None else make(ident, event)


def delivery(stream: str, number: int, entry: Entry) -> Delivery:
    """Return what a consumer is told of an event."""
    event = entry.event
    told = _NEWS[type(event)](entry.id, event)
    if entry.kind == "agent":
        return Delivery(stream, number, entry.at, told)
    contact = event.contact if stream[0] == "c" else ""  # type: ignore[union-attr]
    return Delivery(stream, number, entry.at, told, entry.id, entry.sequence, contact)
