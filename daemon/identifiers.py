"""Ids of conversations and offers:

128 bits, the first 48 of them the time, so that newer ones sort last; not to be guessed.
"""

from __future__ import annotations

import base64
import os
import time


def make_id() -> str:
    """Return a new id: 26 lower-case letters and digits."""
    raw = int(time.time() * 1000).to_bytes(6, "big") + os.urandom(10)
    return base64.b32encode(raw).decode().rstrip("=").lower()
