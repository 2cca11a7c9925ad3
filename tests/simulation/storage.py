"""A store that loses what was not committed, and whose commits can fail in every way that matters."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator
from enum import Enum

from actors.journal import EMPTY_HASH, Batch, CommitUnknown, Opened, Record, chain
from daemon.stores.memory import MemoryStore


class Trouble(Enum):
    """How the next commit with an event in it fails (G2)."""

    NONE = "none"
    LOST = "nothing is stored"
    STORED = "all is stored, and the answer is lost"
    TORN = "the last write is torn"
    SLOW = "it takes long"
    SLOW_AFTERWARDS = "it is stored at once, and it takes long to know"


class SimulatedStore(MemoryStore):
    """Lives on when the process dies."""

    def __init__(self) -> None:
        super().__init__("simulated")
        self.trouble = Trouble.NONE
        #: Lets time pass; False when the process has died meanwhile.
        self.wait: Callable[[], bool] = lambda: True

    def open(self) -> Opened:
        """Begin a new epoch. A last record that is not whole was never committed: as in SQLite's log."""
        if self._records and not _whole(self._records[-1], self._records[-2:-1]):
            del self._records[-1], self._firsts[-1]
        return super().open()

    @property
    def head(self) -> int:
        """The last position that is stored, whoever was told of it."""
        return self._firsts[-1] + self._records[-1].size - 1 if self._records else 0

    def commit(self, batch: Batch) -> None:
        """Take the batch in, or fail."""
        if self.trouble is Trouble.NONE or batch.record is None:
            super().commit(batch)
            return
        trouble, self.trouble = self.trouble, Trouble.NONE
        match trouble:
            case Trouble.SLOW:
                if self.wait():
                    super().commit(batch)
                    return
            case Trouble.SLOW_AFTERWARDS:
                super().commit(batch)
                if self.wait():
                    return
            case Trouble.STORED:
                super().commit(batch)
            case Trouble.TORN:
                torn = batch.record._replace(body=batch.record.body[: len(batch.record.body) // 2])
                self._records.append(torn)
                self._firsts.append(torn.first)
        raise CommitUnknown(trouble.value)

    def records(self, after: int) -> Iterator[Record]:
        """Return the records that hold any position after ``after``; asked after each turn, so by place."""
        place = max(0, bisect_right(self._firsts, after + 1) - 1)
        return (each for each in self._records[place:] if each.first + each.size - 1 > after)


def _whole(record: Record, before: list[Record]) -> bool:
    previous = before[0].hash if before else EMPTY_HASH
    return chain(previous, record.first, record.epoch, record.body) == record.hash
