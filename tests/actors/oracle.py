"""A second opinion: what the journal says, folded by code that shares nothing with the actors.

The invariants of GUARANTEES section 4 are checked on what this fold finds, and on what the actors hold.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from actors import events, queries
from actors.agent.actor import AgentActor
from actors.clock import VirtualClock
from actors.conversation.view import delivery
from actors.dispatcher.actor import DispatcherActor
from actors.journal import EMPTY_HASH, Entry, LowWater, Store, read_record, verified
from actors.runtime import System
from daemon.stores.memory import MemoryStore
from protocol.messages import Delivery
from tests.stage import KINDS, Failures

#: What may happen when all is over.
AFTERWARDS = (
    events.Rated
    | events.NoteWritten
    | events.Tagged
    | events.Reopened
    | events.DeliveryReported
    | events.SentAgain
)
#: With an agent, and both sides can reach each other.
IN_HAND = ("open", "pending", "on_hold")


@dataclass
class Thread:
    """What the journal says of one conversation."""

    status: str = "new"
    channel: str = ""
    department: str = ""
    contact: str = ""
    since: float = 0.0
    entered: float = 0.0
    skills: dict[str, int] = field(default_factory=dict)
    priority: int = 0
    #: Who has served the customer, before and in it.
    served: set[str] = field(default_factory=set)
    offers: list[events.Offered] = field(default_factory=list)
    assignees: list[str] = field(default_factory=list)
    declined: dict[str, float] = field(default_factory=dict)
    transfer: events.TransferStarted | None = None
    transfer_at: float = 0.0
    members: set[str] = field(default_factory=set)
    invitations: dict[str, str] = field(default_factory=dict)
    style: str = ""
    #: Whose it was when it was solved or muted.
    kept: str = ""
    #: It was solved when it was muted, and nobody has written since.
    solved: bool = False
    tags: set[str] = field(default_factory=set)

    @property
    def wanted_in(self) -> str:
        """The department in whose queue it waits, its own or the one it is transferred to; "" if none."""
        if self.offers or self.status not in ("queued", *IN_HAND):
            return ""
        if self.transfer is not None:
            return self.transfer.to_department if not self.transfer.to_agent else ""
        return self.department if self.status == "queued" else ""

    def take(self, event: Any, at: float) -> None:
        """Take in the next event, and complain when it cannot follow on what was before."""
        assert self.status != "ended" or isinstance(event, AFTERWARDS), f"F9: {event} after the end"
        match event:
            case events.Started():
                assert self.status == "new"
                self.style = event.style
                self.channel, self.contact, self.department = event.channel, event.contact, event.department
                self.skills, self.priority = dict(event.skills), event.priority
                self.served.update([event.previous] if event.previous else [])
            case events.Queued():
                assert not self.assignees
                assert self.since in (0.0, event.since), "D1: the waiting time was lost"
                self.status, self.department, self.since = "queued", event.department, event.since
                self.entered = at
            case events.AgentWrote():
                assert self.assignees == [event.agent], "G15: somebody else has written"
            case events.Ended():
                assert not self.invitations
                self.offers.clear()
                self.assignees.clear()
                self.status = "ended"
            case events.CustomerWrote():
                assert self.status != "wrap_up", "F11: the customer's side is over"
                self.solved = False
            case events.Released():
                self._release(event, at)
            case events.Assigned():
                self._assign(event, at)
            case _:
                self._take_offers(event, at)
                self._take_teamwork(event, at)
                self._take_life(event, at)

    def check(self) -> None:
        """Complain if it is not in exactly one place (I6); asked at the end of every turn."""
        assert len(self.offers) <= 1, "I6: two live offers"
        assert len(self.assignees) <= 1, "I6: two owners"
        transferred = self.transfer is not None
        assert not (self.offers and self.assignees) or transferred, "I6: offered and owned at once"
        owned = self.status in (*IN_HAND, "wrap_up")
        assert owned == bool(self.assignees), "I6: in hand, or wrapped up, is whoever has an owner"

    def _take_offers(self, event: Any, at: float) -> None:
        match event:
            case events.Offered():
                assert event.agent not in self.assignees, "G1: offered to the owner"
                assert event.since == self.since
                assert event.deadline_at > at, "I8: an offer that is over when it is made"
                self.offers.append(event)
            case events.OfferDeclined() | events.OfferExpired() | events.OfferWithdrawn():
                assert [offer.offer for offer in self.offers] == [event.offer]
                if isinstance(event, events.OfferExpired):
                    assert at >= self.offers[0].deadline_at, "I8: expired too early"
                self.offers.clear()
                if not isinstance(event, events.OfferWithdrawn):
                    self.declined[event.agent] = at

    def _take_teamwork(self, event: Any, at: float) -> None:
        match event:
            case events.TransferStarted():
                assert self.transfer is None, "G4: two transfers at once"
                if self.assignees:
                    self.transfer, self.transfer_at = event, at
                self.declined.clear()
            case events.TransferEnded():
                self.transfer = None
                if self.assignees:
                    self.declined.clear()
            case events.Invited():
                assert event.agent not in self.members
                assert event.agent not in self.invitations
                self.invitations[event.agent] = event.invitation
            case events.InvitationEnded():
                assert self.invitations.pop(event.agent) == event.invitation
            case events.MemberJoined():
                self.members.add(event.agent)
            case events.MemberLeft():
                self.members.remove(event.agent)
            case events.ConferenceEnded():
                self.members.clear()
                self.invitations.clear()
            case events.FirstReplyMissed():
                assert self.assignees == [event.agent]

    def _take_life(self, event: Any, at: float) -> None:
        match event:
            case events.StatusSet():
                assert self.status in IN_HAND
                assert event.status != self.status
                self.status = event.status
                if event.status == "open":
                    self.since = at
            case events.Solved():
                assert self.status in IN_HAND
                assert event.closes_at > at, "I8: it closes when it is solved"
                self._set_apart("solved")
            case events.Interrupted():
                assert self.status in IN_HAND
                assert self.transfer is None
                self.status = "wrap_up"
                self.members.clear()
            case events.Muted():
                self.since, self.solved = self.since or at, self.status == "solved"
                self._set_apart("muted")
            case events.Unmuted():
                assert self.status == "muted"
                assert event.agent in ("", self.kept)
                if event.closes_at is not None:
                    assert self.solved, "M1: it was not solved, or the customer has written"
                    self.status = "solved"
                    return
                self.status = "open" if event.agent else "new"
                self.assignees = [event.agent] if event.agent else []
            case events.Reopened():
                assert self.status in ("solved", "ended"), "F14: it has not ended"
                self.status, self.since, self.declined = "open", at, {}
                self.assignees = [event.agent or self.kept]
                self.served.update(self.assignees)
            case events.Tagged():
                self.tags = (self.tags - set(event.removed)) | set(event.added)

    def _set_apart(self, status: str) -> None:
        assert self.transfer is None
        assert not self.offers
        assert not self.invitations
        self.kept = (self.assignees or [self.kept if self.status == "solved" else ""])[0]
        self.status = status
        self.assignees = []
        self.members.clear()

    def _assign(self, event: events.Assigned, at: float) -> None:
        assert self.assignees == ([event.from_agent] if event.from_agent else []), "I6: two owners"
        assert event.agent not in self.assignees
        assert [offer.offer for offer in self.offers] == ([event.offer] if event.offer else []), "I6"
        for offer in self.offers:
            assert offer.agent == event.agent, "I6: accepted by somebody to whom it was not offered"
            assert at <= offer.deadline_at or event.how == "taken", "I8: accepted too late"
        self.offers.clear()
        self.declined.clear()
        self.invitations.pop(event.agent, None)
        self.members.discard(event.agent)
        self.assignees = [event.agent]
        self.served.add(event.agent)
        self.status, self.department = "open", event.department

    def _release(self, event: events.Released, at: float) -> None:
        assert self.assignees == [event.agent]
        assert event.since == self.since, "G11: the waiting time was lost"
        stood = self.transfer is not None and self.transfer.to_department == event.department
        self.assignees.clear()
        self.status, self.department = "queued", event.department
        self.entered = self.transfer_at if stood else at


@dataclass
class Oracle:
    """The journal as far as it was read, and the complaints about it. ``weights`` has each channel's."""

    head: int = 0
    epoch: int = 0
    hash: bytes = EMPTY_HASH
    weights: dict[str, int] = field(default_factory=dict)
    #: Which styles release the capacity of what waits for somebody (F5).
    releases: frozenset[str] = frozenset()
    #: What agents see the channels called, where somebody compares what reaches them over the wire.
    names: dict[str, str] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    threads: dict[str, Thread] = field(default_factory=dict)
    sequences: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    commands: dict[tuple[str, str, bytes], int] = field(default_factory=dict)
    mail: dict[str, list[Delivery]] = field(default_factory=dict)
    presence: dict[str, str] = field(default_factory=dict)
    reachable: dict[str, bool] = field(default_factory=dict)
    #: The orders that were set while running, by department, with the bound of the backlog if there is one.
    orders: dict[str, events.OrderChanged] = field(default_factory=dict)

    def read(self, store: Store) -> list[Entry]:
        """Take in the records that are new, checking chain, sequences, epochs and command ids on the way."""
        fresh: list[Entry] = []
        for record in verified(store.records(self.head), self.hash):
            assert record.first == self.head + 1, f"{self.head + 1} is missing"
            assert record.epoch >= self.epoch, "I12: an older epoch follows a newer one"
            entries = read_record(record)
            for entry in entries:
                self._take(entry)
            for ident in {entry.id for entry in entries if entry.kind == "conversation"}:
                self.threads[ident].check()
            fresh += entries
            self.hash, self.epoch = record.hash, record.epoch
        return fresh

    def _take(self, entry: Entry) -> None:
        self.head += 1
        self.entries.append(entry)
        stream = (entry.kind, entry.tenant, entry.id)
        self.sequences[stream] += 1
        assert entry.sequence == self.sequences[stream], f"I3: {entry} should be {self.sequences[stream]}"
        if entry.command:
            key = (entry.tenant, entry.sender, entry.command)
            assert key not in self.commands, f"I2: {key} at {self.commands[key]} and {self.head}"
            self.commands[key] = self.head
        for to in entry.audience:
            mail = self.mail.setdefault(to, [])
            mail.append(delivery(to, len(mail) + 1, entry, self.names))
        if entry.kind == "conversation":
            self.threads.setdefault(entry.id, Thread()).take(entry.event, entry.at)
        elif entry.kind == "agent":
            self._take_agent(entry.id, entry.event)
        elif isinstance(entry.event, events.OrderChanged):
            self.orders[entry.event.department] = entry.event

    def _take_agent(self, agent: str, event: Any) -> None:
        match event:
            case events.LoggedIn() | events.PresenceChosen():
                self.presence[agent] = event.presence
                if isinstance(event, events.LoggedIn):
                    self.reachable[agent] = True
            case events.LeaseLost():
                self.reachable[agent] = False
            case events.LeaseRegained():
                self.reachable[agent] = True
            case events.LoggedOut():
                self.presence[agent], self.reachable[agent] = "offline", False

    def weight(self, thread: Thread) -> int:
        """Return how many units of capacity a conversation takes."""
        waits = thread.status in ("pending", "on_hold") and thread.transfer is None
        if waits and thread.style in self.releases:
            return 0
        return self.weights.get(thread.channel, 1)

    def used(self) -> Counter[str]:
        """Count for each agent the units of what is owned, and of what is reserved by live offers."""
        used: Counter[str] = Counter()
        for thread in self.threads.values():
            for agent in (*thread.assignees, *(offer.agent for offer in thread.offers)):
                used[agent] += self.weight(thread)
        return used

    def waiting(self) -> Iterator[tuple[str, Thread]]:
        """Return the conversations that wait in a queue, those on their way to another department too."""
        return ((ident, thread) for ident, thread in self.threads.items() if thread.wanted_in)

    def open_threads(self, contact: str) -> list[str]:
        """Return a customer's conversations that have not ended."""
        return [
            ident
            for ident, thread in self.threads.items()
            if thread.contact == contact and thread.status != "ended"
        ]


def crashed(store: MemoryStore) -> MemoryStore:
    """Return what is left of a store when the process dies now."""
    left = copy.copy(store)
    for name, value in vars(store).items():
        if isinstance(value, dict):
            setattr(left, name, {key: copy.copy(inner) for key, inner in value.items()})
        elif isinstance(value, list):
            setattr(left, name, list(value))
    return left


def journal_only(store: MemoryStore) -> MemoryStore:
    """Return a store that has the journal and has lost every derived table."""
    bare = MemoryStore()
    left = crashed(store)
    for name in ("_records", "_firsts", "_epoch", "_journal"):
        setattr(bare, name, getattr(left, name))
    assert bare.open().low_water == LowWater()
    return bare


def recovered(store: Store) -> System:
    """Start a system from a store, up to the point where it would begin its first turn."""
    idents = iter(range(1 << 30))
    system = System(store, KINDS, Failures(), lambda: f"later-{next(idents)}")
    system.recover(store.open(), VirtualClock().now())
    return system


def projection(system: System, oracle: Oracle, tenant: str = "acme") -> dict[str, Any]:
    """Return everything that a system holds of what the journal says, in a form that can be compared."""
    seen: dict[str, Any] = {"head": system.head, "hash": system._hash}
    for kind, _, ident in oracle.sequences:
        actor = system.actors.get((kind, tenant, ident))
        if kind == "conversation":
            seen[f"conversation {ident}"] = queries.conversation(system, tenant, ident)
        elif kind == "agent":
            assert isinstance(actor, AgentActor)
            seen[f"agent {ident}"] = (actor.state.presence, actor.state.sequence, actor.state.grace_until)
        elif kind == "customer":
            seen[f"customer {ident}"] = (actor or system._load((kind, tenant, ident))).state
        elif kind == "dispatcher":
            assert isinstance(actor, DispatcherActor)
            seen["dispatcher"] = actor.state
        stream = (kind, tenant, ident)
        seen[f"positions of {stream}"] = tuple(system.positions(stream, 0, 1 << 30))
    for stream in oracle.mail:
        mailbox = system.mailbox(tenant, stream)
        places = system.positions(mailbox.address, 0, 1 << 30)
        # What is read from the journal at the same places is the same; what is kept in memory may be not.
        newest = zip(reversed(mailbox.recent), reversed(places), strict=False)
        strays = [entry for entry, place in newest if entry != oracle.entries[place - 1]]
        seen[f"mail of {stream}"] = (mailbox.last, tuple(places), strays)
    return seen
