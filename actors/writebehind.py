"""What is written behind the journal: snapshots, stream index, command index.

The record of a turn makes everything durable; these tables only make finding it quick. Each is kept in memory
first and written in small steps inside later commits, oldest first, never more than a bounded number of
positions behind the journal. ``LowWater`` says how far each is complete; recovery replays the journal from
there (docs/decisions/0002-write-behind.md).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

from actors.commands import Commands
from actors.journal import Address, CommandRow, IndexRow, LowWater, SnapshotRow

#: How many positions the tables may be behind the journal before they are written.
LAG = 20_000
#: The fewest rows that one commit writes behind when there is anything to write.
STEP = 32
#: How many rows of each table a quiet commit writes.
TIDY_STEP = 512


class WriteBehind:
    """The three memory tables and how they drain."""

    def __init__(
        self,
        freeze: Callable[[Address], SnapshotRow | None],
        newest_command: Callable[[str, str], bytes | None],
    ) -> None:
        self._freeze = freeze
        self._dirty: dict[Address, int] = {}
        #: Note that an actor or mailbox has changed: ``dirty(address, position)``. The first position counts.
        self.dirty: Callable[[Address, int], int] = self._dirty.setdefault
        self._urgent: dict[Address, None] = {}
        #: Streams and what the index table lacks of them: first sequence, then the positions in order.
        self.index: dict[Address, list[int]] = {}
        self.commands = Commands(newest_command)

    @property
    def behind(self) -> int:
        """How many rows are waiting to be written."""
        return len(self._dirty) + len(self.index) + len(self.commands)

    def urgent(self, address: Address, position: int) -> None:
        """Have the snapshot written with the next commit (parking)."""
        self._dirty.setdefault(address, position)
        self._urgent[address] = None

    def note(self, stream: Address, sequence: int, position: int) -> list[int]:
        """Note where a sequence of a stream stands in the journal.

        Returns the list of what is missing: the next position may be appended to it, as long as it is not
        empty.
        """
        pending = self.index.get(stream)
        if pending is None:
            pending = self.index[stream] = [sequence, position]
        else:
            pending.append(position)
        return pending

    def positions(self, stream: Address, after: int, limit: int) -> list[int]:
        """Return positions of at most ``limit`` sequences after ``after`` of a stream that ``first_pending``
        knows.
        """
        pending = self.index[stream]
        start = 1 + max(0, after + 1 - pending[0])
        return pending[start : start + limit]

    def first_pending(self, stream: Address) -> int | None:
        """Return the first sequence of the stream that is still in memory."""
        pending = self.index.get(stream)
        return pending[0] if pending else None

    def collect(
        self, head: int, share: int, now: float, *, everything: bool = False
    ) -> tuple[list[SnapshotRow], list[IndexRow], list[CommandRow], LowWater]:
        """Take out what the next commit shall write. ``share`` bounds the rows of each table.

        ``head`` is the newest position of the commit; snapshots are as of it.
        """
        horizon = head if everything else head - LAG
        snapshots = self._collect_snapshots(head, horizon, share)
        index = self._collect_index(horizon, share)
        index.extend(self._index_of_mailboxes(snapshots))
        commands = self.commands.collect(now, everything=everything)
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
                rows.append(SnapshotRow(row.address, head, *row[2:]))
        return rows

    def _collect_index(self, horizon: int, share: int) -> list[IndexRow]:
        chosen = []
        for stream, pending in islice(self.index.items(), share):
            if pending[1] > horizon:
                break
            chosen.append(stream)
        return [self._take_index(stream) for stream in chosen]

    def _index_of_mailboxes(self, snapshots: list[SnapshotRow]) -> list[IndexRow]:
        """A mailbox's numbers are counted, not stored: its index must be complete up to its snapshot."""
        return [
            self._take_index(row.address)
            for row in snapshots
            if row.address[0] == "mailbox" and row.address in self.index
        ]

    def _take_index(self, stream: Address) -> IndexRow:
        pending = self.index.pop(stream)
        row = IndexRow(stream, pending[0], tuple(pending[1:]))
        pending.clear()
        return row

    def _low_water(self, head: int) -> LowWater:
        snapshots = next(iter(self._dirty.values()), head + 1) - 1
        first_index = next(iter(self.index.values()), None)
        index = first_index[1] - 1 if first_index else head
        return LowWater(snapshots, index, self.commands.low_water(head))
