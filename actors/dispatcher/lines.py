"""Lines: who waits, first come first, among those who ask the same with the same priority.

Entries are removed by marking them: a dead one is dropped when it comes to an end of the line, or when the
dead outnumber the living. Most come with a later place than all before; who comes back with an old place (a
transfer, a lost assignee) stands in a sorted list beside.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterator
from heapq import heappush, heapreplace, merge

from actors.dispatcher.facts import Report
from actors.dispatcher.requirements import Requirement

#: So many returns are sorted in one by one; more are sorted together.
FEW = 8
#: So many dead entries are never worth a compaction.
SPARE = 64
#: Up to so many entries are counted one by one for a customer's place.
EXACT = 10_000

Place = tuple[float, int]
NOTHING = Requirement("", (), (), "", "", 1)


class Standing:
    """A waiting conversation in its place. Another place is another Standing: a dead entry stays dead.

    ``place``: since when, and the number of arrival. ``kept_for``: the previous agent, in whose window it
    stands in no line. ``keeper``: the agent who keeps room for it. ``timer_at``: when time changes something.
    ``passed``: which later places had been served before it when it stood elsewhere.
    """

    __slots__ = (
        "department",
        "excluded",
        "keeper",
        "kept_for",
        "line",
        "passed",
        "place",
        "report",
        "ring",
        "timer_at",
        "wanted",
    )

    def __init__(self, report: Report, number: int, department: str) -> None:
        self.report = report
        self.place: Place = (report.since, number)
        self.department = department
        self.line: Line | None = None
        self.kept_for = ""
        self.keeper = ""
        self.ring = 0
        self.excluded: frozenset[str] = frozenset()
        self.wanted: Requirement = NOTHING
        self.passed: list[Place] = []
        self.timer_at = float("inf")

    def passed_by(self) -> list[Place]:
        """Return which later places were served before it, as far as that is counted."""
        if self.line is None:
            return self.passed
        passes = self.line.passes
        return [place for place in passes if place > self.place] if passes else []


class Passed:
    """By whom those were passed who stand in no line for the moment: an offer may not be accepted."""

    def __init__(self) -> None:
        self._places: dict[str, tuple[str, list[Place]]] = {}

    def leaves(self, standing: Standing) -> None:
        """Somebody is about to leave the line."""
        places = standing.passed_by()
        if places:
            self._places[standing.report.conversation] = (standing.department, places)

    def returns(self, conversation: str, department: str) -> list[Place]:
        """Somebody is back in a queue: return by whom he was passed there, if it is the same queue."""
        queue, places = self._places.pop(conversation, ("", []))
        return places if queue == department else []

    def forget(self, conversation: str) -> None:
        """Somebody waits no longer."""
        self._places.pop(conversation, None)


def _place(standing: Standing) -> Place:
    return standing.place


def _from_the_end(standing: Standing) -> Place:
    since, number = standing.place
    return (-since, -number)


class Line:
    """One line. ``mixed``: its entries exclude some agents, each its own; see ``first_for``.

    ``passes``: the latest places that have been served before somebody here who was there earlier; as many as
    the bound of overtaking, the earliest of them on top. The two lines that differ in ``mixed`` alone stand
    ``beside`` each other and count them together: who has declined is the agent's affair, and whoever stands
    in the one or the other for it is passed no more often. ``excluding``: how many exclude each agent.
    """

    __slots__ = (
        "_late",
        "_new",
        "_places",
        "_start",
        "alive",
        "beside",
        "due",
        "excluding",
        "index",
        "mixed",
        "passes",
        "priority",
        "wanted",
    )

    def __init__(
        self, wanted: Requirement, priority: int, mixed: bool, index: int, beside: Line | None = None
    ) -> None:
        self.wanted = wanted
        self.priority = priority
        self.mixed = mixed
        self.index = index
        self.alive = 0
        self.due = False
        self.beside = beside
        self.passes: list[Place] = []
        if beside is not None:
            beside.beside, self.passes = self, beside.passes
        self.excluding: Counter[str] = Counter()
        self._places: list[Standing] = []
        self._start = 0
        #: Returns, the oldest at the end; those that are not sorted in yet.
        self._late: list[Standing] = []
        self._new: list[Standing] = []

    def add(self, standing: Standing) -> None:
        """Let somebody stand here."""
        standing.line = self
        self.alive += 1
        for agent in standing.excluded:
            self.excluding[agent] += 1
        places = self._places
        if not places or places[-1].place <= standing.place:
            places.append(standing)
        else:
            self._new.append(standing)

    def remove(self, standing: Standing) -> None:
        """Somebody leaves the line."""
        standing.line = None
        self.alive -= 1
        for agent in standing.excluded:
            self.excluding[agent] -= 1
        if not self.alive:
            self._places.clear()
            self._late.clear()
            self._new.clear()
            self._start = 0
            if self.beside is None or not self.beside.alive:
                self.passes.clear()
            self.excluding.clear()
        elif len(self._places) - self._start + len(self._late) + len(self._new) > 2 * self.alive + SPARE:
            self._compact()

    def _compact(self) -> None:
        standing = [each for each in self._places[self._start :] if each.line is self]
        standing += [each for each in self._late if each.line is self]
        standing += [each for each in self._new if each.line is self]
        standing.sort(key=_place)
        self._places, self._start = standing, 0
        self._late.clear()
        self._new.clear()

    def _sort_in(self) -> None:
        """Sort in who has come back: among the returns, unless these are a good part of all."""
        new = [each for each in self._new if each.line is self]
        self._new.clear()
        if len(new) <= FEW:
            for standing in new:
                insort(self._late, standing, key=_from_the_end)
        else:
            self._late += new
            self._late.sort(key=_from_the_end)
        if len(self._late) > SPARE + (len(self._places) - self._start) // 4:
            self._compact()

    def oldest(self) -> Standing | None:
        """Return who stands here longest."""
        if self._new:
            self._sort_in()
        places, start, end, late = self._places, self._start, len(self._places), self._late
        while start < end and places[start].line is not self:
            start += 1
        if start > SPARE and 2 * start > end:
            del places[:start]
            end -= start
            start = 0
        self._start = start
        while late and late[-1].line is not self:
            late.pop()
        if start == end:
            return late[-1] if late else None
        if late and late[-1].place < places[start].place:
            return late[-1]
        return places[start]

    def newest(self) -> Standing | None:
        """Return who came last."""
        if self._new:
            self._sort_in()
        places, late = self._places, self._late
        while len(places) > self._start and places[-1].line is not self:
            places.pop()
        while late and late[0].line is not self:
            del late[0]
        if len(places) == self._start:
            return late[0] if late else None
        if late and late[0].place > places[-1].place:
            return late[0]
        return places[-1]

    def first_for(self, agent: str, newest: bool) -> Standing | None:
        """Return the first in a mixed line who does not exclude the agent.

        What is skipped is what this agent has declined within the pause, or gives away: a handful.
        """
        if self.excluding[agent] >= self.alive:
            return None
        for standing in self.standing(newest):
            if agent not in standing.excluded:
                return standing
        return None

    def standing(self, newest: bool = False) -> Iterator[Standing]:
        """Return all who stand here, the oldest or the newest first."""
        if self._new:
            self._sort_in()
        start, end = self._start, len(self._places)
        order = range(end - 1, start - 1, -1) if newest else range(start, end)
        places: Iterator[Standing] = (self._places[index] for index in order)
        if self._late:
            late = iter(self._late) if newest else reversed(self._late)
            places = merge(places, late, key=_place, reverse=newest)
        return (each for each in places if each.line is self)

    def before(
        self, key_of: Callable[[Standing], tuple[float, ...]], key: tuple[float, ...], newest: bool
    ) -> int:
        """Count those who stand here before a key of the queue's order.

        Exact up to ``EXACT`` entries; beyond, the dead among them are reckoned by their share of the line.
        """
        if len(self._places) - self._start <= EXACT:
            count = 0
            for standing in self.standing(newest):
                if key_of(standing) >= key:
                    break
                count += 1
            return count
        if self._new:
            self._sort_in()
        places, late = self._places[self._start :], self._late[:]
        (places if newest else late).reverse()
        before = bisect_left(places, key, key=key_of) + bisect_left(late, key, key=key_of)
        return round(before * self.alive / (len(places) + len(late)))

    def take_over(self, passed: list[Place], bound: int) -> None:
        """Somebody stands here now who was passed elsewhere by these."""
        known = set(self.passes)
        for place in passed:
            if place not in known:
                self.passed_by(place, bound)

    def passed_by(self, place: Place, bound: int) -> None:
        """Somebody with this later place was served by an agent whom those here could have had."""
        if len(self.passes) < bound:
            heappush(self.passes, place)
        elif place > self.passes[0]:
            heapreplace(self.passes, place)
