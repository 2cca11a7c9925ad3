"""The rules that stand in for peers, and the bound. Each is what the peer's documentation or source says of
its routing, kept as kind to the peer as that allows; nothing of a peer's code is here.

``Pool``, the bound: one line, strictly first come first served, whoever is free and able takes the first at
once. With every skill everywhere no agent is idle while anybody waits, so that only somebody who knows how
long calls will last, or who will hang up, could make the mean wait much shorter. (A little shorter it may
be by chance: who serves whom decides who has a long call when the shift ends.)

``Sweep``, Chatwoot (chatwoot/chatwoot, services/auto_assignment, and pull request 12334; issue 10583 shows
the overtaking): no queue. A conversation that comes is given to the next agent in rotation who has room; is
there none, it stays unassigned until a job, every 15 minutes, gives the unassigned ones, oldest first, to
whoever has room then. Later arrivals go to whoever has become free in the meantime.

``Polled``, Live Helper Chat (LiveHelperChat/doc, auto-assignment): pending chats in the order of arrival,
given out by a cron job that the documentation recommends to run every 5 seconds; the agent whose last chat
is longest ago goes first.

``Rotation``, Rocket.Chat (documentation of queue types; the method "load rotation", which it counts as
Premium by now): a conversation is given on arrival to the agent whose last assignment is longest ago,
whatever that agent has open: the limit of simultaneous chats and the waiting queue are Premium. On the
phone an agent serves one at a time, so each agent has a line of his own. When an agent goes off shift, the
line is given out anew at once (the setting "forward"; the default leaves it where it is). With nobody on
shift an inquiry stays ready; here the next who comes on shift gets it at once, where a manager would have
to transfer it.

``FewestOpen``, Rocket.Chat's "auto selection", the default of its open edition: the same with the agent who
has the fewest open.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from benchmarks.queueing.facts import Facts
from benchmarks.queueing.simulation import Happening, Room, Rule

SWEEP_S = 15 * 60
POLL_S = 5


class Pool:
    """One line, first come first served, drained by every event."""

    def __init__(self, facts: Facts) -> None:
        self.room = Room(facts)
        #: In the order of arrival: a dictionary keeps it, and forgets one from the middle at no cost.
        self.waiting: dict[int, None] = {}
        self.last_given: dict[str, float] = {}

    def arrives(self, number: int) -> None:
        """Join the line."""
        self.waiting[number] = None

    def leaves(self, number: int) -> None:
        """Leave the line."""
        del self.waiting[number]

    def comes(self, agent: str) -> None:
        """Nothing to do: who is free is seen when it matters."""

    def goes(self, agent: str) -> None:
        """Nothing to do."""

    def due(self, happening: Happening) -> Iterator[tuple[int, str]]:
        """The first in line whom somebody free is able to serve, by who was given a call longest ago."""
        for number in list(self.waiting):
            if not self.room.free:
                return
            able = self.room.free_for(number)
            if able:
                del self.waiting[number]
                yield number, self.rotate(able)

    def rotate(self, able: list[str]) -> str:
        """Return whose last call is longest ago."""
        chosen = min(able, key=lambda agent: (self.last_given.get(agent, 0.0), agent))
        self.last_given[chosen] = self.room.now
        return chosen

    def next_poll(self) -> float | None:
        """Every event is enough."""
        return None


class Polled(Pool):
    """The same line, looked at every ``POLL_S`` seconds only."""

    every_s = POLL_S

    def due(self, happening: Happening) -> Iterator[tuple[int, str]]:
        """Nothing until the poll."""
        return super().due(happening) if happening is Happening.POLL else iter(())

    def next_poll(self) -> float | None:
        """Return the next multiple of the interval, if anybody waits."""
        return (math.floor(self.room.now / self.every_s) + 1) * self.every_s if self.waiting else None


class Sweep(Polled):
    """Round robin on arrival; who finds nobody free waits for the sweep."""

    every_s = SWEEP_S

    def due(self, happening: Happening) -> Iterator[tuple[int, str]]:
        """Only the one who comes is looked at; the others when the sweep comes."""
        if happening is Happening.ARRIVES:
            newest = next(reversed(self.waiting))
            able = self.room.free_for(newest)
            if able:
                del self.waiting[newest]
                yield newest, self.rotate(able)
        else:
            yield from super().due(happening)


class Rotation:
    """Everybody on shift has a line; who comes joins that of the agent who is next in rotation."""

    def __init__(self, facts: Facts) -> None:
        self.room = Room(facts)
        self.lines: dict[str, dict[int, None]] = {agent: {} for agent in facts.skills}
        self.line_of: dict[int, str] = {}
        #: Who has come while nobody able was on shift.
        self.ready: dict[int, None] = {}
        self.given = 0
        self.turn: dict[str, int] = {}

    def rank(self, agent: str) -> tuple[int, str]:
        """Return what makes an agent the next: the last assignment longest ago."""
        return (self.turn.get(agent, 0), agent)

    def arrives(self, number: int) -> None:
        """Join a line, if anybody is there who is able."""
        able = [agent for agent in self.room.on_shift if self.room.able(agent, number)]
        if not able:
            self.ready[number] = None
            return
        chosen = min(able, key=self.rank)
        self.given += 1
        self.turn[chosen] = self.given
        self.lines[chosen][number] = None
        self.line_of[number] = chosen

    def leaves(self, number: int) -> None:
        """Leave the line."""
        line = self.line_of.pop(number, None)
        waiting = self.ready if line is None else self.lines[line]
        del waiting[number]

    def comes(self, agent: str) -> None:
        """Those who found nobody are given out."""
        ready, self.ready = self.ready, {}
        for number in ready:
            self.arrives(number)

    def goes(self, agent: str) -> None:
        """The line of who goes is given out anew."""
        line, self.lines[agent] = self.lines[agent], {}
        for number in line:
            del self.line_of[number]
            self.arrives(number)

    def due(self, happening: Happening) -> Iterator[tuple[int, str]]:
        """Everybody free takes the first of the own line."""
        for agent in list(self.room.free):
            if self.lines[agent]:
                number = next(iter(self.lines[agent]))
                del self.lines[agent][number], self.line_of[number]
                yield number, agent

    def next_poll(self) -> float | None:
        """Every event is enough."""
        return None


class FewestOpen(Rotation):
    """The same, by the number of open ones."""

    def rank(self, agent: str) -> tuple[int, str]:
        """Return what makes an agent the next: the fewest open, counting the call in hand."""
        return (len(self.lines[agent]) + (agent in self.room.serving), agent)


RULES: dict[str, Callable[[Facts], Rule]] = {
    "round_robin_sweep": Sweep,
    "polled_first_come": Polled,
    "load_rotation": Rotation,
    "auto_selection": FewestOpen,
}
"""The stand-ins, by the names of the figures."""
