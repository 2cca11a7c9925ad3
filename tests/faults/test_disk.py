"""The disk goes wrong under a running daemon: slow flushes, failing flushes, no room (S4, S6, S7)."""

from __future__ import annotations

import time

import pytest

from tests.faults.tools import flushes, more_room, small_disk
from tests.kills.verdict import judge
from tests.plays.theatre import House, desk_text, until

COMMIT_FAILED = 74


@pytest.mark.rule("guarantee-G1", "guarantee-G13")
def test_with_a_slow_disk_answers_come_late_and_never_early() -> None:
    with House(desk_text(agents=["anna"])) as house:
        gateway = house.gateway()
        gateway.writes("olena")
        assert house.process is not None
        with flushes(house.process.pid, "delay_enter=400000"):
            for number in range(3):
                began = time.monotonic()
                gateway.writes("olena", f"slowly {number}")
                assert time.monotonic() - began >= 0.4
        began = time.monotonic()
        gateway.writes("olena", "quickly")
        assert time.monotonic() - began < 2.0
        assert house.status()["ready"]


@pytest.mark.rule("guarantee-G2", "guarantee-G3", "guarantee-G14")
def test_when_a_flush_fails_the_daemon_stops_and_the_same_message_is_taken_once_afterwards() -> None:
    with House(desk_text(agents=["anna"])) as house:
        gateway = house.gateway()
        acknowledged = [("olena", "first", gateway.writes("olena", "first"))]
        assert house.process is not None
        with flushes(house.process.pid, "error=EIO"):
            pending = gateway.client.without_waiting.customer_message("web", "olena", "second")
            assert house.ends() == COMMIT_FAILED
        house.start()
        acknowledged.append(("olena", "second", pending.result(20)))
        assert "it may be stored or not" in house.stderr()
        house.everybody_leaves()
        assert house.stop() == 0
        found = judge(house.folder / "state" / "journal.db", {"olena": ["first", "second"]}, acknowledged)
        assert found["problems"] == []


@pytest.mark.timeout(120)
@pytest.mark.rule("guarantee-G1", "guarantee-G2", "guarantee-G3")
def test_when_the_disk_is_full_nothing_acknowledged_is_lost_and_with_room_it_goes_on() -> None:
    with small_disk(3_000) as disk, House(desk_text(agents=["anna"])) as house:
        text = house.config.read_text(encoding="utf-8")
        house.stop()
        house.config.write_text(
            text.replace('state_directory = "state"', f'state_directory = "{disk / "state"}"'),
            encoding="utf-8",
        )
        house.start()
        gateway = house.gateway()
        sent, pending, acknowledged = [], [], []
        filler = disk / "filler"
        filler.write_bytes(bytes(1_200_000))
        for number in range(400):
            said = f"message {number} " + "x" * 4_000
            sent.append(said)
            pending.append(gateway.client.without_waiting.customer_message("web", "olena", said))
        process = house.process
        assert process is not None
        until(lambda: process.poll() is not None, "the end of the daemon", 30)
        assert house.ends() == COMMIT_FAILED
        before = [each for each in pending if each.done()]
        filler.unlink()
        more_room(disk, 30_000)
        house.start()
        acknowledged = [("olena", said, each.result(40)) for said, each in zip(sent, pending, strict=True)]
        assert len(before) < len(acknowledged)
        house.everybody_leaves()
        assert house.stop() == 0
        found = judge(disk / "state" / "journal.db", {"olena": sent}, acknowledged)
        assert found["problems"] == []
