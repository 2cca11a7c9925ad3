"""Sessions and the lease, with the hub before the actors: who may still speak, and who may not."""

from __future__ import annotations

from typing import Any

import pytest

from protocol.codec import encode
from protocol.content import Text
from protocol.errors import Code
from protocol.messages import (
    Ack,
    AgentMessage,
    End,
    Goodbye,
    LoggedIn,
    Login,
    LoginWithToken,
    Logout,
    Refused,
    SessionEnded,
    SetPresence,
    Snapshot,
)
from protocol.news import PresenceChanged
from protocol.teamwork import EndSession, HandOver, StillHere
from tests.daemon.doors import Frame
from tests.office import DESKTOP, KEYS, PHONE, Office, only

# Several devices, one lease.


def test_of_a_phone_and_a_desktop_one_falls_silent_and_the_agent_stays() -> None:
    """PEERS c8: chatwoot#5436, #9737: a phone in a pocket made the agent at the desk offline."""
    office = Office()
    office.logs_in(PHONE, "a1")
    office.logs_in(DESKTOP, "a1")
    talk = office.talk(DESKTOP, "a1")
    epoch = office.agent("a1").epoch
    office.loses(PHONE)
    assert office.reachable("a1")
    assert office.entries("LeaseLost") == []
    assert isinstance(office.says(DESKTOP, AgentMessage(office.new_id(), "a1", talk, Text("yes")))[0], Ack)
    assert office.agent("a1").epoch == epoch


@pytest.mark.parametrize("order", [(PHONE, DESKTOP), (DESKTOP, PHONE)])
def test_the_lease_is_lost_with_the_last_device_and_not_before(order: tuple[bytes, bytes]) -> None:
    """PEERS c8: the lease belongs to the agent, not to the tab."""
    office = Office()
    office.logs_in(PHONE, "a1")
    office.logs_in(DESKTOP, "a1")
    office.says(order[0], Goodbye())
    office.door.turn()
    assert office.reachable("a1")
    office.says(order[1], Goodbye())
    office.door.turn()
    assert not office.reachable("a1")
    assert len(office.entries("LeaseLost")) == 1


@pytest.mark.rule("A5")
def test_logging_out_on_one_device_leaves_the_other() -> None:
    office = Office()
    office.logs_in(PHONE, "a1")
    office.logs_in(DESKTOP, "a1")
    assert isinstance(only(office.says(PHONE, Logout(office.new_id(), "a1")), Ack), Ack)
    assert office.reachable("a1")
    office.says(DESKTOP, Logout(office.new_id(), "a1"))
    assert not office.agent("a1").logged_in


# The fence.


def test_a_command_of_a_session_that_was_ended_is_refused_with_the_reason() -> None:
    """PEERS c7: chatwoot#6631, "force mark offline": and nothing of the ghost may count afterwards."""
    office = Office()
    office.logs_in(PHONE, "a1")
    office.logs_in(DESKTOP, "boss")
    talk = office.talk(PHONE, "a1")
    assert isinstance(office.supervisor_ends("a1", "gone home"), Ack)
    assert office.heard(PHONE, SessionEnded) == [SessionEnded("a1", "logged out by boss: gone home")]
    told = PresenceChanged("offline", "logged out by boss: gone home")
    assert office.news(PHONE, PresenceChanged)[-1] == told
    head = office.door.system.head
    late = only(office.says(PHONE, AgentMessage(office.new_id(), "a1", talk, Text("late"))), Refused)
    assert late.code == Code.NOT_AUTHENTICATED
    assert office.door.system.head == head


def test_a_command_in_the_very_turn_of_the_end_is_refused_by_whichever_actor_gets_it() -> None:
    """PEERS c7: the fence is the epoch: who handles the command sees it, before the hub can know."""
    office = Office()
    office.logs_in(PHONE, "a1")
    office.logs_in(DESKTOP, "boss")
    talk = office.talk(PHONE, "a1")
    ends = EndSession(office.new_id(), "boss", "a1")
    _, by_boss = office.told_of(DESKTOP, "boss", ends)
    office.turn(
        (("agent", "acme", "a1"), by_boss),
        office.told_of(PHONE, "a1", SetPresence(office.new_id(), "a1", "busy")),
        office.told_of(PHONE, "a1", AgentMessage(office.new_id(), "a1", talk, Text("late"))),
        office.told_of(PHONE, "a1", End(office.new_id(), "a1", talk)),
    )
    assert [answer.code for answer in office.heard(PHONE, Refused)[:3]] == [Code.NOT_AUTHENTICATED] * 3
    assert "logged out by boss" in office.heard(PHONE, Refused)[0].message
    for kind in ("AgentWrote", "PresenceChosen", "Ended"):
        assert office.entries(kind) == []
    assert office.door.stage.state(talk).assignee == ""


def test_whoever_was_ended_in_this_frame_and_is_known_to_be_is_refused_by_the_door() -> None:
    """A token of the dead login has the actors decide at once; what follows in the frame is a ghost's."""
    office = Office()
    token = office.logs_in(DESKTOP, "a1")
    office.logs_in(DESKTOP, "boss")
    active_at = office.door.stage.lease("a1").active_at
    office.door.stage.clock.advance(5.0)
    ends = EndSession(office.new_id(), "boss", "a1", "gone home")
    back = LoginWithToken(office.new_id(), "a1", token.token)
    answers = office.says(DESKTOP, ends, back, StillHere("a1"))
    refused = [answer for answer in answers if isinstance(answer, Refused)]
    assert [answer.code for answer in refused] == [Code.NOT_AUTHENTICATED] * 2
    assert "not valid here" in refused[0].message
    assert "logged out by boss: gone home" in refused[1].message
    assert office.door.stage.lease("a1").active_at == active_at, "a ghost's sign of life is none"


def test_who_comes_back_may_speak_in_the_same_frame() -> None:
    """The lease has another epoch, and the agent's actor has not had its turn yet."""
    office = Office("grace_s = 60")
    token = office.logs_in(PHONE, "a1")
    office.loses(PHONE)
    back = LoginWithToken(office.new_id(), "a1", token.token)
    answers = office.says(PHONE, back, SetPresence(office.new_id(), "a1", "busy"))
    assert isinstance(only(answers, LoggedIn), LoggedIn)
    assert isinstance(only(answers, Ack), Ack)
    assert (office.agent("a1").presence, office.agent("a1").epoch) == ("busy", 2)


def test_a_repeated_command_of_a_dead_session_gets_its_first_answer_and_changes_nothing() -> None:
    office = Office()
    office.logs_in(PHONE, "a1")
    office.logs_in(DESKTOP, "boss")
    talk = office.talk(PHONE, "a1")
    said = AgentMessage(office.new_id(), "a1", talk, Text("yes"))
    first = only(office.says(PHONE, said), Ack)
    _, ends = office.told_of(DESKTOP, "boss", EndSession(office.new_id(), "boss", "a1"))
    again = office.told_of(PHONE, "a1", said)
    office.turn((("agent", "acme", "a1"), ends), again)
    repeated = [ack for ack in office.heard(PHONE, Ack) if ack.duplicate]
    assert [ack.position for ack in repeated] == [first.position]
    assert len(office.entries("AgentWrote")) == 1


@pytest.mark.parametrize("where", [PHONE, DESKTOP])
def test_a_login_after_a_forced_end_is_another_epoch_and_the_old_sessions_stay_dead(where: bytes) -> None:
    """Also when it comes in the very turn of the end, before the hub has ended the old sessions."""
    office = Office()
    office.logs_in(PHONE, "a1")
    office.logs_in(DESKTOP, "boss")
    talk = office.talk(PHONE, "a1")
    old = office.told_of(PHONE, "a1", SetPresence(office.new_id(), "a1", "away"))
    _, ends = office.told_of(DESKTOP, "boss", EndSession(office.new_id(), "boss", "a1"))
    door = office.door
    office.says(where, Login(office.new_id(), "a1", "right"))
    door.system.tell(("agent", "acme", "a1"), ends)
    door.pool.answer(True)
    door.turn()
    door.turn()
    assert (office.agent("a1").epoch, office.reachable("a1")) == (2, True)
    office.turn(old)
    assert office.heard(PHONE, Refused)[-1].code == Code.NOT_AUTHENTICATED
    assert office.agent("a1").presence == "online"
    assert isinstance(only(office.says(where, SetPresence(office.new_id(), "a1", "busy")), Ack), Ack)
    if where == DESKTOP:
        late = office.says(PHONE, AgentMessage(office.new_id(), "a1", talk, Text("late")))
        assert only(late, Refused).code == Code.NOT_AUTHENTICATED
    # The newest session is the lease's: with it the agent is lost, whatever else was open before.
    office.goes(where)
    assert not office.reachable("a1")


def test_a_token_lets_nobody_in_who_was_logged_out_on_purpose() -> None:
    """PEERS c7: Rocket.Chat#10172: a console that connects again by itself would bring the ghost back."""
    office = Office()
    token = office.logs_in(PHONE, "a1")
    office.logs_in(DESKTOP, "boss")
    office.supervisor_ends("a1")
    answers = office.comes_back(PHONE, token)
    assert only(answers, Refused).code == Code.NOT_AUTHENTICATED
    # The client learns that it is no matter of a worn-out token, and must not use a password it has kept.
    assert only(answers, SessionEnded) == SessionEnded("a1", "logged out by boss")
    assert not office.agent("a1").logged_in
    again = office.logs_in(PHONE, "a1")
    assert office.agent("a1").epoch == 2
    # The token of the new login is good, the old one is not, however the agent is logged in meanwhile.
    assert only(office.comes_back(PHONE, token), Refused).code == Code.NOT_AUTHENTICATED
    assert isinstance(only(office.comes_back(PHONE, again), LoggedIn), LoggedIn)


def test_a_token_in_the_turn_of_the_end_is_void_already() -> None:
    office = Office()
    token = office.logs_in(PHONE, "a1")
    office.logs_in(DESKTOP, "boss")
    _, ends = office.told_of(DESKTOP, "boss", EndSession(office.new_id(), "boss", "a1"))
    office.door.system.tell(("agent", "acme", "a1"), ends)
    assert only(office.comes_back(PHONE, token), Refused).code == Code.NOT_AUTHENTICATED


def test_a_token_lets_in_who_was_gone_for_longer_than_the_grace_in_what_was_chosen() -> None:
    """PEERS c1, c7: and a console that comes back by itself makes nobody available who was not."""
    office = Office("grace_s = 60")
    token = office.logs_in(PHONE, "a1")
    office.says(PHONE, SetPresence(office.new_id(), "a1", "away"))
    office.loses(PHONE)
    assert not office.agent("a1").logged_in
    assert isinstance(only(office.comes_back(PHONE, token), LoggedIn), LoggedIn)
    assert (office.agent("a1").presence, office.agent("a1").epoch) == ("away", 2)


def test_tokens_and_epochs_outlive_a_restart() -> None:
    office = Office()
    office.logs_in(PHONE, "a1")
    office.logs_in(DESKTOP, "boss")
    office.supervisor_ends("a1")
    office.door.stage.restart()
    restarted = office.door.stage.lease("a1")
    assert (restarted.epoch, restarted.tokens_from) == (0, 2)
    office.door.stage.logs_in("a1")
    assert office.door.stage.lease("a1").epoch == 2


def test_the_connection_stays_for_the_other_agents_on_it() -> None:
    office = Office()
    office.logs_in(PHONE, "a1")
    office.logs_in(PHONE, "a2")
    office.logs_in(DESKTOP, "boss")
    office.supervisor_ends("a1")
    assert isinstance(only(office.says(PHONE, SetPresence(office.new_id(), "a2", "busy")), Ack), Ack)
    assert office.reachable("a2")


@pytest.mark.parametrize("who", ["a2", "boss"])
def test_ending_sessions_needs_the_permission_over_that_agent(who: str) -> None:
    office = Office()
    office.logs_in(PHONE, "a1")
    office.logs_in(DESKTOP, who)
    answer = office.says(DESKTOP, EndSession(office.new_id(), who, "a1"))[0]
    if who == "boss":
        assert isinstance(answer, Ack)
    else:
        assert answer.code == Code.NOT_ALLOWED
    assert office.agent("a1").logged_in == (who != "boss")


def test_a_guessed_name_leaves_nothing_behind() -> None:
    office = Office()
    office.logs_in(DESKTOP, "boss")
    answer = office.says(DESKTOP, EndSession(office.new_id(), "boss", "nobody"))[0]
    assert answer.code == Code.NOT_ALLOWED
    assert ("agent", "acme", "nobody") not in office.door.system.actors


@pytest.mark.rule("A2", "A3", "A6")
@pytest.mark.parametrize("initial", ["online", "busy", "away", "offline"])
def test_the_first_presence_is_the_policys_and_a_second_device_changes_nothing(initial: str) -> None:
    office = Office(initial=initial)
    office.logs_in(PHONE, "a1")
    office.logs_in(DESKTOP, "a1")
    assert (office.agent("a1").presence, office.agent("a1").epoch) == (initial, 1)
    assert office.news(PHONE, PresenceChanged)[-1:] == []
    assert office.heard(PHONE, Snapshot)[-1].presence == initial
    office.goes(PHONE)
    office.goes(DESKTOP)
    assert not office.reachable("a1")


@pytest.mark.rule("A5")
def test_handing_over_and_leaving_ends_all_sessions_after_the_result() -> None:
    office = Office()
    for peer in (PHONE, DESKTOP):
        office.logs_in(peer, "a1")
    office.says(PHONE, HandOver(office.new_id(), "a1", "offline"))
    office.door.turn()
    assert not office.agent("a1").logged_in
    for peer in (PHONE, DESKTOP):
        assert office.heard(peer, SessionEnded) == [SessionEnded("a1", "handed over")]


@pytest.mark.rule("guarantee-G10")
def test_of_all_who_come_back_in_one_turn_the_dispatcher_knows_before_it_decides() -> None:
    """As after a restart: not login by login."""
    office = Office("grace_s = 60")
    tokens = {(peer, agent): office.logs_in(peer, agent) for peer, agent in ((PHONE, "a1"), (DESKTOP, "a2"))}
    for peer in (PHONE, DESKTOP):
        office.loses(peer)
    office.writes("ann")
    office.door.system.begin(office.door.stage.clock.now())
    listener: Any = office.door.listeners["console"]
    for (peer, agent), token in tokens.items():
        login = encode([LoginWithToken(office.new_id(), agent, token.token)])
        office.door.hub.receive(listener, [(peer, Frame(login, KEYS[peer]))])
    office.door.turn()
    # The supervisor alone is not there.
    assert office.entries("Offered")[-1].why.excluded == {"offline": 1}


# What was said before is said once.


@pytest.mark.rule("guarantee-G3")
@pytest.mark.parametrize("first", ["logout", "set_presence"])
def test_a_logout_under_an_id_that_was_used_before_ends_no_session(first: str) -> None:
    """PEERS c7: the console was let go and the agent was not, a ghost who is offered customers."""
    office = Office()
    office.logs_in(PHONE, "a1")
    ident = office.new_id()
    before = Logout(ident, "a1") if first == "logout" else SetPresence(ident, "a1", "busy")
    office.says(PHONE, before)
    office.door.turn()
    if first == "logout":
        office.logs_in(PHONE, "a1")
    answer = office.says(PHONE, Logout(ident, "a1"))[-1]
    assert answer.duplicate if isinstance(answer, Ack) else answer.code == Code.ID_REUSED
    assert office.reachable("a1")
    assert isinstance(office.says(PHONE, SetPresence(office.new_id(), "a1", "online"))[0], Ack)
    office.goes(PHONE)
    assert not office.reachable("a1"), "and the loss of the connection is still noticed"


@pytest.mark.parametrize("ended", [False, True])
def test_who_is_gone_and_whose_session_a_supervisor_has_ended_comes_back_with_the_password(
    ended: bool,
) -> None:
    """PEERS c7: a console that was left open somewhere is not let in again by its token."""
    office = Office()
    office.logs_in(DESKTOP, "boss")
    token = office.logs_in(PHONE, "a1")
    office.loses(PHONE)
    assert not office.agent("a1").logged_in
    if ended:
        assert isinstance(office.supervisor_ends("a1"), Ack)
    office.comes_back(PHONE, token)
    assert office.agent("a1").logged_in != ended
