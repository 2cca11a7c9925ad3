"""One subscribed stream: what has come, what the user has finished with, what to tell the daemon. Pure.

Two counts that are easily confused. The *flow* belongs to one connection: what the daemon has sent over it,
and what it was told. *arrived* and *finished* belong to the user, and outlive connections.
"""

from __future__ import annotations

from enum import Enum

from protocol.messages import Subscribe
from protocol.window import Window


class Arrival(Enum):
    """What a delivery's number says about it."""

    NEW = "new"
    REPEATED = "repeated"
    HOLE = "hole"
    STRAY = "stray"


class Subscription:
    """The numbers of one stream."""

    __slots__ = (
        "_floor",
        "_flow",
        "agent",
        "arrived",
        "failures",
        "finished",
        "history",
        "journal",
        "live",
        "size",
        "stream",
        "waiter",
    )

    def __init__(self, stream: str, waiter: bytes | None, after: int | None, journal: str, size: int) -> None:
        kind, _, name = stream.partition("/")
        self.stream = stream
        self.agent = name if kind == "agent" else None
        self.waiter = waiter
        self.arrived = after
        self.finished = after
        self.journal = journal
        self.size = size
        self.history = 0
        self.live = False
        self.failures = 0
        self._flow = Window(0, size)
        self._floor = 0

    def request(self, identifier: bytes) -> Subscribe:
        """Ask for everything that the user has not finished with."""
        self.live = False
        self._floor = 0
        return Subscribe(
            id=identifier,
            stream=self.stream,
            after=self.finished,
            journal=self.journal if self.finished is not None else "",
            window=self.size,
        )

    def begin(self, after: int, journal: str) -> bool:
        """Deliveries follow after this number. False when that leaves out some which never arrived."""
        after = max(after, self._floor)
        self._flow = Window(after, self.size)
        self.journal = journal
        self.live = True
        self.failures = 0
        if self.arrived is not None and after <= self.arrived:
            return True
        whole = self.arrived is None
        self.arrived = self.finished = after
        return whole

    def skip(self, first_available: int, journal: str) -> bool:
        """Numbers before this one are no longer kept. False when some of them never arrived."""
        self._floor = first_available - 1
        return self.begin(first_available - 1, journal)

    def restart(self, number: int, journal: str) -> None:
        """A snapshot as of ``number`` has come; it is in the user's hands like everything before it."""
        self._flow = Window(number, self.size)
        self._floor = number
        self.journal = journal
        self.live = True
        self.arrived = self.finished = number

    def forget(self) -> None:
        """The history has changed: no number known here means anything any more."""
        self.arrived = self.finished = None
        self.journal = ""
        self.history += 1
        self.live = False

    def take(self, number: int) -> Arrival:
        """Say what to do with a delivery."""
        if not self.live or self.arrived is None:
            return Arrival.STRAY
        if number > self._flow.sent + 1:
            return Arrival.HOLE
        self._flow.sent = max(self._flow.sent, number)
        if number <= self.arrived:
            return Arrival.REPEATED
        self.arrived = number
        return Arrival.NEW

    def finish(self, number: int, history: int) -> None:
        """Note that the user has finished with everything up to ``number`` of that history."""
        if history == self.history and self.finished is not None and self.arrived is not None:
            self.finished = max(self.finished, min(number, self.arrived))

    @property
    def untold(self) -> int:
        """How many finished deliveries the daemon has not been told of and may be told of now."""
        if not self.live or self.finished is None:
            return 0
        # The daemon accepts no number which it has not sent over this very connection.
        return max(0, min(self.finished, self._flow.sent) - self._flow.received)

    @property
    def pressing(self) -> bool:
        """True when the daemon should be told now: a quarter of the window, or nothing left to do."""
        return self.untold >= max(1, self.size // 4) or self.finished == self.arrived

    @property
    def told(self) -> int:
        """The number which the daemon was told last over this connection."""
        return self._flow.received

    def tell(self) -> int:
        """Return the number to tell the daemon, and note that it was told."""
        self._flow.advance(self._flow.received + self.untold)
        return self._flow.received
