"""The way out: what has to be read from the journal is read in steps, and nobody is left behind."""

from __future__ import annotations

from typing import Any

import pytest

from daemon import outbound
from protocol.messages import Delivery, Gap, Snapshot, Subscribe
from tests.daemon.doors import Door

PEER = b"\0peer"


def numbers(door: Door, stream: str, peer: bytes) -> list[int]:
    return [
        message.number
        for message in door.heard("console", peer)
        if isinstance(message, Delivery) and message.stream == stream
    ]


def test_a_turn_reads_a_bounded_number_of_deliveries_and_the_rest_follows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outbound, "JOURNAL_READS", 5)
    door = Door()
    door.greets("gateway", b"\0gate")
    for number in range(12):
        door.stage.writes(f"c{number}", "hello")
    door.stage.logs_in("a1")
    for ident in [f"c{number}" for number in range(4)]:
        door.stage.writes(ident, "again")
    mailbox = door.system.mailbox("acme", "agent/a1")
    assert mailbox.last > 5
    reads: list[int] = []
    deliveries = door.system.deliveries

    def count(*args: Any) -> Any:
        entries = deliveries(*args)
        reads.append(len(entries))
        return entries

    monkeypatch.setattr(door.system, "deliveries", count)
    monkeypatch.setattr(type(mailbox), "after", lambda *_: None)
    door.greets("console", PEER)
    door.logs_in(PEER, "a1")
    last = mailbox.last
    door.says("console", PEER, Subscribe(door.new_id(), "agent/a1", 0, "", 100))
    turns = 1
    while door.outbound.owing:
        door.turn()
        turns += 1
    assert max(reads) <= 5
    assert turns >= last // 5
    assert numbers(door, "agent/a1", PEER) == list(range(1, last + 1))


def test_whoever_stood_back_is_first_in_the_next_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbound, "JOURNAL_READS", 2)
    door = Door()
    for number in range(8):
        door.stage.writes(f"c{number}", "hello")
    door.stage.logs_in("a1", "a2")
    monkeypatch.setattr(type(door.system.mailbox("acme", "agent/a1")), "after", lambda *_: None)
    peer = PEER
    door.greets("console", peer)
    door.logs_in(peer, "a1", "a2")
    door.says(
        "console",
        peer,
        Subscribe(door.new_id(), "agent/a1", 0, "", 100),
        Subscribe(door.new_id(), "agent/a2", 0, "", 100),
    )
    assert numbers(door, "agent/a2", peer) == []
    door.turn()
    assert numbers(door, "agent/a2", peer) == [1, 2]


@pytest.mark.rule("guarantee-G5")
def test_who_wants_what_is_no_longer_kept_is_told_of_the_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    door = Door()
    door.stage.logs_in("a1")
    door.stage.writes("ann", "hello")
    mailbox = door.system.mailbox("acme", "agent/a1")
    monkeypatch.setattr(type(mailbox), "after", lambda *_: None)
    monkeypatch.setattr(door.system, "deliveries", lambda *_: [])
    door.greets("console", PEER)
    door.logs_in(PEER, "a1")
    said = door.says("console", PEER, Subscribe(door.new_id(), "agent/a1", 0, "", 100))
    (gap,) = [message for message in said if isinstance(message, Gap)]
    (snapshot,) = [message for message in said if isinstance(message, Snapshot)]
    assert (gap.stream, gap.first_available) == ("agent/a1", mailbox.last + 1)
    assert snapshot.number == mailbox.last
    assert not any(isinstance(message, Delivery) for message in said)
