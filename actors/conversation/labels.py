"""What is said about a conversation rather than in it: notes, tags, the customer's rating (G12, O5)."""

from __future__ import annotations

from actors import events
from actors.conversation.orders import Refusal
from actors.conversation.state import Conversation, Facts, Outcome, Status, may_act, not_yours
from config.desk import Desk
from protocol.errors import Code
from protocol.life import AddNote, CustomerRating, Tag

#: The most tags of one conversation.
TAGS_MAX = 100


def may_label(state: Conversation, agent: str, desk: Desk) -> bool:
    """Say whether the agent sees the conversation: is in it, or is offered it, had it, or may help in it."""
    offered_to = state.offer.agent if state.offer is not None else ""
    if agent in (state.assignee, offered_to) or agent in state.members:
        return True
    return may_act(state, agent, "help", desk)


def note(state: Conversation, command: AddNote, facts: Facts) -> Outcome:
    """Write something down for the other agents."""
    if not may_label(state, command.agent, facts.desk):
        return not_yours()
    return [events.NoteWritten(command.agent, command.text)]


def tag(state: Conversation, command: Tag, facts: Facts) -> Outcome:
    """Put tags on, or take them off. The event says what was said: so a repeat can be compared (G3)."""
    if not may_label(state, command.agent, facts.desk):
        return not_yours()
    if not command.add and not command.remove:
        return Refusal(Code.NOT_ALLOWED, "name a tag to add or to remove")
    event = events.Tagged(command.agent, command.add, command.remove)
    if len(tagged(state.tags, event)) > TAGS_MAX:
        return Refusal(Code.QUOTA, f"a conversation has at most {TAGS_MAX} tags")
    return [event]


def tagged(tags: tuple[str, ...], event: events.Tagged) -> tuple[str, ...]:
    """Return the tags after a change, in the order in which they were put on."""
    kept = (each for each in tags if each not in event.removed)
    return tuple(dict.fromkeys((*kept, *event.added)))


def rate(state: Conversation, command: CustomerRating, _: Facts) -> Outcome:
    """The customer says how it was, while it lasts or afterwards (O5)."""
    assert state.status is not Status.NEW, "the channel has found it"
    return [events.Rated(command.score, command.comment, command.contact, command.channel)]
