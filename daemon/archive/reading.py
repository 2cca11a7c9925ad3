"""The archive is read on a thread of its own, through connections that never write, within a time."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from actors.journal import Entry, JournalDamaged, Record, entries_at
from daemon.archive.answers import Reading
from daemon.archive.file import read_only
from daemon.stores.sqlite import SELECT_RECORD

#: How many questions may wait.
QUESTIONS_MAX = 64
#: After so long a question is given up, and the asker is told to ask for less.
QUESTION_S_MAX = 5.0
#: SQLite looks at the time after so many of its own steps.
STEPS_BETWEEN_LOOKS = 10_000

A = TypeVar("A")


class TooLong(Exception):
    """The question would take too long."""


class NotThereYet(Exception):
    """There is no archive yet."""


class ArchiveReader:
    """Reads committed rows, and the journal's events by position."""

    def __init__(
        self,
        path: Path,
        journal: Path,
        generation: Callable[[], int],
        post: Callable[[Callable[[], None]], None],
    ) -> None:
        self._path = path
        self._journal_path = journal
        self._generation = generation
        self._post = post
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="archive-reader")
        self._archive: sqlite3.Connection | None = None
        self._journal: sqlite3.Connection | None = None
        self._opened = -1
        self._until = 0.0
        self._waiting = 0

    def ask(
        self,
        head: int,
        behind_s: float,
        make: Callable[[Reading], A],
        done: Callable[[A | Exception], None],
    ) -> bool:
        """Make something of the archive, and tell it on the reactor's thread.

        False when too many questions wait already: then nothing is told.
        """
        if self._waiting >= QUESTIONS_MAX:
            return False
        self._waiting += 1
        self._pool.submit(self._work, head, behind_s, make, done)
        return True

    def _work(
        self,
        head: int,
        behind_s: float,
        make: Callable[[Reading], A],
        done: Callable[[A | Exception], None],
    ) -> None:
        made: A | Exception
        try:
            archive = self._open()
            self._until = time.monotonic() + QUESTION_S_MAX
            # One view of the archive for the whole answer, however far the feeder comes meanwhile.
            archive.execute("BEGIN")
            try:
                made = make(Reading(archive, self.entries, head, behind_s))
            finally:
                archive.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            made = TooLong() if "interrupted" in str(error) else error
        except Exception as error:
            made = error
        self._post(lambda: self._finish(made, done))

    def _finish(self, made: A | Exception, done: Callable[[A | Exception], None]) -> None:
        self._waiting -= 1
        done(made)

    def _open(self) -> sqlite3.Connection:
        """Open the archive, again when it was begun anew."""
        generation = self._generation()
        if self._archive is None or self._opened != generation:
            if not self._path.exists():
                raise NotThereYet
            if self._archive is not None:
                self._archive.close()
                self._archive = None
            self._archive = _whole(read_only(self._path))
            self._archive.set_progress_handler(self._too_long, STEPS_BETWEEN_LOOKS)
            self._opened = generation
        return self._archive

    def _too_long(self) -> bool:
        return time.monotonic() > self._until

    def entries(self, positions: list[int]) -> list[Entry]:
        """Return the journal's events at growing positions."""
        entries = list(entries_at(positions, self._record_at))
        if len(entries) < len(positions):
            raise JournalDamaged(positions[len(entries)], "the record is missing")
        return entries

    def _record_at(self, position: int) -> Record | None:
        if self._journal is None:
            self._journal = read_only(self._journal_path)
        found = self._journal.execute(
            f"{SELECT_RECORD} WHERE position <= ? ORDER BY position DESC LIMIT 1", (position,)
        ).fetchone()
        return None if found is None else Record(*found)

    def close(self) -> None:
        """Stop reading, and close what is open; what was not begun is not answered."""
        self._pool.shutdown(cancel_futures=True)
        for connection in (self._archive, self._journal):
            if connection is not None:
                connection.close()


def _whole(archive: sqlite3.Connection) -> sqlite3.Connection:
    """Return the connection. Until the file has its tables there is no archive."""
    (version,) = archive.execute("PRAGMA user_version").fetchone()
    if not version:
        archive.close()
        raise NotThereYet
    return archive
