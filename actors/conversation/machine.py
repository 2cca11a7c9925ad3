"""What may happen to a conversation: the one table of statuses and commands.

Two laws. Everything that changes a conversation is an event, and ``apply`` alone takes events into the state.
And every pair of a status and a command has an answer in ``TABLE``: events, nothing to do, or a refusal with
its code.

    NEW --customer writes--> QUEUED <--declined, expired, withdrawn-- OFFERED --accepted--> OPEN --ended-->
    ENDED
                               |  ^------------released (agent lost)-------------------------|
                               '--offered--> OFFERED
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, NamedTuple

from msgspec import Struct

from actors import events
from actors.conversation.orders import Expire, MakeOffer, Refusal, Release, WithdrawOffer
from actors.events import AnyEvent
from config.desk import Desk
from protocol.errors import Code
from protocol.messages import Accept, AgentMessage, CustomerLeft, CustomerMessage, Decline, End


class Status(StrEnum):
    """Where a conversation stands (F1, as far as built)."""

    NEW = "new"
    QUEUED = "queued"
    OFFERED = "offered"
    OPEN = "open"
    ENDED = "ended"

    # Enum's own hash runs Python code at every look-up in the table; equal texts have equal hashes here too.
    __hash__ = str.__hash__


class Offer(Struct, array_like=True, gc=False):
    """The live offer of a conversation."""

    offer: str
    agent: str
    deadline_at: float


class Conversation(Struct, array_like=True):
    """The state of a conversation; times are seconds since 1970."""

    status: Status = Status.NEW
    sequence: int = 0
    channel: str = ""
    contact: str = ""
    name: str = ""
    language: str = ""
    department: str = ""
    since: float = 0.0
    assignee: str = ""
    offer: Offer | None = None
    #: The last assignee: may still read the thread when the conversation has ended.
    previous: str = ""
    #: Who has declined or not answered, and when: not asked again while there are others.
    declined: dict[str, float] = {}


class Facts(NamedTuple):
    """What a decision may know beside the state."""

    now: float
    desk: Desk


Outcome = list[AnyEvent] | Refusal
Rule = Callable[[Conversation, Any, Facts], Outcome]


def _start(_: Conversation, command: CustomerMessage, facts: Facts) -> Outcome:
    channel = facts.desk.channels.get(command.channel)
    if channel is None:
        return Refusal(Code.NOT_ALLOWED, f"no channel {command.channel!r} is in the desk")
    department = channel.department
    return [
        events.Started(command.channel, command.contact, department, command.name, command.language),
        events.CustomerWrote(command.contact, command.content, command.channel),
        events.Queued(department, facts.now, "new conversation"),
    ]


def _customer_writes(_: Conversation, command: CustomerMessage, facts: Facts) -> Outcome:
    return [events.CustomerWrote(command.contact, command.content, command.channel)]


def _customer_leaves(state: Conversation, command: CustomerLeft, facts: Facts) -> Outcome:
    ended = events.Ended("customer", state.contact, command.reason, state.channel)
    if state.offer is None:
        return [ended]
    return [events.OfferWithdrawn(state.offer.offer, state.offer.agent, "the customer has left"), ended]


def _agent_writes(state: Conversation, command: AgentMessage, facts: Facts) -> Outcome:
    if state.assignee != command.agent:
        return _not_yours(state, command, facts)
    length = len(command.content.text)
    allowed = facts.desk.policies.text_length_max
    if length > allowed:
        return Refusal(Code.TOO_LARGE, f"the text has {length} characters, the desk allows {allowed} (H2)")
    return [events.AgentWrote(command.agent, state.contact, command.content)]


def _agent_ends(state: Conversation, command: End, facts: Facts) -> Outcome:
    if state.assignee != command.agent:
        return _not_yours(state, command, facts)
    return [events.Ended("agent", state.contact, command.reason)]


def _offer(state: Conversation, command: MakeOffer, _: Facts) -> Outcome:
    return [
        events.Offered(
            command.offer,
            command.agent,
            command.deadline_at,
            state.department,
            state.channel,
            state.contact,
            state.name,
            state.since,
            command.why,
        )
    ]


def _accept(state: Conversation, command: Accept, facts: Facts) -> Outcome:
    assert state.offer is not None
    if (state.offer.offer, state.offer.agent) != (command.offer, command.agent):
        return _offer_gone(state, command, facts)
    if facts.now > state.offer.deadline_at:
        return Refusal(Code.OFFER_GONE, "the offer's deadline has passed")
    return [
        events.Assigned(
            command.offer,
            command.agent,
            state.department,
            state.channel,
            state.contact,
            state.since,
            state.name,
        )
    ]


def _decline(state: Conversation, command: Decline, facts: Facts) -> Outcome:
    assert state.offer is not None
    if (state.offer.offer, state.offer.agent) != (command.offer, command.agent):
        return _offer_gone(state, command, facts)
    return [events.OfferDeclined(command.offer, command.agent, command.reason)]


def _withdraw(state: Conversation, command: WithdrawOffer, _: Facts) -> Outcome:
    assert state.offer is not None
    if state.offer.agent != command.agent:
        return []
    return [events.OfferWithdrawn(state.offer.offer, command.agent, command.reason)]


def _expire(state: Conversation, _: Expire, facts: Facts) -> Outcome:
    assert state.offer is not None
    if facts.now < state.offer.deadline_at:
        return []
    return [events.OfferExpired(state.offer.offer, state.offer.agent)]


def _release(state: Conversation, command: Release, _: Facts) -> Outcome:
    if state.assignee != command.agent:
        return []
    return [events.Released(command.agent, state.department, state.since, command.reason)]


def _nothing(_: Conversation, __: object, ___: Facts) -> Outcome:
    """News that came too late, and harms nobody."""
    return []


def _offer_gone(*_: object) -> Outcome:
    return Refusal(Code.OFFER_GONE, "there is no such live offer to this agent")


def _closed(*_: object) -> Outcome:
    return Refusal(Code.CLOSED, "the conversation has ended")


def _ended_for_agent(state: Conversation, command: AgentMessage | End, facts: Facts) -> Outcome:
    if state.previous != command.agent:
        return _not_yours(state, command, facts)
    return _closed(state, command, facts)


def _not_yours(*_: object) -> Outcome:
    """The same answer for "not yours" and "does not exist" (G15)."""
    return Refusal(Code.NOT_ALLOWED, "no conversation of this agent has that id")


TABLE: dict[Status, dict[type[Any], Rule]] = {
    Status.NEW: {
        CustomerMessage: _start,
        CustomerLeft: _not_yours,
        AgentMessage: _not_yours,
        Accept: _offer_gone,
        Decline: _offer_gone,
        End: _not_yours,
        MakeOffer: _nothing,
        WithdrawOffer: _nothing,
        Release: _nothing,
        Expire: _nothing,
    },
    Status.QUEUED: {
        CustomerMessage: _customer_writes,
        CustomerLeft: _customer_leaves,
        AgentMessage: _not_yours,
        Accept: _offer_gone,
        Decline: _offer_gone,
        End: _not_yours,
        MakeOffer: _offer,
        WithdrawOffer: _nothing,
        Release: _nothing,
        Expire: _nothing,
    },
    Status.OFFERED: {
        CustomerMessage: _customer_writes,
        CustomerLeft: _customer_leaves,
        AgentMessage: _not_yours,
        Accept: _accept,
        Decline: _decline,
        End: _not_yours,
        MakeOffer: _nothing,
        WithdrawOffer: _withdraw,
        Release: _nothing,
        Expire: _expire,
    },
    Status.OPEN: {
        CustomerMessage: _customer_writes,
        CustomerLeft: _customer_leaves,
        AgentMessage: _agent_writes,
        Accept: _offer_gone,
        Decline: _offer_gone,
        End: _agent_ends,
        MakeOffer: _nothing,
        WithdrawOffer: _nothing,
        Release: _release,
        Expire: _nothing,
    },
    Status.ENDED: {
        CustomerMessage: _closed,
        CustomerLeft: _closed,
        AgentMessage: _ended_for_agent,
        Accept: _offer_gone,
        Decline: _offer_gone,
        End: _ended_for_agent,
        MakeOffer: _nothing,
        WithdrawOffer: _nothing,
        Release: _nothing,
        Expire: _nothing,
    },
}


def decide(state: Conversation, command: Any, facts: Facts) -> Outcome:
    """Return the events that a command causes in this state, or the refusal."""
    return TABLE[state.status][type(command)](state, command, facts)


def apply(state: Conversation, event: AnyEvent, sequence: int, at: float) -> bool:
    """Take an event into the state. Total: every event of a conversation's stream, in every state.

    Returns False when only the sequence has moved on: somebody has written.
    """
    state.sequence = sequence
    change = _CHANGES.get(type(event))
    if change is None:
        return False
    change(state, event, at)
    return True


def _started(state: Conversation, event: events.Started, _: float) -> None:
    state.channel, state.contact, state.department = event.channel, event.contact, event.department
    state.name, state.language = event.name, event.language


def _queued(state: Conversation, event: events.Queued, _: float) -> None:
    state.status, state.department, state.since = Status.QUEUED, event.department, event.since


def _offered(state: Conversation, event: events.Offered, _: float) -> None:
    state.status = Status.OFFERED
    state.offer = Offer(event.offer, event.agent, event.deadline_at)


def _passed(state: Conversation, event: events.OfferDeclined | events.OfferExpired, at: float) -> None:
    state.status, state.offer = Status.QUEUED, None
    state.declined = {**state.declined, event.agent: at}  # Reports share it: never changed in place.


def _withdrawn(state: Conversation, _: events.OfferWithdrawn, __: float) -> None:
    state.status, state.offer = Status.QUEUED, None


def _assigned(state: Conversation, event: events.Assigned, _: float) -> None:
    state.status, state.offer, state.assignee = Status.OPEN, None, event.agent
    state.declined = {}


def _released(state: Conversation, event: events.Released, _: float) -> None:
    state.previous = state.assignee
    state.status, state.assignee, state.since = Status.QUEUED, "", event.since


def _ended(state: Conversation, _: events.Ended, __: float) -> None:
    state.previous = state.assignee
    state.status, state.offer, state.assignee = Status.ENDED, None, ""


_CHANGES: dict[type[Any], Callable[[Conversation, Any, float], None]] = {
    events.Started: _started,
    events.Queued: _queued,
    events.Offered: _offered,
    events.OfferDeclined: _passed,
    events.OfferExpired: _passed,
    events.OfferWithdrawn: _withdrawn,
    events.Assigned: _assigned,
    events.Released: _released,
    events.Ended: _ended,
}
