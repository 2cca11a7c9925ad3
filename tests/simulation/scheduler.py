"""What happens when: one heap, one clock. The same seed gives the same order."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from random import Random
from typing import Any

#: When every play begins, in seconds since 1970.
START = 1_000_000_000.0


class Scheduler:
    """The clock of a play, and everything that is still to happen in it.

    What is due at the same time comes in an order of the seed's: nobody outside promises any other.
    """

    def __init__(self, chance: Random) -> None:
        self._any = chance.random
        self._now = START
        self._due: list[tuple[float, float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._tickets = 0

    def now(self) -> float:
        """Return the time, in seconds since 1970."""
        return self._now

    def at(self, when: float, call: Callable[..., None], *arguments: Any) -> None:
        """Have something done at a time; what is late is done at once."""
        self._tickets += 1
        if when < self._now:
            when = self._now
        heapq.heappush(self._due, (when, self._any(), self._tickets, call, arguments))

    def later(self, seconds: float, call: Callable[..., None], *arguments: Any) -> None:
        """Have something done after so many seconds."""
        self.at(self._now + seconds, call, *arguments)

    def run(self, until: Callable[[], bool], end: float) -> bool:
        """Let things happen until that is so, or the time is over; False when it is over."""
        due = self._due
        while not until():
            if not due or due[0][0] > end:
                self._now = max(self._now, end)
                return False
            when, _, _, call, arguments = heapq.heappop(due)
            self._now = when
            call(*arguments)
        return True
