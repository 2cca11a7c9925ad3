"""Feeding the archive: live, anew and after a crash at any step it has the same rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from actors import events
from actors.events.base import Why
from actors.journal import Entry, Record
from daemon.archive import feeding, tickets
from daemon.archive.feeding import SHARE_MAX, SHARE_MIN, Feeder, Journal, share
from daemon.archive.file import ARCHIVE_FILE, ArchiveFile, read_only
from daemon.archive.keeper import MOMENTS_MAX, Lag
from daemon.archive.projection import Projection
from protocol.content import Text
from protocol.history import ReadTickets
from tests.archives import Library, records_with, rows_of
from tests.stage import Stage

AT = 1_700_000_000.0
CONTACTS = ("ann", "bob")
CONVERSATIONS = ("k1", "k2", "k3")
AGENTS = ("a1", "a2")
TAGS = ("vip", "退款")
WORDS = ("hello", "м'ята", "退款 please", "", "=1+1")

texts = st.sampled_from(WORDS)
agents = st.sampled_from(AGENTS)
contacts = st.sampled_from(CONTACTS)
tags = st.lists(st.sampled_from(TAGS), max_size=2)


def _of_conversation() -> st.SearchStrategy[Any]:
    """Any event that a ticket could be made of, also where no machine would bring it about."""
    e = events
    return st.one_of(
        st.builds(lambda c, n: e.Started("web", c, "help", n), contacts, texts),
        st.builds(lambda c, t: e.CustomerWrote(c, Text(t or "x"), "web"), contacts, texts),
        st.builds(lambda a, t: e.AgentWrote(a, "ann", Text(t or "x")), agents, texts),
        st.builds(lambda t: e.Greeted("online", t, "ann"), texts),
        st.builds(lambda: e.Queued("help", AT, "new")),
        st.builds(lambda a: e.Offered("o", a, AT, "help", "web", "ann", "", AT, Why()), agents),
        st.builds(lambda a: e.Assigned("o", a, "help", "web", "ann", AT), agents),
        st.builds(lambda a: e.Released(a, "help", AT, "lost"), agents),
        st.builds(lambda a: e.MemberJoined(a), agents),
        st.builds(lambda a: e.Solved(a, "done", AT, "notes"), agents),
        st.builds(lambda s, a: e.StatusSet(s, a), st.sampled_from(("open", "pending", "on_hold")), agents),
        st.builds(lambda a: e.Reopened("customer", a, "reply"), st.sampled_from(("", *AGENTS))),
        st.builds(lambda c: e.Interrupted("customer", c), contacts),
        st.builds(
            lambda b, c: e.Ended(b, c, "bye"), st.sampled_from(("agent", "customer", "limit")), contacts
        ),
        st.builds(lambda a: e.Muted(a), agents),
        st.builds(lambda a, c: e.Unmuted(a, a, c), agents, st.sampled_from((None, AT))),
        st.builds(lambda a, t: e.NoteWritten(a, t), agents, texts),
        st.builds(lambda a, more, less: e.Tagged(a, more, less), agents, tags, tags),
        st.builds(lambda n: e.Renamed(n), texts),
        st.builds(lambda s: e.Rated(s, "fine"), st.integers(1, 5)),
    )


def _of_customer() -> st.SearchStrategy[Any]:
    e = events
    return st.one_of(
        st.builds(lambda p, n: e.VisitBegun(p, "t", "r", n, "uk", "b", "s", "pl", True), texts, texts),
        st.builds(lambda p: e.PageViewed(p), texts),
        st.builds(lambda: e.VisitEnded()),
        st.builds(lambda on: e.Blocked(on, "a1", "k1"), st.booleans()),
        st.builds(lambda: e.Acted("follow")),
    )


def _entry(of: tuple[str, str, Any]) -> Entry:
    kind, ident, event = of
    return Entry("acme", kind, ident, 1, AT, event)


entries = st.one_of(
    st.tuples(st.just("conversation"), st.sampled_from(CONVERSATIONS), _of_conversation()),
    st.tuples(st.just("customer"), st.sampled_from([f"web/{c}" for c in CONTACTS]), _of_customer()),
    st.tuples(
        st.just("dispatcher"),
        st.just(""),
        st.sampled_from(
            (
                events.DeskApplied("d", '[channels.web]\nkind = "web"', "file", []),
                events.DeskApplied("e", "this is no TOML", "file", []),
            )
        ),
    ),
    st.tuples(st.just("agent"), st.just("a1"), st.just(events.LoggedIn("online"))),
).map(_entry)
#: Two conversations of two customers go on in every journal, for most events need one.
BEGUN = [
    [_entry(("conversation", ident, events.Started("web", contact, "help", "Ann")))]
    for ident, contact in zip(CONVERSATIONS[:2], CONTACTS, strict=True)
]
turns = st.lists(st.lists(entries, min_size=1, max_size=4), min_size=1, max_size=16).map(
    lambda journal: [*BEGUN, *journal]
)


def _timed(journal: list[list[Entry]]) -> list[list[Entry]]:
    """Give each event a time of its own; a conversation begins once, as the machine sees to."""
    ticks, begun = count(), set()
    found: list[list[Entry]] = []
    for entries in journal:
        kept = []
        for entry in entries:
            if isinstance(entry.event, events.Started):
                if entry.id in begun:
                    continue
                begun.add(entry.id)
            kept.append(Entry(entry.tenant, entry.kind, entry.id, 1, AT + next(ticks), entry.event))
        if kept:
            found.append(kept)
    return found


def _journal(records: list[Record]) -> Journal:
    def read(after: int, limit: int) -> list[Record]:
        return [record for record in records if record.first + record.size - 1 > after][:limit]

    return Journal("j", read)


def _fed(path: Path, records: list[Record]) -> dict[str, list[Any]]:
    feeder = Feeder(path, _journal(records))
    feeder.step(60.0)
    feeder.close()
    return rows_of(path)


@given(turns)
@settings(max_examples=15)
def test_the_archive_has_the_same_rows_fed_live_anew_and_after_a_crash_at_any_step(
    tmp_path_factory: pytest.TempPathFactory, journal: list[list[Entry]]
) -> None:
    folder = tmp_path_factory.mktemp("archive")
    records = records_with(_timed(journal))
    anew = _fed(folder / "anew.db", records)
    # Live: each turn as it comes, by one feeder.
    known: list[Record] = []
    live = Feeder(folder / "live.db", _journal(known))
    for record in records:
        known.append(record)
        live.step(0.0)
    live.close()
    assert rows_of(folder / "live.db") == anew
    # Every step by a new process, which has lost its first try in the middle of the transaction.
    path = folder / "crashed.db"
    for _ in records:
        _crash(path, records)
        feeder = Feeder(path, _journal(records))
        feeder.step(0.0)
        feeder.close()
    assert rows_of(path) == anew


def _crash(path: Path, records: list[Record]) -> None:
    """Feed a step, and lose the process before the transaction is committed."""
    feeder = Feeder(path, _journal(records))
    feeder._open()
    assert feeder._file is not None
    execute = feeder._file._execute

    class PowerCut(BaseException):
        pass

    def cut(sql: str, *values: Any) -> Any:
        if sql == "COMMIT":
            raise PowerCut
        return execute(sql, *values)

    feeder._file._execute = cut  # type: ignore[assignment]
    with pytest.raises(PowerCut):
        feeder._step(0.0)
    feeder.close()


def test_a_failed_step_is_tried_again_and_brings_nothing_twice(tmp_path: Path) -> None:
    records = records_with(_timed([[_entry(("conversation", "k1", event)) for event in _begun()]]))
    wanted = _fed(tmp_path / "whole.db", records)
    feeder = Feeder(tmp_path / ARCHIVE_FILE, _journal(records))
    feeder._open()
    assert feeder._file is not None
    write: Callable[..., None] = feeder._file._write

    def full(rows: Any) -> None:
        write(rows)
        raise sqlite3.OperationalError("database or disk is full")

    feeder._file._write = full  # type: ignore[method-assign]
    failed = feeder.step(60.0)
    assert (failed.failed, failed.position) == (True, 0)
    assert feeder.step(60.0).position == len(_begun())
    feeder.close()
    assert rows_of(tmp_path / ARCHIVE_FILE) == wanted


def _begun() -> list[Any]:
    return [
        events.Started("web", "ann", "help", "Ann"),
        events.CustomerWrote("ann", Text("hello"), "web"),
        events.Tagged("a1", ["vip"]),
    ]


# When the file does not fit.


def _some_records(name: str = "Ann") -> list[Record]:
    first = [events.Started("web", "ann", "help", name), *_begun()[1:]]
    return records_with(_timed([[_entry(("conversation", "k1", event))] for event in first]))


def test_a_deleted_archive_is_made_anew(tmp_path: Path) -> None:
    path, records = tmp_path / ARCHIVE_FILE, _some_records()
    wanted = _fed(path, records)
    for name in (path, *path.parent.glob(f"{path.name}-*")):
        name.unlink()
    assert _fed(path, records) == wanted


@pytest.mark.parametrize("spoil", ["bytes", "journal", "rules", "hash", "schema"])
def test_an_archive_that_does_not_fit_the_journal_is_made_anew(tmp_path: Path, spoil: str) -> None:
    path, records = tmp_path / ARCHIVE_FILE, _some_records()
    wanted = _fed(path, records)
    if spoil == "bytes":
        path.write_bytes(b"this is no database, but it is long enough to look like one" * 20)
    else:
        change = {
            "journal": "UPDATE archive SET journal = 'another'",
            "rules": "UPDATE archive SET projection = 0",
            "hash": "UPDATE archive SET hash = x'00'",
            "schema": "PRAGMA user_version = 99",
        }[spoil]
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute("DELETE FROM ticket")
        connection.execute(change)
        connection.close()
    feeder = Feeder(path, _journal(records))
    fed = feeder.step(60.0)
    feeder.close()
    assert (fed.rebuilt, fed.failed, feeder.generation) == (True, False, 1)
    assert rows_of(path) == wanted


def test_a_journal_that_went_back_and_then_another_way_makes_the_archive_anew(tmp_path: Path) -> None:
    """A backup was put back: the archive has events that the journal does not have any more."""
    path = tmp_path / ARCHIVE_FILE
    _fed(path, _some_records())
    other = _some_records("Another")
    assert _fed(path, other) == _fed(tmp_path / "other.db", other)
    _fed(path, _some_records())
    shorter = _some_records()[:1]
    assert _fed(path, shorter) == _fed(tmp_path / "shorter.db", shorter)


def test_an_archive_that_fits_goes_on_where_it_was(tmp_path: Path) -> None:
    path, records = tmp_path / ARCHIVE_FILE, _some_records()
    _fed(path, records[:2])
    feeder = Feeder(path, _journal(records))
    fed = feeder.step(60.0)
    feeder.close()
    assert (fed.rebuilt, fed.events, fed.position) == (False, 1, 3)


def test_an_archive_that_is_damaged_while_it_is_fed_is_made_anew(tmp_path: Path) -> None:
    path, records = tmp_path / ARCHIVE_FILE, _some_records()
    feeder = Feeder(path, _journal(records[:2]))
    feeder.step(60.0)
    assert feeder._file is not None

    def damaged(*_: Any) -> None:
        raise sqlite3.DatabaseError("database disk image is malformed")

    feeder._file._write = damaged  # type: ignore[method-assign]
    feeder._journal = _journal(records)
    broken = feeder.step(60.0)
    assert (broken.failed, broken.there, path.exists()) == (True, False, False)
    assert feeder.step(60.0).position == 3
    feeder.close()
    assert rows_of(path) == _fed(tmp_path / "whole.db", records)


# What cannot be taken in.


def test_an_event_that_cannot_be_taken_in_is_passed_over_noted_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> None:
        raise ValueError("a fault of ours")

    monkeypatch.setitem(tickets._FOLDS, events.Tagged, fails)
    feeder = Feeder(tmp_path / ARCHIVE_FILE, _journal(_some_records()))
    fed = feeder.step(60.0)
    feeder.close()
    assert (fed.skipped, fed.position, fed.failed) == (1, 3, False)
    (ticket,) = rows_of(tmp_path / ARCHIVE_FILE)["ticket"]
    assert "k1" in ticket


def test_events_of_a_conversation_whose_beginning_the_journal_has_no_more_are_passed_over(
    tmp_path: Path,
) -> None:
    records = records_with([[_entry(("conversation", "old", event))] for event in _begun()[1:]])
    feeder = Feeder(tmp_path / ARCHIVE_FILE, _journal(records))
    assert feeder.step(60.0).skipped == 0
    feeder.close()
    assert rows_of(tmp_path / ARCHIVE_FILE)["ticket"] == []


# How much of the time.


def test_feeding_stands_back_where_the_reactor_is_busy_and_never_stops() -> None:
    assert share(1.0) == share(1.1) == SHARE_MAX
    assert share(0.5) == SHARE_MAX / 4
    assert share(0.0) == share(-1.0) == SHARE_MIN > 0


def test_a_step_ends_when_its_budget_is_used_up_but_brings_one_record_at_least(tmp_path: Path) -> None:
    ticks = count()
    records = _some_records()
    feeder = Feeder(tmp_path / ARCHIVE_FILE, _journal(records), lambda: float(next(ticks)))
    assert [feeder.step(0.0).events for _ in range(4)] == [1, 1, 1, 0]
    feeder.close()


def test_work_is_done_in_short_stretches_with_pauses_by_the_share_of_time(tmp_path: Path) -> None:
    ticks = count()
    pauses: list[float] = []
    feeder = Feeder(
        tmp_path / ARCHIVE_FILE, _journal(_some_records()), lambda: float(next(ticks)), pauses.append
    )
    assert feeder.step(1_000.0, 0.25).position == 3
    feeder.close()
    # Each look at this clock takes a second; three more are paused for each of them.
    assert len(pauses) == 3
    assert all(pause % 3.0 == 0.0 and pause > 0.0 for pause in pauses)


def test_a_step_ends_early_when_the_daemon_does(tmp_path: Path) -> None:
    feeder = Feeder(tmp_path / ARCHIVE_FILE, _journal(_some_records()), pause=lambda _: None)
    feeder.stop()
    assert feeder.step(60.0).position == 1
    feeder.close()


def test_a_transaction_is_bounded_however_large_the_budget_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeding, "EVENTS_AT_ONCE", 2)
    written: list[int] = []
    write = ArchiveFile.write

    def watched(self: ArchiveFile, rows: Any, position: int, hashed: bytes) -> None:
        written.append(position)
        write(self, rows, position, hashed)

    monkeypatch.setattr(ArchiveFile, "write", watched)
    feeder = Feeder(tmp_path / ARCHIVE_FILE, _journal(_some_records()))
    feeder.step(60.0)
    feeder.close()
    assert written == [2, 3]


def test_no_transaction_merges_the_whole_index_however_many_have_filled_it(tmp_path: Path) -> None:
    """A whole level in one go is seconds of work, in an archive of some million messages."""
    path = tmp_path / ARCHIVE_FILE
    ArchiveFile.open(path, "j", lambda *_: True)[0].close()
    words, rows, written = count(1), count(1), []
    with closing(sqlite3.connect(path, isolation_level=None)) as archive:
        archive.execute("PRAGMA synchronous = OFF")
        # With small pages a small index has as many of them as a large one.
        archive.execute("INSERT INTO word (word, rank) VALUES ('pgsz', 64)")
        for _ in range(260):
            before = archive.total_changes
            archive.execute("BEGIN")
            for place in range(8):
                text = " ".join(f"w{next(words) * 31 % 97}" for _ in range(6))
                row = (next(rows), f"t61 c{place}", text)
                archive.execute("INSERT INTO word (rowid, place, text) VALUES (?, ?, ?)", row)
            archive.execute("COMMIT")
            written.append(archive.total_changes - before)
        (pages,) = archive.execute("SELECT count(*) FROM word_data").fetchone()
    assert max(written) < pages


def test_the_lag_is_how_long_the_oldest_missing_event_has_waited() -> None:
    lag = Lag()
    assert lag.look(10.0, 0, 0) == 0.0
    assert lag.look(11.0, 5, 0) == 0.0
    assert lag.look(12.0, 9, 0) == 1.0
    assert lag.look(14.0, 9, 5) == 2.0
    assert lag.look(15.0, 9, 9) == 0.0
    assert lag.look(900.0, 10, 9) == 0.0


def test_a_long_lag_is_remembered_in_bounded_room() -> None:
    lag = Lag()
    for second in range(10 * MOMENTS_MAX):
        assert lag.look(float(second), second + 1, 0) == float(second)
    assert len(lag._moments) <= MOMENTS_MAX + 1


# On the stage.


@pytest.mark.rule("O1", "F16")
def test_what_the_machines_bring_about_makes_the_same_archive_live_and_anew(tmp_path: Path) -> None:
    stage = Stage()
    live = Library(stage, tmp_path / "live")
    live.path.parent.mkdir()
    stage.logs_in("a1", "a2")
    for contact in ("ann", "bob", "cid"):
        talk = stage.writes(contact, f"hello from {contact}").conversation
        live.feed()
        agent = stage.offered_to(talk)
        stage.accepts(agent, talk)
        stage.says(agent, talk, "退款 is on its way")
        stage.pass_time(60)
        live.feed()
        stage.ends(agent, talk)
    live.feed()
    (tmp_path / "anew").mkdir()
    anew = Library(stage, tmp_path / "anew")
    anew.feed()
    assert rows_of(live.path) == rows_of(anew.path)
    assert len(live.asks(ReadTickets(bytes(16), "a1", "closed")).tickets) == 3


def test_a_reader_sees_whole_steps_only(tmp_path: Path) -> None:
    records = _some_records()
    path = tmp_path / ARCHIVE_FILE
    _fed(path, records[:2])
    reader = read_only(path)
    reader.execute("BEGIN")
    before = reader.execute("SELECT position FROM archive").fetchone()
    _fed(path, records)
    assert reader.execute("SELECT position FROM archive").fetchone() == before == (2,)
    assert reader.execute("SELECT count(*) FROM ticket_tag").fetchone() == (0,)
    reader.close()


def test_rows_that_are_no_longer_in_memory_are_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from daemon.archive import projection

    records = _some_records()
    wanted = _fed(tmp_path / "whole.db", records)
    monkeypatch.setattr(projection, "KEPT_MAX", 0)
    path = tmp_path / ARCHIVE_FILE
    feeder = Feeder(path, _journal(records))
    for _ in records:
        feeder.step(0.0)
        assert isinstance(feeder._projection, Projection)
        assert feeder._projection._tickets == {}
    feeder.close()
    assert rows_of(path) == wanted
