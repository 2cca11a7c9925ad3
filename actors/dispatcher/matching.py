"""Whose turn it is: the first conversation for an agent who has room, the first agent for a conversation."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import NamedTuple

from actors.dispatcher.books import Books
from actors.dispatcher.lines import Line, Place, Standing
from actors.dispatcher.order import DUE, RULES, Key, due_key, key
from actors.dispatcher.pools import Candidate, Group, Pool
from actors.dispatcher.reasons import Reason

#: What decides between two agents after the strategy itself, in the order of ``Pool.turn``.
TIE_BREAKS = {
    "longest_idle": ("busy", "", "agent_id"),
    "round_robin": ("busy", "", "agent_id"),
    "least_loaded": ("busy", "", "longest_idle", "agent_id"),
    "best_skill": ("busy", "", "least_loaded", "longest_idle", "agent_id"),
}


class First(NamedTuple):
    """The conversation whose turn it is for an agent, by which rule, out of how many."""

    standing: Standing
    rule: str
    considered: int
    tie_break: str = ""


class Best(NamedTuple):
    """The agent whose turn it is for a conversation, why, and out of how many."""

    candidate: Candidate
    choice: str
    considered: int
    tie_break: str = ""
    score: float = 0.0


class Turns:
    """Finds out whose turn it is; changes nothing but who keeps room for whom."""

    def __init__(self, books: Books) -> None:
        self.books = books

    # The first conversation for an agent.

    def first(self, candidate: Candidate, *, booking: bool = True) -> First | None:
        """Return the conversation that an agent with room is given next; None if there is none.

        May find instead that the agent has to keep room for somebody who was overtaken too often; with
        ``booking`` he does from now on.
        """
        books = self.books
        if candidate.keeping:
            return self._kept_room(candidate)
        firsts, considered, heavy = self._firsts(candidate)
        if not firsts:
            return None
        key, standing, department = firsts[0] if len(firsts) == 1 else self.before_all(firsts)
        due = key[0] == 0.0
        if heavy is not None and not (due and standing.place < heavy.place):
            if booking:
                books.keep(candidate, heavy)
            return None
        rule = RULES[books.orders[department]]
        if due:
            earlier = self._before_the_due(candidate, standing)
            if earlier is not standing:
                return First(earlier, rule, considered)
            rule = Reason.OVERTAKEN
        elif considered == 1:
            rule = Reason.ONLY_ONE_WAITING
        return First(standing, rule, considered)

    def _before_the_due(self, candidate: Candidate, due: Standing) -> Standing:
        """Return who goes first in the queue of somebody whose turn has come: he, unless somebody who came
        earlier stands before him by its order as well.

        That nobody who came later passes him any more says nothing of those who were there before.
        """
        books, since = self.books, due.place[0]
        earlier = [due]
        for group in candidate.groups[due.department].values():
            if candidate.no_room_for(group.kind, group.weight) is not None:
                continue
            if group.lines:
                fronts = group.read(books.fronts)
                lines = zip(group.lines, fronts, strict=True)
                earlier += [first for line, front in lines if front <= since and (first := line.oldest())]
            for line in group.mixed:
                if line.alive and (first := line.first_for(candidate.name, newest=False)):
                    earlier.append(first)
        earlier += [
            each
            for each in candidate.kept.values()
            if each.department == due.department
            and not candidate.no_room_for(each.wanted.kind, each.wanted.weight)
        ]
        return self.first_until(due, earlier)

    def first_until(self, due: Standing, standing: list[Standing]) -> Standing:
        """Return the first by the order of the queue of those who came no later than this one."""
        return min((each for each in standing if each.place <= due.place), key=self.key)

    def before_the_fresh(self, candidate: Candidate) -> First | None:
        """Return the first for an agent with room, if that is nobody for whom something has just changed."""
        found = self.first(candidate, booking=False)
        return found if found and found.standing.report.conversation not in self.books.fresh else None

    def _firsts(self, candidate: Candidate) -> tuple[list[tuple[Key, Standing, str]], int, Standing | None]:
        """Return the first of each department, how many wait for the agent, and who needs more room."""
        books = self.books
        firsts: list[tuple[Key, Standing, str]] = []
        considered, heavy = 0, None
        for department, groups in candidate.groups.items():
            if not books.available_in(candidate, department):
                continue
            found: tuple[Key, Standing] | None = None
            for group in groups.values():
                if candidate.no_room_for(group.kind, group.weight) is None:
                    found, many = self._first_of(group, candidate, department, found)
                    considered += many
                elif books.due:
                    heavy = self._heavy(group, candidate, heavy)
            if found is not None:
                firsts.append((*found, department))
        if candidate.kept:
            considered += self._add_kept(candidate, firsts)
        return firsts, considered, heavy

    def _kept_room(self, candidate: Candidate) -> First | None:
        standing = self.books.standing[candidate.keeping]
        wanted = standing.wanted
        if candidate.no_room_for(wanted.kind, wanted.weight) is not None:
            return None
        earlier = self._before_the_due(candidate, standing)
        if earlier is not standing:
            return First(earlier, RULES[self.books.orders[standing.department]], 2)
        return First(standing, Reason.OVERTAKEN, 1)

    def _first_of(
        self, group: Group, candidate: Candidate, department: str, found: tuple[Key, Standing] | None
    ) -> tuple[tuple[Key, Standing] | None, int]:
        books, considered = self.books, 0
        if group.lines:
            ranks = group.read(books.ranks)
            least = min(ranks)
            if least < inf:
                considered = sum(group.read(books.counts))
                if ranks.count(least) == 1:
                    lines = [group.lines[ranks.index(least)]]
                else:
                    lines = [line for line, rank in zip(group.lines, ranks, strict=True) if rank == least]
                for line in lines:
                    newest = not line.due and books.newest_first(department)
                    standing = line.newest() if newest else line.oldest()
                    assert standing is not None
                    found = self._before(found, standing)
        for line in group.mixed:
            if line.alive:
                found, many = self._first_mixed(line, candidate, department, found)
                considered += many
        return found, considered

    def _first_mixed(
        self, line: Line, candidate: Candidate, department: str, found: tuple[Key, Standing] | None
    ) -> tuple[tuple[Key, Standing] | None, int]:
        standing = line.first_for(candidate.name, self.books.newest_first(department))
        if standing is None:
            return found, 0
        return self._before(found, standing), line.alive - line.excluding[candidate.name]

    def _before(self, found: tuple[Key, Standing] | None, standing: Standing) -> tuple[Key, Standing]:
        this = self.key_in_line(standing)
        return (this, standing) if found is None or this < found[0] else found

    def key_in_line(self, standing: Standing) -> Key:
        """Return the key, before all others if it was overtaken too often."""
        line = standing.line
        if line is not None and line.passes and self.books.is_due(line, standing):
            return due_key(standing.place)
        return self.key(standing)

    def key(self, standing: Standing) -> Key:
        """Return the exact place of a conversation in the order of its department."""
        name = standing.department
        return key(
            self.books.orders[name], self.books.department(name), standing.report.priority, standing.place
        )

    def _add_kept(self, candidate: Candidate, firsts: list[tuple[Key, Standing, str]]) -> int:
        """Conversations in the agent's own window compete with the firsts of their departments."""
        considered = 0
        for standing in candidate.kept.values():
            wanted, name = standing.wanted, standing.department
            if (
                candidate.no_room_for(wanted.kind, wanted.weight)
                or self.books.department(name).mode == "pull"
            ):
                continue
            considered += 1
            this = (self.key(standing), standing, name)
            place = next((index for index, each in enumerate(firsts) if each[2] == name), None)
            if place is None:
                firsts.append(this)
            elif this[0] < firsts[place][0]:
                firsts[place] = this
        return considered

    def before_all(self, firsts: list[tuple[Key, Standing, str]]) -> tuple[Key, Standing, str]:
        """Across departments: by their order if it is the same, else who has waited longest of the firsts."""
        due = [each for each in firsts if each[0][0] == 0.0]
        if due:
            return min(due, key=lambda each: each[0])
        if len({self.books.orders[department] for _, _, department in firsts}) == 1:
            return min(firsts, key=lambda each: each[0])
        return min(firsts, key=lambda each: each[1].place)

    # Overtaking.

    def _heavy(self, group: Group, candidate: Candidate, found: Standing | None) -> Standing | None:
        """Return the oldest whose turn has come, for whom the agent has too little room at the moment."""
        settings, known = candidate.settings, candidate.known
        limit = settings.limits.get(group.kind)  # type: ignore[call-overload]
        if group.weight > settings.capacity or (limit is not None and known.kinds[group.kind] >= limit):
            return found
        for line in self._due_lines(group):
            standing = line.first_for(candidate.name, newest=False) if line.mixed else line.oldest()
            if standing is None or standing.keeper or not self.books.is_due(line, standing):
                continue
            if found is None or standing.place < found.place:
                found = standing
        return found

    def _due_lines(self, group: Group) -> Iterator[Line]:
        if group.lines and min(group.read(self.books.ranks)) < DUE:
            yield from (line for line in group.lines if line.due)
        yield from (line for line in group.mixed if line.alive and line.passes)

    def must_keep(self, candidate: Candidate, place: Place) -> bool:
        """Say whether the agent has to keep room rather than take somebody with this place; books it."""
        books = self.books
        if not books.due:
            return False
        heavy: Standing | None = None
        for department, groups in candidate.groups.items():
            if books.available_in(candidate, department):
                for group in groups.values():
                    if candidate.no_room_for(group.kind, group.weight) is not None:
                        heavy = self._heavy(group, candidate, heavy)
        if heavy is None or place < heavy.place:
            return False
        books.keep(candidate, heavy)
        return True

    def passed(self, candidate: Candidate, place: Place) -> None:
        """The agent was given somebody with this place: whoever he could have had, and was there earlier, was
        overtaken.
        """
        books, name = self.books, candidate.name
        for department, groups in candidate.groups.items():
            bound = books.department(department).overtaken_max
            if not bound or books.newest_first(department):
                continue
            for group in groups.values():
                if group.weight > candidate.settings.capacity:
                    continue
                if group.lines:
                    fronts = group.read(books.fronts)
                    if min(fronts) <= place[0]:
                        self._passed(group.lines, fronts, place, bound)
                for line in group.mixed:
                    earlier = line.first_for(name, newest=False) if line.alive else None
                    if earlier is None or earlier.place >= place:
                        continue
                    if line.beside is None or not self._stands_before(line.beside, place):
                        line.passed_by(place, bound)
                    books.refresh(line)

    def _passed(self, lines: list[Line], fronts: tuple[float, ...], place: Place, bound: int) -> None:
        since = place[0]
        for line, front in zip(lines, fronts, strict=True):
            if front < since or (front == since and self._stands_before(line, place)):
                line.passed_by(place, bound)
                if not line.due and len(line.passes) >= bound and line.passes[0][0] >= front:
                    self.books.refresh(line)
                if line.beside is not None and line.beside.alive:
                    self.books.refresh(line.beside)

    @staticmethod
    def _stands_before(line: Line, place: Place) -> bool:
        oldest = line.oldest()
        return oldest is not None and oldest.place < place

    # The first agent for a conversation.

    def best(self, standing: Standing, now: float) -> Best | None:
        """Return the agent who is given a conversation; None if nobody who can take it has room."""
        books = self.books
        if books.department(standing.department).mode == "pull":
            return None
        if standing.kept_for:
            return self._previous(standing)
        pool = books.pools[standing.wanted]
        if pool.heap is None:
            books.fill(pool)
        aside, again, chosen = [], [], None
        while chosen is None and (candidate := pool.first()) is not None:
            if candidate.name in standing.excluded or candidate.name in standing.report.declined:
                aside.append(pool.set_aside())
                if candidate.name not in standing.excluded:
                    again.append(candidate)
            elif not self.must_keep(candidate, standing.place):
                chosen = candidate
        pool.put_back(aside)
        if chosen is not None:
            return self._described(pool, chosen, standing, now)
        for candidate in again:
            if not self.must_keep(candidate, standing.place):
                return Best(candidate, Reason.ASKED_AGAIN, self._able(pool, standing))
        return None

    def _previous(self, standing: Standing) -> Best | None:
        candidate = self.books.candidates[standing.kept_for]
        if not self.books.may_take_more(candidate, standing.wanted) or self.must_keep(
            candidate, standing.place
        ):
            return None
        return Best(candidate, Reason.PREVIOUS_AGENT, 1)

    def _able(self, pool: Pool, standing: Standing) -> int:
        return len(pool.listed) - sum(name in pool.listed for name in standing.excluded)

    def _described(self, pool: Pool, chosen: Candidate, standing: Standing, now: float) -> Best:
        turn = pool.turn(chosen)
        choice = pool.strategy if turn[0] == 0 else Reason.BUSY_FALLBACK
        score = float(turn[1])
        if pool.strategy == "longest_idle":
            score = now - score
        elif pool.strategy == "best_skill":
            score = -score
        tie_break = ""
        if len(pool.listed) > 1 and not standing.excluded and not standing.report.declined:
            mine = pool.set_aside()
            second = pool.first()
            if second is not None:
                tie_break = self._tie_break(pool.strategy, turn, pool.turn(second))
            pool.put_back([mine])
        return Best(chosen, choice, self._able(pool, standing), tie_break, round(score, 3))

    @staticmethod
    def _tie_break(strategy: str, turn: tuple[float | str, ...], other: tuple[float | str, ...]) -> str:
        for mine, others, decides in zip(turn, other, TIE_BREAKS[strategy], strict=True):
            if mine != others:
                return decides
        return ""

    def in_turn(self, conversations: list[str]) -> Iterator[Standing]:
        """Return those of these who still wait, in the order in which they are served."""
        if len(conversations) == 1:
            yield self.books.standing[conversations[0]]
            return
        queues: dict[str, list[tuple[Key, Standing]]] = {}
        for conversation in conversations:
            standing = self.books.standing[conversation]
            queues.setdefault(standing.department, []).append((self.key(standing), standing))
        for queue in queues.values():
            queue.sort(key=lambda each: each[0], reverse=True)
        while queues:
            firsts = [(*queue[-1], department) for department, queue in queues.items()]
            _, standing, department = firsts[0] if len(firsts) == 1 else self.before_all(firsts)
            queues[department].pop()
            if not queues[department]:
                del queues[department]
            yield standing
