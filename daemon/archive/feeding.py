"""Feeding: steps that read the journal on and bring the archive after it, each within a budget of time.

A second thread takes time from the reactor's, because Python runs one of them at a time (docs/archive.md has
the figures). So the share of time that feeding may take follows from what the reactor leaves, and never falls
to nothing.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import structlog

from actors.journal import Record, read_record
from daemon.archive.file import ArchiveFile, remove
from daemon.archive.projection import Observed, Projection

#: Of the time that the reactor leaves, feeding takes so much.
SHARE_OF_IDLE = 0.5
#: And so much when it leaves none, so that the archive comes forward in any case.
SHARE_MIN = 0.02
#: The most that may have been saved up: one step is never longer.
BUDGET_MAX_S = 0.25
#: Records read at once: the journal's write-ahead log cannot be shortened while a reading is under way.
RECORDS_AT_ONCE = 64
#: Events of one transaction at most, but for those of one record.
EVENTS_AT_ONCE = 2_000

log = structlog.get_logger("archive")


class Journal(NamedTuple):
    """What the feeder needs of a journal: which it is, and its records after a position."""

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


def share(busy: float) -> float:
    """Return the share of time for feeding while the reactor is busy for this share of it."""
    return max(SHARE_MIN, (1.0 - min(1.0, busy)) * SHARE_OF_IDLE)


class Feeder:
    """Brings the archive after the journal. One thread at a time may use it."""

    def __init__(self, path: Path, journal: Journal, timer: Callable[[], float] = time.thread_time) -> None:
        self._path = path
        self._journal = journal
        self._timer = timer
        self._file: ArchiveFile | None = None
        self._projection: Projection | None = None
        self._position = 0
        #: Counts how often the archive was begun anew: readers then open it again.
        self.generation = 0

    def step(self, budget_s: float) -> Fed:
        """Feed until the budget is used up or the archive has everything; one record in any case.

        A failure is logged and told, and the next step tries again; a file that is damaged is begun anew.
        Nobody is routed by the archive, so nothing that goes wrong here may stop the daemon.
        """
        began = self._timer()
        try:
            fed = self._step(began + budget_s)
        except Exception as error:
            fed = self._failed(error)
        return fed._replace(used_s=self._timer() - began)

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
            if self._timer() >= until:
                break
        return Fed(self._position, events, 0.0, tuple(observed), skipped, rebuilt)

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
            self._projection.take(record.first, read_record(record))
            events += record.size
            last = record
            if events >= EVENTS_AT_ONCE or self._timer() >= until:
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

    def _records(self) -> Iterator[Record]:
        after = self._position
        while found := self._journal.records(after, RECORDS_AT_ONCE):
            yield from found
            after = found[-1].first + found[-1].size - 1
