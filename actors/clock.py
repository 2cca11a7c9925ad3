"""Time is an argument. A clock is asked once per turn, by the one who runs the turn."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Gives the time in seconds since 1970; never goes backwards while the process runs (G9)."""

    def now(self) -> float:
        """Return the time."""


class VirtualClock:
    """A clock that moves when told to: for tests and the simulator."""

    def __init__(self, start: float = 1_000_000_000.0) -> None:
        self._now = start

    def now(self) -> float:
        """Return the time."""
        return self._now

    def advance(self, seconds: float) -> float:
        """Move on and return the new time."""
        assert seconds >= 0
        self._now += seconds
        return self._now
