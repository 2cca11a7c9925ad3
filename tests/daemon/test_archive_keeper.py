"""The archive in the daemon: two threads beside the reactor's, which they never hold up."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import pytest

from daemon.archive import reading
from daemon.archive.answers import Reading
from daemon.archive.feeding import STEP_S, Fed
from daemon.archive.figures import Figures
from daemon.archive.file import ARCHIVE_FILE
from daemon.archive.keeper import PAUSE_MAX_S, Archive, JournalRecords
from daemon.archive.queries import position
from daemon.archive.reading import QUESTIONS_MAX, NotThereYet, TooLong
from daemon.stores.sqlite import JOURNAL_FILE, SQLiteStore
from tests.stage import Stage

PATIENCE_S = 10.0


def test_of_large_turns_no_more_is_read_at_once_than_is_worked_on(tmp_path: Path) -> None:
    stage = Stage(SQLiteStore(tmp_path / JOURNAL_FILE))
    stage.logs_in("a1")
    for contact in ("ann", "bob"):
        stage.writes(contact)
    read = JournalRecords(tmp_path / JOURNAL_FILE)
    every = read(0, stage.system.head)
    assert [record.first for record in every] == [record.first for record in stage.store.records(0)]
    largest = max(every, key=lambda record: record.size)
    assert largest.size > 2, "a conversation that begins is several events"
    assert read(largest.first, 1) == read(largest.first - 1, 2) == [largest]
    assert read(0, every[0].size + 1) == every[:2]
    read.close()


class Reactor:
    """A stage on disk; what the archive's threads tell the reactor's is done when the test says so."""

    def __init__(self, folder: Path) -> None:
        self.stage = Stage(SQLiteStore(folder / JOURNAL_FILE))
        self.folder = folder
        self.posted: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self.figures = Figures()
        system = self.stage.system
        self.archive = Archive(
            folder / JOURNAL_FILE,
            system.journal,
            self.figures,
            lambda: system.head,
            lambda: 0.0,
            self.posted.put,
        )

    def does_next(self) -> None:
        """Wait for what comes next from another thread, and do it."""
        self.posted.get(timeout=PATIENCE_S)()

    def feeds(self) -> None:
        """Let the housekeeping feed until the archive has everything."""
        while self.figures.position < self.stage.system.head:
            self.archive._saved_s = STEP_S
            self.archive.feed(self.stage.clock.now())
            self.does_next()

    def asks(self, make: Callable[[Reading], Any]) -> list[Any]:
        """Ask, and return where the answer comes."""
        answers: list[Any] = []
        assert self.archive.ask(make, answers.append)
        return answers


@pytest.fixture
def reactor(tmp_path: Path) -> Iterator[Reactor]:
    reactor = Reactor(tmp_path)
    yield reactor
    reactor.archive.close()
    reactor.stage.store.close()


def test_the_housekeeping_feeds_the_archive_and_says_how_far_it_is(reactor: Reactor) -> None:
    reactor.stage.writes("ann")
    reactor.archive.feed(0.0)
    assert reactor.figures.behind == reactor.stage.system.head
    reactor.feeds()
    assert reactor.archive.status() == {
        "position": reactor.stage.system.head,
        "behind": 0,
        "behind_s": 0.0,
        "skipped": 0,
    }
    assert reactor.figures.used_s > 0.0


def test_with_nothing_to_feed_no_step_is_made(reactor: Reactor) -> None:
    reactor.feeds()
    reactor.archive.feed(1.0)
    assert reactor.posted.empty()


def test_a_reader_that_takes_long_holds_up_neither_the_reactor_nor_the_feeding(reactor: Reactor) -> None:
    reactor.stage.writes("ann")
    reactor.feeds()
    gate = threading.Event()

    def slow(found: Reading) -> int:
        assert gate.wait(PATIENCE_S)
        return position(found.archive)

    answers = reactor.asks(slow)
    head = reactor.stage.system.head
    reactor.stage.writes("bob")
    reactor.feeds()
    assert (reactor.figures.position, answers) == (reactor.stage.system.head, [])
    gate.set()
    reactor.does_next()
    # It saw the archive as it was when it began, however far the feeding came meanwhile.
    assert answers in ([head], [reactor.stage.system.head])


def test_a_question_before_there_is_an_archive_is_told_so(reactor: Reactor) -> None:
    answers = reactor.asks(lambda found: 1)
    reactor.does_next()
    assert isinstance(answers[0], NotThereYet)


def test_a_question_while_the_archive_is_being_made_is_told_so_and_the_next_one_is_answered(
    reactor: Reactor,
) -> None:
    (reactor.folder / ARCHIVE_FILE).touch()
    answers = reactor.asks(lambda found: position(found.archive))
    reactor.does_next()
    assert isinstance(answers[0], NotThereYet)
    reactor.stage.writes("ann")
    reactor.feeds()
    answers = reactor.asks(lambda found: position(found.archive))
    reactor.does_next()
    assert answers == [reactor.stage.system.head]


def test_a_question_that_takes_too_long_is_given_up_and_the_next_one_is_answered(
    reactor: Reactor, monkeypatch: pytest.MonkeyPatch
) -> None:
    reactor.stage.writes("ann")
    reactor.feeds()
    monkeypatch.setattr(reading, "QUESTION_S_MAX", 0.0)
    endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT sum(i) FROM n"
    answers = reactor.asks(lambda found: found.archive.execute(endless).fetchone())
    reactor.does_next()
    assert isinstance(answers[0], TooLong)
    monkeypatch.setattr(reading, "QUESTION_S_MAX", PATIENCE_S)
    answers = reactor.asks(lambda found: position(found.archive))
    reactor.does_next()
    assert answers == [reactor.stage.system.head]


def test_only_so_many_questions_wait(reactor: Reactor) -> None:
    gate = threading.Event()
    reactor.feeds()
    for _ in range(QUESTIONS_MAX):
        assert reactor.archive.ask(lambda found: gate.wait(PATIENCE_S), lambda made: None)
    assert not reactor.archive.ask(lambda found: 1, lambda made: None)
    gate.set()
    for _ in range(QUESTIONS_MAX):
        reactor.does_next()
    assert reactor.archive.ask(lambda found: 1, lambda made: None)


def test_made_anew_while_it_is_read_readers_go_over_to_the_new_file(reactor: Reactor) -> None:
    reactor.stage.writes("ann")
    reactor.feeds()
    reactor.asks(lambda found: None)
    reactor.does_next()
    reactor.archive.rebuild()
    reactor.does_next()
    assert (reactor.figures.position, (reactor.folder / ARCHIVE_FILE).exists()) == (0, False)
    reactor.feeds()
    answers = reactor.asks(lambda found: position(found.archive))
    reactor.does_next()
    assert answers == [reactor.stage.system.head]


def test_after_failures_the_pauses_grow_and_a_good_step_ends_them(reactor: Reactor) -> None:
    archive, now = reactor.archive, 100.0
    pauses = []
    archive._now = now
    for _ in range(9):
        archive._fed(Fed(0, failed=True, there=False))
        pauses.append(archive._retry_at - now)
    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, PAUSE_MAX_S, PAUSE_MAX_S, PAUSE_MAX_S]
    reactor.stage.writes("ann")
    archive.feed(now)
    assert reactor.posted.empty()
    archive.feed(now + PAUSE_MAX_S)
    reactor.does_next()
    assert archive._retry_at == now + PAUSE_MAX_S
    assert (archive._pause_s, reactor.figures.failures) == (0.0, 9)


def test_what_a_step_has_used_is_saved_up_again_before_the_next_one(reactor: Reactor) -> None:
    archive = reactor.archive
    archive._fed(Fed(0, used_s=1_000.0))
    reactor.stage.writes("ann")
    archive.feed(1.0)
    assert reactor.posted.empty()
    archive._looked_at -= 1_000_000.0
    archive.feed(2.0)
    reactor.does_next()
    assert reactor.figures.position > 0
