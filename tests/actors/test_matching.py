"""Routing against a second opinion: the view decides what plain scans decide on the same facts.

After every step: the same decisions, the same ledger, nobody left waiting who could be served, and
``why_not`` is empty exactly where the plain rules allow the pair.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from actors.dispatcher.decisions import Offer, Overflow, TurnedAway
from actors.dispatcher.facts import AgentNews, Report
from actors.dispatcher.machine import View
from config.desk import Agent, Desk, Policies
from config.routing import Department, Ring
from tests.actors.plain import Plain
from tests.stage import HASH

DEPARTMENTS = ("help", "sales", "late")
AGENTS = ("ann", "bob", "cho", "dan")
KINDS = ("web", "sms")
PRESENCES = st.sampled_from(
    ["online"] * 5 + ["busy", "busy", "away", "offline", "transfer_only", "not_answering"]
)
LIMITS = st.sampled_from([{}, {}, {"sms": 1}])
TIMES = st.sampled_from([0.0, 0.0, 1.0, 5.0, 10.0, 31.0])


@st.composite
def departments(draw: Any, name: str) -> Department:
    others = tuple(other for other in DEPARTMENTS if other != name)
    rings = draw(
        st.sampled_from(
            [
                (),
                (Ring(after_s=10, relax=("skills",)),),
                (Ring(after_s=5, relax=("language",)), Ring(after_s=20, departments=(others[0],))),
            ]
        )
    )
    return Department(
        name=name,
        mode=draw(st.sampled_from(["push", "push", "push", "direct", "pull"])),
        order=draw(st.sampled_from(["longest_wait", "longest_wait", "newest", "priority", "deadline"])),
        strategy=draw(st.sampled_from(["longest_idle", "least_loaded", "round_robin", "best_skill"])),
        priority_credit_s=draw(st.sampled_from([0, 7, 90])),
        answer_within_s=draw(st.sampled_from([10, 60])),
        overtaken_max=draw(st.sampled_from([0, 1, 2])),
        decline_pause_s=draw(st.sampled_from([0, 10])),
        previous_agent=draw(st.sampled_from(["idle", "room", "online", "never"])),
        previous_agent_window_s=10,
        language=draw(st.sampled_from(["required", "ignored"])),
        rings=rings,
        waiting_max=draw(st.sampled_from([0, 0, 1, 3])),
        wait_max_s=draw(st.sampled_from([0, 0, 25])),
        at_limit=draw(st.sampled_from(["overflow", "end", "keep"])),
        overflow=others[1],
        pick=draw(st.sampled_from(["any", "next", "none"])),
    )


@st.composite
def agents(draw: Any, name: str) -> Agent:
    return Agent(
        name=name,
        password=HASH,
        departments=tuple(draw(st.lists(st.sampled_from(DEPARTMENTS), min_size=1, unique=True))),
        capacity=draw(st.integers(1, 4)),
        languages=draw(st.sampled_from([(), ("uk",), ("uk", "en")])),
        skills=draw(st.sampled_from([{}, {"a": 3}, {"a": 1, "b": 5}])),
        limits=draw(LIMITS),
    )


class Matching(RuleBasedStateMachine):
    """A view and a second opinion, told the same."""

    @initialize(data=st.data())
    def open_the_desk(self, data: st.DataObject) -> None:
        draw = data.draw
        self.begin(
            Desk(
                tenant="acme",
                departments={name: draw(departments(name)) for name in DEPARTMENTS},
                agents={name: draw(agents(name)) for name in AGENTS},
                policies=Policies(
                    busy_fallback=draw(st.sampled_from(["only_one", "nobody_online", "never"]))
                ),
            )
        )

    def begin(self, desk: Desk) -> None:
        self.desk = desk
        self.agents, self.departments = sorted(desk.agents), sorted(desk.departments)
        self.view, self.plain = View(desk, "digest"), Plain(desk)
        self.now, self.count = 1_000.0, 0
        for agent in self.agents:
            self.tell(AgentNews(agent, "online", True))
        self.decide()

    def tell(self, fact: Report | AgentNews) -> None:
        for each in (self.view, self.plain):
            if isinstance(fact, Report):
                each.take_report(fact, self.now)
            else:
                each.take_agent(fact, self.now)

    def a_report(self, data: st.DataObject) -> Report:
        draw = data.draw
        self.count += 1
        since = self.now - draw(st.sampled_from([0.0, 0.0, 0.0, 3.0, 40.0]))
        return Report(
            conversation=f"c{self.count:04d}",
            waiting=True,
            department=draw(st.sampled_from(self.departments)),
            since=since,
            offered_to="",
            assignee="",
            declined={},
            entered=self.now,
            priority=draw(st.sampled_from([0, 0, 1, 2])),
            skills=draw(st.sampled_from([(), (), (("a", 2),), (("a", 1), ("b", 1))])),
            language=draw(st.sampled_from(["", "uk", "en"])),
            kind=draw(st.sampled_from(KINDS)),
            weight=draw(st.sampled_from([1, 1, 1, 2, 3])),
            previous=draw(st.sampled_from(["", "", *self.agents])),
        )

    def some(self, data: st.DataObject, what: Any) -> Report | None:
        found = [report for report in self.plain.reports.values() if what(report)]
        return data.draw(st.sampled_from(found)) if found else None

    # What may come.

    def one_fact(self, data: st.DataObject) -> None:
        kind = data.draw(
            st.sampled_from(
                ["arrive"] * 4 + ["presence"] * 2 + ["accept", "decline", "end", "leave", "back", "transfer"]
            )
        )
        if kind == "arrive":
            self.tell(self.a_report(data))
        elif kind == "presence":
            presence = data.draw(PRESENCES)
            self.tell(
                AgentNews(
                    data.draw(st.sampled_from(self.agents)),
                    presence,
                    presence != "offline" and data.draw(st.sampled_from([True, True, False])),
                )
            )
        else:
            getattr(self, kind)(data)

    def accept(self, data: st.DataObject) -> None:
        report = self.some(data, lambda each: each.offered_to)
        if report:
            self.tell(
                report._replace(offered_to="", assignee=report.offered_to, declined={}, transferring=False)
            )

    def decline(self, data: st.DataObject) -> None:
        report = self.some(data, lambda each: each.offered_to)
        if report:
            declined = {**report.declined, report.offered_to: self.now}
            self.tell(report._replace(offered_to="", waiting=True, declined=declined))

    def end(self, data: st.DataObject) -> None:
        report = self.some(data, lambda each: each.assignee)
        if report:
            self.tell(report._replace(assignee="", offered_to="", waiting=False))

    def leave(self, data: st.DataObject) -> None:
        report = self.some(data, lambda each: not each.assignee)
        if report:
            self.tell(report._replace(offered_to="", waiting=False))

    def back(self, data: st.DataObject) -> None:
        """The assignee is lost: back to the queue with the old place."""
        report = self.some(data, lambda each: each.assignee and not each.waiting and not each.offered_to)
        if report:
            self.tell(report._replace(assignee="", waiting=True, entered=self.now))

    def transfer(self, data: st.DataObject) -> None:
        report = self.some(data, lambda each: each.assignee and not each.waiting and not each.offered_to)
        if report:
            to = data.draw(st.sampled_from(self.departments))
            self.tell(report._replace(waiting=True, department=to, entered=self.now, transferring=True))

    @rule(data=st.data(), many=st.integers(1, 4), seconds=TIMES)
    def a_turn(self, data: st.DataObject, many: int, seconds: float) -> None:
        self.now += seconds
        for _ in range(many):
            self.one_fact(data)
        self.decide()

    @rule(data=st.data())
    def time_passes_until_it_matters(self, data: st.DataObject) -> None:
        if self.view.next_at is not None:
            self.now = self.view.next_at
        self.decide()

    @rule(data=st.data())
    def the_order_is_changed(self, data: st.DataObject) -> None:
        name, order = (
            data.draw(st.sampled_from(self.departments)),
            data.draw(st.sampled_from(["newest", "priority", ""])),
        )
        until = data.draw(st.sampled_from(["", "backlog"]))
        for each in (self.view, self.plain):
            each.set_order(name, order, until, self.now, self.now)
        self.decide()

    @rule(data=st.data())
    def a_report_is_told_twice(self, data: st.DataObject) -> None:
        report = self.some(data, lambda each: True)
        if report:
            self.tell(report)
            assert not self.view.pending
        self.decide()

    @rule(data=st.data())
    def a_report_contradicts_what_was_booked(self, data: st.DataObject) -> None:
        report = self.some(data, lambda each: each.offered_to and not each.assignee)
        if report:
            self.tell(report._replace(offered_to="", waiting=True))
        self.decide()

    @rule(data=st.data())
    def somebody_takes_by_hand(self, data: st.DataObject) -> None:
        agent = data.draw(st.sampled_from(self.agents))
        report = self.some(data, lambda each: each.waiting)
        found = (
            self.view.pick(agent, report.conversation, self.now)
            if report
            else self.view.pick_next(agent, "", self.now)
        )
        if isinstance(found, Offer):
            before = self.plain.reports[found.conversation]
            claimed = before._replace(waiting=False, offered_to="", assignee=agent, transferring=False)
            self.plain.take_report(before._replace(waiting=False, offered_to=agent), self.now)
            self.tell(claimed)
        self.decide()

    # What must hold.

    def decide(self) -> None:
        expected, found = self.plain.decide(self.now), self.view.decide(self.now, 1_000)
        assert not self.view.pending
        assert [plainly(each) for each in found] == [plainly(each) for each in expected]
        self.check(found)

    def check(self, found: list[Any]) -> None:
        plain, view = self.plain, self.view
        assert view.conversations == plain.reports, "I6: one place for each"
        for agent in self.agents:
            known = view.roster[agent]
            assert known.used == plain.used(agent), f"I7: the ledger of {agent}"
            for each in found:
                if isinstance(each, Offer) and each.agent == agent:
                    assert known.used <= self.desk.agents[agent].capacity, f"I7: {agent} has too much"
                    assert each.why.considered >= 1
        for ident in plain.waiting():
            for agent in self.agents:
                allowed = plain.allowed(ident, agent)
                reasons = view.why_not(ident, agent, self.now)
                assert bool(reasons) != allowed, f"why_not({ident}, {agent}): {reasons}"
                assert not allowed, f"G10: {ident} waits, and {agent} could take it"
            place = view.position(ident, self.now)
            assert place is not None
        for name in self.departments:
            mine = sorted((i for i in plain.waiting() if plain.serving(i) == name), key=plain.key)
            reports, total = view.waiting(name, 100, self.now)
            assert ([each.conversation for each in reports], total) == (mine, len(mine))
            assert [view.position(ident, self.now)[0] for ident in mine] == list(range(1, len(mine) + 1))  # type: ignore[index]
        for agent in self.agents:
            assert view.why_idle(agent, self.now)


def plainly(decision: Any) -> Any:
    if isinstance(decision, Offer):
        return ("offer", decision.conversation, decision.agent, decision.direct)
    assert not isinstance(decision, Overflow | TurnedAway) or decision.reason
    return decision


class Crowded(Matching):
    """One department, few agents, light and heavy conversations that overtake each other."""

    @initialize(data=st.data())
    def open_the_desk(self, data: st.DataObject) -> None:
        draw = data.draw
        department = Department(
            name="help",
            order=draw(st.sampled_from(["longest_wait", "priority"])),
            priority_credit_s=90,
            overtaken_max=draw(st.sampled_from([1, 2])),
            previous_agent=draw(st.sampled_from(["never", "room"])),
        )
        people = {
            name: Agent(name=name, password=HASH, departments=("help",), capacity=3, limits=draw(LIMITS))
            for name in AGENTS[:2]
        }
        self.begin(Desk(tenant="acme", departments={"help": department}, agents=people))


MARKS = [
    pytest.mark.timeout(600),
    pytest.mark.rule("A3", "A12", "D1", "D2", "D7", "D8", "guarantee-G7", "guarantee-G8", "guarantee-G10"),
]
SETTINGS = settings(
    max_examples=75,
    stateful_step_count=40,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow],
    deadline=None,
)
TestMatching = Matching.TestCase
TestMatching.settings = SETTINGS
TestMatching.pytestmark = MARKS
TestCrowded = Crowded.TestCase
TestCrowded.settings = SETTINGS
TestCrowded.pytestmark = MARKS
