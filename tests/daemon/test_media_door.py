"""Requests about media at the door: whose they are, how many there may be, and when none is taken."""

from __future__ import annotations

import pytest

from daemon.connection import HEAVY_AT_ONCE
from protocol.errors import Code
from protocol.media import FetchMedia, UploadMedia
from protocol.messages import Refused
from tests.daemon.doors import Door

WEB, DESK = b"\0webb", b"\0desk"
MEDIA = "0" * 64


def codes(messages: list[object]) -> list[str]:
    return [message.code for message in messages if isinstance(message, Refused)]


@pytest.mark.rule("guarantee-G15")
def test_a_request_is_carried_out_for_the_tenant_of_the_connections_key() -> None:
    door = Door()
    door.greets("gateway", WEB)
    message = FetchMedia(door.new_id(), MEDIA)
    door.says("gateway", WEB, message)
    assert door.media.asked == [("acme", message)]


@pytest.mark.rule("guarantee-G15")
@pytest.mark.parametrize("agent", ["", "a1", "nobody"])
def test_a_console_asks_for_an_agent_who_is_logged_in_on_it(agent: str) -> None:
    door = Door()
    door.greets("console", DESK)
    for request in (
        FetchMedia(door.new_id(), MEDIA, agent=agent),
        UploadMedia(door.new_id(), MEDIA, 9, agent=agent),
    ):
        assert codes(door.says("console", DESK, request)) == [Code.NOT_AUTHENTICATED]
    assert door.media.asked == []
    door.logs_in(DESK, "a1")
    door.says("console", DESK, FetchMedia(door.new_id(), MEDIA, agent=agent))
    assert [message.agent for _, message in door.media.asked] == (["a1"] if agent == "a1" else [])


def test_a_peer_has_only_so_many_requests_and_the_rest_is_busy() -> None:
    door = Door()
    door.greets("gateway", WEB)
    requests = [FetchMedia(door.new_id(), MEDIA) for _ in range(HEAVY_AT_ONCE + 10)]
    answers = codes(door.says("gateway", WEB, *requests))
    assert len(door.media.asked) == HEAVY_AT_ONCE
    assert answers.count(Code.BUSY) == 10


def test_nothing_is_brought_while_the_disk_is_nearly_full() -> None:
    door = Door()
    door.greets("gateway", WEB)
    door.hub.shut = (Code.BUSY, "the disk is nearly full; nothing is stored", 5.0)
    (answer,) = door.says("gateway", WEB, UploadMedia(door.new_id(), MEDIA, 9))
    assert (answer.code, answer.retry_after_s) == (Code.BUSY, 5.0)
    assert door.media.asked == []
