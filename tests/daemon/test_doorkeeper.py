"""Who gets a connection, and for how long somebody gets none."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from daemon.doorkeeper import AWAY_S, ENDED_MAX, Doorkeeper
from protocol.errors import Code
from protocol.messages import Goodbye
from tests.daemon.doors import FakeListener, Frame

PEER, OTHER = b"\0peer", b"\0other"
NOW = 1000.0


def admits(
    keeper: Doorkeeper,
    listener: Any,
    peer: bytes = PEER,
    key: str = "KEY",
    now: float = NOW,
    full: bool = False,
) -> str | None:
    return keeper.admit(listener, peer, Frame(b"", key), now, full=full)


def told(listener: FakeListener, peer: bytes = PEER) -> list[Any]:
    return listener.sent.get(peer, [])


@pytest.fixture
def secure() -> FakeListener:
    return FakeListener("gateway", secure=True)


def connection(key: str) -> Any:
    return SimpleNamespace(key=key)


@pytest.mark.rule("guarantee-G15")
@pytest.mark.parametrize("identity", [b"web", b"\x01eer", b"\xffeer"])
def test_whoever_has_chosen_the_routing_id_is_counted_and_hears_nothing(
    secure: FakeListener, identity: bytes
) -> None:
    """A03: an answer would go to whoever libzmq gives the id to next."""
    keeper = Doorkeeper()
    assert admits(keeper, secure, identity) is None
    assert (keeper.impostors, secure.sent) == (1, {})
    assert admits(keeper, secure) == "KEY"
    assert keeper.impostors == 1


def test_a_peer_is_who_its_key_says_and_on_a_plain_listener_nobody() -> None:
    keeper = Doorkeeper()
    assert admits(keeper, FakeListener("gateway", secure=True)) == "KEY"
    assert admits(keeper, FakeListener("gateway")) == ""


@pytest.mark.rule("guarantee-G13")
def test_where_the_daemon_is_full_a_newcomer_is_told_once_and_its_frames_are_dropped_for_a_minute(
    secure: FakeListener,
) -> None:
    keeper = Doorkeeper()
    assert admits(keeper, secure, full=True) is None
    assert [(type(each), each.code) for each in told(secure)] == [(Goodbye, Code.BUSY)]
    assert "all the connections" in told(secure)[0].message
    assert admits(keeper, secure, now=NOW + AWAY_S - 0.001) is None
    assert len(told(secure)) == 1, "told once, even where there is room by now"
    assert admits(keeper, secure, now=NOW + AWAY_S) == "KEY"


def test_a_banned_key_stays_out_for_a_minute_on_whichever_connection_and_nobody_else_does(
    secure: FakeListener,
) -> None:
    keeper = Doorkeeper()
    keeper.ban(connection("KEY"), NOW)
    assert admits(keeper, secure, now=NOW + 10.0) is None
    assert told(secure)[0].message == "this key has sent too many bad frames; come back in 50 s"
    assert admits(keeper, secure, OTHER, now=NOW + 20.0) is None
    assert admits(keeper, secure, b"\0third", "FRIEND", now=NOW + 20.0) == "FRIEND"
    assert admits(keeper, secure, b"\0fourth", now=NOW + AWAY_S) == "KEY"


def test_where_there_are_no_keys_nobody_is_banned() -> None:
    keeper, plain = Doorkeeper(), FakeListener("gateway")
    keeper.ban(connection(""), NOW)
    assert admits(keeper, plain, now=NOW) == ""


@pytest.mark.rule("guarantee-G13")
def test_of_very_many_ended_connections_the_oldest_are_forgotten_first(secure: FakeListener) -> None:
    keeper = Doorkeeper()
    ended = [b"\0%04d" % number for number in range(ENDED_MAX)]
    for identity in ended:
        keeper.end(identity, NOW)
    keeper.end(ended[0], NOW + 1.0)  # Ended once more: it is the newest now.
    keeper.end(PEER, NOW + 1.0)
    assert admits(keeper, secure, ended[1], now=NOW + 2.0) == "KEY"
    for identity in (ended[0], ended[2], PEER):
        assert admits(keeper, secure, identity, now=NOW + 2.0) is None
    assert secure.sent == {}


def test_what_is_over_is_forgotten_and_what_is_not_is_kept(secure: FakeListener) -> None:
    keeper = Doorkeeper()
    keeper.end(PEER, NOW)
    keeper.ban(connection("BAD"), NOW)
    keeper.forget(NOW + AWAY_S - 1.0)
    assert admits(keeper, secure, now=NOW + 1.0) is None
    assert admits(keeper, secure, OTHER, "BAD", now=NOW + 1.0) is None
    keeper.forget(NOW + AWAY_S)
    assert admits(keeper, secure, now=NOW + 1.0) == "KEY"
