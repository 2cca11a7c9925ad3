"""The dispatcher's view: who waits in which queue, who may be offered what. A derived view, rebuilt at start
from what the conversations and agents announce; reports are whole facts, so telling one twice changes
nothing.
"""

from __future__ import annotations

from collections import Counter

from actors.dispatcher.decisions import Decision, Offer
from actors.dispatcher.facts import AgentNews, Report
from actors.dispatcher.reasons import Reason
from actors.dispatcher.roster import Roster
from actors.events import Why
from config.desk import Desk
from config.routing import Department


class View:
    """Queues and roster of one tenant, and what is to be decided."""

    def __init__(self, desk: Desk, digest: str) -> None:
        self.desk = desk
        self.digest = digest
        self.roster: dict[str, Roster] = {}
        self.conversations: dict[str, Report] = {}
        self.next_at: float | None = None

    # Facts in.

    def set_desk(self, desk: Desk, digest: str, now: float) -> None:
        """A desk is in force."""
        self.desk, self.digest = desk, digest

    def set_order(self, department: str, order: str, until: str, backlog_before: float, now: float) -> None:
        """The order of a department's queue was changed while running (D2); an empty one is the desk's."""

    def agent(self, agent: str) -> Roster:
        """Return what is known of an agent."""
        known = self.roster.get(agent)
        if known is None:
            known = self.roster[agent] = Roster()
        return known

    def park(self, agent: str, kind: str, weight: int, many: int) -> None:
        """After a restart: the agent owns so many conversations of this sort that are in the store only."""
        self.agent(agent).park(kind, weight, many)

    def take_agent(self, news: AgentNews, now: float) -> None:
        """Take in what an agent tells."""
        known = self.agent(news.agent)
        if not known.available:
            known.given_at = now
        known.presence, known.reachable = news.presence, news.reachable

    def take_report(self, report: Report, now: float) -> None:
        """Take in what a conversation tells; the newest report is the whole truth about it."""
        before = self.conversations.pop(report.conversation, None)
        if before is not None:
            self._unlink(before)
        if report.parked:
            if before is not None:
                self.agent(report.assignee).park(report.kind, report.weight)
            return
        if report.woken and before is None and report.assignee:
            self.agent(report.assignee).unpark(report.kind, report.weight)
        if report.assignee:
            known = self.agent(report.assignee)
            known.owned.add(report.conversation)
            known.book(report.kind, report.weight)
        if report.offered_to:
            known = self.agent(report.offered_to)
            known.offers.add(report.conversation)
            known.book(report.kind, report.weight)
        for member in report.members:
            self.agent(member).joined.add(report.conversation)
        if report.assignee or report.offered_to or report.waiting:
            self.conversations[report.conversation] = report

    def _unlink(self, before: Report) -> None:
        for agent in (before.assignee, before.offered_to):
            if agent:
                known = self.agent(agent)
                known.release(before.kind, before.weight)
        if before.assignee:
            self.agent(before.assignee).owned.discard(before.conversation)
        if before.offered_to:
            self.agent(before.offered_to).offers.discard(before.conversation)
        for member in before.members:
            self.agent(member).joined.discard(before.conversation)

    # For the auditor.

    def stands(self, conversation: str) -> bool:
        """Say whether the conversation stands in the line of its queue, where decisions look for it."""
        report = self.conversations.get(conversation)
        return report is not None and report.waiting

    def put_right(self, agent: str, parked_as: Counter[tuple[str, int]]) -> None:
        """Rebuild an agent's books and ledger from the conversations, and whatever is sorted by them.

        ``parked_as`` counts the owned conversations that are in the store only, by kind of channel and weight.
        """
        known, reports = self.agent(agent), self.conversations
        known.owned = {it for it in known.owned if it in reports and reports[it].assignee == agent}
        known.offers = {it for it in known.offers if it in reports and reports[it].offered_to == agent}
        known.used, known.parked = 0, 0
        known.kinds.clear()
        known.parked_as.clear()
        for ident in [*known.owned, *known.offers]:
            known.book(reports[ident].kind, reports[ident].weight)
        for (kind, weight), many in parked_as.items():
            known.park(kind, weight, many)

    # Decisions out.

    @property
    def pending(self) -> bool:
        """True when ``decide`` has stopped at its limit: call it again in the same turn."""
        return False

    def decide(self, now: float, limit: int) -> list[Decision]:
        """Return all that is due, at most ``limit`` of them; each is reserved already."""
        decisions: list[Decision] = []
        self.next_at = None
        for report in sorted(self.conversations.values(), key=lambda each: (each.since, each.conversation)):
            if not report.waiting or len(decisions) >= limit:
                continue
            pause_s = self.department(report.department).decline_pause_s
            able = [name for name in self.desk.agents if not self._reasons(report, name)]
            ready = [name for name in able if report.declined.get(name, -pause_s) + pause_s <= now]
            if ready:
                chosen = min(
                    ready, key=lambda name: (self.roster[name].used, self.roster[name].given_at, name)
                )
                decisions.append(self._offer(report, chosen, Reason.LONGEST_WAIT, len(ready), now))
            elif able:
                again = min(report.declined[name] for name in able) + pause_s
                self.next_at = again if self.next_at is None else min(self.next_at, again)
        return decisions

    def _offer(self, report: Report, agent: str, rule: Reason, considered: int, now: float) -> Offer:
        known, capacity = self.roster[agent], self.desk.agents[agent].capacity
        why = Why(
            rule=rule,
            choice=Reason.LEAST_LOADED,
            considered=considered,
            waited_s=round(now - report.since, 3),
            used=known.used,
            capacity=capacity,
            policy=self.digest[:12],
        )
        self.take_report(report._replace(waiting=False, offered_to=agent), now)
        return Offer(report.conversation, agent, self.department(report.department).mode == "direct", why)

    def department(self, name: str) -> Department:
        """Return who serves a queue: its department, or the desk's first where that has left the desk."""
        found = self.desk.departments.get(name)
        return found if found is not None else next(iter(self.desk.departments.values()))

    def _serving(self, name: str) -> str:
        return name if name in self.desk.departments else next(iter(self.desk.departments))

    def _reasons(self, report: Report, agent: str) -> list[tuple[Reason, str]]:
        known, settings = self.agent(agent), self.desk.agents.get(agent)
        if settings is None:
            return [(Reason.UNKNOWN_AGENT, agent)]
        found = [] if known.presence == "online" else [(Reason(known.presence), "")]
        if not known.reachable:
            found.append((Reason.NOT_REACHABLE, ""))
        if self._serving(report.department) not in settings.departments:
            found.append((Reason.OTHER_DEPARTMENT, report.department))
        if known.used + report.weight > settings.capacity:
            found.append((Reason.NO_ROOM, f"{known.used}/{settings.capacity}"))
        return found

    # By hand.

    def pick_next(self, agent: str, department: str, now: float) -> Offer | Reason:
        """Choose the conversation whose turn it is for an agent who asks, of one department or (empty) of all.

        Reserves it as an offer to the agent. The conversation must report after the claim whatever it answers:
        that report is what settles the reservation.
        """
        return Reason.NOBODY_WAITS

    def pick(self, agent: str, conversation: str, now: float) -> Offer | Reason:
        """Say whether the agent may take this conversation by hand. Reserves as ``pick_next`` does."""
        return Reason.NOT_WAITING

    def target(self, agent: str, weight: int, kind: str, *, beyond_capacity: bool) -> Reason | None:
        """Say why an agent may not be given a transfer; None if he may. Reserves nothing."""
        known, settings = self.agent(agent), self.desk.agents.get(agent)
        if settings is None:
            return Reason.UNKNOWN_AGENT
        if known.presence not in ("online", "busy", "transfer_only"):
            return Reason(known.presence)
        if not known.reachable:
            return Reason.NOT_REACHABLE
        if not beyond_capacity and known.used + weight > settings.capacity:
            return Reason.NO_ROOM
        return None

    # Questions.

    def staffed(self, department: str, now: float) -> bool:
        """Say whether anybody is there who takes the department's conversations (D10)."""
        return any(
            known.available and department in self.desk.agents[name].departments
            for name, known in self.roster.items()
            if name in self.desk.agents
        )

    def waiting_counts(self) -> dict[str, int]:
        """Return how many wait in each department where anybody does."""
        counts: dict[str, int] = {}
        for report in self.conversations.values():
            if report.waiting:
                counts[report.department] = counts.get(report.department, 0) + 1
        return counts

    def oldest_waits(self) -> dict[str, float]:
        """Return since when the longest waiting customer of each department waits, where anybody does."""
        oldest: dict[str, float] = {}
        for report in self.conversations.values():
            if report.waiting:
                oldest[report.department] = min(report.since, oldest.get(report.department, report.since))
        return oldest

    def waiting(self, department: str, limit: int, now: float) -> tuple[list[Report], int]:
        """Return who waits in a department's queue, in its order, and how many they are altogether."""
        found = sorted(
            (
                report
                for report in self.conversations.values()
                if report.waiting and report.department == department
            ),
            key=lambda each: (each.since, each.conversation),
        )
        return found[:limit], len(found)

    def position(self, conversation: str, now: float) -> tuple[int, float | None] | None:
        """Return the place in the queue, from 1, and the estimated wait; None for one that does not wait."""
        report = self.conversations.get(conversation)
        if report is None or not report.waiting:
            return None
        queue, _ = self.waiting(report.department, len(self.conversations), now)
        return queue.index(report) + 1, None

    def why_not(self, conversation: str, agent: str, now: float) -> list[tuple[Reason, str]]:
        """Return every reason why the conversation is not offered to the agent, and what each is about."""
        report = self.conversations.get(conversation)
        if report is None or not report.waiting:
            return [(Reason.NOT_WAITING, "")]
        return self._reasons(report, agent)

    def why_idle(self, agent: str, now: float) -> list[tuple[Reason, str]]:
        """Return every reason why the agent is given nothing at this moment."""
        known = self.agent(agent)
        found = [] if known.presence == "online" else [(Reason(known.presence), "")]
        return found or [(Reason.NOBODY_WAITS, "")]
