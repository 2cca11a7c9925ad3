"""Somebody is lost in the middle: an agent, a gateway, the daemon itself. Nothing else is."""

import signal
import subprocess
import sys
from itertools import pairwise

import pytest
import zmq

from protocol.client import ConnectionReplaced, Disconnected, Stopped
from protocol.messages import Delivery, Goodbye
from protocol.news import AgentSaid, Assigned, CustomerSaid, OfferEnded, Unassigned
from tests.plays.conftest import Town
from tests.plays.theatre import PASSWORD, PATIENCE_S, House, desk_text, until
from tests.plays.wire import Peer
from tests.rules import ROOT

QUICK = {"heartbeat_s": 0.3, "lease_s": 1.2}

#: An agent who accepts what is offered, says so, and then does nothing until killed.
SLEEPER = """
import sys
from protocol.client import ConsoleClient
from protocol.news import OfferMade
console = ConsoleClient(sys.argv[1], name="acme:home")
console.login("anna", sys.argv[2])
for item in console.events("anna"):
    offers = getattr(item, "offers", [])
    if isinstance(getattr(item, "news", None), OfferMade):
        offers = [item.news.offer]
    for offer in offers:
        console.accept("anna", offer)
        print("accepted", flush=True)
"""


@pytest.mark.rule("guarantee-G11", "guarantee-G10")
def test_a_console_falls_silent_and_its_offer_goes_to_the_next_with_the_time_waited() -> None:
    desk = desk_text(consoles={"office": None, "home": None}, grace_s=60)
    with House(desk, timing=QUICK) as house, Peer(house.consoles) as home:
        home.says_hello("console", "acme:home")
        home.logs_in("anna")
        home.subscribes("agent/anna")
        gateway = house.gateway()
        gateway.writes("olena")
        offer = home.hears(Delivery).news.offer
        boris = house.console().agent("boris")
        # No goodbye, and the socket stays open: only the lease can tell.
        again = boris.is_offered()
        assert (again.conversation, again.waiting_since) == (offer.conversation, offer.waiting_since)
        withdrawn = boris.ear.deliveries[-1].at
        assert withdrawn - offer.waiting_since < QUICK["lease_s"] + 2
        assert home.hears(Goodbye).code == "SILENT"


@pytest.mark.rule("guarantee-G11")
def test_an_agents_process_is_killed_and_after_the_grace_the_conversation_waits_again() -> None:
    desk = desk_text(consoles={"office": None, "home": None}, grace_s=0.5)
    with House(desk, timing=QUICK) as house:
        arguments = [sys.executable, "-c", SLEEPER, house.consoles, PASSWORD]
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, cwd=ROOT) as home:
            try:
                gateway = house.gateway()
                customer = gateway.hears
                begun = gateway.writes("olena")
                assert home.stdout is not None
                assert home.stdout.readline() == b"accepted\n"
                assert customer.hears(Assigned).agent == "anna"
                boris = house.console().agent("boris")
                home.send_signal(signal.SIGKILL)
                offer = boris.is_offered()
                assert offer.conversation == begun.conversation
                boris.accepts(offer)
                assert customer.hears(Assigned).agent == "boris"
                opened = boris.reads(begun.conversation)
                lost = next(news for _, news in opened if isinstance(news, Unassigned))
                assert lost.agent == "anna"
                assigned_at = customer.deliveries[0].at
                assert offer.waiting_since <= assigned_at
            finally:
                home.kill()


@pytest.mark.rule("A11", "D12", "guarantee-G5")
def test_an_agent_who_comes_back_within_the_grace_has_lost_nothing(town: Town) -> None:
    town.opens("anna")
    gateway = town.gateway()
    first = town.console()
    anna = first.agent("anna")
    begun = gateway.writes("olena")
    anna.accepts(anna.is_offered())
    anna.hears(Assigned)
    first.client.close()
    gateway.writes("olena", "Are you still there?")
    anna = town.console().agent_with_token("anna", anna.token)
    assert [view.conversation for view in anna.snapshot.conversations] == [begun.conversation]
    assert anna.snapshot.presence == "online"
    said = [news for _, news in anna.reads(begun.conversation) if isinstance(news, CustomerSaid)]
    assert said[-1].content.text == "Are you still there?"
    anna.says(begun.conversation, "Yes!")
    assert gateway.hears.hears(AgentSaid).content.text == "Yes!"


@pytest.mark.rule("guarantee-G5", "guarantee-G6")
def test_a_gateway_that_starts_again_goes_on_where_received_left_off(town: Town) -> None:
    town.opens("anna")
    gateway, anna = town.gateway(), town.console().agent("anna")
    begun = gateway.writes("olena")
    anna.accepts(anna.is_offered())
    for number in range(6):
        anna.says(begun.conversation, f"{number}")
    gateway.client.subscribe("web", automatic=False)
    stream = gateway.client.deliveries("web")
    before = [next(stream) for _ in range(7)]
    stream.received(before[3])
    gateway.client.close()
    second = town.gateway()
    again = [second.hears.next() for _ in range(3)]
    # The same numbers with the same content: what was not finished with comes again, what was does not.
    assert again == before[4:]


@pytest.mark.rule("guarantee-G5")
def test_numbers_of_another_history_are_not_answered_with_news(town: Town) -> None:
    town.opens("anna")
    with Peer(town.house.gateways) as gateway:
        gateway.says_hello("gateway", f"{town.tenant}:shop")
        assert gateway.refusal_of_subscribe("channel/web", after=0, journal="another") == "HISTORY_CHANGED"
        assert gateway.refusal_of_subscribe("channel/web", after=7, journal="") == "HISTORY_CHANGED"
        assert gateway.refusal_of_subscribe("channel/web", after=0, journal="") is None


def test_the_same_peer_twice_and_the_older_one_is_replaced(town: Town) -> None:
    town.opens("anna")
    older = town.gateway()
    older.writes("olena")
    newer = town.gateway()
    newer.writes("olena")
    assert older.told(Stopped).code == "REPLACED"
    with pytest.raises(ConnectionReplaced):
        older.writes("olena")
    # It stays away: the newer one is never disturbed.
    newer.writes("olena")
    assert not [notice for notice in newer.notices if isinstance(notice, Disconnected)]


@pytest.mark.rule(
    "guarantee-G1", "guarantee-G2", "guarantee-G3", "guarantee-G4", "guarantee-G5", "guarantee-G6"
)
def test_the_daemon_is_killed_in_the_middle_and_nothing_is_lost_or_doubled() -> None:
    many, contacts = 60, [f"customer-{number}" for number in range(4)]
    with House(desk_text(agents=["anna"])) as house:
        gateway, anna = house.gateway(), house.console().agent("anna")
        customer = gateway.hears
        conversations = {}
        for contact in contacts:
            conversations[contact] = gateway.writes(contact, f"{contact} 0").conversation
            anna.accepts(anna.is_offered())

        def write(contact: str, number: int) -> object:
            return gateway.client.without_waiting.customer_message("web", contact, f"{contact} {number}")

        for round_ in range(2):
            first = 1 + round_ * many
            pending = [
                write(contact, number) for number in range(first, first + many) for contact in contacts
            ]
            # In the middle: a part of them is answered, and the rest is under way.
            pending[len(pending) // 3].result(PATIENCE_S)  # type: ignore[attr-defined]
            house.restart()
            acks = [each.result(PATIENCE_S) for each in pending]  # type: ignore[attr-defined]
            assert len({(ack.conversation, ack.sequence) for ack in acks}) == len(pending)
            for contact, conversation in conversations.items():
                anna.says(conversation, f"to {contact} {round_}")

        said = 2 * len(contacts)
        until(lambda: len([t for t in customer.texts if t.startswith("to ")]) == said, "the answers")
        assert sorted(customer.texts) == sorted(
            f"to {contact} {round_}" for contact in contacts for round_ in range(2)
        )
        assert all(after == before + 1 for before, after in pairwise(customer.numbers))
        expected = 2 * many * len(contacts)
        until(
            lambda: len([d for d in anna.ear.deliveries if isinstance(d.news, CustomerSaid)]) >= expected,
            "all",
        )
        for contact, conversation in conversations.items():
            thread = anna.reads(conversation)
            theirs = [news.content.text for _, news in thread if isinstance(news, CustomerSaid)]
            assert theirs == [f"{contact} {number}" for number in range(2 * many + 1)]
            heard = [d.sequence for d in anna.ear.deliveries if d.conversation == conversation and d.sequence]
            assert heard == sorted(set(heard))
        assert all(after == before + 1 for before, after in pairwise(anna.ear.numbers))
        assert house.stop() == 0
        assert verify(house) == 0


def verify(house: House) -> int:
    """Have the journal's chain checked."""
    arguments = [sys.executable, "-m", "daemon", "verify", "--config", str(house.config)]
    return subprocess.run(
        arguments, cwd=ROOT, check=False, capture_output=True, timeout=PATIENCE_S
    ).returncode


@pytest.mark.rule("guarantee-G3", "guarantee-G5")
def test_tokens_ids_and_numbers_outlive_a_restart() -> None:
    with House(desk_text(agents=["anna"])) as house:
        key = bytes(range(16))
        gateway, console = house.gateway(), house.console()
        anna = console.agent("anna")
        first = gateway.writes("olena", command_id=key)
        anna.accepts(anna.is_offered())
        house.everybody_leaves()
        house.restart()
        again = house.gateway().writes("olena", command_id=key)
        assert (again.duplicate, again.position, again.sequence) == (True, first.position, first.sequence)
        anna = house.console().agent_with_token("anna", anna.token)
        assert [view.conversation for view in anna.snapshot.conversations] == [first.conversation]
        anna.says(first.conversation, "Here I am again.")


@pytest.mark.rule("guarantee-G9", "guarantee-G11")
def test_an_offer_that_was_out_when_the_daemon_died_is_over_when_it_is_back() -> None:
    with House(desk_text(offer_timeout_s=60)) as house:
        gateway, console = house.gateway(), house.console()
        anna = console.agent("anna")
        gateway.writes("olena")
        offer = anna.is_offered()
        house.kill()
        house.start()
        ended = anna.hears(OfferEnded)
        assert (ended.offer, ended.outcome) == (offer.offer, "withdrawn")
        again = anna.is_offered()
        assert (again.conversation, again.waiting_since) == (offer.conversation, offer.waiting_since)
        anna.accepts(again)


def test_a_socket_that_reconnects_behind_its_program_is_told_that_it_is_not_known() -> None:
    with House(desk_text()) as house, Peer(house.gateways, reconnect=True) as gateway:
        gateway.says_hello("gateway", "acme:shop")
        house.restart()
        until(lambda: gateway.socket.poll(0, zmq.POLLOUT), "the socket has come back")
        gateway.pings()
        refused = gateway.refusal()
        assert (refused.code, refused.id) == ("OUT_OF_ORDER", b"")
