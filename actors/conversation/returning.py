"""How a conversation is taken up again (F3-F5, F14, D11, M1): after it waited, was solved, ended, or muted.

It comes back to its agent without a queue, and takes capacity again, above the limit if it must. Where that
agent is not there it goes to a queue, and waits from then on; the agent who had it comes first (D7).
"""

from __future__ import annotations

from typing import Any

from actors import events
from actors.conversation import endings, transfer
from actors.conversation.content import received
from actors.conversation.orders import Mute, Refusal, Reopening, Unmute
from actors.conversation.state import (
    Conversation,
    Facts,
    Outcome,
    Status,
    may_act,
    not_yours,
)
from actors.conversation.window import wrote
from actors.dispatcher.reasons import Reason
from actors.events import AnyEvent
from config.desk import Desk
from protocol.errors import Code
from protocol.life import Reopen, SetStatus
from protocol.messages import CustomerMessage


def lost(agent: str, facts: Facts) -> bool:
    """Say whether a customer's reply has to go to somebody else (D11): the agent has left the desk, or is
    not there and does not keep the own conversations.
    """
    return agent not in facts.desk.agents or not (facts.there(agent) or facts.keeps(agent))


def written(state: Conversation, command: CustomerMessage, facts: Facts, *more: AnyEvent) -> Outcome:
    """Return what every message of a customer causes, and what it causes besides.

    Names change at any time (J2), and whoever writes has not come to the end.
    """
    content = received(command.content, facts)
    if isinstance(content, Refusal):
        return content
    caused: list[AnyEvent] = [wrote(state, command, content, facts)]
    if command.name and command.name != state.name:
        caused.append(events.Renamed(command.name))
    if state.ending is not None:
        caused.append(events.EndCancelled("customer"))
    return [*caused, *more]


# Waiting for somebody.


def set_status(state: Conversation, command: SetStatus, facts: Facts) -> Outcome:
    """The assignee, or who could end it, says what it waits for."""
    if not may_act(state, command.agent, "end_for_others", facts.desk):
        return not_yours()
    if command.status == state.status:
        return Refusal(Code.ALREADY_SO, f"the conversation is {command.status} already")
    if command.status == "open":
        return _back_to_work(state, command.agent, facts)
    if state.transfer is not None:
        return Refusal(Code.UNDER_WAY, "a transfer of the conversation is under way: cancel it first")
    return [events.StatusSet(command.status, command.agent)]


def _back_to_work(state: Conversation, by: str, facts: Facts) -> list[AnyEvent]:
    opened = events.StatusSet("open", by)
    if not state.assignee_gone and not lost(state.assignee, facts):
        return [opened]
    return [opened, *transfer.released(state, Reason.ASSIGNEE_GONE, since=facts.now)]


def customer_answers(state: Conversation, command: CustomerMessage, facts: Facts) -> Outcome:
    """It is open again (F5)."""
    return written(state, command, facts, *_back_to_work(state, "customer", facts))


# Solved, and ended.


def customer_returns(state: Conversation, command: CustomerMessage, facts: Facts) -> Outcome:
    """The same conversation goes on, with the same agent and without a queue (F3), if that agent is there."""
    agent = "" if lost(state.assignee, facts) else state.assignee
    reopened = events.Reopened("customer", agent, "reply", state.contact)
    if agent:
        return written(state, command, facts, reopened)
    released = transfer.released(state, Reason.ASSIGNEE_GONE, since=facts.now)
    return written(state, command, facts, reopened, *released)


def may_reopen(state: Conversation, agent: str, desk: Desk) -> bool:
    """Say whether the agent may take it up again: whoever had it, serves its department, or stands above."""
    settings = desk.agents.get(agent)
    serves = settings is not None and state.department in settings.departments
    return serves or may_act(state, agent, "transfer_for_others", desk)


def reopen(state: Conversation, command: Reopen, facts: Facts) -> Outcome:
    """An agent takes up what is solved (F14)."""
    if not may_reopen(state, command.agent, facts.desk):
        return not_yours()
    if not facts.there(command.agent):
        return _not_there()
    return [events.Reopened(command.agent, command.agent, "history", state.contact)]


def reopen_ended(state: Conversation, command: Reopen, facts: Facts) -> Outcome:
    """No refusal: the shell asks the channel, for the customer may have another open conversation by now."""
    if not may_reopen(state, command.agent, facts.desk):
        return not_yours()
    if state.channel not in facts.desk.channels:
        text = f"its channel {state.channel!r} is no longer in the desk: nothing would reach the customer"
        return Refusal(Code.CLOSED, text)
    return [] if facts.there(command.agent) else _not_there()


def _not_there() -> Refusal:
    """It would be taken away from the agent again at once."""
    return Refusal(Code.UNAVAILABLE, "you are not there for customers: choose another presence first")


def open_already(state: Conversation, command: Reopen, facts: Facts) -> Outcome:
    """There is nothing to take up."""
    if not may_reopen(state, command.agent, facts.desk):
        return not_yours()
    return Refusal(Code.ALREADY_SO, f"the conversation has not ended: it is {state.status.value}")


def reopening(state: Conversation, command: Reopening, facts: Facts) -> Outcome:
    """The channel has answered (F14)."""
    wanted: Reopen = command.told.message
    refused = reopen_ended(state, wanted, facts)
    if isinstance(refused, Refusal):
        return refused
    if command.refusal is not None:
        return command.refusal
    # The customer may have written, and been written to, in a later conversation.
    window = command.window if command.window != state.window else None
    return [events.Reopened(wanted.agent, wanted.agent, "history", state.contact, window)]


def reopened_already(state: Conversation, command: Reopening, facts: Facts) -> Outcome:
    """Somebody else has been quicker in this very turn."""
    return open_already(state, command.told.message, facts)


# Do not disturb.


def mute(state: Conversation, command: Mute, _: Facts) -> Outcome:
    """From now on what the customer writes reaches nobody."""
    pending = endings.nothing_pending(state, Reason.DO_NOT_DISTURB)
    return [*pending, events.Muted(command.by, state.assignee)]


def unmute(state: Conversation, command: Unmute, facts: Facts) -> Outcome:
    """Back to whoever had it, or to the queue with its waiting time; what was solved is solved as before, if
    nobody has written.
    """
    agent = state.muted_from
    if state.solved_until is not None and not state.unanswered:
        return [events.Unmuted(command.by, agent, state.solved_until)]
    if agent and not lost(agent, facts):
        return [events.Unmuted(command.by, agent)]
    queued = events.Queued(state.department, state.since, Reason.DO_NOT_DISTURB_LIFTED)
    return [events.Unmuted(command.by), queued]


# What cannot be done meanwhile.


def set_apart(state: Conversation, command: Any, facts: Facts) -> Outcome:
    """Who has to do with it hears what it is and what can be done; to all others there is none (G15)."""
    command = getattr(command, "told", command)
    command = getattr(command, "message", command)
    if not may_reopen(state, command.agent, facts.desk):
        return not_yours()
    if state.status is Status.SOLVED:
        what = "the conversation is solved: reopen it first"
    elif state.status is Status.MUTED:
        what = "the customer is on the do-not-disturb list: lift that first"
    elif state.channel not in facts.desk.channels:
        what = f"the channel {state.channel!r} was removed: finish the conversation with end (F13)"
    else:
        what = "the customer has ended it: finish it with end, and a reason (F11)"
    return Refusal(Code.CLOSED, what)
