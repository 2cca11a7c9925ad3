"""Taking by hand: what an agent who asks for a conversation gets, or why not (D3, D4, D6)."""

from __future__ import annotations

from actors.dispatcher.books import Books, presence_code
from actors.dispatcher.facts import Report
from actors.dispatcher.lines import Line, Standing
from actors.dispatcher.matching import First, Turns
from actors.dispatcher.order import RULES, Key
from actors.dispatcher.pools import Candidate
from actors.dispatcher.reasons import Reason
from actors.dispatcher.requirements import lacks


class Picking:
    """Who may take what by hand.

    The agent is online or busy, may take it by department, skills and language, and has room; whether it was
    declined before is the agent's own affair.
    """

    def __init__(self, books: Books, turns: Turns) -> None:
        self.books = books
        self.turns = turns

    def _present(self, agent: str) -> Candidate | Reason:
        candidate = self.books.candidates.get(agent)
        if candidate is None:
            return Reason.UNKNOWN_AGENT
        if candidate.known.presence not in ("online", "busy"):
            return Reason(candidate.known.presence)
        if not candidate.known.reachable:
            return Reason(presence_code(candidate.known))
        return candidate

    def next(self, agent: str, department: str) -> First | Reason:
        """Return the conversation whose turn it is for the agent, in one department or (empty) in all."""
        candidate = self._present(agent)
        if isinstance(candidate, Reason):
            return candidate
        if department and department not in self.books.desk.departments:
            return Reason.UNKNOWN_DEPARTMENT
        names = {pool.wanted.department for pool in candidate.pools} | set(candidate.settings.departments)
        if department:
            names &= {department}
            if not names:
                return Reason.OTHER_DEPARTMENT
        allowed = {name for name in names if self.books.department(name).pick != "none"}
        if not allowed:
            return Reason.PICKING_NOT_ALLOWED
        if candidate.known.used >= candidate.settings.capacity:
            return Reason.NO_ROOM
        found, considered, blocked = self._firsts(candidate, allowed)
        if not found:
            return blocked or Reason.NOBODY_WAITS
        first_of: dict[str, tuple[Key, Standing, str]] = {}
        for each in found:
            this = (self.turns.key_in_line(each), each, each.department)
            if each.department not in first_of or this[0] < first_of[each.department][0]:
                first_of[each.department] = this
        key, standing, name = self.turns.before_all([*first_of.values()])
        rule = RULES[self.books.orders[name]]
        if key[0] == 0.0:
            due = standing
            standing = self.turns.first_until(due, [each for each in found if each.department == name])
            rule = Reason.OVERTAKEN if standing is due else rule
        return First(standing, Reason.ONLY_ONE_WAITING if considered == 1 else rule, considered)

    def _firsts(
        self, candidate: Candidate, departments: set[str]
    ) -> tuple[list[Standing], int, Reason | None]:
        """Return the first of each line, how many wait, and why some are not for the agent."""
        found: list[Standing] = []
        considered, blocked = 0, None
        for pool in candidate.pools:
            name = pool.wanted.department
            if not pool.waiting or name not in departments:
                continue
            reason = candidate.no_room_for(pool.wanted.kind, pool.wanted.weight)
            if reason is not None:
                blocked = reason
                continue
            firsts = [each for each in candidate.kept.values() if each.wanted == pool.wanted]
            considered += len(firsts)
            for line in pool.lines.values():
                if line.alive:
                    considered += line.alive
                    firsts += self._first_in(line, candidate, newest=self.books.newest_first(name))
            found += firsts
        return found, considered, blocked

    @staticmethod
    def _first_in(line: Line, candidate: Candidate, *, newest: bool) -> list[Standing]:
        for standing in line.standing(newest and not line.due):
            if standing.report.assignee != candidate.name:
                return [standing]
        return []

    def one(self, agent: str, report: Report | None, conversation: str, now: float) -> First | Reason:
        """Say whether the agent may take this very conversation."""
        candidate = self._present(agent)
        if isinstance(candidate, Reason):
            return candidate
        standing = self.books.standing.get(conversation)
        if standing is None:
            if report is not None and report.offered_to and report.offered_to != agent:
                return Reason.OFFERED_TO_ANOTHER
            if report is not None and report.assignee and report.assignee != agent:
                return Reason.TAKEN_BY_ANOTHER
            return Reason.NOT_WAITING
        reason = self._against(candidate, standing)
        if reason is not None:
            return reason
        if self.books.department(standing.department).pick == "next":
            found = self.next(agent, standing.department)
            if isinstance(found, Reason):
                return found
            if found.standing is not standing:
                return Reason.NOT_ITS_TURN
            return found
        return First(standing, Reason.CHOSEN_BY_HAND, 1)

    def _against(self, candidate: Candidate, standing: Standing) -> Reason | None:
        wanted = standing.wanted
        lacking = lacks(candidate.settings, wanted)
        if lacking:
            return lacking[0][0]
        if standing.report.assignee == candidate.name:
            return Reason.IS_ASSIGNEE
        if standing.kept_for and standing.kept_for != candidate.name:
            return Reason.KEPT_FOR_PREVIOUS_AGENT
        if self.books.department(standing.department).pick == "none":
            return Reason.PICKING_NOT_ALLOWED
        return candidate.no_room_for(wanted.kind, wanted.weight)
