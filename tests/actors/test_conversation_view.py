"""Who learns what of a conversation: every event has an audience, and all that anybody is told has words."""

from __future__ import annotations

from typing import get_args

import pytest

from actors import events
from actors.conversation import view
from actors.conversation.state import Conversation, Offer, Status
from actors.conversation.view import audience, delivery, news
from actors.events import AnyEvent
from actors.journal import Entry
from protocol.content import Text
from tests.actors.conversations import NOW, conversation
from tests.actors.test_conversation_machine import EXAMPLES, OTHERS

BUSY = conversation(
    Status.OPEN, 9, assignee="a1", members=("m1", "m2"), offer=Offer("o1", "new", NOW + 10, "transfer", "a1")
)
ALONE = conversation(Status.OPEN, 5, assignee="a1")
#: What is nobody's business outside.
UNTOLD = {"Started", "Queued", "ConferenceEnded", "AssigneeGone", "AssigneeBack", "GreetingLeftOut"}


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_event_of_a_conversation_has_its_audience_and_its_news(name: str) -> None:
    event = EXAMPLES[name]
    assert {kind.__name__ for kind in get_args(AnyEvent)} - OTHERS == set(EXAMPLES)
    streams = audience(BUSY, event)
    assert bool(streams) == (name not in UNTOLD)
    for stream in streams:
        told = delivery(stream, 1, Entry("acme", "conversation", "c1", 1, NOW, event, streams))
        assert told.conversation == "c1"
        assert (told.contact == "ann") == stream.startswith("channel/")


def names(state: Conversation, event: AnyEvent) -> list[str]:
    return [stream.partition("/")[2] for stream in audience(state, event)]


@pytest.mark.rule("G9", "G11")
def test_what_is_said_reaches_everybody_but_the_one_who_says_it() -> None:
    """Chatwoot#14934: an agent misses another agent's reply."""
    everybody = ["a1", "m1", "m2", "new"]
    assert names(BUSY, events.CustomerWrote("ann", Text("x"))) == everybody
    for writer, author in (("a1", ""), ("m1", "m1"), ("boss", "boss")):
        wrote = events.AgentWrote("a1", "ann", Text("x"), author)
        assert names(BUSY, wrote) == ["web", *(agent for agent in everybody if agent != writer)]
    assert names(ALONE, events.CustomerWrote("ann", Text("x"))) == ["a1"]
    assert names(ALONE, events.AgentWrote("a1", "ann", Text("x"))) == ["web"]
    assert names(ALONE, events.AgentWrote("a1", "ann", Text("x"), "boss")) == ["web", "a1"]


@pytest.mark.rule("G4")
def test_a_new_assignee_is_news_to_the_channel_the_old_one_and_the_members() -> None:
    event = events.Assigned("o1", "new", "help", "web", "ann", NOW, "Ann", "transferred", "a1", "a1")
    streams = audience(BUSY, event)
    assert streams == ("channel/web", "agent/new", "agent/a1", "agent/m1", "agent/m2")
    entry = Entry("acme", "conversation", "c1", 1, NOW, event, streams)
    kinds = {stream: type(delivery(stream, 1, entry).news).__name__ for stream in streams}
    assert kinds == dict.fromkeys(streams, "Assigned") | {"agent/a1": "Unassigned"}


@pytest.mark.rule("G11")
def test_the_author_is_for_agents_only() -> None:
    entry = Entry("acme", "conversation", "c1", 1, NOW, events.AgentWrote("a1", "ann", Text("x"), "boss"))
    assert delivery("agent/m1", 1, entry).news.author == "boss"  # type: ignore[union-attr]
    assert "boss" not in repr(delivery("channel/web", 1, entry))
    assert news("c1", entry.event).author == "boss"  # type: ignore[union-attr]


def test_notes_and_reasons_between_colleagues_never_reach_a_channel() -> None:
    for name, event in EXAMPLES.items():
        if name in ("TransferStarted", "Invited", "InvitationEnded", "MemberJoined", "MemberLeft", "Offered"):
            assert not any(stream.startswith("channel/") for stream in audience(BUSY, event))


def test_the_views_of_a_snapshot_say_who_is_in_it() -> None:
    seen = view.conversation_view("c1", BUSY)
    assert (seen.assignee, seen.members) == ("a1", ("m1", "m2"))
    assert BUSY.offer is not None
    offer = view.offer_view("c1", BUSY, BUSY.offer)
    assert (offer.kind, offer.from_agent, offer.department) == ("transfer", "a1", "help")
