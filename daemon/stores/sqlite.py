"""The SQLite store: one file, one connection that writes and checkpoints, WAL, ``synchronous=FULL``.

One connection only: SQLite before 3.51.3 can corrupt a WAL file when two of them write and checkpoint. A
failed commit means unknown, never no (G2): it was seen to come back after a restart. A lock file keeps a
second daemon out for the life of the process, and the epoch is checked in every transaction (G12).
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import uuid
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from actors.journal import (
    EMPTY_HASH,
    Address,
    Batch,
    CommandRow,
    CommitUnknown,
    Deposed,
    DueRow,
    IndexRow,
    JournalDamaged,
    LookupRow,
    LowWater,
    Opened,
    OverRow,
    Owned,
    OwnedCount,
    Record,
    SnapshotRow,
    StoreFailed,
    channel_of,
)
from daemon.stores.memory import join_index

#: The name of the file in the state directory.
JOURNAL_FILE = "journal.db"
#: Checkpoint when the WAL has this many pages (of 4 KiB).
CHECKPOINT_PAGES = 4_000
#: Enough for the inner pages of the tables, and for what a turn writes. The journal is written once and read
#: seldom: a larger cache is filled with it for nothing, and the kernel has to clear each page of it first.
CACHE_KIB = 8_192

_encoder = msgspec.msgpack.Encoder()
_positions_decoder = msgspec.msgpack.Decoder(tuple[int, ...])

INSERT_RECORD = "INSERT INTO journal (position, count, epoch, body, hash) VALUES (?, ?, ?, ?, ?)"
UPDATE_SHARD = "UPDATE shard SET snapshots = ?, stream_index = ?, commands = ? WHERE id = 1 AND epoch = ?"
#: Most snapshots differ from the row before in nothing that an index or the count of what agents own goes by:
#: to leave those alone saves a third of the work, and the pages of two indexes.
REFRESH_SNAPSHOT = """
    UPDATE snapshot SET as_of = ?, body = ? WHERE kind = ? AND tenant = ? AND id = ?
        AND live = ? AND lookup IS ? AND owner IS ? AND holds = ? AND wake_at IS ? AND over_at IS ?
"""
UPSERT_SNAPSHOT = """
    INSERT INTO snapshot (as_of, body, kind, tenant, id, live, lookup, owner, holds, wake_at, over_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (kind, tenant, id) DO UPDATE SET as_of = excluded.as_of, live = excluded.live,
        lookup = excluded.lookup, owner = excluded.owner, holds = excluded.holds, wake_at = excluded.wake_at,
        over_at = excluded.over_at, body = excluded.body
"""
REPLACE_INDEX = (
    "INSERT OR REPLACE INTO stream_index (kind, tenant, id, first, positions) VALUES (?, ?, ?, ?, ?)"
)
INSERT_RUN = (
    "INSERT OR IGNORE INTO command_run (tenant, sender, last, commands, positions, at)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)
INSERT_COMMAND = (
    "INSERT OR IGNORE INTO command (tenant, sender, command, position, at) VALUES (?, ?, ?, ?, ?)"
)
SELECT_RUN = (
    "SELECT commands, positions FROM command_run WHERE tenant = ? AND sender = ? AND last >= ?"
    " ORDER BY last LIMIT 1"
)
SELECT_COMMAND = "SELECT position FROM command WHERE tenant = ? AND sender = ? AND command = ?"
SELECT_SNAPSHOT = (
    "SELECT kind, tenant, id, as_of, live, lookup, owner, holds, wake_at, over_at, body FROM snapshot"
)
#: Those that are over stand in an index of their own, so that each row is in one of the two only.
BY_LOOKUP = "tenant = ? AND lookup = ? AND over_at IS NULL"
SELECT_RECORD = "SELECT position, count, epoch, body, hash FROM journal"


class NewerJournal(Exception):
    """The journal was written by a newer version; it is refused before it is touched (G16)."""


class SQLiteStore:
    """The journal in one file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._epoch = 0
        self._lock: int | None = None
        self._connection: sqlite3.Connection | None = None

    def open(self) -> Opened:
        """Lock the file, bring the schema up to date, begin a new epoch.

        Raises Deposed when another process has it, NewerJournal, JournalDamaged.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = lock(self.path)
        try:
            _look_first(self.path)
            self._connection = sqlite3.connect(self.path, isolation_level=None, cached_statements=64)
            return self._open(self._connection)
        except sqlite3.DatabaseError as error:
            if isinstance(error, sqlite3.OperationalError):
                raise
            raise JournalDamaged(0, f"SQLite says: {error}") from error

    def _open(self, connection: sqlite3.Connection) -> Opened:
        _refuse_newer(connection)
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode != "wal":
            raise JournalDamaged(
                0, f"the file system does not allow a write-ahead log (journal_mode is {mode})"
            )
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2
        self.path.chmod(0o600)
        migrate(connection)
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(
            "INSERT OR IGNORE INTO shard (id, journal, epoch, snapshots, stream_index, commands)"
            " VALUES (1, ?, 0, 0, 0, 0)",
            (uuid.uuid4().hex,),
        )
        connection.execute("UPDATE shard SET epoch = epoch + 1")
        connection.execute("COMMIT")
        journal, self._epoch, *low = connection.execute(
            "SELECT journal, epoch, snapshots, stream_index, commands FROM shard"
        ).fetchone()
        last = connection.execute(f"{SELECT_RECORD} ORDER BY position DESC LIMIT 1").fetchone()
        record = Record(*last) if last else None
        if record is not None and None in record:
            raise JournalDamaged(record.first, "the newest record is not whole")
        head = record.first + record.size - 1 if record else 0
        if record is not None and record.epoch >= self._epoch:
            raise JournalDamaged(record.first, f"written in epoch {record.epoch}, but this is {self._epoch}")
        if max(low) > head:
            raise JournalDamaged(head + 1, f"events up to {max(low)} were stored once and are missing")
        return Opened(journal, self._epoch, head, record.hash if record else EMPTY_HASH, LowWater(*low))

    @property
    def connection(self) -> sqlite3.Connection:
        """The one connection."""
        assert self._connection is not None, "the store is not open"
        return self._connection

    def commit(self, batch: Batch) -> None:
        """Write the batch as one transaction and flush it. Raises CommitUnknown, Deposed."""
        execute = self.connection.execute
        try:
            execute("BEGIN IMMEDIATE")
            if execute(UPDATE_SHARD, (*batch.low_water, self._epoch)).rowcount != 1:
                raise Deposed(f"epoch {self._epoch} is over: another process owns {self.path}")
            if batch.record is not None:
                execute(INSERT_RECORD, batch.record)
            if batch.snapshots or batch.streams or batch.commands:
                self._write_behind(batch)
            execute("COMMIT")
        except sqlite3.Error as error:
            name = getattr(error, "sqlite_errorname", type(error).__name__)
            raise CommitUnknown(f"the commit failed ({name}: {error}); it may be stored or not") from error

    def _write_behind(self, batch: Batch) -> None:
        execute, many = self.connection.execute, self.connection.executemany
        for snapshot in batch.snapshots:
            values = _snapshot_values(snapshot)
            if not execute(REFRESH_SNAPSHOT, values).rowcount:
                execute(UPSERT_SNAPSHOT, values)
        many(REPLACE_INDEX, [_index_values(row) for row in batch.streams])
        runs = [row for row in batch.commands if len(row.commands) > 1]
        alone = [row for row in batch.commands if len(row.commands) == 1]
        many(INSERT_RUN, [_run_values(row) for row in runs])
        many(INSERT_COMMAND, [(*row[:2], row.commands[0], row.positions[0], row.at) for row in alone])

    def _read(self, sql: str, parameters: tuple[object, ...] = ()) -> list[Any]:
        """Return all rows. Raises StoreFailed: nothing can be decided without what is stored."""
        try:
            return self.connection.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise StoreFailed(f"{self.path} cannot be read ({error})") from error

    def _read_one(self, sql: str, parameters: tuple[object, ...] = ()) -> Any:
        """Return the first row, or None."""
        return next(iter(self._read(sql, parameters)), None)

    def snapshot(self, address: Address) -> SnapshotRow | None:
        """Return the newest snapshot of an actor."""
        found = self._read_one(f"{SELECT_SNAPSHOT} WHERE kind = ? AND tenant = ? AND id = ?", address)
        return _snapshot_row(found) if found else None

    def find(self, tenant: str, lookup: str) -> list[str]:
        """Return the ids of the conversations with this look-up key."""
        rows = self._read(f"SELECT id FROM snapshot WHERE {BY_LOOKUP}", (tenant, lookup))
        return [ident for (ident,) in rows]

    def under(self, tenant: str, prefix: str, after: LookupRow, limit: int) -> list[LookupRow]:
        """Return conversations whose look-up key begins so, by the index on the key."""
        rows = self._read(
            "SELECT lookup, id FROM snapshot WHERE tenant = ? AND lookup >= ? AND lookup < ?"
            " AND over_at IS NULL AND kind = 'conversation' AND (lookup, id) > (?, ?)"
            " ORDER BY lookup, id LIMIT ?",
            (tenant, max(prefix, after.lookup), prefix[:-1] + chr(ord(prefix[-1]) + 1), *after, limit),
        )
        return [LookupRow(*row) for row in rows]

    def last(self, tenant: str, lookup: str) -> OverRow | None:
        """Return which of them was over last: the index on the time ends with the table's own key."""
        sql = (
            "SELECT over_at, id FROM snapshot WHERE tenant = ? AND lookup = ? AND over_at IS NOT NULL"
            " ORDER BY over_at DESC, kind DESC, id DESC LIMIT 1"
        )
        found = self._read_one(sql, (tenant, lookup))
        return OverRow(*found) if found else None

    def filed(self, tenant: str, lookup: str, skip: int, limit: int) -> list[str]:
        """Return some of them, in order: the index on the key ends with the table's own key."""
        rows = self._read(
            f"SELECT id FROM snapshot WHERE {BY_LOOKUP} ORDER BY kind, id LIMIT ? OFFSET ?",
            (tenant, lookup, limit, skip),
        )
        return [ident for (ident,) in rows]

    def live(self) -> Iterator[SnapshotRow]:
        """Return the snapshots to be woken at start."""
        rows = self._read(f"{SELECT_SNAPSHOT} WHERE live = 1")
        return iter([_snapshot_row(row) for row in rows])

    def owned(self, tenant: str, owner: str) -> list[Owned]:
        """Return the conversations with this owner, from the index alone: there may be thousands."""
        sql = "SELECT id, lookup, holds FROM snapshot WHERE tenant = ? AND owner = ?"
        rows = self._read(sql, (tenant, owner))
        # To call the class for each of them costs more than to read them.
        return [Owned._make((ident, channel_of(lookup), holds != 0)) for ident, lookup, holds in rows]

    def owners(self) -> Iterator[OwnedCount]:
        """Return the count that triggers keep, by the turn that changes it: nothing is gone through."""
        rows = self._read("SELECT tenant, owner, channel, holds, many FROM owned_count WHERE many > 0")
        return (
            OwnedCount(tenant, owner, channel, bool(holds), many)
            for tenant, owner, channel, holds, many in rows
        )

    def due(self, after: DueRow, until: float, limit: int) -> list[DueRow]:
        """Return who wants to be woken, in order: the index on the time ends with the table's own key."""
        rows = self._read(
            "SELECT wake_at, kind, tenant, id FROM snapshot"
            " WHERE wake_at IS NOT NULL AND (wake_at, kind, tenant, id) > (?, ?, ?, ?) AND wake_at <= ?"
            " ORDER BY wake_at, kind, tenant, id LIMIT ?",
            (after.wake_at, *after.address, until, limit),
        )
        return [DueRow(at, (kind, tenant, ident)) for at, kind, tenant, ident in rows]

    def command(self, tenant: str, sender: str, command: bytes) -> int | None:
        """Return the position that carries the command's id."""
        key = (tenant, sender, command)
        run = self._read_one(SELECT_RUN, key)
        if run is not None:
            commands, positions = run
            place = commands.find(command)
            while place > 0 and place % len(command):  # Across the border of two ids: not a place of one.
                place = commands.find(command, place + 1)
            if place >= 0:
                found: int = _positions_decoder.decode(positions)[place // len(command)]
                return found
        alone = self._read_one(SELECT_COMMAND, key)
        return alone[0] if alone else None

    def newest_command(self, tenant: str, sender: str) -> bytes | None:
        """Return the greatest command id of a sender."""
        newest: bytes | None = None
        for column, table in (("last", "command_run"), ("command", "command")):
            (found,) = self._read_one(
                f"SELECT max({column}) FROM {table} WHERE tenant = ? AND sender = ?", (tenant, sender)
            )
            newest = max(newest or b"", found) if found else newest
        return newest

    def positions(self, stream: Address, after: int, limit: int) -> list[int]:
        """Return positions of a stream."""
        start = self._read_one(
            "SELECT max(first) FROM stream_index WHERE kind = ? AND tenant = ? AND id = ? AND first <= ?",
            (*stream, after + 1),
        )[0]
        rows = self._read(
            "SELECT first, positions FROM stream_index"
            " WHERE kind = ? AND tenant = ? AND id = ? AND first >= ? ORDER BY first",
            (*stream, start or 0),
        )
        return join_index(((first, _positions_decoder.decode(body)) for first, body in rows), after, limit)

    def records(self, after: int) -> Iterator[Record]:
        """Return the records that hold any position after ``after``."""
        start = self._read_one("SELECT max(position) FROM journal WHERE position <= ?", (after + 1,))[0]
        rows = self._read(f"{SELECT_RECORD} WHERE position >= ? ORDER BY position", (start or 0,))
        for row in rows:
            record = Record(*row)
            if record.first + record.size - 1 > after:
                yield record

    def record_at(self, position: int) -> Record | None:
        """Return the record that holds a position."""
        found = self._read_one(
            f"{SELECT_RECORD} WHERE position <= ? ORDER BY position DESC LIMIT 1", (position,)
        )
        if found is None:
            return None
        record = Record(*found)
        return record if position < record.first + record.size else None

    def forget_commands(self, before: float, limit: int) -> int:
        """Drop old command rows."""
        runs = self.connection.execute(
            "DELETE FROM command_run WHERE (tenant, sender, last) IN "
            "(SELECT tenant, sender, last FROM command_run WHERE at < ? LIMIT ?)",
            (before, limit),
        )
        alone = self.connection.execute(
            "DELETE FROM command WHERE (tenant, sender, command) IN "
            "(SELECT tenant, sender, command FROM command WHERE at < ? LIMIT ?)",
            (before, limit),
        )
        return runs.rowcount + alone.rowcount

    def close(self) -> None:
        """Close the file and give up the lock."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def migrations() -> list[tuple[int, str]]:
    """Return the numbered schema changes that ship with this version."""
    folder = files("daemon.stores") / "migrations"
    scripts = [
        (int(item.name[:4]), item.read_text()) for item in folder.iterdir() if item.name.endswith(".sql")
    ]
    return sorted(scripts)


def migrate(connection: sqlite3.Connection) -> None:
    """Apply the schema changes that the file does not have yet, each in a transaction of its own."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    for number, script in migrations():
        if number > version:
            connection.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;")


def _look_first(path: Path) -> None:
    """Refuse a newer journal, through a connection that may only read: closing another writes to the file.

    What it cannot read, a crash in the first start has left half made; the writing connection mends it.
    """
    if not path.exists():
        return
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        _refuse_newer(connection)
    except sqlite3.OperationalError:
        return
    finally:
        connection.close()


def _refuse_newer(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    newest = migrations()[-1][0]
    if version > newest:
        raise NewerJournal(
            f"the journal has schema {version}, this daemon knows {newest}:"
            " use the daemon that wrote it, or a later one"
        )


def lock(journal: Path) -> int:
    """Take the journal for this process, until the descriptor is closed. Raises Deposed if another has it."""
    path = journal.with_suffix(".lock")
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise Deposed(f"another daemon holds {path}") from error
    return descriptor


def _snapshot_values(row: SnapshotRow) -> tuple[object, ...]:
    place = (int(row.live), row.lookup, row.owner, int(row.holds), row.wake_at, row.over_at)
    return (row.as_of, row.body, *row.address, *place)


def _snapshot_row(found: tuple[Any, ...]) -> SnapshotRow:
    kind, tenant, ident, as_of, live, lookup, owner, holds, wake_at, over_at, body = found
    address = (kind, tenant, ident)
    return SnapshotRow(address, as_of, body, bool(live), lookup, owner, bool(holds), wake_at, over_at)


def _index_values(row: IndexRow) -> tuple[object, ...]:
    return (*row.stream, row.first, _encoder.encode(row.positions))


def _run_values(row: CommandRow) -> tuple[object, ...]:
    commands = b"".join(row.commands)
    return (row.tenant, row.sender, row.commands[-1], commands, _encoder.encode(row.positions), row.at)
