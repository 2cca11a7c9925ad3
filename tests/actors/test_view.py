"""The dispatcher's view, rule by rule: small worlds, told a few facts."""

from __future__ import annotations

import random
from typing import Any

import pytest

from actors.dispatcher.decisions import Decision, Offer, OrderEnded, Overflow, TurnedAway
from actors.dispatcher.facts import AgentNews, Report
from actors.dispatcher.lines import NOTHING, Line, Standing
from actors.dispatcher.machine import View
from actors.dispatcher.reasons import Reason
from config.desk import Agent, Desk
from config.routing import Department, Ring
from tests.stage import HASH


def view_of(department: dict[str, Any] | None = None, **agents: dict[str, Any]) -> View:
    """Return a view of a desk with the departments help and sales, and these agents, all online."""
    departments = {
        "help": Department(name="Help", **({"previous_agent": "never"} | (department or {}))),
        "sales": Department(name="Sales"),
    }
    people = {
        name: Agent(name=name, password=HASH, **({"departments": ("help",), "capacity": 1} | settings))
        for name, settings in agents.items()
    }
    view = View(Desk(tenant="acme", departments=departments, agents=people), "digest")
    for name in people:
        view.take_agent(AgentNews(name, "online", True), 0.0)
    return view


def waits(view: View, ident: str, since: float, now: float | None = None, **more: Any) -> Report:
    """Somebody comes into the queue of help."""
    now = since if now is None else now
    given = {"declined": {}, "entered": now, "kind": "web"} | more
    report = Report(ident, True, "help", since, "", "", **given)
    view.take_report(report, now)
    return report


def told(view: View, ident: str, now: float, **changes: Any) -> None:
    """The conversation reports what has become of it."""
    view.take_report(view.conversations[ident]._replace(**changes), now)


def offers(decisions: list[Decision]) -> list[tuple[str, str]]:
    return [(each.conversation, each.agent) for each in decisions if isinstance(each, Offer)]


@pytest.mark.rule("E4")
def test_a_sole_decliner_is_asked_again_after_the_pause() -> None:
    """PEERS c17: with some systems who is alone and has declined once is never asked again."""
    view = view_of({"decline_pause_s": 20}, ann={})
    waits(view, "c1", 100.0)
    assert offers(view.decide(100.0, 10)) == [("c1", "ann")]
    told(view, "c1", 105.0, waiting=True, offered_to="", declined={"ann": 105.0})
    assert view.decide(105.0, 10) == []
    assert view.why_not("c1", "ann", 106.0) == [(Reason.DECLINED, "19 s left")]
    assert view.next_at == 125.0
    (offer,) = view.decide(125.0, 10)
    assert isinstance(offer, Offer)
    assert (offer.agent, offer.why.choice, offer.why.trigger) == ("ann", Reason.ASKED_AGAIN, Reason.TIMER)


def test_whoever_has_declined_does_not_hold_up_the_others() -> None:
    """PEERS c16: the head of the line is skipped, not waited for."""
    view = view_of(None, ann={})
    waits(view, "c1", 100.0)
    view.decide(100.0, 10)
    told(view, "c1", 101.0, waiting=True, offered_to="", declined={"ann": 101.0})
    waits(view, "c2", 102.0)
    assert offers(view.decide(102.0, 10)) == [("c2", "ann")]


def test_two_full_queues_do_not_pass_a_customer_to_and_fro() -> None:
    departments = {
        name: Department(name=name, waiting_max=1, at_limit="overflow", overflow=other)
        for name, other in (("help", "sales"), ("sales", "help"))
    }
    view = View(Desk(tenant="acme", departments=departments), "digest")
    waits(view, "c1", 1.0)
    waits(view, "c2", 2.0)
    assert view.decide(2.0, 10) == [Overflow("c2", "sales", Reason.QUEUE_FULL)]
    assert view.conversations["c2"].since == 2.0
    waits(view, "c3", 3.0)
    assert view.decide(3.0, 10) == [], "both are full: it stays"
    told(view, "c2", 4.0, waiting=False)
    assert view.decide(4.0, 10) == [Overflow("c3", "sales", Reason.QUEUE_FULL)]


def test_whoever_waits_too_long_is_turned_away_at_that_moment() -> None:
    view = view_of({"wait_max_s": 60, "at_limit": "end"})
    waits(view, "c1", 100.0)
    assert view.decide(100.0, 10) == []
    assert view.next_at == 160.0
    assert view.decide(160.0, 10) == [TurnedAway("c1", Reason.WAITED_TOO_LONG)]
    assert view.decide(161.0, 10) == []


@pytest.mark.rule("D2")
def test_newest_first_ends_at_the_turn_of_the_backlog() -> None:
    view = view_of(None, ann={})
    view.take_agent(AgentNews("ann", "away", True), 0.0)
    for ident, since in (("old1", 10.0), ("old2", 20.0)):
        waits(view, ident, since)
    view.set_order("help", "newest", "backlog", 100.0, 100.0)
    waits(view, "new1", 110.0)
    waits(view, "new2", 120.0)
    view.take_agent(AgentNews("ann", "online", True), 130.0)
    served = []
    for _ in range(4):
        served += view.decide(130.0, 10)
        (offered,) = view.roster["ann"].offers
        told(view, offered, 130.0, offered_to="", waiting=False)
    assert offers(served) == [("new2", "ann"), ("new1", "ann"), ("old1", "ann"), ("old2", "ann")]
    assert served[2] == OrderEnded("help")


def test_a_heavy_conversation_that_is_overtaken_too_often_gets_its_turn() -> None:
    view = view_of({"overtaken_max": 2}, ann={"capacity": 2})
    waits(view, "light0", 1.0)
    view.decide(1.0, 10)
    waits(view, "heavy", 2.0, weight=2)
    for number in (1, 2):
        waits(view, f"light{number}", 2.0 + number)
        assert offers(view.decide(5.0, 10)) == [(f"light{number}", "ann")]
        told(view, f"light{number}", 6.0, offered_to="", waiting=False)
        view.decide(6.0, 10)
    waits(view, "light3", 7.0)
    assert view.decide(7.0, 10) == [], "the room is kept"
    assert (Reason.KEEPS_ROOM, "heavy") in view.why_not("light3", "ann", 7.0)
    told(view, "light0", 8.0, offered_to="", waiting=False)
    (offer,) = view.decide(8.0, 10)
    assert isinstance(offer, Offer)
    assert (offer.conversation, offer.why.rule) == ("heavy", Reason.OVERTAKEN)


def test_room_that_is_kept_goes_to_an_elder_who_has_come_back_meanwhile() -> None:
    """Found by the simulator (seeds 25, 33 and 41), once nobody was excused for having been declined."""
    view = view_of({"overtaken_max": 1}, ann={"capacity": 2})
    waits(view, "light", 1.0)
    view.decide(1.0, 10)
    waits(view, "younger", 20.0, weight=2)
    waits(view, "light again", 30.0)
    assert offers(view.decide(30.0, 10)) == [("light again", "ann")]
    told(view, "light again", 31.0, offered_to="", waiting=False)
    waits(view, "light once more", 31.0)
    assert view.decide(31.0, 10) == [], "the room is kept for the younger one"
    waits(view, "elder", 10.0, now=35.0, weight=2)
    assert view.decide(35.0, 10) == []
    told(view, "light", 40.0, offered_to="", waiting=False)
    assert offers(view.decide(40.0, 10)) == [("elder", "ann")]
    told(view, "elder", 41.0, offered_to="", waiting=False)
    assert offers(view.decide(41.0, 10)) == [("younger", "ann")]


@pytest.mark.parametrize("by_hand", [False, True])
def test_whose_turn_has_come_goes_before_who_came_later_and_not_before_an_elder(by_hand: bool) -> None:
    """Found by the simulator (seed 321): who came back into another line had been passed by nobody there."""
    view = view_of({"overtaken_max": 1, "order": "priority"}, ann={"skills": {"wine": 3}})
    waits(view, "first", 1.0)
    view.decide(1.0, 10)
    waits(view, "younger", 20.0)
    waits(view, "urgent", 30.0, priority=1)
    told(view, "first", 31.0, offered_to="", waiting=False)
    assert offers(view.decide(31.0, 10)) == [("urgent", "ann")], "the younger one is passed by it"
    waits(view, "elder", 10.0, now=35.0, skills=(("wine", 3),))
    waits(view, "urgent again", 36.0, priority=1)
    view.decide(36.0, 10)
    given = []
    for _ in range(3):
        (offered,) = view.roster["ann"].offers
        told(view, offered, 40.0, offered_to="", waiting=False)
        found = view.pick_next("ann", "", 40.0) if by_hand else view.decide(40.0, 10)[0]
        assert isinstance(found, Offer)
        given.append((found.conversation, found.why.rule))
    assert given == [
        ("elder", Reason.PRIORITY),
        ("younger", Reason.OVERTAKEN),
        ("urgent again", Reason.ONLY_ONE_WAITING),
    ]


@pytest.mark.parametrize("pause_s", [0, 20])
def test_whoever_was_declined_has_still_been_passed_by_those_who_went_before(pause_s: int) -> None:
    view = view_of({"overtaken_max": 2, "order": "priority", "decline_pause_s": pause_s}, ann={})
    waits(view, "first", 1.0)
    view.decide(1.0, 10)
    waits(view, "plain", 10.0)
    waits(view, "urgent1", 20.0, priority=1)
    told(view, "first", 21.0, offered_to="", waiting=False)
    assert offers(view.decide(21.0, 10)) == [("urgent1", "ann")]
    told(view, "urgent1", 30.0, offered_to="", waiting=False)
    assert offers(view.decide(30.0, 10)) == [("plain", "ann")]
    waits(view, "urgent2", 31.0, priority=1)
    told(view, "plain", 40.0, offered_to="", waiting=True, declined={"ann": 40.0})
    assert offers(view.decide(40.0, 10)) == [("urgent2", "ann")]
    view.decide(60.0, 10)
    waits(view, "urgent3", 61.0, priority=1)
    waits(view, "urgent4", 62.0, priority=1)
    given = []
    for _ in range(2):
        (offered,) = view.roster["ann"].offers
        told(view, offered, 70.0, offered_to="", waiting=False)
        given += [ident for ident, _ in offers(view.decide(70.0, 10))]
    # In the pause the agent could not have had it, and what goes before does not pass it.
    assert given == (["plain", "urgent3"] if pause_s == 0 else ["urgent3", "plain"])


def test_rings_open_when_their_time_has_come() -> None:
    rings = (Ring(after_s=10, relax=("skills",)), Ring(after_s=30, departments=("sales",)))
    view = view_of({"rings": rings}, ann={"capacity": 1}, bob={"departments": ("sales",)})
    waits(view, "c1", 0.0, skills=(("law", 3),))
    waits(view, "c2", 1.0, skills=(("law", 3),))
    assert view.decide(1.0, 10) == []
    assert view.why_not("c1", "ann", 1.0) == [(Reason.SKILL_MISSING, "law 3")]
    assert view.next_at == 10.0
    assert offers(view.decide(10.0, 10)) == [("c1", "ann")]
    assert view.decide(11.0, 10) == []
    (offer,) = view.decide(31.0, 10)
    assert isinstance(offer, Offer)
    assert (offer.conversation, offer.agent, offer.why.ring) == ("c2", "bob", 2)


@pytest.mark.rule("D8")
def test_a_decision_says_why_in_numbers_that_add_up() -> None:
    view = view_of(
        {"language": "required", "strategy": "longest_idle"},
        ann={"languages": ("uk",), "skills": {"law": 2}},
        bob={"languages": ("uk",), "skills": {"law": 2}},
        cho={"languages": ("en",), "skills": {"law": 2}},
        dan={"languages": ("uk",)},
        eve={"languages": ("uk",), "skills": {"law": 2}},
        fay={"languages": ("uk",), "skills": {"law": 2}},
    )
    view.take_agent(AgentNews("eve", "away", True), 1.0)
    waits(view, "c0", 2.0, language="uk", skills=(("law", 1),))
    view.decide(2.0, 10)
    waits(view, "c1", 3.0, now=3.0, language="uk", skills=(("law", 1),))
    (offer,) = view.decide(4.0, 10)
    assert isinstance(offer, Offer)
    why = offer.why
    assert offer.agent == "bob"
    assert (why.trigger, why.choice, why.considered, why.waited_s) == (
        Reason.ARRIVAL,
        Reason.LONGEST_IDLE,
        2,
        1.0,
    )
    assert why.excluded == {
        Reason.SKILL_MISSING: 1, Reason.LANGUAGE_MISSING: 1, Reason.AWAY: 1, Reason.NO_ROOM: 1
    }  # fmt: skip
    assert why.considered + sum(why.excluded.values()) == 6
    assert why.tie_break == "agent_id"


def test_position_and_estimated_wait_go_by_the_recent_rate() -> None:
    view = view_of(None, ann={})
    for number in range(6):
        waits(view, f"c{number}", 10.0 + number)
    assert view.position("c5", 20.0) == (6, None)
    for number in range(3):
        now = 100.0 + 10 * number
        view.decide(now, 10)
        told(view, f"c{number}", now, offered_to="", assignee="ann")
        told(view, f"c{number}", now, assignee="")
    view.take_agent(AgentNews("ann", "away", True), 120.0)
    assert view.decide(120.0, 10) == []
    assert view.position("c5", 120.0) == (3, 30.0)
    assert view.position("c0", 120.0) is None


@pytest.mark.rule("D3", "D4", "D6")
def test_by_hand_one_agent_wins_and_room_is_booked_at_once() -> None:
    view = view_of({"mode": "pull", "pick": "any"}, ann={}, bob={})
    waits(view, "c1", 1.0)
    waits(view, "c2", 2.0)
    assert view.decide(2.0, 10) == []
    assert (Reason.PULL_ONLY, "help") in view.why_not("c1", "ann", 2.0)
    taken = view.pick("ann", "c2", 3.0)
    assert isinstance(taken, Offer)
    assert taken.why.rule == Reason.CHOSEN_BY_HAND
    assert view.pick("bob", "c2", 3.0) is Reason.OFFERED_TO_ANOTHER
    assert view.pick("ann", "c1", 3.0) is Reason.NO_ROOM
    following = view.pick_next("bob", "", 3.0)
    assert isinstance(following, Offer)
    assert following.conversation == "c1"


@pytest.mark.rule("D3", "D5")
def test_where_only_the_next_may_be_taken_others_are_refused() -> None:
    view = view_of({"mode": "pull", "pick": "next"}, ann={})
    waits(view, "c1", 1.0)
    waits(view, "c2", 2.0)
    assert view.pick("ann", "c2", 3.0) is Reason.NOT_ITS_TURN
    assert isinstance(view.pick("ann", "c1", 3.0), Offer)


@pytest.mark.rule("guarantee-G8")
def test_parked_conversations_weigh_what_they_weighed() -> None:
    view = view_of(None, ann={"capacity": 4, "limits": {"sms": 1}})
    report = waits(view, "c1", 1.0, weight=3, kind="sms")
    view.decide(1.0, 10)
    told(view, "c1", 1.0, offered_to="", assignee="ann")
    told(view, "c1", 2.0, parked=True)
    known = view.roster["ann"]
    assert (known.used, known.parked, known.kinds["sms"]) == (3, 1, 1)
    waits(view, "c2", 3.0, kind="sms")
    assert view.decide(3.0, 10) == []
    assert view.why_not("c2", "ann", 3.0) == [(Reason.CHANNEL_LIMIT, "1 of 1 sms")]
    view.take_report(report._replace(waiting=False, assignee="ann", woken=True), 4.0)
    assert (known.used, known.parked, known.kinds["sms"]) == (3, 0, 1)


def test_a_limit_of_decisions_leaves_the_rest_pending() -> None:
    view = view_of(None, ann={"capacity": 3}, bob={"capacity": 2})
    for number in range(6):
        waits(view, f"c{number}", float(number))
    made = view.decide(10.0, 2)
    assert len(made) == 2
    while view.pending:
        made += view.decide(10.0, 2)
    assert [conversation for conversation, _ in offers(made)] == ["c0", "c1", "c2", "c3", "c4"]


def test_a_new_desk_sorts_everybody_anew() -> None:
    view = view_of({"mode": "pull"}, ann={})
    waits(view, "c1", 1.0)
    assert view.decide(1.0, 10) == []
    departments = {"help": Department(name="Help")}
    view.set_desk(Desk(tenant="acme", departments=departments, agents=view.desk.agents), "other", 2.0)
    (offer,) = view.decide(2.0, 10)
    assert isinstance(offer, Offer)
    assert (offer.agent, offer.why.trigger, offer.why.policy) == ("ann", Reason.POLICY_CHANGED, "other")


def test_pools_that_nobody_waits_for_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("actors.dispatcher.books.POOLS_MAX", 4)
    view = view_of(None, ann={"skills": {f"s{number}": 1 for number in range(40)}})
    view.take_agent(AgentNews("ann", "away", True), 0.0)
    view.set_desk(view.desk, "digest", 0.0)
    for number in range(40):
        waits(view, f"c{number}", float(number), skills=((f"s{number}", 1),))
        if number % 10:
            told(view, f"c{number}", float(number), waiting=False)
        view.decide(float(number), 10)
    assert len(view._books.pools) <= 9
    view.take_agent(AgentNews("ann", "online", True), 50.0)
    assert offers(view.decide(50.0, 10)) == [("c0", "ann")]


def test_what_is_told_anew_after_a_restart_says_so() -> None:
    view = view_of(ann={})
    waits(view, "c1", 1.0)
    view.restarted()
    (offer,) = view.decide(1.0, 10)
    assert isinstance(offer, Offer)
    assert offer.why.trigger == Reason.RESTART


@pytest.mark.rule("A3")
def test_a_busy_agent_gets_new_work_of_the_own_department_only() -> None:
    rings = (Ring(after_s=10, departments=("sales",)),)
    view = view_of({"rings": rings}, ann={}, bob={"departments": ("sales",)})
    both = [("ann", "help"), ("bob", "sales")]
    assert all(view.takes_new(agent, department) for agent, department in both)
    for agent, _ in both:
        view.take_agent(AgentNews(agent, "busy", True), 1.0)
    assert all(view.takes_new(agent, department) for agent, department in both)
    assert not view.takes_new("bob", "help"), "a ring lets nobody in who is busy"
    assert not view.takes_new("nobody", "help")


@pytest.mark.rule("D8")
def test_several_agents_with_room_take_turns_one_conversation_each() -> None:
    """PEERS c15 (chatwoot/chatwoot#11034): the first does not fill up while the others have nothing."""
    view = view_of(None, ann={"capacity": 3}, bob={"capacity": 3}, cho={"capacity": 6})
    for name in ("ann", "bob", "cho"):
        view.take_agent(AgentNews(name, "away", True), 50.0)
    for number in range(8):
        waits(view, f"c{number}", 100.0 + number, 110.0)
    assert view.decide(110.0, 99) == []
    for name in ("ann", "bob", "cho"):
        view.take_agent(AgentNews(name, "online", True), 111.0)
    given = offers(view.decide(111.0, 99))
    assert [ident for ident, _ in given] == [f"c{number}" for number in range(8)], "in the order of arrival"
    agents = [agent for _, agent in given]
    assert agents == ["ann", "bob", "cho", "cho", "ann", "bob", "cho", "cho"], (
        "by the share of their capacity"
    )


@pytest.mark.rule("D1", "guarantee-G10")
def test_whoever_has_just_come_does_not_go_before_who_has_waited_longer_for_the_same_agent() -> None:
    """Simulation, seed 150375540: somebody comes back from an offer, somebody is new, and both go before."""
    view = view_of(None, ann={"capacity": 2})
    view.take_agent(AgentNews("ann", "away", True), 50.0)
    waits(view, "waits", 110.0)
    assert view.decide(110.0, 9) == []
    view.take_agent(AgentNews("ann", "online", True), 120.0)
    waits(view, "comes back", 100.0, 120.0)
    waits(view, "new", 120.0)
    assert offers(view.decide(120.0, 9)) == [("comes back", "ann"), ("waits", "ann")]


@pytest.mark.rule("D2", "guarantee-G10")
def test_an_order_ends_with_who_waited_before_it_also_beside_those_who_have_just_come() -> None:
    view = view_of(None, ann={"capacity": 3})
    view.take_agent(AgentNews("ann", "away", True), 50.0)
    waits(view, "waits", 110.0, priority=5)
    assert view.decide(110.0, 9) == []
    view.set_order("help", "priority", "backlog", 115.0, 115.0)
    view.take_agent(AgentNews("ann", "online", True), 120.0)
    waits(view, "first", 120.0, priority=9)
    waits(view, "last", 121.0, priority=1)
    decided = view.decide(121.0, 9)
    assert [type(each) for each in decided] == [Offer, OrderEnded, Offer, Offer]
    assert offers(decided) == [("first", "ann"), ("waits", "ann"), ("last", "ann")]


@pytest.mark.rule("D8")
def test_nobody_is_called_the_only_one_while_others_wait_for_the_agent() -> None:
    """Those whom somebody has declined stand in a line of their own, and are counted like the others."""
    view = view_of({"decline_pause_s": 60}, ann={}, bob={"capacity": 3})
    view.take_agent(AgentNews("bob", "away", True), 1.0)
    for number, declined in enumerate(({"ann": 9.0}, {"ann": 9.0, "bob": 9.0}, {"ann": 9.0})):
        waits(view, f"c{number}", 1.0 + number, 9.0, declined=declined)
    assert view.decide(9.0, 9) == []
    view.take_agent(AgentNews("bob", "online", True), 10.0)
    said = [(each.conversation, each.why.rule, each.why.considered) for each in view.decide(10.0, 9)]  # type: ignore[union-attr]
    assert said == [("c0", "longest_wait", 2), ("c2", "only_one_waiting", 1)]


@pytest.mark.rule("A3")
def test_the_busy_agent_who_is_chosen_is_not_counted_among_those_who_are_not_eligible() -> None:
    view = view_of(ann={}, bob={})
    for name, presence in (("ann", "away"), ("bob", "finishing")):
        view.take_agent(AgentNews(name, presence, True), 1.0)
    waits(view, "c1", 2.0)
    assert view.decide(2.0, 9) == []
    view.take_agent(AgentNews("ann", "busy", True), 3.0)
    (offer,) = view.decide(3.0, 9)
    assert isinstance(offer, Offer)
    assert (offer.agent, offer.why.choice) == ("ann", Reason.BUSY_FALLBACK)
    assert offer.why.excluded == {"finishing": 1}


@pytest.mark.rule("D7")
def test_a_previous_agents_window_that_is_over_is_not_looked_at_again() -> None:
    """Whoever has served thousands who wait now is found as fast as anybody else."""
    view = view_of({"previous_agent": "idle", "previous_agent_window_s": 20}, ann={})
    view.take_agent(AgentNews("ann", "away", True), 1.0)
    for number in range(50):
        waits(view, f"c{number}", 2.0, previous="ann")
    view.decide(2.0, 9)
    books = view._books
    assert len(books.candidates["ann"].in_window) == 50
    view.decide(22.0, 9)
    assert not books.candidates["ann"].in_window
    view.take_agent(AgentNews("ann", "online", True), 23.0)
    assert offers(view.decide(23.0, 9)) == [("c0", "ann")]


@pytest.mark.parametrize("seed", range(20))
def test_whoever_comes_back_stands_where_the_waiting_time_says_however_many_they_are(seed: int) -> None:
    """PEERS c16: a line of those who came in order, and of returns, few and many at once."""
    chance, stands = random.Random(seed), dict[str, Standing]()
    line = Line(NOTHING, 0, True, 0)
    for step in range(60):
        for _ in range(chance.choice((1, 2, 30))):
            name = f"c{len(stands)}-{step}-{chance.random()}"
            since = chance.choice((float(step), chance.uniform(0.0, step)))
            report = Report(name, True, "help", since, "", "", {})
            standing = stands[name] = Standing(report, step, "help")
            standing.excluded = frozenset(chance.sample(("ann", "bob"), chance.randint(0, 2)))
            line.add(standing)
        for name in chance.sample(sorted(stands), min(len(stands) - 1, chance.choice((0, 3, 30)))):
            line.remove(stands.pop(name))
        expected = sorted(stands.values(), key=lambda each: each.place)
        if chance.random() < 0.5:
            assert [each.place for each in line.standing()] == [each.place for each in expected]
            assert [each.place for each in line.standing(newest=True)] == [
                each.place for each in reversed(expected)
            ]
            oldest, newest = line.oldest(), line.newest()
            assert oldest is not None
            assert newest is not None
            assert (oldest.place, newest.place) == (expected[0].place, expected[-1].place)
        for agent in ("ann", "bob"):
            for_agent = [each.place for each in expected if agent not in each.excluded]
            first = line.first_for(agent, newest=False)
            assert (first.place if first else None) == (for_agent[0] if for_agent else None)
            assert line.alive - line.excluding[agent] == len(for_agent)
