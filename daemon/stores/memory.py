"""The store for tests and the simulator:

everything in memory, and nothing survives but what was committed.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Iterator

from actors.journal import (
    EMPTY_HASH,
    Address,
    Batch,
    DueRow,
    IndexRow,
    LookupRow,
    LowWater,
    Opened,
    OverRow,
    Owned,
    OwnedCount,
    Record,
    SnapshotRow,
    channel_of,
)


class MemoryStore:
    """A store without a disk. Opening it again is a restart."""

    def __init__(self, journal: str = "memory") -> None:
        self._journal = journal
        self._epoch = 0
        self._records: list[Record] = []
        self._firsts: list[int] = []
        self._snapshots: dict[Address, SnapshotRow] = {}
        #: The ids of conversations by tenant and look-up key: a long run asks for every
        #: newcomer.
        self._lookups: dict[tuple[str, str], dict[str, None]] = {}
        #: The same of those that are over.
        self._over: dict[tuple[str, str], dict[str, None]] = {}
        #: The same by tenant and owner.
        self._owners: dict[tuple[str, str], dict[str, None]] = {}
        #: How many those are: by tenant, owner, channel, and whether they hold capacity.
        self._owned: Counter[tuple[str, str, str, bool]] = Counter()
        #: Who wants to be woken, in order.
        self._due: list[DueRow] = []
        self._index: dict[Address, dict[int, IndexRow]] = {}
        self._commands: dict[tuple[str, str, bytes], tuple[int, float]] = {}
        self._low_water = LowWater()

    def open(self) -> Opened:
        """Begin a new epoch."""
        self._epoch += 1
        last = self._records[-1] if self._records else None
        head = last.first + last.size - 1 if last else 0
        digest = last.hash if last else EMPTY_HASH
        return Opened(self._journal, self._epoch, head, digest, self._low_water)

    def commit(self, batch: Batch) -> None:
        """Take the batch in."""
        if batch.record is not None:
            self._records.append(batch.record)
            self._firsts.append(batch.record.first)
        for row in batch.snapshots:
            self._file(row)
        for index in batch.streams:
            self._index.setdefault(index.stream, {})[index.first] = index
        for row_of in batch.commands:
            for command, position in zip(row_of.commands, row_of.positions, strict=True):
                self._commands.setdefault((row_of.tenant, row_of.sender, command), (position, row_of.at))
        self._low_water = batch.low_water

    def _file(self, row: SnapshotRow) -> None:
        before = self._snapshots.get(row.address)
        self._snapshots[row.address] = row
        lookup, owner, wanted = (
            (before.lookup, before.owner, before.wake_at) if before else (None, None, None)
        )
        if before is not None and before.over_at is not None:
            _refile(self._over, row.address, lookup, None)
            lookup = None
        if row.over_at is not None:
            _refile(self._over, row.address, None, row.lookup)
        now = row.lookup if row.over_at is None else None
        if lookup != now:
            _refile(self._lookups, row.address, lookup, now)
        if owner != row.owner:
            _refile(self._owners, row.address, owner, row.owner)
        if before is not None and before.owner is not None:
            self._owned[_counted_as(before, before.owner)] -= 1
        if row.owner is not None:
            self._owned[_counted_as(row, row.owner)] += 1
        if wanted != row.wake_at:
            if wanted is not None:
                del self._due[bisect_left(self._due, DueRow(wanted, row.address))]
            if row.wake_at is not None:
                insort(self._due, DueRow(row.wake_at, row.address))

    def snapshot(self, address: Address) -> SnapshotRow | None:
        """Return the newest snapshot of an actor."""
        return self._snapshots.get(address)

    def find(self, tenant: str, lookup: str) -> list[str]:
        """Return the ids of the conversations with this look-up key."""
        return list(self._lookups.get((tenant, lookup), ()))

    def under(self, tenant: str, prefix: str, after: LookupRow, limit: int) -> list[LookupRow]:
        """Return conversations whose look-up key begins so."""
        found = sorted(
            LookupRow(key, ident)
            for (of_tenant, key), idents in self._lookups.items()
            if of_tenant == tenant and key.startswith(prefix)
            for ident in idents
            if ("conversation", tenant, ident) in self._snapshots
        )
        return [row for row in found if row > after][:limit]

    def last(self, tenant: str, lookup: str) -> OverRow | None:
        """Return which of them was over last."""
        over = self._over.get((tenant, lookup), ())
        rows = [self._snapshots["conversation", tenant, ident] for ident in over]
        return max((OverRow(row.over_at or 0.0, row.address[2]) for row in rows), default=None)

    def filed(self, tenant: str, lookup: str, skip: int, limit: int) -> list[str]:
        """Return some of them, in order."""
        return sorted(self._lookups.get((tenant, lookup), ()))[skip : skip + limit]

    def live(self) -> Iterator[SnapshotRow]:
        """Return the snapshots to be woken at start."""
        return iter([row for row in self._snapshots.values() if row.live])

    def owned(self, tenant: str, owner: str) -> list[Owned]:
        """Return the conversations with this owner."""
        rows = [
            self._snapshots["conversation", tenant, ident] for ident in self._owners.get((tenant, owner), ())
        ]
        return [Owned(row.address[2], channel_of(row.lookup), row.holds) for row in rows]

    def owners(self) -> Iterator[OwnedCount]:
        """Count the conversations of each owner in each channel."""
        return iter([OwnedCount(*key, many) for key, many in self._owned.items() if many])

    def due(self, after: DueRow, until: float, limit: int) -> list[DueRow]:
        """Return who wants to be woken, in order."""
        start = bisect_right(self._due, after)
        rows = self._due[start : start + limit]
        return [row for row in rows if row.wake_at <= until]

    def command(self, tenant: str, sender: str, command: bytes) -> int | None:
        """Return the position that carries the command's id."""
        found = self._commands.get((tenant, sender, command))
        return found[0] if found else None

    def newest_command(self, tenant: str, sender: str) -> bytes | None:
        """Return the greatest command id of a sender."""
        ids = [key[2] for key in self._commands if key[:2] == (tenant, sender)]
        return max(ids, default=None)

    def positions(self, stream: Address, after: int, limit: int) -> list[int]:
        """Return positions of a stream."""
        rows = sorted(self._index.get(stream, {}).values())
        return join_index(((row.first, row.positions) for row in rows), after, limit)

    def records(self, after: int) -> Iterator[Record]:
        """Return the records that hold any position after ``after``."""
        return iter([record for record in self._records if record.first + record.size - 1 > after])

    def record_at(self, position: int) -> Record | None:
        """Return the record that holds a position."""
        place = bisect_right(self._firsts, position) - 1
        if place < 0:
            return None
        record = self._records[place]
        return record if position < record.first + record.size else None

    def forget_commands(self, before: float, limit: int) -> int:
        """Drop old command rows."""
        old = [key for key, (_, at) in self._commands.items() if at < before][:limit]
        for key in old:
            del self._commands[key]
        return len(old)

    def close(self) -> None:
        """Nothing to give up."""


def _counted_as(row: SnapshotRow, owner: str) -> tuple[str, str, str, bool]:
    return row.address[1], owner, channel_of(row.lookup), row.holds


def _refile(
    files: dict[tuple[str, str], dict[str, None]], address: Address, before: str | None, now: str | None
) -> None:
    """File an actor's id under another key than before."""
    _, tenant, ident = address
    if before is not None:
        filed = files[tenant, before]
        del filed[ident]
        if not filed:
            del files[tenant, before]
    if now is not None:
        files.setdefault((tenant, now), {})[ident] = None


def join_index(rows: Iterator[tuple[int, tuple[int, ...]]], after: int, limit: int) -> list[int]:
    """Join index rows of one stream, in order of their first sequence, into the positions after ``after``.

    Rows may overlap: recovery notes again what lies beyond the low water, and both hold the same positions.
    """
    found: list[int] = []
    following = after + 1
    for first, positions in rows:
        if first > following:
            break
        fresh = positions[following - first :]
        found.extend(fresh)
        following += len(fresh)
        if len(found) >= limit:
            break
    return found[:limit]
