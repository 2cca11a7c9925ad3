"""Bugs in what is stored: commits, command ids, numbers, recovery."""

from __future__ import annotations

from typing import Any
from weakref import WeakKeyDictionary

import pytest
from msgspec import structs

from actors import events, writebehind
from actors.conversation.actor import ConversationActor
from actors.dispatcher.actor import DispatcherActor
from actors.journal import Batch, CommitUnknown, LowWater
from actors.runtime import System
from actors.timers import Timers
from daemon import reactor
from daemon.reactor import Reactor
from daemon.stores.memory import MemoryStore
from protocol.content import Text
from protocol.errors import Code
from protocol.messages import Ack, CustomerMessage, Refused
from tests.simulation.storage import SimulatedStore


def acks_first(patch: pytest.MonkeyPatch) -> None:
    commit = Reactor._commit

    def hasty(self: Reactor, now: float) -> None:
        replies, self.system._replies = self.system._replies, []
        self.hub.lost(self.outbound.release(replies, []))
        commit(self, now)

    patch.setattr(Reactor, "_commit", hasty)


def refuses_what_may_be_stored(patch: pytest.MonkeyPatch) -> None:
    commit = Reactor._commit

    def sure(self: Reactor, now: float) -> None:
        replies = list(self.system._replies)
        try:
            commit(self, now)
        except CommitUnknown:
            # Nothing else leaves: what is owed may have in it what was not stored, which is another bug.
            for to, said in replies:
                if isinstance(said, Ack):
                    self.outbound.send(to, Refused(Code.QUOTA.value, "not stored", said.id))
                    self.outbound.flush_one(to, now)
            raise

    patch.setattr(Reactor, "_commit", sure)


def goes_on_after_a_failed_commit(patch: pytest.MonkeyPatch) -> None:
    write = Reactor._write

    def blind(self: Reactor, batch: Batch) -> None:
        try:
            write(self, batch)
        except CommitUnknown:
            return

    patch.setattr(Reactor, "_write", blind)


def knows_no_repeat(patch: pytest.MonkeyPatch) -> None:
    first_entry = System.first_entry

    def forgetful(self: System, told: Any) -> Any:
        return None if isinstance(told.message, CustomerMessage) else first_entry(self, told)

    patch.setattr(System, "first_entry", forgetful)


def knows_repeats_in_memory_only(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(MemoryStore, "command", lambda self, tenant, sender, command: None)


def commands_in_a_later_transaction(patch: pytest.MonkeyPatch) -> None:
    commit, opened = MemoryStore.commit, SimulatedStore.open
    late: WeakKeyDictionary[MemoryStore, Any] = WeakKeyDictionary()

    def later(self: MemoryStore, batch: Batch) -> None:
        rows = late.get(self, [])
        late[self] = batch.commands
        commit(self, batch._replace(commands=rows))

    def forgets(self: SimulatedStore) -> Any:
        late.pop(self, None)
        return opened(self)

    patch.setattr(MemoryStore, "commit", later)
    patch.setattr(SimulatedStore, "open", forgets)


def one_ack_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    record = System.record

    def forgetful(self: System, *arguments: Any) -> None:
        record(self, *arguments)
        if len(arguments) > 4 and arguments[4] is not None and (self.head + len(self.entries)) % 50 == 0:
            self._replies.pop()

    patch.setattr(System, "record", forgetful)


def one_ack_has_another_position(patch: pytest.MonkeyPatch) -> None:
    record = System.record

    def wrong(self: System, *arguments: Any) -> None:
        record(self, *arguments)
        if self._replies and isinstance(self._replies[-1][1], Ack) and len(self.entries) > 2:
            to, ack = self._replies[-1]
            self._replies[-1] = (to, Ack(ack.id, ack.position - 1, ack.conversation, ack.sequence))

    patch.setattr(System, "record", wrong)


def epochs_count_down(patch: pytest.MonkeyPatch) -> None:
    opened = SimulatedStore.open

    def backwards(self: SimulatedStore) -> Any:
        found = opened(self)
        return found._replace(epoch=1_000 - found.epoch)

    patch.setattr(SimulatedStore, "open", backwards)


def sequences_begin_anew_when_woken(patch: pytest.MonkeyPatch) -> None:
    record = System.record

    def restarts(self: System, actor: Any, event: Any, sequence: int, *rest: Any) -> None:
        again = isinstance(actor, ConversationActor) and sequence % 7 == 0
        record(self, actor, event, sequence - 1 if again else sequence, *rest)

    patch.setattr(System, "record", restarts)


def timers_are_lost_at_restart(patch: pytest.MonkeyPatch) -> None:
    recover = System.recover

    def forgetful(self: System, opened: Any, now: float) -> int:
        replayed = recover(self, opened, now)
        self.timers = Timers()
        return replayed

    patch.setattr(System, "recover", forgetful)


def tables_say_that_they_are_complete(patch: pytest.MonkeyPatch) -> None:
    """As a snapshot that is taken between two events of one transaction: what is behind is not replayed."""
    patch.setattr(writebehind.WriteBehind, "_low_water", lambda self, head: LowWater(head, head, head))


def snapshots_are_of_the_turn_before(patch: pytest.MonkeyPatch) -> None:
    collect = writebehind.WriteBehind.collect

    def ahead(self: writebehind.WriteBehind, head: int, *rest: Any, **options: Any) -> Any:
        snapshots, index, commands, low = collect(self, head, *rest, **options)
        return snapshots[:-1], index, commands, low

    patch.setattr(writebehind.WriteBehind, "collect", ahead)


def an_order_is_forgotten_at_restart(patch: pytest.MonkeyPatch) -> None:
    freeze = DispatcherActor.freeze

    def thin(self: DispatcherActor) -> Any:
        orders, self.state.orders = self.state.orders, {}
        try:
            return freeze(self)
        finally:
            self.state.orders = orders

    patch.setattr(DispatcherActor, "freeze", thin)


def a_handler_raises(patch: pytest.MonkeyPatch) -> None:
    announcement = ConversationActor.announcement

    def clumsy(self: ConversationActor, **options: Any) -> Any:
        if self.state.sequence % 20 == 19:
            raise ZeroDivisionError("planted")
        return announcement(self, **options)

    patch.setattr(ConversationActor, "announcement", clumsy)


def texts_are_trimmed(patch: pytest.MonkeyPatch) -> None:
    record = System.record

    def tidy(self: System, actor: Any, event: Any, *rest: Any) -> None:
        if isinstance(event, events.AgentWrote):
            event = structs.replace(event, content=Text(event.content.text.replace("hello", "helo")))
        record(self, actor, event, *rest)

    patch.setattr(System, "record", tidy)


def some_turns_are_not_counted(patch: pytest.MonkeyPatch) -> None:
    count_turn = reactor.count_turn

    def forgets(numbers: Any, entries: Any, desks: Any) -> None:
        if len(entries) != 2:
            count_turn(numbers, entries, desks)

    patch.setattr(reactor, "count_turn", forgets)
