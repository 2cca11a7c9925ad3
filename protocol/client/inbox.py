"""Deliveries that the user has been handed and has not finished with yet."""

from __future__ import annotations

from collections import deque

from protocol.client.driver import Driver, Item
from protocol.client.events import Delivered, SnapshotTaken
from protocol.messages import Delivery, Snapshot


class Handed:
    """One stream's deliveries in the user's hands.

    Unless ``automatic`` is off, asking for the next one says that the one before is finished with.
    """

    def __init__(self, driver: Driver, stream: str, automatic: bool) -> None:
        self._driver = driver
        self._stream = stream
        self._automatic = automatic
        self._handed: deque[Delivered] = deque()

    def hand(self, item: Item) -> Delivery | Snapshot:
        """Put an item into the user's hands."""
        if isinstance(item, SnapshotTaken):
            return item.snapshot
        self._handed.append(item)
        return item.delivery

    def move_on(self) -> None:
        """The user asks for the next one."""
        if self._automatic and self._handed:
            self._finish(self._handed[-1])

    def received(self, delivery: Delivery) -> None:
        """The user has finished with this delivery and all before it."""
        for item in self._handed:
            if item.delivery is delivery:
                self._finish(item)
                return

    def _finish(self, last: Delivered) -> None:
        while self._handed and self._handed.popleft() is not last:
            pass
        self._driver.finished(self._stream, last.delivery.number, last.history)
