"""Ids of conversations and offers:

128 bits, not to be guessed; each greater than the one before, so that newer ones sort last.
"""

from __future__ import annotations

import base64
import os
import time


class Identifiers:
    """Makes ids: 48 bits of milliseconds, 16 bits that count within them, 64 bits of chance."""

    def __init__(self) -> None:
        self._newest = 0

    def make(self) -> str:
        """Return a new id: 26 lower-case letters and digits."""
        self._newest = max(self._newest + 1, int(time.time() * 1000) << 16)
        raw = self._newest.to_bytes(8, "big") + os.urandom(8)
        return base64.b32hexencode(raw).decode().rstrip("=").lower()
