"""The credit window of a subscription:

how far the daemon may send ahead of what the consumer has received.
"""

from __future__ import annotations


class Window:
    """Numbers sent and received in one subscription.

    Invariant: received <= sent <= received + size. The same class counts on both sides.
    """

    __slots__ = ("received", "sent", "size")

    def __init__(self, after: int, size: int) -> None:
        self.received = after
        self.sent = after
        self.size = size

    @property
    def room(self) -> int:
        """How many more deliveries may be sent now."""
        return self.received + self.size - self.sent

    def advance(self, number: int) -> bool:
        """Note that everything up to ``number`` is safe with the consumer. False if that was never sent."""
        if number > self.sent:
            return False
        self.received = max(self.received, number)
        return True

    def skip_to(self, number: int) -> None:
        """Go on after a number: a snapshot has told everything up to it."""
        self.received = self.sent = number
