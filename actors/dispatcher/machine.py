"""The dispatcher's view: who waits in which queue, who may be offered what, and what is to be decided.

A derived view, rebuilt at start from what the conversations and agents announce; reports are whole facts, so
telling one twice changes nothing.

How it decides. Between decisions no agent with room is eligible for anybody who waits; so only agents for
whom something has changed (*touched*) and conversations for which something has (*fresh*) have to be looked
at. A touched agent is given the first of all that he can take, as long as that is nobody fresh. Then the
fresh ones, in the order of their queues, are each given to the best agent with room. Then the touched agents
go on. That repeats until nothing is touched or fresh.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from heapq import heapify, heappop, heapreplace

from actors.dispatcher.books import Books, presence_code
from actors.dispatcher.decisions import Decision, Offer, OrderEnded, Overflow, why_of
from actors.dispatcher.facts import AgentNews, Report
from actors.dispatcher.limits import Limits
from actors.dispatcher.lines import Passed, Standing
from actors.dispatcher.matching import Best, First, Turns
from actors.dispatcher.order import RULES
from actors.dispatcher.picking import Picking
from actors.dispatcher.pools import Candidate
from actors.dispatcher.questioning import Questions
from actors.dispatcher.reasons import Reason
from actors.dispatcher.roster import Roster
from actors.events.base import Why
from config.desk import Desk
from config.routing import Department

#: The estimated wait goes by so many of the last conversations that were assigned.
SERVICES = 100


class View:
    """Queues and roster of one tenant, and what is to be decided."""

    def __init__(self, desk: Desk, digest: str) -> None:
        self.desk = desk
        self.digest = digest
        self.roster: dict[str, Roster] = {}
        self.conversations: dict[str, Report] = {}
        self.next_at: float | None = None
        self._numbers: dict[str, int] = {}
        self._arrivals = 0
        self.turn = 0
        #: Orders that were set while running: the order, and whose turn ends it (None: nobody's).
        self._orders: dict[str, tuple[str, float | None]] = {}
        self._served: dict[str, deque[float]] = {}
        self._take_books()

    def restarted(self) -> None:
        """All that is known was told anew after a restart: that is what triggers the first decisions."""
        for each in (self._books.touched, self._books.fresh):
            each.update(dict.fromkeys(each, Reason.RESTART))

    def _take_books(self) -> None:
        self._books = Books(self.desk, self.roster)
        self._passed = Passed()
        self._turns = Turns(self._books)
        self._limits = Limits(self._books)
        self._picking = Picking(self._books, self._turns)
        self._questions = Questions(self._books, self._turns)

    # Facts in.

    def set_desk(self, desk: Desk, digest: str, now: float) -> None:
        """A desk is in force: everything is sorted anew."""
        self.desk, self.digest = desk, digest
        standing = list(self._books.standing.values())
        self._take_books()
        for department, (order, _) in self._orders.items():
            if department in desk.departments:
                self._books.set_order(department, order)
        if not desk.departments:
            return
        for each in standing:
            self._enter(each.report, now, Reason.POLICY_CHANGED)
        for candidate in self._books.candidates.values():
            self._books.touch(candidate, Reason.POLICY_CHANGED)

    def set_order(self, department: str, order: str, until: str, backlog_before: float, now: float) -> None:
        """The order of a department's queue was changed while running (D2); an empty one is the desk's."""
        if order:
            self._orders[department] = (order, backlog_before if until == "backlog" else None)
        else:
            self._orders.pop(department, None)
        if department in self.desk.departments:
            self._books.set_order(department, order or self.desk.departments[department].order)

    def agent(self, agent: str) -> Roster:
        """Return what is known of an agent."""
        known = self.roster.get(agent)
        if known is None:
            known = self.roster[agent] = Roster()
        return known

    def park(self, agent: str, kind: str, weight: int, many: int) -> None:
        """After a restart: the agent owns so many conversations of this sort that are in the store only."""
        self.agent(agent).park(kind, weight, many)
        self._less_room(agent, 0.0)

    def take_agent(self, news: AgentNews, now: float) -> set[str]:
        """Take in what an agent tells; return for whom that may have changed what presence allows."""
        known, candidate = self.agent(news.agent), self._books.candidates.get(news.agent)
        if (known.presence, known.reachable) == (news.presence, news.reachable):
            return {news.agent}
        if not known.available:
            known.given_at = now
        books = self._books
        if candidate is None:
            known.presence, known.reachable = news.presence, news.reachable
            return {news.agent}
        concerned = books.set_presence(candidate, news.presence, news.reachable, Reason.AGENT_AVAILABLE)
        books.room_changed(candidate, now)
        return concerned

    def take_report(self, report: Report, now: float) -> None:
        """Take in what a conversation tells; the newest report is the whole truth about it."""
        ident = report.conversation
        before = self.conversations.get(ident)
        if report.woken or report.begun:
            if report.woken and before is None and report.assignee:
                self.agent(report.assignee).unpark(*(report.counted_as or (report.kind, report.weight)))
                self._more_room(report.assignee, now)
            report = report._replace(woken=False, begun=False, counted_as=None)
        if report == before:
            return
        if before is not None:
            self._unlink(before, report, now)
        if report.parked:
            del self.conversations[ident]
            del self._numbers[ident]
            self.agent(report.assignee).park(report.kind, report.weight)
            self._less_room(report.assignee, now)
        elif report.assignee or report.offered_to or report.waiting:
            self.conversations[ident] = report
            self._link(report, before, now)
        elif before is not None:
            del self.conversations[ident]
            del self._numbers[ident]
        if not (report.waiting or report.offered_to):
            self._passed.forget(ident)

    def _link(self, report: Report, before: Report | None, now: float) -> None:
        ident = report.conversation
        if ident not in self._numbers:
            self._arrivals += 1
            self._numbers[ident] = self._arrivals
        had = (before.assignee, before.offered_to) if before is not None else ()
        for agent, books in ((report.assignee, "owned"), (report.offered_to, "offers")):
            if agent:
                known = self.agent(agent)
                getattr(known, books).add(ident)
                known.book(report.kind, report.weight)
                if agent not in had:
                    self._given(known, now)
                self._less_room(agent, now)
        for member in report.members:
            self.agent(member).joined.add(ident)
        if report.waiting:
            self._enter(report, now, Reason.ARRIVAL if before is None or not before.waiting else Reason.TIMER)
        elif report.assignee and before is not None and before.assignee != report.assignee:
            self._served.setdefault(report.department, deque(maxlen=SERVICES)).append(now)

    def _unlink(self, before: Report, report: Report, now: float) -> None:
        ident = before.conversation
        standing = self._books.standing.get(ident)
        if standing is not None:
            self._leave(standing)
        has = (report.assignee, report.offered_to)
        for agent, books in ((before.assignee, "owned"), (before.offered_to, "offers")):
            if agent:
                known = self.agent(agent)
                getattr(known, books).discard(ident)
                known.release(before.kind, before.weight)
                if agent not in has or before.weight > report.weight:
                    self._more_room(agent, now)
        for member in before.members:
            self.agent(member).joined.discard(ident)

    def _enter(self, report: Report, now: float, trigger: Reason) -> None:
        if self.desk.departments:
            ident = report.conversation
            passed = self._passed.returns(ident, self._books.serving(report.department))
            standing = self._books.enter(report, self._numbers[ident], now, trigger, passed)
            self._limits.entered(standing, now)

    def _leave(self, standing: Standing) -> None:
        self._passed.leaves(standing)
        self._books.leave(standing)

    def _given(self, known: Roster, now: float) -> None:
        self.turn += 1
        known.given_at, known.turn = now, self.turn

    def _more_room(self, agent: str, now: float) -> None:
        candidate = self._books.candidates.get(agent)
        if candidate is not None:
            self._books.touch(candidate, Reason.CAPACITY_FREED)
            self._less_room(agent, now)

    def _less_room(self, agent: str, now: float) -> None:
        candidate = self._books.candidates.get(agent)
        if candidate is not None:
            self._books.changed.add(agent)
            if candidate.in_window:
                self._books.room_changed(candidate, now)

    # For the auditor, and the shadow.

    def stands(self, conversation: str) -> bool:
        """Say whether the conversation stands in the line of its queue, where decisions look for it."""
        return conversation in self._books.standing

    def take_turns(self, real: View, agents: Iterable[str], now: float) -> None:
        """Whose turn it is, is what another view says."""
        for agent in agents:
            known, truth = self.agent(agent), real.agent(agent)
            known.given_at, known.turn = truth.given_at, truth.turn
            self._less_room(agent, now)
        self.turn = real.turn

    def put_right(self, agent: str, parked_as: Counter[tuple[str, int]]) -> None:
        """Rebuild an agent's books and ledger from the conversations, and whatever is sorted by them.

        ``parked_as`` counts the owned conversations that are in the store only, by kind and weight.
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
        if agent in self._books.candidates:
            self._books.touch(self._books.candidates[agent], Reason.CAPACITY_FREED)

    # Decisions out.

    @property
    def pending(self) -> bool:
        """True when ``decide`` has stopped at its limit: call it again in the same turn."""
        return bool(self._books.touched or self._books.fresh or self._limits.beyond())

    def decide(self, now: float, limit: int) -> list[Decision]:
        """Return all that is due, at most ``limit`` of them; each is booked already."""
        books, decisions = self._books, list[Decision]()
        if not self.desk.departments:
            return decisions
        for standing in books.due_moves(now):
            self._limits.time_came(standing, now)
            books.time_came(standing, now)
        while len(decisions) < limit:
            if books.touched or books.fresh:
                self._round(decisions, limit, now)
            elif (found := self._limits.beyond()) is not None:
                decisions.append(found)
                self._send_away(found, now)
            else:
                break
        books.sync_changed()
        self.next_at = books.next_at()
        return decisions

    def _round(self, decisions: list[Decision], limit: int, now: float) -> None:
        books = self._books
        touched, books.touched = books.touched, {}
        for hold in (True, False):
            if not self._drain(touched, decisions, limit, now, hold=hold):
                books.touched.update(touched)
                return
            books.sync_changed()
            if not hold or not books.fresh:
                return
            if not self._serve_fresh(touched, decisions, limit, now):
                books.touched.update(touched)
                return

    def _turn_of(self, name: str) -> tuple[float, float, str]:
        """Agents who are touched at once take turns: the least loaded, then who has been idle for longest."""
        candidate = self._books.candidates[name]
        return (candidate.load, candidate.known.given_at, name)

    def _drain(
        self, touched: dict[str, str], decisions: list[Decision], limit: int, now: float, *, hold: bool
    ) -> bool:
        """Give agents what they can take, one at a turn, with ``hold`` nobody fresh; False: round over."""
        books = self._books
        turns = [self._turn_of(name) for name in touched]
        heapify(turns)
        while turns:
            name = turns[0][-1]
            candidate = books.candidates[name]
            found = self._turns.first(candidate) if candidate.load < 1 else None
            if found is None or (hold and found.standing.report.conversation in books.fresh):
                heappop(turns)
                continue
            if len(decisions) >= limit:
                return False
            if self._order_ends(found.standing, decisions):
                continue
            decisions.append(self._give_first(candidate, found, touched[name], now))
            if len(turns) > 1:
                heapreplace(turns, self._turn_of(name))
        return True

    def _serve_fresh(
        self, touched: dict[str, str], decisions: list[Decision], limit: int, now: float
    ) -> bool:
        """Give each fresh conversation to the best agent with room; False if the round has to end.

        Of a touched agent only the first was looked at: whoever else comes before this one goes before it.
        """
        books, turns = self._books, self._turns
        for standing in turns.in_turn(list(books.fresh)):
            ident = standing.report.conversation
            while books.standing.get(ident) is standing:
                if len(decisions) >= limit:
                    return False
                best = turns.best(standing, now)
                if best is None:
                    del books.fresh[ident]
                    break
                agent = best.candidate.name
                earlier = turns.before_the_fresh(best.candidate) if agent in touched else None
                if self._order_ends(earlier.standing if earlier else standing, decisions):
                    return False
                if earlier:
                    decisions.append(self._give_first(best.candidate, earlier, touched[agent], now))
                else:
                    decisions.append(self._give_best(standing, best, books.fresh.pop(ident), now))
                books.sync_changed()
        if not books.fresh:
            books.fresh = {}  # A dict that has been large stays slow to go through when it is empty.
        return True

    def _order_ends(self, standing: Standing, decisions: list[Decision]) -> bool:
        """The order ends with the turn of somebody who waited before it was set (D2)."""
        department = standing.department
        before = self._orders[department][1] if department in self._orders else None
        if before is None or standing.place[0] >= before:
            return False
        decisions.append(OrderEnded(department))
        self.set_order(department, "", "", 0.0, 0.0)
        return True

    def _give_first(self, candidate: Candidate, found: First, trigger: str, now: float) -> Offer:
        standing, choice = found.standing, trigger
        if standing.kept_for:
            choice = Reason.PREVIOUS_AGENT
        elif candidate.known.presence != "online":
            choice = Reason.BUSY_FALLBACK
        elif candidate.name in standing.report.declined:
            choice = Reason.ASKED_AGAIN
        excluded, _ = self._questions.absent(standing)
        reasons = (trigger, found.rule, choice)
        why = why_of(self.digest, standing, candidate, now, reasons, found.considered, excluded)
        return self._give(standing, candidate, why, now)

    def _give_best(self, standing: Standing, best: Best, trigger: str, now: float) -> Offer:
        candidate = best.candidate
        reasons = (trigger, RULES[self._books.orders[standing.department]], best.choice)
        excluded = self._questions.excluded(standing)
        score = (best.tie_break, best.score)
        why = why_of(self.digest, standing, candidate, now, reasons, best.considered, excluded, *score)
        return self._give(standing, candidate, why, now)

    def _give(self, standing: Standing, candidate: Candidate, why: Why, now: float) -> Offer:
        direct = self._books.department(standing.department).mode == "direct"
        self._book(standing, candidate, now)
        self._turns.passed(candidate, standing.place)
        return Offer(standing.report.conversation, candidate.name, direct, why)

    def _book(self, standing: Standing, candidate: Candidate, now: float) -> None:
        """Book an offer that is on its way to the conversation."""
        report, known = standing.report, candidate.known
        ident = report.conversation
        self._leave(standing)
        self.conversations[ident] = report._replace(waiting=False, offered_to=candidate.name)
        known.offers.add(ident)
        known.book(report.kind, report.weight)
        self._given(known, now)
        self._less_room(candidate.name, now)

    def _send_away(self, found: Decision, now: float) -> None:
        """Book what becomes of somebody beyond a limit: in the other queue, or in none any more.

        A transfer ends instead: the assignee has the conversation.
        """
        standing = self._books.standing[found.conversation]  # type: ignore[union-attr]
        report = standing.report
        if isinstance(found, Overflow) and not report.assignee:
            self.take_report(report._replace(department=found.department, entered=now), now)
        else:
            self._leave(standing)
            self.conversations[report.conversation] = report._replace(waiting=False, transferring=False)

    def department(self, name: str) -> Department:
        """Return who serves a queue: its department, or the desk's first where that has left the desk."""
        return self.desk.departments[self._books.serving(name)]

    # By hand.

    def pick_next(self, agent: str, department: str, now: float) -> Offer | Reason:
        """Choose the conversation whose turn it is for an agent who asks: of one department or of all.

        Books it as an offer to the agent. The conversation reports after the claim whatever it answers: that
        settles the booking.
        """
        return self._picked(self._picking.next(agent, department), agent, now)

    def pick(self, agent: str, conversation: str, now: float) -> Offer | Reason:
        """Say whether the agent may take this conversation by hand. Books as ``pick_next`` does."""
        report = self.conversations.get(conversation)
        return self._picked(self._picking.one(agent, report, conversation, now), agent, now)

    def _picked(self, found: First | Reason, agent: str, now: float) -> Offer | Reason:
        if isinstance(found, Reason):
            return found
        candidate, standing = self._books.candidates[agent], found.standing
        reasons = (Reason.PICKED, found.rule, Reason.PICKED)
        why = why_of(self.digest, standing, candidate, now, reasons, found.considered, {})
        self._book(standing, candidate, now)
        return Offer(standing.report.conversation, agent, direct=False, why=why)

    def target(self, agent: str, weight: int, kind: str, *, beyond_capacity: bool) -> Reason | None:
        """Say why an agent may not be given a transfer; None if he may. Reserves nothing."""
        candidate = self._books.candidates.get(agent)
        if candidate is None:
            return Reason.UNKNOWN_AGENT
        if candidate.known.presence not in ("online", "busy", "transfer_only"):
            return Reason(candidate.known.presence)
        if not candidate.known.reachable:
            return Reason(presence_code(candidate.known))
        return None if beyond_capacity else candidate.no_room_for(kind, weight)

    # Questions.

    def takes_new(self, agent: str, department: str) -> bool:
        """Say whether presence and lease allow the agent new conversations of a department (A3)."""
        candidate = self._books.candidates.get(agent)
        return candidate is not None and self._books.available_in(candidate, self._books.serving(department))

    def staffed(self, department: str, now: float) -> bool:
        """Say whether anybody is there who takes the department's conversations (D10)."""
        if not self.desk.departments:
            return False
        name = self._books.serving(department)
        return bool(self._books.online[name] or self._books.fallback(name))

    def waiting_counts(self) -> dict[str, int]:
        """Return how many wait in each department where anybody does."""
        return {department: many for department, many in self._books.queues.items() if many}

    def oldest_waits(self) -> dict[str, float]:
        """Return since when the longest waiting customer of each department waits, where anybody does."""
        return self._questions.oldest_waits()

    def waiting(self, department: str, limit: int, now: float) -> tuple[list[Report], int]:
        """Return who waits in a department's queue, in its order, and how many they are altogether."""
        if not self.desk.departments:
            return [], 0
        name = self._books.serving(department)
        return self._questions.waiting(name, limit), self._books.waiting[name]

    def position(self, conversation: str, now: float) -> tuple[int, float | None] | None:
        """Return the place in the queue, from 1, and the estimated wait in seconds.

        The wait goes by the recent rate of service, and is None while there is none. None for a conversation
        that does not wait.
        """
        standing = self._books.standing.get(conversation)
        if standing is None:
            return None
        place = self._questions.place(standing)
        served = self._served.get(standing.report.department, deque[float]())
        if len(served) < 2:
            return place, None
        return place, round(place * (now - served[0]) / (len(served) - 1), 1)

    def why_not(self, conversation: str, agent: str, now: float) -> list[tuple[Reason, str]]:
        """Return every reason why the conversation is not offered to the agent, and what each is about.

        Nothing only if it is the very one that the agent is given next.
        """
        return self._questions.why_not(self.conversations.get(conversation), conversation, agent, now)

    def why_idle(self, agent: str, now: float) -> list[tuple[Reason, str]]:
        """Return every reason why the agent is given nothing; nothing only if something is on its way."""
        return self._questions.why_idle(agent, now)
