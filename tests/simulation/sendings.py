"""What the journal must say of messages on their way to customers (G6), and of reply windows (I).

A second reading of docs/channels.md, which shares nothing with ``actors/conversation/outbox.py`` and
``window.py``: it is told every event of a conversation, and complains.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from actors import events
from actors.journal import Entry

#: What a message gets to, from below to above; what is in ``OVER`` stays so.
RANKS = {"queued": 0, "unknown": 1, "sent": 2, "delivered": 3, "read": 4}
OVER = frozenset({"failed", "expired"})
#: How much later than its time something may come: a conversation that is parked is looked for only when the
#: process has a turn.
LATE_S = 35.0


@dataclass
class Item:
    """A message that is followed."""

    state: str = "queued"
    attempt: int = 1
    #: It is the daemon's turn: it was held back, or has to be given again.
    waits: bool = False
    #: Not before then it is given again, and soon after; 0: when what holds it is over.
    retry_at: float = 0.0
    #: Later ones wait for it.
    holds: bool = False
    #: A report must have come by then, or the daemon says that there was none.
    report_by: float = float("inf")
    #: The gateway has said what became of it.
    answered: bool = False

    @property
    def due_at(self) -> float:
        """When something must become of it at the latest."""
        return (self.retry_at or float("inf")) if self.waits else self.report_by


@dataclass
class Window:
    """How a customer may be written to."""

    until: float = 0.0
    left: int = 0


class Sendings:
    """All messages on their way. ``sends`` and ``duration_s``: what a message gives in windowed channels."""

    def __init__(self, attempts_max: int, sends: int, duration_s: float) -> None:
        self._attempts_max = attempts_max
        self._sends = sends
        self._duration_s = duration_s
        self._items: dict[str, dict[int, Item]] = {}
        self._windows: dict[tuple[str, str], Window] = {}

    def take(self, entry: Entry, channel: str, *, windowed: bool) -> None:
        """Take an event of a conversation in."""
        event: Any = entry.event
        match event:
            case events.CustomerWrote() if windowed:
                self._opens(channel, event.contact, entry.at)
            case events.AgentWrote() | events.Greeted():
                if windowed:
                    automatic = isinstance(event, events.Greeted)
                    self._spends(entry, channel, automatic=automatic)
                if event.sending is not None and event.sending.report_by:
                    self._follow(entry)
            case events.DeliveryReported():
                self._reported(entry, event)
            case events.SentAgain():
                assert f"channel/{channel}" in entry.audience, f"I13: nobody carries {event.content} again"
                self._given_again(entry, event)

    def overdue(self, now: float) -> None:
        """Complain of what should have been given again, or said to be unknown."""
        for ident, items in self._items.items():
            for sequence, item in items.items():
                held = any(item.waits and earlier.waits for earlier in _before(items, sequence))
                assert held or item.due_at + LATE_S > now, (
                    f"G6: nothing becomes of {sequence} of {ident}: {item}"
                )

    @property
    def due_at(self) -> float:
        """When the first of them must have got further."""
        due = [item.due_at for items in self._items.values() for item in items.values()]
        return min(due, default=float("inf")) + LATE_S

    # Windows.

    def _opens(self, channel: str, contact: str, at: float) -> None:
        window = self._windows.setdefault((channel, contact), Window())
        window.left = max(window.left, self._sends) if at < window.until else self._sends
        window.until = max(window.until, at + self._duration_s)

    def _spends(self, entry: Entry, channel: str, *, automatic: bool) -> None:
        event: Any = entry.event
        window = self._windows.get((channel, event.contact), Window())
        where = f"window: {entry.id} at {entry.sequence}"
        assert entry.at < window.until, f"{where} is written after the window has closed"
        assert window.left > automatic, f"{where} is written, and nothing was left"
        until = event.sending.expires_at if event.sending is not None else 0.0
        assert until == window.until, (
            f"{where} may be sent until {until}, and the window until {window.until}"
        )
        window.left -= 1

    # Deliveries.

    def _follow(self, entry: Entry) -> None:
        event: Any = entry.event
        items = self._items.setdefault(entry.id, {})
        waiting = any(item.waits and (item.holds or not item.retry_at) for item in items.values())
        assert event.sending.held == waiting, f"G6: {entry.sequence} of {entry.id} has to be held: {waiting}"
        held = event.sending.held
        item = Item(attempt=0, waits=True) if held else Item(report_by=event.sending.report_by)
        items[entry.sequence] = item

    def _reported(self, entry: Entry, event: events.DeliveryReported) -> None:
        items = self._items.get(entry.id, {})
        item = items.get(event.sequence)
        what = f"{event.sequence} of {entry.id}"
        if item is None:
            assert event.state in OVER, f"G6: {what} is not followed, and was reported {event.state}"
            return
        assert item.state not in OVER, f"G6: {what} was {item.state}, and is {event.state}"
        assert event.attempt == item.attempt, f"G6: {what} is at attempt {item.attempt}, not {event.attempt}"
        if event.retry_at:
            fits = item.state in ("queued", "unknown") and not item.waits and event.retry_at > entry.at
            assert fits, f"G6: {what} cannot be given again at {event.retry_at}: {item}"
            assert item.attempt < self._attempts_max, f"G6: {what} is given again and again: {item}"
            item.holds = event.holds
        elif event.state == "unknown":
            assert entry.at >= item.report_by, f"G6: {what} is given up too early: {item}"
        elif event.state in OVER:
            assert RANKS[item.state] < RANKS["delivered"], f"G6: {what} was {item.state}, and has failed"
        else:
            assert RANKS[event.state] > RANKS[item.state], (
                f"G6: {what} was {item.state}, and is {event.state}"
            )
        item.state, item.report_by, item.retry_at = event.state, float("inf"), event.retry_at
        item.waits = bool(event.retry_at)
        item.answered = bool(event.reported) and not event.retry_at
        if event.holds:
            self._hold_back(items, event.sequence)

    @staticmethod
    def _hold_back(items: dict[int, Item], before: int) -> None:
        """What was given after it and is not answered, the gateway has put aside."""
        for sequence, item in items.items():
            if sequence > before and not (item.answered or item.waits or item.state in OVER):
                item.state, item.waits, item.retry_at, item.report_by = "queued", True, 0.0, float("inf")

    def _given_again(self, entry: Entry, event: events.SentAgain) -> None:
        items = self._items[entry.id]
        item, what = items[event.sequence], f"{event.sequence} of {entry.id}"
        assert item.waits, f"G6: {what} is given again, and nobody has asked for it: {item}"
        assert entry.at >= item.retry_at, f"G6: {what} is given again too early: {item}"
        assert event.attempt == item.attempt + 1, f"G6: {what} is at attempt {item.attempt}: {event.attempt}"
        assert not event.expires_at or entry.at < event.expires_at, f"G6: {what} is given again too late"
        if item.holds or not item.retry_at:
            passed = [
                at for at, other in items.items() if at < event.sequence and other.waits and other.holds
            ]
            assert not passed, f"G6: {what} is given before {passed}, which it has to wait for"
        items[event.sequence] = Item(attempt=event.attempt, report_by=event.report_by)


def _before(items: dict[int, Item], sequence: int) -> list[Item]:
    return [item for at, item in items.items() if at < sequence]
