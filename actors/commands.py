"""Which commands were accepted before (G3): the newest in memory, the rest in the store's table.

An id greater than all of its sender's in the table cannot be there; so for ids that grow with time, as the
SDK makes them, nobody has to look. Other ids are looked for in the table.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator

from actors.journal import CommandRow

#: How many commands are kept before all of them are written, a row for each sender.
FULL = 8_192


class Recent:
    """The commands of one sender that are not in the table yet: id to position.

    ``newest`` is the greatest id in the table.
    """

    __slots__ = ("newest", "positions", "sender", "tenant")

    def __init__(self, tenant: str, sender: str, newest: bytes) -> None:
        self.tenant = tenant
        self.sender = sender
        self.newest = newest
        self.positions: dict[bytes, int] = {}

    def rows(self, at: float) -> Iterator[CommandRow]:
        """Take everything out: one row beyond all earlier ones of the sender, and a row for each stray."""
        positions = self.positions
        ordered = sorted(positions)
        strays = bisect_right(ordered, self.newest)
        for command in ordered[:strays]:
            yield CommandRow(self.tenant, self.sender, (command,), (positions[command],), at)
        if strays < len(ordered):
            beyond = tuple(ordered[strays:])
            yield CommandRow(self.tenant, self.sender, beyond, tuple(map(positions.__getitem__, beyond)), at)
            self.newest = beyond[-1]
        self.positions = {}


class Commands:
    """The recent commands of all senders."""

    def __init__(self, newest_in_store: Callable[[str, str], bytes | None]) -> None:
        self._newest_in_store = newest_in_store
        self._senders: dict[tuple[str, str], Recent] = {}
        self._size = 0
        #: The first position of a command that is not in the table; 0 when all are.
        self._first = 0

    def __len__(self) -> int:
        """How many commands are not in the table yet."""
        return self._size

    def of(self, tenant: str, sender: str) -> Recent:
        """Return the recent commands of a sender."""
        recent = self._senders.get((tenant, sender))
        if recent is None:
            recent = Recent(tenant, sender, self._newest_in_store(tenant, sender) or b"")
            self._senders[tenant, sender] = recent
        return recent

    def added(self, many: int, position: int) -> None:
        """Count commands that were put into their senders' tables, the first at ``position`` or after it."""
        self._size += many
        self._first = self._first or position

    def collect(self, at: float, *, everything: bool) -> list[CommandRow]:
        """Take out what the next commit shall write: nothing until there is much, then all."""
        if self._size < FULL and not everything:
            return []
        rows = [row for recent in self._senders.values() if recent.positions for row in recent.rows(at)]
        self._size = self._first = 0
        return rows

    def low_water(self, head: int) -> int:
        """Return up to which position all commands are in the table."""
        return self._first - 1 if self._first else head
