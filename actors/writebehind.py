"""What is written behind the journal: snapshots, stream index, command index.

The record of a turn makes everything durable; these tables only make finding it quick. Each is kept in memory
first and written in small steps inside later commits, oldest first, never more than a bounded number of
positions behind the journal. ``LowWater`` says how far each is complete; recovery replays the journal from
there (docs/decisions/0002-write-behind.md).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

from actors.journal import Address, CommandRow, IndexRow, LowWater, SnapshotRow

#: How many positions the tables may be behind the journal before they are written.
LAG = 20_000
#: The fewest rows that one commit writes behind when there is anything to write.
STEP = 32

CommandKey = tuple[str, str, bytes]


class _Pending:
    """Positions of one stream that are not in the index table yet."""

    __slots__ = ("first", "positions")

    def __init__(self, first: int) -> None:
        self.first = first
        self.positions: list[int] = []


class WriteBehind:
    """The three memory tables and how they drain."""

    def __init__(self, freeze: Callable[[Address], SnapshotRow | None]) -> None:
        self._freeze = freeze
        self._dirty: dict[Address, int] = {}
        self._index: dict[Address, _Pending] = {}
        self._urgent: dict[Address, None] = {}
        self.commands: dict[CommandKey, tuple[int, float]] = {}

    @property
    def behind(self) -> int:
        """How many rows are waiting to be written."""
        return len(self._dirty) + len(self._index) + len(self.commands)

    def dirty(self, address: Address, position: int) -> None:
        """Note that an actor or mailbox has changed at a position."""
        self._dirty.setdefault(address, position)

    def urgent(self, address: Address, position: int) -> None:
        """Have the snapshot written with the next commit (parking)."""
        self._dirty.setdefault(address, position)
        self._urgent[address] = None

    def note(self, stream: Address, sequence: int, position: int) -> None:
        """Note where a sequence of a stream stands in the journal."""
        pending = self._index.get(stream)
        if pending is None:
            pending = self._index[stream] = _Pending(sequence)
        pending.positions.append(position)

    def positions(self, stream: Address, after: int, limit: int) -> list[int]:
        """Return positions of at most ``limit`` sequences after ``after`` that are still in memory."""
        pending = self._index.get(stream)
        if pending is None:
            return []
        start = max(0, after + 1 - pending.first)
        return pending.positions[start : start + limit]

    def first_pending(self, stream: Address) -> int | None:
        """Return the first sequence of the stream that is still in memory."""
        pending = self._index.get(stream)
        return pending.first if pending else None

    def collect(
        self, head: int, share: int, *, everything: bool = False
    ) -> tuple[list[SnapshotRow], list[IndexRow], list[CommandRow], LowWater]:
        """Take out what the next commit shall write. ``share`` bounds the rows of each table.

        ``head`` is the newest position of the commit; snapshots are as of it.
        """
        horizon = head if everything else head - LAG
        snapshots = self._collect_snapshots(head, horizon, share)
        index = self._collect_index(horizon, share)
        index.extend(self._index_of_mailboxes(snapshots))
        commands = self._collect_commands(horizon, share)
        return snapshots, index, commands, self._low_water(head)

    def _collect_snapshots(self, head: int, horizon: int, share: int) -> list[SnapshotRow]:
        chosen = list(self._urgent)
        self._urgent.clear()
        for address, since in islice(self._dirty.items(), share):
            if since > horizon:
                break
            chosen.append(address)
        rows = []
        for address in chosen:
            if self._dirty.pop(address, None) is None:
                continue
            row = self._freeze(address)
            if row is not None:
                rows.append(row._replace(as_of=head))
        return rows

    def _collect_index(self, horizon: int, share: int) -> list[IndexRow]:
        chosen = []
        for stream, pending in islice(self._index.items(), share):
            if pending.positions[0] > horizon:
                break
            chosen.append(stream)
        return [self._take_index(stream) for stream in chosen]

    def _index_of_mailboxes(self, snapshots: list[SnapshotRow]) -> list[IndexRow]:
        """A mailbox's numbers are counted, not stored: its index must be complete up to its snapshot."""
        return [
            self._take_index(row.address)
            for row in snapshots
            if row.address[0] == "mailbox" and row.address in self._index
        ]

    def _take_index(self, stream: Address) -> IndexRow:
        pending = self._index.pop(stream)
        return IndexRow(stream, pending.first, tuple(pending.positions))

    def _collect_commands(self, horizon: int, share: int) -> list[CommandRow]:
        rows = []
        for (tenant, sender, command), (position, at) in islice(self.commands.items(), share):
            if position > horizon:
                break
            rows.append(CommandRow(tenant, sender, command, position, at))
        for row in rows:
            del self.commands[row.tenant, row.sender, row.command]
        # In the order of the key, so that the table grows at its end instead of all over.
        rows.sort()
        return rows

    def _low_water(self, head: int) -> LowWater:
        snapshots = next(iter(self._dirty.values()), head + 1) - 1
        first_index = next(iter(self._index.values()), None)
        index = first_index.positions[0] - 1 if first_index else head
        first_command = next(iter(self.commands.values()), None)
        commands = first_command[0] - 1 if first_command else head
        return LowWater(snapshots, index, commands)
