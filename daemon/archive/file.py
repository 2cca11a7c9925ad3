"""The archive's file: SQLite beside the journal, with the rows of the projection and how far it has come.

``synchronous=NORMAL`` is right here, and would be wrong for the journal: a power cut may take the last rows
with it, never a part of them, and they are made again from the journal. Rows and position are one
transaction, so a crash repeats nothing and leaves nothing out.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from msgspec.structs import astuple

from daemon.archive.customers import Customer
from daemon.archive.projection import PROJECTION, Rows
from daemon.archive.tickets import Ticket

#: The name of the file in the state directory.
ARCHIVE_FILE = "archive.db"
#: Inner pages of the tables, and what a step writes.
CACHE_KIB = 8_192
#: Checkpoint when the write-ahead log has this many pages (of 4 KiB): each one makes the disk wait.
CHECKPOINT_PAGES = 4_000
#: What a busy reader may keep in the write-ahead log before a checkpoint gives it back.
WAL_BYTES_MAX = 67_108_864

R = TypeVar("R", Ticket, Customer)

TICKET_COLUMNS = Ticket.__struct_fields__
CUSTOMER_COLUMNS = Customer.__struct_fields__
#: What a ticket or a customer is by never changes; neither do the indexes on it.
TICKET_FIXED = frozenset(
    {"number", "tenant", "conversation", "customer", "channel", "channel_kind", "contact", "started_at"}
)
CUSTOMER_FIXED = frozenset({"number", "tenant", "channel", "contact", "first_at"})


def _upsert(table: str, columns: tuple[str, ...], fixed: frozenset[str]) -> str:
    marks = ", ".join("?" for _ in columns)
    changes = ", ".join(f"{column} = excluded.{column}" for column in columns if column not in fixed)
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"
        f" ON CONFLICT (number) DO UPDATE SET {changes}"
    )


UPSERT_TICKET = _upsert("ticket", TICKET_COLUMNS, TICKET_FIXED)
UPSERT_CUSTOMER = _upsert("customer", CUSTOMER_COLUMNS, CUSTOMER_FIXED)
SELECT_TICKET = f"SELECT {', '.join(TICKET_COLUMNS)} FROM ticket WHERE tenant = ? AND conversation = ?"
SELECT_CUSTOMER = (
    f"SELECT {', '.join(CUSTOMER_COLUMNS)} FROM customer WHERE tenant = ? AND channel = ? AND contact = ?"
)


class NotOurs(Exception):
    """The file is not the archive of this journal, or not as these rules make it."""


class ArchiveFile:
    """The one connection that writes. Also the earlier rows that the projection looks up."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._execute = connection.execute

    @classmethod
    def open(cls, path: Path, journal: str, fits: Callable[[int, bytes], bool]) -> tuple[ArchiveFile, str]:
        """Open the archive of a journal, and say why it had to be begun anew; empty: it goes on.

        ``fits``: whether the record of the journal that ends at a position has this hash.
        """
        reason = "there was none"
        if path.exists():
            try:
                return cls._opened(path, journal, fits), ""
            except NotOurs as error:
                reason = str(error)
            except sqlite3.OperationalError:
                raise  # The disk is full, or somebody holds it: nothing that a new file would mend.
            except sqlite3.DatabaseError as error:
                reason = f"it cannot be read ({error})"
        remove(path)
        return cls._opened(path, journal, fits), reason

    @classmethod
    def _opened(cls, path: Path, journal: str, fits: Callable[[int, bytes], bool]) -> ArchiveFile:
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            path.chmod(0o600)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
            connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES_MAX}")
            _migrate(connection)
            connection.execute(
                "INSERT OR IGNORE INTO archive (id, journal, projection, position, hash)"
                " VALUES (1, ?, ?, 0, x'')",
                (journal, PROJECTION),
            )
            archive = cls(connection)
            archive.check(journal, fits)
        except BaseException:
            connection.close()
            raise
        return archive

    def check(self, journal: str, fits: Callable[[int, bytes], bool]) -> None:
        """Raise NotOurs when the rows are not those of this journal."""
        ours, projection, position, hashed = self._execute(
            "SELECT journal, projection, position, hash FROM archive"
        ).fetchone()
        if ours != journal:
            raise NotOurs(f"it belongs to the journal {ours}")
        if projection != PROJECTION:
            raise NotOurs(f"its rows were made by the rules {projection}, these are {PROJECTION}")
        if position and not fits(position, hashed):
            raise NotOurs(f"the journal has something else at position {position}")

    # Earlier rows.

    def ticket(self, tenant: str, conversation: str) -> Ticket | None:
        """Return the ticket of a conversation."""
        found = self._execute(SELECT_TICKET, (tenant, conversation)).fetchone()
        return None if found is None else ticket_of(found)

    def customer(self, tenant: str, channel: str, contact: str) -> Customer | None:
        """Return a customer."""
        found = self._execute(SELECT_CUSTOMER, (tenant, channel, contact)).fetchone()
        return None if found is None else customer_of(found)

    def channel_kind(self, tenant: str, channel: str) -> str:
        """Return the kind of a channel; empty if no desk has had it."""
        found = self._execute(
            "SELECT kind FROM channel WHERE tenant = ? AND id = ?", (tenant, channel)
        ).fetchone()
        return found[0] if found else ""

    def position(self) -> int:
        """Return up to where the archive has come."""
        position: int = self._execute("SELECT position FROM archive").fetchone()[0]
        return position

    # What a step brings.

    def write(self, rows: Rows, position: int, hashed: bytes) -> None:
        """Store what a step has brought about and how far it has come, together or not at all."""
        self._execute("BEGIN IMMEDIATE")
        try:
            self._write(rows)
            self._execute("UPDATE archive SET position = ?, hash = ?", (position, hashed))
            self._execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._execute("ROLLBACK")
            raise

    def _write(self, rows: Rows) -> None:
        many = self._connection.executemany
        # One by one, not all before: with each row SQLite lets the reactor's thread have its turn.
        many(UPSERT_CUSTOMER, map(_values, rows.customers))
        many(UPSERT_TICKET, map(_values, rows.tickets))
        many("INSERT INTO said (position, at, ticket) VALUES (?, ?, ?)", rows.said)
        many("INSERT INTO word (rowid, place, text) VALUES (?, ?, ?)", rows.words)
        many("INSERT OR IGNORE INTO customer_name (tenant, name, customer) VALUES (?, ?, ?)", rows.names)
        many("INSERT OR IGNORE INTO ticket_agent (tenant, agent, ticket) VALUES (?, ?, ?)", rows.agents)
        there = [key for key, has in rows.tags.items() if has]
        gone = [key for key, has in rows.tags.items() if not has]
        many("INSERT OR IGNORE INTO ticket_tag (tenant, tag, ticket) VALUES (?, ?, ?)", there)
        many("DELETE FROM ticket_tag WHERE tenant = ? AND tag = ? AND ticket = ?", gone)
        many(
            "INSERT OR REPLACE INTO channel (tenant, id, kind) VALUES (?, ?, ?)",
            [(*key, kind) for key, kind in rows.channels.items()],
        )
        many(
            "INSERT OR REPLACE INTO masking (tenant, payment, personal) VALUES (?, ?, ?)",
            [(tenant, *switches) for tenant, switches in rows.masking.items()],
        )

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def remove(path: Path) -> None:
    """Remove an archive with what belongs to it. Readers that have it open keep what they see."""
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        path.with_name(name).unlink(missing_ok=True)


def read_only(path: Path) -> sqlite3.Connection:
    """Return a connection that never writes, for any one thread."""
    return sqlite3.connect(
        f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, isolation_level=None, check_same_thread=False
    )


def ticket_of(row: tuple[Any, ...]) -> Ticket:
    """Return a row of the table ``ticket`` as what it means."""
    return _row(Ticket, TICKET_COLUMNS, row, ("agents", "tags"), ("missed", "muted", "interrupted"))


def customer_of(row: tuple[Any, ...]) -> Customer:
    """Return a row of the table ``customer`` as what it means."""
    return _row(Customer, CUSTOMER_COLUMNS, row, (), ("blocked", "spoke", "authenticated"))


def _row(
    kind: type[R], columns: tuple[str, ...], row: tuple[Any, ...], lists: Iterable[str], flags: Iterable[str]
) -> R:
    values = dict(zip(columns, row, strict=True))
    values.update({name: json.loads(values[name]) for name in lists})
    values.update({name: bool(values[name]) for name in flags})
    return kind(**values)


def _values(row: Ticket | Customer) -> tuple[Any, ...]:
    return tuple(
        json.dumps(value, ensure_ascii=False) if type(value) is list else value for value in astuple(row)
    )


def _migrate(connection: sqlite3.Connection) -> None:
    """Apply the schema changes that the file does not have yet. Raises NotOurs for a newer one."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    scripts = sorted(
        (int(item.name[:4]), item.read_text())
        for item in (files("daemon.archive") / "migrations").iterdir()
        if item.name.endswith(".sql")
    )
    if version > scripts[-1][0]:
        raise NotOurs(f"it has schema {version}, this daemon knows {scripts[-1][0]}")
    for number, script in scripts:
        if number > version:
            connection.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;")
