"""The desk changes while conversations are under way: nothing hangs on somebody who is not there any more."""

from __future__ import annotations

import pytest

from actors.conversation.actor import ThreadGrant
from protocol.messages import Ack, ReadThread
from tests.actors.oracle import Oracle
from tests.stage import Stage, desk_text


def desk_of(*people: str, when_lost: str = "queue") -> str:
    """Return a desk with a supervisor and these agents."""
    lines = dict.fromkeys(people, "") | {"boss": 'role = "supervisor"'}
    return desk_text(agents=0, people=lines, policies=f'when_lost = "{when_lost}"')


def consistent(stage: Stage) -> None:
    """I6 and I7, by a second opinion."""
    oracle = Oracle()
    oracle.read(stage.store)
    used = oracle.used()
    assert all(known.used == used[agent] for agent, known in stage.dispatcher.view.roster.items())
    assert stage.failures.seen == []


@pytest.mark.rule("D11", "guarantee-G11")
@pytest.mark.parametrize("when_lost", ["queue", "on_reply", "keep"])
@pytest.mark.parametrize("there", ["there", "away", "logged out", "silent"])
@pytest.mark.parametrize("parked", [False, True])
def test_the_conversations_of_who_leaves_the_desk_go_to_the_queue(
    when_lost: str, there: str, parked: bool
) -> None:
    """PEERS c1, c9: Rocket.Chat#20965, #18200: nobody can come back to what is kept for such an agent."""
    stage = Stage(desk=desk_of("a1", "a2", when_lost=when_lost))
    stage.logs_in("a1")
    talk = stage.begin_conversation("ann", "a1")
    stage.says("a1", talk, "How can I help?")
    if there == "away":
        stage.chooses("a1", "away")
    elif there == "logged out":
        stage.logs_out("a1")
    elif there == "silent":
        stage.loses("a1")
    if parked:
        stage.clock.advance(1.0)
        stage.turn(park_idle_s=0.0)
    stage.applies(desk_of("a2", when_lost=when_lost))
    stage.logs_in("a2")
    assert (stage.state(talk).assignee, stage.offered_to(talk)) == ("", "a2")
    assert stage.lease("a1").epoch == 0
    consistent(stage)


def test_who_was_never_there_leaves_the_desk_without_a_trace() -> None:
    stage = Stage(desk=desk_of("a1", "a2"))
    stage.applies(desk_of("a1"))
    assert ("agent", "acme", "a2") not in stage.system.actors
    assert [entry.kind for entry in stage.entries()] == ["dispatcher", "dispatcher"]


@pytest.mark.rule("G4", "G9")
def test_who_leaves_the_desk_is_asked_nothing_any_more_and_is_no_member() -> None:
    stage = Stage(desk=desk_of("a1", "a2", "a3", "a4"))
    stage.logs_in("a1")
    talk = stage.begin_conversation("ann", "a1")
    stage.logs_in("a2", "a3", "a4")
    stage.invites("a1", talk, "a4")
    stage.joins("a4", talk)
    stage.transfers("a1", talk, "a2")
    stage.invites("a1", talk, "a3")
    stage.applies(desk_of("a1"))
    state = stage.state(talk)
    assert (state.assignee, state.transfer, state.offer) == ("a1", None, None)
    assert (state.invitations, state.members) == ({}, ())
    consistent(stage)


@pytest.mark.rule("G8", "G12", "L2")
@pytest.mark.parametrize("does", ["transfers", "ends", "helps", "reads"])
def test_what_somebody_has_who_is_not_in_the_desk_is_the_departments(does: str) -> None:
    """PEERS c9: no management tool worked on it."""
    stage = Stage(desk=desk_of("a1", "a2", when_lost="keep"))
    stage.logs_in("a1")
    talk = stage.begin_conversation("ann", "a1")
    stage.logs_in("boss")
    settings = stage.system.desks["acme"]
    del settings.agents["a1"]  # As it is for a moment, before the queue has it.
    answers = {
        "transfers": lambda: stage.transfers("boss", talk, "boss"),
        "ends": lambda: stage.ends("boss", talk),
        "helps": lambda: stage.says("boss", talk, "One moment"),
        "reads": lambda: stage.says_to_desk("boss", ReadThread(stage.command_id(), "boss", talk, 0, 9)),
    }
    assert type(answers[does]()) is (ThreadGrant if does == "reads" else Ack)


def test_a_transfer_to_a_department_that_leaves_the_desk_is_the_first_departments_work() -> None:
    people = {"a1": "", "a2": ""}
    stage = Stage(desk=desk_text(departments={"sales": ""}, people=people))
    stage.logs_in("a1")
    talk = stage.begin_conversation("ann", "a1")
    stage.transfers("a1", talk, to_department="sales")
    stage.applies(desk_text(people=people))
    assert stage.state(talk).assignee == "a1"
    stage.logs_in("a2")
    stage.accepts("a2", talk)
    assert stage.state(talk).assignee == "a2"
    consistent(stage)
