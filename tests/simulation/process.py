"""The daemon's process: production reactor, hub, runtime and actors, born and killed as the play wants."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from random import Random
from types import SimpleNamespace
from typing import Any, Protocol

from actors.dispatcher.actor import ApplyDesk
from actors.journal import CommitUnknown, Entry, entries_at
from actors.runtime import System
from config.desk import desk_digest
from config.sections import Limits, Timing
from daemon.hub import Hub
from daemon.logins import LoginDesk, Tokens
from daemon.metrics import Numbers
from daemon.outbound import Outbound
from daemon.principals import Principals
from daemon.questions import Questions
from daemon.reactor import Reactor
from tests.daemon.doors import NoMedia
from tests.simulation.links import Door, Network
from tests.simulation.scheduler import Scheduler
from tests.simulation.shop import SAID
from tests.simulation.storage import SimulatedStore
from tests.stage import KINDS, Failures

#: The longest wait between two turns. The real reactor polls far more often, and finds nothing: whatever has
#: a deadline or comes in ends the wait.
POLL_S = 30.0
#: A turn begins so long after the first frame for it at the latest, by the seed: what comes meanwhile shares
#: it, as it does where the turn before waits for a disk.
GATHER_S = (0.004, 0.02, 0.1)
#: How long a slow flush takes.
FLUSH_S = (0.05, 0.5, 5.0, 20.0)
DISPATCHER = ("dispatcher", "acme", "")


class Watcher(Protocol):
    """Who looks on."""

    def started(self, process: Process) -> None:
        """The process has come back from its journal."""

    def died(self) -> None:
        """The process is dead."""

    def turned(self, process: Process) -> None:
        """A turn is over."""

    def note(self, who: str, what: str) -> None:
        """Something worth telling has happened."""


class Log:
    """Keeps what must not be there: what customers and agents say (I15)."""

    def __init__(self) -> None:
        self.leaks: list[str] = []

    def info(self, event: str, **facts: Any) -> None:
        """Look at a line."""
        line = f"{event} {facts}"
        if SAID in line:
            self.leaks.append(line)

    warning = info


class Pool:
    """Looks at passwords without a thread: each takes a moment."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def verify(self, password_hash: str | None, password: str, done: Callable[[bool], None]) -> bool:
        """Answer in a later turn."""
        good = password_hash is not None and password == "right"
        self._process.post_later(0.05, partial(done, good))
        return True


class Reader:
    """Reads the journal without a thread."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def read(self, connection: Any, ident: bytes, positions: list[int], make: Callable[[Any], Any]) -> None:
        """Answer a question in a later turn."""
        process = self._process

        def work() -> None:
            entries: Iterator[Entry] = entries_at(positions, process.store.record_at)
            process.outbound.send(connection, make(list(entries)))

        process.post_later(0.01, work)


class Process:
    """The daemon, while it lives and while it does not."""

    def __init__(
        self,
        scheduler: Scheduler,
        network: Network,
        store: SimulatedStore,
        watcher: Watcher,
        timing: Timing,
        limits: Limits,
        park_after_s: float,
        chance: Random,
    ) -> None:
        self.scheduler = scheduler
        self.network = network
        self.store = store
        self.failures = Failures()
        self.log = Log()
        self.alive = False
        #: How often it was born.
        self.lives = 0
        self.turns = 0
        self._watcher = watcher
        self._settings: Any = SimpleNamespace(timing=timing, limits=limits)
        self._park_after_s = park_after_s
        self._chance = chance
        self._gather_s = chance.choice(GATHER_S)
        self._idents = count(1)
        self._turn_at: float | None = None
        #: A turn waits for its flush: no other can begin.
        self._flushing = False
        #: Until then nothing moves: the process is stopped, or its machine is asleep (T2).
        self.stopped_until = 0.0
        store.wait = self._wait_for_flush

    # Birth and death.

    def start(self) -> None:
        """Come back from the journal, as ``daemon/bootstrap.py`` does."""
        self.lives += 1
        self.system = System(self.store, KINDS, self.failures, lambda: f"id-{next(self._idents):06d}")
        self.system.recover(self.store.open(), self.scheduler.now())
        self.numbers = Numbers()
        self.head_at_start = self.system.head
        self.outbound = Outbound(self.system, self.numbers)
        # With the play's clock: by a real one the same seed would be another play on a busy machine.
        self.outbound.questions = Questions(self.system, self.scheduler.now)
        self.outbound.questions.reader = Reader(self)
        self.principals = Principals(self.system.desks)
        self.principals.refresh()
        pool: Any = Pool(self)
        logins = LoginDesk(pool, Tokens(b"secret"))
        media: Any = NoMedia(self.outbound)
        self.hub = Hub(
            self.system,
            self._settings,
            self.principals,
            logins,
            self.outbound,
            self.numbers,
            self.log,
            "simulated",
            media,
        )
        doors = {role: Door(role, self.gather) for role in ("gateway", "console")}
        listeners: Any = list(doors.values())
        zap: Any = SimpleNamespace(socket=None, answer_all=lambda: None, close=lambda: None)
        clock = self.scheduler
        self.reactor = Reactor(
            self.system, self.store, self.hub, self.outbound, listeners, zap, clock, self.numbers, self.log
        )
        self.reactor.park_after_s = self._park_after_s
        self.network.doors = doors
        self.alive = True
        self._turn_at = None
        self._flushing = False
        self.stopped_until = 0.0
        self._watcher.started(self)
        self.wake(clock.now())

    def die(self, why: str) -> None:
        """Lose all memory at once; only the store is left."""
        if self.alive:
            self.alive = False
            self._turn_at = None
            self._watcher.note("daemon", f"dies: {why}")
            self.network.daemon_gone(why)
            self.reactor.close()
            self._watcher.died()

    def close(self) -> None:
        """End the play."""
        if self.alive:
            self.reactor.close()

    def applies(self, text: str) -> None:
        """Bring a desk into force, as an operator does; one that comes while the process is dead is lost."""
        if not self.alive:
            return

        def use() -> None:
            self.principals.refresh()
            self.hub.desk_changed("acme")

        def work() -> None:
            message = ApplyDesk(text, desk_digest(text), "apply", [])
            self.system.tell(DISPATCHER, message)
            self.system.run()
            self.reactor.after_flush.append(use)

        self.reactor.post(work)
        self.gather()

    # Turns.

    def gather(self) -> None:
        """Something has come in."""
        self.wake(self.scheduler.now() + self._gather_s * self._chance.random())

    def wake(self, at: float) -> None:
        """Have a turn at this time at the latest."""
        if self._turn_at is None or at < self._turn_at:
            self._turn_at = at
            self.scheduler.at(at, self._turn, self.lives, at)

    def _wait_for_flush(self) -> bool:
        """Let everybody else go on while the disk works; False when the process has died over it."""
        life = self.lives
        self._flushing = True
        seconds = self._chance.choice(FLUSH_S)
        self._watcher.note("disk", f"takes {seconds} s for a flush")
        until = self.scheduler.now() + seconds
        self.scheduler.run(lambda: not self.alive or self.lives != life, until)
        if self.lives != life or not self.alive:
            return False
        self._flushing = False
        return True

    def post_later(self, seconds: float, work: Callable[[], None]) -> None:
        """Have something done in a later turn of this life."""

        def post(life: int) -> None:
            if self.alive and life == self.lives:
                self.reactor.post(work)
                self.gather()

        self.scheduler.later(seconds, post, self.lives)

    def _turn(self, life: int, at: float) -> None:
        if not self.alive or life != self.lives or at != self._turn_at:
            return
        self._turn_at = None
        if self._flushing:
            return  # The turn that flushes looks at everything when it is over.
        if self.scheduler.now() < self.stopped_until:
            self.wake(self.stopped_until)
            return
        self.turns += 1
        try:
            self.reactor.turn()
        except CommitUnknown as unknown:
            if self.lives == life:
                self.die(f"a commit has failed: {unknown}")
            return
        self._watcher.turned(self)
        now = self.scheduler.now()
        due = self.system.timers.next_at()
        wait_s = POLL_S if due is None else min(POLL_S, max(0.0, due - now))
        reactor = self.reactor
        waiting = [door for door in self.network.doors.values() if door.incoming]
        if reactor._posted or reactor._again or self.outbound.owing or waiting:
            wait_s = 0.0005
        self.wake(now + wait_s)
