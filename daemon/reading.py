"""The journal is read off the reactor's thread: one reader with a connection of its own that never writes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from actors.journal import Entry, JournalDamaged, Record, entries_at
from daemon.connection import Connection
from daemon.outbound import Outbound
from daemon.stores.sqlite import SELECT_RECORD
from protocol.errors import Code
from protocol.fields import Message
from protocol.messages import Refused

#: How many reads may wait; more are refused as BUSY.
READS_MAX = 256

A = TypeVar("A")


class JournalReader:
    """Reads committed events by position."""

    def __init__(self, path: Path, outbound: Outbound, post: Callable[[Callable[[], None]], None]) -> None:
        self._path = path
        self._outbound = outbound
        self._post = post
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="reader")
        self._connection: sqlite3.Connection | None = None
        self._waiting = 0

    def read(
        self,
        connection: Connection,
        ident: bytes,
        positions: list[int],
        make: Callable[[list[Entry]], Message],
    ) -> None:
        """Answer the question ``ident`` with what is made of the events at these positions.

        It is made, and masked, on the reader's thread, and sent from the reactor's.
        """
        masking = connection.masking

        def seen(entries: list[Entry]) -> Message:
            made = make(entries)
            return made if masking is None else masking.message(made)

        def answer(made: Message | Exception) -> None:
            if isinstance(made, Exception):
                text = f"the journal could not be read ({type(made).__name__})"
                self._outbound.send(connection, Refused(Code.INTERNAL.value, text, ident))
            else:
                self._outbound.send_seen(connection, made, masking)

        if not self.fetch(positions, seen, answer):
            self._outbound.send(connection, Refused(Code.BUSY.value, "too many reads at once", ident, 1.0))

    def fetch(
        self,
        positions: list[int],
        make: Callable[[list[Entry]], A],
        done: Callable[[A | Exception], None],
    ) -> bool:
        """Make something of the events at these positions, and tell it on the reactor's thread.

        False when too many reads wait already: then nothing is told.
        """
        if self._waiting >= READS_MAX:
            return False
        self._waiting += 1
        self._pool.submit(self._work, positions, make, done)
        return True

    def _work(
        self,
        positions: list[int],
        make: Callable[[list[Entry]], A],
        done: Callable[[A | Exception], None],
    ) -> None:
        made: A | Exception
        try:
            made = make(self._entries(positions))
        except Exception as error:
            made = error
        self._post(lambda: self._finish(made, done))

    def _finish(self, made: A | Exception, done: Callable[[A | Exception], None]) -> None:
        self._waiting -= 1
        done(made)

    def _entries(self, positions: list[int]) -> list[Entry]:
        if self._connection is None:
            self._connection = sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)
        entries = list(entries_at(positions, self._record_at))
        if len(entries) < len(positions):
            raise JournalDamaged(positions[len(entries)], "the record is missing")
        return entries

    def _record_at(self, position: int) -> Record | None:
        assert self._connection is not None
        found = self._connection.execute(
            f"{SELECT_RECORD} WHERE position <= ? ORDER BY position DESC LIMIT 1", (position,)
        ).fetchone()
        return None if found is None else Record(*found)

    def close(self) -> None:
        """Stop reading."""
        self._pool.shutdown(cancel_futures=True)
