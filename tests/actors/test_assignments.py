"""How a conversation gets its assignee and loses it again, in play; the dispatcher's orders come directly."""

from __future__ import annotations

from typing import Any

import pytest

from actors.conversation.orders import (
    AssignDirectly,
    Claim,
    Greet,
    MakeOffer,
    MoveTo,
    OwnerBack,
    OwnerGone,
    Reassign,
    Refusal,
    Release,
    TurnAway,
)
from actors.conversation.state import Status
from actors.events.base import Why
from actors.telling import Told
from protocol.errors import Code
from protocol.messages import Ack, Refused
from protocol.teamwork import Take
from tests.stage import Stage, desk_text

WHY = Why(trigger="picked", rule="chosen_by_hand")


def desk(department: str = "", policies: str = "", **people: str) -> str:
    """Return a desk with a1, a2 in ``help``, ``far`` in ``sales`` and ``boss`` over both."""
    return desk_text(
        departments={"help": f'parent = "all"\n{department}', "all": "", "sales": ""},
        people={
            "far": 'departments = ["sales"]',
            "boss": 'departments = ["all"]\nrole = "supervisor"',
            **people,
        },
        policies=policies,
    )


@pytest.fixture
def stage() -> Stage:
    return Stage(desk=desk())


def order(stage: Stage, talk: str, *orders: Any) -> list[Any]:
    """Have the dispatcher order something, in one turn."""
    return stage.turn(*((("conversation", "acme", talk), it) for it in orders))


def claim(stage: Stage, agent: str, talk: str, refusal: Refusal | None = None) -> Claim:
    told = Told(Take(stage.command_id(), agent, talk), "acme", f"agent/{agent}", "peer")
    return Claim(told, agent, WHY, refusal)


def last(stage: Stage, stream: str) -> Any:
    return stage.mail[stream][-1].news


def refused(answer: Any) -> str:
    assert isinstance(answer, Refused), answer
    return answer.code


# Taking by hand and being given.


@pytest.mark.rule("D4", "D6")
def test_of_several_who_take_one_wins_and_the_others_hear_who_was_quicker(stage: Stage) -> None:
    """Rocket.Chat#22206, fazer-ai/chatwoot#359: taken twice, the second overwrites the first."""
    talk = stage.begin_conversation("ann")
    answers = order(stage, talk, *(claim(stage, agent, talk) for agent in ("a2", "a1", "far", "a2")))
    won, lost, far, again = answers
    assert isinstance(won, Ack)
    assert refused(lost) == "TAKEN"
    assert "a2 was quicker" in lost.message
    assert refused(far) == "NOT_ALLOWED", "another department's agents have not seen it wait (G15)"
    assert refused(again) == "ALREADY_SO"
    assert stage.state(talk).assignee == "a2"
    assigned = [entry.event for entry in stage.entries() if type(entry.event).__name__ == "Assigned"]
    assert [(event.how, event.by, event.why) for event in assigned] == [("taken", "a2", WHY)]  # type: ignore[union-attr]


@pytest.mark.rule("D6")
def test_what_is_offered_to_somebody_can_be_taken_by_nobody_else(stage: Stage) -> None:
    stage.logs_in("a1")
    talk = stage.begin_conversation("ann")
    (answer,) = order(stage, talk, claim(stage, "a2", talk))
    assert refused(answer) == "TAKEN"
    assert "a1" in answer.message
    (answer,) = order(stage, talk, claim(stage, "a1", talk))
    assert isinstance(answer, Ack)
    assert stage.state(talk).assignee == "a1"


@pytest.mark.rule("D6")
def test_who_takes_what_is_over_hears_so(stage: Stage) -> None:
    talk = stage.begin_conversation("ann")
    stage.leaves("ann")
    (answer,) = order(stage, talk, claim(stage, "a1", talk))
    assert refused(answer) == "CLOSED"
    (answer,) = order(stage, talk, claim(stage, "far", talk))
    assert refused(answer) == "NOT_ALLOWED"


def test_the_dispatchers_refusal_of_what_waits_is_passed_on_and_reported(stage: Stage) -> None:
    talk = stage.begin_conversation("ann")
    full = Refusal(Code.UNAVAILABLE, "no_room")
    (answer,) = order(stage, talk, claim(stage, "a1", talk, full))
    assert (refused(answer), answer.message) == ("UNAVAILABLE", "no_room")
    assert stage.state(talk).status is Status.QUEUED


@pytest.mark.rule("D8")
def test_what_is_given_directly_is_nobodys_decision_any_more(stage: Stage) -> None:
    talk = stage.begin_conversation("ann")
    order(stage, talk, AssignDirectly("a1", WHY), AssignDirectly("a2", WHY))
    assert stage.state(talk).assignee == "a1"
    assert stage.news_of("agent/a1") == ["Assigned"]
    assert stage.news_of("channel/web") == ["Assigned"]


@pytest.mark.rule("guarantee-G7")
def test_of_two_offers_in_one_turn_one_is_made() -> None:
    """PEERS c17: never two live offers for one conversation."""
    stage = Stage(desk=desk('mode = "pull"'))  # The dispatcher offers nothing of its own.
    stage.logs_in("a1")
    stage.logs_in("a2")
    talk = stage.begin_conversation("ann")
    later = stage.clock.now() + 30
    order(stage, talk, MakeOffer("o1", "a1", later, WHY), MakeOffer("o2", "a2", later, WHY))
    assert (stage.offered_to(talk), stage.live_offer(talk)) == ("a1", "o1")


# The customer's place is changed.


def test_a_waiting_customer_moves_to_another_queue_with_the_waiting_time(stage: Stage) -> None:
    talk = stage.begin_conversation("ann")
    since = stage.state(talk).since
    stage.clock.advance(50.0)
    order(stage, talk, MoveTo("sales", "queue_full"))
    state = stage.state(talk)
    assert (state.department, state.since, state.entered) == ("sales", since, since + 50.0)
    report = stage.dispatcher.view.conversations[talk]
    assert (report.department, report.since, report.entered) == ("sales", since, since + 50.0)


@pytest.mark.rule("D10")
def test_who_is_turned_away_hears_why_and_it_is_over(stage: Stage) -> None:
    """Salesforce S3: a chat that nobody can take does not just end; the customer is told."""
    talk = stage.begin_conversation("ann")
    order(stage, talk, TurnAway("queue_full", "Please write again later."))
    assert stage.news_of("channel/web") == ["AutomaticReply", "ConversationEnded"]
    told = stage.mail["channel/web"]
    assert (told[0].news.kind, told[0].news.text, told[0].contact) == (  # type: ignore[union-attr]
        "turned_away", "Please write again later.", "ann",
    )  # fmt: skip
    assert (told[1].news.by, told[1].news.reason) == ("limit", "queue_full")  # type: ignore[union-attr]
    assert stage.begin_conversation("ann") != talk


def test_an_offer_that_was_made_stands_though_a_limit_is_reached(stage: Stage) -> None:
    stage.logs_in("a1")
    talk = stage.begin_conversation("ann")
    order(stage, talk, MoveTo("sales", "queue_full"), TurnAway("waited_too_long", "Sorry."))
    assert (stage.state(talk).status, stage.offered_to(talk)) == (Status.OFFERED, "a1")
    assert stage.dispatcher.view.conversations[talk].offered_to == "a1", (
        "reported, though nothing has changed"
    )


@pytest.mark.rule("D10")
def test_a_conversation_is_greeted_once(stage: Stage) -> None:
    talk = stage.begin_conversation("ann")
    for _ in range(2):
        order(stage, talk, Greet("offline", "We are back at nine."))
    assert stage.news_of("channel/web") == ["AutomaticReply"]
    assert last(stage, "channel/web").kind == "offline"


# The assignee is gone, and comes back.


@pytest.mark.rule("D11")
def test_a_reply_to_somebody_who_is_gone_goes_to_somebody_else(stage: Stage) -> None:
    """Chatwoot#4158, #7204: it stays with an agent who is offline. PEERS c1."""
    stage.logs_in("a1")
    talk = stage.begin_conversation("ann", "a1")
    since = stage.state(talk).since
    stage.logs_in("a2")
    stage.says("a1", talk, "How can I help?")
    order(stage, talk, OwnerGone("a1", "away"))
    assert stage.state(talk).assignee == "a1", "until the customer writes"
    stage.chooses("a1", "away")
    ack = stage.writes("ann", "are you there?")
    assert ack.conversation == talk
    state = stage.state(talk)
    assert (state.assignee, state.since, stage.offered_to(talk)) == ("", since, "a2")
    assert (last(stage, "agent/a1").agent, last(stage, "agent/a1").reason) == ("a1", "assignee_gone")


@pytest.mark.rule("D11", "D12")
def test_who_is_back_before_the_customer_writes_keeps_it(stage: Stage) -> None:
    stage.logs_in("a1")
    talk = stage.begin_conversation("ann", "a1")
    stage.says("a1", talk, "How can I help?")
    order(stage, talk, OwnerGone("a1", "away"))
    order(stage, talk, OwnerBack("a2"))
    assert stage.state(talk).assignee_gone
    order(stage, talk, OwnerBack("a1"))
    stage.writes("ann", "are you there?")
    assert stage.state(talk).assignee == "a1"
    assert "AssigneeBack" in stage.events_of(talk)


@pytest.mark.rule("D11")
@pytest.mark.parametrize("restart", [False, True])
def test_that_the_assignee_is_gone_is_not_forgotten(stage: Stage, restart: bool) -> None:
    stage.logs_in("a1")
    talk = stage.begin_conversation("ann", "a1")
    stage.says("a1", talk, "How can I help?")
    order(stage, talk, OwnerGone("a1", "away"))
    stage.clock.advance(1.0)
    stage.turn(park_idle_s=0.0)
    assert ("conversation", "acme", talk) not in stage.system.actors
    if restart:
        stage.restart()
    stage.writes("ann", "are you there?")
    assert stage.state(talk).assignee == ""


@pytest.mark.rule("guarantee-G11")
def test_released_again_and_again_the_waiting_time_is_kept_and_the_place_is_new(stage: Stage) -> None:
    talk = stage.begin_conversation("ann")
    since = stage.clock.now()
    for agent in ("a1", "a2"):
        stage.clock.advance(100.0)
        order(stage, talk, AssignDirectly(agent, WHY))
        stage.clock.advance(100.0)
        order(stage, talk, Release(agent, "gone"))
        report = stage.dispatcher.view.conversations[talk]
        assert (report.since, report.entered) == (since, stage.clock.now())
        assert report.previous == agent


def test_by_policy_a_gone_assignee_keeps_it(stage: Stage) -> None:
    talk = stage.begin_conversation("ann")
    order(stage, talk, AssignDirectly("a1", WHY), Release("a1", "assignee_gone", keep=True))
    stage.writes("ann", "hello?")
    assert stage.state(talk).assignee == "a1"


@pytest.mark.rule("A4")
def test_a_hand_over_gives_it_to_a_colleague_or_to_a_queue(stage: Stage) -> None:
    talk = stage.begin_conversation("ann")
    order(stage, talk, AssignDirectly("a1", WHY))
    order(stage, talk, Reassign("a2", "far", "", "late news about somebody else"))
    assert stage.state(talk).assignee == "a1"
    order(stage, talk, Reassign("a1", "a2", "", "away"))
    assert (stage.state(talk).assignee, last(stage, "agent/a1").to_agent) == ("a2", "a2")
    order(stage, talk, Reassign("a2", "", "sales", "away"))
    state = stage.state(talk)
    assert (state.status, state.assignee, state.department) == (Status.QUEUED, "", "sales")
    order(stage, talk, AssignDirectly("far", WHY), Reassign("far", "", "", "away"))
    assert stage.state(talk).department == "sales"


# The first reply (PEERS c5).


def assigned_at(stage: Stage) -> tuple[str, float]:
    stage.logs_in("a1")
    talk = stage.begin_conversation("ann", "a1")
    stage.logs_in("a2", "boss")
    return talk, stage.clock.now()


def test_an_assignee_who_does_not_answer_is_told_of_and_so_are_the_supervisors() -> None:
    """Chatwoot#14508, #13516: accepted, and then nobody answers."""
    stage = Stage(desk=desk("first_reply_timeout_s = 120"))
    talk, at = assigned_at(stage)
    stage.pass_time(119.0)
    assert "FirstReplyMissed" not in stage.news_of("agent/a1")
    stage.writes("ann", "hello?")
    stage.pass_time(1.0)
    for agent in ("a1", "boss"):
        news = last(stage, f"agent/{agent}")
        assert (type(news).__name__, news.agent, news.since) == ("FirstReplyMissed", "a1", at)
    assert "FirstReplyMissed" not in stage.news_of("agent/a2")
    assert stage.state(talk).assignee == "a1"
    stage.pass_time(3600.0)
    assert stage.news_of("agent/a1").count("FirstReplyMissed") == 1


def test_by_policy_somebody_else_gets_it_then() -> None:
    stage = Stage(desk=desk('first_reply_timeout_s = 120\nfirst_reply_missed = "requeue"'))
    talk, at = assigned_at(stage)
    stage.pass_time(120.0)
    assert (stage.state(talk).assignee, stage.offered_to(talk)) == ("", "a2")
    assert stage.state(talk).since == at
    assert stage.news_of("agent/a1")[-2:] == ["FirstReplyMissed", "Unassigned"]


@pytest.mark.parametrize("restart", [False, True])
def test_one_reply_is_enough(restart: bool) -> None:
    stage = Stage(desk=desk("first_reply_timeout_s = 120", "grace_s = 3600"))
    talk, _ = assigned_at(stage)
    if restart:
        stage.restart()
        stage.logs_in("a1", "a2", "boss")
        assert stage.state(talk).first_reply_by is not None
    stage.says("a1", talk, "hello")
    assert stage.state(talk).first_reply_by is None
    stage.pass_time(3600.0)
    assert "FirstReplyMissed" not in stage.events_of(talk)


def test_a_conversation_that_owes_a_reply_is_not_parked_and_the_time_survives_a_restart() -> None:
    stage = Stage(desk=desk("first_reply_timeout_s = 120", "grace_s = 3600"))
    talk, _ = assigned_at(stage)
    stage.clock.advance(60.0)
    stage.turn(park_idle_s=1.0)
    assert ("conversation", "acme", talk) in stage.system.actors
    stage.restart()
    stage.pass_time(60.0)
    assert stage.events_of(talk)[-1] == "FirstReplyMissed"


# The end.


@pytest.mark.rule("F12", "F8")
@pytest.mark.parametrize(
    ("policies", "reason", "code"),
    [
        ("", "", ""),
        ("", "anything", ""),
        ("wrap_up_required = true", "", "WRAP_UP"),
        ("wrap_up_required = true", "anything", ""),
        ('wrap_up_reasons = ["solved"]', "", ""),
        ('wrap_up_reasons = ["solved"]', "anything", "WRAP_UP"),
        ('wrap_up_reasons = ["solved"]', "solved", ""),
        ('wrap_up_required = true\nwrap_up_reasons = ["solved"]', "", "WRAP_UP"),
        ('wrap_up_required = true\nwrap_up_reasons = ["solved"]', "anything", "WRAP_UP"),
        ('wrap_up_required = true\nwrap_up_reasons = ["solved"]', "solved", ""),
    ],
)
def test_the_end_asks_for_the_wrap_up_reason_that_the_desk_wants(
    policies: str, reason: str, code: str
) -> None:
    stage = Stage(desk=desk(policies=policies))
    stage.logs_in("a1")
    talk = stage.begin_conversation("ann", "a1")
    answer = stage.ends("a1", talk, reason)
    assert (answer.code if isinstance(answer, Refused) else "") == code
    assert (stage.state(talk).status is Status.ENDED) == (not code)
    if code and "solved" in policies:
        assert "'solved'" in answer.message


@pytest.mark.rule("F11")
def test_a_customer_may_go_without_a_reason() -> None:
    stage = Stage(desk=desk(policies="wrap_up_required = true"))
    stage.logs_in("a1")
    stage.begin_conversation("ann", "a1")
    assert isinstance(stage.leaves("ann"), Ack)
