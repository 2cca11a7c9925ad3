"""One contract for every store; and what the one on the disk promises beyond it."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from actors.events.agent import LeaseRegained, LoggedOut
from actors.journal import (
    EMPTY_HASH,
    Batch,
    CommandRow,
    CommitUnknown,
    Deposed,
    DueRow,
    Entry,
    IndexRow,
    JournalDamaged,
    LookupRow,
    LowWater,
    OverRow,
    OwnedCount,
    Record,
    SnapshotRow,
    Store,
    StoreFailed,
    channel_of,
    entries_at,
    make_record,
    read_record,
    verified,
)
from daemon.stores.memory import MemoryStore
from daemon.stores.sqlite import NewerJournal, SQLiteStore, migrations
from tests.rules import ROOT

STREAM = ("conversation", "acme", "c1")


def entries(first: int, many: int) -> list[Entry]:
    """Return events of one stream, each saying its sequence."""
    return [
        Entry("acme", "agent", "a1", sequence, 1.0, LoggedOut(f"number {sequence}"))
        for sequence in range(first, first + many)
    ]


class Chain:
    """Writes records that hang together."""

    def __init__(self, store: Store) -> None:
        self.store = store
        opened = store.open()
        self.epoch, self.head, self.hash = opened.epoch, opened.head, opened.head_hash

    def write(self, many: int = 1, **behind: object) -> Record:
        record = make_record(self.head + 1, self.epoch, entries(self.head + 1, many), self.hash)
        self.store.commit(batch(record, **behind))
        self.head, self.hash = self.head + many, record.hash
        return record


def batch(record: Record | None = None, **behind: object) -> Batch:
    """Return a batch with what is named and nothing else."""
    return Batch(record, [], [], [], LowWater())._replace(**behind)  # type: ignore[arg-type]


@pytest.fixture(params=["memory", "sqlite"])
def reopen(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """A store, and each time it is called the same one again, not opened yet, as after a restart."""
    opened: list[Store] = []
    memory = MemoryStore()

    def again() -> Store:
        for old in opened:
            old.close()
        opened[:] = [memory if request.param == "memory" else SQLiteStore(tmp_path / "journal.db")]
        return opened[0]

    yield again
    for store in opened:
        store.close()


@pytest.fixture
def chain(reopen: Callable[[], Store]) -> Chain:
    return Chain(reopen())


# Every store.


def test_a_new_store_is_empty_and_in_its_first_epoch(reopen: Callable[[], Store]) -> None:
    opened = reopen().open()
    assert opened.journal
    assert (opened.epoch, opened.head, opened.head_hash) == (1, 0, EMPTY_HASH)
    assert opened.low_water == LowWater()


def test_records_come_back_in_order_and_verify(chain: Chain) -> None:
    written = [chain.write(many) for many in (1, 3, 2)]
    found = list(chain.store.records(0))
    assert found == written
    assert list(verified(iter(found), EMPTY_HASH)) == written
    assert [entry.sequence for record in found for entry in read_record(record)] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("after", "firsts"), [(0, [1, 2, 5]), (1, [2, 5]), (2, [2, 5]), (4, [5]), (6, []), (9, [])]
)
def test_records_after_a_position_begin_with_the_one_that_holds_the_next(
    chain: Chain, after: int, firsts: list[int]
) -> None:
    for many in (1, 3, 2):
        chain.write(many)
    assert [record.first for record in chain.store.records(after)] == firsts


@pytest.mark.parametrize(
    ("position", "first"), [(1, 1), (2, 2), (4, 2), (5, 5), (6, 5), (7, None), (0, None)]
)
def test_the_record_at_a_position_is_the_one_that_holds_it(
    chain: Chain, position: int, first: int | None
) -> None:
    for many in (1, 3, 2):
        chain.write(many)
    found = chain.store.record_at(position)
    assert (found.first if found else None) == first


def test_opening_again_goes_on_where_the_journal_ends_in_a_new_epoch(
    chain: Chain, reopen: Callable[[], Store]
) -> None:
    chain.write(2)
    last = chain.write(3, low_water=LowWater(1, 2, 3))
    opened = reopen().open()
    assert (opened.epoch, opened.head, opened.head_hash) == (2, 5, last.hash)
    assert opened.low_water == LowWater(1, 2, 3)


def test_the_journal_keeps_its_name(reopen: Callable[[], Store]) -> None:
    assert reopen().open().journal == reopen().open().journal


def test_the_newest_snapshot_of_an_actor_replaces_the_one_before(chain: Chain) -> None:
    first = SnapshotRow(STREAM, 1, b"one", live=True, lookup="web/ann", owner="a1")
    second = SnapshotRow(STREAM, 2, b"two")
    chain.write(snapshots=[first])
    assert chain.store.snapshot(STREAM) == first
    chain.write(snapshots=[second])
    assert chain.store.snapshot(STREAM) == second
    assert chain.store.snapshot(("conversation", "acme", "c2")) is None
    assert chain.store.snapshot(("conversation", "other", "c1")) is None
    assert chain.store.find("acme", "web/ann") == chain.store.owned("acme", "a1") == []
    assert list(chain.store.live()) == list(chain.store.owners()) == []


@pytest.mark.rule("guarantee-G15")
def test_conversations_are_found_by_contact_and_owner_within_their_tenant(chain: Chain) -> None:
    def row(tenant: str, ident: str, lookup: str | None, owner: str | None) -> SnapshotRow:
        return SnapshotRow(("conversation", tenant, ident), 1, b"", owner == "a1", lookup, owner)

    chain.write(
        snapshots=[
            row("acme", "c1", "web/ann", "a1"),
            row("acme", "c2", "app/bob", "a1"),
            row("acme", "c3", None, None),
            row("other", "c4", "web/ann", "a1"),
        ]
    )
    store = chain.store
    assert store.find("acme", "web/ann") == ["c1"]
    assert store.find("other", "web/ann") == ["c4"]
    assert store.find("acme", "web/cho") == []
    assert sorted(store.owned("acme", "a1")) == [("c1", "web", True), ("c2", "app", True)]
    assert store.owned("other", "a1") == [("c4", "web", True)]
    assert sorted(store.owners()) == [
        ("acme", "a1", "app", True, 1),
        ("acme", "a1", "web", True, 1),
        ("other", "a1", "web", True, 1),
    ]
    assert sorted(row.address[2] for row in store.live()) == ["c1", "c2", "c4"]


CHANGES: list[dict[str, object]] = [
    {"live": True},
    {"lookup": None},
    {"lookup": "/web/ann"},
    {"lookup": "app/ann"},
    {"owner": None},
    {"owner": "a2"},
    {"holds": False},
    {"wake_at": 9.0},
    {"over_at": 9.0},
    {"owner": "a2", "lookup": "app/ann", "holds": False},
]


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_of_a_snapshot_changes_is_stored_and_counted_there_and_back(
    chain: Chain, change: dict[str, object]
) -> None:
    """What has not changed is left as it is; so each is changed alone, from something, to it, and again."""
    first = SnapshotRow(STREAM, 1, b"one", lookup="web/ann", owner="a1")
    other = SnapshotRow(("conversation", "acme", "c2"), 1, b"", lookup="web/bob", owner="a1")
    changed = first._replace(as_of=2, body=b"two", **change)  # type: ignore[arg-type]
    rows = [first, changed, changed._replace(as_of=3, body=b"three"), first._replace(as_of=4)]
    for row in rows:
        chain.write(snapshots=[row, other])
        assert chain.store.snapshot(STREAM) == row
        assert sorted(chain.store.owners()) == counted(row, other)
        for agent in ("a1", "a2"):
            expected = [(each.address[2], each.holds) for each in (row, other) if each.owner == agent]
            assert sorted((owned.id, owned.holds) for owned in chain.store.owned("acme", agent)) == expected


def counted(*rows: SnapshotRow) -> list[OwnedCount]:
    """Count what a store has to count, by going through all."""
    counts = Counter(
        (row.address[1], row.owner, channel_of(row.lookup), row.holds) for row in rows if row.owner
    )
    return sorted(OwnedCount(*key, many) for key, many in counts.items())


@pytest.mark.rule("F5")
def test_what_holds_no_capacity_is_counted_apart(chain: Chain) -> None:
    def row(ident: str, holds: bool) -> SnapshotRow:
        return SnapshotRow(("conversation", "acme", ident), 1, b"", False, f"web/{ident}", "a1", holds)

    chain.write(snapshots=[row("c1", True), row("c2", False), row("c3", False)])
    assert sorted(chain.store.owners()) == [("acme", "a1", "web", False, 2), ("acme", "a1", "web", True, 1)]
    chain.write(snapshots=[row("c2", True)])
    assert sorted(chain.store.owned("acme", "a1")) == [
        ("c1", "web", True),
        ("c2", "web", True),
        ("c3", "web", False),
    ]


def test_whoever_waits_for_a_time_is_found_in_order_and_where_one_has_stopped(chain: Chain) -> None:
    def row(ident: str, wake_at: float | None) -> SnapshotRow:
        return SnapshotRow(("conversation", "acme", ident), 1, b"", wake_at=wake_at)

    start = DueRow(0.0, ("", "", ""))
    chain.write(
        snapshots=[row("c1", 30.0), row("c2", 10.0), row("c3", None), row("c4", 10.0), row("c5", 9.5)]
    )
    found = chain.store.due(start, 10.0, 2)
    assert [(due.wake_at, due.address[2]) for due in found] == [(9.5, "c5"), (10.0, "c2")]
    assert [due.address[2] for due in chain.store.due(found[-1], 10.0, 2)] == ["c4"]
    chain.write(snapshots=[row("c1", 11.0), row("c4", None)])
    assert [due.address[2] for due in chain.store.due(start, 99.0, 9)] == ["c5", "c2", "c1"]
    again = chain.store.snapshot(("conversation", "acme", "c1"))
    assert again is not None
    assert again.wake_at == 11.0


@pytest.mark.rule("F13")
def test_conversations_under_a_prefix_are_found_in_order_and_where_one_has_stopped(chain: Chain) -> None:
    def row(kind: str, tenant: str, ident: str, lookup: str | None) -> SnapshotRow:
        return SnapshotRow((kind, tenant, ident), 1, b"", lookup=lookup)

    chain.write(
        snapshots=[
            row("conversation", "acme", "c3", "web/ann"),
            row("conversation", "acme", "c1", "web/bob"),
            row("conversation", "acme", "c2", "web/ann"),
            row("conversation", "acme", "c4", "webb/ann"),
            row("conversation", "acme", "c5", "/web/ann"),
            row("conversation", "acme", "c6", None),
            row("conversation", "other", "c7", "web/ann"),
            row("customer", "acme", "web/ann", "web/ann"),
        ]
    )
    found = chain.store.under("acme", "web/", LookupRow("", ""), 2)
    assert found == [LookupRow("web/ann", "c2"), LookupRow("web/ann", "c3")]
    assert chain.store.under("acme", "web/", found[-1], 2) == [LookupRow("web/bob", "c1")]
    assert chain.store.under("acme", "shop/", LookupRow("", ""), 2) == []


@pytest.mark.rule("D7")
def test_the_last_conversation_under_a_key_is_the_one_that_was_over_last(chain: Chain) -> None:
    """Not the newest: an old one may have been taken up again. However often an old one is written again."""
    over = [
        SnapshotRow(("conversation", tenant, ident), 1, b"", lookup=key, over_at=over_at)
        for tenant, ident, key, over_at in (
            ("acme", "c3", "/web/ann", 50.0),
            ("acme", "c9", "/web/bob", 90.0),
            ("acme", "c7", "/web/ann", 40.0),
            ("acme", "c5", "/web/ann", 50.0),
            ("acme", "c8", "/web/cho", 0.0),
            ("other", "c8", "/web/ann", 60.0),
        )
    ]
    chain.write(snapshots=over)
    chain.write(snapshots=[over[2]._replace(as_of=2)])
    store = chain.store
    assert store.last("acme", "/web/ann") == OverRow(50.0, "c5")
    assert store.last("acme", "/web/cho") == OverRow(0.0, "c8"), "over before that was written down"
    assert store.last("other", "/web/ann") == OverRow(60.0, "c8")
    assert store.last("acme", "/web/dan") is None
    assert store.find("acme", "/web/ann") == store.filed("acme", "/web/ann", 0, 9) == []
    chain.write(snapshots=[SnapshotRow(("conversation", "acme", "c5"), 3, b"", lookup="web/ann")])
    assert store.last("acme", "/web/ann") == OverRow(50.0, "c3")
    assert store.find("acme", "web/ann") == ["c5"]
    row = store.snapshot(("conversation", "acme", "c3"))
    assert row is not None
    assert row.over_at == 50.0


def test_positions_are_read_over_rows_that_overlap(chain: Chain) -> None:
    rows = [(1, (10, 20, 30)), (2, (20, 30)), (3, (30, 40, 50)), (6, (60,)), (7, (70, 80))]
    for first, positions in rows:
        chain.write(streams=[IndexRow(STREAM, first, positions)])
    every = [10, 20, 30, 40, 50, 60, 70, 80]
    for after in range(10):
        for limit in (1, 2, 3, 100):
            assert chain.store.positions(STREAM, after, limit) == every[after : after + limit]
    assert chain.store.positions(("conversation", "acme", "c2"), 0, 10) == []


def test_positions_end_where_the_index_has_a_hole(chain: Chain) -> None:
    chain.write(streams=[IndexRow(STREAM, 1, (10, 20)), IndexRow(STREAM, 4, (40,))])
    assert chain.store.positions(STREAM, 0, 10) == [10, 20]
    assert chain.store.positions(STREAM, 2, 10) == []
    assert chain.store.positions(STREAM, 3, 10) == [40]


def ident(number: int) -> bytes:
    return number.to_bytes(16, "big")


@pytest.mark.rule("guarantee-G3")
@pytest.mark.timeout(10)
def test_commands_are_found_whether_they_came_in_order_or_alone(chain: Chain) -> None:
    runs = [
        CommandRow("acme", "gateway/web", (ident(10), ident(11), ident(13)), (1, 2, 3), 5.0),
        CommandRow("acme", "gateway/web", (ident(5),), (4,), 6.0),
        CommandRow("acme", "gateway/web", (ident(20), ident(21)), (5, 6), 7.0),
        CommandRow("acme", "agent/a1", (ident(7),), (9,), 7.0),
    ]
    for row in runs:
        chain.write(commands=[row])
    known = {10: 1, 11: 2, 13: 3, 5: 4, 20: 5, 21: 6}
    for number in range(25):
        assert chain.store.command("acme", "gateway/web", ident(number)) == known.get(number)
    assert chain.store.command("acme", "agent/a1", ident(7)) == 9
    assert chain.store.command("other", "agent/a1", ident(7)) is None
    assert chain.store.newest_command("acme", "gateway/web") == ident(21)
    assert chain.store.newest_command("acme", "agent/a1") == ident(7)
    assert chain.store.newest_command("acme", "agent/a2") is None


@pytest.mark.timeout(10)
def test_an_id_that_lies_across_the_border_of_two_others_is_not_found(chain: Chain) -> None:
    first, second = bytes(8) + b"\1" * 8, b"\1" * 8 + b"\2" * 8
    chain.write(commands=[CommandRow("acme", "s", (first, second), (1, 2), 1.0)])
    assert chain.store.command("acme", "s", first) == 1
    assert chain.store.command("acme", "s", second) == 2
    assert chain.store.command("acme", "s", b"\1" * 16) is None
    same = b"\3" * 16
    chain.write(commands=[CommandRow("acme", "t", (b"\2" * 8 + b"\3" * 8, same), (3, 4), 1.0)])
    assert chain.store.command("acme", "t", same) == 4, "the first place found is not on a border"


def test_a_command_that_is_written_twice_keeps_its_first_position(chain: Chain) -> None:
    chain.write(commands=[CommandRow("acme", "s", (ident(1),), (3,), 1.0)])
    chain.write(commands=[CommandRow("acme", "s", (ident(1),), (9,), 2.0)])
    assert chain.store.command("acme", "s", ident(1)) == 3


def test_old_commands_can_be_forgotten(chain: Chain) -> None:
    chain.write(commands=[CommandRow("acme", "s", (ident(1), ident(2)), (1, 2), 1.0)])
    chain.write(commands=[CommandRow("acme", "s", (ident(3), ident(4)), (3, 4), 9.0)])
    while chain.store.forget_commands(5.0, 1):
        pass
    assert [chain.store.command("acme", "s", ident(n)) for n in (1, 2, 3, 4)] == [None, None, 3, 4]


def test_what_is_written_behind_needs_no_record(chain: Chain, reopen: Callable[[], Store]) -> None:
    chain.write(4)
    chain.store.commit(batch(snapshots=[SnapshotRow(STREAM, 4, b"x")], low_water=LowWater(4, 4, 4)))
    store = reopen()
    assert store.open().low_water == LowWater(4, 4, 4)
    assert store.snapshot(STREAM) == SnapshotRow(STREAM, 4, b"x")


# The chain.


@pytest.mark.rule("guarantee-G14")
@pytest.mark.parametrize(
    ("harm", "where"),
    [
        (lambda r: r._replace(body=r.body[:-1] + bytes([r.body[-1] ^ 1])), 2),
        (lambda r: r._replace(hash=bytes(16)), 2),
        (lambda r: r._replace(epoch=r.epoch + 1), 2),
        (lambda r: r._replace(first=r.first + 1), 2),
    ],
)
def test_a_changed_record_is_found_and_its_position_named(
    chain: Chain, harm: Callable[[Record], Record], where: int
) -> None:
    for many in (1, 3, 2):
        chain.write(many)
    records = list(chain.store.records(0))
    records[1] = harm(records[1])
    with pytest.raises(JournalDamaged) as damaged:
        list(verified(iter(records), EMPTY_HASH))
    assert damaged.value.position == where


@pytest.mark.rule("guarantee-G14")
def test_a_record_taken_out_put_twice_or_exchanged_is_found(chain: Chain) -> None:
    for _ in range(4):
        chain.write()
    a, b, c, d = chain.store.records(0)
    for wrong in ([a, c, d], [a, b, b, c, d], [b, a, c, d], [b, c, d]):
        with pytest.raises(JournalDamaged):
            list(verified(iter(wrong), EMPTY_HASH))


def test_a_record_of_an_older_epoch_after_a_newer_one_is_found() -> None:
    first = make_record(1, 2, entries(1, 1), EMPTY_HASH)
    second = make_record(2, 1, entries(2, 1), first.hash)
    with pytest.raises(JournalDamaged) as damaged:
        list(verified(iter([first, second]), EMPTY_HASH))
    assert damaged.value.position == 2


@pytest.mark.parametrize("body", [b"", b"\xc1", b"\x91\x93\x01\x02\x03"])
def test_a_record_that_cannot_be_read_is_damaged(body: bytes) -> None:
    with pytest.raises(JournalDamaged) as damaged:
        read_record(Record(7, 1, 1, body, b""))
    assert damaged.value.position == 7


def test_a_record_with_fewer_events_than_it_says_is_damaged() -> None:
    record = make_record(1, 1, [Entry("acme", "agent", "a1", 1, 1.0, LeaseRegained())], EMPTY_HASH)
    with pytest.raises(JournalDamaged):
        read_record(record._replace(size=2))


# SQLite.


@contextmanager
def few_steps(store: SQLiteStore) -> Iterator[None]:
    """See to it that SQLite does not go through many rows: every row costs some steps."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    store.connection.set_progress_handler(count, 1)
    try:
        yield
    finally:
        store.connection.set_progress_handler(None, 0)
        store.close()
    assert steps < 100


def test_the_last_is_found_in_the_index_without_looking_at_the_others(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "journal.db")
    rows = [
        SnapshotRow(
            ("conversation", "acme", f"c{n:06d}"), 1, b"x", lookup="/web/ann", over_at=float(n // 1000)
        )
        for n in range(3000)
    ]
    Chain(store).write(snapshots=rows)
    with few_steps(store):
        assert store.last("acme", "/web/ann") == OverRow(2.0, "c002999")


def parked(many: int) -> list[SnapshotRow]:
    """Return the snapshots of so many conversations of one agent."""
    return [
        SnapshotRow(("conversation", "acme", f"c{n:06d}"), 1, b"x", lookup=f"web/{n}", owner="a1")
        for n in range(many)
    ]


def test_what_agents_own_is_counted_at_a_start_without_going_through_it(tmp_path: Path) -> None:
    store = SQLiteStore(tmp_path / "journal.db")
    Chain(store).write(snapshots=parked(3000))
    with few_steps(store):
        assert list(store.owners()) == [("acme", "a1", "web", True, 3000)]


def test_what_an_agent_owns_is_read_from_the_index_alone(store: SQLiteStore) -> None:
    """The auditor reads it of every agent in each round; a page for each row cost it a tenth of a second."""
    Chain(store).write(snapshots=parked(9))
    asked: list[str] = []
    store.connection.set_trace_callback(asked.append)
    assert len(store.owned("acme", "a1")) == 9
    store.connection.set_trace_callback(None)
    (sql,) = asked
    (plan,) = store.connection.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall()
    assert "USING COVERING INDEX snapshot_owned (tenant=? AND owner=?)" in plan[-1]


def of_schema(path: Path, schema: int, rows: list[SnapshotRow]) -> None:
    """Make a journal as an earlier version has left it, with some snapshots."""
    connection = sqlite3.connect(path)
    for number, script in migrations()[:schema]:
        connection.executescript(f"{script}\nPRAGMA user_version = {number};")
    connection.executemany(
        "INSERT INTO snapshot (kind, tenant, id, as_of, live, lookup, owner, holds, body)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(*row.address, row.as_of, row.live, row.lookup, row.owner, row.holds, row.body) for row in rows],
    )
    connection.commit()
    connection.close()


@pytest.mark.rule("guarantee-G16")
def test_a_journal_of_before_the_count_is_counted_when_it_is_opened_and_from_then_on(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.db"
    rows = [
        *parked(5),
        SnapshotRow(("conversation", "acme", "d1"), 1, b"x", lookup="app/ann", owner="a1", holds=False),
        SnapshotRow(("conversation", "acme", "d2"), 1, b"x", lookup="app/bob", owner="a2", live=True),
        SnapshotRow(("conversation", "acme", "d3"), 1, b"x", lookup="/app/cho"),
        SnapshotRow(("conversation", "acme", "d4"), 1, b"x", owner="a2"),
        SnapshotRow(("conversation", "other", "c000001"), 1, b"x", lookup="web/ann", owner="a1"),
    ]
    of_schema(path, 3, rows)
    store = SQLiteStore(path)
    chain = Chain(store)
    assert sorted(store.owners()) == counted(*rows)
    assert [store.snapshot(row.address) for row in rows] == rows
    assert sorted(owned.id for owned in store.owned("acme", "a2")) == ["d2", "d4"]
    rows[0] = rows[0]._replace(owner="a2", as_of=2)
    rows[1] = rows[1]._replace(owner=None, as_of=2)
    chain.write(snapshots=rows[:2])
    assert sorted(store.owners()) == counted(*rows)
    edit(path, "DELETE FROM snapshot WHERE id = 'd1'")
    assert sorted(store.owners()) == counted(*(row for row in rows if row.address[2] != "d1"))
    store.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "journal.db"


@pytest.fixture
def store(path: Path) -> Iterator[SQLiteStore]:
    made = SQLiteStore(path)
    yield made
    made.close()


def edit(path: Path, sql: str) -> None:
    """Change the file by other means, while the daemon is down."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(sql)
    connection.close()


@pytest.mark.rule("guarantee-G1")
def test_commits_are_flushed_to_a_write_ahead_log(store: SQLiteStore) -> None:
    store.open()
    pragma = {
        name: store.connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous")
    }
    assert pragma == {"journal_mode": "wal", "synchronous": 2}


def test_nobody_else_may_read_the_files(store: SQLiteStore, path: Path) -> None:
    before = os.umask(0o022)
    try:
        chain = Chain(store)
        chain.write()
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    finally:
        os.umask(before)
    assert set(modes) >= {"journal.db", "journal.db-wal", "journal.lock"}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


@pytest.mark.rule("guarantee-G12")
def test_a_second_opener_is_refused_and_changes_nothing(store: SQLiteStore, path: Path) -> None:
    chain = Chain(store)
    second = SQLiteStore(path)
    with pytest.raises(Deposed):
        second.open()
    second.close()
    chain.write()
    assert store.connection.execute("SELECT epoch FROM shard").fetchone() == (1,)


@pytest.mark.rule("guarantee-G12")
def test_another_process_is_refused_until_the_first_gives_up(store: SQLiteStore, path: Path) -> None:
    store.open()
    script = (
        "import sys; from pathlib import Path; from daemon.stores.sqlite import SQLiteStore\n"
        "try: print(SQLiteStore(Path(sys.argv[1])).open().epoch)\n"
        "except Exception as error: print(type(error).__name__)"
    )

    def other() -> str:
        done = subprocess.run(
            [sys.executable, "-c", script, str(path)], cwd=ROOT, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    assert other() == "Deposed"
    store.close()
    assert other() == "2"


@pytest.mark.rule("guarantee-G12")
def test_a_deposed_writer_writes_nothing_even_if_its_lock_was_lost(store: SQLiteStore, path: Path) -> None:
    chain = Chain(store)
    chain.write()
    path.with_suffix(".lock").unlink()
    second = SQLiteStore(path)
    newer = Chain(second)
    with pytest.raises(Deposed):
        chain.write()
    store.close()
    newer.write()
    assert [(record.first, record.epoch) for record in second.records(0)] == [(1, 1), (2, 2)]
    second.close()


@pytest.mark.rule("guarantee-G16")
def test_a_newer_journal_is_refused_untouched(store: SQLiteStore, path: Path) -> None:
    Chain(store).write()
    store.close()
    edit(path, "PRAGMA user_version = 999")
    before = path.read_bytes()
    newer = SQLiteStore(path)
    with pytest.raises(NewerJournal, match="999"):
        newer.open()
    newer.close()
    assert path.read_bytes() == before


def leave_a_log(path: Path) -> None:
    """Let another process write a newer schema and die, so that part of the journal is in the log only."""
    script = (
        "import os, sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "connection.execute('PRAGMA user_version = 999')\n"
        "os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", script, str(path)], check=True)


@pytest.mark.rule("guarantee-G16")
def test_a_newer_journal_that_was_left_in_a_crash_is_refused_untouched(
    store: SQLiteStore, path: Path
) -> None:
    Chain(store).write()
    store.close()
    leave_a_log(path)
    log = path.with_name("journal.db-wal")
    before = path.read_bytes(), log.read_bytes()
    newer = SQLiteStore(path)
    with pytest.raises(NewerJournal, match="999"):
        newer.open()
    newer.close()
    assert (path.read_bytes(), log.read_bytes() if log.exists() else b"") == before


def test_a_journal_is_brought_to_the_newest_schema_once(store: SQLiteStore, path: Path) -> None:
    store.open()
    newest = migrations()[-1][0]
    assert store.connection.execute("PRAGMA user_version").fetchone() == (newest,)
    store.close()
    assert store.open().epoch == 2


def test_what_was_over_before_it_was_written_down_when_is_found_as_over(path: Path) -> None:
    """Among those the newest counts, as it did; and whoever is over since is later than any of them."""
    path.parent.mkdir()
    connection = sqlite3.connect(path)
    for number, script in migrations():
        if "over_at" in script:
            break
        connection.executescript(f"{script}\nPRAGMA user_version = {number};")
    rows = [("c1", "/web/ann"), ("c3", "/web/ann"), ("c2", "/web/ann"), ("c4", "web/ann"), ("c5", None)]
    connection.executemany(
        "INSERT INTO snapshot (kind, tenant, id, as_of, live, lookup, body)"
        " VALUES ('conversation', 'acme', ?, 1, 0, ?, x'')",
        rows,
    )
    connection.commit()
    connection.close()
    store = SQLiteStore(path)
    chain = Chain(store)
    assert store.last("acme", "/web/ann") == OverRow(0.0, "c3")
    assert store.find("acme", "web/ann") == ["c4"]
    chain.write(
        snapshots=[SnapshotRow(("conversation", "acme", "c1"), 1, b"", lookup="/web/ann", over_at=1.0)]
    )
    assert store.last("acme", "/web/ann") == OverRow(1.0, "c1")
    store.close()


@pytest.mark.rule("guarantee-G14")
def test_a_journal_that_ends_before_the_low_water_is_noticed(store: SQLiteStore, path: Path) -> None:
    chain = Chain(store)
    for _ in range(3):
        chain.write(2)
    chain.write(2, low_water=LowWater(6, 7, 8))
    store.close()
    edit(path, "DELETE FROM journal WHERE position > 4")
    with pytest.raises(JournalDamaged) as damaged:
        store.open()
    assert damaged.value.position == 5


@pytest.mark.rule("guarantee-G14")
@pytest.mark.parametrize("column", ["count", "epoch", "body", "hash"])
def test_a_newest_record_that_is_not_whole_is_damage_where_it_stands(
    store: SQLiteStore, path: Path, column: str
) -> None:
    chain = Chain(store)
    chain.write(3)
    chain.write(2)
    store.close()
    edit(path, "CREATE TABLE other AS SELECT * FROM journal")
    edit(path, "DROP TABLE journal")
    edit(path, "ALTER TABLE other RENAME TO journal")
    edit(path, f"UPDATE journal SET {column} = NULL WHERE position = 4")
    with pytest.raises(JournalDamaged, match="not whole") as damaged:
        store.open()
    assert damaged.value.position == 4


@pytest.mark.rule("guarantee-G12", "guarantee-G14")
@pytest.mark.parametrize(("epoch", "good"), [(2, True), (3, False), (7, False)])
def test_a_record_of_an_epoch_that_has_not_begun_is_damage(
    store: SQLiteStore, path: Path, epoch: int, good: bool
) -> None:
    """A file of which a part was restored: the epochs would no longer keep an old writer out."""
    Chain(store).write(2)
    store.close()
    store.open()  # The second epoch; the next is the third.
    store.close()
    edit(path, f"UPDATE journal SET epoch = {epoch}")
    if good:
        assert store.open().epoch == 3
        return
    with pytest.raises(JournalDamaged, match=f"written in epoch {epoch}, but this is 3") as damaged:
        store.open()
    assert damaged.value.position == 1


def test_a_journal_that_cannot_be_opened_at_all_is_not_called_damaged(store: SQLiteStore, path: Path) -> None:
    """A backup would not help. SQLite's own words say what is wrong."""
    path.mkdir(parents=True)
    with pytest.raises(sqlite3.OperationalError, match="disk I/O error"):
        store.open()


@pytest.mark.rule("guarantee-G1")
def test_a_place_without_a_write_ahead_log_is_refused(
    store: SQLiteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system that cannot share memory gets another journal mode, and no error, from SQLite."""
    connect = sqlite3.connect

    def in_memory(database: object, **options: Any) -> sqlite3.Connection:
        return connect(":memory:", **options)

    monkeypatch.setattr(sqlite3, "connect", in_memory)
    with pytest.raises(JournalDamaged, match=r"write-ahead log \(journal_mode is memory\)"):
        store.open()


@pytest.mark.rule("guarantee-G1", "guarantee-G16")
def test_what_a_crash_has_left_half_written_is_rolled_back_by_the_connection_that_writes(
    store: SQLiteStore, path: Path, tmp_path: Path
) -> None:
    """The first look may only read: it must neither mend the file nor keep the daemon from starting."""
    dying = tmp_path / "dying.db"
    connection = sqlite3.connect(dying, isolation_level=None)
    connection.execute("PRAGMA cache_size = 1")
    connection.execute("CREATE TABLE half (x)")
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO half VALUES (?)", [(bytes(100_000),)] * 20)
    path.parent.mkdir(parents=True)
    for suffix in ("", "-journal"):
        Path(f"{path}{suffix}").write_bytes(Path(f"{dying}{suffix}").read_bytes())
    connection.close()
    assert path.stat().st_size > 1_000_000
    assert store.open().head == 0
    assert store.connection.execute("SELECT count(*) FROM half").fetchone() == (0,)


@pytest.mark.rule("guarantee-G14")
@pytest.mark.parametrize("where", ["first page", "everywhere"])
def test_a_file_that_is_no_database_any_more_is_damaged(store: SQLiteStore, path: Path, where: str) -> None:
    Chain(store).write()
    store.close()
    content = path.read_bytes()
    path.write_bytes(b"\x55" * 4096 + content[4096:] if where == "first page" else b"\x55" * len(content))
    with pytest.raises(JournalDamaged):
        store.open()


@pytest.mark.rule("guarantee-G14")
def test_pages_full_of_nothing_are_damage_and_no_riddle(store: SQLiteStore, path: Path) -> None:
    chain = Chain(store)
    for _ in range(60):
        chain.write(5)
    store.close()
    content = path.read_bytes()
    for page in range(1, len(content) // 4096):
        path.write_bytes(content[: page * 4096] + bytes(4096) + content[(page + 1) * 4096 :])
        broken = SQLiteStore(path)
        try:
            opened = broken.open()
            found = list(verified(broken.records(0), EMPTY_HASH))
            assert opened.head in (0, 300)
            assert len(found) in (0, 60)
        except (JournalDamaged, StoreFailed, sqlite3.DatabaseError):
            pass
        finally:
            broken.close()


@pytest.mark.rule("guarantee-G2")
def test_a_commit_that_fails_is_unknown(store: SQLiteStore, path: Path) -> None:
    chain = Chain(store)
    chain.write()
    store.connection.execute("PRAGMA max_page_count = 1")
    with pytest.raises(CommitUnknown, match="SQLITE_FULL"):
        chain.write(2_000)


def test_a_record_cannot_be_written_twice(store: SQLiteStore) -> None:
    chain = Chain(store)
    record = chain.write()
    with pytest.raises(CommitUnknown):
        store.commit(batch(record))


def test_events_are_found_at_positions_of_several_records_up_to_the_first_that_is_missing(
    chain: Chain,
) -> None:
    chain.write(2)
    chain.write(3)
    read: list[int] = []

    def record_at(position: int) -> Record | None:
        read.append(position)
        return chain.store.record_at(position)

    found = list(entries_at([1, 2, 4, 5, 9, 3], record_at))
    everything = [entry for record in chain.store.records(0) for entry in read_record(record)]
    assert found == [everything[position - 1] for position in (1, 2, 4, 5)]
    assert read == [1, 4, 9], "each record is read once, and none after the first that is missing"
    assert list(entries_at([3], record_at)) == [everything[2]]


def test_some_of_those_under_a_key_are_returned_in_order(chain: Chain) -> None:
    rows = [
        SnapshotRow(("conversation", "acme", ident), 1, b"x", lookup="web/ann") for ident in ("b", "a", "c")
    ]
    chain.write(1, snapshots=rows)
    assert chain.store.filed("acme", "web/ann", 0, 2) == ["a", "b"]
    assert chain.store.filed("acme", "web/ann", 2, 2) == ["c"]
    assert chain.store.filed("rival", "web/ann", 0, 2) == []
