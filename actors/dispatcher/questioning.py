"""Questions about the moment: who is where in a queue, why not, why idle.

Asked for by people, so they may look at all lines; nothing is changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from heapq import merge
from itertools import islice

from actors.dispatcher.books import Books, presence_code
from actors.dispatcher.facts import Report
from actors.dispatcher.lines import Line, Standing
from actors.dispatcher.matching import Turns
from actors.dispatcher.pools import Candidate, Pool
from actors.dispatcher.reasons import Reason
from actors.dispatcher.requirements import lacks

Why = tuple[Reason, str]


class Questions:
    """Answers from the books."""

    def __init__(self, books: Books, turns: Turns) -> None:
        self.books = books
        self.turns = turns

    # Queues.

    def _pools(self, department: str) -> Iterator[Pool]:
        return (
            pool
            for pool in self.books.pools.values()
            if pool.waiting and pool.wanted.department == department
        )

    def _lines(self, department: str) -> Iterator[Line]:
        return (line for pool in self._pools(department) for line in pool.lines.values() if line.alive)

    def _kept(self, department: str) -> list[Standing]:
        kept = (each for candidate in self.books.candidates.values() for each in candidate.kept.values())
        return sorted((each for each in kept if each.department == department), key=self.turns.key)

    def waiting(self, department: str, limit: int) -> list[Report]:
        """Return the first of those who wait in a department, in the order of its queue."""
        newest = self.books.newest_first(department)
        lines = [line.standing(newest) for line in self._lines(department)]
        ordered = merge(*lines, self._kept(department), key=self.turns.key)
        return [standing.report for standing in islice(ordered, limit)]

    def place(self, standing: Standing) -> int:
        """Return the place in the queue, counted from 1."""
        key, newest = self.turns.key(standing), self.books.newest_first(standing.department)
        place = 1 + sum(self.turns.key(each) < key for each in self._kept(standing.department))
        for line in self._lines(standing.department):
            place += line.before(self.turns.key, key, newest)
        return place

    def excluded(self, standing: Standing) -> dict[str, int]:
        """Count the department's agents that are not eligible for a conversation, by code.

        For a pool that was asked for an agent: who has room is known then.
        """
        pool = self.books.pools[standing.wanted]
        counts, spared = self.absent(standing)
        if standing.kept_for or pool.heap is None:
            return counts
        without_room = pool.present["online"] + spared - len(pool.listed)
        declined = sum(name in pool.listed for name in standing.excluded)
        counts = counts | {Reason.NO_ROOM: without_room, Reason.DECLINED: declined}
        return {code: many for code, many in counts.items() if many}

    def absent(self, standing: Standing) -> tuple[dict[str, int], int]:
        """Count those who are not eligible as far as presence and skills go, and who is busy and eligible."""
        pool, fallback = self.books.pools[standing.wanted], self.books.fallback(standing.department)
        counts, spared = pool.excluded(), sum(name in pool.members for name in fallback) if fallback else 0
        if spared:
            counts = counts | {Reason.BUSY: counts[Reason.BUSY] - spared}
            counts = {code: many for code, many in counts.items() if many}
        return counts, spared

    # Why not.

    def presence(self, candidate: Candidate, department: str) -> list[Why]:
        """Return what presence and lease have against new conversations of a department."""
        known = candidate.known
        if self.books.available_in(candidate, department):
            return []
        found: list[Why] = []
        if known.presence != "online":
            found.append((Reason(known.presence), ""))
        if presence_code(known) == Reason.NOT_REACHABLE:
            found.append((Reason.NOT_REACHABLE, ""))
        return found

    def room(self, candidate: Candidate, kind: str, weight: int) -> list[Why]:
        """Return what capacity and limits have against a conversation."""
        known, settings = candidate.known, candidate.settings
        found: list[Why] = []
        if known.used + weight > settings.capacity:
            found.append((Reason.NO_ROOM, f"{known.used} of {settings.capacity} units used, {weight} needed"))
        limit = settings.limits.get(kind)  # type: ignore[call-overload]
        if limit is not None and known.kinds[kind] >= limit:
            found.append((Reason.CHANNEL_LIMIT, f"{known.kinds[kind]} of {limit} {kind}"))
        return found

    @staticmethod
    def not_standing(report: Report | None, agent: str) -> list[Why]:
        """Return why a conversation is in no line."""
        if report is not None and report.offered_to and report.offered_to != agent:
            return [(Reason.OFFERED_TO_ANOTHER, report.offered_to)]
        if report is not None and report.assignee and report.assignee != agent:
            return [(Reason.TAKEN_BY_ANOTHER, report.assignee)]
        return [(Reason.NOT_WAITING, "")]

    def why_not(self, report: Report | None, conversation: str, agent: str, now: float) -> list[Why]:
        """Return all that keeps a conversation from an agent at this moment."""
        books, standing = self.books, self.books.standing.get(conversation)
        if standing is None:
            return self.not_standing(report, agent)
        candidate = books.candidates.get(agent)
        if candidate is None:
            return [(Reason.UNKNOWN_AGENT, agent)]
        wanted = standing.wanted
        found = self.presence(candidate, standing.department)
        found += lacks(candidate.settings, wanted)
        found += self._not_asked(standing, agent, now)
        if standing.kept_for and standing.kept_for != agent:
            found.append((Reason.KEPT_FOR_PREVIOUS_AGENT, standing.kept_for))
        found += self.room(candidate, wanted.kind, wanted.weight)
        if candidate.keeping and candidate.keeping != conversation:
            found.append((Reason.KEEPS_ROOM, candidate.keeping))
        if books.department(standing.department).mode == "pull":
            found.append((Reason.PULL_ONLY, standing.department))
        return found or self._not_its_turn(candidate, conversation)

    def _not_its_turn(self, candidate: Candidate, conversation: str) -> list[Why]:
        first = self.turns.first(candidate, booking=False)
        if first is None:
            return [(Reason.KEEPS_ROOM, "")]
        ident = first.standing.report.conversation
        return [] if ident == conversation else [(Reason.NOT_ITS_TURN, ident)]

    def _not_asked(self, standing: Standing, agent: str, now: float) -> list[Why]:
        if agent not in standing.excluded:
            return []
        if agent == standing.report.assignee:
            return [(Reason.IS_ASSIGNEE, "")]
        pause_s = self.books.department(standing.department).decline_pause_s
        left_s = standing.report.declined[agent] + pause_s - now
        return [(Reason.DECLINED, f"{max(0.0, left_s):.0f} s left")]

    # Why idle.

    def oldest_waits(self) -> dict[str, float]:
        """Return since when the first of each department waits; O(lines), however many stand in them."""
        oldest: dict[str, float] = {}
        for wanted, pool in self.books.pools.items():
            for line in pool.lines.values():
                first = line.oldest() if line.alive else None
                if first is not None:
                    since = first.place[0]
                    oldest[wanted.department] = min(since, oldest.get(wanted.department, since))
        return oldest

    def why_idle(self, agent: str, now: float) -> list[Why]:
        """Return all that keeps an agent without a new conversation, and how many customers it concerns."""
        candidate = self.books.candidates.get(agent)
        if candidate is None:
            return [(Reason.UNKNOWN_AGENT, agent)]
        departments = candidate.settings.departments
        found: list[Why] = []
        if not any(self.books.available_in(candidate, name) for name in departments):
            found += self.presence(candidate, departments[0])
        if candidate.known.used >= candidate.settings.capacity:
            found.append(
                (Reason.NO_ROOM, f"{candidate.known.used} of {candidate.settings.capacity} units used")
            )
        if candidate.keeping:
            found.append((Reason.KEEPS_ROOM, candidate.keeping))
        if not found and self.turns.first(candidate, booking=False) is not None:
            return []
        said = {reason for reason, _ in found}
        counts = self._against(candidate)
        found += [(reason, str(many)) for reason, many in sorted(counts.items()) if reason not in said]
        return found or [(Reason.NOBODY_WAITS, "")]

    def _against(self, candidate: Candidate) -> Counter[Reason]:
        """Count who waits in the agent's departments by what is against it."""
        counts: Counter[Reason] = Counter()
        for pool in self.books.pools.values():
            wanted = pool.wanted
            if not pool.waiting:
                continue
            lacking = {reason for reason, _ in lacks(candidate.settings, wanted)}
            if Reason.OTHER_DEPARTMENT in lacking:
                continue
            for reason in lacking:
                counts[reason] += pool.waiting
            for reason, _ in self.room(candidate, wanted.kind, wanted.weight):
                counts[reason] += pool.waiting
            for reason, _ in self.presence(candidate, wanted.department):
                counts[reason] += pool.waiting
            if self.books.department(wanted.department).mode == "pull":
                counts[Reason.PULL_ONLY] += pool.waiting
            in_lines = 0
            for line in pool.lines.values():
                in_lines += line.alive
                counts[Reason.DECLINED] += line.excluding[candidate.name]
            mine = sum(each.wanted == wanted for each in candidate.kept.values())
            counts[Reason.KEPT_FOR_PREVIOUS_AGENT] += pool.waiting - in_lines - mine
        return +counts
