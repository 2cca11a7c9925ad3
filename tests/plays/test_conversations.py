"""A customer writes, an agent answers: the conversation as both sides live it."""

import asyncio
import threading
from collections.abc import Callable
from functools import partial

import pytest

from protocol.client import AsyncConsoleClient, AsyncGatewayClient
from protocol.errors import CommandRefused
from protocol.messages import Delivery, Snapshot
from protocol.news import (
    AgentSaid,
    Assigned,
    ConversationEnded,
    ConversationStarted,
    CustomerSaid,
    OfferEnded,
    OfferMade,
    PresenceChanged,
)
from tests.plays.conftest import Town
from tests.plays.theatre import PASSWORD, PATIENCE_S, until

#: What must come out as it went in: scripts, directions, joined emoji, marks alone, line ends, a zero byte.
TEXTS = [
    "你好,我的订单还没有到。請問什麼時候可以收到?",
    "Добрий день! Чи є доставка до Львова? Їжак, ґанок, п’ять.",
    "👩‍👩‍👧‍👦 🇺🇦 👍🏽 ☎️ 🏴󠁧󠁢󠁳󠁣󠁴󠁿",
    "e\u0301 is not \u00e9; \u202eright to left\u202c; שלום; مرحبا",
    "line\r\nline\tend\x00\x1b[31m \ufeff\uffff\U0010ffff ",
    "'; DROP TABLE journal; -- %s {0} ${jndi:ldap://x} ../../etc/passwd",
]


@pytest.mark.rule("C3", "D9", "E1", "F8", "N1", "guarantee-G1", "guarantee-G4")
def test_a_customer_writes_an_agent_answers_and_both_get_everything_in_order(town: Town) -> None:
    town.opens("anna")
    gateway, anna = town.gateway(), town.console().agent("anna")
    customer = gateway.hears

    begun = gateway.writes("olena", "Do you ship to Lviv?")
    offer = anna.is_offered()
    assert (offer.conversation, offer.contact, offer.department) == (begun.conversation, "olena", "help")
    assert anna.reads(offer.conversation)[1][1].content.text == "Do you ship to Lviv?"

    assert anna.accepts(offer).conversation == begun.conversation
    assert anna.hears(Assigned).agent == "anna"
    assert customer.hears(Assigned).contact == "olena"

    anna.says(begun.conversation, "Yes.")
    anna.says(begun.conversation, "In two days.")
    gateway.writes("olena", "Thanks!")
    anna.says(begun.conversation, "You are welcome.")
    assert anna.hears(CustomerSaid).content.text == "Thanks!"
    anna.ends(begun.conversation, "solved")
    assert anna.hears(ConversationEnded).by == "agent"
    assert customer.hears(ConversationEnded).reason == "solved"

    assert customer.texts == ["Yes.", "In two days.", "You are welcome."]
    assert customer.numbers == list(range(1, len(customer.heard) + 1))
    assert anna.ear.numbers == list(range(anna.ear.numbers[0], anna.ear.numbers[-1] + 1))
    thread = anna.reads(begun.conversation)
    said = [news.content.text for _, news in thread if isinstance(news, CustomerSaid | AgentSaid)]
    assert said == ["Do you ship to Lviv?", "Yes.", "In two days.", "Thanks!", "You are welcome."]
    assert isinstance(thread[0][1], ConversationStarted)
    sequences = [sequence for sequence, _ in thread]
    assert sequences == sorted(set(sequences))


@pytest.mark.rule("C3", "F2", "F9")
def test_after_the_end_neither_reaches_the_other_and_a_new_message_begins_a_new_conversation(
    town: Town,
) -> None:
    town.opens("anna")
    gateway, anna = town.gateway(), town.console().agent("anna")
    first = gateway.writes("olena").conversation
    anna.accepts(anna.is_offered())
    anna.ends(first)
    with pytest.raises(CommandRefused, match="CLOSED"):
        anna.says(first, "One more thing")
    second = gateway.writes("olena").conversation
    assert second != first
    assert anna.is_offered().conversation == second
    assert "One more thing" not in gateway.hears.texts


@pytest.mark.rule("D1")
def test_of_two_customers_who_waits_longest_is_offered_first(town: Town) -> None:
    town.opens("anna", capacity=1)
    gateway = town.gateway()
    waiting = [gateway.writes(contact).conversation for contact in ("first", "second", "third")]
    anna = town.console().agent("anna")
    served = []
    offers = list(anna.snapshot.offers)
    for _ in waiting:
        offer = offers.pop() if offers else anna.is_offered()
        anna.accepts(offer)
        anna.ends(offer.conversation)
        served.append(offer.conversation)
    assert served == waiting


def test_a_declined_offer_goes_to_the_next_agent(town: Town) -> None:
    town.opens("anna", "boris")
    gateway, console = town.gateway(), town.console()
    anna = console.agent("anna")
    gateway.writes("olena")
    offer = anna.is_offered()
    boris = console.agent("boris")
    anna.declines(offer)
    assert anna.hears(OfferEnded).outcome == "declined"
    second = boris.is_offered()
    assert (second.conversation, second.waiting_since) == (offer.conversation, offer.waiting_since)
    assert second.offer != offer.offer


@pytest.mark.rule("A8", "A9", "E4", "guarantee-G9")
def test_who_lets_an_offer_expire_is_not_answering_until_set_back_by_hand(town: Town) -> None:
    town.opens("anna", offer_timeout_s=0.3, decline_pause_s=0)
    gateway, anna = town.gateway(), town.console().agent("anna")
    gateway.writes("olena")
    offer = anna.is_offered()
    assert anna.hears(OfferEnded).outcome == "expired"
    expired = anna.ear.deliveries[-1]
    assert offer.deadline_at <= expired.at <= offer.deadline_at + 1
    assert anna.hears(PresenceChanged).presence == "not_answering"
    with pytest.raises(CommandRefused, match="OFFER_GONE"):
        anna.accepts(offer)
    gateway.writes("pavlo")
    assert until(lambda: town.house.status()["waiting"].get(f"{town.tenant}/help") == 2, "two wait")
    assert len([item for item in anna.ear.deliveries if isinstance(item.news, OfferMade)]) == 1
    anna.chooses("online")
    assert anna.is_offered().waiting_since == offer.waiting_since


@pytest.mark.rule("D6", "guarantee-G7")
def test_of_two_accepts_that_race_one_wins_and_the_other_hears_that_the_offer_is_gone(town: Town) -> None:
    town.opens("anna", capacity=100, consoles={"office": None, "home": None})
    # Both are Anna, at two consoles: nobody else can know the offer's id.
    here, there = town.console(), town.console("home")
    anna, twin = here.agent("anna"), there.agent("anna")
    gateway = town.gateway()
    for number in range(20):
        gateway.writes(f"customer-{number}")
        offer = anna.is_offered()
        assert twin.is_offered() == offer
        outcomes = race(partial(anna.accepts, offer), partial(twin.accepts, offer))
        assert sorted(outcomes) == ["OFFER_GONE", "ack"]
        assert anna.hears(Assigned) == twin.hears(Assigned)


def race(*runners: Callable[[], object]) -> list[str]:
    """Let them run at the same time; return how each came out."""
    outcomes: list[str] = []
    start = threading.Barrier(len(runners))

    def run(runner: Callable[[], object]) -> None:
        start.wait(PATIENCE_S)
        try:
            runner()
            outcomes.append("ack")
        except CommandRefused as refused:
            outcomes.append(str(refused.code))

    threads = [threading.Thread(target=run, args=(runner,)) for runner in runners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    return outcomes


@pytest.mark.rule("F11", "guarantee-G7")
def test_the_customer_leaves_while_the_offer_is_out(town: Town) -> None:
    town.opens("anna")
    gateway, anna = town.gateway(), town.console().agent("anna")
    gateway.writes("olena")
    offer = anna.is_offered()
    gateway.leaves("olena")
    ended = anna.hears(OfferEnded)
    assert (ended.offer, ended.outcome) == (offer.offer, "withdrawn")
    with pytest.raises(CommandRefused, match="OFFER_GONE"):
        anna.accepts(offer)
    with pytest.raises(CommandRefused, match="CLOSED"):
        gateway.leaves("olena")
    assert gateway.hears.hears(ConversationEnded).by == "customer"


@pytest.mark.rule("F11")
def test_the_customer_leaves_in_the_middle_and_the_agent_is_told(town: Town) -> None:
    town.opens("anna")
    gateway, anna = town.gateway(), town.console().agent("anna")
    gateway.writes("olena")
    offer = anna.is_offered()
    anna.accepts(offer)
    gateway.leaves("olena")
    assert anna.hears(ConversationEnded).by == "customer"
    with pytest.raises(CommandRefused, match="CLOSED"):
        anna.says(offer.conversation, "Are you there?")


@pytest.mark.rule("A1", "A8")
def test_an_agent_who_is_busy_or_away_is_offered_nothing(town: Town) -> None:
    town.opens("anna")
    gateway, anna = town.gateway(), town.console().agent("anna")
    # Busy she would be offered it as the only one who is there (A3).
    for presence in ("busy", "away"):
        anna.chooses(presence)
        assert anna.hears(PresenceChanged).presence == presence
    gateway.writes("olena")
    assert town.house.status()["waiting"][f"{town.tenant}/help"] == 1
    anna.chooses("online")
    # What comes next is the change itself, then the offer: nothing came in between.
    assert [type(anna.ear.next().news) for _ in range(2)] == [PresenceChanged, OfferMade]  # type: ignore[union-attr]


@pytest.mark.rule("guarantee-G8")
def test_nobody_is_offered_more_than_the_capacity(town: Town) -> None:
    town.opens("anna", capacity=2)
    gateway, anna = town.gateway(), town.console().agent("anna")
    for number in range(5):
        gateway.writes(f"customer-{number}")
    offers = [anna.is_offered(), anna.is_offered()]
    anna.accepts(offers[0])
    assert town.house.status()["waiting"][f"{town.tenant}/help"] == 3
    anna.ends(offers[0].conversation)
    anna.is_offered()
    assert len([item for item in anna.ear.deliveries if isinstance(item.news, OfferMade)]) == 3


@pytest.mark.rule("A5")
def test_who_logs_out_gives_the_conversations_back_with_their_waiting_time(town: Town) -> None:
    town.opens("anna", "boris")
    gateway, console = town.gateway(), town.console()
    anna = console.agent("anna")
    gateway.writes("olena")
    offer = anna.is_offered()
    anna.accepts(offer)
    boris = console.agent("boris")
    console.client.logout("anna")
    again = boris.is_offered()
    assert (again.conversation, again.waiting_since) == (offer.conversation, offer.waiting_since)


def test_every_text_arrives_as_it_was_written_byte_for_byte(town: Town) -> None:
    town.opens("anna")
    gateway, anna = town.gateway(), town.console().agent("anna")
    conversation = gateway.writes("контакт-联系人-👤", TEXTS[0], name="Олена 张").conversation
    offer = anna.is_offered()
    assert (offer.contact, offer.name) == ("контакт-联系人-👤", "Олена 张")
    anna.accepts(offer)
    anna.hears(Assigned)
    for text in TEXTS[1:]:
        gateway.writes("контакт-联系人-👤", text)
        assert anna.hears(CustomerSaid).content.text.encode() == text.encode()
    for text in TEXTS:
        anna.says(conversation, text)
        assert gateway.hears.hears(AgentSaid).content.text.encode() == text.encode()
    said = [
        news.content.text
        for _, news in anna.reads(conversation)
        if isinstance(news, CustomerSaid | AgentSaid)
    ]
    assert said == [*TEXTS, *TEXTS]


@pytest.mark.rule("H2")
def test_an_agents_text_that_is_too_long_is_refused_alone(town: Town) -> None:
    town.opens("anna")
    gateway, anna = town.gateway(), town.console().agent("anna")
    conversation = gateway.writes("olena").conversation
    anna.accepts(anna.is_offered())
    with pytest.raises(CommandRefused, match="TOO_LARGE"):
        anna.says(conversation, "界" * 1001)
    anna.says(conversation, "界" * 1000)
    assert gateway.hears.hears(AgentSaid).content.text == "界" * 1000


@pytest.mark.rule("guarantee-G3")
def test_the_same_message_twice_is_one_message_and_the_same_id_with_other_words_is_refused(
    town: Town,
) -> None:
    town.opens("anna")
    gateway, anna = town.gateway(), town.console().agent("anna")
    key = bytes(range(16))
    first = gateway.writes("olena", "Once", command_id=key)
    again = gateway.writes("olena", "Once", command_id=key)
    assert (first.duplicate, again.duplicate) == (False, True)
    assert (first.position, first.sequence) == (again.position, again.sequence)
    with pytest.raises(CommandRefused, match="ID_REUSED"):
        gateway.writes("olena", "Twice", command_id=key)
    anna.is_offered()
    said = [news for _, news in anna.reads(first.conversation) if isinstance(news, CustomerSaid)]
    assert [news.content.text for news in said] == ["Once"]


def test_the_first_play_again_with_the_asyncio_client(town: Town) -> None:
    town.opens("anna")
    house, tenant = town.house, town.tenant

    async def play() -> None:
        async with (
            AsyncGatewayClient(house.gateways, name=f"{tenant}:shop") as gateway,
            AsyncConsoleClient(house.consoles, name=f"{tenant}:office") as console,
        ):
            await console.login("anna", PASSWORD)
            events = console.events("anna")
            assert isinstance(await anext(events), Snapshot)
            await gateway.subscribe("web")
            begun = await gateway.customer_message("web", "olena", "Do you ship to Lviv?")
            made = await anext(events)
            assert isinstance(made, Delivery)
            assert isinstance(made.news, OfferMade)
            await console.accept("anna", made.news.offer)
            await console.say("anna", begun.conversation, "Yes.")
            await gateway.customer_message("web", "olena", "Thanks!")
            await console.end("anna", begun.conversation, "solved")
            mine, theirs = [], []
            async for delivery in gateway.deliveries("web"):
                theirs.append(type(delivery.news))
                if isinstance(delivery.news, ConversationEnded):
                    break
            async for item in events:
                assert isinstance(item, Delivery)
                mine.append(type(item.news))
                if isinstance(item.news, ConversationEnded):
                    break
            assert theirs == [Assigned, AgentSaid, ConversationEnded]
            assert mine == [Assigned, CustomerSaid, ConversationEnded]
            thread = await console.read_thread("anna", begun.conversation)
            assert [entry.sequence for entry in thread.entries][:2] == [1, 2]

    asyncio.run(asyncio.wait_for(play(), PATIENCE_S))
