"""The journal: what a turn writes, and the one interface that every store has.

The journal is a chain of records, one per turn. A record holds the events of the turn; its hash covers the
hash of the record before it, so that a missing, changed or moved record shows. All else in a store is derived
from it (docs/architecture.md).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol

import msgspec
from msgspec import Struct

from actors.events import AnyEvent

#: What an actor is: its kind, its tenant, its id.
Address = tuple[str, str, str]


class Entry(Struct, frozen=True, array_like=True, omit_defaults=True, gc=False):
    """One event in its place:

    stream (tenant, kind, id), gapless sequence, time, who must learn of it, who caused it.
    """

    tenant: str
    kind: str
    id: str
    sequence: int
    at: float
    event: AnyEvent
    audience: tuple[str, ...] = ()
    sender: str = ""
    command: bytes = b""


class Record(NamedTuple):
    """One turn in the journal. ``first`` is the position of its first event."""

    first: int
    size: int
    epoch: int
    body: bytes
    hash: bytes


class SnapshotRow(NamedTuple):
    """An actor's state as of a position.

    ``live``: wake it at start. ``lookup``: a key by which an open one is found. ``owner``: the agent it is
    assigned to; ``holds``: it takes some of that agent's capacity. ``wake_at``: one that is parked has to be
    woken then; it costs a row, and no memory. ``over_at``: when a conversation was over; it is found as one
    of those that are over, and as no open one.
    """

    address: Address
    as_of: int
    body: bytes
    live: bool = False
    lookup: str | None = None
    owner: str | None = None
    holds: bool = True
    wake_at: float | None = None
    over_at: float | None = None


def channel_of(lookup: str | None) -> str:
    """Return the channel of a conversation: what stands before the first slash of its look-up key."""
    return (lookup or "").partition("/")[0]


class Owned(NamedTuple):
    """A conversation whose snapshot has an owner, as the ledger of capacity counts it."""

    id: str
    channel: str
    holds: bool


class OwnedCount(NamedTuple):
    """How many conversations of one owner and channel there are, of those that hold capacity or do not."""

    tenant: str
    owner: str
    channel: str
    holds: bool
    many: int


class LookupRow(NamedTuple):
    """A conversation with its look-up key. Rows are ordered, so one is also where to go on."""

    lookup: str
    id: str


class OverRow(NamedTuple):
    """A conversation that is over, and since when. Rows are ordered, so the greatest was over last."""

    over_at: float
    id: str


class DueRow(NamedTuple):
    """An actor that wanted to be woken at a time. Rows are ordered, so one is also where to go on."""

    wake_at: float
    address: Address


class IndexRow(NamedTuple):
    """Positions of consecutive sequences of one stream, beginning with ``first``."""

    stream: Address
    first: int
    positions: tuple[int, ...]


class CommandRow(NamedTuple):
    """Commands of one sender, in growing order, and the position that each one caused.

    A row of several commands lies wholly beyond all earlier rows of its sender, so that an id is in one of
    them at most; ids that came out of order stand alone. ``at``: when the newest of them was accepted.
    """

    tenant: str
    sender: str
    commands: tuple[bytes, ...]
    positions: tuple[int, ...]
    at: float


class LowWater(NamedTuple):
    """Up to which position each derived table is complete."""

    snapshots: int = 0
    streams: int = 0
    commands: int = 0


class Batch(NamedTuple):
    """What one commit writes: the record of the turn, and what is written behind."""

    record: Record | None
    snapshots: list[SnapshotRow]
    streams: list[IndexRow]
    commands: list[CommandRow]
    low_water: LowWater


class Opened(NamedTuple):
    """What a store says when it is opened: who we are now, and where the journal stands."""

    journal: str
    epoch: int
    head: int
    head_hash: bytes
    low_water: LowWater


class JournalDamaged(Exception):
    """The journal does not verify.

    ``position`` is where it first fails. Nothing may be served from it (G14).
    """

    def __init__(self, position: int, what: str) -> None:
        super().__init__(
            f"the journal is damaged at position {position}: {what}. "
            "Restore a backup; `switchboard verify` shows how far it is good."
        )
        self.position = position


class StoreFailed(Exception):
    """The store could not be read. Nothing can be decided without it: the process must stop."""


class CommitUnknown(Exception):
    """A commit failed: it may be stored or not (G2). The process must stop and come back from the journal."""


class Deposed(Exception):
    """Another process owns the journal now (G12)."""


class Store(Protocol):
    """What the runtime asks of a store. One contract test suite runs over all of them."""

    def open(self) -> Opened:
        """Take ownership with a new epoch. Raises Deposed if somebody else holds it, JournalDamaged."""

    def commit(self, batch: Batch) -> None:
        """Make the batch durable as one transaction. Raises CommitUnknown, Deposed."""

    def snapshot(self, address: Address) -> SnapshotRow | None:
        """Return the newest snapshot of an actor."""

    def find(self, tenant: str, lookup: str) -> list[str]:
        """Return the ids of the conversations whose snapshots have this look-up key, and are not over."""

    def under(self, tenant: str, prefix: str, after: LookupRow, limit: int) -> list[LookupRow]:
        """Return at most ``limit`` conversations in order whose look-up key begins so, beyond ``after``."""

    def last(self, tenant: str, lookup: str) -> OverRow | None:
        """Return which conversation with this look-up key was over last, however many there are."""

    def filed(self, tenant: str, lookup: str, skip: int, limit: int) -> list[str]:
        """Return at most ``limit`` of the ids under a look-up key, in their order, after so many others."""

    def live(self) -> Iterator[SnapshotRow]:
        """Return the snapshots of all actors to be woken at start."""

    def owned(self, tenant: str, owner: str) -> list[Owned]:
        """Return the conversations whose snapshot has this owner."""

    def owners(self) -> Iterator[OwnedCount]:
        """Count the conversations of all snapshots that have an owner."""

    def due(self, after: DueRow, until: float, limit: int) -> list[DueRow]:
        """Return at most ``limit`` actors in order that want to be woken ``until`` then, beyond ``after``."""

    def command(self, tenant: str, sender: str, command: bytes) -> int | None:
        """Return the first position that a command caused."""

    def newest_command(self, tenant: str, sender: str) -> bytes | None:
        """Return the greatest command id of a sender in the table."""

    def positions(self, stream: Address, after: int, limit: int) -> list[int]:
        """Return the positions of at most ``limit`` sequences after ``after``, as far as the index is
        written.
        """

    def records(self, after: int) -> Iterator[Record]:
        """Return the records that hold any position after ``after``, in order."""

    def record_at(self, position: int) -> Record | None:
        """Return the record that holds a position."""

    def forget_commands(self, before: float, limit: int) -> int:
        """Drop at most ``limit`` command rows older than a time; return how many were dropped."""

    def close(self) -> None:
        """Give up ownership."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Entry])

EMPTY_HASH = bytes(16)


def chain(previous: bytes, first: int, epoch: int, body: bytes) -> bytes:
    """Return the hash of a record: 16 bytes over the record before it, its place and its body."""
    digest = hashlib.blake2b(previous, digest_size=16)
    digest.update(b"%d:%d:" % (first, epoch))
    digest.update(body)
    return digest.digest()


def make_record(first: int, epoch: int, entries: list[Entry], previous: bytes) -> Record:
    """Pack the entries of a turn into a record."""
    body = _encoder.encode(entries)
    return Record(first, len(entries), epoch, body, chain(previous, first, epoch, body))


def read_record(record: Record) -> list[Entry]:
    """Unpack a record. Raises JournalDamaged if its body is not what was written."""
    try:
        entries = _decoder.decode(record.body)
    except msgspec.MsgspecError as error:
        raise JournalDamaged(record.first, f"the record cannot be read ({error})") from error
    if len(entries) != record.size:
        raise JournalDamaged(record.first, f"{len(entries)} events found, {record.size} announced")
    return entries


def entries_at(positions: Iterable[int], record_at: Callable[[int], Record | None]) -> Iterator[Entry]:
    """Return the events at growing positions, as far as their records are there; each is unpacked once."""
    record: Record | None = None
    unpacked: list[Entry] = []
    for position in positions:
        if record is None or not record.first <= position < record.first + record.size:
            record = record_at(position)
            if record is None:
                return
            unpacked = read_record(record)
        yield unpacked[position - record.first]


def verified(records: Iterator[Record], previous: bytes | None) -> Iterator[Record]:
    """Pass records on while their chain holds. Raises JournalDamaged at the first that does not.

    With ``previous`` None the first record's own predecessor is not known, and its hash is taken on trust.
    """
    expected_first: int | None = None
    epoch = 0
    for record in records:
        if expected_first is not None and record.first != expected_first:
            raise JournalDamaged(expected_first, f"the next record begins at {record.first}")
        if record.epoch < epoch:
            raise JournalDamaged(record.first, f"epoch {record.epoch} follows epoch {epoch}")
        if previous is not None and chain(previous, record.first, record.epoch, record.body) != record.hash:
            raise JournalDamaged(record.first, "the hash of the record does not match")
        yield record
        previous, epoch, expected_first = record.hash, record.epoch, record.first + record.size
