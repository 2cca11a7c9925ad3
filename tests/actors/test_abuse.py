"""Do not disturb and block (M1, M2): nothing reaches anybody, and all of it can be taken back."""

from __future__ import annotations

from typing import Any

import pytest

from actors.conversation.state import Status
from actors.queries import customer
from protocol.content import Text
from protocol.customers import Block, SetDoNotDisturb
from protocol.life import Reopen
from protocol.messages import Ack, CustomerLeft, CustomerMessage, Refused
from tests.actors.test_customers import enters
from tests.stage import Stage, desk_text

DESK = desk_text(
    departments={"sales": ""},
    people={"boss": 'role = "supervisor"', "other": 'departments = ["sales"]'},
    channels={"shop": ""},
)


def scene() -> tuple[Stage, str]:
    """Have ann talk with a1; a supervisor is there, and takes nothing by himself."""
    stage = Stage(desk=DESK)
    stage.logs_in("a1")
    talk = stage.begin_conversation("ann", "a1")
    stage.logs_in("boss", "other")
    stage.chooses("boss", "transfer_only")
    return stage, talk


def disturbs(stage: Stage, agent: str, talk: str, on: bool = True) -> Any:
    return stage.says_to_desk(agent, SetDoNotDisturb(stage.command_id(), agent, talk, on))


def blocks(stage: Stage, agent: str, talk: str, on: bool = True) -> Any:
    return stage.says_to_desk(agent, Block(stage.command_id(), agent, talk, on))


def kinds(stage: Stage, ident: str) -> list[str]:
    return [type(entry.event).__name__ for entry in stage.entries() if entry.id == ident]


def heard(stage: Stage) -> dict[str, int]:
    return {stream: len(told) for stream, told in stage.mail.items() if stream.startswith("agent/")}


# Do not disturb.


@pytest.mark.rule("M1")
def test_what_a_muted_customer_writes_is_kept_and_reaches_nobody() -> None:
    stage, talk = scene()
    assert isinstance(disturbs(stage, "a1", talk), Ack)
    assert stage.state(talk).status is Status.MUTED
    before = heard(stage)
    answer = stage.writes("ann", "do you hear me?")
    assert isinstance(answer, Ack)
    assert answer.conversation == talk
    assert heard(stage) == before
    assert kinds(stage, talk)[-1] == "CustomerWrote"
    assert stage.dispatcher.view.conversations == {}


@pytest.mark.rule("M1")
def test_the_events_of_both_streams_are_in_one_turn() -> None:
    stage, talk = scene()
    head = stage.system.head
    answer = disturbs(stage, "a1", talk)
    fresh = list(stage.entries())[head:]
    assert [(entry.kind, type(entry.event).__name__) for entry in fresh] == [
        ("customer", "DoNotDisturbSet"),
        ("conversation", "Muted"),
    ]
    assert answer.position == head + 1
    assert {entry.at for entry in fresh} == {stage.clock.now()}


@pytest.mark.rule("M1")
def test_lifted_by_whoever_set_it_the_customer_is_back_in_the_session_list() -> None:
    stage, talk = scene()
    disturbs(stage, "a1", talk)
    stage.writes("ann", "sorry")
    assert isinstance(disturbs(stage, "a1", talk, on=False), Ack)
    state = stage.state(talk)
    assert (state.status, state.assignee) == (Status.OPEN, "a1")
    stage.writes("ann", "thank you")
    assert stage.news_of("agent/a1")[-1] == "CustomerSaid"
    assert customer(stage.system, "acme", "web", "ann").do_not_disturb is None


@pytest.mark.rule("M1")
def test_lifted_when_the_agent_is_gone_the_customer_goes_to_the_queue() -> None:
    stage, talk = scene()
    disturbs(stage, "a1", talk)
    stage.logs_out("a1")
    assert isinstance(disturbs(stage, "boss", talk, on=False), Ack)
    assert stage.state(talk).status in (Status.QUEUED, Status.OFFERED)


@pytest.mark.rule("M1")
def test_a_muted_customers_next_conversation_is_muted_from_its_beginning() -> None:
    stage, talk = scene()
    disturbs(stage, "a1", talk)
    stage.leaves("ann")
    before = heard(stage)
    again = stage.writes("ann", "me again")
    assert again.conversation != talk
    assert stage.state(again.conversation).status is Status.MUTED
    assert kinds(stage, again.conversation) == ["Started", "CustomerWrote", "Muted"]
    assert heard(stage) == before
    # The list names the conversation in which it was set; that is ended, and lifts it all the same.
    assert isinstance(disturbs(stage, "a1", talk, on=False), Ack)
    assert stage.state(again.conversation).status in (Status.QUEUED, Status.OFFERED)


@pytest.mark.rule("M1")
def test_only_the_customer_of_that_account_is_muted() -> None:
    stage, talk = scene()
    disturbs(stage, "a1", talk)
    elsewhere = stage.writes("ann", channel="shop")
    assert stage.state(elsewhere.conversation).status is Status.OFFERED


@pytest.mark.parametrize("between", ["restart", "parked", "restart and parked"])
@pytest.mark.rule("M1", "M2")
def test_lists_survive(between: str, steps: Any) -> None:
    steps(0, 1)
    stage, talk = scene()
    other = stage.begin_conversation("bob")
    stage.takes("boss", other)
    disturbs(stage, "a1", talk)
    assert isinstance(blocks(stage, "boss", other), Ack)
    if "parked" in between:
        stage.clock.advance(1)
        stage.turn(park_idle_s=0.0)
    if "restart" in between:
        stage.restart()
    assert stage.state(stage.writes("ann").conversation).status is Status.MUTED
    assert stage.writes("bob").code == "BLOCKED"


# Block.


@pytest.mark.rule("M2")
def test_who_is_blocked_has_no_conversation_any_more_and_nothing_of_him_is_stored() -> None:
    stage, talk = scene()
    assert isinstance(blocks(stage, "a1", talk), Ack)
    assert stage.state(talk).status is Status.ENDED
    assert stage.news_of("agent/a1")[-1] == "ConversationEnded"
    head = stage.system.head
    for _ in range(3):
        refused = stage.writes("ann", "let me in")
        assert (refused.code, stage.system.head) == ("BLOCKED", head)
    assert stage.leaves("ann").code == "CLOSED"
    assert [address for address in stage.system.actors if address[0] == "conversation"] == [
        ("conversation", "acme", talk)
    ], "what was refused leaves nothing in memory"


@pytest.mark.rule("M2")
def test_who_is_let_in_again_begins_anew_under_the_ids_that_were_refused() -> None:
    stage, talk = scene()
    blocks(stage, "a1", talk)
    message = CustomerMessage(stage.command_id(), "web", "ann", Text("hello?"))
    address, told = stage.from_gateway(message)
    assert stage.tell(address, message, told.sender).code == "BLOCKED"
    assert isinstance(blocks(stage, "a1", talk, on=False), Ack)
    answer = stage.tell(address, message, told.sender)
    assert isinstance(answer, Ack)
    assert answer.conversation != talk


@pytest.mark.rule("M2")
@pytest.mark.parametrize("how", ["waiting", "open", "muted"])
def test_a_conversation_ends_wherever_it_stands(how: str) -> None:
    stage = Stage(desk=DESK)
    stage.logs_in("a1")
    talk = stage.begin_conversation("ann", "" if how == "waiting" else "a1")
    stage.logs_in("boss")
    if how == "muted":
        disturbs(stage, "a1", talk)
    assert isinstance(blocks(stage, "boss", talk), Ack)
    assert stage.state(talk).status is Status.ENDED
    assert stage.live_offer(talk) == "none"
    assert stage.dispatcher.view.conversations == {}


@pytest.mark.rule("M2", "D6")
def test_messages_of_the_turn_in_which_he_is_blocked_are_refused_or_stored_never_half() -> None:
    stage, talk = scene()
    block = stage.command("a1", Block(stage.command_id(), "a1", talk))
    left = stage.from_gateway(CustomerLeft(stage.command_id(), "web", "ann"))
    messages = [
        stage.from_gateway(CustomerMessage(stage.command_id(), "web", "ann", Text(str(number))))
        for number in range(3)
    ]
    stage.turn(block, *messages, left)
    said = {reply.id: reply for reply in stage.replies}
    assert len(said) == 5
    assert stage.state(talk).status is Status.ENDED
    stored = {entry.command for entry in stage.entries() if entry.command}
    for ident, reply in said.items():
        assert isinstance(reply, Ack) == (ident in stored)
    assert stage.writes("ann").code == "BLOCKED"


@pytest.mark.rule("M1", "M2", "F14")
def test_an_old_conversation_is_no_way_around_a_list() -> None:
    stage, talk = scene()
    blocks(stage, "a1", talk)
    reopen = stage.says_to_desk("a1", Reopen(stage.command_id(), "a1", talk))
    assert (reopen.code, stage.state(talk).status) == ("BLOCKED", Status.ENDED)
    assert stage.writes("ann").code == "BLOCKED"
    blocks(stage, "a1", talk, on=False)
    assert isinstance(stage.says_to_desk("a1", Reopen(stage.command_id(), "a1", talk)), Ack)
    assert stage.writes("ann").conversation == talk


# Who may.


@pytest.mark.rule("M1", "M2", "L2")
@pytest.mark.parametrize("make", [disturbs, blocks])
def test_the_assignee_and_supervisors_may_and_to_all_others_there_is_no_such_conversation(make: Any) -> None:
    stage, talk = scene()
    answers = {
        (refused.code, refused.message)
        for refused in (make(stage, "a2", talk), make(stage, "other", talk), make(stage, "a1", "id-999999"))
    }
    assert len(answers) == 1
    assert {code for code, _ in answers} == {"NOT_ALLOWED"}
    assert isinstance(make(stage, "boss", talk), Ack)
    assert isinstance(make(stage, "a1", talk, on=False), Ack), "who had it last may lift it"
    assert make(stage, "a1", talk, on=False).code == "ALREADY_SO"


@pytest.mark.rule("M1")
def test_what_is_so_already_is_refused_and_writes_nothing() -> None:
    stage, talk = scene()
    disturbs(stage, "a1", talk)
    head = stage.system.head
    refused = disturbs(stage, "boss", talk)
    assert isinstance(refused, Refused)
    assert (refused.code, stage.system.head) == ("ALREADY_SO", head)
    enters(stage)  # A visit is still told.
    assert customer(stage.system, "acme", "web", "ann").online


@pytest.mark.rule("M1", "M2", "F14")
@pytest.mark.parametrize("shuts", ["mute", "block"])
def test_who_is_on_a_list_of_abuse_is_not_reached_by_an_old_conversation(shuts: str) -> None:
    stage = Stage(desk=desk_text(people={"boss": 'role = "supervisor"'}))
    stage.logs_in("a1", "boss")
    talk = stage.begin_conversation("ann", "a1")
    stage.ends("a1", talk)
    listed = SetDoNotDisturb if shuts == "mute" else Block
    assert isinstance(stage.says_to_desk("boss", listed(stage.command_id(), "boss", talk)), Ack)
    answer = stage.reopens("a1", talk)
    assert isinstance(answer, Refused)
    assert answer.code == "BLOCKED"
    assert stage.state(talk).status == "ended"
    stage.says_to_desk("boss", listed(stage.command_id(), "boss", talk, False))
    assert isinstance(stage.reopens("a1", talk), Ack)
    assert stage.writes("ann").conversation == talk
