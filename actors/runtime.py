"""The runtime: addresses, the ready queue, the turn, waking, parking, supervision, timers.

One system serves one shard on one thread. Whoever drives it (the daemon's reactor, a test, the simulator)
does, again and again:

    system.begin(now) → submit what has come in → system.run() → batch = system.seal() → store.commit(batch) →
    system.release()

Nothing may leave between ``begin`` and ``release``: only ``release`` hands out replies and deliveries.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Any

from actors import events
from actors.due import Due
from actors.events import AnyEvent
from actors.journal import Address, Batch, Entry, Opened, SnapshotRow, Store, make_record
from actors.lease import Leases
from actors.mailbox import CROWDED, Mailbox
from actors.media import Find, no_media
from actors.recovery import freeze_mailbox, recover
from actors.scheduled import ScheduledActor
from actors.streams import Streams
from actors.supervision import FATAL, Supervisor
from actors.telling import Observer, Tick, Told, command_in
from actors.timers import Timers
from actors.writebehind import STEP, TIDY_STEP, WriteBehind
from config.desk import Desk
from protocol.codec import encode
from protocol.errors import Code
from protocol.messages import Ack, Refused

#: Stands for the settling at the end of a batch that is gone through in steps.
SETTLE = object()
#: The most messages that actors may handle in one turn; beyond it two play ping-pong, and we stop (G14).
MESSAGES_PER_TURN = 1_000_000


class System(Streams):
    """All actors of a shard."""

    def __init__(
        self,
        store: Store,
        kinds: Mapping[str, Callable[[System, Address], ScheduledActor]],
        observer: Observer,
        make_id: Callable[[], str],
    ) -> None:
        self.store = store
        self.kinds = kinds
        self.observer = observer
        #: The desks in force, by tenant; the dispatchers put them here.
        self.desks: dict[str, Desk] = {}
        #: What decisions know of their tenant in this turn; made by the first conversation that asks.
        self.facts: dict[str, Any] = {}
        self.window_refusals: Counter[tuple[str, str]] = Counter()  # By kind of channel and rule.
        #: What the desks in force say about messages, by tenant; worked out when a desk is new.
        self.rules: dict[str, Any] = {}
        self.media: Find = no_media  # Whoever runs the system puts in where they are stored.
        #: Which of the agents' sessions are alive; the agents' actors say so.
        self.leases = Leases()
        #: Makes the ids of conversations and offers; injected, so that a test's ids are the seed's.
        self.make_id = make_id
        self.actors: dict[Address, ScheduledActor] = {}
        #: What each channel publishes: its customers' conversations in memory. Only the channel changes it,
        #: while actors run; before they do, others may tell a conversation themselves.
        self.bound: dict[Address, dict[str, str]] = {}
        self.mailboxes: dict[Address, Mailbox] = {}
        self.timers = Timers()
        self._due = Due(store)
        self.now, self.journal = 0.0, ""
        self.head, self.epoch = 0, 0
        self.entries: list[Entry] = []
        #: Who has recorded each of the entries.
        self._recorders: list[ScheduledActor] = []
        self._hash = b""
        self._ready: deque[ScheduledActor] = deque()
        #: What was told and is in no inbox yet. ``tell`` appends to it; the hot path does so itself.
        self.staged: list[tuple[Address, Any]] = []
        #: What answers a command once the turn is flushed: to whom, and the answer.
        self._replies: list[tuple[Any, Any]] = []
        self.write_behind = WriteBehind(self._freeze, store.newest_command)
        #: Which commands were accepted lately.
        self.commands = self.write_behind.commands
        self.supervisor = Supervisor()
        self._idle: list[tuple[Address, float]] = []
        self._parking: list[Address] = []
        self._discarded: dict[Address, None] = {}
        self._park_round: list[ScheduledActor] = []
        self.mailboxes_received: set[Address] = set()
        self._has_news: list[Mailbox] = []
        #: The mailboxes again, by tenant and stream: to hash one text costs less than a tuple of three.
        self._by_stream: dict[str, dict[str, Mailbox]] = {}
        self._handled = 0

    # The turn.

    def begin(self, now: float) -> None:
        """Begin a turn at a time."""
        self.now = now
        self.facts.clear()
        self._handled = 0

    def tell_first(self, actor: ScheduledActor, message: Any) -> None:
        """Have an actor that is being woken handle this before what it is woken for."""
        self._ready.append(actor)
        actor.inbox.append(message)

    def create(self, address: Address) -> None:
        """Put an actor into memory that cannot be in the store: its id has just been made."""
        self.actors[address] = self.kinds[address[0]](self, address)

    def tell(self, address: Address, message: Any) -> None:
        """Tell an actor something: in its inbox with the next ``run``, or when the handler has succeeded."""
        self.staged.append((address, message))

    def run(self) -> None:
        """Run until every inbox is empty.

        Raises TooManyFailures, and RuntimeError when the turn does not end.
        """
        ready = self._ready
        if self.staged:
            self.deliver()
        now, handled = self.now, self._handled
        entries, replies, staged = self.entries, self._replies, self.staged
        while ready:
            actor = ready.popleft()
            batch, actor.inbox = actor.inbox, []
            handled += len(batch)
            marks = (len(entries), len(replies), len(staged))
            try:
                actor.on_batch(batch)
                if actor.unsettled:
                    self._settle(actor)
            except FATAL:
                raise
            except BaseException:
                self._do_over(actor, batch, marks)
            actor.touched_at = now
            if staged:
                self.deliver()
            if handled > MESSAGES_PER_TURN + 4 * len(self.actors):
                raise RuntimeError(f"the turn does not end: {handled} messages, last {actor.address}")
        self._handled = handled

    def _settle(self, actor: ScheduledActor) -> None:
        """The actor's inbox is worked through, and something has changed that others go by."""
        actor.unsettled = False
        actor.settle()
        if actor.deadline != actor.deadline_set:
            actor.deadline_set = actor.deadline
            self.timers.set(actor.address, actor.deadline)

    def _do_over(self, actor: ScheduledActor, batch: list[Any], marks: tuple[int, int, int]) -> None:
        """Something has failed.

        Nothing has left the process: undo the whole batch, and go through it in steps.
        """
        self._undo(marks)
        actor = self._replace(actor)
        for message in [*batch, SETTLE]:
            marks = (len(self.entries), len(self._replies), len(self.staged))
            try:
                if message is SETTLE:
                    self._settle(actor)
                elif actor.address in self.supervisor.out:
                    self._refuse_out(message)
                else:
                    actor.on_receive(message)
            except FATAL:
                raise
            except BaseException as error:
                self._undo(marks)
                actor = self._set_aside(actor, message, error)

    def _refuse_out(self, message: Any) -> None:
        told = command_in(message)
        if told is not None:
            self.refuse(told, Code.INTERNAL, "the conversation is out of action; the daemon failed in it")

    def _set_aside(self, actor: ScheduledActor, message: Any, error: BaseException) -> ScheduledActor:
        """Report a message that an actor could not handle, keep it in the journal, and rebuild the actor."""
        self.observer.actor_failed(actor.address, message, error)
        out = self.supervisor.failed(actor.address, self.now)
        rebuilt = self._replace(actor)
        told = command_in(message)
        if told is not None:
            command = told.message
            where, why = "/".join(actor.address), repr(error)[:500]
            letter = events.SetAside(where, type(command).__name__, why, encode([command]))
            self.tell(("dispatcher", actor.address[1], ""), letter)
            self.refuse(told, Code.INTERNAL, "the daemon failed on this command and has set it aside")
        if out:
            rebuilt.put_out()
        return rebuilt

    def _undo(self, marks: tuple[int, int, int]) -> None:
        """Take back what handlers have recorded, answered and told since the marks."""
        entries, replies, staged = marks
        for entry in reversed(self.entries[entries:]):
            if entry.command:
                del self.commands.of(entry.tenant, entry.sender).positions[entry.command]
        del self.entries[entries:]
        del self._recorders[entries:]
        del self._replies[replies:]
        del self.staged[staged:]

    def deliver(self) -> None:
        """Put what was told into the inboxes."""
        actors, ready = self.actors, self._ready
        staged = self.staged
        while staged:
            due = staged[:]
            staged.clear()
            for address, message in due:
                actor = actors.get(address)
                if actor is None:
                    actor = self.wake(address)
                if not actor.inbox:
                    ready.append(actor)
                actor.inbox.append(message)

    def fire_timers(self, limit: int = 1_000) -> None:
        """Tell ``Tick`` to the actors whose deadline has come, parked ones too."""
        for address in self._due.take(self.now, limit):
            if address not in self.actors:
                self.tell(address, Tick(self.now))
        for address in self.timers.due(self.now, limit):
            actor = self.actors.get(address)
            if actor is not None:
                actor.deadline_set = None
            self.tell(address, Tick(self.now))

    def seal(self, *, tidy: bool = False) -> Batch | None:
        """Number the events of the turn and return what has to be committed; None if there is nothing.

        With ``tidy``, for quiet times, a step of what is behind is written however recent it is.
        """
        self._park_the_idle()
        entries = self.entries
        record = None
        if entries:
            self.note_received()
            self._number(entries)
            record = make_record(self.head + 1, self.epoch, entries, self._hash)
        if record is None and not self._parking and not (tidy and self.write_behind.behind):
            return None
        head = self.head + len(entries)
        share = TIDY_STEP if tidy else STEP + 2 * len(entries)
        snapshots, index, commands, low_water = self.write_behind.collect(
            head, share, self.now, everything=tidy
        )
        return Batch(record, snapshots, index, commands, low_water)

    def release(self, batch: Batch | None) -> tuple[list[tuple[Any, Any]], list[Mailbox]]:
        """After the flush: return the replies that may go out, and the mailboxes that have news."""
        if batch is not None and batch.record is not None:
            self.head += batch.record.size
            self._hash = batch.record.hash
            self.entries = []
            self._recorders = []
        for address in self._parking:
            self._leave_memory(address)
        self._parking.clear()
        for address in self._discarded:
            discarded = self.actors.get(address)
            if discarded is not None and discarded.sequence() == 0:
                self._leave_memory(address)
        self._discarded.clear()
        replies, self._replies = self._replies, []
        news, self._has_news = self._has_news, []
        return replies, news

    def _number(self, entries: list[Entry]) -> None:
        """Give each event its place in the index, and in the mailbox of everyone in its audience.

        Whatever the turn changes is noted here, under one position: were a later change noted before an
        earlier one, the low water would pass what is not written yet.
        """
        position, first = self.head, self.head + 1
        note, dirty, news = self.write_behind.note, self.write_behind.dirty, self._has_news
        tenant = ""
        by_stream: dict[str, Mailbox] = {}
        for entry, actor in zip(entries, self._recorders, strict=True):
            position += 1
            if actor.unindexed:
                actor.unindexed.append(position)
            else:
                actor.unindexed = note(actor.address, entry.sequence, position)
            if not actor.dirty:
                actor.dirty = True
                dirty(actor.address, first)
            if entry.tenant != tenant:
                tenant = entry.tenant
                by_stream = self._by_stream.setdefault(tenant, {})
            for stream in entry.audience:
                mailbox = by_stream.get(stream)
                if mailbox is None:
                    mailbox = by_stream[stream] = self.mailbox(tenant, stream)
                if mailbox.turn != first:
                    mailbox.turn = first
                    if len(mailbox.recent) >= CROWDED:
                        mailbox.trim()
                    news.append(mailbox)
                mailbox.last += 1
                mailbox.recent.append(entry)
                if mailbox.unindexed:
                    mailbox.unindexed.append(position)
                else:
                    mailbox.unindexed = note(mailbox.address, mailbox.last, position)
        commands = [entry for entry in entries if entry.command]
        if commands:
            self.commands.added(len(commands), first)
        for mailbox in news:
            dirty(mailbox.address, first)

    # What an actor does in a handler.

    def record(
        self,
        actor: ScheduledActor,
        event: AnyEvent,
        sequence: int,
        audience: tuple[str, ...] = (),
        told: Told | None = None,
    ) -> None:
        """Take an event into the turn.

        ``told`` is the command whose id the event carries; it is acknowledged when the turn is flushed (G1).
        """
        kind, tenant, ident = actor.address
        entries = self.entries
        self._recorders.append(actor)
        if told is None:
            entries.append(Entry(tenant, kind, ident, sequence, self.now, event, audience))
            return
        command, sender = told.message.id, told.sender
        entries.append(Entry(tenant, kind, ident, sequence, self.now, event, audience, sender, command))
        position = self.head + len(entries)
        recent = told.recent or self.commands.of(tenant, sender)
        recent.positions[command] = position
        if kind != "conversation":
            ident = ""
        self._replies.append((told.reply_to, Ack(command, position, ident, sequence)))

    def reply(self, told: Told, message: Any) -> None:
        """Answer a command once the turn is flushed."""
        self._replies.append((told.reply_to, message))

    def refuse(self, told: Told, code: Code, message: str, retry_after_s: float = 0.0) -> None:
        """Refuse a command."""
        self.reply(told, Refused(code.value, message, told.message.id, retry_after_s))

    def first_entry(self, told: Told) -> tuple[int, Entry] | None:
        """Return position and event of a command's first time, or None if it is new (G3)."""
        command = told.message.id
        recent = told.recent or self.commands.of(told.tenant, told.sender)
        position = recent.positions.get(command)
        if position is None and command <= recent.newest:
            position = self.store.command(told.tenant, told.sender, command)
        entry = None if position is None else self.entry_at(position)
        return None if position is None or entry is None else (position, entry)

    # Waking, parking, supervision.

    def wake(self, address: Address) -> ScheduledActor:
        """Bring an actor into memory from its snapshot, or as new."""
        actor = self._load(address)
        self.actors[address] = actor
        actor.woken(from_parked=True)
        if actor.deadline is not None:
            # Whoever only reads from it settles nothing, and its time must come all the same.
            actor.deadline_set = actor.deadline
            self.timers.set(address, actor.deadline)
        return actor

    def _load(self, address: Address) -> ScheduledActor:
        actor = self.restore(address, self.store.snapshot(address))
        self._catch_up(actor)
        actor.touched_at = self.now
        return actor

    def restore(self, address: Address, row: SnapshotRow | None) -> ScheduledActor:
        """Make an actor from its snapshot; if that cannot be read, from its stream, which has it all."""
        actor = self.kinds[address[0]](self, address)
        if row is not None:
            try:
                actor.thaw(row.body)
            except FATAL:
                raise
            except Exception as error:
                self.observer.actor_failed(address, row, error)
                actor = self.kinds[address[0]](self, address)
                self._catch_up(actor)
        return actor

    def _catch_up(self, actor: ScheduledActor) -> None:
        """Apply what the actor's stream has beyond its snapshot."""
        while entries := self.read_stream(actor.address, actor.sequence(), 1_000):
            for entry in entries:
                actor.apply(entry.event, entry.sequence, entry.at)
        # Events of the turn under way are not in the index before the turn is sealed.
        kind, tenant, ident = actor.address
        for entry in self.entries:
            mine = entry.id == ident and entry.kind == kind and entry.tenant == tenant
            if mine and entry.sequence == actor.sequence() + 1:
                actor.apply(entry.event, entry.sequence, entry.at)

    def _replace(self, actor: ScheduledActor) -> ScheduledActor:
        """Rebuild an actor from the journal and from what the turn under way has recorded."""
        rebuilt = self._load(actor.address)
        rebuilt.inbox, actor.inbox = actor.inbox, []
        rebuilt.deadline_set = actor.deadline_set
        self.actors[actor.address] = rebuilt
        rebuilt.woken(from_parked=False)
        return rebuilt

    def park_idle(self, before: float, limit: int = 1_000) -> int:
        """Let actors leave memory that were not told anything since ``before``; return how many may.

        Each call looks at no more than ``limit`` actors and goes on where the last one stopped. They leave
        when the turn is sealed, unless they are told something before.
        """
        if not self._park_round:
            self._park_round = list(self.actors.values())
        found, actors = len(self._idle), self.actors
        for actor in self._park_round[-limit:]:
            # Who has left meanwhile, or was rebuilt, is looked for only if the rest is so.
            if actor.touched_at <= before and actor.may_park() and actors.get(actor.address) is actor:
                self._idle.append((actor.address, before))
        del self._park_round[-limit:]
        return len(self._idle) - found

    def _park_the_idle(self) -> None:
        """The last thing in a turn: nobody can miss an actor that is on its way out."""
        idle, self._idle = self._idle, []
        for address, before in idle:
            actor = self.actors.get(address)
            if actor is not None and actor.touched_at <= before and actor.may_park():
                self._park(actor)
        if self.staged:
            self.run()

    @property
    def parking(self) -> bool:
        """True from when actors were parked until they leave memory, at the end of the turn."""
        return bool(self._parking)

    @property
    def telling(self) -> bool:
        """True while the handler under way has told somebody something that is not in an inbox yet."""
        return bool(self.staged)

    def _park(self, actor: ScheduledActor) -> None:
        """Write the actor's snapshot with this commit, then let it leave memory."""
        actor.parked()
        self.write_behind.urgent(actor.address, self.head + 1)
        self._parking.append(actor.address)

    def discard(self, actor: ScheduledActor) -> None:
        """Let an actor that has nothing to keep leave memory at the end of the turn, if it still has
        nothing.
        """
        self._discarded[actor.address] = None

    def _leave_memory(self, address: Address) -> None:
        actor = self.actors.pop(address, None)
        self.timers.set(address, None)  # From now on the store knows when to wake it.
        assert actor is None or not actor.inbox, f"{address} was told something while it was being parked"

    def _freeze(self, address: Address) -> SnapshotRow | None:
        if address[0] == "mailbox":
            return freeze_mailbox(self.mailboxes[address])
        actor = self.actors.get(address)
        if actor is None:
            return None
        actor.dirty = False
        row: SnapshotRow | None = actor.freeze()
        return row

    def recover(self, opened: Opened, now: float) -> int:
        """Bring memory to where the journal ends; return how many events were replayed.

        Call once, before the first turn; the caller then runs a turn in which everybody announces itself.
        """
        self.now = now
        self.journal, self.epoch = opened.journal, opened.epoch
        self.head, self._hash = opened.head, opened.head_hash
        replayed = recover(self, opened.low_water)
        self.deliver()
        return replayed
