"""Which commands were accepted before (G3): the newest in memory, the rest in the store's table.

A sender's recent commands are kept in two generations. When the younger one is full the older one is written,
all at once and sorted, and the younger takes its place; so writing costs little, and everything that is not
in the table yet is in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from actors.journal import CommandRow

#: How many commands make a generation.
GENERATION = 8_192


class Recent:
    """The recent commands of one sender:

    id to position. ``newest`` is the greatest id in the store's table.
    """

    __slots__ = ("newest", "old", "young")

    def __init__(self, newest: bytes) -> None:
        self.newest = newest
        self.young: dict[bytes, int] = {}
        self.old: dict[bytes, int] = {}


class Commands:
    """The recent commands of all senders."""

    def __init__(self, newest_in_store: Callable[[str, str], bytes | None]) -> None:
        self._newest_in_store = newest_in_store
        self._senders: dict[tuple[str, str], Recent] = {}
        self._young_size = 0
        #: The first position of each generation; 0 while it is empty.
        self._young_first = 0
        self._old_size = 0
        self._old_first = 0

    def __len__(self) -> int:
        """How many commands are not in the table yet."""
        return self._young_size + self._old_size

    def of(self, tenant: str, sender: str) -> Recent:
        """Return the recent commands of a sender."""
        recent = self._senders.get((tenant, sender))
        if recent is None:
            recent = Recent(self._newest_in_store(tenant, sender) or b"")
            self._senders[tenant, sender] = recent
        return recent

    def is_new(self, tenant: str, sender: str, command: bytes) -> bool:
        """True when the command was certainly never accepted.

        An id greater than all in the table cannot be there, so nobody has to look: nearly always the case.
        """
        recent = self._senders.get((tenant, sender)) or self.of(tenant, sender)
        return command not in recent.young and command > recent.newest and command not in recent.old

    def position(self, tenant: str, sender: str, command: bytes) -> int | None:
        """Return the position of a recent command."""
        recent = self.of(tenant, sender)
        found = recent.young.get(command)
        return recent.old.get(command) if found is None else found

    def add(self, tenant: str, sender: str, command: bytes, position: int) -> None:
        """Note that a command was accepted at a position."""
        recent = self._senders.get((tenant, sender)) or self.of(tenant, sender)
        recent.young[command] = position
        self._young_size += 1
        self._young_first = self._young_first or position

    def take_back(self, tenant: str, sender: str, command: bytes) -> None:
        """Undo ``add`` for a command of the turn under way."""
        if self.of(tenant, sender).young.pop(command, None) is not None:
            self._young_size -= 1

    def collect(self, at: float, *, everything: bool) -> list[CommandRow]:
        """Take out what the next commit shall write:

        the older generation when the younger is full, or all.
        """
        if not (everything and len(self)) and self._young_size < GENERATION:
            return []
        rows = list(self._write_old(at))
        self._age()
        if everything:
            rows += self._write_old(at)
            self._age()
        return rows

    def _age(self) -> None:
        for recent in self._senders.values():
            recent.old, recent.young = recent.young, {}
        self._old_size, self._young_size = self._young_size, 0
        self._old_first, self._young_first = self._young_first, 0

    def _write_old(self, at: float) -> Iterator[CommandRow]:
        """Growing ids make one row beyond all earlier ones of the sender; the others a row each."""
        for (tenant, sender), recent in self._senders.items():
            if not recent.old:
                continue
            found = sorted(recent.old.items())
            ordered = [item for item in found if item[0] > recent.newest]
            for command, position in found[: len(found) - len(ordered)]:
                yield CommandRow(tenant, sender, (command,), (position,), at)
            if ordered:
                commands, positions = zip(*ordered, strict=True)
                yield CommandRow(tenant, sender, commands, positions, at)
                recent.newest = commands[-1]

    def low_water(self, head: int) -> int:
        """Return up to which position all commands are in the table."""
        firsts = [first for first in (self._old_first, self._young_first) if first]
        return min(firsts, default=head + 1) - 1
