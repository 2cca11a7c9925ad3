"""The daemon's clock: wall time that never jumps while the process runs, nor back over a restart (G9)."""

from __future__ import annotations

import time


class SteadyClock:
    """Seconds since 1970, anchored once at start and carried on by the monotonic clock."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def not_before(self, at: float) -> float:
        """Go on from ``at`` (seconds since 1970) if the wall clock is behind it; return by how many seconds.

        Called once, with the time of the journal's newest event: a clock that was set back prolongs nothing.
        """
        behind_s = max(0.0, at - self.now())
        self._offset += behind_s
        return behind_s

    def now(self) -> float:
        """Return the time."""
        return time.monotonic() + self._offset
