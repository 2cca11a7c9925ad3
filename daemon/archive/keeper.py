"""The archive in the daemon: its two threads, driven from the reactor's, and how far behind it is."""

from __future__ import annotations

import sqlite3
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from actors.journal import Record
from daemon.archive.answers import Reading
from daemon.archive.feeding import STEP_S, Fed, Feeder, Journal, share
from daemon.archive.figures import Figures
from daemon.archive.file import ARCHIVE_FILE, read_only
from daemon.archive.reading import ArchiveReader
from daemon.stores.sqlite import SELECT_RECORD

#: How many moments are remembered at which the journal had grown; with more, every second one goes.
MOMENTS_MAX = 1_000
#: The longest pause after steps that have failed one after the other.
PAUSE_MAX_S = 60.0

A = TypeVar("A")


class JournalRecords:
    """The journal's records, through a connection of one thread's own that only reads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def __call__(self, after: int, events: int) -> list[Record]:
        """Return the records that hold any position after ``after``, until they have so many events."""
        if self._connection is None:
            self._connection = read_only(self._path)
        execute = self._connection.execute
        start = execute("SELECT max(position) FROM journal WHERE position <= ?", (after + 1,)).fetchone()[0]
        rows = execute(f"{SELECT_RECORD} WHERE position >= ? ORDER BY position", (start or 0,))
        records: list[Record] = []
        with closing(rows):  # Until then the journal's write-ahead log cannot be shortened.
            for record in map(Record._make, rows):
                if record.first + record.size - 1 > after:
                    records.append(record)
                    events -= record.size
                if events <= 0:
                    break
        return records

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Lag:
    """How long the oldest event that the archive lacks has waited, to the step of the housekeeping."""

    def __init__(self) -> None:
        #: When the journal was first seen to reach a position.
        self._moments: deque[tuple[float, int]] = deque()

    def look(self, now: float, head: int, position: int) -> float:
        """Return the lag in seconds, while the journal is at ``head`` and the archive at ``position``."""
        moments = self._moments
        if head > position and (not moments or moments[-1][1] < head):
            moments.append((now, head))
        while moments and moments[0][1] <= position:
            moments.popleft()
        if len(moments) > MOMENTS_MAX:
            # The oldest stays: it is the one that counts.
            self._moments = deque(list(moments)[::2])
        return now - moments[0][0] if moments else 0.0


class Archive:
    """Feeds the archive from the housekeeping, and has questions answered. On the reactor's thread."""

    def __init__(
        self,
        journal: Path,
        ident: str,
        figures: Figures,
        head: Callable[[], int],
        idle_s: Callable[[], float],
        post: Callable[[Callable[[], None]], None],
    ) -> None:
        self._figures = figures
        self._head = head
        self._idle_s = idle_s
        self._post = post
        path = journal.with_name(ARCHIVE_FILE)
        self._records = JournalRecords(journal)
        self._feeder = Feeder(path, Journal(ident, self._records))
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="archive")
        self._reader = ArchiveReader(path, journal, lambda: self._feeder.generation, post)
        self._lag = Lag()
        self._feeding = False
        self._there = False
        self._now = self._retry_at = self._pause_s = 0.0
        self._share = share(0.0)
        self._saved_s = self._share * STEP_S
        self._looked_at = time.perf_counter()
        self._idled_s = idle_s()
        figures.begin(head())

    # Feeding.

    def feed(self, now: float) -> None:
        """A step of the housekeeping: save up time by what the reactor leaves, and spend it on a step."""
        self._now = now
        self._save_up()
        self._look()
        wanted = bool(self._figures.behind) or not self._there
        if wanted and not self._feeding and self._saved_s > 0.0 and now >= self._retry_at:
            self._feeding = True
            self._pool.submit(self._work, self._feeder.step, self._saved_s, self._share)

    def _look(self) -> None:
        """See how far behind the archive is."""
        figures, head = self._figures, self._head()
        figures.behind = max(0, head - figures.position)
        figures.behind_s = self._lag.look(self._now, head, figures.position)

    def _save_up(self) -> None:
        looked_at, idled_s = time.perf_counter(), self._idle_s()
        passed_s = looked_at - self._looked_at
        if passed_s > 0.0:
            idle = (idled_s - self._idled_s) / passed_s
            self._share = share(idle)
            self._saved_s = min(self._share * STEP_S, self._saved_s + self._share * passed_s)
        self._looked_at, self._idled_s = looked_at, idled_s

    def _work(self, step: Callable[..., Fed], *arguments: Any) -> None:
        """Do something on the archive's thread, and tell what has come of it on the reactor's."""
        fed = step(*arguments)
        self._post(lambda: self._fed(fed))

    def _fed(self, fed: Fed) -> None:
        self._feeding = False
        self._there = fed.there
        self._saved_s -= fed.used_s
        self._figures.fed(fed)
        self._look()
        # Twice as long each time: a full disk is not filled with complaints.
        self._pause_s = min(PAUSE_MAX_S, max(1.0, 2 * self._pause_s)) if fed.failed else 0.0
        self._retry_at = self._now + self._pause_s

    def rebuild(self) -> None:
        """Drop the archive, and begin it anew with the next step."""
        self._pool.submit(self._work, self._feeder.rebuild)

    # Questions.

    def ask(self, make: Callable[[Reading], A], done: Callable[[A | Exception], None]) -> bool:
        """Make something of the archive, and tell it on the reactor's thread; False: too many wait."""
        return self._reader.ask(self._head(), self._figures.behind_s, make, done)

    def status(self) -> dict[str, Any]:
        """Return how far the archive is, for an operator."""
        figures = self._figures
        return {
            "position": figures.position,
            "behind": figures.behind,
            "behind_s": round(figures.behind_s, 1),
            "skipped": figures.skipped,
        }

    def close(self) -> None:
        """Stop both threads, and close the files."""
        self._feeder.stop()
        self._reader.close()
        self._pool.shutdown(cancel_futures=True)
        self._feeder.close()
        self._records.close()
