"""Bugs that are planted in memory, each with the checkers that must catch it: a checker that never complains
is decoration (GUARANTEES section 5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest

from actors.conversation.actor import ConversationActor
from actors.dispatcher.roster import Roster
from actors.journal import CommitUnknown
from actors.mailbox import Mailbox
from actors.runtime import System
from actors.timers import Timers
from daemon import hub
from daemon.reactor import Reactor
from protocol.errors import Code
from protocol.messages import Ack, Refused
from protocol.window import Window

Plant = Callable[[pytest.MonkeyPatch], None]


class Planted(NamedTuple):
    """A bug; ``checkers`` are those that may be the first to see it, ``operations`` what it takes."""

    name: str
    plant: Plant
    checkers: tuple[str, ...]
    operations: int = 300

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Have the bug for a while."""
        with pytest.MonkeyPatch.context() as patch:
            self.plant(patch)
            yield


def _acks_first(patch: pytest.MonkeyPatch) -> None:
    commit = Reactor._commit

    def hasty(self: Reactor, now: float) -> None:
        replies, self.system._replies = self.system._replies, []
        self.hub.lost(self.outbound.release(replies, []))
        commit(self, now)

    patch.setattr(Reactor, "_commit", hasty)


def _knows_no_repeat(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(System, "first_entry", lambda self, told: None)


def _offers_take_no_room(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Roster, "book", lambda self, kind, weight: None)
    patch.setattr(Roster, "release", lambda self, kind, weight: None)


def _offers_never_end(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(ConversationActor, "_expire", lambda self: None)


def _timers_are_lost_at_restart(patch: pytest.MonkeyPatch) -> None:
    recover = System.recover

    def forgetful(self: System, opened: Any, now: float) -> int:
        replayed = recover(self, opened, now)
        self.timers = Timers()
        return replayed

    patch.setattr(System, "recover", forgetful)


def _resumes_one_too_late(patch: pytest.MonkeyPatch) -> None:
    def window(after: int, size: int) -> Window:
        return Window(after + 1 if after else 0, size)

    patch.setattr(hub, "Window", window)


def _news_are_shuffled(patch: pytest.MonkeyPatch) -> None:
    after = Mailbox.after

    def backwards(self: Mailbox, number: int, limit: int) -> Any:
        found = after(self, number, limit)
        return found and found[::-1]

    patch.setattr(Mailbox, "after", backwards)


def _refuses_what_may_be_stored(patch: pytest.MonkeyPatch) -> None:
    commit = Reactor._commit

    def sure(self: Reactor, now: float) -> None:
        replies = list(self.system._replies)
        try:
            commit(self, now)
        except CommitUnknown:
            no = [
                (to, Refused(Code.QUOTA.value, "not stored", said.id))
                for to, said in replies
                if isinstance(said, Ack)
            ]
            self.outbound.release(no, [])
            raise

    patch.setattr(Reactor, "_commit", sure)


def _one_ack_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    record = System.record

    def forgetful(self: System, *arguments: Any) -> None:
        record(self, *arguments)
        if len(arguments) > 4 and arguments[4] is not None and (self.head + len(self.entries)) % 50 == 0:
            self._replies.pop()

    patch.setattr(System, "record", forgetful)


PLANTED = [
    Planted("ack before commit", _acks_first, ("I1",)),
    Planted("duplicate check off", _knows_no_repeat, ("I2",), 200),
    Planted("capacity not reserved", _offers_take_no_room, ("I7",), 40),
    Planted("offer not expired", _offers_never_end, ("I8",), 60),
    Planted("timers lost at restart", _timers_are_lost_at_restart, ("I8", "G11"), 400),
    Planted("resume from one too late", _resumes_one_too_late, ("I4",), 200),
    Planted("deliveries out of order", _news_are_shuffled, ("I4",), 100),
    Planted("refused after a failed commit", _refuses_what_may_be_stored, ("I18",)),
    Planted("ack forgotten", _one_ack_is_forgotten, ("I9", "I17"), 100),
]
