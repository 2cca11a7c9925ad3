"""A conversation that an agent begins with a visitor (C8, C9), by a first message.

It is the agent's from its first moment, and takes a place of the agent's capacity. Whether there is room the
dispatcher has said; whether the visitor is there and has no other conversation, the channel and the
customer's own actor.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from actors import events
from actors.conversation import transfer
from actors.conversation.changes import apply
from actors.conversation.orders import BeginProactively, Refusal
from actors.conversation.state import Conversation, Facts, Outcome
from actors.conversation.styles import begun_with
from actors.conversation.window import approached
from protocol.customers import InviteVisitor
from protocol.errors import Code
from protocol.messages import AgentMessage

#: What has begun it, in ``Started.origin``.
ORIGIN = "proactive"


def begin(
    command: BeginProactively, facts: Facts, write: Callable[[Conversation, AgentMessage, Facts], Outcome]
) -> Outcome:
    """Return what begins it, or why it cannot begin. ``write``: what an agent's message causes in it."""
    wanted: InviteVisitor = command.told.message
    channel, known = facts.desk.channels.get(wanted.channel), command.known
    if channel is None:
        return Refusal(Code.NOT_ALLOWED, f"no channel {wanted.channel!r} is in the desk")
    if not facts.there(wanted.agent):
        # Gone in this very turn: nobody would answer what comes back.
        return Refusal(Code.UNAVAILABLE, "you are not there for customers: choose another presence first")
    started = events.Started(
        wanted.channel,
        wanted.contact,
        channel.department,
        known.name,
        known.language or channel.language or "",
        {**channel.skills},
        channel.priority,
        command.previous,
        style=begun_with(channel, channel.department, facts.desk, authenticated=known.authenticated),
        origin=ORIGIN,
    )
    # What is decided of the message is decided of the conversation as it is then.
    begun = Conversation(since=facts.now)
    apply(begun, started, 1, facts.now)
    opened = approached(command, channel, facts)
    for event in opened:
        apply(begun, event, 2, facts.now)
    given = transfer.assigned(begun, facts, wanted.agent, ORIGIN, by=wanted.agent)
    for event in given:
        apply(begun, event, begun.sequence + 1, facts.now)
    said = write(begun, AgentMessage(wanted.id, wanted.agent, command.conversation, wanted.content), facts)
    if isinstance(said, Refusal):
        return said
    carriers = [
        replace(event, channel=wanted.channel) if isinstance(event, events.AgentWrote) else event
        for event in said
    ]
    return [started, *opened, *given, *carriers]
