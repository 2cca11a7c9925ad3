"""Who is beyond the limits of a queue, and what becomes of him."""

from __future__ import annotations

from heapq import heapify, heappop, heappush

from actors.dispatcher.books import Books
from actors.dispatcher.decisions import Overflow, TurnedAway
from actors.dispatcher.lines import Standing
from actors.dispatcher.reasons import Reason
from actors.dispatcher.requirements import entered


class Limits:
    """The limits ``waiting_max`` and ``wait_max_s`` of the departments that act on them."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self._counted = [
            name
            for name, each in books.desk.departments.items()
            if each.waiting_max and each.at_limit != "keep"
        ]
        self._timed = [
            name
            for name, each in books.desk.departments.items()
            if each.wait_max_s and each.at_limit != "keep"
        ]
        #: By department: who came in, the last on top; some have left since.
        self._came: dict[str, list[tuple[float, int, str]]] = {name: [] for name in self._counted}
        #: By department: who has waited too long, the first to have come on top.
        self._overdue: dict[str, list[tuple[float, int, str]]] = {name: [] for name in self._timed}

    def entered(self, standing: Standing, now: float) -> None:
        """Somebody has come into a queue."""
        self.time_came(standing, now)
        came = self._came.get(standing.department)
        if came is not None:
            if len(came) > 64 + 2 * self.books.waiting[standing.department]:
                came[:] = [each for each in came if self._stands(each, standing.department)]
                heapify(came)
            since, number = entered(standing.report), standing.place[1]
            heappush(came, (-since, -number, standing.report.conversation))

    def time_came(self, standing: Standing, now: float) -> None:
        """A time has come for somebody: perhaps that of the longest wait."""
        overdue = self._overdue.get(standing.department)
        if overdue is not None and self._is_overdue(standing, now):
            heappush(overdue, (entered(standing.report), standing.place[1], standing.report.conversation))

    def _is_overdue(self, standing: Standing, now: float) -> bool:
        longest_s = self.books.department(standing.department).wait_max_s
        return entered(standing.report) + longest_s <= now

    def _stands(self, entry: tuple[float, int, str], department: str) -> bool:
        standing = self.books.standing.get(entry[2])
        return (
            standing is not None
            and standing.department == department
            and abs(entry[0]) == entered(standing.report)
            and abs(entry[1]) == standing.place[1]
        )

    def beyond(self) -> Overflow | TurnedAway | None:
        """Return what becomes of the next one who is beyond a limit; None if nobody is, or nobody can go."""
        books = self.books
        for name in self._timed:
            if self._overdue[name] and (
                found := self._next(self._overdue[name], name, Reason.WAITED_TOO_LONG)
            ):
                return found
        for name in self._counted:
            if books.waiting[name] > books.department(name).waiting_max:
                found = self._next(self._came[name], name, Reason.QUEUE_FULL)
                if found:
                    return found
        return None

    def _next(
        self, heap: list[tuple[float, int, str]], name: str, reason: Reason
    ) -> Overflow | TurnedAway | None:
        while heap and not self._stands(heap[0], name):
            heappop(heap)
        if not heap:
            return None
        department = self.books.department(name)
        if department.at_limit == "end":
            return TurnedAway(heap[0][2], reason)
        target = department.overflow
        if target is None or target == name:
            return None
        # Into a full queue nobody overflows: two full ones would pass him to and fro for ever.
        bound = self.books.department(target).waiting_max
        if bound and self.books.waiting[target] >= bound:
            return None
        return Overflow(heap[0][2], target, reason)
