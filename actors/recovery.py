"""Coming back from the journal:

the tables as far as they are written, then the journal's tail, then everybody announces itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from actors.journal import (
    EMPTY_HASH,
    Address,
    Entry,
    JournalDamaged,
    LowWater,
    SnapshotRow,
    channel_of,
    read_record,
    verified,
)
from actors.mailbox import Mailbox

if TYPE_CHECKING:
    from actors.runtime import System


def recover(system: System, low: LowWater) -> int:
    """Bring actors, mailboxes and what is to be written behind to the journal's end;

    return how many events that took.
    """
    as_of = _load_live(system)
    replayed = _replay(system, low, as_of)
    for address, actor in list(system.actors.items()):
        actor.touched_at = system.now
        if address[0] != "dispatcher":
            actor.woken(from_parked=False)
        actor.restarted()
        actor.deadline_set = actor.deadline
        system.timers.set(address, actor.deadline)
    for address, actor in list(system.actors.items()):
        if address[0] == "dispatcher":
            actor.woken(from_parked=False)
    return replayed


def parked_by_owner(system: System, tenant: str) -> Counter[tuple[str, str, bool]]:
    """Return how many conversations of each agent in each channel are in the store only, by whether they
    hold capacity.
    """
    owners = system.store.owners()
    counts = Counter(
        {(each.owner, each.channel, each.holds): each.many for each in owners if each.tenant == tenant}
    )
    for address in system.actors:
        if address[0] == "conversation" and address[1] == tenant:
            row = system.store.snapshot(address)
            if row is not None and row.owner is not None:
                counts[row.owner, channel_of(row.lookup), row.holds] -= 1
    return +counts


def _load_live(system: System) -> dict[Address, int]:
    as_of: dict[Address, int] = {}
    for row in system.store.live():
        as_of[row.address] = row.as_of
        if row.address[0] == "mailbox":
            system.mailboxes[row.address] = thaw_mailbox(row)
        else:
            system.actors[row.address] = system.restore(row.address, row)
    return as_of


def _replay(system: System, low: LowWater, as_of: dict[Address, int]) -> int:
    start = min(low)
    replayed = 0
    for position, entry in _entries_after(system, start):
        replayed += 1
        address = (entry.kind, entry.tenant, entry.id)
        if position > low.streams:
            system.write_behind.note(address, entry.sequence, position)
        if entry.command and position > low.commands:
            recent = system.commands.of(entry.tenant, entry.sender)
            recent.positions[entry.command] = position
            system.commands.added(1, position)
        if position > low.snapshots:
            _replay_state(system, address, position, entry, as_of)
        for stream in entry.audience:
            _replay_delivery(system, ("mailbox", entry.tenant, stream), position, entry, as_of)
    return replayed


def _replay_state(
    system: System, address: Address, position: int, entry: Entry, as_of: dict[Address, int]
) -> None:
    actor = system.actors.get(address)
    if actor is None:
        row = system.store.snapshot(address)
        actor = system.restore(address, row)
        if row is not None:
            as_of[address] = row.as_of
        system.actors[address] = actor
    if position > as_of.get(address, 0):
        actor.apply(entry.event, entry.sequence, entry.at)
        system.write_behind.dirty(address, position)


def _replay_delivery(
    system: System, address: Address, position: int, entry: Entry, as_of: dict[Address, int]
) -> None:
    if position <= as_of.get(address, 0):
        return
    mailbox = system.mailboxes.get(address)
    if mailbox is None:
        mailbox = system.mailboxes[address] = Mailbox(entry.tenant, address[2])
    mailbox.trim()
    system.write_behind.note(address, mailbox.put(entry), position)
    system.write_behind.dirty(address, position)


def _entries_after(system: System, position: int) -> Iterator[tuple[int, Entry]]:
    """Return the events after a position. Raises JournalDamaged where the chain of records does not hold."""
    if position >= system.head:
        return
    before = system.store.record_at(position) if position else None
    start = before.first if before is not None else 1
    if position and before is None:
        raise JournalDamaged(position, "the record is missing")
    previous = EMPTY_HASH
    if start > 1:
        earlier = system.store.record_at(start - 1)
        if earlier is None:
            raise JournalDamaged(start - 1, "the record is missing")
        previous = earlier.hash
    following = start
    for record in verified(system.store.records(start - 1), previous):
        if record.first != following:
            raise JournalDamaged(following, f"the next record begins at {record.first}")
        following = record.first + record.size
        for place, entry in enumerate(read_record(record), record.first):
            if place > position:
                yield place, entry
    if following != system.head + 1:
        raise JournalDamaged(following, f"events up to {system.head} were stored once and are missing")


def freeze_mailbox(mailbox: Mailbox) -> SnapshotRow:
    """Return the snapshot of a mailbox; its position is filled in by the commit."""
    body = mailbox.last.to_bytes(8, "big") + mailbox.received.to_bytes(8, "big")
    return SnapshotRow(mailbox.address, 0, body, live=True)


def thaw_mailbox(row: SnapshotRow) -> Mailbox:
    """Return the mailbox of a snapshot."""
    _, tenant, stream = row.address
    last, received = int.from_bytes(row.body[:8], "big"), int.from_bytes(row.body[8:16], "big")
    return Mailbox(tenant, stream, last, received)
