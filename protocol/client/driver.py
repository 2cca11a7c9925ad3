"""The driver: one thread that owns the socket and the machine.

Both faces, blocking and asyncio, sit over it. Because it has a thread of its own, a busy program does not
miss its heartbeat. Other threads reach it through ``_calls``; it reaches them through futures and sinks.
"""

from __future__ import annotations

import logging
import os
import random
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import wait
from functools import partial
from typing import Any

import zmq

from protocol.client import events as happened
from protocol.client.errors import ClientClosed, ConnectionReplaced
from protocol.client.keys import KeyPair
from protocol.client.link import Link
from protocol.client.machine import ClientMachine, size_of
from protocol.client.outstanding import Command
from protocol.client.pending import Pending
from protocol.client.wire import Change, Wire
from protocol.codec import FRAME_BYTES
from protocol.customers import AgentHint, CustomerHint
from protocol.errors import Code, CommandRefused, LocalProtocolError, SwitchboardError
from protocol.identifiers import CommandIds
from protocol.messages import VERSION, Hello, LoggedIn, Subscribed

#: How long goodbye and the last word of what was received may take to leave.
_LAST_WORDS_MS = 500

log = logging.getLogger("switchboard.client")

Item = happened.Delivered | happened.SnapshotTaken
#: Where a stream's deliveries go. An exception is the last thing that comes.
Sink = Callable[[Item | Exception], None]
OnEvent = Callable[[happened.Notice], None]


def _exception(code: str, message: str) -> SwitchboardError:
    """Return what a client that has stopped raises."""
    if code == Code.REPLACED:
        return ConnectionReplaced(f"{code}: {message}")
    if code == "bye":
        return ClientClosed("the client is closed")
    return CommandRefused(code, message)


class Driver:
    """Runs a client machine over a ZeroMQ socket, in a thread that starts at once."""

    def __init__(
        self,
        address: str,
        role: str,
        name: str,
        keys: KeyPair | None,
        server_key: str | None,
        on_event: OnEvent | None,
    ) -> None:
        if (keys is None) != (server_key is None):
            raise ValueError("keys and server_key go together: give both, or none for a plain connection")
        if keys is not None and name:
            raise ValueError("a name is for plain connections only: with keys, the key says who is there")
        self._address, self._keys, self._server_key, self._on_event = address, keys, server_key, on_event
        self._lock = threading.RLock()
        self._ids = CommandIds(lambda: time.time_ns() // 1_000_000, os.urandom)
        hello = Hello(version=VERSION, role=role, software="switchboard-python", name=name)
        self._machine = ClientMachine(hello, self._new_id, random.SystemRandom().random)
        self._calls: deque[Callable[[float], None]] = deque()
        self._pending: dict[bytes, Pending[Any]] = {}
        self._sinks: dict[str, Sink] = {}
        self._ended: tuple[str, str] | None = None
        self._signalled = False
        self._bell, self._knob = socket.socketpair()
        self._bell.setblocking(False)
        self._process = os.getpid()
        self._wire: Wire | None = None
        self._attempt = 0
        self._unsent: deque[bytes] = deque()
        self._thread = threading.Thread(target=self._run, name="switchboard-client", daemon=True)
        self._thread.start()

    # Called by any thread.

    def command(self, make: Callable[..., Command], identifier: bytes | None = None) -> Pending[Any]:
        """Send a command under a new id, or one of the user's. Raises LocalProtocolError if it is wrong."""
        with self._lock:
            pending: Pending[Any] = Pending(identifier or self._ids())
            command = make(id=pending.id)
            size_of(command)
            return self._register(pending, lambda _: self._machine.command(command))

    def login(self, agent: str, password: str | None, token: str | None) -> Pending[LoggedIn]:
        """Open an agent's session."""
        with self._lock:
            pending: Pending[LoggedIn] = Pending(self._ids())
            call = partial(self._machine.login, pending.id, agent, password, token)
            return self._register(pending, lambda _: call())

    def still_here(self, agent: str) -> None:
        """Note that an agent has clicked something."""
        with self._lock:
            if self._ended is None:
                self._call(lambda now: self._machine.still_here(agent, now))

    def hint(self, hint: CustomerHint | AgentHint) -> None:
        """Send a hint, if it can go out now."""
        with self._lock:
            if self._ended is None:
                self._call(lambda _: self._machine.hint(hint))

    def subscribe(
        self, stream: str, sink: Sink, after: int | None, journal: str, window: int
    ) -> Pending[Subscribed]:
        """Ask for a stream; its items go to the sink, which is called in the driver's thread."""
        with self._lock:
            pending: Pending[Subscribed] = Pending(self._ids())

            def call(_: float) -> None:
                self._machine.subscribe(pending.id, stream, after, journal, window)
                self._sinks[stream] = sink

            return self._register(pending, call)

    def finished(self, stream: str, number: int, history: int) -> None:
        """Note that the user has finished with everything in the stream up to ``number``."""
        with self._lock:
            if self._ended is None:
                self._call(lambda now: self._machine.finished(stream, number, history, now))

    def close(self, timeout_s: float) -> None:
        """Wait so long for the answers that are still to come, then say goodbye. May be called twice."""
        if os.getpid() != self._process or threading.current_thread() is self._thread:
            return
        with self._lock:
            waiting = [pending.future for pending in self._pending.values()]
        wait(waiting, timeout_s)
        with self._lock:
            if self._ended is None:
                self._call(lambda now: self._machine.stop(now))
        self._thread.join()

    @property
    def frame_bytes(self) -> int:
        """The most bytes of a frame that the daemon takes, as far as is known."""
        welcome = self._machine.welcome
        return FRAME_BYTES if welcome is None else welcome.frame_bytes

    @property
    def in_own_thread(self) -> bool:
        """True in the driver's thread, where nobody may wait for an answer."""
        return threading.current_thread() is self._thread

    def _new_id(self) -> bytes:
        with self._lock:
            return self._ids()

    def _register(self, pending: Pending[Any], call: Callable[[float], None]) -> Pending[Any]:
        if os.getpid() != self._process:
            raise RuntimeError("a client does not live on in a forked process: make a new one there")
        if self._ended is not None:
            raise _exception(*self._ended)
        if pending.id in self._pending:
            raise LocalProtocolError(Code.ID_REUSED, "a command with this id has no answer yet")
        self._pending[pending.id] = pending

        def carefully(now: float) -> None:
            try:
                call(now)
            except SwitchboardError as error:
                self._settle(pending.id, error)

        self._call(carefully)
        return pending

    def _call(self, call: Callable[[float], None]) -> None:
        self._calls.append(call)
        if not self._signalled:
            self._signalled = True
            self._knob.send(b"!")

    # Called by the driver's thread.

    def _run(self) -> None:
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        try:
            while self._machine.link is not Link.STOPPED:
                self._turn(context)
            self._end("bye", "")
        except BaseException as error:
            log.exception("the client has failed")
            self._end(Code.INTERNAL, f"the client has failed: {error!r}")
        finally:
            self._hang_up(_LAST_WORDS_MS)
            context.term()
            self._bell.close()
            self._knob.close()

    def _turn(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        self._wait()
        now = time.monotonic()
        self._take_calls(now)
        self._read(now)
        self._machine.tick(now)
        self._send(now)
        self._tell()
        self._fit_wire(context)

    def _wait(self) -> None:
        poller = zmq.Poller()
        poller.register(self._bell, zmq.POLLIN)
        if self._wire is not None:
            poller.register(self._wire.monitor, zmq.POLLIN)
            poller.register(self._wire.socket, zmq.POLLIN | (zmq.POLLOUT if self._unsent else 0))
        deadline = self._machine.deadline
        timeout_ms = None
        if deadline is not None:
            # One millisecond more, for a timeout rounded down would make us turn idly until the deadline.
            timeout_ms = int(max(0.0, deadline - time.monotonic()) * 1000) + 1 if deadline > 0 else 0
        poller.poll(timeout_ms)

    def _take_calls(self, now: float) -> None:
        with self._lock:
            calls, self._calls = self._calls, deque()
            if self._signalled:
                self._signalled = False
                self._bell.recv(16)
        for call in calls:
            call(now)

    def _read(self, now: float) -> None:
        if self._wire is None:
            return
        changes = self._wire.changes()
        for change, _ in changes:
            if change is Change.MADE:
                self._machine.connected(now)
        for frame in self._wire.read():
            self._machine.received(frame, now)
        # Last, for what came before the end still counts.
        for change, why in changes:
            if change is Change.KEY_REFUSED and self._machine.welcome is None:
                self._machine.stop(now, Code.NOT_AUTHENTICATED, why)
            elif change is not Change.MADE:
                self._machine.lost(now, why)

    def _send(self, now: float) -> None:
        if self._wire is None or self._attempt != self._machine.attempt:
            return
        if not self._unsent:
            self._unsent.extend(self._machine.frames(now))
        while self._unsent and self._wire.send(self._unsent[0]):
            self._unsent.popleft()

    def _fit_wire(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        link = self._machine.link
        if link is Link.WAITING or (self._attempt != self._machine.attempt and link is not Link.STOPPED):
            self._hang_up(0)
        if link is Link.CONNECTING and self._wire is None:
            self._attempt = self._machine.attempt
            self._wire = Wire(context, self._address, self._keys, self._server_key)

    def _hang_up(self, linger_ms: int) -> None:
        self._unsent.clear()
        if self._wire is not None:
            self._wire.close(linger_ms)
            self._wire = None

    # Telling the user.

    def _tell(self) -> None:
        for event in self._machine.events():
            if isinstance(event, happened.Answered):
                self._settle(event.id, event.answer)
            elif isinstance(event, happened.Failed):
                self._settle(
                    event.id,
                    CommandRefused(
                        event.code,
                        event.message,
                        event.retry_after_s,
                        event.window_closes_at,
                        event.sends_left,
                    ),
                )
            elif isinstance(event, happened.Delivered | happened.SnapshotTaken):
                self._sinks[event.stream](event)
            elif isinstance(event, happened.StreamEnded):
                self._end_sink(event.stream, _exception(event.code, event.message))
            else:
                self._notice(event)

    def _settle(self, identifier: bytes, outcome: object) -> None:
        with self._lock:
            pending = self._pending.pop(identifier, None)
        if pending is None:
            return
        if isinstance(outcome, Exception):
            pending.future.set_exception(outcome)
        else:
            pending.future.set_result(outcome)

    def _end_sink(self, stream: str, error: Exception) -> None:
        sink = self._sinks.pop(stream, None)
        if sink is not None:
            sink(error)

    def _notice(self, event: happened.Notice) -> None:
        if isinstance(event, happened.Stopped):
            self._end(event.code, event.message)
        elif isinstance(event, happened.Disconnected):
            log.warning("%s: %s; trying again in %.2f s", self._address, event.why, event.retry_in_s)
        if self._on_event is not None:
            try:
                self._on_event(event)
            except Exception:
                log.exception("on_event has raised")

    def _end(self, code: str, message: str) -> None:
        """Nothing comes any more: tell everybody who waits."""
        with self._lock:
            if self._ended is None:
                self._ended = (code, message)
            pending = list(self._pending)
        for identifier in pending:
            self._settle(identifier, _exception(*self._ended))
        for stream in list(self._sinks):
            self._end_sink(stream, _exception(*self._ended))
