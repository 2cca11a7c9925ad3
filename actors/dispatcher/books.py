"""The books: who stands in which line, which agents are in which pool, who has room. Structure alone; what is
decided on it is in ``matching.py``.

Nothing here is O(conversations) or O(agents) but a change of the desk; a new pool is O(agents of its departments),
once.
"""

from __future__ import annotations

from array import array
from collections import Counter
from heapq import heappop, heappush
from math import inf

from actors.dispatcher.facts import Report
from actors.dispatcher.lines import Line, Standing
from actors.dispatcher.order import due_rank, rank
from actors.dispatcher.pools import Candidate, Pool
from actors.dispatcher.requirements import (
    Requirement,
    changes_at,
    excluded,
    lacks,
    requirement_of,
    ring_at,
    window_until,
)
from actors.dispatcher.roster import Roster
from config.desk import Desk
from config.routing import Department

#: More pools than this are looked through for some that nobody waits for.
POOLS_MAX = 8192


class Books:
    """Lines, pools and candidates of one desk."""

    def __init__(self, desk: Desk, roster: dict[str, Roster]) -> None:
        self.desk = desk
        self.roster = roster
        self.orders: dict[str, str] = {name: each.order for name, each in desk.departments.items()}
        self.first_department = next(iter(desk.departments), "")
        self.candidates: dict[str, Candidate] = {}
        self.staff: dict[str, list[Candidate]] = {name: [] for name in desk.departments}
        self.online: Counter[str] = Counter()
        self.busy: dict[str, set[str]] = {name: set() for name in desk.departments}
        self.standing: dict[str, Standing] = {}
        self.waiting: Counter[str] = Counter()
        self.pools: dict[Requirement, Pool] = {}
        self.lines: list[Line | None] = []
        self._free: list[int] = []
        #: By a line's index: the rank of its first, since when its oldest waits, how many stand in it.
        self.ranks = array("d")
        self.fronts = array("d")
        self.counts = array("q")
        #: How many lines have somebody whose turn has come by being overtaken.
        self.due = 0
        self.timers: list[tuple[float, int, str]] = []
        #: Agents and conversations that something has changed for.
        self.touched: dict[str, str] = {}
        self.fresh: dict[str, str] = {}
        for name, settings in desk.agents.items():
            known = roster.get(name)
            if known is None:
                known = roster[name] = Roster()
            candidate = self.candidates[name] = Candidate(name, settings, known)
            for department in settings.departments:
                self.staff[department].append(candidate)
            self._count_presence(candidate, 1)

    # Departments.

    def serving(self, name: str) -> str:
        """Return which department serves a queue; one that has left the desk is the first's work."""
        return name if name in self.desk.departments else self.first_department

    def department(self, name: str) -> Department:
        """Return the settings of a department of the desk."""
        return self.desk.departments[name]

    def newest_first(self, department: str) -> bool:
        """Say whether the queue is read from its end."""
        return self.orders[department] == "newest"

    def set_order(self, department: str, order: str) -> None:
        """Read the department's queue in this order from now on."""
        self.orders[department] = order
        for line in self.lines:
            if line is not None and line.wanted.department == department:
                self.refresh(line)

    # Presence.

    def _count_presence(self, candidate: Candidate, by: int) -> None:
        known = candidate.known
        if not known.reachable:
            return
        for department in candidate.settings.departments:
            if known.presence == "online":
                self.online[department] += by
            elif known.presence == "busy" and by > 0:
                self.busy[department].add(candidate.name)
            elif known.presence == "busy":
                self.busy[department].discard(candidate.name)

    def fallback(self, department: str) -> frozenset[str]:
        """Return the busy agents who get new work of the department, because nobody else is there (A3)."""
        policy, busy = self.desk.policies.busy_fallback, self.busy[department]
        if policy == "never" or not busy or self.online[department]:
            return frozenset()
        if policy == "only_one" and len(busy) > 1:
            return frozenset()
        return frozenset(busy)

    def available_in(self, candidate: Candidate, department: str) -> bool:
        """Say whether the presence allows new conversations of a department."""
        known = candidate.known
        if not known.reachable:
            return False
        if known.presence == "online":
            return True
        return (
            known.presence == "busy"
            and candidate.name in self.busy.get(department, ())
            and candidate.name in self.fallback(department)
        )

    def set_presence(self, candidate: Candidate, presence: str, reachable: bool, trigger: str) -> None:
        """The agent, or the agent's lease, has changed."""
        known, departments = candidate.known, candidate.settings.departments
        before = {name: self.fallback(name) for name in departments}
        code = presence_code(known)
        self._count_presence(candidate, -1)
        known.presence, known.reachable = presence, reachable
        self._count_presence(candidate, 1)
        for pool in candidate.pools:
            pool.present[code] -= 1
            pool.present[presence_code(known)] += 1
        touched = {candidate.name}
        for name in departments:
            touched |= before[name] ^ self.fallback(name)
        for name in sorted(touched):
            self.touch(self.candidates[name], trigger)
            self.candidates[name].fits_at = None
            self.sync(self.candidates[name])

    def touch(self, candidate: Candidate, trigger: str) -> None:
        """Look at what the agent could take, when decisions are made."""
        self.touched.setdefault(candidate.name, trigger)

    # Room.

    def sync(self, candidate: Candidate) -> None:
        """Bring the pools' lists in line with the agent's room and turn."""
        known = candidate.known
        at = (known.used, known.given_at, known.turn, candidate.keeping, *sorted(known.kinds.items())) \
            if candidate.settings.limits else (known.used, known.given_at, known.turn, candidate.keeping)
        if at == candidate.fits_at:
            return
        candidate.fits_at = at
        name = candidate.name
        for pool in candidate.pools:
            if pool.heap is not None:
                if self.may_take_more(candidate, pool.wanted):
                    pool.list(candidate)
                else:
                    pool.listed.pop(name, None)

    def may_take_more(self, candidate: Candidate, wanted: Requirement) -> bool:
        """Say whether presence and room allow another conversation of this sort."""
        return (
            not candidate.keeping
            and self.available_in(candidate, wanted.department)
            and candidate.no_room_for(wanted.kind, wanted.weight) is None
        )

    def room_changed(self, candidate: Candidate) -> None:
        """Look again at conversations in the agent's window: they are kept while the agent can take them."""
        for standing in list(candidate.in_window.values()):
            if self._keeps(standing) != bool(standing.kept_for):
                self.move(standing, standing.timer_at, "")

    # Standing in line.

    def enter(self, standing: Standing, now: float, trigger: str) -> None:
        """A conversation waits: in the line of what it asks for, or kept for its previous agent."""
        report = standing.report
        self.standing[report.conversation] = standing
        self.waiting[standing.department] += 1
        self._stand(standing, now)
        if trigger:
            self.fresh.setdefault(report.conversation, trigger)

    def leave(self, standing: Standing) -> None:
        """It does not wait any more."""
        report = standing.report
        del self.standing[report.conversation]
        self.waiting[standing.department] -= 1
        self.fresh.pop(report.conversation, None)
        self._step_out(standing)

    def move(self, standing: Standing, now: float, trigger: str) -> Standing:
        """Time has come: the conversation asks for something else now."""
        raise NotImplementedError
