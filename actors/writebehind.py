"""What is written behind the journal: snapshots, stream index, command index.

The record of a turn makes everything durable; these tables only make finding it quick. Each is kept in memory
first and written in small steps inside later commits, oldest first, never more than a bounded number of
positions behind the journal. ``LowWater`` says how far each is complete; recovery replays the journal from
there (docs/decisions/0002-write-behind.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice

from actors.journal import Address, CommandRow, IndexRow, LowWater, SnapshotRow

#: How many positions the tables may be behind the journal before they are written.
LAG = 20_000
#: How many commands are written in one go, so that a row holds many of them.
COMMANDS_STEP = 4_096
#: The fewest rows that one commit writes behind when there is anything to write.
STEP = 32

CommandKey = tuple[str, str, bytes]


class WriteBehind:
    """The three memory tables and how they drain."""

    def __init__(
        self,
        freeze: Callable[[Address], SnapshotRow | None],
        newest_command: Callable[[str, str], bytes],
    ) -> None:
        self._freeze = freeze
        self._newest_command = newest_command
        self._dirty: dict[Address, int] = {}
        #: Note that an actor or mailbox has changed: ``dirty(address, position)``. The first position counts.
        self.dirty: Callable[[Address, int], int] = self._dirty.setdefault
        self._urgent: dict[Address, None] = {}
        #: Streams and what the index table lacks of them: first sequence, then the positions in order.
        self.index: dict[Address, list[int]] = {}
        #: Commands that are not in the command table yet, and the position and time of each.
        self.commands: dict[CommandKey, tuple[int, float]] = {}

    @property
    def behind(self) -> int:
        """How many rows are waiting to be written."""
        return len(self._dirty) + len(self.index) + len(self.commands)

    def urgent(self, address: Address, position: int) -> None:
        """Have the snapshot written with the next commit (parking)."""
        self._dirty.setdefault(address, position)
        self._urgent[address] = None

    def note(self, stream: Address, sequence: int, position: int) -> None:
        """Note where a sequence of a stream stands in the journal."""
        pending = self.index.get(stream)
        if pending is None:
            self.index[stream] = [sequence, position]
        else:
            pending.append(position)

    def positions(self, stream: Address, after: int, limit: int) -> list[int]:
        """Return positions of at most ``limit`` sequences after ``after`` that are still in memory."""
        pending = self.index.get(stream)
        if pending is None:
            return []
        start = 1 + max(0, after + 1 - pending[0])
        return pending[start : start + limit]

    def first_pending(self, stream: Address) -> int | None:
        """Return the first sequence of the stream that is still in memory."""
        pending = self.index.get(stream)
        return pending[0] if pending else None

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
        commands = self._collect_commands(horizon, everything=everything)
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
        first, *positions = self.index.pop(stream)
        return IndexRow(stream, first, tuple(positions))

    def _collect_commands(self, horizon: int, *, everything: bool) -> list[CommandRow]:
        """Take commands out in big steps: a row with many ids costs hardly more than one with a single id."""
        commands = self.commands
        oldest = next(iter(commands.values()), None)
        if oldest is None or oldest[0] > horizon or not (everything or oldest[0] <= horizon - COMMANDS_STEP):
            return []
        chosen: dict[tuple[str, str], list[tuple[bytes, int, float]]] = {}
        taken: list[CommandKey] = []
        for key, (position, at) in commands.items():
            if position > horizon:
                break
            taken.append(key)
            chosen.setdefault(key[:2], []).append((key[2], position, at))
        for key in taken:
            del commands[key]
        return [row for sender, found in chosen.items() for row in self._command_rows(*sender, found)]

    def _command_rows(
        self, tenant: str, sender: str, found: list[tuple[bytes, int, float]]
    ) -> Iterator[CommandRow]:
        """Growing ids make one row beyond all earlier ones; the others a row each."""
        found.sort()
        newest = self._newest_command(tenant, sender)
        ordered = [item for item in found if item[0] > newest]
        for command, position, at in found[: len(found) - len(ordered)]:
            yield CommandRow(tenant, sender, (command,), (position,), at)
        if ordered:
            commands, positions, times = zip(*ordered, strict=True)
            yield CommandRow(tenant, sender, commands, positions, max(times))

    def _low_water(self, head: int) -> LowWater:
        snapshots = next(iter(self._dirty.values()), head + 1) - 1
        first_index = next(iter(self.index.values()), None)
        index = first_index[1] - 1 if first_index else head
        first_command = next(iter(self.commands.values()), None)
        commands = first_command[0] - 1 if first_command else head
        return LowWater(snapshots, index, commands)
