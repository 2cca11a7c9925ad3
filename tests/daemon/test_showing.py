"""Events as people read them."""

from __future__ import annotations

from base64 import b64encode
from typing import get_args

import pytest

from actors import events
from actors.dispatcher.reasons import SENTENCES as REASONS
from actors.journal import Entry
from daemon.commands.explain import OUTCOMES
from daemon.commands.showing import HOW, SENTENCES, line, sentence
from protocol.content import Text

#: Events of conversations; all others are of agents and dispatchers, which no transcript has.
OF_OTHERS = {
    events.SetAside,
    events.LoggedIn,
    events.PresenceChosen,
    events.LeaseLost,
    events.LeaseRegained,
    events.LoggedOut,
    events.InactivityWarned,
    events.ActiveAgain,
    events.HandOverBegun,
    events.HandedOver,
    events.DeskApplied,
    events.ShadowApplied,
    events.OrderChanged,
    events.ChannelCleared,
    events.Healed,
}


def test_every_event_of_a_conversation_has_its_sentence() -> None:
    assert set(get_args(events.AnyEvent)) - OF_OTHERS == set(SENTENCES)


def test_whoever_wrote_in_anothers_name_is_named() -> None:
    assert sentence(events.AgentWrote("anna", "c1", Text("hi"), "boss")) == "anna (by boss): hi"
    assert sentence(events.AgentWrote("anna", "c1", Text("hi"))) == "anna: hi"


def test_an_offer_says_why_in_codes() -> None:
    why = events.Why(trigger="arrival", rule="longest_wait", choice="least_loaded")
    offered = events.Offered("o", "anna", 0.0, "help", "web", "c1", "", 0.0, why)
    assert sentence(offered) == "-- offered to anna, because longest_wait, least_loaded"
    assert set(why.rule.split()) <= set(REASONS)


def test_every_way_to_an_assignee_is_told() -> None:
    assert set(HOW) <= set(OUTCOMES)


@pytest.mark.parametrize(
    "event",
    [
        events.AgentWrote("anna", "c1", Text("SAID")),
        events.Started("web", "c1", "help", "SAID"),
        events.Started("web", "c1", "help", question="SAID"),
        events.Started("web", "c1", "help", email="SAID"),
        events.CustomerWrote("c1", Text("hi"), said=events.Said(name="SAID")),
        events.CustomerWrote("c1", Text("hi"), said=events.Said(question="SAID")),
        events.Solved("anna", "sold", 0.0, "SAID"),
        events.Ended("anna", "c1", notes="SAID"),
        events.NoteWritten("anna", "SAID"),
        events.Renamed("SAID"),
        events.Rated(5, "SAID"),
        events.TransferStarted("anna", "anna", "wei", note="SAID"),
        events.Invited("i", "wei", "anna", 0.0, "help", "web", "c1", note="SAID"),
        events.SetAside("conversation", "k1", "ValueError", b"SAID"),
        events.DeskApplied("d", "SAID", "file", []),
        events.ShadowApplied("d", "SAID"),
    ],
)
@pytest.mark.parametrize("bodies", [False, True])
def test_what_people_say_is_on_a_line_only_on_request_and_a_desk_never(
    event: events.AnyEvent, bodies: bool
) -> None:
    shown = line(1, Entry("acme", "conversation", "k1", 1, 0.0, event), bodies=bodies)
    said = any(word in shown for word in ("SAID", b64encode(b"SAID").decode()))
    assert said is (bodies and not isinstance(event, events.DeskApplied | events.ShadowApplied))


def test_what_the_daemon_says_by_itself_is_the_desks_and_shown() -> None:
    greeted = Entry("acme", "conversation", "k1", 1, 0.0, events.Greeted("online", "Welcome!", "c1"))
    assert "Welcome!" in line(1, greeted, bodies=False)
