"""A second opinion on routing: docs/routing.md as plain scans over all that waits and all agents.

It shares nothing with the dispatcher but the facts and the decisions. Slow, and short enough to be read
against the page. What it keeps beside the facts: numbers of arrival, who has passed whom, and who keeps room
for whom.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from actors.dispatcher.decisions import Decision, Offer, OrderEnded, Overflow, TurnedAway
from actors.dispatcher.facts import AgentNews, Report
from actors.dispatcher.reasons import Reason
from actors.events.base import Why
from config.desk import Desk

NO_WHY = Why()


@dataclass
class Person:
    """What is known of an agent."""

    presence: str = "offline"
    reachable: bool = False
    given_at: float = 0.0
    turn: int = 0


@dataclass
class Plain:
    """The same interface as the view, as far as decisions go."""

    desk: Desk
    people: dict[str, Person] = field(default_factory=dict)
    reports: dict[str, Report] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)
    fresh: set[str] = field(default_factory=set)
    orders: dict[str, tuple[str, float | None]] = field(default_factory=dict)
    passes: dict[Any, list[tuple[float, int]]] = field(default_factory=dict)
    #: Of those who stand nowhere for the moment: in which queue they were passed, and by whom.
    passed: dict[str, tuple[str, list[tuple[float, int]]]] = field(default_factory=dict)
    keeper: dict[str, str] = field(default_factory=dict)
    shape: dict[str, Any] = field(default_factory=dict)
    asking: dict[str, Any] = field(default_factory=dict)
    now: float = 0.0
    arrivals: int = 0
    turns: int = 0

    def __post_init__(self) -> None:
        self.people = {name: Person() for name in self.desk.agents}

    # Facts.

    def take_agent(self, news: AgentNews, now: float) -> None:
        person, departments = self.people[news.agent], self.desk.agents[news.agent].departments
        if (person.presence, person.reachable) == (news.presence, news.reachable):
            return
        before = {(a, d) for a in self.people for d in departments if self.available(a, d)}
        if not self.online(news.agent):
            person.given_at = now
        person.presence, person.reachable = news.presence, news.reachable
        after = {(a, d) for a in self.people for d in departments if self.available(a, d)}
        self.touched |= {news.agent} | {a for a, _ in before ^ after}
        for agent, kept in list(self.keeper.items()):
            if not self.available(agent, self.serving(kept)):
                self.let_go(agent)
        self.reshape(now)

    def take_report(self, report: Report, now: float) -> None:
        ident, before = report.conversation, self.reports.get(report.conversation)
        if report == before:
            return
        had = {before.assignee, before.offered_to} - {""} if before else set()
        has = {report.assignee, report.offered_to} - {""}
        self.touched |= (had - has) & self.people.keys()
        self.leave(ident)
        if not (has or report.waiting):
            self.reports.pop(ident, None)
            self.numbers.pop(ident, None)
        else:
            self.reports[ident] = report
            if ident not in self.numbers:
                self.arrivals += 1
                self.numbers[ident] = self.arrivals
            for agent in [report.assignee, report.offered_to]:
                if agent and agent not in had:
                    self.given(agent, now)
            if report.waiting:
                self.fresh.add(ident)
        if not (report.waiting or report.offered_to):
            self.passed.pop(ident, None)
        self.reshape(now)

    def set_order(self, department: str, order: str, until: str, before: float, now: float) -> None:
        self.orders.pop(department, None)
        if order:
            self.orders[department] = (order, before if until == "backlog" else None)

    def given(self, agent: str, now: float) -> None:
        self.turns += 1
        self.people[agent].given_at, self.people[agent].turn = now, self.turns

    def leave(self, ident: str) -> None:
        self.fresh.discard(ident)
        self.unshape(ident)

    def unshape(self, ident: str) -> None:
        """It stands where it stood no longer."""
        line = self.line(ident)
        if line is not None:
            passed = [place for place in self.passes.get(line, []) if place > self.place(ident)]
            self.passed[ident] = (self.serving(ident), passed)
        self.shape.pop(ident, None)
        self.asking.pop(ident, None)
        if line not in map(self.line, self.shape):
            self.passes.pop(line, None)
        for agent in [agent for agent, kept in self.keeper.items() if kept == ident]:
            self.let_go(agent)

    def let_go(self, agent: str) -> None:
        del self.keeper[agent]
        self.touched.add(agent)

    def reshape(self, now: float) -> None:
        """Whatever asks for something else than before is looked at again."""
        self.now = now
        for ident, report in self.reports.items():
            if report.waiting:
                asking = (self.shape_of(ident), self.out(ident))
                if self.asking.get(ident) != asking:
                    self.unshape(ident)
                    self.asking[ident], self.shape[ident] = asking, asking[0]
                    self.fresh.add(ident)
                    self.stand(ident)

    def line(self, ident: str) -> Any:
        """All who ask the same with the same priority, whether or not somebody has declined them."""
        shape = self.shape.get(ident, ())
        return shape[:-1] if len(shape) > 2 else None

    def stand(self, ident: str) -> None:
        """By whom it was passed in this queue counts on, wherever it stands there."""
        line, (queue, passed) = self.line(ident), self.passed.get(ident, ("", []))
        if queue != self.serving(ident):
            self.passed.pop(ident, None)
        elif line is not None:
            known = self.passes.setdefault(line, [])
            known += [place for place in passed if place not in set(known)]
            del self.passed[ident]

    # What it asks for at the moment.

    def waiting(self) -> Iterator[str]:
        return (ident for ident, report in self.reports.items() if report.waiting)

    def serving(self, ident: str) -> str:
        name = self.reports[ident].department
        return name if name in self.desk.departments else next(iter(self.desk.departments))

    def settings(self, ident: str) -> Any:
        return self.desk.departments[self.serving(ident)]

    def entered(self, ident: str) -> float:
        return self.reports[ident].entered or self.reports[ident].since

    def rings(self, ident: str) -> list[Any]:
        return [ring for ring in self.settings(ident).rings if self.entered(ident) + ring.after_s <= self.now]

    def able(self, ident: str, agent: str) -> bool:
        """Department or ring, skills, language."""
        report, person, settings = self.reports[ident], self.desk.agents[agent], self.settings(ident)
        rings = self.rings(ident)
        departments = {self.serving(ident), *(d for ring in rings for d in ring.departments)}
        if not departments & set(person.departments):
            return False
        skilled = all(person.skills.get(skill, 0) >= level for skill, level in report.skills)
        if not skilled and not any("skills" in ring.relax for ring in rings):
            return False
        relaxed = any("language" in ring.relax for ring in rings)
        wanted = report.language if settings.language == "required" and not relaxed else ""
        return not wanted or wanted in person.languages

    def out(self, ident: str) -> set[str]:
        """Who is not asked now."""
        report, pause_s = self.reports[ident], self.settings(ident).decline_pause_s
        return {a for a, at in report.declined.items() if at + pause_s > self.now} | (
            {report.assignee} - {""}
        )

    def kept_for(self, ident: str) -> str:
        report, settings = self.reports[ident], self.settings(ident)
        agent = report.previous
        if agent not in self.people or settings.previous_agent == "never" or agent in report.declined:
            return ""
        if report.assignee or self.entered(ident) + settings.previous_agent_window_s <= self.now:
            return ""
        if not self.able(ident, agent) or not self.online(agent):
            return ""
        if settings.previous_agent == "idle" and self.has(agent):
            return ""
        if settings.previous_agent != "online" and not self.room(ident, agent):
            return ""
        return agent

    def shape_of(self, ident: str) -> Any:
        report, rings = self.reports[ident], self.rings(ident)
        skills = () if any("skills" in ring.relax for ring in rings) else tuple(sorted(report.skills))
        relaxed = any("language" in ring.relax for ring in rings)
        language = report.language if self.settings(ident).language == "required" and not relaxed else ""
        departments = tuple(sorted({d for ring in rings for d in ring.departments} - {self.serving(ident)}))
        requirement = (self.serving(ident), departments, skills, language, report.kind, report.weight)
        kept = self.kept_for(ident)
        if kept:
            return (ident, kept)
        return (*requirement, report.priority, bool(self.out(ident)))

    # Presence and room.

    def online(self, agent: str) -> bool:
        return self.people[agent].presence == "online" and self.people[agent].reachable

    def available(self, agent: str, department: str) -> bool:
        if self.online(agent):
            return True
        person, staff = self.people[agent], self.desk.agents
        if person.presence != "busy" or not person.reachable or department not in staff[agent].departments:
            return False
        colleagues = [other for other in self.people if department in staff[other].departments]
        if any(self.online(other) for other in colleagues):
            return False
        busy = [o for o in colleagues if self.people[o].presence == "busy" and self.people[o].reachable]
        policy = self.desk.policies.busy_fallback
        return policy == "nobody_online" or (policy == "only_one" and busy == [agent])

    def has(self, agent: str) -> list[Report]:
        return [r for r in self.reports.values() for who in (r.assignee, r.offered_to) if who == agent]

    def used(self, agent: str) -> int:
        return sum(report.weight for report in self.has(agent))

    def fits(self, ident: str, agent: str) -> bool:
        return self.used(agent) + self.reports[ident].weight <= self.desk.agents[agent].capacity

    def below_limit(self, ident: str, agent: str) -> bool:
        kind = self.reports[ident].kind
        limit = self.desk.agents[agent].limits.get(kind)
        return limit is None or sum(report.kind == kind for report in self.has(agent)) < limit

    def room(self, ident: str, agent: str) -> bool:
        return self.fits(ident, agent) and self.below_limit(ident, agent)

    def asked(self, ident: str, agent: str) -> bool:
        """The agent may be asked as far as department, skills, language, declines and windows go."""
        return (
            self.settings(ident).mode != "pull"
            and self.able(ident, agent)
            and agent not in self.out(ident)
            and self.kept_for(ident) in ("", agent)
        )

    # Order.

    def order(self, ident: str) -> str:
        name = self.serving(ident)
        return self.orders[name][0] if name in self.orders else self.desk.departments[name].order

    def place(self, ident: str) -> tuple[float, int]:
        return (self.reports[ident].since, self.numbers[ident])

    def key(self, ident: str) -> tuple[float, ...]:
        (since, number), settings = self.place(ident), self.settings(ident)
        priority = self.reports[ident].priority
        match self.order(ident):
            case "newest":
                return (-since, -number)
            case "priority":
                return (-priority, since, number)
            case "deadline":
                return (since + settings.answer_within_s, number)
        return (since - priority * settings.priority_credit_s, number)

    def due(self, ident: str) -> bool:
        """As many later arrivals as allowed have passed it."""
        bound = self.settings(ident).overtaken_max
        passes = sorted(self.passes.get(self.line(ident), []))[-bound:] if bound else []
        later = sum(place > self.place(ident) for place in passes)
        return bool(bound) and later >= bound and self.order(ident) != "newest"

    def first_of(self, idents: list[str]) -> str:
        """The first by the order of each department; across different orders who has waited longest."""
        due = [ident for ident in idents if self.due(ident)]
        if due:
            return min(due, key=self.place)
        firsts: dict[str, str] = {}
        for ident in idents:
            name = self.serving(ident)
            if name not in firsts or self.key(ident) < self.key(firsts[name]):
                firsts[name] = ident
        same = len({self.order(ident) for ident in firsts.values()}) == 1
        return min(firsts.values(), key=self.key if same else self.place)

    # Decisions.

    def first(self, agent: str, book: bool = True) -> str | None:
        mine = [i for i in self.waiting() if self.asked(i, agent) and self.available(agent, self.serving(i))]
        fitting = [ident for ident in mine if self.room(ident, agent)]
        if agent in self.keeper:
            kept = self.keeper[agent]
            return self.earlier(kept, [kept, *fitting]) if self.room(kept, agent) else None
        if not fitting:
            return None
        chosen = self.first_of(fitting)
        heavy = self.heavy(mine, agent)
        if heavy and not (self.due(chosen) and self.place(chosen) < self.place(heavy)):
            if book:
                self.keeper[agent] = heavy
            return None
        return self.earlier(chosen, fitting) if self.due(chosen) else chosen

    def earlier(self, due: str, idents: list[str]) -> str:
        """Nobody who came later goes before it any more; who came earlier does, if the order says so."""
        before = [i for i in idents if self.serving(i) == self.serving(due)]
        return min((i for i in before if self.place(i) <= self.place(due)), key=self.key)

    def heavy(self, mine: list[str], agent: str) -> str | None:
        """The oldest whose turn has come, at the head of its line, and whom nobody keeps room for."""
        heads: dict[Any, str] = {}
        for ident in mine:
            if not self.kept_for(ident):
                shape = self.shape[ident]
                if shape not in heads or self.place(ident) < self.place(heads[shape]):
                    heads[shape] = ident
        found = [
            ident
            for ident in heads.values()
            if self.due(ident) and not self.fits(ident, agent) and self.below_limit(ident, agent)
            if self.reports[ident].weight <= self.desk.agents[agent].capacity
            if ident not in self.keeper.values()
        ]
        return min(found, key=self.place) if found else None

    def must_keep(self, agent: str, ident: str) -> bool:
        mine = [i for i in self.waiting() if self.asked(i, agent) and self.available(agent, self.serving(i))]
        heavy = self.heavy(mine, agent)
        if heavy is None or self.place(ident) < self.place(heavy):
            return False
        self.keeper[agent] = heavy
        return True

    def rank(self, ident: str, agent: str) -> tuple[Any, ...]:
        person, settings = self.people[agent], self.desk.agents[agent]
        load, busy = self.used(agent) / settings.capacity, person.presence != "online"
        skills = self.shape[ident][2]
        skill = -sum(settings.skills.get(each, 0) for each, _ in skills)
        match self.settings(ident).strategy:
            case "longest_idle":
                return (busy, person.given_at, agent)
            case "round_robin":
                return (busy, person.turn, agent)
            case "best_skill":
                return (busy, skill, load, person.given_at, agent)
        return (busy, load, person.given_at, agent)

    def best(self, ident: str) -> str | None:
        name, kept = self.serving(ident), self.kept_for(ident)
        able = [
            agent
            for agent in self.people
            if self.asked(ident, agent) and self.available(agent, name) and self.room(ident, agent)
            if agent not in self.keeper
        ]
        if kept:
            able = [agent for agent in able if agent == kept]
        else:
            declined = self.reports[ident].declined
            able.sort(key=lambda agent: (agent in declined, *self.rank(ident, agent)))
        return next((agent for agent in able if not self.must_keep(agent, ident)), None)

    def decide(self, now: float, limit: int = 1 << 30) -> list[Decision]:
        self.reshape(now)
        decisions: list[Decision] = []
        while True:
            if self.touched or self.fresh:
                self.round(decisions)
            elif not self.limits(decisions):
                return decisions

    def round(self, decisions: list[Decision]) -> None:
        def turn(agent: str) -> tuple[float, float, str]:
            return (self.used(agent) / self.desk.agents[agent].capacity, self.people[agent].given_at, agent)

        touched, self.touched = self.touched, set()
        for hold in (True, False):
            ready = set(touched)
            while ready:
                agent = min(ready, key=turn)
                ident = self.first(agent)
                if not ident or (hold and ident in self.fresh):
                    ready.remove(agent)
                elif not self.order_ends(ident, decisions):
                    self.give(ident, agent, decisions)
            if not hold or not self.fresh:
                return
            left = set(self.fresh)
            queue = []
            while left:
                queue.append(self.first_in_turn(left))
                left.discard(queue[-1])
            shapes = {ident: self.asking[ident] for ident in queue}
            for ident in queue:
                # What asks for something else by now is fresh again.
                while ident in self.fresh and self.asking.get(ident) == shapes[ident]:
                    chosen = self.best(ident)
                    # Whom the agent could have, and who comes before all that is fresh, goes before.
                    earlier = self.first(chosen, book=False) if chosen in touched else None
                    given = earlier if earlier and earlier not in self.fresh else ident
                    if chosen is None:
                        self.fresh.discard(ident)
                    elif self.order_ends(given, decisions):
                        self.touched |= touched
                        return
                    else:
                        self.give(given, chosen, decisions)

    def first_in_turn(self, idents: set[str]) -> str:
        firsts: dict[str, str] = {}
        for ident in idents:
            name = self.serving(ident)
            if name not in firsts or self.key(ident) < self.key(firsts[name]):
                firsts[name] = ident
        same = len({self.order(ident) for ident in firsts.values()}) == 1
        return min(firsts.values(), key=self.key if same else self.place)

    def order_ends(self, ident: str, decisions: list[Decision]) -> bool:
        name = self.serving(ident)
        before = self.orders[name][1] if name in self.orders else None
        if before is None or self.reports[ident].since >= before:
            return False
        del self.orders[name]
        decisions.append(OrderEnded(name))
        return True

    def give(self, ident: str, agent: str, decisions: list[Decision]) -> None:
        place, direct = self.place(ident), self.settings(ident).mode == "direct"
        self.leave(ident)
        self.reports[ident] = self.reports[ident]._replace(waiting=False, offered_to=agent)
        self.given(agent, self.now)
        self.reshape(self.now)
        lines = {}
        for other in self.waiting():
            settings = self.settings(other)
            if not settings.overtaken_max or self.order(other) == "newest" or settings.mode == "pull":
                continue
            if self.kept_for(other) or not self.able(other, agent) or agent in self.out(other):
                continue
            if self.reports[other].weight <= self.desk.agents[agent].capacity and self.place(other) < place:
                lines[self.line(other)] = True
        for shape in lines:
            self.passes.setdefault(shape, []).append(place)
        decisions.append(Offer(ident, agent, direct, NO_WHY))

    def limits(self, decisions: list[Decision]) -> bool:
        for name, settings in self.desk.departments.items():
            if settings.wait_max_s and settings.at_limit != "keep":
                late = [
                    ident
                    for ident in self.waiting()
                    if self.serving(ident) == name and self.entered(ident) + settings.wait_max_s <= self.now
                ]
                late.sort(key=lambda ident: (self.entered(ident), self.numbers[ident]))
                if late and self.send_away(late[0], Reason.WAITED_TOO_LONG, decisions):
                    return True
        for name, settings in self.desk.departments.items():
            if settings.waiting_max and settings.at_limit != "keep":
                queue = [ident for ident in self.waiting() if self.serving(ident) == name]
                queue.sort(key=lambda ident: (self.entered(ident), self.numbers[ident]))
                if len(queue) > settings.waiting_max and self.send_away(
                    queue[-1], Reason.QUEUE_FULL, decisions
                ):
                    return True
        return False

    def send_away(self, ident: str, reason: Reason, decisions: list[Decision]) -> bool:
        settings, report = self.settings(ident), self.reports[ident]
        target = settings.overflow
        if settings.at_limit == "overflow":
            bound = self.desk.departments[target].waiting_max
            if bound and sum(self.serving(other) == target for other in self.waiting()) >= bound:
                return False
            decisions.append(Overflow(ident, target, reason))
        else:
            decisions.append(TurnedAway(ident, reason))
        if settings.at_limit == "overflow" and not report.assignee:
            self.take_report(report._replace(department=target, entered=self.now), self.now)
        else:
            self.leave(ident)
            self.reports[ident] = report._replace(waiting=False, transferring=False)
            self.reshape(self.now)
        return True

    def allowed(self, ident: str, agent: str) -> bool:
        """The pair could be made at this very moment, and it is this conversation's turn with the agent."""
        report = self.reports.get(ident)
        if report is None or not report.waiting or agent not in self.people:
            return False
        return self.first(agent, book=False) == ident
