"""What the dispatcher knows of each agent: presence, and the ledger of capacity."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Roster:
    """What the dispatcher knows of an agent.

    ``joined``: what the agent is a member of, or asked to join; it takes no capacity. ``parked`` counts owned
    conversations that are not in memory, ``parked_as`` the same by kind of channel and weight. ``used`` and
    ``kinds`` are the ledger: units of capacity, and conversations by kind of channel, of all that is owned,
    offered and parked (G8). ``given_at``: when the agent was last given anything.
    """

    presence: str = "offline"
    reachable: bool = False
    offers: set[str] = field(default_factory=set)
    owned: set[str] = field(default_factory=set)
    joined: set[str] = field(default_factory=set)
    parked: int = 0
    parked_as: Counter[tuple[str, int]] = field(default_factory=Counter)
    used: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    given_at: float = 0.0
    turn: int = 0

    @property
    def available(self) -> bool:
        """May be offered something, as far as presence goes."""
        return self.reachable and self.presence == "online"

    @property
    def conversations(self) -> int:
        """How many conversations the agent has or is offered."""
        return len(self.offers) + len(self.owned) + self.parked

    def book(self, kind: str, weight: int) -> None:
        """Take up room."""
        self.used += weight
        self.kinds[kind] += 1

    def release(self, kind: str, weight: int) -> None:
        """Give room back."""
        self.used -= weight
        self.kinds[kind] -= 1

    def park(self, kind: str, weight: int, many: int = 1) -> None:
        """Count conversations that are owned and not in memory."""
        self.parked += many
        self.parked_as[kind, weight] += many
        self.used += weight * many
        self.kinds[kind] += many

    def unpark(self, kind: str, weight: int) -> None:
        """One of them has come back into memory. If the desk has changed its weight meanwhile, another's
        entry is taken: the sum stays what it was booked with.
        """
        if not self.parked_as:
            return
        if (kind, weight) not in self.parked_as:
            kind, weight = max(self.parked_as, key=lambda each: self.parked_as[each])
        self.parked -= 1
        self.parked_as[kind, weight] -= 1
        if not self.parked_as[kind, weight]:
            del self.parked_as[kind, weight]
        self.release(kind, weight)
