"""What is still asked of a conversation when what it goes by is gone: the channel has left the desk, or the
agent, a picture or a message cannot be found, whoever asks has never had to do with it.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest

from actors.conversation import outbox
from actors.conversation.changes import apply
from actors.conversation.limits import rules_of
from actors.conversation.machine import decide
from actors.conversation.orders import (
    Begin,
    BeginProactively,
    Greet,
    Known,
    Refusal,
    Release,
    Reopening,
)
from actors.conversation.outbox import Outbound
from actors.conversation.state import Conversation, Facts, Status
from actors.events.conversation import AgentWrote, Greeted, Ledger
from config.desk import parse_desk
from config.windows import moment
from protocol.channels import DeliveryReport
from protocol.content import Content, Image, Text
from protocol.customers import InviteVisitor
from protocol.errors import Code
from protocol.life import Reopen, SetStatus
from protocol.messages import AgentMessage, CustomerMessage
from tests.actors.conversations import FACTS, ID, NOW, conversation, outcome_of, told
from tests.stage import desk_text

CHANNELS = {"line": 'kind = "wechat-official-account"\nreceipts = "sent"'}


def facts(channels: dict[str, str]) -> Facts:
    desk = parse_desk(desk_text(channels=channels), "desk.toml")
    return FACTS._replace(desk=desk, rules=rules_of(desk))


#: ``line`` has a window and is followed; the desk of ``WITHOUT`` has it no more.
WITH, WITHOUT = facts(CHANNELS), facts({})
CLOSED = Ledger("wechat/message", NOW - 10, sends_left=5)


def on_line(status: Status = Status.OPEN, **more: Any) -> Conversation:
    owner = {} if status is Status.QUEUED else {"assignee": "a1"}
    state = conversation(status, 5, **owner, **more)
    state.channel = "line"
    return state


def report(state: str, sequence: int = 3, **more: Any) -> DeliveryReport:
    return DeliveryReport(ID, "line", "c1", sequence, state, **more)  # type: ignore[arg-type]


# The channel has left the desk.


def test_no_window_of_a_channel_that_is_gone_holds_a_message_back() -> None:
    writes = AgentMessage(ID, "a1", "c1", Text("still there?"))
    shut = decide(on_line(window=CLOSED), writes, WITH)
    assert isinstance(shut, Refusal)
    assert shut.code is Code.WINDOW_CLOSED
    (wrote,) = decide(on_line(window=CLOSED), writes, WITHOUT)  # type: ignore[misc]
    assert (wrote.content, wrote.sending) == (Text("still there?"), None)


def test_an_automatic_answer_is_left_out_where_the_window_is_shut_and_not_where_the_channel_is_gone() -> None:
    state = on_line(Status.QUEUED, window=CLOSED)
    assert outcome_of(decide(state, Greet("online", "Hello!"), WITH)) == ["GreetingLeftOut"]
    assert decide(state, Greet("online", "Hello!"), WITHOUT) == [Greeted("online", "Hello!", "ann")]


def test_what_a_gateway_wants_to_try_again_has_failed_where_its_channel_is_gone() -> None:
    state = on_line(outbox={3: Outbound()})
    (again,) = decide(state, report("retry"), WITH)  # type: ignore[misc]
    assert (again.state, again.retry_at > NOW) == ("queued", True)
    (given_up,) = decide(state, report("retry"), WITHOUT)  # type: ignore[misc]
    assert (given_up.state, given_up.meaning) == ("failed", "the channel is no longer in the desk")


def test_what_waits_for_its_turn_has_failed_where_its_channel_is_gone_or_its_text_cannot_be_found() -> None:
    state = on_line(outbox={3: Outbound(held=True)})
    wrote = AgentWrote("a1", "ann", Text("hello"))
    sent: Any = outbox.again(state, 3, wrote, WITH)
    assert (sent.agent, sent.content) == ("a1", Text("hello"))
    for written, known, why in (
        (wrote, WITHOUT, "the channel is no longer in the desk"),
        (None, WITH, "the journal no longer has the message"),
    ):
        given_up: Any = outbox.again(state, 3, written, known)
        assert (given_up.sequence, given_up.state, given_up.meaning) == (3, "failed", why)


@pytest.mark.parametrize(
    ("receipts", "answer"), [("sent", ["DeliveryReported"]), ("delivered", []), ("read", [])]
)
def test_that_a_message_of_which_nothing_is_known_has_failed_counts_unless_it_must_have_arrived(
    receipts: str, answer: list[str]
) -> None:
    """Only the newest are remembered; where arrivals are reported, what is forgotten has arrived."""
    found = decide(on_line(), report("failed"), facts({"line": f'receipts = "{receipts}"'}))
    assert outcome_of(found) == answer


def begins(content: Content) -> CustomerMessage:
    return CustomerMessage(ID, "line", "ann", content)


def test_nothing_begins_in_a_channel_that_has_just_gone() -> None:
    gone = Refusal(Code.NOT_ALLOWED, "no channel 'line' is in the desk")
    by_customer = Begin(told(begins(Text("hello"))), "")
    by_agent = BeginProactively(told(InviteVisitor(ID, "a1", "line", "ann", Text("Hi"))), "c1", "", Known())
    for order in (by_customer, by_agent):
        assert decide(Conversation(), order, WITHOUT) == gone
        assert not isinstance(decide(Conversation(), order, WITH), Refusal)


def test_who_has_set_it_waiting_loses_it_only_by_leaving_the_desk() -> None:
    """Nobody has to take it over before the customer replies; but somebody who is no longer there cannot."""
    for status in (Status.PENDING, Status.ON_HOLD):
        assert decide(conversation(status, 6, assignee="a1"), Release("a1", "gone"), FACTS) == []
        released = decide(conversation(status, 6, assignee="past"), Release("past", "removed"), FACTS)
        assert outcome_of(released) == ["Released"]


# Something of the message is missing.


def test_a_picture_that_is_nowhere_is_no_message_whoever_has_the_conversation() -> None:
    missing = begins(Image("0" * 64))
    for state in (Conversation(), on_line(), on_line(Status.QUEUED)):
        refusal = decide(state, missing, WITH)
        assert isinstance(refusal, Refusal)
        assert refusal.code is Code.NOT_ALLOWED


# Who may take up, and what is said to whom.

SET_ASIDE = [
    conversation(Status.SOLVED, 6, assignee="a1", closes_at=NOW + 60),
    conversation(Status.MUTED, 6, muted_from="a1", previous="a1"),
    conversation(Status.WRAP_UP, 6, assignee="a1", closes_at=NOW + 60),
]


@pytest.mark.rule("guarantee-G15")
@pytest.mark.parametrize("state", SET_ASIDE, ids=lambda state: state.status.value)
def test_to_a_stranger_there_is_no_conversation_where_its_own_agent_hears_what_it_is(
    state: Conversation,
) -> None:
    own = decide(state, SetStatus(ID, "a1", "c1", "pending"), FACTS)
    assert outcome_of(own) is Code.CLOSED
    stranger = decide(state, SetStatus(ID, "far", "c1", "pending"), FACTS)
    assert stranger == decide(Conversation(), SetStatus(ID, "far", "c1", "pending"), FACTS)


def test_who_asks_for_what_is_set_apart_hears_what_to_do_instead() -> None:
    asked = SetStatus(ID, "a1", "c1", "pending")
    said = [decide(state, asked, FACTS) for state in SET_ASIDE]
    removed = copy.deepcopy(SET_ASIDE[2])
    removed.channel = "line"
    said.append(decide(removed, asked, FACTS))
    words = ("reopen it first", "lift that first", "the customer has ended it", "'line' was removed")
    for word, refusal in zip(words, said, strict=True):
        assert isinstance(refusal, Refusal)
        assert word in refusal.message


@pytest.mark.rule("F14", "guarantee-G15")
def test_a_stranger_reopens_nothing_that_is_solved_and_learns_nothing_of_it() -> None:
    solved = SET_ASIDE[0]
    assert outcome_of(decide(solved, Reopen(ID, "a1", "c1"), FACTS)) == ["Reopened"]
    stranger = Reopen(ID, "far", "c1")
    assert decide(solved, stranger, FACTS) == decide(Conversation(), stranger, FACTS)


@pytest.mark.rule("F14")
def test_who_has_gone_while_the_channel_was_asked_reopens_nothing() -> None:
    ended = conversation(Status.ENDED, 6, previous="a1")
    order = Reopening(told(Reopen(ID, "a1", "c1")))
    assert outcome_of(decide(ended, order, FACTS)) == ["Reopened"]
    away = decide(ended, order, FACTS._replace(there=lambda _: False))
    assert outcome_of(away) is Code.UNAVAILABLE


# An agent writes first.


def test_what_a_visitor_did_before_opens_the_window_for_the_agent_who_writes_first() -> None:
    """C8: without anything of the visitor's a window that is limited is shut to whoever writes first."""
    wanted = told(InviteVisitor(ID, "a1", "line", "ann", Text("Need help?")))
    today = WITH._replace(now=moment("2026-11-27"))
    scanned = BeginProactively(wanted, "c1", "", Known(triggers=(("scan", today.now - 1),)))
    outcome = decide(Conversation(), scanned, today)
    assert outcome_of(outcome) == ["Started", "Triggered", "Assigned", "AgentWrote"]
    state = Conversation()
    for number, event in enumerate(outcome, 1):
        apply(state, event, number, today.now)
    assert state.window is not None
    assert state.window.sends_left == 2, "a scan allows three, and this was one"
    refused = decide(Conversation(), BeginProactively(wanted, "c1", "", Known(), CLOSED), WITH)
    assert outcome_of(refused) is Code.WINDOW_CLOSED
