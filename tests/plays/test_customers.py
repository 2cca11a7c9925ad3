"""Visitors, hints, proactive chat and abuse on a real daemon, over sockets, with the SDK."""

import pytest

from protocol.client.events import HintHeard
from protocol.errors import CommandRefused
from protocol.life import DoNotDisturbChanged
from protocol.news import AgentSaid, Assigned, ConversationEnded, CustomerSaid
from tests.plays.conftest import Town


@pytest.mark.rule("C2", "C6", "C7", "C8", "C9")
def test_a_visitor_looks_around_is_written_to_and_answers(town: Town) -> None:
    town.opens("anna")
    gateway, console = town.gateway(), town.console()
    anna, customer = console.agent("anna"), gateway.hears
    gateway.client.visitor_entered("web", "olena", "/", "Home", name="Олена", place="Lviv", browser="Firefox")
    gateway.client.visitor_viewed("web", "olena", "/boots", "Boots")
    seen = console.client.read_customer("anna", "web", "olena")
    assert (seen.name, seen.place, seen.online) == ("Олена", "Lviv", True)
    assert [page.page for page in seen.pages] == ["/", "/boots"]
    begun = console.client.invite_visitor("anna", "web", "olena", "Looking for boots?")
    assert anna.hears(Assigned).origin == "proactive"
    assert customer.hears(AgentSaid).content.text == "Looking for boots?"
    with pytest.raises(CommandRefused, match=begun.conversation):
        console.client.invite_visitor("anna", "web", "olena", "Still there?")
    assert gateway.writes("olena", "Yes!").conversation == begun.conversation
    assert anna.hears(CustomerSaid).content.text == "Yes!"
    gateway.client.visitor_left("web", "olena")
    assert not console.client.read_customer("anna", conversation=begun.conversation).online


def test_hints_pass_in_both_directions(town: Town) -> None:
    town.opens("anna")
    gateway, console = town.gateway(), town.console()
    anna = console.agent("anna")
    assert gateway.hears
    talk = gateway.writes("olena").conversation
    anna.accepts(anna.is_offered())
    gateway.client.customer_hint("web", "olena", "typing")
    heard = console.told(HintHeard).hint
    assert (heard.conversation, heard.hint, heard.agent) == (talk, "typing", "")
    console.client.agent_hint("anna", talk, "read", 2)
    heard = gateway.told(HintHeard).hint
    assert (heard.contact, heard.hint, heard.sequence, heard.agent) == ("olena", "read", 2, "anna")


@pytest.mark.rule("M1", "M2")
def test_a_customer_is_muted_comes_back_is_blocked_and_let_in(town: Town) -> None:
    town.opens("anna")
    gateway, console = town.gateway(), town.console()
    anna = console.agent("anna")
    talk = gateway.writes("olena").conversation
    anna.accepts(anna.is_offered())
    console.client.do_not_disturb("anna", talk)
    assert anna.hears(DoNotDisturbChanged).on
    assert gateway.writes("olena", "not heard").conversation == talk
    console.client.do_not_disturb("anna", talk, on=False)
    assert not anna.hears(DoNotDisturbChanged).on
    gateway.writes("olena", "heard")
    assert anna.hears(CustomerSaid).content.text == "heard"
    assert "not heard" in [
        getattr(getattr(news, "content", None), "text", "") for _, news in anna.reads(talk)
    ]
    console.client.block("anna", talk)
    assert anna.hears(ConversationEnded).reason == "blocked"
    with pytest.raises(CommandRefused, match="BLOCKED"):
        gateway.writes("olena", "let me in")
    console.client.block("anna", talk, on=False)
    assert gateway.writes("olena", "back again").conversation != talk
