"""How a conversation ends (F2-F4, F8-F13): at once or later, solved or closed, with a wrap-up left to do.

An agent's ``end`` means what the style says: with no time to close it has ended, else it is solved, and ends
by itself when that time is over. A customer who leaves ends it; where the desk wants a wrap-up reason the
agent still gives it, while the customer's next message begins a new conversation already.
"""

from __future__ import annotations

from actors import events
from actors.conversation import conference, transfer
from actors.conversation.orders import ChannelGone, Expire, OwnerGone, Reassign, Refusal, Release, Shut
from actors.conversation.state import (
    Conversation,
    Facts,
    Outcome,
    Status,
    may_act,
    not_yours,
    without_wrap_up,
)
from actors.conversation.styles import style_of
from actors.dispatcher.reasons import Reason
from actors.events import AnyEvent
from protocol.errors import Code
from protocol.life import CancelEnd
from protocol.messages import CustomerLeft, End


def nothing_pending(state: Conversation, reason: str) -> list[AnyEvent]:
    """Return the events after which nobody is asked anything any more."""
    if state.transfer is not None:
        pending = transfer.stopped(state, "withdrawn", reason)
    elif state.offer is not None:
        pending = [events.OfferWithdrawn(state.offer.offer, state.offer.agent, reason)]
    else:
        pending = []
    return [*pending, *conference.uninvite(state, reason)] if state.invitations else pending


# The customer.


def customer_leaves(state: Conversation, command: CustomerLeft, _: Facts) -> Outcome:
    """There is no agent who would have to wrap it up."""
    ended = events.Ended("customer", state.contact, command.reason, state.channel)
    return [*nothing_pending(state, Reason.CUSTOMER_LEFT), ended]


def customer_leaves_agent(state: Conversation, command: CustomerLeft, facts: Facts) -> Outcome:
    """The agent wraps up, where the desk wants that (F11), and has not done so for an end that was to come
    later (F10).
    """
    if (ending := state.ending) is not None:
        reason = ending.reason or command.reason
        ended = events.Ended("customer", state.contact, reason, state.channel, ending.notes)
        return [*nothing_pending(state, Reason.CUSTOMER_LEFT), ended]
    if not facts.desk.policies.wrap_up_required or not _can_wrap_up(state, facts):
        return customer_leaves(state, command, facts)
    return _interrupted(state, facts, "customer", command.reason, Reason.CUSTOMER_LEFT)


def _can_wrap_up(state: Conversation, facts: Facts) -> bool:
    """Somebody is there to do it."""
    there = state.assignee in facts.desk.agents and facts.there(state.assignee)
    return there and not state.assignee_gone


def _interrupted(state: Conversation, facts: Facts, by: str, said: str, reason: Reason) -> list[AnyEvent]:
    timeout_s = facts.desk.policies.wrap_up_timeout_s
    wrap_up_by = facts.now + timeout_s if timeout_s else None
    return [
        *nothing_pending(state, reason),
        events.Interrupted(by, state.contact, said, state.channel, wrap_up_by),
    ]


# The channel.


def channel_gone(state: Conversation, _: ChannelGone, facts: Facts) -> Outcome:
    """No agent has it: it ends."""
    if state.channel in facts.desk.channels:
        return []
    ended = events.Ended("desk", state.contact, Reason.CHANNEL_REMOVED, state.channel)
    return [*nothing_pending(state, Reason.CHANNEL_REMOVED), ended]


def channel_gone_for_agent(state: Conversation, command: ChannelGone, facts: Facts) -> Outcome:
    """The agent is told, and must end it (F13)."""
    if state.channel in facts.desk.channels or not _can_wrap_up(state, facts):
        return channel_gone(state, command, facts)
    return _interrupted(state, facts, "desk", Reason.CHANNEL_REMOVED, Reason.CHANNEL_REMOVED)


# Abuse.


def shut(state: Conversation, command: Shut, _: Facts) -> Outcome:
    """The customer is blocked (M2): nothing is left to be said, solved or wrapped up."""
    ended = events.Ended("agent", state.contact, Reason.BLOCKED, state.channel)
    return [*nothing_pending(state, Reason.BLOCKED), ended]


# Agents.


def agent_ends(state: Conversation, command: End, facts: Facts) -> Outcome:
    """The assignee ends it, now or later, or who has ``end_for_others`` (G12)."""
    refusal = _refused(state, command, facts)
    if refusal is not None:
        return refusal
    if not command.after_s:
        return finished(state, facts, command.agent, command.reason, command.notes)
    ends_at = facts.now + command.after_s
    return [events.EndScheduled(command.agent, ends_at, command.reason, command.notes, command.after_s)]


def agent_closes(state: Conversation, command: End, facts: Facts) -> Outcome:
    """What nobody has in hand ends at once and for good: waiting, solved, muted, or wrapped up by this."""
    refusal = _refused(state, command, facts)
    if refusal is not None:
        return refusal
    if command.after_s:
        text = "only a conversation that an agent has in hand can end later: leave after_s out to end it now"
        return Refusal(Code.NOT_ALLOWED, text)
    return [*nothing_pending(state, Reason.ENDED), _ended(state, command.reason, command.notes)]


def _refused(state: Conversation, command: End, facts: Facts) -> Refusal | None:
    if not may_act(state, command.agent, "end_for_others", facts.desk):
        return not_yours()
    return without_wrap_up(command.reason, facts.desk)


def finished(state: Conversation, facts: Facts, by: str, reason: str, notes: str) -> list[AnyEvent]:
    """Return the events by which an agent's end comes, as the style has it."""
    pending = nothing_pending(state, Reason.ENDED)
    after_s = style_of(state.style, facts.desk).close_after_s
    if not after_s:
        return [*pending, _ended(state, reason, notes)]
    return [*pending, events.Solved(by, reason, facts.now + after_s, notes, state.contact)]


def _ended(state: Conversation, reason: str, notes: str = "") -> events.Ended:
    return events.Ended("agent", state.contact, reason, "", notes)


def cancel(state: Conversation, command: CancelEnd, facts: Facts) -> Outcome:
    """Take back an end that was to come later (F10)."""
    if not may_act(state, command.agent, "end_for_others", facts.desk):
        return not_yours()
    if state.ending is None:
        return Refusal(Code.OFFER_GONE, "no end of the conversation is scheduled")
    return [events.EndCancelled(command.agent)]


def agent_gone(state: Conversation, command: Release | OwnerGone | Reassign, _: Facts) -> Outcome:
    """Nobody else has anything to add to a conversation whose customer is gone."""
    return [] if state.assignee != command.agent else [_ended(state, command.reason or Reason.ASSIGNEE_GONE)]


# Time.


def due(state: Conversation, facts: Facts) -> list[AnyEvent]:
    """Return what a scheduled end causes when its time has come (F10)."""
    ending = state.ending
    if ending is None or facts.now < ending.ends_at:
        return []
    return finished(state, facts, ending.by, ending.reason, ending.notes)


def close(state: Conversation, _: Expire, facts: Facts) -> Outcome:
    """The time to come back, or to wrap up, is over."""
    if state.closes_at is None or facts.now < state.closes_at:
        return []
    reason = Reason.NOT_REOPENED if state.status is Status.SOLVED else Reason.WRAP_UP_MISSED
    return [events.Ended("time", state.contact, reason)]
