"""Time goes wrong: the wall clock jumps, the process stands still (T1, T2)."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from protocol.news import OfferEnded
from tests.faults.tools import compiled
from tests.kills.verdict import gaps
from tests.plays.theatre import House, desk_text, until
from tests.plays.wire import Peer

HOUR_S = 3_600
OFFER_S = 3.0


@pytest.mark.rule("guarantee-G4", "guarantee-G9")
@pytest.mark.parametrize("jump_s", [-24 * HOUR_S, -HOUR_S, HOUR_S, 24 * HOUR_S])
def test_a_wall_clock_that_jumps_moves_no_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump_s: int
) -> None:
    offset = tmp_path / "offset"
    offset.write_text("0")
    monkeypatch.setenv("LD_PRELOAD", str(compiled(Path(__file__).with_name("clock.c"), tmp_path)))
    monkeypatch.setenv("CLOCK_OFFSET", str(offset))
    with House(desk_text(agents=["anna"], offer_timeout_s=OFFER_S), http=True) as house:
        monkeypatch.undo()
        gateway, anna = house.gateway(), house.console().agent("anna")
        gateway.writes("olena")
        began = time.monotonic()
        offer = anna.is_offered()
        offset.write_text(str(jump_s))
        ended = anna.hears(OfferEnded)
        lasted_s = time.monotonic() - began
        assert (ended.offer, ended.outcome) == (offer.offer, "expired")
        assert OFFER_S - 0.2 <= lasted_s <= OFFER_S + 1.5
        assert gateway.writes("olena", "Still there?").sequence > 1
        heard = [delivery.at for delivery in anna.ear.deliveries]
        assert heard == sorted(heard), "time went back"
        assert house.status()["ready"]


@pytest.mark.rule("guarantee-G9", "guarantee-G11")
def test_a_daemon_that_stood_still_goes_on_and_what_is_overdue_ends_at_once() -> None:
    timing = {"heartbeat_s": 2, "lease_s": 8}
    with House(desk_text(agents=["anna"], offer_timeout_s=OFFER_S), timing=timing) as house:
        gateway, anna = house.gateway(), house.console().agent("anna")
        gateway.writes("olena")
        anna.is_offered()
        house.signal(signal.SIGSTOP)
        pending = gateway.client.without_waiting.customer_message("web", "olena", "Hello?")
        stopped_at = time.monotonic()
        until(lambda: time.monotonic() > stopped_at + OFFER_S + 1, "the deadline, and a second more")
        house.signal(signal.SIGCONT)
        going_on_at = time.monotonic()
        anna.hears(OfferEnded)
        assert time.monotonic() - going_on_at < 1.5
        assert pending.result(10).sequence > 1
        assert gaps(anna.ear.numbers) == 0
        assert [type(notice).__name__ for notice in gateway.notices] == ["Connected"]


def test_peers_that_stand_still_for_longer_than_the_lease_are_let_go() -> None:
    with House(desk_text(), timing={"heartbeat_s": 1, "lease_s": 2}) as house, Peer(house.gateways) as silent:
        silent.says_hello("gateway", "acme:shop")
        assert silent.next(8).code == "SILENT"
