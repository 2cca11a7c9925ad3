"""A conversation that begins, waits in a queue, and is offered (C3, D1-D10, E1-E4): the rules of
``machine.py`` for what comes before an agent has it.
"""

from __future__ import annotations

from actors import events
from actors.conversation import outbox, returning, transfer
from actors.conversation.content import received
from actors.conversation.orders import (
    AssignDirectly,
    Begin,
    Claim,
    Expire,
    Greet,
    Known,
    MakeOffer,
    MoveTo,
    Refusal,
    TurnAway,
    WithdrawOffer,
)
from actors.conversation.state import Conversation, Facts, Outcome, offer_gone
from actors.conversation.styles import begun_with
from actors.conversation.window import first_message
from actors.dispatcher.reasons import Reason
from actors.events.conversation import Said
from protocol.errors import Code
from protocol.messages import Accept, CustomerMessage, Decline

#: The levels that a skill can have in the desk: more can be asked of nobody.
LEVELS = (1, 10)


def begin(_: Conversation, command: Begin, facts: Facts) -> Outcome:
    """The customer's actor lets it begin."""
    return _started(command.told.message, command, facts)


def start(_: Conversation, command: CustomerMessage, facts: Facts) -> Outcome:
    """A customer's message that was told straight to it."""
    return _started(command, None, facts)


def _started(message: CustomerMessage, begin: Begin | None, facts: Facts) -> Outcome:
    """What the message says goes before what is known of the customer, and that before the channel's own."""
    known = begin.known if begin is not None else Known()
    channel = facts.desk.channels.get(message.channel)
    if channel is None:
        return Refusal(Code.NOT_ALLOWED, f"no channel {message.channel!r} is in the desk")
    content = received(message.content, facts)
    if isinstance(content, Refusal):
        return content
    department, reason = channel.department, Reason.ARRIVAL
    if message.department in facts.desk.departments:
        department = message.department
    elif message.department:
        reason = Reason.UNKNOWN_DEPARTMENT
    low, high = LEVELS
    skills = {skill: min(max(level, low), high) for skill, level in message.skills.items()}
    authenticated = message.authenticated or known.authenticated
    return [
        events.Started(
            message.channel,
            message.contact,
            department,
            message.name or known.name,
            message.language or known.language or channel.language or "",
            {**channel.skills, **skills},
            message.priority or channel.priority,
            begin.previous if begin is not None else "",
            message.question,
            message.email,
            begun_with(channel, department, facts.desk, authenticated=authenticated),
        ),
        first_message(message, content, said(message), begin, channel, facts),
        events.Muted("") if known.muted else events.Queued(department, facts.now, reason),
    ]


def said(message: CustomerMessage) -> Said | None:
    """Return what a first message says beside its content; None if nothing."""
    found = Said(
        message.name,
        message.language,
        message.department,
        message.skills,
        message.priority,
        message.question,
        message.email,
        message.authenticated,
    )
    return None if found == Said() else found


def customer_writes(state: Conversation, command: CustomerMessage, facts: Facts) -> Outcome:
    """It goes on waiting."""
    return returning.written(state, command, facts)


def accept(state: Conversation, command: Accept, facts: Facts) -> Outcome:
    """The agent to whom it is offered takes it, until the deadline (E1)."""
    assert state.offer is not None
    if (state.offer.offer, state.offer.agent) != (command.offer, command.agent):
        return offer_gone()
    if facts.now > state.offer.deadline_at:
        return Refusal(Code.OFFER_GONE, "the offer's deadline has passed")
    how = "transferred" if state.offer.kind == "transfer" else "accepted"
    by = state.offer.from_agent if how == "transferred" else ""
    return transfer.assigned(state, facts, command.agent, how, offer=command.offer, by=by)


def decline(state: Conversation, command: Decline, facts: Facts) -> Outcome:
    """The agent to whom it is offered does not want it."""
    assert state.offer is not None
    if (state.offer.offer, state.offer.agent) != (command.offer, command.agent):
        return offer_gone()
    return [events.OfferDeclined(command.offer, command.agent, command.reason)]


def take(state: Conversation, command: Claim, facts: Facts) -> Outcome:
    """Taken out of the queue by hand (D3, D4)."""
    if command.refusal is not None:
        return command.refusal
    return transfer.assigned(state, facts, command.agent, "taken", by=command.agent, why=command.why)


def take_offered(state: Conversation, command: Claim, facts: Facts) -> Outcome:
    """Taken by hand by the one to whom it is offered; by nobody else."""
    assert state.offer is not None
    if state.offer.agent != command.agent:
        return transfer.taken(state, command, facts)
    offer, agent = state.offer.offer, command.agent
    return transfer.assigned(state, facts, agent, "taken", offer=offer, by=agent, why=command.why)


def offer(state: Conversation, command: MakeOffer, _: Facts) -> Outcome:
    """The dispatcher has chosen an agent."""
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
            origin=state.origin,
        )
    ]


def give(state: Conversation, command: AssignDirectly, facts: Facts) -> Outcome:
    """The dispatcher has chosen, and the department's agents are not asked (D8)."""
    return transfer.assigned(state, facts, command.agent, "direct", why=command.why)


def withdraw(state: Conversation, command: WithdrawOffer, _: Facts) -> Outcome:
    """The agent to whom it is offered can no longer take it."""
    assert state.offer is not None
    if state.offer.agent != command.agent:
        return []
    return [events.OfferWithdrawn(state.offer.offer, command.agent, command.reason)]


def move(state: Conversation, command: MoveTo, _: Facts) -> Outcome:
    """To another department's queue, with its waiting time."""
    return [events.Queued(command.department, state.since, command.reason)]


def turn_away(state: Conversation, command: TurnAway, facts: Facts) -> Outcome:
    """The customer is told so: a missed chat."""
    return [
        outbox.greet(state, events.Greeted("turned_away", command.text, state.contact), facts),
        events.Ended("limit", state.contact, command.reason),
    ]


def greet(state: Conversation, command: Greet, facts: Facts) -> Outcome:
    """Answer the first message, once (D10)."""
    if state.greeted:
        return []
    return [outbox.greet(state, events.Greeted(command.kind, command.text, state.contact), facts)]


def expire(state: Conversation, _: Expire, facts: Facts) -> Outcome:
    """The offer's deadline may have come."""
    assert state.offer is not None
    if facts.now < state.offer.deadline_at:
        return []
    return [events.OfferExpired(state.offer.offer, state.offer.agent)]
