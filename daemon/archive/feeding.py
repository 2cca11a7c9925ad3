"""Feeding: steps that read the journal on and bring the archive after it, each within a budget of time.

A second thread takes time from the reactor's, because Python runs one of them at a time (docs/archive.md has
the figures). So the share of time that feeding may take follows from what the reactor leaves, and never falls
to nothing. It works in short stretches with pauses between them, for the reactor gets its turn only when this
thread lets go: one long stretch would show in the slowest messages.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import structlog

from actors.journal import Record, read_record
from daemon.archive.file import ArchiveFile, remove
from daemon.archive.projection import Observed, Projection

#: Of the time, feeding takes so much while the reactor has nothing to do.
SHARE_MAX = 0.3
#: And so much when the reactor is never idle, so that the archive comes forward in any case.
SHARE_MIN = 0.005
#: How long a step lasts at most, with its pauses: time that was saved up goes no further.
STEP_S = 0.5
#: After so much work there is a pause, in proportion to the share.
STRETCH_S = 0.001
#: So many events are worked on before the time is looked at.
EVENTS_IN_A_STRETCH = 16
#: Events read at once. A record may be one event or a thousand: a step that ends in the middle of what was
#: read reads it again.
EVENTS_READ_AT_ONCE = 256
#: Events of one transaction at most, but for those of one record.
EVENTS_AT_ONCE = 2_000

log = structlog.get_logger("archive")


class Journal(NamedTuple):
    """What the feeder needs of a journal: which it is, and records after a position, of so many events."""

    ident: str
    records: Callable[[int, int], list[Record]]


class Fed(NamedTuple):
    """What a step has done: how far the archive is, what was counted, what the step has cost."""

    position: int
    events: int = 0
    used_s: float = 0.0
    observed: tuple[Observed, ...] = ()
    skipped: int = 0
    rebuilt: bool = False
    failed: bool = False
    #: The file is there, and readers can open it.
    there: bool = True


def share(idle: float) -> float:
    """Return the share of time for feeding while the reactor is idle for this share of it.

    The square: where the reactor is half busy, what comes next is likely to meet feeding at work.
    """
    return max(SHARE_MIN, min(1.0, max(0.0, idle)) ** 2 * SHARE_MAX)


class Feeder:
    """Brings the archive after the journal. One thread at a time may use it."""

    def __init__(
        self,
        path: Path,
        journal: Journal,
        timer: Callable[[], float] = time.thread_time,
        pause: Callable[[float], object] | None = None,
    ) -> None:
        self._path = path
        self._journal = journal
        self._timer = timer
        #: Set from another thread when the daemon ends: the step under way ends too.
        self._stopping = threading.Event()
        self._pause = pause or self._stopping.wait
        #: How long the pause after a second of work would be, and when the stretch of work began.
        self._pause_per_s = 0.0
        self._stretch_began = 0.0
        self._file: ArchiveFile | None = None
        self._projection: Projection | None = None
        self._position = 0
        #: Counts how often the archive was begun anew: readers then open it again.
        self.generation = 0

    def step(self, budget_s: float, share_of_time: float = 1.0) -> Fed:
        """Feed until the budget is used up or the archive has everything; one record in any case.

        A failure is logged and told, and the next step tries again; a file that is damaged is begun anew.
        Nobody is routed by the archive, so nothing that goes wrong here may stop the daemon.
        """
        began = self._stretch_began = self._timer()
        self._pause_per_s = 1.0 / share_of_time - 1.0
        try:
            fed = self._step(began + budget_s)
        except Exception as error:
            fed = self._failed(error)
        return fed._replace(used_s=self._timer() - began)

    def stop(self) -> None:
        """End the step under way at its next pause, and make no more pauses. From any thread."""
        self._stopping.set()

    def rebuild(self) -> Fed:
        """Drop the archive; the next step begins it anew."""
        self.close()
        remove(self._path)
        self._position = 0
        return Fed(0, there=False)

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = self._projection = None

    def _failed(self, error: Exception) -> Fed:
        damaged = isinstance(error, sqlite3.Error) and not isinstance(error, sqlite3.OperationalError)
        log.error("archive.step_failed", error=type(error).__name__, damaged=damaged, exc_info=error)
        if damaged:
            return self.rebuild()._replace(failed=True)
        self.close()
        return Fed(self._position, failed=True, there=False)

    def _step(self, until: float) -> Fed:
        rebuilt = self._file is None and self._open()
        events = skipped = 0
        observed: list[Observed] = []
        while True:
            run = self._run(until)
            if run is None:
                break
            events += run.events
            skipped += run.skipped
            observed += run.observed
            if self._over(until):
                break
        return Fed(self._position, events, 0.0, tuple(observed), skipped, rebuilt)

    def _over(self, until: float) -> bool:
        return self._stopping.is_set() or self._timer() >= until

    def _open(self) -> bool:
        self._file, reason = ArchiveFile.open(self._path, self._journal.ident, self._fits)
        self._projection = Projection(self._file)
        self._position = self._file.position()
        if reason:
            self.generation += 1
            log.info("archive.begun_anew", why=reason)
        return bool(reason)

    def _fits(self, position: int, hashed: bytes) -> bool:
        found = self._journal.records(position - 1, 1)
        return any(record.first + record.size - 1 == position and record.hash == hashed for record in found)

    def _run(self, until: float) -> Fed | None:
        """Feed one transaction; None when there is nothing to feed."""
        assert self._file is not None
        assert self._projection is not None
        last: Record | None = None
        events = 0
        for record in self._records():
            self._take(record)
            events += record.size
            last = record
            if events >= EVENTS_AT_ONCE or self._over(until):
                break
        if last is None:
            return None
        rows = self._projection.rows()
        try:
            self._file.write(rows, last.first + last.size - 1, last.hash)
        except BaseException:
            self._projection.forget()
            raise
        self._position = last.first + last.size - 1
        for position, error in rows.skipped:
            log.error("archive.event_skipped", position=position, error=error)
        return Fed(self._position, events, 0.0, tuple(rows.observed), len(rows.skipped))

    def _take(self, record: Record) -> None:
        assert self._projection is not None
        entries = read_record(record)
        for place in range(0, len(entries), EVENTS_IN_A_STRETCH):
            self._projection.take(record.first + place, entries[place : place + EVENTS_IN_A_STRETCH])
            worked_s = self._timer() - self._stretch_began
            if worked_s >= STRETCH_S:
                self._pause(worked_s * self._pause_per_s)
                self._stretch_began = self._timer()

    def _records(self) -> Iterator[Record]:
        after = self._position
        while found := self._journal.records(after, EVENTS_READ_AT_ONCE):
            yield from found
            after = found[-1].first + found[-1].size - 1
