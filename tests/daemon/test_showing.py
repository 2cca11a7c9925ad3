"""Events as people read them."""

from __future__ import annotations

from typing import get_args

from actors import events
from actors.dispatcher.reasons import SENTENCES as REASONS
from daemon.commands.explain import OUTCOMES
from daemon.commands.showing import HOW, SENTENCES, sentence
from protocol.messages import Text

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
