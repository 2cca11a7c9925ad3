"""Agents as candidates, and the pool of those who can take what one requirement asks for."""

from __future__ import annotations

from collections import Counter
from heapq import heapify, heappop, heappush, heapreplace
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from actors.dispatcher.lines import Line, Standing
from actors.dispatcher.reasons import Reason
from actors.dispatcher.requirements import Requirement
from actors.dispatcher.roster import Roster

if TYPE_CHECKING:
    from collections.abc import Callable

    from config.desk import Agent

#: Who comes first; the last element is the agent's name, so that no two are alike.
Turn = tuple[Any, ...]


class Group:
    """The lines of one department, kind of channel and weight that an agent can be offered from."""

    __slots__ = ("_indexes", "_read", "kind", "lines", "mixed", "weight")

    def __init__(self, kind: str, weight: int) -> None:
        self.kind = kind
        self.weight = weight
        self.lines: list[Line] = []
        self.mixed: list[Line] = []
        self._read: Callable[..., tuple[Any, ...]] | None = None

    def add(self, line: Line) -> None:
        """A line has come into being."""
        if line.mixed:
            self.mixed.append(line)
        else:
            self.lines.append(line)
            self._read = None

    @property
    def read(self) -> Callable[..., tuple[Any, ...]]:
        """Return what reads these lines' numbers out of a flat array, in one go."""
        if self._read is None:
            indexes = [line.index for line in self.lines]
            if len(indexes) == 1:  # Then itemgetter returns no tuple.
                only = indexes[0]
                self._read = lambda numbers: (numbers[only],)
            else:
                self._read = itemgetter(*indexes)
        return self._read


class Candidate:
    """An agent of the desk, with what was worked out about him.

    ``groups`` by department; ``kept``: conversations in his window as the previous agent; ``in_window``: the
    same, whether or not he can take them now; ``keeping``: the conversation he keeps room for.
    """

    __slots__ = ("fits_at", "groups", "in_window", "keeping", "kept", "known", "name", "pools", "settings")

    def __init__(self, name: str, settings: Agent, known: Roster) -> None:
        self.name = name
        self.settings = settings
        self.known = known
        self.pools: list[Pool] = []
        self.groups: dict[str, dict[tuple[str, int], Group]] = {}
        self.kept: dict[str, Standing] = {}
        self.in_window: dict[str, Standing] = {}
        self.keeping: str = ""
        self.fits_at: object = None

    @property
    def load(self) -> float:
        """The share of capacity in use."""
        return self.known.used / self.settings.capacity

    def no_room_for(self, kind: str, weight: int) -> Reason | None:
        """Say why there is no room; None if there is."""
        known, settings = self.known, self.settings
        if known.used + weight > settings.capacity:
            return Reason.NO_ROOM
        if settings.limits and known.kinds[kind] >= settings.limits.get(kind, known.kinds[kind] + 1):  # type: ignore[call-overload]
            return Reason.CHANNEL_LIMIT
        return None

    def add_line(self, line: Line) -> None:
        """Somebody waits in a line whose pool the agent belongs to."""
        wanted = line.wanted
        groups = self.groups.setdefault(wanted.department, {})
        group = groups.get((wanted.kind, wanted.weight))
        if group is None:
            group = groups[wanted.kind, wanted.weight] = Group(wanted.kind, wanted.weight)
        group.add(line)


class Pool:
    """Who can take what one requirement asks for.

    ``members`` have all that is asked for; ``mismatches`` counts the others of the department by what they
    lack first. ``present`` counts members by presence. ``listed`` are the members with room, each with the
    turn that was last put on the heap; it is kept once the pool has been asked for an agent.
    """

    __slots__ = (
        "absent",
        "heap",
        "lines",
        "listed",
        "members",
        "mismatches",
        "present",
        "strategy",
        "waiting",
        "wanted",
    )

    def __init__(self, wanted: Requirement, strategy: str) -> None:
        self.wanted = wanted
        self.strategy = strategy
        self.members: dict[str, Candidate] = {}
        self.mismatches: dict[str, int] = {}
        self.absent: dict[str, int] | None = None
        self.present: Counter[str] = Counter()
        self.lines: dict[tuple[int, bool], Line] = {}
        self.waiting = 0
        self.heap: list[Turn] | None = None
        self.listed: dict[str, Turn] = {}

    def skill(self, candidate: Candidate) -> int:
        """Return how much the agent has of what is required, all levels together."""
        return sum(candidate.settings.skills.get(skill, 0) for skill, _ in self.wanted.skills)

    def turn(self, candidate: Candidate) -> Turn:
        """Return who comes first: whoever is online before who is busy, then by the strategy."""
        known = candidate.known
        busy = 0 if known.presence == "online" else 1
        name = candidate.name
        if self.strategy == "longest_idle":
            return (busy, known.given_at, name)
        if self.strategy == "round_robin":
            return (busy, known.turn, name)
        if self.strategy == "best_skill":
            return (busy, -self.skill(candidate), candidate.load, known.given_at, name)
        return (busy, candidate.load, known.given_at, name)

    def enlist(self, candidate: Candidate) -> None:
        """The agent has room, or has a better turn than before. A worse one is found when he is asked for."""
        turn = self.turn(candidate)
        before = self.listed.get(candidate.name)
        if self.heap is not None and (before is None or turn < before):
            self.listed[candidate.name] = turn
            if len(self.heap) > 64 + 4 * len(self.listed):
                self.heap = [*self.listed.values()]
                heapify(self.heap)
            else:
                heappush(self.heap, turn)

    def fill(self, able: list[Candidate]) -> None:
        """Begin to keep the heap, with these members who have room."""
        self.listed = {candidate.name: self.turn(candidate) for candidate in able}
        self.heap = [*self.listed.values()]
        heapify(self.heap)

    def first(self) -> Candidate | None:
        """Return the member with room whose turn it is, still on the heap."""
        heap, listed = self.heap, self.listed
        assert heap is not None
        while heap:
            turn = heap[0]
            name = turn[-1]
            if listed.get(name) is not turn:
                heappop(heap)
                continue
            candidate = self.members[name]
            now = self.turn(candidate)
            if now == turn:
                return candidate
            listed[candidate.name] = now
            heapreplace(heap, now)
        return None

    def set_aside(self) -> Turn:
        """Take the first off the heap for a moment; ``put_back`` follows."""
        assert self.heap is not None
        return heappop(self.heap)

    def excluded(self) -> dict[str, int]:
        """Count the department's agents that are not eligible by code, as far as presence and skill go."""
        if self.absent is None:
            self.absent = {
                **self.mismatches,
                **{code: n for code, n in self.present.items() if n and code != "online"},
            }
        return self.absent

    def put_back(self, turns: list[Turn]) -> None:
        """Put back those who were set aside."""
        assert self.heap is not None
        for turn in turns:
            heappush(self.heap, turn)
