"""How a conversation ends and comes back, on a real daemon and with the SDK."""

from __future__ import annotations

import pytest

from protocol.errors import CommandRefused
from protocol.life import EndCancelled, Interrupted, Noted, Rated, Reopened, StatusChanged, Tagged
from protocol.news import ConversationEnded
from tests.plays.conftest import Town
from tests.plays.theatre import desk_text

TWO = {"office": None, "phone": None}
WRAP_UP = 'wrap_up_required = true\nwrap_up_reasons = ["sold"]'


@pytest.mark.rule("F1", "F3", "F5", "F10", "F14", "F15", "O5")
def test_a_conversation_waits_is_solved_returns_ends_and_is_reopened(town: Town) -> None:
    desk = desk_text(town.tenant, ["anna", "boris"], consoles=TWO)
    town.house.apply(desk.replace('name = "Web"', 'name = "Web"\nstyle = "social_messaging"'))
    console, gateway = town.console(), town.gateway()
    anna = console.agent("anna")
    talk = gateway.writes("olena", authenticated=True).conversation
    anna.accepts(anna.is_offered())
    console.client.set_status("anna", talk, "pending")
    assert anna.hears(StatusChanged).status == "pending"
    assert gateway.writes("olena", "Here is the photo.").conversation == talk
    assert anna.hears(StatusChanged).by == "customer"
    console.client.end("anna", talk, "answered", after_s=600)
    gateway.writes("olena", "One more thing.")
    assert anna.hears(EndCancelled).by == "customer"
    console.client.tag("anna", talk, ["photo"])
    assert anna.hears(Tagged).added == ["photo"]
    console.client.end("anna", talk, "answered")
    assert anna.hears(StatusChanged).status == "solved"
    gateway.client.customer_rating("web", "olena", 5, "Thank you!")
    assert anna.hears(Rated).score == 5
    assert gateway.writes("olena", "And tomorrow?").conversation == talk
    assert anna.hears(Reopened).how == "reply"
    for _ in range(2):
        console.client.end("anna", talk)
    assert anna.hears(ConversationEnded).by == "agent"
    boris = town.house.console(f"{town.tenant}:phone")
    boris.agent("boris")
    boris.client.reopen("boris", talk)
    assert gateway.writes("olena", "Hello again.").conversation == talk


@pytest.mark.rule("F11", "F12", "G12")
def test_a_customer_who_ends_leaves_the_agent_a_wrap_up_that_outlives_the_connection(town: Town) -> None:
    town.opens("anna", consoles=TWO, extra=WRAP_UP)
    console, gateway = town.console(), town.gateway()
    anna = console.agent("anna")
    talk = gateway.writes("olena").conversation
    anna.accepts(anna.is_offered())
    gateway.leaves("olena")
    assert anna.hears(Interrupted).by == "customer"
    with pytest.raises(CommandRefused, match="finish it with end"):
        anna.says(talk, "Are you there?")
    again = town.house.console(f"{town.tenant}:phone").agent("anna")
    assert [(view.conversation, view.status) for view in again.snapshot.conversations] == [(talk, "wrap_up")]
    console.client.add_note("anna", talk, "Wanted tulips.")
    console.client.end("anna", talk, "sold", notes="Ten of them.")
    assert anna.hears(ConversationEnded).reason == "sold"
    assert Noted.__name__ not in {type(each.news).__name__ for each in anna.ear.deliveries}
