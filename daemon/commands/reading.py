"""Reading a journal's file beside a running daemon, without ever writing to it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

import msgspec

from actors.journal import EMPTY_HASH, Entry, JournalDamaged, Record, read_record, verified
from daemon.archive.file import ARCHIVE_FILE, read_only
from daemon.commands.failure import Failure
from daemon.exits import Exit
from daemon.stores.sqlite import SELECT_RECORD, migrations

#: Records read at once: the daemon cannot shorten its write-ahead log while a reading is under way.
RECORDS_AT_ONCE = 1_000

_positions_decoder = msgspec.msgpack.Decoder(tuple[int, ...])


class JournalFile:
    """The journal of a daemon that may be running. Use it as a context."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise Failure(f"{path}: there is no journal here", Exit.UNAVAILABLE)
        self._connection, schema = self._open()
        newest = migrations()[-1][0]
        if not 1 <= schema <= newest:
            self._connection.close()
            what = f"has schema {schema}, and this version reads 1 to {newest}"
            raise Failure(f"{self.path}: {what}", Exit.DATA)

    def __enter__(self) -> JournalFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._connection.close()
        if isinstance(error, JournalDamaged):
            raise Failure(f"{self.path}: {error}", Exit.DATA) from error
        if isinstance(error, sqlite3.Error):
            raise Failure(f"{self.path}: cannot be read: {error}", Exit.DATA) from error

    def _open(self) -> tuple[sqlite3.Connection, int]:
        """Return a connection that only reads, and the schema it found."""
        address = f"file:{quote(str(self.path.absolute()))}?mode=ro"
        try:
            return _connected(address)
        except sqlite3.OperationalError as error:
            # A backup may stand where no file can be made beside it. SQLite opens it when told that nobody
            # changes it, which is true when there is no write-ahead log.
            if not self.path.with_name(f"{self.path.name}-wal").exists():
                with suppress(sqlite3.Error):
                    return _connected(f"{address}&immutable=1")
            raise Failure(f"{self.path}: cannot be opened: {error}", Exit.UNAVAILABLE) from error
        except sqlite3.Error as error:
            raise Failure(f"{self.path}: is not a journal: {error}", Exit.DATA) from error

    def records(self, after: int = 0) -> Iterator[Record]:
        """Return the records that hold any position after `after`, in order."""
        found = self._connection.execute(
            "SELECT max(position) FROM journal WHERE position <= ?", (after + 1,)
        ).fetchone()[0]
        start = found or 0
        while True:
            rows = self._connection.execute(
                f"{SELECT_RECORD} WHERE position >= ? ORDER BY position LIMIT ?", (start, RECORDS_AT_ONCE)
            ).fetchall()
            for record in map(Record._make, rows):
                if record.first + record.size - 1 > after:
                    yield record
            if len(rows) < RECORDS_AT_ONCE:
                return
            start = rows[-1][0] + 1

    def record_at(self, position: int) -> Record | None:
        """Return the record that holds a position."""
        found = self._connection.execute(
            f"{SELECT_RECORD} WHERE position <= ? ORDER BY position DESC LIMIT 1", (position,)
        ).fetchone()
        return None if found is None else Record(*found)

    def ident(self) -> str:
        """Return the name of the journal, which it keeps for ever."""
        row = self._connection.execute("SELECT journal FROM shard").fetchone()
        return row[0] if row else ""

    def chain(self) -> Iterator[Record]:
        """Return all records while their chain holds. Raises JournalDamaged where it does not."""
        (first,) = self._connection.execute("SELECT min(position) FROM journal").fetchone()
        # What came before an old beginning was removed on purpose, so its hash is taken on trust.
        return verified(self.records(), EMPTY_HASH if first == 1 else None)

    def entries(self, after: int = 0) -> Iterator[tuple[int, Entry]]:
        """Return position and event of everything after `after`."""
        for record in self.records(after):
            for position, entry in enumerate(read_record(record), record.first):
                if position > after:
                    yield position, entry

    def head(self) -> int:
        """Return the position of the newest event."""
        row = self._connection.execute(
            "SELECT position + count - 1 FROM journal ORDER BY position DESC LIMIT 1"
        ).fetchone()
        return row[0] if row else 0

    def promised(self) -> int:
        """Return up to which position the derived tables say that there are events."""
        row = self._connection.execute("SELECT max(snapshots, stream_index, commands) FROM shard").fetchone()
        return row[0] if row else 0

    def conversation(self, ident: str) -> Iterator[tuple[int, Entry]]:
        """Return position and event of everything in one conversation's stream."""
        (indexed,) = self._connection.execute("SELECT stream_index FROM shard").fetchone() or (0,)
        found = self._indexed(ident)
        for position in found:
            if position <= indexed:
                yield from self._at(position)
        for position, entry in self.entries(indexed):
            if (entry.kind, entry.id) == ("conversation", ident):
                yield position, entry

    def _indexed(self, ident: str) -> list[int]:
        rows = self._connection.execute(
            "SELECT positions FROM stream_index WHERE kind = 'conversation' AND id = ? ORDER BY first",
            (ident,),
        )
        return sorted({position for (body,) in rows for position in _positions_decoder.decode(body)})

    def _at(self, position: int) -> Iterator[tuple[int, Entry]]:
        for place, entry in self.entries(position - 1):
            if place == position:
                yield place, entry
            return


@contextmanager
def archive_file(journal: Path) -> Iterator[sqlite3.Connection]:
    """Open the archive beside a journal for reading."""
    path = journal.with_name(ARCHIVE_FILE)
    how = "`switchboard archive --rebuild` makes it"
    if not path.is_file():
        raise Failure(f"{path}: there is no archive; {how}", Exit.UNAVAILABLE)
    archive = read_only(path)
    try:
        # The daemon makes the file first and its tables then.
        if archive.execute("PRAGMA user_version").fetchone() == (0,):
            raise Failure(f"{path}: the daemon begins it anew just now; ask again", Exit.TEMPORARY)
        yield archive
    except sqlite3.Error as error:
        raise Failure(f"{path}: cannot be read: {error}; {how} anew", Exit.DATA) from error
    finally:
        archive.close()


def _connected(address: str) -> tuple[sqlite3.Connection, int]:
    connection = sqlite3.connect(address, uri=True, isolation_level=None)
    try:
        (schema,) = connection.execute("PRAGMA user_version").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection, schema
