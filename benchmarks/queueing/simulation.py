"""A plain event simulation of a contact centre: for the bound, and for the rules that stand in for peers.

A rule decides who is served by whom; everything else is the same for all. Things of one instant happen in
this order: a service ends, agents go off and come on shift, calls arrive, customers leave, a rule's poll
comes. After each the rule says whom it begins to serve.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from enum import IntEnum
from itertools import count
from typing import Any, NamedTuple, Protocol

from benchmarks.queueing.facts import Call, Facts


class Happening(IntEnum):
    """What happens, in the order within one instant."""

    SERVICE_ENDS = 0
    SHIFT_ENDS = 1
    SHIFT_BEGINS = 2
    ARRIVES = 3
    LEAVES = 4
    POLL = 5


class Outcome(NamedTuple):
    """How one call's wait ended: served by ``agent``, or the customer left (``agent`` is empty)."""

    waited_s: float
    agent: str


class ConservationBroken(Exception):
    """A call ended twice, or never: the figures are void."""


class Room:
    """Who is there: the state that every rule sees."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.now = 0.0
        #: Agents on shift; those of them who are without a call, since when.
        self.on_shift: set[str] = set()
        self.free: dict[str, float] = {}
        self.serving: dict[str, int] = {}

    def call(self, number: int) -> Call:
        """Return a call by its number in the order of arrival."""
        return self.facts.calls[number]

    def able(self, agent: str, number: int) -> bool:
        """Say whether the agent has the skill for the call."""
        return self.facts.calls[number].skill in self.facts.skills[agent]

    def free_for(self, number: int) -> list[str]:
        """Return who is on shift, without a call, and able."""
        return [agent for agent in self.free if self.able(agent, number)]


class Rule(Protocol):
    """Who is served by whom. Numbers are calls; what ``due`` returns begins to be served at once."""

    room: Room

    def arrives(self, number: int) -> None:
        """A call comes."""

    def leaves(self, number: int) -> None:
        """A customer who waits has hung up."""

    def comes(self, agent: str) -> None:
        """An agent's shift begins."""

    def goes(self, agent: str) -> None:
        """An agent's shift ends."""

    def due(self, happening: Happening) -> Iterable[tuple[int, str]]:
        """Return whom to serve now, and by whom: each pair is begun before the next is asked for."""

    def next_poll(self) -> float | None:
        """Return when the rule has to be asked again, if nothing happens before."""


def simulate(facts: Facts, rule: Callable[[Facts], Rule]) -> list[Outcome]:
    """Let everything happen; return the outcome of each call, by its number."""
    return _Simulation(facts, rule(facts)).run()


class _Simulation:
    def __init__(self, facts: Facts, rule: Rule) -> None:
        self.facts, self.rule, self.room = facts, rule, rule.room
        self.outcomes: list[Outcome | None] = [None] * len(facts.calls)
        self.ticket = count()
        self.agenda: list[tuple[float, Happening, int, Any]] = []
        self.polls_at: float | None = None
        for number, call in enumerate(facts.calls):
            self.plan(call.at, Happening.ARRIVES, number)
        for shift in facts.shifts:
            self.plan(shift.begins, Happening.SHIFT_BEGINS, shift.agent)
            self.plan(shift.ends, Happening.SHIFT_ENDS, shift.agent)

    def plan(self, at: float, happening: Happening, what: Any) -> None:
        heapq.heappush(self.agenda, (at, happening, next(self.ticket), what))

    def run(self) -> list[Outcome]:
        while self.agenda:
            at, happening, _, what = heapq.heappop(self.agenda)
            self.room.now = at
            self._happen(happening, what)
            for number, agent in self.rule.due(happening):
                self._begin(number, agent)
            self._plan_poll()
        done = [outcome for outcome in self.outcomes if outcome is not None]
        if len(done) != len(self.outcomes):
            raise ConservationBroken(f"{len(self.outcomes) - len(done)} calls have no end")
        return done

    def _happen(self, happening: Happening, what: Any) -> None:
        room = self.room
        match happening:
            case Happening.ARRIVES:
                self.rule.arrives(what)
                self.plan(room.now + room.call(what).patience_s, Happening.LEAVES, what)
            case Happening.LEAVES:
                if self.outcomes[what] is None:
                    self.outcomes[what] = Outcome(room.now - room.call(what).at, "")
                    self.rule.leaves(what)
            case Happening.SERVICE_ENDS:
                del room.serving[what]
                if what in room.on_shift:
                    room.free[what] = room.now
            case Happening.SHIFT_BEGINS:
                room.on_shift.add(what)
                if what not in room.serving:
                    room.free[what] = room.now
                self.rule.comes(what)
            case Happening.SHIFT_ENDS:
                room.on_shift.discard(what)
                room.free.pop(what, None)
                self.rule.goes(what)
            case Happening.POLL:
                self.polls_at = None

    def _begin(self, number: int, agent: str) -> None:
        room = self.room
        if self.outcomes[number] is not None:
            raise ConservationBroken(f"call {number} has ended, and is given to {agent}")
        if agent not in room.free or not room.able(agent, number):
            raise ConservationBroken(f"{agent} cannot take call {number}")
        del room.free[agent]
        room.serving[agent] = number
        self.outcomes[number] = Outcome(room.now - room.call(number).at, agent)
        self.plan(room.now + room.call(number).service_s, Happening.SERVICE_ENDS, agent)

    def _plan_poll(self) -> None:
        at = self.rule.next_poll()
        if at is not None and self.polls_at is None:
            self.polls_at = at
            self.plan(at, Happening.POLL, None)
