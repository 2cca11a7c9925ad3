"""What the kernel says about this process."""

from __future__ import annotations

import gc
import os
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")


def resident_bytes() -> int:
    """Return the resident set, garbage collected first."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE


def threads() -> int:
    """Return how many threads there are, also those Python does not know of."""
    return len(list(Path("/proc/self/task").iterdir()))
