"""Too much of it: frames, deliveries that nobody reads, connections that say nothing (A10 to A12); and what
must not leak (A14, I15).
"""

import socket
from contextlib import ExitStack
from itertools import pairwise

import pytest

from protocol.codec import encode
from protocol.content import Text
from protocol.messages import Accept, Ack, AgentMessage, CustomerMessage, Delivery, End, Ping, Refused
from protocol.news import AgentSaid
from tests.attacks.conftest import Fort
from tests.attacks.test_tenants import offer_to
from tests.plays.theatre import House, desk_text, free_port, until
from tests.plays.wire import Peer, new_id

CANARY = "kanarejka-9f1c-金丝雀"


@pytest.mark.rule("guarantee-G13")
def test_a10_who_floods_is_told_busy_and_the_others_are_served(fort: Fort) -> None:
    """A10: beyond the burst frames are dropped unread, with an answer each; the neighbours notice nothing."""
    evil, shop, rival = fort.shop(name="evil"), fort.shop(), fort.shop("rival")
    ping = encode([Ping(1)])
    for _ in range(3_000):
        evil.send(ping)
    assert shop.is_answered()
    assert isinstance(rival.answer(CustomerMessage(new_id(), "web", "a10", Text("Hello?"))), Ack)
    refused = evil.refusal()
    assert (refused.code, refused.id) == ("BUSY", b"")
    assert refused.retry_after_s > 0
    answers = [evil.next() for _ in range(3_000 - len(evil.heard))]
    assert sum(isinstance(answer, Refused) for answer in answers) > 1_000


@pytest.mark.rule("guarantee-G5", "guarantee-G13")
def test_a12_who_never_says_received_gets_one_window_and_later_everything(fort: Fort) -> None:
    """A12: no more than the window is under way; what is owed waits in the journal."""
    shop, office = fort.shop(), fort.office("anna")
    office.subscribes("agent/anna")
    ack = shop.answer(CustomerMessage(new_id(), "web", "a12", Text("Hello?")))
    offer = offer_to(office)
    office.answer(Accept(new_id(), "anna", offer.conversation, offer.offer))
    begun = shop.subscribes("channel/web", window=10).after
    many = 600
    for first in range(0, many, 100):
        commands = [
            AgentMessage(new_id(), "anna", ack.conversation, Text(f"{number}"))
            for number in range(first, first + 100)
        ]
        office.say(*commands)
        for _ in commands:
            office.hears(Ack)
    assert shop.is_answered()
    got = [message for message in shop.heard if isinstance(message, Delivery)]
    assert [delivery.number for delivery in got] == list(range(begun + 1, begun + 11))

    # A new connection resumes from the journal: by now memory has let go of the first ones.
    again = fort.shop()
    after = again.subscribes("channel/web", after=begun + 10, window=50).after
    assert after == begun + 10
    texts: list[str] = [d.news.content.text for d in got if isinstance(d.news, AgentSaid)]
    numbers = [delivery.number for delivery in got]
    while len(texts) < many:
        delivery = again.hears(Delivery)
        numbers.append(delivery.number)
        if isinstance(delivery.news, AgentSaid):
            texts.append(delivery.news.content.text)
        if delivery.number % 10 == 0:
            again.received("channel/web", delivery.number)
    assert texts == [f"{number}" for number in range(many)]
    assert all(second == first + 1 for first, second in pairwise(numbers))
    office.answer(End(new_id(), "anna", ack.conversation))


def test_a12_who_never_reads_is_dropped_and_the_daemon_stays_small(fort: Fort) -> None:
    """A12: answers pile up only so far; then the connection is gone, and the next one is good."""
    shop = fort.shop()
    before = fort.rss()
    evil = fort.peer("gateways", "evil")
    evil.socket.rcvhwm = 1
    evil.says_hello("gateway")
    command = encode([Ping(1)] * 1_000)
    for _ in range(390):
        evil.send(command)
    assert shop.is_answered()
    assert fort.rss() - before < 32 * 1024 * 1024
    assert fort.shop(name="evil").is_answered()


def test_a11_silent_connections_and_half_handshakes_disturb_nobody() -> None:
    """A11: nobody who says nothing, or half of it, takes the place of somebody who talks."""
    port = free_port()
    gateways = {"address": f"tcp://127.0.0.1:{port}"}
    with (
        House(desk_text(), timing={"handshake_ms": 500}, **{"listen.gateways": gateways}) as house,
        ExitStack() as stack,
    ):
        silent = []
        for number in range(150):
            line = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
            if number % 3:
                # The beginning of a ZMTP greeting, and of the rest of it.
                line.sendall((b"\xff" + bytes(8) + b"\x7f\x03\x00NULL")[: 10 + 3 * (number % 3)])
            silent.append(line)
        shop = stack.enter_context(Peer(f"tcp://127.0.0.1:{port}"))
        shop.says_hello("gateway", "acme:shop")
        assert isinstance(shop.answer(CustomerMessage(new_id(), "web", "a11", Text("Hello?"))), Ack)
        # Whoever has not finished the handshake is hung up on.
        assert house.status()["connections"]["gateway"] == 1
        for line in silent[:5]:
            until(lambda line=line: hung_up(line), "the end of a silent connection")
        assert shop.is_answered()


def hung_up(line: socket.socket) -> bool:
    """True when the other side has closed the connection."""
    try:
        return line.recv(4096) == b""
    except ConnectionError:
        return True


@pytest.mark.rule("guarantee-G15")
def test_a14_nothing_that_people_write_is_in_logs_or_metrics(fort: Fort) -> None:
    """A14, I15: not what customers and agents say, not their passwords, not what breaks frames."""
    shop, office = fort.shop(), fort.office("anna")
    office.subscribes("agent/anna")
    shop.answer(
        CustomerMessage(new_id(), "web", f"contact {CANARY}", Text(f"text {CANARY}"), f"name {CANARY}")
    )
    offer = offer_to(office)
    office.answer(Accept(new_id(), "anna", offer.conversation, offer.offer))
    office.answer(AgentMessage(new_id(), "anna", offer.conversation, Text(f"agent {CANARY}")))
    office.answer(AgentMessage(new_id(), "anna", offer.conversation, Text(CANARY * 200)))
    office.answer(End(new_id(), "anna", offer.conversation, f"reason {CANARY}"))
    token = office.logs_in("anna").token
    for frame in (CANARY.encode(), b"\x81\xa4type" + b"\xa4" + CANARY.encode()[:4], encode([Text(CANARY)])):
        shop.send(frame)
        assert shop.refusal().code == "BAD_FRAME"
    evil = fort.peer("gateways", "evil")
    evil.hello("gateway", name='evil\n{"event":"forged"}\x1b[31m')
    assert evil.is_answered()
    until(lambda: fort.metric("switchboard_agent_messages_total") >= 1, "the numbers")
    for output in (
        fort.stderr(),
        fort.fetch("/metrics")[1],
        fort.fetch("/readyz?verbose")[1],
        str(fort.status()),
    ):
        assert CANARY not in output
        assert "kanarejka" not in output
        assert token not in output
        assert "\x1b" not in output
        assert "correct horse" not in output
    assert not [line for line in fort.stderr().splitlines() if not line.startswith("{")]
