"""A consumer's numbered stream: what an agent or a channel's gateway must learn of, 1, 2, 3 … without a gap
(G5, G6).

The number is given when the turn is sealed, from the audience that the event names; so a mailbox is rebuilt
from the journal. Only the newest deliveries are kept in memory; whoever is further behind is served from the
journal.
"""

from __future__ import annotations

from typing import Any

from actors.journal import Address, Entry

#: How many of the newest deliveries a mailbox keeps in memory at least, beside those of the turn under way.
RECENT = 256
#: With so many there is something to forget.
CROWDED = 2 * RECENT
#: How many received deliveries may pile up before they are dropped in one step.
SLACK = 64


class Mailbox:
    """The numbers of one consumer. ``received``: everything up to it is safe with the consumer."""

    __slots__ = ("address", "last", "readers", "received", "recent", "stream", "tenant", "turn", "unindexed")

    def __init__(self, tenant: str, stream: str, last: int = 0, received: int = 0) -> None:
        self.tenant = tenant
        self.stream = stream
        self.address: Address = ("mailbox", tenant, stream)
        self.last = last
        self.received = received
        #: The newest deliveries, in order; the last of them has the number ``last``.
        self.recent: list[Entry] = []
        #: The first position of the last turn that has put anything here.
        self.turn = 0
        #: Who reads this mailbox at present; whoever runs the turn puts them here.
        self.readers: list[Any] = []
        #: What the stream index lacks of this mailbox (shared with the write-behind; empty when nothing).
        self.unindexed: list[int] = []

    def put(self, entry: Entry) -> int:
        """Give the event the next number and return it. (``System._number`` does the same, inline.)"""
        self.last += 1
        self.recent.append(entry)
        return self.last

    def trim(self) -> None:
        """Forget the oldest deliveries, in steps.

        Once a turn, before its first: what a turn puts here is still to be sent, and to read it from the
        journal would be to read the whole turn.
        """
        if len(self.recent) >= CROWDED:
            del self.recent[:-RECENT]

    def after(self, number: int, limit: int) -> list[Entry] | None:
        """Return at most ``limit`` events after a number, in order; None if they are no longer in memory."""
        recent = self.recent
        start = number - (self.last - len(recent))
        if start < 0:
            return None
        return recent[start : start + limit]

    def advance(self, number: int) -> bool:
        """Note what the consumer has received; True if that is news."""
        if not self.received < number <= self.last:
            return False
        self.received = number
        done = number - (self.last - len(self.recent))
        if done >= SLACK:
            del self.recent[:done]
        return True
