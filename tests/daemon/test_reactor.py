"""The loop: what waits for the flush, and how it ends. No socket is polled: turns are run by hand."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from actors.journal import CommitUnknown
from daemon.reactor import Reactor
from protocol.codec import encode
from protocol.content import Text
from protocol.errors import Code
from protocol.messages import Ack, CustomerMessage, Goodbye
from tests.daemon.doors import Door, Frame, Log

PEER = b"\0peer"


class Loop:
    """A reactor at a door, with a gateway that has said hello."""

    def __init__(self) -> None:
        self.door = Door()
        self.door.greets("gateway", PEER)
        self.zap: Any = SimpleNamespace(socket=None, answer_all=lambda: None, close=lambda: None)
        listeners: list[Any] = list(self.door.listeners.values())
        for listener in listeners:
            listener.socket = None
        self.reactor = Reactor(
            self.door.system,
            self.door.stage.store,
            self.door.hub,
            self.door.outbound,
            listeners,
            self.zap,
            self.door.stage.clock,
            self.door.numbers,
            Log(),
        )

    def arrives(self, *messages: Any) -> None:
        """A frame of the gateway waits to be taken."""
        self.door.listeners["gateway"].incoming.append((PEER, Frame(encode(list(messages)), "")))

    def writes(self) -> CustomerMessage:
        return CustomerMessage(self.door.new_id(), "web", "ann", Text("hi"))


@pytest.fixture
def loop() -> Any:
    loop = Loop()
    yield loop
    loop.reactor.close()


def test_what_waits_for_the_flush_runs_once_when_it_is_over(loop: Loop) -> None:
    seen: list[int] = []
    head = loop.door.system.head
    loop.arrives(loop.writes())
    loop.reactor.post(lambda: loop.reactor.after_flush.append(lambda: seen.append(loop.door.system.head)))
    loop.reactor.turn()
    assert seen == [loop.door.system.head]
    assert seen[0] > head
    loop.reactor.turn()
    assert len(seen) == 1


@pytest.mark.parametrize("why", ["somebody cannot be reached", "something waits for the flush"])
def test_after_what_is_done_behind_the_flush_the_next_turn_comes_at_once(
    loop: Loop, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    """It tells actors: that a session is lost, that a desk has changed. Nobody else would wake the loop."""
    waits_ms: list[int] = []
    monkeypatch.setattr("daemon.reactor.zmq_poll", lambda _, wait_ms: waits_ms.append(wait_ms))
    if why == "somebody cannot be reached":
        loop.door.listeners["gateway"].deaf.add(PEER)
        loop.arrives(loop.writes())
    else:
        loop.reactor.after_flush.append(lambda: None)
    for _ in range(2):
        loop.reactor.turn()
        loop.reactor._poll()
    assert waits_ms[0] == 0
    assert waits_ms[1] > 0


@pytest.mark.rule("guarantee-G1", "guarantee-G2")
def test_nothing_leaves_before_the_turn_is_flushed_and_nothing_if_that_fails(
    loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[bytes] = []

    def send(_: bytes, frame: bytes) -> bool:
        sent.append(frame)
        return True

    def fail(_: Any) -> None:
        assert sent == [], "an answer left before the flush"
        raise CommitUnknown("no disk")

    monkeypatch.setattr(loop.door.listeners["gateway"], "send", send)
    monkeypatch.setattr(loop.door.stage.store, "commit", fail)
    loop.arrives(loop.writes())
    with pytest.raises(CommitUnknown):
        loop.reactor.turn()
    assert sent == [], "neither a yes nor a no may follow a commit that was tried"


def test_a_commit_that_fails_leaves_what_waits_for_the_flush_undone(
    loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Any) -> None:
        raise OSError("no disk")

    seen: list[bool] = []
    monkeypatch.setattr(loop.door.stage.store, "commit", fail)
    loop.arrives(loop.writes())
    loop.reactor.post(lambda: loop.reactor.after_flush.append(lambda: seen.append(True)))
    with pytest.raises(OSError, match="no disk"):
        loop.reactor.turn()
    assert seen == []


def test_a_drain_lets_the_acks_of_its_turn_go_out_before_the_goodbye(loop: Loop) -> None:
    loop.arrives(loop.writes())
    loop.reactor.post(lambda: loop.reactor.drain(25))
    loop.reactor.turn()
    heard = loop.door.heard("gateway", PEER)
    assert any(isinstance(message, Ack) for message in heard)
    assert isinstance(heard[-1], Goodbye)
    assert heard[-1].code == Code.STOPPING
    loop.arrives(loop.writes())
    loop.reactor.turn()
    assert loop.door.heard("gateway", PEER) == heard
    assert len(loop.door.hub) == 0


def test_the_loop_ends_in_the_turn_after_the_goodbyes(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    turns = 0

    def count() -> None:
        nonlocal turns
        turns += 1

    monkeypatch.setattr(loop.reactor, "_poll", count)
    loop.reactor.post(lambda: loop.reactor.drain(25))
    loop.reactor.run()
    assert turns == 2


def test_a_drain_without_time_still_says_goodbye(loop: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop.reactor, "_poll", lambda: None)
    loop.reactor.post(lambda: loop.reactor.drain(0))
    loop.reactor.run()
    assert isinstance(loop.door.heard("gateway", PEER)[-1], Goodbye)


def test_after_the_end_the_listeners_are_closed_once_and_posting_is_harmless(loop: Loop) -> None:
    loop.reactor.stop_listening()
    loop.reactor.close()
    assert [listener.closed for listener in loop.door.listeners.values()] == [1, 1]
    loop.reactor.post(lambda: None)
