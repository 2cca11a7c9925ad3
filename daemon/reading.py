"""Threads are read off the reactor's thread: one reader with a connection of its own that never writes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from actors.conversation.actor import ThreadGrant
from actors.conversation.view import news
from actors.journal import Entry, JournalDamaged, Record, entries_at
from daemon.connection import Connection
from daemon.outbound import Outbound
from daemon.stores.sqlite import SELECT_RECORD
from protocol.codec import encode
from protocol.errors import Code
from protocol.messages import Refused, Thread, ThreadEntry

#: How many bytes of news a page may have; one entry always fits.
PAGE_BYTES = 131_072
#: How many reads may wait; more are refused as BUSY.
READS_MAX = 256


class JournalReader:
    """Reads committed events by position."""

    def __init__(self, path: Path, outbound: Outbound, post: Callable[[Callable[[], None]], None]) -> None:
        self._path = path
        self._outbound = outbound
        self._post = post
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="reader")
        self._connection: sqlite3.Connection | None = None
        self._waiting = 0

    def read(self, connection: Connection, grant: ThreadGrant, positions: list[int]) -> None:
        """Read the events at these positions and answer on the reactor's thread."""
        if self._waiting >= READS_MAX:
            self._outbound.send(connection, Refused(Code.BUSY.value, "too many reads at once", grant.id, 1.0))
            return
        self._waiting += 1
        self._pool.submit(self._work, connection, grant, positions)

    def _work(self, connection: Connection, grant: ThreadGrant, positions: list[int]) -> None:
        try:
            entries = self._entries(positions)
            message: Thread | Refused = _thread(grant, entries)
        except Exception as error:
            message = Refused(
                Code.INTERNAL.value, f"the thread could not be read ({type(error).__name__})", grant.id
            )
        self._post(lambda: self._answer(connection, message))

    def _answer(self, connection: Connection, message: Thread | Refused) -> None:
        self._waiting -= 1
        self._outbound.send(connection, message)

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


def _thread(grant: ThreadGrant, entries: list[Entry]) -> Thread:
    """Return one page: what may be seen of the events, up to a number of bytes that fits a frame."""
    visible: list[ThreadEntry] = []
    covered = grant.after
    room = PAGE_BYTES
    for entry in entries:
        told = news(entry.id, entry.event)
        room -= len(encode([told])) if told is not None else 0
        if room < 0 and visible:
            break
        covered = entry.sequence
        if told is not None:
            visible.append(ThreadEntry(entry.sequence, entry.at, told))
    return Thread(grant.id, grant.conversation, visible, grant.last, covered)
