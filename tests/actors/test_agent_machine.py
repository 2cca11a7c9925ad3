"""The agent's table: every presence answers every command; choice and reachability are two things."""

from __future__ import annotations

import copy
import inspect
from typing import Any

import pytest

from actors import authorization, events
from actors.agent import machine
from actors.agent.machine import (
    CHOICES,
    TABLE,
    Agent,
    Facts,
    GraceOver,
    LastSessionLost,
    OfferUnanswered,
    Presence,
    Refusal,
    Restarted,
    SessionOpened,
    apply,
    decide,
)
from protocol.errors import Code
from protocol.messages import Login, LoginWithToken, Logout, SetPresence
from tests.stage import Stage, desk_text

NOW = 1000.0
FACTS = Facts(NOW, 60.0, Presence.ONLINE)
ID = bytes(16)

COMMANDS: dict[type[Any], Any] = {
    SessionOpened: SessionOpened(),
    SetPresence: SetPresence(ID, "a1", "busy"),
    Logout: Logout(ID, "a1"),
    LastSessionLost: LastSessionLost("the line is dead"),
    Restarted: Restarted(),
    OfferUnanswered: OfferUnanswered("o1"),
    GraceOver: GraceOver(),
}

ONLINE, OTHERS = {Presence.ONLINE}, set(Presence) - {Presence.OFFLINE}
#: command → the events when offline, when online, when logged in otherwise.
ANSWERS: dict[type[Any], tuple[list[str], list[str], list[str]]] = {
    SessionOpened: (["LoggedIn"], [], []),
    SetPresence: (["PresenceChosen"], ["PresenceChosen"], ["PresenceChosen"]),
    Logout: ([], ["LoggedOut"], ["LoggedOut"]),
    LastSessionLost: ([], ["LeaseLost"], ["LeaseLost"]),
    Restarted: ([], ["LeaseLost"], ["LeaseLost"]),
    OfferUnanswered: ([], ["PresenceChosen"], []),
    GraceOver: ([], [], []),
}
PAIRS = [(presence, command) for presence in Presence for command in COMMANDS]


def names(outcome: Any) -> list[str]:
    assert not isinstance(outcome, Refusal), outcome
    return [type(event).__name__ for event in outcome]


def test_every_presence_answers_every_command_that_an_agent_can_be_told() -> None:
    made = [value for value in vars(machine).values() if inspect.isclass(value) and issubclass(value, tuple)]
    inner = {kind for kind in made if kind.__module__ == machine.__name__} - {Refusal, Facts}
    wire = {
        command
        for table in authorization.ALLOWED.values()
        for command, relation in table.items()
        if relation is authorization.Relation.OWN_SESSION
    }
    assert inner | wire - {Login, LoginWithToken} == set(COMMANDS), "a new command needs an answer here"
    assert {presence: set(rules) for presence, rules in TABLE.items()} == {p: set(COMMANDS) for p in Presence}


@pytest.mark.parametrize(("presence", "command"), PAIRS, ids=lambda part: getattr(part, "__name__", part))
def test_a_pair_has_the_answer_that_was_agreed(presence: Presence, command: type[Any]) -> None:
    state = Agent(presence, 3)
    before = copy.copy(state)
    outcome = decide(state, COMMANDS[command], FACTS)
    assert state == before
    column = 0 if presence is Presence.OFFLINE else 1 if presence is Presence.ONLINE else 2
    assert names(outcome) == ANSWERS[command][column]
    for event in outcome:
        apply(state, event, state.sequence + 1)
    assert state.sequence == 3 + len(outcome)


@pytest.mark.rule("A1")
@pytest.mark.parametrize("wanted", ["online", "busy", "away", "offline", "not_answering", "", "ONLINE"])
def test_an_agent_chooses_among_online_busy_and_away(wanted: str) -> None:
    outcome = decide(Agent(Presence.ONLINE), SetPresence(ID, "a1", wanted), FACTS)
    if wanted in CHOICES:
        assert outcome == [events.PresenceChosen(wanted, "chosen")]
    else:
        assert isinstance(outcome, Refusal)
        assert outcome.code is Code.NOT_ALLOWED


@pytest.mark.rule("guarantee-G11")
@pytest.mark.parametrize(("late_s", "gone"), [(-0.001, False), (0.0, True), (9.0, True)])
def test_the_grace_ends_at_its_time_and_not_before(late_s: float, gone: bool) -> None:
    state = Agent(Presence.BUSY, 1, grace_until=NOW)
    outcome = decide(state, GraceOver(), FACTS._replace(now=NOW + late_s))
    assert names(outcome) == (["LoggedOut"] if gone else [])


def test_a_second_loss_does_not_prolong_the_grace() -> None:
    assert decide(Agent(Presence.ONLINE, 1, grace_until=NOW + 5), LastSessionLost("again"), FACTS) == []


def test_coming_back_within_the_grace_keeps_what_was_chosen() -> None:
    state = Agent(Presence.AWAY, 1, grace_until=NOW + 5)
    (event,) = decide(state, SessionOpened(), FACTS)
    apply(state, event, 2)
    assert state == Agent(Presence.AWAY, 2, None)


# In play.


@pytest.mark.rule("A2", "A8", "A3")
def test_logging_in_makes_the_agent_online_and_being_busy_brings_no_work() -> None:
    stage = Stage()
    talk = stage.begin_conversation("ann")
    stage.logs_in("a1")
    assert stage.offered_to(talk) == "a1"
    stage.chooses("a1", "busy")
    assert stage.offered_to(talk) == ""
    stage.chooses("a1", "online")
    assert stage.offered_to(talk) == "a1"


@pytest.mark.rule("A2")
@pytest.mark.parametrize("first", ["away", "offline"])
def test_the_policy_names_the_first_state_and_the_agent_leaves_it_by_hand(first: str) -> None:
    stage = Stage(desk=desk_text() + f'[policies]\npresence_initial = "{first}"\n')
    talk = stage.begin_conversation("ann")
    stage.logs_in("a1")
    assert stage.offered_to(talk) == ""
    stage.chooses("a1", "online")
    assert stage.offered_to(talk) == "a1"


@pytest.mark.rule("A11", "D12")
def test_an_agent_who_walks_away_keeps_getting_what_his_customers_write() -> None:
    stage = Stage()
    stage.logs_in("a1")
    talk = stage.begin_conversation("ann", "a1")
    stage.chooses("a1", "away")
    stage.writes("ann", "are you there?")
    assert stage.news_of("agent/a1")[-1] == "CustomerSaid"
    assert stage.state(talk).assignee == "a1"


@pytest.mark.rule("guarantee-G11")
def test_an_agent_who_is_back_within_the_grace_has_lost_nothing_but_the_offers() -> None:
    stage = Stage()
    stage.logs_in("a1")
    owned, offered = stage.begin_conversation("ann", "a1"), stage.begin_conversation("bob")
    stage.loses("a1")
    assert stage.offered_to(offered) == ""
    stage.pass_time(59.0)
    stage.logs_in("a1")
    stage.pass_time(3600.0)
    assert stage.state(owned).assignee == "a1"


@pytest.mark.rule("guarantee-G11")
@pytest.mark.parametrize("parked_s", [0.0, 30.0, 60.0])
def test_conversations_out_of_memory_go_back_too_when_their_agent_is_gone(parked_s: float) -> None:
    """Also when they are parked in the very turn in which the grace is over."""
    stage = Stage()
    stage.logs_in("a1")
    talk = stage.begin_conversation("ann", "a1")
    stage.loses("a1")
    stage.clock.advance(parked_s)
    stage.turn(park_idle_s=0.0)
    stage.pass_time(60.0)
    assert stage.state(talk).assignee == ""
    stage.logs_in("a2")
    assert stage.offered_to(talk) == "a2"


@pytest.mark.rule("guarantee-G11", "guarantee-G9")
def test_a_restart_begins_the_grace_of_everyone_and_keeps_the_choices() -> None:
    stage = Stage()
    stage.logs_in("a1")
    talk = stage.begin_conversation("ann", "a1")
    waiting = stage.begin_conversation("bob")
    stage.restart()
    assert stage.offered_to(waiting) == ""
    assert stage.state(talk).assignee == "a1"
    stage.logs_in("a1")
    assert stage.offered_to(waiting) == "a1"
    stage.restart()
    stage.pass_time(60.0)
    assert stage.state(talk).assignee == ""
