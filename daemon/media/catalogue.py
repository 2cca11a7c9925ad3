"""Which media there are: a small SQLite file beside the media, written by the media thread, read by the
reactor's.

Whoever decides about a message asks here whether its medium is there, and may refer to it from then on; the
collector asks here before it takes one away. So the two never miss each other.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path
from threading import Lock
from typing import NamedTuple

from actors.media import Medium

#: A medium as msgpack has it: a text of 64 bytes. What only looks like one is kept too, which is safe.
_MENTIONED = re.compile(rb"\xd9\x40([0-9a-f]{64})")


class Name(NamedTuple):
    """A tenant's medium."""

    tenant: str
    media: str


class Unreferenced(NamedTuple):
    """A medium that no event refers to, as far as is known."""

    name: Name
    size_bytes: int


class Catalogue:
    """The rows. All but ``find`` are for the media thread."""

    def __init__(self, path: Path) -> None:
        self._lock = Lock()
        #: Found by a decision, and when: the turn may refer to them.
        self._touched: dict[Name, float] = {}
        self._removing: set[Name] = set()
        self._writer = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        path.chmod(0o600)
        # In full: what is acknowledged has its row on disk.
        self._writer.execute("PRAGMA journal_mode = WAL")
        self._writer.execute("PRAGMA synchronous = FULL")
        _migrate(self._writer)
        address = f"{path.absolute().as_uri()}?mode=ro"
        self._reader = sqlite3.connect(address, uri=True, check_same_thread=False)

    def find(self, tenant: str, media: str, now: float) -> Medium | None:
        """Return what a medium is, for a decision; it stays from now on. On the reactor's thread."""
        name = Name(tenant, media)
        with self._lock:
            if name in self._removing:
                return None
            self._touched[name] = now
        return self._row(self._reader, name)

    def get(self, name: Name) -> Medium | None:
        """Return what a medium is."""
        return self._row(self._writer, name)

    @staticmethod
    def _row(connection: sqlite3.Connection, name: Name) -> Medium | None:
        row = connection.execute(
            "SELECT kind, media_type, size_bytes, width, height FROM media"
            " WHERE media = ? AND tenant = ? AND removing = 0",
            (name.media, name.tenant),
        ).fetchone()
        return None if row is None else Medium(*row)

    def add(self, name: Name, medium: Medium, now: float, position: int) -> None:
        """Note a medium whose file is whole and flushed."""
        self._writer.execute(
            "INSERT INTO media"
            " (media, tenant, kind, media_type, size_bytes, width, height, stored_at, position)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (name.media, name.tenant, *medium, now, position),
        )

    def renew(self, name: Name, now: float) -> None:
        """The medium was brought once more: nobody has to refer to it any sooner than to a new one."""
        self._writer.execute(
            "UPDATE media SET stored_at = ? WHERE media = ? AND tenant = ? AND referenced = 0",
            (now, name.media, name.tenant),
        )

    def used_bytes(self) -> dict[str, int]:
        """Return how many bytes each tenant has stored."""
        return dict(self._writer.execute("SELECT tenant, SUM(size_bytes) FROM media GROUP BY tenant"))

    def count(self) -> int:
        """Return how many media there are."""
        (many,) = self._writer.execute("SELECT COUNT(*) FROM media").fetchone()
        return int(many)

    # References.

    def use_journal(self, journal: str, head: int) -> None:
        """Where the history is another one (a restored backup, say), look for references from its start."""
        known = self._writer.execute("SELECT journal, position FROM cursor").fetchone()
        if known is not None and known[0] == journal and known[1] <= head:
            return
        self._writer.execute("BEGIN IMMEDIATE")
        self._writer.execute(
            "INSERT OR REPLACE INTO cursor (id, journal, position) VALUES (1, ?, 0)", (journal,)
        )
        self._writer.execute("UPDATE media SET position = 0")
        self._writer.execute("COMMIT")

    def unread(self, before: float) -> int | None:
        """Return after which position references have to be looked for; None if nothing depends on it.

        Something does when a medium that came before this time has none. Events before all media without a
        reference cannot refer to them.
        """
        (due,) = self._writer.execute(
            "SELECT EXISTS (SELECT 1 FROM media WHERE referenced = 0 AND stored_at < ?)", (before,)
        ).fetchone()
        if not due:
            return None
        (position,) = self._writer.execute("SELECT position FROM cursor").fetchone()
        (first,) = self._writer.execute("SELECT MIN(position) FROM media WHERE referenced = 0").fetchone()
        return max(int(position), int(first))

    def note(self, records: Iterable[tuple[int, bytes]], upto: int) -> None:
        """Note all media that records of the journal (position, body) mention; they reach up to ``upto``."""
        found = [
            (position, mentioned.decode())
            for position, body in records
            for mentioned in set(_MENTIONED.findall(body))
        ]
        self._writer.execute("BEGIN IMMEDIATE")
        # Of whichever tenant: that another one's equal picture is kept does no harm.
        self._writer.executemany("UPDATE media SET referenced = ? WHERE media = ? AND referenced = 0", found)
        self._writer.execute("UPDATE cursor SET position = MAX(position, ?)", (upto,))
        self._writer.execute("COMMIT")

    # Removal.

    def unreferenced(self, before: float, limit: int) -> list[Unreferenced]:
        """Return media that came before this time, and to which nothing refers, or half removed ones."""
        rows = self._writer.execute(
            "SELECT tenant, media, size_bytes FROM media"
            " WHERE referenced = 0 AND (stored_at < ? OR removing = 1) LIMIT ?",
            (before, limit),
        )
        return [Unreferenced(Name(tenant, media), size) for tenant, media, size in rows]

    def claim(self, name: Name) -> bool:
        """Take a medium out of sight, to take it away; False if a turn may refer to it."""
        with self._lock:
            if name in self._touched:
                return False
            self._removing.add(name)
        self._writer.execute(
            "UPDATE media SET removing = 1 WHERE media = ? AND tenant = ?", (name.media, name.tenant)
        )
        return True

    def removed(self, name: Name) -> None:
        """The file is gone."""
        self._writer.execute("DELETE FROM media WHERE media = ? AND tenant = ?", (name.media, name.tenant))
        with self._lock:
            self._removing.discard(name)

    def begun_removals(self) -> Iterator[Unreferenced]:
        """Return what was claimed and not taken away, for the process ended."""
        rows = self._writer.execute("SELECT tenant, media, size_bytes FROM media WHERE removing = 1")
        for tenant, media, size in rows.fetchall():
            with self._lock:
                self._removing.add(Name(tenant, media))
            yield Unreferenced(Name(tenant, media), size)

    def forget_touched(self, before: float) -> None:
        """What was found before this time has its reference in what was read, or will never have one."""
        with self._lock:
            self._touched = {name: at for name, at in self._touched.items() if at >= before}

    def close(self) -> None:
        """Close the file."""
        self._reader.close()
        self._writer.close()


def _migrate(connection: sqlite3.Connection) -> None:
    """Apply the schema changes that the file does not have yet, each in a transaction of its own."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    folder = files("daemon.media") / "migrations"
    for item in sorted(folder.iterdir(), key=lambda each: each.name):
        number = int(item.name[:4])
        if number > version:
            script = item.read_text()
            connection.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;")
