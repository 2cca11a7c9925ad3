"""One deadline per address, in one heap. What is due comes out in order of time, then of setting."""

from __future__ import annotations

import heapq
from itertools import count

from actors.journal import Address


class Timers:
    """The deadlines of all actors in memory, and of parked ones that are due before long."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Address]] = []
        self._set: dict[Address, float] = {}
        self._ticket = count()

    def __len__(self) -> int:
        """How many deadlines are set."""
        return len(self._set)

    def set(self, address: Address, at: float | None) -> None:
        """Set, move or (with None) clear the deadline of an address."""
        if at is None:
            self._set.pop(address, None)
        elif self._set.get(address) != at:
            self._set[address] = at
            heapq.heappush(self._heap, (at, next(self._ticket), address))
            if len(self._heap) > 64 + 4 * len(self._set):
                self._sweep()

    def next_at(self) -> float | None:
        """Return the earliest deadline."""
        self._drop_stale()
        return self._heap[0][0] if self._heap else None

    def due(self, now: float, limit: int) -> list[Address]:
        """Take out and return at most ``limit`` addresses whose deadline has come."""
        ready: list[Address] = []
        while len(ready) < limit:
            self._drop_stale()
            if not self._heap or self._heap[0][0] > now:
                break
            _, _, address = heapq.heappop(self._heap)
            del self._set[address]
            ready.append(address)
        return ready

    def _drop_stale(self) -> None:
        while self._heap and self._set.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)

    def _sweep(self) -> None:
        """Drop what was moved or cleared, so that the heap stays in proportion."""
        self._heap = [item for item in self._heap if self._set.get(item[2]) == item[0]]
        heapq.heapify(self._heap)
