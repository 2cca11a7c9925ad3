"""What the daemon has stored, read from its journal by a connection that cannot write."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from actors.events.conversation import AgentWrote, CustomerWrote
from actors.journal import Record, read_record


class JournalCount:
    """Counts the messages in a daemon's journal."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._position = 0

    def __call__(self) -> int:
        """Return how many messages there are that were not there before."""
        count = 0
        with closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)) as connection:
            rows = connection.execute(
                "SELECT position, count, epoch, body, hash FROM journal WHERE position > ? ORDER BY position",
                (self._position,),
            )
            for record in map(Record._make, rows):
                self._position = record.first
                for entry in read_record(record):
                    count += isinstance(entry.event, CustomerWrote | AgentWrote)
        return count
