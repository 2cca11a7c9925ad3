"""What comes in one turn with something else: whoever begins, ends, wakes or leaves meanwhile, a customer has
one open conversation (D6), and the ledger is right without the auditor (G8).
"""

from __future__ import annotations

from typing import Any

import pytest

from actors.conversation.orders import Begin
from actors.conversation.state import BINDING
from actors.dispatcher import audit
from actors.dispatcher.actor import ApplyDesk
from actors.timers import Timers
from config.desk import desk_digest
from protocol.content import Image, Text
from protocol.customers import InviteVisitor, SetDoNotDisturb, VisitorEntered
from protocol.life import Reopen
from protocol.messages import Ack, CustomerMessage, End, SetPresence
from protocol.teamwork import HandOver, Transfer
from tests.actors.styles import CHANNELS, DAY_S, STYLES, refused, styled, talks, used, writes
from tests.stage import Stage, desk_text


def message(stage: Stage, channel: str, contact: str = "ann") -> Any:
    """Return a customer's message, to be told in a turn with others."""
    return stage.from_gateway(CustomerMessage(stage.command_id(), channel, contact, Text("hello")))


def end(stage: Stage, talk: str, agent: str = "a1") -> Any:
    """Return an agent's end, to be told in a turn with others."""
    return stage.command(agent, End(stage.command_id(), agent, talk, "done"))


def invites(stage: Stage, channel: str, contact: str = "ann", agent: str = "a1") -> Any:
    """Return an invitation of a visitor, to be told in a turn with others."""
    return stage.command(agent, InviteVisitor(stage.command_id(), agent, channel, contact, Text("hi")))


def transfer(stage: Stage, talk: str, to_agent: str, agent: str = "a1") -> Any:
    """Return a transfer to a colleague, to be told in a turn with others."""
    return stage.command(agent, Transfer(stage.command_id(), agent, talk, to_agent))


def open_now(stage: Stage, contact: str = "ann") -> list[str]:
    """Return which conversations of a customer are open, by the journal and their states."""
    idents = {entry.id for entry in stage.entries() if entry.kind == "conversation"}
    states = {ident: stage.state(ident) for ident in sorted(idents)}
    return [ident for ident, state in states.items() if state.contact == contact and state.status in BINDING]


def ledger_is_right(stage: Stage) -> None:
    """Compare the books with the truth as they are, before any auditor has looked."""
    dispatcher = stage.dispatcher
    view, auditor = dispatcher.view, dispatcher.auditor
    for ident in view.conversations:
        assert stage.in_memory(ident), f"{ident} is in the books, and nowhere else"
    for agent in view.roster:
        there, parked = auditor._news(agent), auditor.parked_as(agent)
        assert audit.of_agent(view, agent, there, parked) is None
    assert not auditor.violations


# One open conversation.


@pytest.mark.rule("D6")
def test_a_message_that_comes_back_from_an_end_beside_a_refused_invitation_begins_one_conversation() -> None:
    stage = styled()
    stage.logs_in("a1")
    talk = talks(stage, "web")
    stage.turn(end(stage, talk), invites(stage, "web"), message(stage, "web"))
    begun = stage.replies[-1]
    assert isinstance(begun, Ack)
    assert open_now(stage) == [begun.conversation]
    assert writes(stage, "web").conversation == begun.conversation
    assert open_now(stage) == [begun.conversation]
    ledger_is_right(stage)


@pytest.mark.rule("D6", "M1")
def test_a_message_that_comes_where_nothing_has_begun_begins_another_conversation() -> None:
    """The first was refused, and the channel had not heard of that when it passed the second one on."""
    stage = Stage()
    first = ("conversation", "acme", "c-first")
    picture = stage.from_gateway(CustomerMessage(stage.command_id(), "web", "ann", Image("0" * 64)))[1]
    text = message(stage, "web")[1]
    system = stage.system
    system.begin(stage.clock.now())
    system.tell(first, Begin(picture, ""))
    system.run()
    system.tell(first, Begin(text, ""))
    (refused, taken) = stage.turn()
    assert (refused.code, type(taken)) == ("NOT_ALLOWED", Ack)
    (begun,) = open_now(stage)
    assert taken.conversation == begun != first[2]
    assert stage.writes("ann").conversation == begun, "the channel goes by the one that has begun"
    assert not stage.in_memory("c-first")


def test_what_follows_a_refused_invitation_in_its_turn_asks_the_customers_actor_too() -> None:
    stage = styled()
    stage.logs_in("a1", "boss")
    talk = talks(stage, "web")
    stage.says_to_desk("boss", SetDoNotDisturb(stage.command_id(), "boss", talk))
    stage.turn(end(stage, talk, "boss"), invites(stage, "web"), message(stage, "web"))
    assert [stage.state(ident).status for ident in open_now(stage)] == ["muted"]
    ledger_is_right(stage)


@pytest.mark.rule("D6")
def test_a_parked_conversation_that_ends_as_its_customer_writes_takes_no_place_from_the_one_that_begins() -> (
    None
):
    stage = styled()
    stage.logs_in("a1")
    talk = talks(stage, "web")
    stage.parks()
    assert not stage.in_memory(talk)
    stage.turn(end(stage, talk), message(stage, "web"))
    begun = stage.replies[-1].conversation
    assert begun != talk
    assert writes(stage, "web").conversation == begun
    assert open_now(stage) == [begun]


@pytest.mark.rule("D6", "F14")
@pytest.mark.parametrize("parked", [False, True])
def test_who_ends_and_reopens_in_one_turn_gets_the_message_that_follows(parked: bool) -> None:
    stage = styled()
    stage.logs_in("a1")
    talk = talks(stage, "web")
    if parked:
        stage.parks()
    reopen = stage.command("a1", Reopen(stage.command_id(), "a1", talk))
    stage.turn(end(stage, talk), reopen, message(stage, "web"))
    assert isinstance(stage.replies[-1], Ack)
    assert len(open_now(stage)) == 1
    assert writes(stage, "web").conversation == open_now(stage)[0]
    assert len(open_now(stage)) == 1


# The ledger.


def _desk(releases: str, weight: int = 1) -> str:
    styles = STYLES.replace('releases = ["pending", "on_hold"]', f"releases = {releases}")
    channels = {**CHANNELS, "long": CHANNELS["long"] + f"\nweight = {weight}"}
    return desk_text(2, 9, styles, channels=channels)


@pytest.mark.rule("F5", "guarantee-G8")
@pytest.mark.parametrize(("before", "after"), [("[]", '["pending"]'), ('["pending"]', "[]")])
@pytest.mark.parametrize("restarts", [False, True])
def test_what_was_parked_before_a_style_released_something_else_is_counted_as_what_it_was_until_it_wakes(
    before: str, after: str, restarts: bool
) -> None:
    stage = Stage(desk=_desk(before))
    stage.logs_in("a1")
    older, newer = talks(stage, "long", "ann"), talks(stage, "long", "bob")
    stage.sets_status("a1", older, "pending")
    stage.parks()
    stage.applies(_desk(after))
    stage.sets_status("a1", newer, "pending")
    stage.parks()
    assert not stage.in_memory(older)
    assert not stage.in_memory(newer)
    if restarts:
        stage.restart()
    else:
        assert used(stage) == 1
    ledger_is_right(stage)
    stage.notes("a1", older, "wakes it, and no more")
    assert stage.in_memory(older)
    assert used(stage) == (2 if after == "[]" else 0)
    ledger_is_right(stage)


@pytest.mark.rule("G7", "guarantee-G8")
@pytest.mark.parametrize("first", ["message", "desk"])
def test_who_is_woken_in_the_turn_in_which_a_desk_weighs_it_anew_is_counted_once(first: str) -> None:
    stage = Stage(desk=_desk("[]"))
    stage.logs_in("a1")
    for contact in ("ann", "bob", "cyd"):
        talks(stage, "long", contact)
    stage.parks()
    text = _desk("[]", weight=2)
    applied = (("dispatcher", "acme", ""), ApplyDesk(text, desk_digest(text), "apply", []))
    told = [message(stage, "long"), applied]
    stage.turn(*(told if first == "message" else reversed(told)))
    assert used(stage) == 6
    assert stage.dispatcher.view.agent("a1").parked == 2
    ledger_is_right(stage)


def at_once(stage: Stage, talk: str, channel: str) -> Any:
    """Return a customer's message as the door sends it: to the conversation itself, when it is in memory."""
    return ("conversation", "acme", talk), message(stage, channel)[1]


@pytest.mark.rule("F3", "G1", "guarantee-G8")
def test_who_comes_back_in_the_turn_of_a_transfer_takes_nothing_off_what_is_parked_of_the_agent() -> None:
    """Simulation, seed 71021: it was taken for one of the parked, and its agent seemed to have more room."""
    stage = styled()
    stage.logs_in("a1")
    talks(stage, "site", "bob")
    stage.parks()
    talk = talks(stage, "sms")
    stage.ends("a1", talk)
    stage.turn(at_once(stage, talk, "sms"), transfer(stage, talk, "a2"))
    assert refused(stage.replies[-1]) == "UNAVAILABLE"
    assert (used(stage), stage.dispatcher.view.agent("a1").parked) == (2, 1)
    ledger_is_right(stage)


@pytest.mark.rule("D11", "G8", "guarantee-G8")
def test_who_wakes_and_is_let_go_in_the_turn_of_a_transfer_is_parked_no_longer() -> None:
    """The agent is gone: the customer writes, and a supervisor gives the conversation to a colleague."""
    stage = styled('when_lost = "on_reply"')
    stage.logs_in("a1")
    talk = talks(stage, "web")
    stage.says("a1", talk, "One moment.")
    stage.logs_in("a2", "boss")
    stage.logs_out("a1")
    stage.parks()
    assert stage.dispatcher.view.agent("a1").parked == 1
    stage.turn(at_once(stage, talk, "web"), transfer(stage, talk, "a2", "boss"))
    assert stage.state(talk).assignee == ""
    assert (used(stage), stage.dispatcher.view.agent("a1").parked) == (0, 0)
    ledger_is_right(stage)


@pytest.mark.rule("C9", "guarantee-G8")
@pytest.mark.parametrize("online", [False, True])
def test_an_invitation_by_one_who_leaves_in_its_turn_begins_nothing_and_books_nothing(online: bool) -> None:
    stage = styled('when_away = "on_reply"')
    stage.logs_in("a1")
    if online:
        entered = stage.from_gateway(VisitorEntered(stage.command_id(), "web", "ann", "page"))
        stage.tell(entered[0], entered[1].message, entered[1].sender)
    away = SetPresence(stage.command_id(), "a1", "away")
    stage.turn(invites(stage, "web"), stage.command("a1", away))
    assert [type(reply).__name__ for reply in stage.replies].count("Refused") == 1
    assert open_now(stage) == []
    assert used(stage) == 0
    ledger_is_right(stage)


@pytest.mark.rule("C9", "A4")
def test_a_hand_over_beside_an_invitation_that_is_refused_leaves_nothing_in_memory_or_store() -> None:
    stage = styled()
    stage.logs_in("a1")
    hand_over = stage.command("a1", HandOver(stage.command_id(), "a1", "away", "", ""))
    stage.turn(invites(stage, "web"), hand_over)
    assert [ident for kind, _, ident in stage.system.actors if kind == "conversation"] == []
    ledger_is_right(stage)


@pytest.mark.rule("C9")
def test_the_auditor_takes_nobody_for_a_ghost_whose_invitation_is_still_on_its_way() -> None:
    stage = styled()
    stage.logs_in("a1", "a2")
    entered = stage.from_gateway(VisitorEntered(stage.command_id(), "web", "bob", "page"))
    stage.turn(entered)
    stage.begin_conversation("ann", "a1")
    # The channel answers the first one at once, and the second one's customer later.
    stage.dispatcher.auditor.due_at = 0.0
    stage.turn(invites(stage, "web", "ann", "a2"), invites(stage, "web", "bob"))
    assert [type(reply).__name__ for reply in stage.replies] == ["Refused", "Ack"]
    assert not stage.dispatcher.auditor.violations
    for _ in range(3):
        stage.pass_time(10.0)
    ledger_is_right(stage)


# Time.


@pytest.mark.rule("F3")
def test_what_is_due_and_has_not_had_its_turn_is_not_parked_past_its_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = styled()
    stage.logs_in("a1")
    solved = [talks(stage, "social", contact) for contact in ("ann", "bob", "cyd")]
    for talk in solved:
        stage.ends("a1", talk, "done")
    stage.parks()
    for talk in solved:
        stage.notes("a1", talk, "in memory again")
    due = Timers.due
    # As when a thousand others are due as well.
    monkeypatch.setattr(Timers, "due", lambda timers, now, _: due(timers, now, 1))
    stage.clock.advance(4 * DAY_S)
    for _ in range(len(solved) + 2):
        stage.clock.advance(1.0)
        stage.turn(park_idle_s=0.0)
    assert [stage.state(talk).status for talk in solved] == ["ended"] * len(solved)
