"""What the daemon has stored, and what it has still to do; read by connections that cannot write."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from actors.events.conversation import AgentWrote, CustomerWrote
from actors.journal import Record, read_record
from daemon.archive.file import ARCHIVE_FILE


class Behind:
    """Whether the daemon has work left from what it has carried: rows to write behind, an archive to feed."""

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._archive = journal.with_name(ARCHIVE_FILE)

    def __call__(self) -> bool:
        """Return whether anything does not reach to the journal's end yet."""
        if not self._archive.exists():
            return True
        with closing(_read_only(self._journal)) as journal, closing(_read_only(self._archive)) as archive:
            (head,) = journal.execute(
                "SELECT position + count - 1 FROM journal ORDER BY position DESC LIMIT 1"
            ).fetchone()
            (behind,) = journal.execute("SELECT min(snapshots, stream_index, commands) FROM shard").fetchone()
            (archived,) = archive.execute("SELECT position FROM archive").fetchone()
        return bool(min(behind, archived) < head)


def _read_only(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True)


class JournalCount:
    """Counts the messages in a daemon's journal."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = 0

    def __call__(self) -> int:
        """Return how many messages there are that were not there before."""
        count = 0
        with closing(_read_only(self._path)) as connection:
            rows = connection.execute(
                "SELECT position, count, epoch, body, hash FROM journal WHERE position > ? ORDER BY position",
                (self._position,),
            )
            for record in map(Record._make, rows):
                self._position = record.first
                for entry in read_record(record):
                    count += isinstance(entry.event, CustomerWrote | AgentWrote)
        return count
