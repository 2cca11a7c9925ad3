"""Actors without threads: pykka's actor class on a ready queue.

The only module that knows pykka's private hooks; ``tests/actors/test_scheduled.py`` fails loudly when an
upgrade moves them. pykka's own constructor draws a random URN, an inbox and an event for each actor, and its
registry is a list that is searched from the front: at 100,000 actors that costs 2.5 KB and some milliseconds
each. Here all three are made when somebody asks for them, and the runtime's dictionary of addresses takes the
registry's place.
"""

from __future__ import annotations

from functools import cached_property
from threading import Event
from typing import TYPE_CHECKING, Any

import pykka
from pykka._envelope import Envelope

from actors.journal import Address

if TYPE_CHECKING:
    from actors.runtime import System


#: Nothing is missing in the index.
NOTHING: list[int] = []


class _Inbox:
    """What pykka's references put messages into: a door to the runtime's ready queue."""

    def __init__(self, actor: ScheduledActor) -> None:
        self._actor = actor

    def put(self, envelope: Envelope[Any], /) -> None:
        """Queue an envelope. Only on the reactor's thread; other threads use ``System.post``."""
        actor = self._actor
        if envelope.reply_to is None:
            actor.system.tell(actor.address, envelope.message)
        else:
            actor.answer(envelope)

    def get(self) -> Envelope[Any]:
        """Never called: the runtime takes messages from the actor itself."""
        raise NotImplementedError("a scheduled actor is run by the runtime")

    def empty(self) -> bool:
        """Tell whether anything waits."""
        return not self._actor.inbox


class ScheduledActor(pykka.Actor):
    """An actor that is run by the runtime, one batch of messages at a time."""

    #: How the runtime names this kind in addresses.
    kind: str = ""

    def __init__(
        self, system: System, address: Address
    ) -> None:  # pykka's own is left out on purpose: see above
        self.system = system
        self.address = address
        self.inbox: list[Any] = []
        #: When the actor wants its next ``Tick``; it changes this, the runtime sees to it.
        self.deadline: float | None = None
        self.deadline_set: float | None = None
        self.touched_at: float = 0.0
        #: Something has changed that others go by: ``settle`` is wanted.
        self.unsettled = True
        #: The write-behind knows already that the snapshot in the store is older than this actor.
        self.dirty = False
        #: What the stream index lacks of this actor's stream (shared with the write-behind; empty when
        #: nothing).
        self.unindexed: list[int] = NOTHING

    @staticmethod
    def _create_actor_inbox() -> Any:
        raise NotImplementedError("the inbox is made by the constructor")

    @staticmethod
    def _create_future() -> pykka.Future[Any]:
        return pykka.ThreadingFuture()

    def _start_actor_loop(self) -> None:
        """Nothing to start: the ready queue runs the actor."""

    # What only pykka's references need, made when they need it. No ``__getattr__``: it would cost every other
    # attribute the interpreter's quick path, and the hot path reads some fifteen of them a message.

    @cached_property
    def actor_urn(self) -> str:  # type: ignore[override]  # pykka's is a plain attribute; so is this, once asked for
        """Return the actor's name among pykka's."""
        return "urn:switchboard:" + ":".join(self.address)

    @cached_property
    def actor_inbox(self) -> Any:  # type: ignore[override]
        """Return what references put messages into."""
        return _Inbox(self)

    @cached_property
    def actor_stopped(self) -> Event:  # type: ignore[override]
        """Return the event that is never set: the runtime's dictionary says who is there."""
        return Event()

    @cached_property
    def _actor_ref(self) -> pykka.ActorRef[Any]:  # type: ignore[override]
        return pykka.ActorRef(self)

    def answer(self, asked: Envelope[Any]) -> None:
        """Handle a message that was asked through a pykka reference, at once."""
        assert asked.reply_to is not None
        try:
            asked.reply_to.set(self._handle_receive(asked.message))
        except Exception:
            asked.reply_to.set_exception()

    # What the runtime asks of an actor.

    def on_batch(self, messages: list[Any]) -> None:
        """Handle what has come, in order. An actor on the hot path does it in one loop of its own."""
        for message in messages:
            self.on_receive(message)

    def settle(self) -> None:
        """Once the inbox is worked through: tell others what has changed, and set the deadline."""

    def apply(self, event: Any, sequence: int, at: float) -> None:
        """Take an event of the journal into the state (rebuild and recovery)."""
        raise NotImplementedError

    def sequence(self) -> int:
        """Return the sequence of the newest event in this actor's stream."""
        raise NotImplementedError

    def freeze(self) -> Any:
        """Return the state as a SnapshotRow without its position, or None if there is nothing to keep."""
        raise NotImplementedError

    def thaw(self, body: bytes) -> None:
        """Take over the state of a snapshot."""
        raise NotImplementedError

    def woken(self, *, from_parked: bool) -> None:
        """Announce yourself after being woken from a parked snapshot, rebuilt after a failure, or
        recovered at start.
        """

    def restarted(self) -> None:
        """The process has come back from the journal: take note of what did not survive."""

    def announcement(self) -> Any:
        """Return what the tenant's dispatcher has to know of this actor; None if nothing."""
        return None

    def put_out(self) -> None:
        """The actor fails again and again: tell others not to count on it."""

    def may_park(self) -> bool:
        """Tell whether the actor can leave memory now."""
        return False

    def parked(self) -> None:
        """Tell others that this actor is about to leave memory."""
