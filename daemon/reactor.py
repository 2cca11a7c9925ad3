"""The reactor: one thread, one loop, one turn after the other.

    drain sockets → tell actors → run until quiet → seal → ONE commit → replies and deliveries out

Nothing else in the process touches a socket, an actor or the store's connection. Other threads hand in work
with ``post``.
"""

from __future__ import annotations

import os
import signal
import socket
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import zmq
from zmq.backend import zmq_poll

from actors.clock import Clock
from actors.journal import Batch, Store
from actors.runtime import System
from daemon.counting import count_turn
from daemon.hub import Hub
from daemon.metrics import Numbers
from daemon.outbound import Outbound
from daemon.sessions import Log
from daemon.transport import Listener
from daemon.zap import ZapHandler
from protocol.errors import Code

POLLIN = int(zmq.POLLIN)
#: The longest sleep: housekeeping runs at least this often.
HOUSEKEEPING_S = 0.5
#: After so long without an event, what is behind is written in steps.
QUIET_S = 2.0
#: How often the write-behind tables are brought up to date when nothing else is to be written.
TIDY_S = 5.0


class Reactor:
    """Runs turns until it is told to stop."""

    def __init__(
        self,
        system: System,
        store: Store,
        hub: Hub,
        outbound: Outbound,
        listeners: list[Listener],
        zap: ZapHandler,
        clock: Clock,
        numbers: Numbers,
        log: Log,
    ) -> None:
        self.system = system
        self.hub = hub
        self.outbound = outbound
        self.housekeeping: list[Callable[[float], None]] = []
        #: What is done once at the end of this turn, after its flush: what everybody outside may see.
        self.after_flush: list[Callable[[], None]] = []
        self.drain_frames = 512
        self.park_after_s = 600.0
        #: For how long there was nothing to do, ever since; waiting for the disk is no idling.
        self.idle_s = 0.0
        self._store = store
        self._listeners = listeners
        self._zap = zap
        self._clock = clock
        self._numbers = numbers
        self._log = log
        self._posted: deque[Callable[[], None]] = deque()
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.setblocking(False)
        self._wake_out.setblocking(False)
        self._stop_at: float | None = None
        self._stopped = False
        #: Something was told to actors after the last flush: the next turn must not wait.
        self._again = False
        self._tidy_at = 0.0
        self._housekeeping_at = 0.0
        self._poll_list = [(listener.socket, POLLIN) for listener in listeners]
        self._poll_list += [(zap.socket, POLLIN), (self._wake_out.fileno(), POLLIN)]

    # From other threads, and from signal handlers.

    def post(self, work: Callable[[], None]) -> None:
        """Have something done on the reactor's thread, in the next turn. Safe from any thread."""
        self._posted.append(work)
        self.wake()

    def wake(self) -> None:
        """End the poll that may be going on; at the end of the process there is none."""
        with suppress(OSError):
            self._wake_in.send(b"\0")

    @property
    def wakeup_descriptor(self) -> int:
        """For ``signal.set_wakeup_fd``: a signal ends the poll."""
        return self._wake_in.fileno()

    # The loop.

    def run(self) -> None:
        """Run turns until stopped.

        Raises what must stop the process: CommitUnknown, Deposed, JournalDamaged, StoreFailed,
        TooManyFailures.
        """
        while not self._stopped:
            self._poll()
            self.turn()

    def _poll(self) -> None:
        now = self._clock.now()
        due = self.system.timers.next_at()
        wait_s = HOUSEKEEPING_S if due is None else min(HOUSEKEEPING_S, max(0.0, due - now))
        if self._posted or self._again or self.outbound.owing:
            wait_s = 0.0
        began = time.perf_counter()
        try:
            zmq_poll(self._poll_list, int(wait_s * 1000) + (1 if wait_s else 0))
        except InterruptedError:
            return
        finally:
            self.idle_s += time.perf_counter() - began
        try:
            while self._wake_out.recv(4096):
                pass
        except BlockingIOError:
            pass

    def turn(self) -> None:
        """Run one turn: everything that has come in, one commit, everything that goes out."""
        now = self._clock.now()
        system = self.system
        self._again = False
        system.begin(now)
        self._zap.answer_all()
        self._drain()
        posted = self._posted
        for _ in range(len(posted)):
            posted.popleft()()
        if now >= self._housekeeping_at:
            self._housekeep(now)
        system.fire_timers()
        system.run()
        self._commit(now)

    def _drain(self) -> None:
        for listener in self._listeners:
            arrived = listener.drain(self.drain_frames)
            if arrived:
                self._numbers.frames_in += len(arrived)
                self.hub.receive(listener, arrived)

    def _commit(self, now: float) -> None:
        if self.system.entries:
            self._tidy_at = now + QUIET_S
        batch = self.system.seal(tidy=now >= self._tidy_at)
        if batch is not None:
            self._write(batch)
        if now >= self._tidy_at:
            self._tidy_at = now + (HOUSEKEEPING_S if self.system.write_behind.behind else TIDY_S)
        replies, mailboxes = self.system.release(batch)
        unreachable = self.outbound.release(replies, mailboxes)
        if self.system.leases.ended:
            # Agents who were logged out got what this turn had for them, and get nothing more (B4).
            self.after_flush.append(self.hub.end_dead_sessions)
        due, self.after_flush = self.after_flush, []
        self._again = bool(unreachable or due)
        self.hub.lost(unreachable)
        for work in due:
            work()

    def _write(self, batch: Batch) -> None:
        began = time.perf_counter()
        self._store.commit(batch)
        numbers = self._numbers
        numbers.commits += 1
        numbers.commit_seconds.observe(time.perf_counter() - began)
        if batch.record is not None:
            numbers.turns += 1
            numbers.events += batch.record.size
            numbers.bytes_journaled += len(batch.record.body)
            count_turn(numbers, self.system.entries, self.system.desks)

    def _housekeep(self, now: float) -> None:
        """What has to be looked at now and then; each step is bounded."""
        self._housekeeping_at = now + HOUSEKEEPING_S
        self.hub.check_leases()
        for step in self.housekeeping:
            step(now)
        self.system.run()
        self.system.park_idle(now - self.park_after_s)
        if self._stop_at is not None:
            self.after_flush.append(self._say_goodbye)
            self._stopped = now >= self._stop_at or not len(self.hub)

    # The end.

    def drain(self, within_s: float) -> None:
        """Stop taking commands; once this turn is flushed say goodbye, and end the loop when all are gone.

        It ends after ``within_s`` seconds in any case.
        """
        if self._stop_at is not None:
            return
        self._stop_at = self._clock.now() + within_s
        self.hub.shut = (Code.STOPPING, "the daemon is stopping; send it again", 1.0)
        self._housekeeping_at = 0.0
        self._log.info("daemon.draining", within_s=within_s)

    def _say_goodbye(self) -> None:
        """To everybody, latecomers too. Their agents learn of it in the next turn, which comes at once."""
        self.hub.close_all(Code.STOPPING, "the daemon is stopping; connect again later")
        self._housekeeping_at = 0.0

    def stop_listening(self) -> None:
        """Close the listeners: nobody new comes in, and the last goodbyes leave. No turn may follow."""
        for listener in self._listeners:
            listener.close()
        self._listeners = []

    def finish(self) -> None:
        """Write everything that is still behind, so that the next start has nothing to replay."""
        self.system.begin(self._clock.now())
        self.system.run()
        while (batch := self.system.seal(tidy=True)) is not None:
            self._store.commit(batch)
            self.system.release(batch)

    def close(self) -> None:
        """Close the sockets."""
        self.stop_listening()
        self._zap.close()
        self._wake_in.close()
        self._wake_out.close()


def install_signals(reactor: Reactor, reload: Callable[[], None], drain: Callable[[], None]) -> None:
    """SIGTERM and SIGINT drain, a second one ends at once with 128 + number;

    SIGHUP reloads. Main thread only.
    """
    seen: list[int] = []

    def stop(number: int, _: Any) -> None:
        if seen:
            os._exit(128 + number)
        seen.append(number)
        reactor.post(drain)

    def hang_up(_: int, __: Any) -> None:
        reactor.post(reload)

    signal.set_wakeup_fd(reactor.wakeup_descriptor, warn_on_full_buffer=False)
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGHUP, hang_up)
