"""The reactor's side of media: requests go to one thread with a bounded queue, answers come back as work of
the reactor. No file is touched on the reactor's thread; what a decision asks is one look-up by key.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import structlog

from actors.media import Medium
from actors.runtime import System
from config.desk import Desk
from config.process import ProcessSettings
from daemon.connection import Connection
from daemon.media.catalogue import Name
from daemon.media.store import Declined, MediaStore, Peer, declined
from daemon.metrics import Numbers
from daemon.stores.sqlite import SELECT_RECORD
from protocol.errors import Code
from protocol.fields import Message
from protocol.media import FetchMedia, UploadMedia
from protocol.messages import MediaRequest

MEDIA_DIRECTORY = "media"
#: How many requests may wait for the thread; each holds a piece of a medium at most.
REQUESTS_MAX = 64
#: How often the collector looks, and how soon it goes on where there is more to do.
COLLECT_S, COLLECT_ON_S = 600.0, 0.5
#: How many records of the journal are looked through in one step.
RECORDS = 2_000

log = structlog.get_logger(__name__)


class Way(Protocol):
    """How answers go out."""

    def send(self, connection: Connection, message: Message) -> None:
        """Put a message into the connection's next frame."""

    def refuse(
        self, connection: Connection, message: Any, code: Code, text: str, retry_after_s: float = 0.0
    ) -> None:
        """Refuse a message by its id."""


class MediaRoom:
    """All media of the process."""

    def __init__(
        self,
        directory: Path,
        journal: Path,
        system: System,
        settings: ProcessSettings,
        way: Way,
        numbers: Numbers,
        post: Callable[[Callable[[], None]], None],
    ) -> None:
        self._store = MediaStore(directory, settings.limits)
        self._store.catalogue.use_journal(system.journal, system.head)
        self._store.find_uploads(system.now)
        self.keep_unreferenced_s = settings.media.keep_unreferenced_s
        self._journal = journal
        self._reader: sqlite3.Connection | None = None
        self._system = system
        self._way = way
        self._numbers = numbers
        self._post = post
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="media")
        self._waiting = 0
        #: When the collector looks next.
        self.collect_at = 0.0
        self._collecting = False
        system.media = self.find
        self._count()

    def use(self, settings: ProcessSettings) -> None:
        """Go by these settings from now on."""
        self._store.limits = settings.limits
        self.keep_unreferenced_s = settings.media.keep_unreferenced_s

    def find(self, tenant: str, media: str) -> Medium | None:
        """Return what a medium is, for a decision in this turn."""
        return self._store.catalogue.find(tenant, media, self._system.now)

    # Requests.

    def take(self, connection: Connection, message: MediaRequest) -> None:
        """Have a request carried out, in the order in which they come."""
        if self._waiting >= REQUESTS_MAX:
            self._way.refuse(connection, message, Code.BUSY, "too many requests about media at once", 1.0)
            return
        self._waiting += 1
        now, position = self._system.now, self._system.head
        self._pool.submit(self._work, connection, connection.tenant, message, now, position)

    def _work(
        self, connection: Connection, tenant: str, message: MediaRequest, now: float, position: int
    ) -> None:
        answer: Message | Declined
        try:
            answer = self._answer(Peer(tenant, connection.sender.replace("/", "+")), message, now, position)
        except Declined as refusal:
            answer = refusal
        except (OSError, sqlite3.Error) as error:
            log.error("media.failed", request=type(message).__name__, tenant=tenant, error=repr(error))
            answer = declined(error)
        except Exception as error:
            # Whatever it is, the thread goes on: other peers' media depend on it.
            log.exception("media.failed", request=type(message).__name__, tenant=tenant)
            answer = Declined(Code.INTERNAL, f"the daemon failed on this request ({type(error).__name__})")
        self._post(lambda: self._finish(connection, message, answer))

    def _answer(self, peer: Peer, message: MediaRequest, now: float, position: int) -> Message:
        # Before the first byte of an upload is here, no event can refer to it; at its end it may be long ago.
        self._store.position = position
        if isinstance(message, FetchMedia):
            return self._store.fetch(peer.tenant, message)
        if isinstance(message, UploadMedia):
            return self._store.begin(peer, message, now)
        return self._store.take(peer, message, now)

    def _finish(self, connection: Connection, message: MediaRequest, answer: Message | Declined) -> None:
        self._waiting -= 1
        self._count()
        if connection.closed:
            return
        if isinstance(answer, Declined):
            self._way.refuse(connection, message, answer.code, answer.message, answer.retry_after_s)
        else:
            self._way.send(connection, answer)

    def _count(self) -> None:
        numbers, store = self._numbers, self._store
        numbers.media, numbers.media_bytes = store.count, store.size_bytes
        numbers.media_uploads, numbers.media_removed = store.uploads, store.removed

    # The collector.

    def collect(self, now: float) -> None:
        """Look now and then for media that nobody refers to; each step is bounded."""
        if now < self.collect_at or self._collecting:
            return
        self._collecting = True
        kept = frozenset(_on_cards(self._system.desks))
        before = now - self.keep_unreferenced_s
        self._pool.submit(self._collect, now, before, self._system.head, kept)

    def _collect(self, now: float, before: float, head: int, kept: frozenset[Name]) -> None:
        more = False
        try:
            more = self._step(now, before, head, kept)
        except Exception:
            # Nothing is removed that was not to be; it is tried again.
            log.exception("media.collector_failed")
        self._post(lambda: self._collected(now, more=more))

    def _step(self, now: float, before: float, head: int, kept: frozenset[Name]) -> bool:
        """Do one step; say whether there is more to do."""
        store, catalogue = self._store, self._store.catalogue
        store.drop_stale_uploads(before)
        unread = catalogue.unread(before)
        if unread is None:
            catalogue.forget_touched(now - self.keep_unreferenced_s)
            return False
        if unread < head:
            records = self._records(unread)
            upto = records[-1][0] if records else head
            catalogue.note(records, min(upto, head))
            if upto < head:
                return True
        # All that was found before this turn began has its reference by now, or never will.
        catalogue.forget_touched(now)
        return store.remove_unreferenced(before, kept) > 0

    def _records(self, after: int) -> list[tuple[int, bytes]]:
        """Return the next records of the journal, each with the position of its last event."""
        if self._reader is None:
            self._reader = sqlite3.connect(
                f"{self._journal.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False
            )
        found = self._reader.execute(
            f"{SELECT_RECORD} WHERE position >= (SELECT max(position) FROM journal WHERE position <= ?)"
            " ORDER BY position LIMIT ?",
            (after + 1, RECORDS),
        )
        return [(first + size - 1, body) for first, size, _, body, _ in found]

    def _collected(self, now: float, *, more: bool) -> None:
        self._collecting = False
        self.collect_at = now + (COLLECT_ON_S if more else COLLECT_S)
        self._count()

    def close(self) -> None:
        """Finish what is being done; drop what waits."""
        self._pool.shutdown(cancel_futures=True)
        if self._reader is not None:
            self._reader.close()
        self._store.close()


def _on_cards(desks: dict[str, Desk]) -> Iterable[Name]:
    """Return the pictures of all cards of the desks in force."""
    for tenant, desk in desks.items():
        for card in desk.cards.values():
            if card.image is not None:
                yield Name(tenant, card.image)
