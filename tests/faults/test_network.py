"""A bad network between real clients and a real daemon (N1 to N5, N8): byte by byte, encrypted and not."""

from __future__ import annotations

import select
from pathlib import Path

import pytest

from protocol.client import make_key_pair
from tests.faults.proxy import Proxy
from tests.kills.verdict import gaps, judge
from tests.plays.theatre import Agent, Console, Gateway, House, desk_text, until

CONTACTS = [f"customer-{number}" for number in range(6)]
TROUBLES = 8
TIMING = {"heartbeat_s": 1, "lease_s": 3}


def through(house: House, proxy: Proxy, other: Proxy) -> tuple[Gateway, Agent]:
    """A gateway and an agent come in through the proxies."""
    keys = getattr(house, "pairs", {})
    guests = house._guests
    gateway = guests.enter_context(Gateway(house, proxy.address, "acme:shop", keys.get("shop"), {}))
    console = guests.enter_context(Console(house, other.address, "acme:office", keys.get("office"), {}))
    return gateway, console.agent("anna")


def wait(seconds: float) -> None:
    """Let the trouble last."""
    select.select([], [], [], seconds)


@pytest.mark.timeout(150)
@pytest.mark.rule("guarantee-G3", "guarantee-G4", "guarantee-G5", "guarantee-G13")
@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_the_network_does_nothing_is_lost_doubled_or_out_of_order(seed: int) -> None:
    pairs = {"shop": make_key_pair(), "office": make_key_pair()}
    desk = desk_text(
        agents=["anna"],
        capacity=50,
        grace_s=120,
        gateways={"shop": pairs["shop"].public},
        consoles={"office": pairs["office"].public},
    )
    with House(desk, curve=True, timing=TIMING) as house:
        house.pairs = pairs  # type: ignore[attr-defined]
        sockets = [Path(address.removeprefix("ipc://")) for address in (house.gateways, house.consoles)]
        with Proxy(sockets[0], seed) as gateways, Proxy(sockets[1], seed + 100) as consoles:
            gateway, anna = through(house, gateways, consoles)
            customer = gateway.hears
            sent: dict[str, list[str]] = {contact: [] for contact in CONTACTS}
            pending, said = [], []
            for contact in CONTACTS:
                conversation = gateway.writes(contact, f"{contact} 0").conversation
                sent[contact].append(f"{contact} 0")
                anna.accepts(anna.is_offered())
                said.append(conversation)
            for number in range(1, TROUBLES + 1):
                gateways.trouble()
                consoles.trouble()
                for contact in CONTACTS:
                    for part in range(3):
                        text = f"{contact} {number}.{part}"
                        message = gateway.client.without_waiting.customer_message("web", contact, text)
                        pending.append((contact, text, message))
                        sent[contact].append(text)
                wait(0.3)
            gateways.heal()
            consoles.heal()
            acknowledged = [(contact, text, message.result(60)) for contact, text, message in pending]
            for conversation in said:
                anna.says(conversation, f"to {conversation}")
            until(lambda: len(customer.texts) == len(CONTACTS), "the answers", 30)
            assert gaps(customer.numbers) == gaps(anna.ear.numbers) == 0
            assert "Traceback" not in house.stderr()
            assert house.status()["ready"]
            house.everybody_leaves()
        assert house.stop() == 0
        found = judge(house.folder / "state" / "journal.db", sent, acknowledged)
        assert found["problems"] == []


def test_the_proxy_can_do_all_that_it_says(tmp_path: Path) -> None:
    with Proxy(tmp_path / "nobody", 3) as proxy:
        piece = bytes(100)
        assert sum(bin(byte).count("1") for byte in proxy.spoil(piece)) == 1
        for _ in range(60):
            proxy.trouble()
    assert set(proxy.log) == {"cut", "late", "small pieces", "one way", "black hole", "wrong bytes"}
