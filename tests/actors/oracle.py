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


@dataclass
class Thread:
    """What the journal says of one conversation."""

    status: str = "new"
    department: str = ""
    contact: str = ""
    since: float = 0.0
    offers: list[events.Offered] = field(default_factory=list)
    assignees: list[str] = field(default_factory=list)
    declined: dict[str, float] = field(default_factory=dict)


@dataclass
class Oracle:
    """The journal as far as it was read, and the complaints about it."""

    head: int = 0
    epoch: int = 0
    hash: bytes = EMPTY_HASH
    entries: list[Entry] = field(default_factory=list)
    threads: dict[str, Thread] = field(default_factory=dict)
    sequences: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    commands: dict[tuple[str, str, bytes], int] = field(default_factory=dict)
    mail: dict[str, list[Delivery]] = field(default_factory=dict)
    presence: dict[str, str] = field(default_factory=dict)
    reachable: dict[str, bool] = field(default_factory=dict)

    def read(self, store: Store) -> list[Entry]:
        """Take in the records that are new, checking chain, sequences, epochs and command ids on the way."""
        fresh: list[Entry] = []
        for record in verified(store.records(self.head), self.hash):
            assert record.first == self.head + 1, f"{self.head + 1} is missing"
            assert record.epoch >= self.epoch, "I12: an older epoch follows a newer one"
            for entry in read_record(record):
                self._take(entry)
                fresh.append(entry)
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
            mail.append(delivery(to, len(mail) + 1, entry))
        if entry.kind == "conversation":
            self._take_thread(self.threads.setdefault(entry.id, Thread()), entry)
        elif entry.kind == "agent":
            self._take_agent(entry.id, entry.event)

    def _take_thread(self, thread: Thread, entry: Entry) -> None:
        event = entry.event
        match event:
            case events.Started():
                assert thread.status == "new"
                thread.contact, thread.department = event.contact, event.department
            case events.Queued():
                thread.status, thread.since = "queued", event.since
            case events.Offered():
                assert thread.status == "queued", f"an offer while {thread.status}"
                thread.offers.append(event)
                thread.status = "offered"
            case events.OfferDeclined() | events.OfferExpired() | events.OfferWithdrawn():
                assert [offer.offer for offer in thread.offers] == [event.offer]
                thread.offers.clear()
                thread.status = "queued"
                if not isinstance(event, events.OfferWithdrawn):
                    thread.declined[event.agent] = entry.at
            case events.Assigned():
                assert [(offer.offer, offer.agent) for offer in thread.offers] == [(event.offer, event.agent)]
                assert entry.at <= thread.offers[0].deadline_at
                thread.offers.clear()
                thread.declined.clear()
                thread.assignees.append(event.agent)
                thread.status = "open"
            case events.Released():
                assert thread.assignees == [event.agent]
                assert event.since == thread.since, "G11: the waiting time was lost"
                thread.assignees.clear()
                thread.status = "queued"
            case events.Ended():
                assert thread.status != "ended"
                thread.offers.clear()
                thread.assignees.clear()
                thread.status = "ended"
            case events.AgentWrote():
                assert thread.assignees == [event.agent]
            case events.CustomerWrote():
                assert thread.status != "ended", "F9: written after the end"
        assert len(thread.offers) + len(thread.assignees) <= 1, "I6"

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

    def used(self) -> Counter[str]:
        """Count for each agent what is owned and what is reserved by live offers."""
        return Counter(
            agent
            for thread in self.threads.values()
            for agent in (*thread.assignees, *(offer.agent for offer in thread.offers))
        )

    def waiting(self) -> Iterator[tuple[str, Thread]]:
        """Return the conversations that wait."""
        return ((ident, thread) for ident, thread in self.threads.items() if thread.status == "queued")

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
        elif kind == "dispatcher":
            assert isinstance(actor, DispatcherActor)
            seen["dispatcher"] = actor.state
        stream = (kind, tenant, ident)
        seen[f"positions of {stream}"] = tuple(system.positions(stream, 0, 1 << 30))
    for stream in oracle.mail:
        mailbox = system.mailbox(tenant, stream)
        entries = system.deliveries(mailbox, 0, 1 << 30)
        seen[f"mail of {stream}"] = (
            mailbox.last,
            [delivery(stream, number, entry) for number, entry in enumerate(entries, 1)],
        )
        seen[f"places in the mail of {stream}"] = tuple(
            system.positions(("mailbox", tenant, stream), 0, 1 << 30)
        )
    return seen
