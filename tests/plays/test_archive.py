"""The archive on a real daemon: fed while it routes, asked over the wire, deleted and there again."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
import time
from typing import Any

import pytest

from daemon.archive.file import ARCHIVE_FILE
from protocol.errors import CommandRefused
from tests.plays.theatre import PATIENCE_S, Agent, Gateway, House, desk_text
from tests.rules import ROOT


def catches_up(house: House) -> dict[str, Any]:
    """Wait until the archive has everything."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        status = house.status()
        archive: dict[str, Any] = status["archive"]
        if archive["position"] == status["position"]:
            return archive
    raise AssertionError(f"the archive stays behind: {house.status()}")


def talks(house: House, gateway: Gateway, agent: Agent, contact: str, text: str, answer: str) -> str:
    """A customer asks, and is answered; the conversation ends."""
    talk: str = gateway.writes(contact, text).conversation
    agent.accepts(agent.is_offered())
    agent.says(talk, answer)
    agent.ends(talk)
    return talk


@pytest.mark.rule("N1", "N3", "O1", "O2")
def test_what_was_said_is_found_over_the_wire_also_after_a_kill_and_without_the_file() -> None:
    desk = desk_text("acme", ("anna",)).replace('name = "Anna"', 'name = "Anna"\nrole = "supervisor"')
    with House(desk, http=True) as house:
        gateway, anna = house.gateway(), house.console().agent("anna")
        assert house.status()["archive"]["skipped"] == 0
        first = talks(house, gateway, anna, "olena", "Де моє замовлення?", "我们马上退款")
        missed = gateway.writes("wei", "有人吗？").conversation
        gateway.leaves("wei")
        catches_up(house)
        asks(anna, first, missed)
        assert house.metric("switchboard_archive_behind_events") == 0
        assert house.metric("switchboard_tickets_total") >= 1
        house.restart()
        catches_up(house)
        asks(anna, first, missed)
        house.kill()
        for path in (house.folder / "state").glob(f"{ARCHIVE_FILE}*"):
            path.unlink()
        house.start()
        catches_up(house)
        asks(anna, first, missed)
        before = house.metric("switchboard_archive_rebuilds_total")
        run(house, "archive", "--rebuild")
        deadline = time.monotonic() + PATIENCE_S
        while house.metric("switchboard_archive_rebuilds_total") == before:
            assert time.monotonic() < deadline
        catches_up(house)
        asks(anna, first, missed)
        exported = list(csv.DictReader(io.StringIO(run(house, "export", "tickets", "--format", "csv"))))
        assert [row["conversation"] for row in exported] == [first, missed]
        assert house.stop() == 0


def asks(anna: Agent, first: str, missed: str) -> None:
    client = anna.client
    found = client.search_messages("anna", "退款")
    assert [each.conversation for each in found.said] == [first]
    assert [t.conversation for t in client.read_tickets("anna", "missed").tickets] == [missed]
    history = client.read_history("anna", first)
    assert [each.content.text for each in history.said] == [  # type: ignore[union-attr]
        "Де моє замовлення?",
        "我们马上退款",
    ]
    with pytest.raises(CommandRefused, match="no conversation"):
        client.read_ticket("anna", "nothing")


def run(house: House, *arguments: str) -> str:
    """Run a command beside the daemon; return what it prints."""
    command = [sys.executable, "-m", "daemon", *arguments, "--config", str(house.config)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr
    return done.stdout
