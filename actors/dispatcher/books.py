"""The books: who stands in which line, which agents are in which pool, who has room. Structure alone;
what is decided on it is in ``matching.py``.

Nothing here is O(conversations) or O(agents) but a change of the desk; a new pool is O(agents of its
departments), once.
"""

from __future__ import annotations

from array import array
from collections import Counter
from heapq import heappop, heappush
from math import inf

from actors.dispatcher.facts import Report
from actors.dispatcher.lines import Line, Place, Standing
from actors.dispatcher.order import due_rank, rank
from actors.dispatcher.pools import Candidate, Pool
from actors.dispatcher.reasons import Reason
from actors.dispatcher.requirements import (
    Requirement,
    changes_at,
    excluded,
    requirement_of,
    ring_at,
    window_until,
)
from actors.dispatcher.roster import Roster
from config.desk import Desk
from config.routing import Department

#: More pools than this are looked through for some that nobody waits for.
POOLS_MAX = 8192
#: The mark of an agent without any room, for whom nothing can have changed by being given more.
FULL = "full"


class Books:
    """Lines, pools and candidates of one desk."""

    def __init__(self, desk: Desk, roster: dict[str, Roster]) -> None:
        self.desk = desk
        self.roster = roster
        self.orders: dict[str, str] = {name: each.order for name, each in desk.departments.items()}
        self.first_department = next(iter(desk.departments), "")
        self.candidates: dict[str, Candidate] = {}
        self.staff: dict[str, set[str]] = {name: set() for name in desk.departments}
        self.online: Counter[str] = Counter()
        self.busy: dict[str, set[str]] = {name: set() for name in desk.departments}
        self.standing: dict[str, Standing] = {}
        #: How many wait: by the department that serves them, and by the one they asked for.
        self.waiting: Counter[str] = Counter()
        self.queues: Counter[str] = Counter()
        self.pools: dict[Requirement, Pool] = {}
        self._pools_max = POOLS_MAX
        self._by_skill: dict[tuple[str, int], set[str]] = {}
        self._by_language: dict[str, set[str]] = {}
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
        self.changed: set[str] = set()
        self.fresh: dict[str, str] = {}
        for name, settings in desk.agents.items():
            known = roster.get(name)
            if known is None:
                known = roster[name] = Roster()
            candidate = self.candidates[name] = Candidate(name, settings, known)
            for department in settings.departments:
                self.staff[department].add(name)
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
        for pool in self.pools.values():
            if pool.wanted.department == department:
                for line in pool.lines.values():
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

    def set_presence(self, candidate: Candidate, presence: str, reachable: bool, trigger: str) -> set[str]:
        """The agent, or the agent's lease, has changed; return whom it concerns: busy colleagues too (A3)."""
        known, departments = candidate.known, candidate.settings.departments
        before = {name: self.fallback(name) for name in departments}
        code = presence_code(known)
        self._count_presence(candidate, -1)
        known.presence, known.reachable = presence, reachable
        self._count_presence(candidate, 1)
        for pool in candidate.pools:
            pool.present[code] -= 1
            pool.present[presence_code(known)] += 1
            pool.absent = None
        touched = {candidate.name}
        for name in departments:
            touched |= before[name] ^ self.fallback(name)
        for name in sorted(touched):
            self.touch(self.candidates[name], trigger)
            other = self.candidates[name]
            other.fits_at = None
            if other.keeping and not self.available_in(other, self.standing[other.keeping].department):
                self.let_go(other)
        return touched

    def touch(self, candidate: Candidate, trigger: str) -> None:
        """Look at what the agent could take, when decisions are made."""
        self.touched.setdefault(candidate.name, trigger)
        self.changed.add(candidate.name)

    # Room.

    def sync(self, candidate: Candidate) -> None:
        """Bring the pools' lists in line with the agent's room and turn."""
        known = candidate.known
        if known.used >= candidate.settings.capacity:
            at: object = FULL
        else:
            at = (known.used, known.given_at, known.turn, candidate.keeping)
            if candidate.settings.limits:
                at = (*at, *sorted(known.kinds.items()))
        if at == candidate.fits_at:
            return
        candidate.fits_at = at
        name = candidate.name
        for pool in candidate.pools:
            if pool.heap is not None:
                if self.may_take_more(candidate, pool.wanted):
                    pool.enlist(candidate)
                else:
                    pool.listed.pop(name, None)

    def sync_changed(self) -> None:
        """Bring the pools' lists in line with all whose room or turn has changed."""
        for name in self.changed:
            self.sync(self.candidates[name])
        self.changed.clear()

    def may_take_more(self, candidate: Candidate, wanted: Requirement) -> bool:
        """Say whether presence and room allow another conversation of this sort."""
        return (
            not candidate.keeping
            and self.available_in(candidate, wanted.department)
            and candidate.no_room_for(wanted.kind, wanted.weight) is None
        )

    def room_changed(self, candidate: Candidate, now: float) -> None:
        """Look again at conversations in the agent's window: they are kept while the agent can take them."""
        for standing in list(candidate.in_window.values()):
            if self._keeps(standing, now) != bool(standing.kept_for):
                self.move(standing, now)

    # Standing in line.

    def enter(self, report: Report, number: int, now: float, trigger: str, passed: list[Place]) -> Standing:
        """A conversation waits: in the line of what it asks for, or kept for its previous agent.

        ``passed``: who has passed it in this queue until now.
        """
        standing = Standing(report, number, self.serving(report.department))
        standing.passed = passed
        self.queues[report.department] += 1
        self.waiting[standing.department] += 1
        self._stand(standing, now)
        self.fresh.setdefault(report.conversation, trigger)
        return standing

    def leave(self, standing: Standing) -> None:
        """It does not wait any more."""
        report = standing.report
        del self.standing[report.conversation]
        self.queues[report.department] -= 1
        self.waiting[standing.department] -= 1
        self.fresh.pop(report.conversation, None)
        self._step_out(standing)

    def time_came(self, standing: Standing, now: float) -> None:
        """A time has come for a conversation: perhaps it asks for something else now."""
        report, department = standing.report, self.department(standing.department)
        ring = ring_at(report, department, now)
        windowed = standing.report.previous in self.candidates and self._keeps(standing, now)
        if (
            requirement_of(report, standing.department, department, ring) == standing.wanted
            and windowed == bool(standing.kept_for)
            and excluded(report, department, now) == standing.excluded
        ):
            standing.ring = ring
            if (
                not windowed
                and window_until(report, department) <= now
                and report.previous in self.candidates
            ):
                self.candidates[report.previous].in_window.pop(report.conversation, None)
            self._set_timer(standing, now)
        else:
            self.move(standing, now)

    def _set_timer(self, standing: Standing, now: float) -> None:
        department = self.department(standing.department)
        at = standing.timer_at = changes_at(standing.report, department, now)
        if at < inf:
            heappush(self.timers, (at, standing.place[1], standing.report.conversation))

    def move(self, standing: Standing, now: float) -> None:
        """The conversation asks for something else now, in the same place."""
        moved = Standing(standing.report, standing.place[1], standing.department)
        moved.passed = standing.passed_by()
        self._step_out(standing)
        self._stand(moved, now)
        self.fresh.setdefault(standing.report.conversation, Reason.TIMER)

    def _stand(self, standing: Standing, now: float) -> None:
        report, name = standing.report, standing.department
        department = self.department(name)
        self.standing[report.conversation] = standing
        if department.rings:
            standing.ring = ring_at(report, department, now)
        standing.wanted = requirement_of(report, name, department, standing.ring)
        standing.excluded = excluded(report, department, now)
        pool = self.pool(standing.wanted)
        pool.waiting += 1
        if report.previous and window_until(report, department) > now:
            self._open_window(standing, now)
        if not standing.kept_for:
            line = self._line(pool, report.priority, bool(standing.excluded))
            line.add(standing)
            if standing.passed:
                line.take_over(standing.passed, department.overtaken_max)
                self.refresh(line)
                if line.beside is not None and line.beside.alive:
                    self.refresh(line.beside)
            elif standing.place[0] <= self.fronts[line.index] or self.orders[name] == "newest":
                self.refresh(line)
            else:
                self.counts[line.index] = line.alive
        self._set_timer(standing, now)

    def _open_window(self, standing: Standing, now: float) -> None:
        previous = self.candidates.get(standing.report.previous)
        if previous is None:
            return
        previous.in_window[standing.report.conversation] = standing
        if self._keeps(standing, now):
            standing.kept_for = previous.name
            previous.kept[standing.report.conversation] = standing

    def _keeps(self, standing: Standing, now: float) -> bool:
        """Say whether the previous agent can take it, as the department asks (D7)."""
        report, department = standing.report, self.department(standing.department)
        previous, wanted = self.candidates[report.previous], standing.wanted
        if previous.name not in self.pools[wanted].members or window_until(report, department) <= now:
            return False
        if not previous.known.available:
            return False
        if department.previous_agent == "idle" and previous.known.used:
            return False
        return department.previous_agent == "online" or not previous.no_room_for(wanted.kind, wanted.weight)

    def _step_out(self, standing: Standing) -> None:
        report, line = standing.report, standing.line
        self.pools[standing.wanted].waiting -= 1
        previous = self.candidates.get(report.previous) if report.previous else None
        if previous is not None:
            previous.in_window.pop(report.conversation, None)
            previous.kept.pop(report.conversation, None)
        if line is not None:
            line.remove(standing)
            if (
                not line.alive
                or standing.place[0] <= self.fronts[line.index]
                or self.newest_first(line.wanted.department)
            ):
                self.refresh(line)
            else:
                self.counts[line.index] = line.alive
        if standing.keeper:
            self.let_go(self.candidates[standing.keeper])
        standing.timer_at = -inf

    def keep(self, candidate: Candidate, standing: Standing) -> None:
        """The agent keeps room for a conversation that was overtaken too often."""
        candidate.keeping, standing.keeper = standing.report.conversation, candidate.name
        self.sync(candidate)

    def let_go(self, candidate: Candidate) -> None:
        """The agent keeps room no longer."""
        standing = self.standing.get(candidate.keeping)
        if standing is not None:
            standing.keeper = ""
        candidate.keeping = ""
        self.touch(candidate, Reason.CAPACITY_FREED)

    def due_moves(self, now: float) -> list[Standing]:
        """Return, once each, whom time has changed something for."""
        found: list[Standing] = []
        while self.timers and self.timers[0][0] <= now:
            at, _, conversation = heappop(self.timers)
            standing = self.standing.get(conversation)
            if standing is not None and standing.timer_at == at:
                standing.timer_at = -inf
                found.append(standing)
        return found

    def next_at(self) -> float | None:
        """Return when time changes something next."""
        while self.timers:
            at, _, conversation = self.timers[0]
            standing = self.standing.get(conversation)
            if standing is not None and standing.timer_at == at:
                return at
            heappop(self.timers)
        return None

    # Lines and pools.

    def refresh(self, line: Line) -> None:
        """Write down whose turn it is in a line."""
        index, name = line.index, line.wanted.department
        self.counts[index] = line.alive
        oldest = line.oldest() if line.alive else None
        was_due = line.due
        if oldest is None:
            line.due = False
            self.ranks[index] = self.fronts[index] = inf
        else:
            order, department = self.orders[name], self.desk.departments[name]
            self.fronts[index] = oldest.place[0]
            line.due = self.is_due(line, oldest)
            if line.due:
                self.ranks[index] = due_rank(oldest.place[0])
            else:
                first = line.newest() if order == "newest" else oldest
                assert first is not None
                self.ranks[index] = rank(order, department, line.priority, first.place[0])
        self.due += line.due - was_due

    def is_due(self, line: Line, standing: Standing) -> bool:
        """Say whether as many later arrivals as the department allows have passed somebody."""
        passes, name = line.passes, line.wanted.department
        bound = self.desk.departments[name].overtaken_max
        return (
            bool(passes)
            and len(passes) >= bound
            and passes[0] > standing.place
            and not self.newest_first(name)
        )

    def pool(self, wanted: Requirement) -> Pool:
        """Return who can take what asks for this."""
        pool = self.pools.get(wanted)
        if pool is None:
            if len(self.pools) >= self._pools_max:
                self._drop_pools()
            pool = self.pools[wanted] = self._make_pool(wanted)
        return pool

    def _make_pool(self, wanted: Requirement) -> Pool:
        pool = Pool(wanted, self.department(wanted.department).strategy)
        staff = set().union(*(self.staff.get(name, ()) for name in (wanted.department, *wanted.rings)))
        skilled = staff
        for required in wanted.skills:
            skilled = skilled & self._skilled(required)
        members = skilled & self._speaking(wanted.language) if wanted.language else skilled
        pool.mismatches = {
            reason: many
            for reason, many in (
                (Reason.SKILL_MISSING, len(staff) - len(skilled)),
                (Reason.LANGUAGE_MISSING, len(skilled) - len(members)),
            )
            if many
        }
        # In order, for what the journal says must not hang on how a set is laid out in this process.
        for name in sorted(members):
            candidate = pool.members[name] = self.candidates[name]
            pool.present[presence_code(candidate.known)] += 1
            candidate.pools.append(pool)
        return pool

    def _skilled(self, required: tuple[str, int]) -> set[str]:
        found = self._by_skill.get(required)
        if found is None:
            skill, level = required
            found = self._by_skill[required] = {
                name for name, agent in self.desk.agents.items() if agent.skills.get(skill, 0) >= level
            }
        return found

    def _speaking(self, language: str) -> set[str]:
        found = self._by_language.get(language)
        if found is None:
            found = self._by_language[language] = {
                name for name, agent in self.desk.agents.items() if language in agent.languages
            }
        return found

    def fill(self, pool: Pool) -> None:
        """Begin to keep the pool's list of members with room."""
        pool.fill([each for each in pool.members.values() if self.may_take_more(each, pool.wanted)])

    def _line(self, pool: Pool, priority: int, mixed: bool) -> Line:
        line = pool.lines.get((priority, mixed))
        if line is None:
            if self._free:
                index = self._free.pop()
            else:
                index = len(self.ranks)
                self.ranks.append(inf)
                self.fronts.append(inf)
                self.counts.append(0)
            beside = pool.lines.get((priority, not mixed))
            line = pool.lines[priority, mixed] = Line(pool.wanted, priority, mixed, index, beside)
            if self.department(pool.wanted.department).mode != "pull":
                for candidate in pool.members.values():
                    candidate.add_line(line)
        return line

    def _drop_pools(self) -> None:
        """Forget pools that nobody waits for, so that their number stays bounded by what is asked for."""
        for wanted in [wanted for wanted, pool in self.pools.items() if not pool.waiting]:
            self._free.extend(line.index for line in self.pools.pop(wanted).lines.values())
        for candidate in self.candidates.values():
            candidate.pools = [pool for pool in candidate.pools if pool.wanted in self.pools]
            candidate.groups = {}
            for pool in candidate.pools:
                if self.department(pool.wanted.department).mode != "pull":
                    for line in pool.lines.values():
                        candidate.add_line(line)
        self._pools_max = max(POOLS_MAX, 2 * len(self.pools))


def presence_code(known: Roster) -> str:
    """Return the code of an agent's presence as far as new conversations go; ``online`` is no reason."""
    if known.presence != "offline" and not known.reachable:
        return Reason.NOT_REACHABLE
    return known.presence
