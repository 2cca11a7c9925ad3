"""What a dispatcher counts of its tenant, beside what the journal's events say by themselves."""

from __future__ import annotations

from collections import Counter

from actors.dispatcher.decisions import Decision, Offer, TurnedAway
from actors.dispatcher.facts import Report
from actors.dispatcher.reasons import Reason


class Figures:
    """Counters since the dispatcher was made; by department where it says so."""

    __slots__ = ("_sent_away", "abandoned", "overtaken_offers", "shadow_failures", "turned_away")

    def __init__(self) -> None:
        #: Customers who left, or were ended by somebody, while they waited or were being offered.
        self.abandoned: Counter[str] = Counter()
        #: Customers whom the daemon has sent away.
        self.turned_away: Counter[str] = Counter()
        #: Offers to customers whose turn had come because too many had passed them.
        self.overtaken_offers = 0
        self.shadow_failures = 0
        self._sent_away: set[str] = set()

    def decided(self, decision: Decision) -> None:
        """Count a decision."""
        if isinstance(decision, TurnedAway):
            self._sent_away.add(decision.conversation)
        elif isinstance(decision, Offer) and decision.why.rule == Reason.OVERTAKEN:
            self.overtaken_offers += 1

    def take_report(self, before: Report | None, report: Report) -> None:
        """Count a conversation that has ended without having had an agent."""
        ended = not (report.waiting or report.offered_to or report.assignee or report.parked)
        if report.conversation in self._sent_away:
            self._sent_away.discard(report.conversation)
            if ended and before is not None:
                self.turned_away[before.department] += 1
        elif ended and before is not None and not before.assignee and (before.waiting or before.offered_to):
            self.abandoned[before.department] += 1
