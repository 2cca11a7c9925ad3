"""The agent's table: every presence answers every command; choice and reachability are two things."""

from __future__ import annotations

import copy
import inspect
from itertools import product
from typing import Any

import msgspec
import pytest

from actors import authorization, events
from actors.agent import machine
from actors.agent.machine import (
    CHOICES,
    LOGGED_OUT,
    TABLE,
    Agent,
    DeadlineCome,
    DeskChanged,
    Facts,
    LastSessionLost,
    OfferUnanswered,
    Presence,
    Restarted,
    SessionOpened,
    SignOfLife,
    apply,
    deadline,
    decide,
)
from actors.conversation.orders import Refusal
from actors.dispatcher.facts import HandOverPlanned
from actors.events import agent as events_of_agents
from actors.events.base import Event
from config.desk import Desk, parse_desk
from protocol.customers import ReadAbuseList
from protocol.errors import Code
from protocol.history import FindCustomers, ReadVisitors
from protocol.media import FetchMedia, UploadChunk, UploadMedia
from protocol.messages import Login, LoginWithToken, Logout, SetPresence
from protocol.teamwork import EndSession, HandOver, ReadColleagues, StillHere, WhyIdle
from tests.stage import Stage, desk_text

NOW = 1000.0
ID = bytes(16)
WARNING_S = 60.0


def desk_of(policies: str = "", limit_s: int = 600) -> Desk:
    """Return a desk with two agents, a supervisor, and a logout for inactivity."""
    text = desk_text(
        people={"a1": "", "a2": "", "boss": 'role = "supervisor"'},
        departments={"help": "", "sales": ""},
        policies=f"inactivity_logout_s = {limit_s}\n{policies}",
    )
    return parse_desk(text, "the test's desk")


DESK = desk_of()
FACTS = Facts(NOW, "a1", DESK, NOW - 1)

COMMANDS: dict[type[Any], Any] = {
    SessionOpened: SessionOpened(),
    SetPresence: SetPresence(ID, "a1", "busy"),
    Logout: Logout(ID, "a1"),
    EndSession: EndSession(ID, "boss", "a1", "gone home"),
    HandOver: HandOver(ID, "a1", "away", "a2"),
    HandOverPlanned: HandOverPlanned([]),
    LastSessionLost: LastSessionLost("the line is dead", 3),
    Restarted: Restarted(),
    OfferUnanswered: OfferUnanswered("o1"),
    SignOfLife: SignOfLife(),
    DeadlineCome: DeadlineCome(),
    DeskChanged: DeskChanged(),
}
#: Messages about an agent that the hub or the dispatcher answers; an agent's actor is told nothing.
NOT_FOR_THE_ACTOR = {
    *(Login, LoginWithToken, StillHere, ReadColleagues, WhyIdle, ReadAbuseList),
    *(FindCustomers, ReadVisitors, UploadMedia, UploadChunk, FetchMedia),
}

OFFERED = {Presence.ONLINE, Presence.BUSY, Presence.TRANSFER_ONLY}
STANDINGS = [LOGGED_OUT, *Presence]
#: In grace or not, warned or not.
ASPECTS = list(product((False, True), repeat=2))


def state_of(standing: str, *, grace: bool = False, warned: bool = False) -> Agent:
    state = Agent(sequence=3, epoch=3)
    if standing != LOGGED_OUT:
        state.presence, state.logged_in = Presence(standing), True
        state.grace_until = NOW + 5 if grace else None
        state.logout_at = NOW + 9 if warned else None
    return state


def expected(standing: str, command: type[Any], *, grace: bool, warned: bool) -> list[str] | Code:
    """The whole table, said a second time."""
    if standing == LOGGED_OUT:
        if command in (SetPresence, HandOver):
            return Code.NOT_AUTHENTICATED
        return {SessionOpened: ["LoggedIn"], EndSession: ["LoggedOut"]}.get(command, [])
    again = ["ActiveAgain"] if warned else []
    answers: dict[type[Any], list[str]] = {
        SessionOpened: ["LeaseRegained"] * grace + again,
        SetPresence: ["PresenceChosen"],
        Logout: ["LoggedOut"],
        EndSession: ["LoggedOut"],
        HandOver: ["HandOverBegun", "PresenceChosen"],
        HandOverPlanned: [],
        LastSessionLost: [] if grace else ["LeaseLost"],
        Restarted: [*again, "LeaseLost"],
        OfferUnanswered: ["PresenceChosen"] if standing in OFFERED else [],
        SignOfLife: again,
        DeadlineCome: [],
        DeskChanged: [],
    }
    return answers[command]


def names(outcome: Any) -> list[str]:
    assert not isinstance(outcome, Refusal), outcome
    return [type(event).__name__ for event in outcome]


def code(outcome: Any) -> Code:
    assert isinstance(outcome, Refusal), outcome
    return outcome.code


def test_every_event_of_an_agents_stream_changes_the_agents_state() -> None:
    made = [value for value in vars(events_of_agents).values() if inspect.isclass(value)]
    assert {kind for kind in made if issubclass(kind, Event)} - {Event} == set(machine._CHANGES)


def test_every_standing_answers_every_command_that_an_agent_can_be_told() -> None:
    made = [value for value in vars(machine).values() if inspect.isclass(value) and issubclass(value, tuple)]
    inner = {kind for kind in made if kind.__module__ == machine.__name__} - {Facts}
    # Every message about agents alone goes to an agent's actor; those about a conversation or a queue do not.
    wire = {
        command
        for command in authorization.ALLOWED[authorization.Principal.CONSOLE]
        if "agent" in command.__struct_fields__
        and not {"conversation", "department", "contact"} & set(command.__struct_fields__)
    }
    told = inner | (wire - NOT_FOR_THE_ACTOR) | {HandOverPlanned}
    assert told == set(COMMANDS), "a new command needs an answer here"
    assert {standing: set(rules) for standing, rules in TABLE.items()} == {
        standing: set(COMMANDS) for standing in STANDINGS
    }


@pytest.mark.parametrize("command", COMMANDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("standing", STANDINGS)
def test_a_pair_has_the_answer_that_was_agreed(standing: str, command: type[Any]) -> None:
    for grace, warned in ASPECTS if standing != LOGGED_OUT else ASPECTS[:1]:
        state = state_of(standing, grace=grace, warned=warned)
        before = copy.copy(state)
        outcome = decide(state, COMMANDS[command], FACTS)
        assert state == before
        agreed = expected(standing, command, grace=grace, warned=warned)
        if isinstance(agreed, Code):
            assert code(outcome) is agreed
            continue
        assert names(outcome) == agreed, (grace, warned)
        assert isinstance(outcome, list)
        for event in outcome:
            apply(state, event, state.sequence + 1, NOW)
        assert state.sequence == 3 + len(outcome)
        assert state.standing in STANDINGS


# Presence.


@pytest.mark.rule("A1", "A6", "A9")
@pytest.mark.parametrize("wanted", [*Presence, "", "ONLINE", "logged_out"])
def test_an_agent_may_choose_every_presence_but_the_one_for_not_answering(wanted: str) -> None:
    outcome = decide(state_of("online"), SetPresence(ID, "a1", wanted), FACTS)
    if wanted in set(Presence) - {Presence.NOT_ANSWERING}:
        assert isinstance(outcome, list)
        (event,) = outcome
        assert isinstance(event, events.PresenceChosen)
        assert (event.presence, event.reason) == (wanted, "chosen")
    else:
        assert code(outcome) is Code.NOT_ALLOWED
        assert wanted not in CHOICES


@pytest.mark.rule("A9")
@pytest.mark.parametrize("command", COMMANDS, ids=lambda kind: kind.__name__)
def test_not_answering_is_left_by_hand_only(command: type[Any]) -> None:
    """By a choice, a hand-over, or logging out: nothing that happens by itself makes the agent available."""
    state = state_of("not_answering")
    outcome = decide(state, COMMANDS[command], FACTS)
    assert isinstance(outcome, list)
    for event in outcome:
        apply(state, event, 4, NOW)
    left = state.presence is not Presence.NOT_ANSWERING
    assert left == (command in {SetPresence, HandOver, Logout, EndSession})


@pytest.mark.rule("A9")
@pytest.mark.parametrize(("by_hand", "presence"), [(True, "online"), (False, "not_answering")])
def test_coming_back_by_token_after_being_gone_keeps_what_was(by_hand: bool, presence: str) -> None:
    """A console that connects again behind the agent's back does not make the agent available."""
    state = state_of("online")
    for command, later_s in ((OfferUnanswered("o1"), 0), (LastSessionLost("", 3), 0), (DeadlineCome(), 60)):
        outcome = decide(state, command, FACTS._replace(now=NOW + later_s))
        assert isinstance(outcome, list)
        for event in outcome:
            apply(state, event, state.sequence + 1, NOW + later_s)
    assert state.standing == LOGGED_OUT
    assert decide(state, SessionOpened(by_hand), FACTS) == [events.LoggedIn(presence, 4)]


# The lease.


@pytest.mark.rule("guarantee-G11")
@pytest.mark.parametrize(("late_s", "gone"), [(-0.001, False), (0.0, True), (9.0, True)])
def test_the_grace_ends_at_its_time_and_not_before(late_s: float, gone: bool) -> None:
    state = state_of("busy")
    state.grace_until = NOW
    outcome = decide(state, DeadlineCome(), FACTS._replace(now=NOW + late_s))
    assert names(outcome) == (["LoggedOut"] if gone else [])


def test_a_loss_of_an_earlier_epoch_says_nothing_of_this_one() -> None:
    assert decide(state_of("online"), LastSessionLost("late", 2), FACTS) == []


def test_a_second_loss_does_not_prolong_the_grace() -> None:
    assert decide(state_of("online", grace=True), LastSessionLost("again", 3), FACTS) == []


def test_coming_back_within_the_grace_keeps_what_was_chosen_and_the_epoch() -> None:
    state = state_of("away", grace=True)
    outcome = decide(state, SessionOpened(), FACTS)
    assert isinstance(outcome, list)
    for event in outcome:
        apply(state, event, 4, NOW)
    assert (state.presence, state.grace_until, state.epoch) == (Presence.AWAY, None, 3)


@pytest.mark.parametrize("command", [Logout, EndSession, HandOver, DeadlineCome])
def test_every_end_of_a_login_ends_the_epoch_and_only_being_gone_keeps_the_tokens(command: type[Any]) -> None:
    state = state_of("online", grace=command is DeadlineCome)
    told = HandOver(ID, "a1", "offline") if command is HandOver else COMMANDS[command]
    outcome = decide(state, told, FACTS._replace(now=NOW + 5))
    assert isinstance(outcome, list)
    for event in outcome:
        apply(state, event, 4, NOW)
    assert state.standing == LOGGED_OUT
    assert state.tokens_from == (0 if command is DeadlineCome else 4)
    assert decide(state, SessionOpened(), FACTS) == [events.LoggedIn("online", 4)]


# Inactivity.


def test_the_warning_comes_before_the_logout_and_the_logout_at_its_time() -> None:
    state = state_of("online")
    facts = FACTS._replace(active_at=NOW)
    assert deadline(state, facts) == NOW + 600 - WARNING_S
    assert decide(state, DeadlineCome(), facts._replace(now=NOW + 539.9)) == []
    outcome = decide(state, DeadlineCome(), facts._replace(now=NOW + 540))
    assert outcome == [events.InactivityWarned(NOW + 600)]
    apply(state, events.InactivityWarned(NOW + 600), 4, NOW + 540)
    assert deadline(state, facts) == NOW + 600
    assert decide(state, DeadlineCome(), facts._replace(now=NOW + 599.9)) == []
    assert names(decide(state, DeadlineCome(), facts._replace(now=NOW + 600))) == ["LoggedOut"]


@pytest.mark.rule("B2")
def test_however_late_the_clock_is_looked_at_the_warning_has_its_whole_time() -> None:
    outcome = decide(state_of("online"), DeadlineCome(), FACTS._replace(now=NOW + 9000, active_at=NOW))
    assert outcome == [events.InactivityWarned(NOW + 9000 + WARNING_S)]


@pytest.mark.rule("B1")
def test_without_a_period_nobody_is_logged_out_and_a_warning_is_taken_back() -> None:
    facts = FACTS._replace(desk=desk_of(limit_s=0), active_at=0.0)
    assert deadline(state_of("online"), facts) is None
    assert decide(state_of("online"), DeadlineCome(), facts) == []
    assert names(decide(state_of("online", warned=True), DeadlineCome(), facts)) == ["ActiveAgain"]


def test_an_agent_whom_no_warning_can_reach_is_not_warned() -> None:
    late = FACTS._replace(active_at=0.0)
    assert decide(state_of("online", grace=True), DeadlineCome(), late) == []
    assert deadline(state_of("online", grace=True), late) == NOW + 5


# Handing over, and ending other agents' sessions.


@pytest.mark.rule("A4", "A13")
@pytest.mark.parametrize(
    "wrong",
    [
        HandOver(ID, "a1", "away", "a1"),
        HandOver(ID, "a1", "away", "nobody"),
        HandOver(ID, "a1", "offline", "", "nowhere"),
        HandOver(ID, "a1", "away", "a2", "help"),
    ],
    ids=["to oneself", "unknown colleague", "unknown department", "both"],
)
def test_a_hand_over_that_cannot_be_is_refused_before_anything_changes(wrong: HandOver) -> None:
    assert code(decide(state_of("online"), wrong, FACTS)) is Code.NOT_ALLOWED


def test_a_second_hand_over_before_the_plan_is_refused() -> None:
    state = state_of("online")
    apply(state, events.HandOverBegun("away"), 4, NOW)
    assert code(decide(state, COMMANDS[HandOver], FACTS)) is Code.UNDER_WAY
    assert decide(state, HandOverPlanned([]), FACTS) == [events.HandedOver([])]


@pytest.mark.parametrize("standing", ["away", LOGGED_OUT])
def test_a_hand_over_without_its_plan_is_ended_by_the_restart(standing: str) -> None:
    """The dispatcher failed on it: what is left with the agent goes by the policy for the gone."""
    state = state_of(standing)
    state.handing_over = True
    assert names(decide(state, Restarted(), FACTS))[0] == "HandedOver"


@pytest.mark.parametrize("standing", ["online", LOGGED_OUT])
@pytest.mark.parametrize(
    ("who", "allowed"), [("boss", True), ("a2", False), ("nobody", False), ("a1", False)]
)
def test_only_who_has_the_permission_ends_sessions(standing: str, who: str, allowed: bool) -> None:
    outcome = decide(state_of(standing), EndSession(ID, who, "a1"), FACTS)
    if allowed:
        assert names(outcome) == ["LoggedOut"]
    else:
        assert code(outcome) is Code.NOT_ALLOWED


def test_the_whole_state_survives_its_snapshot() -> None:
    state = Agent(Presence.AWAY, 7, 1.0, True, 3, 2, "why", Presence.AWAY, 5.0, 6.0, "on_reply", True)
    assert len(msgspec.structs.asdict(state)) == 12, "a new field belongs into this test"
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=Agent) == state


# In play.


@pytest.mark.rule("A2", "A8", "A3")
def test_logging_in_makes_the_agent_online_and_being_busy_brings_no_work() -> None:
    stage = Stage(desk=desk_text(policies='busy_fallback = "never"'))
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
