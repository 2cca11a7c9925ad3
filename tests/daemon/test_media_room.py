"""The reactor's side of media: what is found stays, what nobody refers to goes, and nothing dangles."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any

import pytest

from config.sections import Limits, Media
from daemon.media import room as rooms
from daemon.media.room import MediaRoom
from daemon.metrics import Numbers
from daemon.stores.sqlite import SQLiteStore
from protocol.content import Card, Image, LinkCard, Text
from protocol.errors import Code
from protocol.media import FetchMedia, MediaChunk, MediaStored, UploadChunk, UploadMedia
from protocol.messages import Ack, AgentMessage, CustomerMessage, Refused
from tests.daemon import pictures
from tests.daemon.test_media_store import files_of
from tests.stage import Stage, desk_text

DAY_S = 86_400.0
PATIENCE_S = 10.0


def name_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Gallery:
    """A stage over the production store, with its media; the reactor's part is played by hand."""

    def __init__(self, folder: Path, desk: str | None = None) -> None:
        self.folder = folder
        self.stage = Stage(SQLiteStore(folder / "journal.db"), desk)
        self.answers: SimpleQueue[Any] = SimpleQueue()
        self.posted: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self.peer: Any = SimpleNamespace(tenant="acme", sender="gateway/web", closed=False)
        self.numbers = Numbers()
        self.opens()

    def opens(self) -> None:
        settings: Any = SimpleNamespace(limits=Limits(), media=Media())
        self.stage.system.begin(self.stage.clock.now())
        self.room = MediaRoom(
            self.folder / "media",
            self.folder / "journal.db",
            self.stage.system,
            settings,
            self,
            self.numbers,
            self.posted.put,
        )

    def restarts(self) -> None:
        """The process ends, and comes back."""
        self.room.close()
        self.stage.store.close()
        self.stage.restart()
        self.opens()

    # The way out.

    def send(self, _: Any, message: Any) -> None:
        self.answers.put(message)

    def refuse(self, _: Any, message: Any, code: Code, text: str, retry_after_s: float = 0.0) -> None:
        self.answers.put(Refused(code.value, text, message.id, retry_after_s))

    # What happens.

    def asks(self, message: Any) -> Any:
        self.stage.system.begin(self.stage.clock.now())
        self.room.take(self.peer, message)
        self.posted.get(timeout=PATIENCE_S)()
        return self.answers.get_nowait()

    def brings(self, data: bytes) -> str:
        media = name_of(data)
        self.asks(UploadMedia(bytes(16), media, len(data)))
        assert isinstance(self.asks(UploadChunk(bytes(16), media, 0, data)), MediaStored)
        return media

    def has(self, media: str) -> bool:
        answer = self.asks(FetchMedia(bytes(16), media))
        assert isinstance(answer, MediaChunk) == any(
            path.name == media for path in files_of(self.folder / "media")
        )
        return isinstance(answer, MediaChunk)

    def writes(self, content: Any, contact: str = "ann") -> Any:
        message = CustomerMessage(self.stage.command_id(), "web", contact, content)
        return self.stage.tell(("channel", "acme", "web"), message, "gateway/web")

    def collects(self, after_s: float) -> None:
        """Let time pass, and the collector go on until it has nothing more to do."""
        self.stage.clock.advance(after_s)
        for _ in range(50):
            now = self.stage.clock.now()
            self.stage.system.begin(now)
            self.room.collect_at = min(now, self.room.collect_at)
            self.room.collect(now)
            self.posted.get(timeout=PATIENCE_S)()
            if self.room.collect_at > now + rooms.COLLECT_ON_S:
                return
            self.stage.clock.advance(rooms.COLLECT_ON_S)
        raise AssertionError("the collector does not end")


@pytest.fixture
def gallery(tmp_path: Path) -> Iterator[Gallery]:
    made = Gallery(tmp_path)
    yield made
    made.room.close()
    made.stage.store.close()


@pytest.mark.rule("H5")
def test_what_nobody_refers_to_goes_after_a_day_and_what_was_sent_stays(gallery: Gallery) -> None:
    sent, on_card, unsent = (gallery.brings(pictures.png(number, 1)) for number in (1, 2, 3))
    assert isinstance(gallery.writes(Image(sent)), Ack)
    assert isinstance(gallery.writes(LinkCard("x", "https://x", image=on_card), "bob"), Ack)
    gallery.collects(DAY_S - 60)
    assert gallery.has(unsent), "its day is not over"
    gallery.collects(120)
    assert [gallery.has(media) for media in (sent, on_card, unsent)] == [True, True, False]
    assert gallery.numbers.media == 2
    assert gallery.numbers.media_removed == 1
    gallery.restarts()
    gallery.collects(30 * DAY_S)
    assert [gallery.has(media) for media in (sent, on_card)] == [True, True]


def test_what_was_brought_again_is_kept_for_another_day(gallery: Gallery) -> None:
    media = gallery.brings(pictures.png())
    gallery.stage.clock.advance(DAY_S - 60)
    assert isinstance(gallery.asks(UploadMedia(bytes(16), media, len(pictures.png()))), MediaStored)
    gallery.collects(DAY_S - 60)
    assert gallery.has(media)
    gallery.collects(120)
    assert not gallery.has(media)


def test_references_are_found_in_small_steps_however_long_the_journal_is(
    gallery: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms, "RECORDS", 3)
    sent, unsent = gallery.brings(pictures.png(1, 1)), gallery.brings(pictures.png(2, 1))
    for number in range(20):
        gallery.writes(Text(f"hello {number}"))
    gallery.writes(Image(sent))
    gallery.restarts()
    for number in range(5):
        gallery.writes(Text(f"again {number}"))
    gallery.collects(DAY_S + 60)
    assert [gallery.has(media) for media in (sent, unsent)] == [True, False]


def test_the_collector_reads_nothing_where_nothing_depends_on_it(gallery: Gallery) -> None:
    reads: list[int] = []
    records = gallery.room._records
    gallery.room._records = lambda after: (reads.append(after), records(after))[1]  # type: ignore[method-assign, func-returns-value]
    gallery.writes(Text("hello"))
    gallery.collects(DAY_S * 3)
    assert reads == [], "there are no media"
    sent = gallery.brings(pictures.png())
    position = gallery.stage.system.head
    gallery.writes(Image(sent))
    gallery.collects(DAY_S + 60)
    assert set(reads) == {position}, "events from before it came cannot refer to it"
    reads.clear()
    gallery.collects(DAY_S * 3)
    assert reads == [], "all media have their reference"


def test_a_picture_of_a_card_in_force_is_kept(tmp_path: Path) -> None:
    media = name_of(pictures.png(9, 9))
    card = (
        f'[cards.sale]\nkind = "link"\nurl = "https://x"\nimage = "{media}"\ntexts.en = {{ title = "Sale" }}'
    )
    gallery = Gallery(tmp_path, desk_text(extra=card))
    gallery.brings(pictures.png(9, 9))
    gallery.collects(DAY_S + 60)
    assert gallery.has(media)
    gallery.stage.logs_in("a1")
    ack = gallery.writes(Text("hello"))
    gallery.stage.accepts("a1", ack.conversation)
    message = AgentMessage(gallery.stage.command_id(), "a1", ack.conversation, Card("sale"))
    assert isinstance(gallery.stage.says_to_desk("a1", message), Ack)
    gallery.stage.applies(desk_text())
    gallery.collects(DAY_S + 60)
    assert gallery.has(media), "by now a message refers to it"
    gallery.room.close()
    gallery.stage.store.close()


# The race between a message and the collector.


def test_a_message_in_the_turn_of_the_collector_keeps_its_medium(gallery: Gallery) -> None:
    """The collector has begun, and knows of no reference; a decision makes one before it ends."""
    media = gallery.brings(pictures.png())
    read = gallery.room._store.catalogue.note

    def while_it_reads(*arguments: Any) -> None:
        read(*arguments)
        assert gallery.room.find("acme", media) is not None

    gallery.room._store.catalogue.note = while_it_reads  # type: ignore[method-assign]
    gallery.writes(Text("so that there is something to read"))
    gallery.collects(DAY_S + 60)
    gallery.room._store.catalogue.note = read  # type: ignore[method-assign]
    assert isinstance(gallery.writes(Image(media), "bob"), Ack)
    gallery.collects(DAY_S + 60)
    assert gallery.has(media)


def test_a_message_that_comes_when_the_collector_has_chosen_is_refused_and_never_dangles(
    gallery: Gallery,
) -> None:
    media = gallery.brings(pictures.png())
    catalogue, answers = gallery.room._store.catalogue, []

    def while_it_works(statement: str) -> None:
        if statement.startswith(("UPDATE media SET removing", "DELETE")):
            answers.append(gallery.room.find("acme", media))

    catalogue._writer.set_trace_callback(while_it_works)
    gallery.collects(DAY_S + 60)
    catalogue._writer.set_trace_callback(None)
    assert answers == [None, None]
    answer = gallery.writes(Image(media))
    assert isinstance(answer, Refused)
    assert answer.code == Code.NOT_ALLOWED
    assert not gallery.has(media)
    assert gallery.has(gallery.brings(pictures.png())), "and it can be brought again"


def test_a_restored_backup_is_searched_from_its_beginning(gallery: Gallery) -> None:
    """The copy of the journal ends before the medium came; what was written since is another history."""
    for number in range(10):
        gallery.writes(Text(f"lost {number}"))
    media = gallery.brings(pictures.png())
    gallery.collects(DAY_S + 60 - DAY_S)
    catalogue = gallery.room._store.catalogue
    catalogue.use_journal("another", 3)
    assert catalogue.unread(gallery.stage.clock.now() + 1) == 0
    assert isinstance(gallery.writes(Image(media)), Ack)
    gallery.collects(DAY_S + 60)
    assert gallery.has(media)


# The queue.


def test_too_many_requests_at_once_are_busy(gallery: Gallery, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "REQUESTS_MAX", 2)
    for _ in range(3):
        gallery.room.take(gallery.peer, FetchMedia(bytes(16), "0" * 64))
    answer = gallery.answers.get_nowait()
    assert (answer.code, answer.retry_after_s) == (Code.BUSY, 1.0)
    for _ in range(2):
        gallery.posted.get(timeout=PATIENCE_S)()
        assert gallery.answers.get_nowait().code == Code.NOT_ALLOWED
    assert gallery.asks(FetchMedia(bytes(16), "0" * 64)).code == Code.NOT_ALLOWED


def test_a_peer_who_has_gone_gets_no_answer_and_hurts_nobody(gallery: Gallery) -> None:
    gallery.room.take(gallery.peer, FetchMedia(bytes(16), "0" * 64))
    gallery.peer.closed = True
    gallery.posted.get(timeout=PATIENCE_S)()
    assert gallery.answers.empty()


def test_whatever_fails_in_the_thread_is_an_answer_and_the_thread_goes_on(gallery: Gallery) -> None:
    store = gallery.room._store
    fetch = store.fetch

    def fail(*_: Any) -> Any:
        raise ZeroDivisionError

    store.fetch = fail  # type: ignore[method-assign]
    assert gallery.asks(FetchMedia(bytes(16), "0" * 64)).code == Code.INTERNAL
    store.fetch = fetch  # type: ignore[method-assign]
    assert gallery.has(gallery.brings(pictures.png()))
