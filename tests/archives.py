"""The archive of a stage, fed and asked in the test's own thread."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import weakref
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from actors.journal import Entry, Record, make_record
from daemon.archive.answers import Reading, answer
from daemon.archive.asking import today_since
from daemon.archive.feeding import Fed, Feeder, Journal
from daemon.archive.file import ARCHIVE_FILE, read_only
from daemon.archive.scope import scope_of
from tests.stage import Stage

#: Everything that makes up the archive; the words by what they are, for their storage depends on the steps.
TABLES = (
    "archive",
    "channel",
    "customer",
    "customer_name",
    "masking",
    "said",
    "ticket",
    "ticket_agent",
    "ticket_tag",
)


def records_of(store: Any) -> Callable[[int, int], list[Record]]:
    """Read a store as the feeder reads the journal."""

    def records(after: int, events: int) -> list[Record]:
        found: list[Record] = []
        for record in store.records(after):
            if events <= 0:
                break
            found.append(record)
            events -= record.size
        return found

    return records


def records_with(turns: Iterable[list[Entry]]) -> list[Record]:
    """Return a journal of these turns."""
    found: list[Record] = []
    first, previous = 1, b""
    for entries in turns:
        record = make_record(first, 1, entries, previous)
        found.append(record)
        first, previous = first + len(entries), record.hash
    return found


def rows_of(path: Path) -> dict[str, list[Any]]:
    """Return all that an archive holds."""
    connection = read_only(path)
    try:
        found = {
            name: connection.execute(f"SELECT * FROM {name} ORDER BY 1, 2").fetchall() for name in TABLES
        }
    finally:
        connection.close()
    return found | {"word": words_of(path)}


def words_of(path: Path) -> list[Any]:
    """Return every word of the index with its places."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / ARCHIVE_FILE
        connection = read_only(path)
        try:
            connection.execute("VACUUM INTO ?", (str(copy),))
        finally:
            connection.close()
        connection = sqlite3.connect(copy)
        try:
            connection.execute("CREATE VIRTUAL TABLE terms USING fts5vocab(word, instance)")
            return connection.execute("SELECT * FROM terms ORDER BY 1, 2, 3, 4").fetchall()
        finally:
            connection.close()


def _end(feeder: Feeder, folder: Path | None) -> None:
    feeder.close()
    if folder is not None:
        shutil.rmtree(folder)


class Library:
    """The archive of a stage. It also stands in for the daemon's archive at the door."""

    def __init__(self, stage: Stage, folder: Path | None = None) -> None:
        self.stage = stage
        self.path = (folder or Path(tempfile.mkdtemp(prefix="sb-archive-"))) / ARCHIVE_FILE
        self.feeder = Feeder(self.path, Journal(stage.system.journal, records_of(stage.store)))
        self.steps: list[Fed] = []
        self.full = False
        weakref.finalize(self, _end, self.feeder, None if folder else self.path.parent)

    def feed(self, budget_s: float = 60.0) -> Fed:
        """Bring the archive after the journal."""
        fed = self.feeder.step(budget_s)
        self.steps.append(fed)
        return fed

    def asks(self, message: Any, *, fed: bool = True) -> Any:
        """Answer an agent's question, after feeding."""
        if fed:
            self.feed()
        desk = self.stage.system.desks["acme"]
        scope = scope_of(desk, "acme", message.agent)
        since = today_since(self.stage.clock.now(), desk.policies.timezone)
        return self._made(lambda reading: answer(reading, scope, since, message))

    def _made(self, make: Callable[[Reading], Any]) -> Any:
        connection = read_only(self.path)
        try:
            return make(Reading(connection, self.entries, self.stage.system.head, 0.0))
        finally:
            connection.close()

    def entries(self, positions: list[int]) -> list[Entry]:
        found = [self.stage.system.entry_at(position) for position in positions]
        assert None not in found
        return found  # type: ignore[return-value]

    def ask(self, make: Any, done: Any) -> bool:
        """As the daemon's archive is asked, but at once."""
        if self.full:
            return False
        self.feed()
        try:
            made = self._made(make)
        except Exception as error:
            made = error
        done(made)
        return True
