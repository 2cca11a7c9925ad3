"""How conversations end: by style, later, with a wrap-up, with their channel (F2-F4, F8-F13, F15)."""

from __future__ import annotations

from typing import Any

import pytest

from actors import events
from actors.conversation.state import Status
from protocol.content import Text
from protocol.life import Interrupted, StatusChanged
from protocol.messages import Ack, CustomerLeft, CustomerMessage
from protocol.news import ConversationEnded
from protocol.teamwork import HandOver
from tests.actors.styles import DAY_S, HOUR_S, no_violations, refused, styled, talks, used, writes
from tests.stage import Stage, desk_text


def statuses(stage: Stage, *talks: str) -> list[str]:
    return [stage.state(talk).status.value for talk in talks]


def last_news(stage: Stage, stream: str, kind: type[Any]) -> Any:
    found = [delivered.news for delivered in stage.mail[stream] if isinstance(delivered.news, kind)]
    return found[-1]


# By style.


@pytest.mark.rule("F2", "O3")
def test_a_live_chat_ends_at_once_and_who_returns_begins_a_new_one() -> None:
    stage = styled()
    stage.logs_in("a1")
    talk = talks(stage, "web")
    stage.ends("a1", talk, "answered")
    assert statuses(stage, talk) == ["ended"]
    again = talks(stage, "web")
    assert again != talk
    assert statuses(stage, talk, again) == ["ended", "open"]


@pytest.mark.rule("F3", "F15", "O3")
def test_who_returns_within_the_gap_is_back_in_the_same_conversation_with_the_same_agent() -> None:
    stage = styled()
    stage.logs_in("a1", "a2")
    talk = talks(stage, "sms")
    for _ in range(3):
        stage.ends("a1", talk, "answered")
        assert statuses(stage, talk) == ["solved"]
        assert used(stage) == 0
        stage.pass_time(HOUR_S - 1)
        assert writes(stage, "sms").conversation == talk
        assert (stage.state(talk).status, stage.state(talk).assignee) == (Status.OPEN, "a1")
        assert used(stage) == 1
        assert isinstance(stage.says("a1", talk, "here again"), Ack)
    assert "Reopened" in stage.news_of("agent/a1")
    assert stage.events_of(talk).count("Queued") == 1, "F3: nobody waits in the queue a second time"
    no_violations(stage)


@pytest.mark.rule("F3", "F4")
@pytest.mark.parametrize(("channel", "gap_s"), [("sms", HOUR_S), ("social", 4 * DAY_S), ("long", 28 * DAY_S)])
@pytest.mark.parametrize("between", ["nothing", "restart", "parked", "restart and parked"])
def test_a_solved_conversation_closes_when_its_time_is_over_and_not_before(
    channel: str, gap_s: float, between: str
) -> None:
    stage = styled()
    stage.logs_in("a1")
    talk = talks(stage, channel)
    stage.ends("a1", talk, "answered")
    closes_at = stage.clock.now() + gap_s
    assert stage.state(talk).closes_at == closes_at
    if "restart" in between:
        stage.restart()
    if "parked" in between:
        stage.parks()
        assert not stage.in_memory(talk)
    stage.pass_time(closes_at - stage.clock.now() - 1)
    assert statuses(stage, talk) == ["solved"]
    assert stage.in_memory(talk) is ("parked" not in between), "its deadline costs no memory"
    stage.pass_time(1.0)
    assert statuses(stage, talk) == ["ended"]
    ended = last_news(stage, f"channel/{channel}", ConversationEnded)
    assert (ended.by, ended.reason) == ("time", "not_reopened")
    assert writes(stage, channel).conversation != talk


@pytest.mark.rule("F4", "D11")
def test_a_solved_conversation_that_was_parked_is_found_by_its_customer() -> None:
    stage = styled()
    stage.logs_in("a1")
    talk = talks(stage, "long")
    stage.ends("a1", talk)
    stage.restart()
    stage.parks()
    assert not stage.in_memory(talk)
    stage.pass_time(27 * DAY_S)
    stage.logs_in("a1")
    assert writes(stage, "long").conversation == talk
    assert (stage.state(talk).status, stage.state(talk).assignee) == (Status.OPEN, "a1")
    stage.pass_time(5 * DAY_S)
    assert statuses(stage, talk) == ["open"], "the old time to close is none any more"
    no_violations(stage)


@pytest.mark.rule("F6")
def test_a_department_may_have_another_style_than_the_channel() -> None:
    stage = styled(
        departments={"sales": 'style = "short"', "help": ""}, people={"a1": 'departments = ["help", "sales"]'}
    )
    stage.logs_in("a1")
    one, other = talks(stage, "social"), talks(stage, "social", "bob", department="sales")
    assert [stage.state(talk).style for talk in (one, other)] == ["social_messaging", "short"]


@pytest.mark.rule("F7")
@pytest.mark.parametrize(("known", "style"), [(False, "live_chat"), (True, "social_messaging")])
def test_a_web_visitor_who_is_not_known_is_a_live_chat_whatever_the_channel_says(
    known: bool, style: str
) -> None:
    stage = styled()
    stage.logs_in("a1")
    talk = talks(stage, "site", authenticated=known)
    assert stage.state(talk).style == style
    stage.ends("a1", talk)
    assert statuses(stage, talk) == ["solved" if known else "ended"]


def test_a_style_that_has_left_the_desk_leaves_nothing_open() -> None:
    stage = styled()
    stage.logs_in("a1")
    talk = talks(stage, "long")
    stage.applies(desk_text(channels={"long": 'kind = "messenger"'}))
    stage.ends("a1", talk)
    assert statuses(stage, talk) == ["ended"]


@pytest.mark.rule("F9")
def test_what_is_solved_lets_nobody_write_before_it_is_reopened() -> None:
    stage = styled()
    stage.logs_in("a1")
    talk = talks(stage, "sms")
    stage.ends("a1", talk)
    for answer in (
        stage.says("a1", talk, "one more thing"),
        stage.transfers("a1", talk, to_department="help"),
        stage.sets_status("a1", talk, "pending"),
    ):
        assert refused(answer) == "CLOSED"
        assert "reopen it first" in answer.message
    assert refused(stage.ends("a1", talk, after_s=5)) == "NOT_ALLOWED"
    assert isinstance(stage.ends("a1", talk), Ack)
    assert statuses(stage, talk) == ["ended"]


# Later.


@pytest.mark.rule("F10")
@pytest.mark.parametrize("restart", [False, True])
def test_an_end_can_come_later(restart: bool) -> None:
    stage = styled()
    stage.logs_in("a1")
    talk = talks(stage, "web")
    assert isinstance(stage.ends("a1", talk, "answered", after_s=30, notes="Nice."), Ack)
    assert statuses(stage, talk) == ["open"]
    if restart:
        stage.restart()
        stage.logs_in("a1")
    stage.pass_time(29.0)
    assert statuses(stage, talk) == ["open"]
    stage.pass_time(1.0)
    assert statuses(stage, talk) == ["ended"]
    ended = next(entry.event for entry in stage.entries() if type(entry.event).__name__ == "Ended")
    assert (ended.by, ended.reason, ended.notes) == ("agent", "answered", "Nice.")  # type: ignore[union-attr]


@pytest.mark.rule("F10")
@pytest.mark.parametrize("who", ["agent", "customer"])
def test_an_end_that_was_to_come_is_called_off_by_the_agent_or_by_the_customer_who_writes(who: str) -> None:
    stage = styled()
    stage.logs_in("a1")
    talk = talks(stage, "web")
    assert refused(stage.cancels_end("a1", talk)) == "OFFER_GONE"
    stage.ends("a1", talk, after_s=30)
    if who == "agent":
        assert isinstance(stage.cancels_end("a1", talk), Ack)
    else:
        stage.writes("ann", "wait!")
    assert stage.news_of("agent/a1")[-1] == "EndCancelled"
    stage.pass_time(60.0)
    assert statuses(stage, talk) == ["open"]


@pytest.mark.rule("F10", "F3")
def test_an_end_that_comes_later_is_by_style_too_and_can_be_set_anew() -> None:
    stage = styled()
    stage.logs_in("a1")
    talk = talks(stage, "sms")
    stage.ends("a1", talk, after_s=30)
    stage.ends("a1", talk, "answered", after_s=60)
    stage.pass_time(59.0)
    assert statuses(stage, talk) == ["open"]
    stage.pass_time(1.0)
    assert statuses(stage, talk) == ["solved"]
    solved = last_news(stage, "agent/a1", StatusChanged)
    assert (solved.status, solved.by, solved.reason) == ("solved", "a1", "answered")
    assert solved.closes_at == stage.clock.now() + HOUR_S


@pytest.mark.rule("F10", "G1")
def test_whoever_gets_the_conversation_before_decides_anew() -> None:
    stage = styled('transfer_consent = "immediate"')
    stage.logs_in("a1", "a2")
    talk = talks(stage, "web", agent="a1")
    stage.ends("a1", talk, after_s=30)
    assert isinstance(stage.transfers("a1", talk, "a2"), Ack)
    stage.pass_time(60.0)
    assert (stage.state(talk).status, stage.state(talk).assignee) == (Status.OPEN, "a2")


# Wrap-up.

WRAP_UP = 'wrap_up_required = true\nwrap_up_reasons = ["sold", "not sold"]'


@pytest.mark.rule("F11", "A4")
def test_what_is_only_to_be_wrapped_up_stays_with_its_agent_in_a_hand_over() -> None:
    stage = styled(WRAP_UP)
    stage.logs_in("a1", "a2")
    left = talks(stage, "web")
    stage.leaves("ann")
    stage.says_to_desk("a1", HandOver(stage.command_id(), "a1", "away", "a2", ""))
    (handed,) = [entry.event for entry in stage.entries() if type(entry.event) is events.HandedOver]
    assert handed.results == []
    assert (statuses(stage, left), stage.state(left).assignee) == (["wrap_up"], "a1")
    no_violations(stage)


@pytest.mark.rule("F10", "F11")
@pytest.mark.parametrize("policies", ["", WRAP_UP])
def test_who_has_given_a_reason_for_a_later_end_owes_none_when_the_customer_leaves_before(
    policies: str,
) -> None:
    stage = styled(policies)
    stage.logs_in("a1")
    talk = talks(stage, "web")
    assert isinstance(stage.ends("a1", talk, "sold", 60, "three roses"), Ack)
    stage.leaves("ann")
    assert statuses(stage, talk) == ["ended"]
    (ended,) = [entry.event for entry in stage.entries() if type(entry.event) is events.Ended]
    assert (ended.by, ended.reason, ended.notes) == ("customer", "sold", "three roses")
    assert used(stage) == 0


@pytest.mark.rule("F11", "F12")
@pytest.mark.parametrize("restart", [False, True])
def test_a_customer_who_ends_leaves_the_agent_to_wrap_up_and_may_begin_anew(restart: bool) -> None:
    stage = styled(WRAP_UP)
    stage.logs_in("a1")
    talk = talks(stage, "web")
    assert isinstance(stage.leaves("ann"), Ack)
    assert statuses(stage, talk) == ["wrap_up"]
    assert last_news(stage, "agent/a1", Interrupted).by == "customer"
    assert stage.news_of("channel/web")[-1] == "ConversationEnded"
    if restart:
        stage.restart()
        stage.logs_in("a1")
        stage.parks()
    assert used(stage) == 1, "the agent is still at work"
    answer = stage.says("a1", talk, "are you there?")
    assert refused(answer) == "CLOSED"
    assert "finish it with end" in answer.message
    again = talks(stage, "web")
    assert again != talk
    assert refused(stage.ends("a1", talk)) == "WRAP_UP"
    assert isinstance(stage.ends("a1", talk, "sold"), Ack)
    assert statuses(stage, talk, again) == ["ended", "open"]
    assert stage.news_of("channel/web").count("ConversationEnded") == 1, "it was over for the customer before"
    assert stage.news_of("agent/a1").count("ConversationEnded") == 1
    no_violations(stage)


@pytest.mark.rule("F11")
def test_where_no_reason_is_wanted_nobody_has_to_wrap_up() -> None:
    stage = styled()
    stage.logs_in("a1")
    talk = talks(stage, "web")
    stage.leaves("ann")
    assert statuses(stage, talk) == ["ended"]


@pytest.mark.rule("F11")
def test_who_writes_in_the_turn_in_which_he_has_left_begins_a_new_conversation() -> None:
    stage = styled(WRAP_UP)
    stage.logs_in("a1")
    talk = talks(stage, "web")
    stage.turn(
        stage.from_gateway(CustomerLeft(stage.command_id(), "web", "ann")),
        stage.from_gateway(CustomerMessage(stage.command_id(), "web", "ann", Text("one more thing"))),
    )
    left, wrote = stage.replies
    assert left.conversation == talk
    assert wrote.conversation != talk
    assert statuses(stage, talk, wrote.conversation) == ["wrap_up", "offered"]


@pytest.mark.rule("F11")
def test_a_wrap_up_ends_by_itself_when_its_time_is_over() -> None:
    stage = styled(f"{WRAP_UP}\nwrap_up_timeout_s = 120")
    stage.logs_in("a1")
    talk = talks(stage, "web")
    stage.leaves("ann")
    assert last_news(stage, "agent/a1", Interrupted).wrap_up_by == stage.clock.now() + 120
    stage.pass_time(119.0)
    assert statuses(stage, talk) == ["wrap_up"]
    stage.pass_time(1.0)
    assert statuses(stage, talk) == ["ended"]
    assert last_news(stage, "agent/a1", ConversationEnded).reason == "wrap_up_missed"


@pytest.mark.rule("F11", "guarantee-G11")
@pytest.mark.parametrize("lost", ["queue", "on_reply", "keep"])
def test_a_wrap_up_ends_when_its_agent_is_gone_for_nobody_else_can_do_it(lost: str) -> None:
    stage = styled(f'{WRAP_UP}\nwhen_lost = "{lost}"')
    stage.logs_in("a1")
    talk = talks(stage, "web")
    stage.leaves("ann")
    stage.logs_out("a1")
    assert statuses(stage, talk) == ["ended"]
    no_violations(stage)


@pytest.mark.rule("F11", "A4")
def test_a_wrap_up_is_not_handed_over() -> None:
    stage = styled(WRAP_UP)
    stage.logs_in("a1")
    wrapped, talk = talks(stage, "web"), talks(stage, "web", "bob")
    stage.leaves("ann")
    stage.logs_in("a2")
    stage.hands_over("a1", "offline", "a2")
    assert (stage.state(talk).assignee, stage.state(wrapped).status) == ("a2", Status.ENDED)
    no_violations(stage)


# The channel is removed.


def without_channel() -> str:
    return desk_text(people={"boss": 'role = "supervisor"'})


@pytest.mark.rule("F13")
@pytest.mark.parametrize("between", ["nothing", "parked", "restart and parked"])
def test_a_channel_that_is_removed_interrupts_its_conversations(between: str) -> None:
    stage = styled()
    stage.logs_in("a1")
    mine, solved = talks(stage, "social"), talks(stage, "social", "bob")
    stage.ends("a1", solved)
    stage.chooses("a1", "busy")
    waits = writes(stage, "social", "cho").conversation
    if "parked" in between:
        stage.parks()
        assert not stage.in_memory(mine)
        assert not stage.in_memory(solved)
    stage.applies(without_channel())
    if "restart" in between:
        stage.restart()
        stage.logs_in("a1")
    for _ in range(3):
        stage.pass_time(0.25)
    assert statuses(stage, mine, solved, waits) == ["wrap_up", "ended", "ended"]
    assert last_news(stage, "agent/a1", Interrupted).reason == "channel_removed"
    answer = stage.says("a1", mine, "hello?")
    assert refused(answer) == "CLOSED"
    assert "was removed" in answer.message
    assert isinstance(stage.ends("a1", mine), Ack)
    assert stage.dispatcher.state.leaving == []
    no_violations(stage)


@pytest.mark.rule("F13")
def test_a_parked_conversation_that_is_woken_first_lets_nothing_through_to_a_removed_channel(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = styled()
    stage.logs_in("a1")
    talk = talks(stage, "social")
    stage.parks()
    stage.dispatcher.removal.due_at = 1e12  # The look into the store is still to come.
    stage.applies(without_channel())
    assert not stage.in_memory(talk)
    assert refused(stage.says("a1", talk, "hello?")) == "CLOSED"
    assert statuses(stage, talk) == ["wrap_up"]


@pytest.mark.rule("F13")
def test_many_parked_conversations_of_a_removed_channel_are_told_in_bounded_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("actors.dispatcher.removal.STEP", 2)
    stage = styled(capacity=50)
    stage.logs_in("a1")
    found = [talks(stage, "social", f"customer-{number}") for number in range(7)]
    stage.parks()
    stage.applies(without_channel())
    steps = 0
    while stage.dispatcher.state.leaving:
        told = sum(stage.state(talk).status is Status.WRAP_UP for talk in found)
        assert told <= 2 * (steps + 1)
        stage.pass_time(0.25)
        steps += 1
    assert steps >= 3
    assert statuses(stage, *found) == ["wrap_up"] * 7


@pytest.mark.rule("F13")
def test_a_channel_that_comes_back_in_time_interrupts_nobody() -> None:
    stage = styled()
    desk = stage.dispatcher.state.text
    stage.logs_in("a1")
    talk = talks(stage, "social")
    stage.parks()
    stage.dispatcher.removal.due_at = 1e12
    stage.applies(without_channel())
    stage.applies(desk)
    stage.dispatcher.removal.due_at = 0.0
    stage.pass_time(1.0)
    assert isinstance(stage.says("a1", talk, "still here"), Ack)
    assert statuses(stage, talk) == ["open"]
