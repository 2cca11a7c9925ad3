"""A store that loses what was not committed, and whose commits can fail in the three ways that matter."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from enum import Enum

from actors.journal import Batch, CommitUnknown, Record
from daemon.stores.memory import MemoryStore


class Trouble(Enum):
    """How the next commit with an event in it fails (G2)."""

    NONE = "none"
    LOST = "nothing is stored"
    STORED = "all is stored, and the answer is lost"


class SimulatedStore(MemoryStore):
    """Lives on when the process dies."""

    def __init__(self) -> None:
        super().__init__("simulated")
        self.trouble = Trouble.NONE

    def commit(self, batch: Batch) -> None:
        """Take the batch in, or fail."""
        if self.trouble is Trouble.NONE or batch.record is None:
            super().commit(batch)
            return
        trouble, self.trouble = self.trouble, Trouble.NONE
        if trouble is Trouble.STORED:
            super().commit(batch)
        raise CommitUnknown(trouble.value)

    def records(self, after: int) -> Iterator[Record]:
        """Return the records that hold any position after ``after``; asked after each turn, so by place."""
        place = max(0, bisect_right(self._firsts, after + 1) - 1)
        return (each for each in self._records[place:] if each.first + each.size - 1 > after)
