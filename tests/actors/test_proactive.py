"""An agent begins a conversation with a visitor (C8, C9)."""

from __future__ import annotations

from typing import Any

import pytest

from actors.conversation.state import Status
from protocol.content import Text
from protocol.customers import InviteVisitor
from protocol.messages import Ack, CustomerMessage
from tests.actors.test_abuse import blocks, disturbs, kinds
from tests.actors.test_customers import enters, goes
from tests.stage import Stage, desk_text

DESK = desk_text(
    capacity=1,
    departments={"sales": ""},
    people={"boss": 'role = "supervisor"', "other": 'departments = ["sales"]'},
    channels={"shop": 'department = "sales"', "app": 'kind = "sms"'},
)


def scene(*agents: str) -> Stage:
    stage = Stage(desk=DESK)
    stage.logs_in(*(agents or ("a1",)))
    enters(stage, "ann", name="Ann", language="uk")
    return stage


def approach(stage: Stage, agent: str = "a1", contact: str = "ann", **more: Any) -> Any:
    channel, text = more.get("channel", "web"), Text(more.get("text", "Need help?"))
    return stage.command(agent, InviteVisitor(stage.command_id(), agent, channel, contact, text))


def invites(stage: Stage, agent: str = "a1", contact: str = "ann", **more: Any) -> Any:
    (answer,) = stage.turn(approach(stage, agent, contact, **more))
    return answer


@pytest.mark.rule("C8", "C9")
def test_the_conversation_is_the_agents_begins_with_his_words_and_is_marked() -> None:
    stage = scene()
    answer = invites(stage, text="Need help?")
    assert isinstance(answer, Ack)
    talk = answer.conversation
    state = stage.state(talk)
    assert (state.status, state.assignee, state.origin) == (Status.OPEN, "a1", "proactive")
    assert (state.name, state.language, state.department) == ("Ann", "uk", "help")
    assert kinds(stage, talk) == ["Started", "Assigned", "AgentWrote"]
    assert answer.sequence == 3
    (assigned, said) = stage.mail["channel/web"]
    assert (assigned.news.agent, assigned.news.origin) == ("a1", ""), "to the customer it is like any other"
    assert (said.news.content.text, said.contact) == ("Need help?", "ann")
    assert stage.mail["agent/a1"][-1].news.origin == "proactive"
    assert stage.writes("ann", "yes, please").conversation == talk
    assert stage.news_of("agent/a1")[-1] == "CustomerSaid"


@pytest.mark.rule("C8")
def test_the_mark_stays_when_it_is_given_to_somebody_else() -> None:
    stage = scene()
    talk = invites(stage).conversation
    stage.logs_in("a2")
    stage.transfers("a1", talk, "a2")
    assert stage.mail["agent/a2"][-1].news.offer.origin == "proactive"
    stage.accepts("a2", talk)
    assert stage.mail["agent/a2"][-1].news.origin == "proactive"


@pytest.mark.rule("C9")
def test_nobody_is_greeted_and_nobody_else_is_asked() -> None:
    stage = Stage(desk=desk_text(departments={"help": 'greeting_online = "Hello!"'}))
    stage.logs_in("a1", "a2")
    enters(stage, "ann")
    talk = invites(stage).conversation
    assert kinds(stage, talk) == ["Started", "Assigned", "AgentWrote"]
    assert stage.news_of("agent/a2") == ["PresenceChanged"]


@pytest.mark.rule("C9", "D6")
def test_who_has_an_open_conversation_is_not_invited_and_the_refusal_names_it() -> None:
    stage = scene("a1", "a2")
    talk = stage.writes("ann").conversation
    refused = invites(stage, "a2" if stage.offered_to(talk) == "a1" else "a1")
    assert (refused.code, talk in refused.message) == ("UNDER_WAY", True)
    assert not stage.dispatcher.auditor.violations


@pytest.mark.rule("C9")
@pytest.mark.parametrize("who", ["never seen", "gone", "of another channel", "muted", "blocked"])
def test_who_is_not_there_or_not_to_be_written_to_is_not_invited_and_no_room_is_lost(who: str) -> None:
    stage = scene("a1")
    contact = "nobody" if who == "never seen" else "ann"
    if who == "gone":
        goes(stage)
    elif who in ("muted", "blocked"):
        talk = stage.begin_conversation("ann", "a1")
        _ = disturbs(stage, "a1", talk) if who == "muted" else blocks(stage, "a1", talk)
        if who == "muted":
            stage.leaves("ann")
    head = stage.system.head
    refused = invites(stage, contact=contact, channel="app" if who == "of another channel" else "web")
    assert refused.code == ("BLOCKED" if who in ("muted", "blocked") else "UNAVAILABLE")
    assert stage.system.head == head
    used = stage.dispatcher.view.agent("a1").used
    assert used == 0, "what was booked is free again"
    assert isinstance(stage.writes("bob"), Ack)
    assert stage.mail["agent/a1"][-1].news.offer.contact == "bob"


@pytest.mark.rule("C9")
def test_a_first_message_that_may_not_be_sent_begins_nothing() -> None:
    stage = scene()
    head = stage.system.head
    refused = invites(stage, text="x" * 1001)
    assert (refused.code, stage.system.head) == ("TOO_LARGE", head)
    assert stage.dispatcher.view.agent("a1").used == 0
    assert isinstance(invites(stage), Ack)


@pytest.mark.rule("C9")
def test_an_agent_without_room_or_away_invites_nobody() -> None:
    stage = scene()
    enters(stage, "bob")
    assert isinstance(invites(stage), Ack)
    assert invites(stage, contact="bob").code == "UNAVAILABLE"
    stage.logs_in("a2")
    stage.chooses("a2", "away")
    assert invites(stage, "a2", "bob").code == "UNAVAILABLE"


@pytest.mark.rule("C9")
def test_two_invitations_in_one_turn_take_one_place_each() -> None:
    stage = scene()
    enters(stage, "bob")
    stage.turn(approach(stage), approach(stage, contact="bob"))
    assert sorted(getattr(reply, "code", "ACK") for reply in stage.replies) == ["ACK", "UNAVAILABLE"]
    assert stage.dispatcher.view.agent("a1").used == 1


@pytest.mark.rule("C9", "D6")
def test_of_two_agents_in_one_turn_one_has_the_visitor() -> None:
    stage = scene("a1", "a2")
    stage.turn(approach(stage, "a1"), approach(stage, "a2"))
    by_code = {getattr(reply, "code", "ACK"): reply for reply in stage.replies}
    assert set(by_code) == {"ACK", "UNDER_WAY"}
    assert by_code["ACK"].conversation in by_code["UNDER_WAY"].message
    assert [stage.dispatcher.view.agent(agent).used for agent in ("a1", "a2")] == [1, 0]


@pytest.mark.rule("C9", "D6")
@pytest.mark.parametrize("first", ["visitor", "agent"])
def test_a_visitor_who_writes_in_the_same_turn_has_one_conversation(first: str) -> None:
    stage = scene()
    writes = stage.from_gateway(CustomerMessage(stage.command_id(), "web", "ann", Text("hello")))
    turn = [writes, approach(stage)] if first == "visitor" else [approach(stage), writes]
    stage.turn(*turn)
    talks = {reply.conversation for reply in stage.replies if isinstance(reply, Ack)}
    assert len(talks) == 1
    (talk,) = talks
    assert stage.writes("ann").conversation == talk


@pytest.mark.rule("guarantee-G15")
def test_whoever_does_not_serve_the_channels_department_learns_nothing() -> None:
    stage = scene("other")
    answers = {
        (refused.code, refused.message)
        for refused in (
            invites(stage, "other"),
            invites(stage, "other", "nobody"),
            invites(stage, "other", channel="nothing"),
        )
    }
    assert len(answers) == 1
    assert {code for code, _ in answers} == {"NOT_ALLOWED"}
