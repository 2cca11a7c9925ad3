"""The daemon's clock: wall time that never jumps while the process runs (G9)."""

from __future__ import annotations

import time


class SteadyClock:
    """Seconds since 1970, anchored once at start and carried on by the monotonic clock."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def now(self) -> float:
        """Return the time."""
        return time.monotonic() + self._offset
