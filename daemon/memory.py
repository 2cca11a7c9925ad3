"""The garbage collector, set for a process that holds many small long-lived objects."""

from __future__ import annotations

import gc

#: Allocations between collections of the youngest objects: without it, collections show in the slowest
#: percent.
THRESHOLD = 50_000


def settle_garbage_collector() -> None:
    """Leave what is there now alone for good, and collect rarely."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(THRESHOLD, 20, 100)
