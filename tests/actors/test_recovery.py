"""Coming back from a journal that has a hole, and reading over one: never as if it were whole (G14)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from actors.events.agent import LoggedOut
from actors.events.customer import Acted
from actors.journal import Address, Batch, Entry, JournalDamaged, LowWater, Record, SnapshotRow, make_record
from actors.runtime import System
from actors.writebehind import WriteBehind
from daemon.stores.memory import MemoryStore
from tests.stage import KINDS, Failures, Stage

pytestmark = pytest.mark.rule("guarantee-G14")


class Holed(MemoryStore):
    """A store of records of two events each, up to position 12. Its tables are complete up to ``low``, and
    some records are lost; ``begins``: where its first one says that it stands.
    """

    def __init__(self, low: int, *lost: int, begins: int = 1) -> None:
        super().__init__()
        self._lost = frozenset(lost)
        previous = self.open().head_hash
        for first in range(begins, 13, 2):
            record = make_record(first, 1, [acted(first), acted(first + 1)], previous)
            previous = record.hash
            self.commit(Batch(record, [], [], [], LowWater(low, low, low)))

    def records(self, after: int) -> Iterator[Record]:
        return (record for record in super().records(after) if record.first not in self._lost)

    def record_at(self, position: int) -> Record | None:
        record = super().record_at(position)
        return None if record is None or record.first in self._lost else record


def acted(number: int) -> Entry:
    return Entry("acme", "customer", "web/ann", number, 1.0, Acted(f"act {number}"))


def recovers(store: MemoryStore) -> int:
    return System(store, KINDS, Failures(), lambda: "id").recover(store.open(), 1.0)


@pytest.mark.parametrize(("low", "replayed"), [(0, 12), (4, 8), (5, 7), (6, 6), (12, 0)])
def test_a_start_replays_what_lies_beyond_the_low_water_and_nothing_else(low: int, replayed: int) -> None:
    assert recovers(Holed(low)) == replayed


@pytest.mark.parametrize(
    ("low", "lost", "position", "what"),
    [
        (5, 5, 5, "the record is missing"),
        (5, 3, 4, "the record is missing"),
        (0, 1, 3, "the hash of the record does not match"),
        (5, 7, 7, "the next record begins at 9"),
        (0, 11, 11, "events up to 12 were stored once and are missing"),
    ],
    ids=["where the low water is", "before it", "the first", "in the middle", "the last"],
)
def test_a_start_stops_at_a_record_that_is_missing_and_says_where(
    low: int, lost: int, position: int, what: str
) -> None:
    with pytest.raises(JournalDamaged, match=what) as damaged:
        recovers(Holed(low, lost))
    assert damaged.value.position == position


def test_a_journal_that_hangs_together_and_does_not_begin_with_its_first_event_is_damaged() -> None:
    with pytest.raises(JournalDamaged, match="the next record begins at 3") as damaged:
        recovers(Holed(0, begins=3))
    assert damaged.value.position == 1


def test_what_was_lost_before_anything_is_needed_of_it_does_not_stop_a_start() -> None:
    """The tables have it; `switchboard verify` goes through the whole journal."""
    assert recovers(Holed(8, 1)) == 4


def test_a_thread_is_read_up_to_the_hole_and_not_beyond_even_by_the_turn_under_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = Stage()
    stage.logs_in("a1")
    address: Address = ("agent", "acme", "a1")
    system, actor = stage.system, stage.system.actors["agent", "acme", "a1"]
    committed = system.read_stream(address, 0, 10)
    assert [each.sequence for each in committed] == [1]
    system.record(actor, LoggedOut("now"), 2)
    system.write_behind.note(address, 2, system.head + 1)
    assert [each.sequence for each in system.read_stream(address, 0, 10)] == [1, 2]
    monkeypatch.setattr(stage.store, "record_at", lambda _: None)
    assert system.read_stream(address, 0, 10) == []


def test_there_is_no_event_where_no_record_is() -> None:
    stage = Stage()
    assert stage.system.entry_at(1) is not None
    assert stage.system.entry_at(0) is None


def test_what_a_consumer_has_received_is_written_with_the_next_commit_and_survives() -> None:
    """Else it would be sent again what it has had, however long ago."""
    stage = Stage()
    stage.writes("ann")
    mailbox = stage.system.mailbox("acme", "channel/web")
    stage.logs_in("a1")
    stage.begin_conversation("bob", "a1")
    last = mailbox.last
    assert last > 0
    stage.system.received(mailbox, last)
    stage.system.received(mailbox, last)
    assert stage.system.mailboxes_received == {mailbox.address}
    stage.system.note_received()
    assert not stage.system.mailboxes_received
    batch = stage.system.seal(tidy=True)
    assert batch is not None
    stage.store.commit(batch)
    stage.restart()
    assert stage.system.mailbox("acme", "channel/web").received == last


@pytest.mark.parametrize("kept", [True, False])
def test_who_has_nothing_to_keep_gets_no_row_and_holds_nothing_up(kept: bool) -> None:
    row = SnapshotRow(("customer", "acme", "web/ann"), 0, b"state")
    freeze: Callable[[Address], SnapshotRow | None] = lambda _: row if kept else None  # noqa: E731
    behind = WriteBehind(freeze, lambda *_: None)
    behind.dirty(row.address, 3)
    rows, _, _, low = behind.collect(7, 32, 0.0, everything=True)
    assert rows == ([row._replace(as_of=7)] if kept else [])
    assert low.snapshots == 7


@pytest.mark.rule("guarantee-G5")
def test_what_is_no_longer_in_memory_for_a_consumer_is_read_from_the_journal() -> None:
    stage = Stage()
    for contact in ("ann", "bob"):
        stage.logs_in("a1")
        stage.begin_conversation(contact, "a1")
    mailbox = stage.system.mailbox("acme", "channel/web")
    before = stage.system.deliveries(mailbox, 0, 10)
    assert len(before) == mailbox.last > 1
    stage.system.received(mailbox, mailbox.last)
    mailbox.recent.clear()  # As after a restart, or once much more has come.
    assert mailbox.after(0, 10) is None
    assert stage.system.deliveries(mailbox, 0, 10) == before
    assert stage.system.deliveries(mailbox, 1, 1) == before[1:2]
