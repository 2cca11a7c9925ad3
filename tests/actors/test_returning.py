"""How conversations are taken up again: replies, statuses, reopening, do not disturb (F3-F5, F14, M1)."""

from __future__ import annotations

from typing import Any

import pytest

from actors.conversation.orders import Mute, Unmute
from actors.conversation.state import Status
from actors.queries import agent_snapshot
from protocol.content import Text
from protocol.life import DoNotDisturbChanged, Noted, Rated, Renamed, Reopen, Reopened, StatusChanged, Tagged
from protocol.messages import Ack, CustomerMessage, Logout
from tests.actors.styles import DAY_S, no_violations, refused, styled, talks, used, writes
from tests.stage import Stage


def whose(stage: Stage, talk: str) -> tuple[str, str]:
    state = stage.state(talk)
    return state.status.value, state.assignee


def news(stage: Stage, agent: str, kind: type[Any]) -> list[Any]:
    mail = stage.mail.get(f"agent/{agent}", [])
    return [delivered.news for delivered in mail if isinstance(delivered.news, kind)]


# Waiting for somebody.


@pytest.mark.rule("F1", "F5", "guarantee-G8")
@pytest.mark.parametrize("status", ["pending", "on_hold"])
@pytest.mark.parametrize(("channel", "released"), [("social", True), ("sms", False)])
@pytest.mark.parametrize("between", ["nothing", "restart", "parked", "restart and parked"])
def test_what_waits_for_somebody_releases_capacity_by_its_style_and_takes_it_again_with_the_reply(
    status: str, channel: str, released: bool, between: str
) -> None:
    stage = styled()
    stage.logs_in("a1")
    talk = talks(stage, channel)
    assert isinstance(stage.sets_status("a1", talk, status), Ack)
    assert news(stage, "a1", StatusChanged)[-1].status == status
    if "restart" in between:
        stage.restart()
        stage.logs_in("a1")
    if "parked" in between:
        stage.parks()
        assert not stage.in_memory(talk)
    assert used(stage) == (0 if released else 1)
    assert stage.dispatcher.view.agent("a1").conversations == 1
    no_violations(stage)
    assert writes(stage, channel).conversation == talk
    assert whose(stage, talk) == ("open", "a1")
    assert used(stage) == 1
    last = news(stage, "a1", StatusChanged)[-1]
    assert (last.status, last.by) == ("open", "customer")
    no_violations(stage)


@pytest.mark.rule("F5")
def test_a_reply_takes_capacity_above_the_limit_if_it_must() -> None:
    stage = styled(agents=1, capacity=1)
    stage.logs_in("a1")
    first = talks(stage, "social")
    stage.sets_status("a1", first, "pending")
    second = talks(stage, "social", "bob")
    assert used(stage) == 1
    assert writes(stage, "social").conversation == first
    assert whose(stage, first) == ("open", "a1")
    assert used(stage) == 2
    third = writes(stage, "social", "cho").conversation
    stage.ends("a1", second)
    assert stage.offered_to(third) == "", "still as much work as the capacity"
    stage.ends("a1", first)
    assert stage.offered_to(third) == "a1"
    no_violations(stage)


@pytest.mark.rule("F1")
def test_a_status_is_set_once_and_by_who_has_the_conversation_or_may_end_it() -> None:
    stage = styled()
    stage.logs_in("a1", "a2", "boss")
    talk = talks(stage, "social", agent="a1")
    assert refused(stage.sets_status("a1", talk, "open")) == "ALREADY_SO"
    assert refused(stage.sets_status("a2", talk, "pending")) == "NOT_ALLOWED"
    assert isinstance(stage.sets_status("boss", talk, "on_hold"), Ack)
    assert isinstance(stage.sets_status("a1", talk, "pending"), Ack)
    assert isinstance(stage.sets_status("a1", talk, "open"), Ack)
    assert isinstance(stage.transfers("a1", talk, "a2"), Ack)
    assert refused(stage.sets_status("a1", talk, "pending")) == "UNDER_WAY"


@pytest.mark.rule("F5", "G1", "G4")
def test_what_is_transferred_while_it_waits_takes_capacity_and_is_open_for_whoever_gets_it() -> None:
    stage = styled(capacity=1)
    stage.logs_in("a1")
    talk = talks(stage, "social")
    stage.sets_status("a1", talk, "pending")
    stage.logs_in("a2")
    full = talks(stage, "web", "bob", agent="a1")
    answer = stage.transfers("a1", talk, "a2")
    assert isinstance(answer, Ack)
    assert (used(stage, "a1"), used(stage, "a2")) == (2, 1)
    stage.declines("a2", talk)
    assert (used(stage, "a1"), used(stage, "a2")) == (1, 0)
    assert whose(stage, talk) == ("pending", "a1")
    stage.transfers("a1", talk, "a2")
    stage.accepts("a2", talk)
    assert whose(stage, talk) == ("open", "a2")
    assert whose(stage, full) == ("open", "a1")
    assert refused(stage.transfers("a1", full, "a2")) == "UNAVAILABLE", "a2 has no room left"
    no_violations(stage)


@pytest.mark.rule("F5", "G1")
@pytest.mark.parametrize("how", ["transfer", "hand-over"])
def test_what_waits_is_given_to_nobody_without_room_for_it(how: str) -> None:
    stage = styled(capacity=1)
    stage.logs_in("a1")
    talk = talks(stage, "social")
    stage.sets_status("a1", talk, "pending")
    stage.logs_in("a2")
    stage.chooses("a1", "busy")
    talks(stage, "web", "bob", agent="a2")
    if how == "transfer":
        assert refused(stage.transfers("a1", talk, "a2")) == "UNAVAILABLE"
        assert whose(stage, talk) == ("pending", "a1")
    else:
        stage.hands_over("a1", "offline", "a2")
        assert whose(stage, talk) == ("queued", "")
    assert used(stage, "a2") == 1
    no_violations(stage)


@pytest.mark.rule("F5", "A4", "D11")
def test_what_waits_is_handed_over_with_all_the_rest() -> None:
    stage = styled(capacity=1)
    stage.logs_in("a1")
    talk = talks(stage, "social")
    stage.sets_status("a1", talk, "pending")
    stage.logs_in("a2")
    stage.hands_over("a1", "offline", "a2")
    assert whose(stage, talk) == ("open", "a2")
    assert used(stage, "a2") == 1
    no_violations(stage)


@pytest.mark.rule("D11", "F5", "guarantee-G11")
@pytest.mark.parametrize("parked", [False, True])
def test_what_waits_stays_with_an_agent_who_has_gone_home_until_the_customer_replies(parked: bool) -> None:
    """Whoever logs out every evening does not throw the work of weeks into the queue."""
    stage = styled()
    stage.logs_in("a1")
    talk, mine = talks(stage, "social"), talks(stage, "social", "bob")
    stage.sets_status("a1", talk, "pending")
    stage.sets_status("a1", mine, "pending")
    stage.logs_out("a1")
    assert whose(stage, talk) == ("pending", "a1")
    if parked:
        stage.parks()
        stage.restart()
    stage.logs_in("a2")
    assert writes(stage, "social").conversation == talk
    assert whose(stage, talk) == ("offered", "")
    assert stage.state(talk).since == stage.clock.now(), "he waits since he has replied"
    stage.logs_in("a1")
    writes(stage, "social", "bob")
    assert whose(stage, mine) == ("open", "a1")
    no_violations(stage)


@pytest.mark.rule("D11", "A11")
def test_where_the_desk_keeps_what_is_lost_a_reply_waits_for_its_agent() -> None:
    stage = styled('when_lost = "keep"')
    stage.logs_in("a1")
    pending, solved = talks(stage, "social"), talks(stage, "social", "bob")
    stage.sets_status("a1", pending, "pending")
    stage.ends("a1", solved)
    stage.logs_out("a1")
    stage.logs_in("a2")
    for contact in ("ann", "bob"):
        writes(stage, "social", contact)
    assert [whose(stage, talk) for talk in (pending, solved)] == [("open", "a1")] * 2


@pytest.mark.rule("D11")
def test_a_supervisor_who_takes_up_what_a_lost_agent_left_waiting_sends_it_to_the_queue() -> None:
    stage = styled()
    stage.logs_in("a1", "boss")
    talk = talks(stage, "social")
    stage.sets_status("a1", talk, "on_hold")
    stage.logs_out("a1")
    stage.logs_in("a2")
    assert isinstance(stage.sets_status("boss", talk, "open"), Ack)
    assert stage.state(talk).status in (Status.QUEUED, Status.OFFERED)
    no_violations(stage)


# Solved.


@pytest.mark.rule("D11", "D7", "F3")
def test_who_returns_when_the_agent_is_gone_waits_for_somebody_and_that_agent_comes_first() -> None:
    stage = styled(departments={"help": 'previous_agent = "online"'})
    stage.logs_in("a1")
    talk = talks(stage, "sms")
    stage.ends("a1", talk)
    stage.logs_out("a1")
    stage.pass_time(600.0)
    assert writes(stage, "sms").conversation == talk
    assert whose(stage, talk) == ("queued", "")
    assert (stage.state(talk).since, stage.state(talk).previous) == (stage.clock.now(), "a1")
    stage.logs_in("a1", "a2")
    assert stage.offered_to(talk) == "a1"
    assert [told.agent for told in news(stage, "a1", Reopened)] == [""], "it is nobody's at first"


@pytest.mark.rule("D12", "F3")
def test_a_colleague_s_logout_does_not_touch_what_is_solved() -> None:
    stage = styled()
    stage.logs_in("a1")
    talk = talks(stage, "sms")
    stage.ends("a1", talk)
    stage.logs_out("a1")
    assert whose(stage, talk) == ("solved", "a1")
    stage.logs_in("a1")
    writes(stage, "sms")
    assert whose(stage, talk) == ("open", "a1")


@pytest.mark.rule("D11", "guarantee-G11")
@pytest.mark.parametrize("how", ["reply", "history", "lifted"])
@pytest.mark.parametrize("leaves_first", [False, True])
@pytest.mark.parametrize("lost", ["queue", "on_reply", "keep"])
def test_what_comes_back_to_an_agent_who_leaves_in_the_same_breath_is_not_left_behind(
    how: str, leaves_first: bool, lost: str
) -> None:
    stage = styled(f'when_lost = "{lost}"')
    stage.logs_in("a1")
    talk = talks(stage, "sms")
    back = stage.from_gateway(CustomerMessage(stage.command_id(), "sms", "ann", Text("hello?")))
    if how == "lifted":
        mutes(stage, talk, Mute("a1"))
        back = (("conversation", "acme", talk), Unmute("a1"))  # type: ignore[assignment]
    else:
        stage.ends("a1", talk)
    if how == "history":
        back = stage.command("a1", Reopen(stage.command_id(), "a1", talk))
    out = stage.command("a1", Logout(stage.command_id(), "a1"))
    stage.turn(*([out, back] if leaves_first else [back, out]))
    if how == "history" and leaves_first:
        assert whose(stage, talk) == ("solved", "a1"), "who is gone reopens nothing"
        return
    if lost == "keep":
        assert whose(stage, talk) == ("open", "a1")
    elif lost == "on_reply" and how != "reply" and whose(stage, talk)[0] == "open":
        assert stage.state(talk).assignee_gone
        writes(stage, "sms")
    if lost != "keep":
        assert whose(stage, talk) == ("queued", "")
    no_violations(stage)


@pytest.mark.rule("D11", "A6")
@pytest.mark.parametrize("status", ["pending", "solved"])
def test_who_is_logged_in_but_not_there_for_customers_gets_no_reply(status: str) -> None:
    stage = styled()
    stage.logs_in("a1")
    talk = talks(stage, "social")
    if status == "solved":
        stage.ends("a1", talk)
    else:
        stage.sets_status("a1", talk, status)
    stage.chooses("a1", "offline")
    assert whose(stage, talk) == (status, "a1")
    writes(stage, "social")
    assert whose(stage, talk) == ("queued", "")
    stage.chooses("a1", "online")
    assert stage.offered_to(talk) == "a1"


@pytest.mark.rule("F14", "A6")
def test_who_is_not_there_for_customers_reopens_nothing() -> None:
    stage = styled()
    stage.logs_in("a1")
    talk = talks(stage, "web")
    stage.ends("a1", talk)
    stage.chooses("a1", "offline")
    answer = stage.reopens("a1", talk)
    assert refused(answer) == "UNAVAILABLE"
    assert "choose another presence" in answer.message
    assert writes(stage, "web").conversation != talk, "it is not bound to what was not reopened"


# Out of the history.


@pytest.mark.rule("F14")
@pytest.mark.parametrize("between", ["nothing", "restart", "parked", "restart and parked"])
@pytest.mark.parametrize("channel", ["web", "sms"])
def test_an_agent_takes_up_what_has_ended_or_is_solved(between: str, channel: str) -> None:
    stage = styled()
    stage.logs_in("a1")
    talk = talks(stage, channel)
    stage.ends("a1", talk)
    if "restart" in between:
        stage.restart()
    stage.logs_in("a1", "a2")
    if "parked" in between:
        stage.parks()
        assert not stage.in_memory(talk)
    assert isinstance(stage.reopens("a2", talk), Ack)
    assert whose(stage, talk) == ("open", "a2")
    told = news(stage, "a2", Reopened)[-1]
    assert (told.by, told.agent, told.how) == ("a2", "a2", "history")
    assert stage.news_of(f"channel/{channel}")[-1] == "Reopened"
    assert used(stage, "a2") == 1
    assert writes(stage, channel).conversation == talk
    assert isinstance(stage.says("a2", talk, "here again"), Ack)
    stage.ends("a2", talk)
    again = writes(stage, channel).conversation
    assert (again == talk) == (channel == "sms")
    no_violations(stage)


@pytest.mark.rule("F14", "D6")
@pytest.mark.parametrize("parked", [False, True])
def test_nothing_is_reopened_beside_an_open_conversation_of_the_customer_which_is_named(parked: bool) -> None:
    stage = styled()
    stage.logs_in("a1")
    old = talks(stage, "web")
    stage.ends("a1", old)
    new = talks(stage, "web")
    if parked:
        stage.parks()
    answer = stage.reopens("a1", old)
    assert refused(answer) == "UNDER_WAY"
    assert new in answer.message
    assert writes(stage, "web").conversation == new
    stage.ends("a1", new)
    assert isinstance(stage.reopens("a1", old), Ack)
    assert refused(stage.reopens("a1", new)) == "UNDER_WAY"
    assert writes(stage, "web").conversation == old


@pytest.mark.rule("F14", "D6")
def test_two_agents_reopen_at_once_and_one_gets_it() -> None:
    stage = styled()
    stage.logs_in("a1", "a2")
    talk = talks(stage, "web", agent="a1")
    stage.ends("a1", talk)
    stage.turn(*(stage.command(agent, Reopen(stage.command_id(), agent, talk)) for agent in ("a2", "a1")))
    assert sorted(type(reply).__name__ for reply in stage.replies) == ["Ack", "Refused"]
    assert whose(stage, talk) == ("open", "a2")
    no_violations(stage)


@pytest.mark.rule("F14", "F13")
def test_nothing_is_reopened_whose_channel_is_gone() -> None:
    stage = styled()
    stage.logs_in("a1")
    talk = talks(stage, "social")
    stage.ends("a1", talk)
    stage.ends("a1", talk)
    stage.applies(Stage().dispatcher.state.text)
    answer = stage.reopens("a1", talk)
    assert refused(answer) == "CLOSED"
    assert "no longer in the desk" in answer.message


@pytest.mark.rule("F14", "guarantee-G15")
def test_who_neither_had_it_nor_serves_its_department_finds_nothing_to_reopen() -> None:
    stage = styled(departments={"sales": ""}, people={"far": 'departments = ["sales"]'})
    stage.logs_in("a1", "far")
    talk = talks(stage, "web")
    for _ in range(2):
        assert refused(stage.reopens("far", talk)) == "NOT_ALLOWED"
        stage.ends("a1", talk)


# Do not disturb.


def mutes(stage: Stage, talk: str, order: Any) -> None:
    stage.turn((("conversation", "acme", talk), order))


@pytest.mark.rule("M1")
@pytest.mark.parametrize("parked", [False, True])
def test_what_a_muted_customer_writes_is_kept_and_reaches_nobody_until_it_is_lifted(parked: bool) -> None:
    stage = styled()
    stage.logs_in("a1")
    talk = talks(stage, "web")
    mutes(stage, talk, Mute("a1"))
    assert (stage.state(talk).status, used(stage)) == (Status.MUTED, 0)
    heard = len(stage.mail["agent/a1"])
    if parked:
        stage.parks()
        assert not stage.in_memory(talk)
    assert writes(stage, "web", text="rude").conversation == talk
    assert len(stage.mail["agent/a1"]) == heard
    assert stage.events_of(talk)[-1] == "CustomerWrote"
    answer = stage.says("a1", talk, "stop it")
    assert refused(answer) == "CLOSED"
    assert "do-not-disturb" in answer.message
    mutes(stage, talk, Unmute("boss"))
    assert whose(stage, talk) == ("open", "a1")
    assert [told.on for told in news(stage, "a1", DoNotDisturbChanged)] == [True, False]
    assert used(stage) == 1
    no_violations(stage)


@pytest.mark.rule("M1")
def test_who_waited_when_muted_waits_again_with_the_waiting_time() -> None:
    stage = styled()
    talk = writes(stage, "web").conversation
    since = stage.state(talk).since
    stage.pass_time(60.0)
    mutes(stage, talk, Mute("boss"))
    stage.logs_in("a1")
    assert stage.offered_to(talk) == ""
    stage.pass_time(60.0)
    mutes(stage, talk, Unmute("boss"))
    assert (stage.offered_to(talk), stage.state(talk).since) == ("a1", since)


@pytest.mark.rule("M1", "F3")
@pytest.mark.parametrize("between", ["nothing", "restart", "parked", "the agent goes"])
def test_what_was_solved_is_solved_again_when_it_is_lifted_and_nobody_has_written(between: str) -> None:
    """It stood open, with an agent who had nothing to answer, and never closed."""
    stage = styled()
    stage.logs_in("a1")
    talk = talks(stage, "social")
    stage.ends("a1", talk)
    closes_at = stage.state(talk).closes_at
    assert closes_at is not None
    mutes(stage, talk, Mute("boss"))
    if between == "restart":
        stage.restart()
    elif between == "parked":
        stage.parks()
    elif between == "the agent goes":
        stage.logs_out("a1")
    mutes(stage, talk, Unmute("boss"))
    assert (*whose(stage, talk), stage.state(talk).closes_at) == ("solved", "a1", closes_at)
    assert [(told.on, told.closes_at) for told in news(stage, "a1", DoNotDisturbChanged)] == [
        (True, 0.0),
        (False, closes_at),
    ]
    assert used(stage) == 0
    stage.pass_time(closes_at - stage.clock.now())
    assert stage.state(talk).status is Status.ENDED
    no_violations(stage)


@pytest.mark.rule("M1", "F3")
def test_whoever_has_written_while_it_was_muted_has_what_was_solved_opened_again() -> None:
    stage = styled()
    stage.logs_in("a1")
    talk = talks(stage, "social")
    stage.ends("a1", talk)
    mutes(stage, talk, Mute("boss"))
    writes(stage, "social", text="one thing more")
    mutes(stage, talk, Unmute("boss"))
    assert whose(stage, talk) == ("open", "a1")
    no_violations(stage)


@pytest.mark.rule("M1", "D11")
def test_lifted_when_the_agent_is_gone_it_goes_to_the_queue() -> None:
    stage = styled()
    stage.logs_in("a1")
    talk = talks(stage, "web")
    mutes(stage, talk, Mute("a1"))
    stage.logs_out("a1")
    stage.logs_in("a2")
    mutes(stage, talk, Unmute("boss"))
    assert stage.offered_to(talk) == "a2"
    no_violations(stage)


# Labels.


@pytest.mark.rule("G12", "J8")
def test_a_note_reaches_the_other_agents_and_never_the_customer() -> None:
    stage = styled()
    stage.logs_in("a1", "a2", "boss")
    talk = talks(stage, "web", agent="a1")
    stage.invites("a1", talk, "a2")
    stage.joins("a2", talk)
    assert isinstance(stage.notes("a1", talk, "He is a regular."), Ack)
    assert isinstance(stage.notes("boss", talk, "Be kind."), Ack)
    assert [told.text for told in news(stage, "a2", Noted)] == ["He is a regular.", "Be kind."]
    assert [told.text for told in news(stage, "a1", Noted)] == ["Be kind."]
    assert "Noted" not in stage.news_of("channel/web")
    stage.ends("a1", talk)
    assert isinstance(stage.notes("a1", talk, "He was happy."), Ack)
    assert refused(stage.notes("a2", talk, "So was I.")) == "NOT_ALLOWED"


@pytest.mark.rule("G12", "J10")
def test_tags_are_put_on_and_taken_off_and_there_is_an_end_to_them() -> None:
    stage = styled()
    stage.logs_in("a1")
    talk = talks(stage, "web")
    assert isinstance(stage.tags("a1", talk, ["roses", "vip"]), Ack)
    assert isinstance(stage.tags("a1", talk, ["vip", "tulips"], ["roses"]), Ack)
    assert stage.state(talk).tags == ("vip", "tulips")
    assert (news(stage, "a1", Tagged)[-1].added, news(stage, "a1", Tagged)[-1].removed) == (
        ["vip", "tulips"],
        ["roses"],
    )
    assert refused(stage.tags("a1", talk)) == "NOT_ALLOWED"
    for batch in range(3):
        stage.tags("a1", talk, [f"tag-{batch}-{number}" for number in range(32)])
    assert refused(stage.tags("a1", talk, [f"more-{number}" for number in range(32)])) == "QUOTA"
    stage.restart()
    assert len(stage.state(talk).tags) == 98


@pytest.mark.rule("O5")
@pytest.mark.parametrize("parked", [False, True])
def test_a_rating_is_of_the_open_conversation_or_else_of_the_last_one(parked: bool) -> None:
    stage = styled()
    stage.logs_in("a1")
    assert refused(stage.rates("ann", 5)) == "CLOSED", "there was none"
    first = talks(stage, "web")
    assert stage.rates("ann", 3).conversation == first
    stage.ends("a1", first)
    if parked:
        stage.parks()
    rating = stage.rates("ann", 5, "Very friendly.")
    assert rating.conversation == first
    assert stage.state(first).status is Status.ENDED
    told = news(stage, "a1", Rated)[-1]
    assert (told.score, told.comment) == (5, "Very friendly.")
    second = talks(stage, "web")
    assert stage.rates("ann", 4).conversation == second


@pytest.mark.rule("J2")
def test_a_customer_who_is_called_otherwise_now_is_the_same_customer() -> None:
    stage = styled()
    stage.logs_in("a1")
    talk = talks(stage, "web", name="Ann")
    assert writes(stage, "web", name="Anna").conversation == talk
    assert writes(stage, "web", name="Anna").conversation == talk
    assert writes(stage, "web").conversation == talk
    assert stage.state(talk).name == "Anna"
    assert [told.name for told in news(stage, "a1", Renamed)] == ["Anna"]
    stage.pass_time(DAY_S)


@pytest.mark.rule("F1", "F4")
def test_an_agent_who_comes_back_sees_what_is_in_hand_and_not_what_is_solved() -> None:
    stage = styled('wrap_up_required = true\nwrap_up_reasons = ["sold"]')
    stage.logs_in("a1")
    pending, solved, wrapped = (talks(stage, "social", contact) for contact in ("ann", "bob", "cho"))
    stage.sets_status("a1", pending, "pending")
    stage.tags("a1", pending, ["roses"])
    stage.ends("a1", solved, "sold")
    stage.leaves("cho", channel="social")
    for _ in range(2):
        seen = agent_snapshot(stage.system, "acme", "a1").conversations
        assert [(view.conversation, view.status) for view in seen] == [
            (pending, "pending"),
            (wrapped, "wrap_up"),
        ]
        assert (seen[0].style, seen[0].tags) == ("social_messaging", ("roses",))
        stage.parks()
        assert not stage.in_memory(pending)
