"""Commands without an answer, and which of them may go out now. Pure.

Commands that concern the same conversation share a *lane*, and only the first of a lane is on its way at a
time: were two on their way and the first refused with BUSY, the second would overtake it (G4). Lanes do not
wait for each other.
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

from protocol.channels import DeliveryReport
from protocol.customers import ReadAbuseList
from protocol.history import FindCustomers, ReadTickets, ReadVisitors, SearchMessages
from protocol.messages import AgentCommand, GatewayCommand, Logout, MediaRequest, Question
from protocol.teamwork import ReadColleagues, ReadQueue, WhyIdle

#: What a user may command or ask over an open connection (logins and subscriptions are the machine's own).
Command = GatewayCommand | AgentCommand | Question | MediaRequest | Logout
Lane = tuple[str, str, str]

#: Questions that concern no conversation: they wait for nothing but their own kind.
_APART = (
    ReadQueue,
    ReadColleagues,
    WhyIdle,
    ReadTickets,
    SearchMessages,
    FindCustomers,
    ReadVisitors,
    ReadAbuseList,
)


def lane_of(command: Command) -> Lane:
    """Return what the command must keep its order with.

    What concerns one conversation, or one customer of a channel; what an agent commands about all else; what
    is reported on one conversation's messages; what concerns one medium.
    """
    if isinstance(command, MediaRequest):
        return ("media", command.media, type(command).__name__)
    channel = getattr(command, "channel", "")
    if isinstance(command, DeliveryReport):
        return ("delivery", command.channel, command.conversation)
    if channel:
        return ("channel", channel, command.contact)  # type: ignore[union-attr]
    kind = type(command).__name__ if isinstance(command, _APART) else "agent"
    return (kind, command.agent, getattr(command, "conversation", ""))  # type: ignore[union-attr]


def agent_of(command: Command) -> str | None:
    """Return the agent for whose session the command waits; None if it needs none."""
    agent: str = getattr(command, "agent", "")
    return agent or None


class Place(Enum):
    """Where a command stands."""

    HELD = "held"
    QUEUED = "queued"
    SENT = "sent"


@dataclass(slots=True, eq=False)
class Item:
    """A command without an answer."""

    command: Command
    size: int
    lane: Lane
    agent: str | None
    place: Place = Place.HELD
    tried: bool = False
    failures: int = 0
    retry_at: float = 0.0


class Outstanding:
    """The commands without an answer, in the order in which they were given."""

    __slots__ = ("_count", "_items", "_lanes", "_later", "_ready")

    def __init__(self) -> None:
        self._items: dict[bytes, Item] = {}
        self._lanes: dict[Lane, deque[Item]] = {}
        self._ready: deque[Item] = deque()
        self._later: list[tuple[float, int, Item]] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, identifier: bytes) -> bool:
        return identifier in self._items

    def __iter__(self) -> Iterator[Item]:
        return iter(list(self._items.values()))

    def get(self, identifier: bytes) -> Item | None:
        """Return the command with this id."""
        return self._items.get(identifier)

    def add(self, command: Command, size: int) -> None:
        """Take a new command in."""
        item = Item(command, size, lane_of(command), agent_of(command))
        self._items[command.id] = item
        lane = self._lanes.setdefault(item.lane, deque())
        lane.append(item)
        if lane[0] is item:
            self._queue(item)

    def remove(self, identifier: bytes) -> Item | None:
        """Forget a command, for it is answered; the next of its lane may go."""
        item = self._items.pop(identifier, None)
        if item is None:
            return None
        lane = self._lanes[item.lane]
        lane.remove(item)
        item.place = Place.SENT  # If it still waits in a queue, it must not leave from there.
        if not lane:
            del self._lanes[item.lane]
        elif lane[0].place is Place.HELD:
            self._queue(lane[0])
        return item

    def retry(self, item: Item, at: float) -> None:
        """Let a refused command go again at that time."""
        self._count += 1
        item.retry_at = at
        item.place = Place.QUEUED
        heapq.heappush(self._later, (at, self._count, item))

    def rewind(self) -> None:
        """A new connection is open: nothing is on its way, the first of every lane may go."""
        self._ready.clear()
        self._later.clear()
        for item in self._items.values():
            item.place = Place.HELD
        self._queue_heads(self._items.values().__iter__())

    def release(self, agent: str) -> None:
        """The agent's session is open: its commands may go."""
        self._queue_heads(item for item in self._items.values() if item.agent == agent)

    def take(self, now: float, may_go: Callable[[str | None], bool]) -> Item | None:
        """Return the next command to send; it counts as sent."""
        while self._later and self._later[0][0] <= now:
            self._ready.append(heapq.heappop(self._later)[2])
        while self._ready:
            item = self._ready.popleft()
            if item.place is not Place.QUEUED:
                continue
            if item.retry_at > now:
                self.retry(item, item.retry_at)
            elif may_go(item.agent):
                item.place, item.tried = Place.SENT, True
                return item
            else:
                item.place = Place.HELD
        return None

    @property
    def deadline(self) -> float:
        """When the next refused command may go again."""
        return self._later[0][0] if self._later else math.inf

    def _queue(self, item: Item) -> None:
        item.place = Place.QUEUED
        self._ready.append(item)

    def _queue_heads(self, items: Iterator[Item]) -> None:
        for item in items:
            if item.place is Place.HELD and self._lanes[item.lane][0] is item:
                self._queue(item)
