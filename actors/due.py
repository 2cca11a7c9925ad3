"""Parked actors that wait for a time: their deadlines stand in the store, and cost no memory."""

from __future__ import annotations

from actors.journal import Address, DueRow, Store

#: How often the store is asked, in seconds.
LOOK_S = 1.0


class Due:
    """Which parked actors' time has come.

    Whoever is parked, or written, is so before its time. So whoever is behind the last one that came out has
    been woken already, or was in memory then, with a timer of its own; after a start nobody is behind.
    """

    __slots__ = ("_last", "_look_at", "_store")

    def __init__(self, store: Store) -> None:
        self._store = store
        self._last = DueRow(0.0, ("", "", ""))
        self._look_at = 0.0

    def take(self, now: float, limit: int) -> list[Address]:
        """Return at most ``limit`` addresses whose time has come since the last look; the rest comes next."""
        if now < self._look_at:
            return []
        due = self._store.due(self._last, now, limit)
        if due:
            self._last = due[-1]
        self._look_at = now if len(due) == limit else now + LOOK_S
        return [row.address for row in due]
