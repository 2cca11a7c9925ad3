"""Sessions and the lease, with the hub before the actors: who may still speak, and who is logged out when."""

from __future__ import annotations

from typing import Any

import pytest

from actors.agent.actor import AgentActor
from actors.agent.machine import Agent
from actors.telling import Told
from protocol.errors import Code
from protocol.fields import Message
from protocol.messages import (
    Accept,
    Ack,
    AgentMessage,
    CustomerMessage,
    Delivery,
    End,
    Goodbye,
    LoggedIn,
    Login,
    LoginWithToken,
    Logout,
    PresenceChanged,
    Refused,
    SetPresence,
    Snapshot,
    Subscribe,
    Text,
)
from protocol.teamwork import EndSession, HandOver, LogoutWarning, ReadColleagues, StillHere
from tests.daemon.doors import Door
from tests.stage import desk_text

#: Two consoles, as a phone and a desktop: each with a key of its own.
PHONE, DESKTOP, WEB = b"\0phone", b"\0desktop", b"\0web"
KEYS = {PHONE: "P" * 40, DESKTOP: "D" * 40, WEB: "W" * 40}
INACTIVE = "inactivity_logout_s = 600\ninactivity_warning_s = 60"


class Office:
    """A desk with two agents and a supervisor, two consoles and a gateway."""

    def __init__(self, policies: str = "", initial: str = "online") -> None:
        desk = desk_text(
            people={"a1": "", "a2": "", "boss": 'role = "supervisor"'},
            policies=f'presence_initial = "{initial}"\n{policies}',
        )
        desk = desk.replace("[gateways.web]", f'[gateways.web]\npublic_key = "{KEYS[WEB]}"')
        consoles = "\n".join(
            f'[consoles.{name}]\npublic_key = "{KEYS[peer]}"'
            for name, peer in (("desk", DESKTOP), ("phone", PHONE))
        )
        self.desk = desk.replace("[consoles.desk]", consoles)
        self.door = Door(desk=self.desk, secure=True)
        self.door.greets("gateway", WEB, KEYS[WEB])
        for peer in (PHONE, DESKTOP):
            self.door.greets("console", peer, KEYS[peer])

    # What people do.

    def says(self, peer: bytes, *messages: Message) -> list[Any]:
        """Send messages in one frame, in a turn of its own; return what comes back."""
        return self.door.says("console", peer, *messages, key=KEYS[peer])

    def logs_in(self, peer: bytes, agent: str) -> LoggedIn:
        """Log in with the password, and listen."""
        self.says(peer, Login(self.new_id(), agent, "right"))
        self.door.pool.answer(True)
        self.door.turn()
        logged_in = self.heard(peer, LoggedIn)[-1]
        self.says(peer, Subscribe(self.new_id(), f"agent/{agent}", None, "", 100))
        return logged_in

    def comes_back(self, peer: bytes, logged_in: LoggedIn) -> list[Any]:
        """Log in with a token."""
        return self.says(peer, LoginWithToken(self.new_id(), logged_in.agent, logged_in.token))

    def loses(self, peer: bytes) -> None:
        """A console goes; a minute later it is there again, and nobody is logged in on it yet."""
        self.goes(peer)
        self.passes(61)
        self.door.greets("console", peer, KEYS[peer])

    def goes(self, peer: bytes) -> None:
        """A console says goodbye."""
        self.says(peer, Goodbye())
        self.door.turn()

    def supervisor_ends(self, agent: str, reason: str = "") -> Any:
        """The supervisor at the desktop ends an agent's sessions; the hub carries it out after the flush."""
        answers = self.says(DESKTOP, EndSession(self.new_id(), "boss", agent, reason))
        self.door.turn()
        return answers[0]

    def told_of(self, peer: bytes, agent: str, message: Any) -> tuple[Any, Told]:
        """Return a command as the hub tells it, with the session that the agent has now on a console."""
        connection = next(one for one in self.door.hub._connections.values() if one.identity == peer)
        session = connection.agents[agent]
        told = Told(message, "acme", session.sender, connection, session.recent, session.leased)
        ident = getattr(message, "conversation", "")
        return ("conversation", "acme", ident) if ident else ("agent", "acme", agent), told

    def turn(self, *telling: tuple[Any, Told]) -> None:
        """Have several things told in one turn."""
        self.door.system.begin(self.door.stage.clock.now())
        for address, told in telling:
            self.door.system.tell_from_outside(address, told)
        self.door.system.fire_timers()
        self.door.turn()
        self.door.turn()

    def writes(self, contact: str) -> str:
        """A customer writes; return the conversation."""
        message = CustomerMessage(self.new_id(), "web", contact, Text("hello"))
        answers = self.door.says("gateway", WEB, message, key=KEYS[WEB])
        return next(answer.conversation for answer in answers if isinstance(answer, Ack))

    def talk(self, peer: bytes, agent: str, contact: str = "ann") -> str:
        """Have the agent accept a customer's conversation."""
        talk = self.writes(contact)
        assert self.door.stage.offered_to(talk) == agent
        self.says(peer, Accept(self.new_id(), agent, talk, self.door.stage.live_offer(talk)))
        return talk

    def passes(self, seconds: float) -> None:
        """Let time pass and what is due happen; the consoles keep their connections alive."""
        self.door.stage.clock.advance(seconds)
        self.door.system.begin(self.door.stage.clock.now())
        self.door.system.fire_timers()
        self.door.turn()
        self.door.turn()

    # What can be seen.

    def new_id(self) -> bytes:
        return self.door.new_id()

    def heard(self, peer: bytes, kind: type[Any]) -> list[Any]:
        """Return the messages of a kind that a peer has got."""
        return [message for message in self.door.heard("console", peer) if isinstance(message, kind)]

    def news(self, peer: bytes, kind: type[Any]) -> list[Any]:
        """Return the news of a kind that a peer has got."""
        return [got.news for got in self.heard(peer, Delivery) if isinstance(got.news, kind)]

    def agent(self, agent: str) -> Agent:
        """Return an agent's state."""
        actor = self.door.system.actors["agent", "acme", agent]
        assert isinstance(actor, AgentActor)
        return actor.state

    def reachable(self, agent: str) -> bool:
        """Say whether new work could reach the agent."""
        return self.agent(agent).logged_in and self.agent(agent).grace_until is None

    def entries(self, kind: str) -> list[Any]:
        """Return the events of a kind in the journal."""
        found = (entry.event for entry in self.door.stage.entries())
        return [event for event in found if type(event).__name__ == kind]


def only(messages: list[Any], kind: type[Any]) -> Any:
    (found,) = [message for message in messages if isinstance(message, kind)]
    return found


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
    (refused,) = office.heard(PHONE, Refused)
    assert (refused.code, refused.id) == (Code.NOT_AUTHENTICATED, b"")
    assert "logged out by boss: gone home" in refused.message
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
    door.system.tell_from_outside(("agent", "acme", "a1"), ends)
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
    assert only(office.comes_back(PHONE, token), Refused).code == Code.NOT_AUTHENTICATED
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
    office.door.system.tell_from_outside(("agent", "acme", "a1"), ends)
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


# Logged out for inactivity.


@pytest.mark.rule("B1", "B2", "B4")
def test_who_sends_and_clicks_nothing_is_warned_a_minute_before_and_then_logged_out_everywhere() -> None:
    office = Office(INACTIVE)
    for peer in (PHONE, DESKTOP):
        office.logs_in(peer, "a1")
    start = office.door.stage.clock.now()
    office.passes(539)
    assert office.news(PHONE, LogoutWarning) == []
    office.passes(1)
    for peer in (PHONE, DESKTOP):
        assert office.news(peer, LogoutWarning) == [LogoutWarning(start + 600)]
    office.passes(59)
    assert office.reachable("a1")
    office.passes(1)
    assert not office.agent("a1").logged_in
    for peer in (PHONE, DESKTOP):
        (refused,) = office.heard(peer, Refused)
        assert "nothing was sent or clicked for 600 s" in refused.message
        assert office.news(peer, PresenceChanged)[-1].presence == "offline"


@pytest.mark.rule("B4")
def test_after_the_logout_nothing_comes_until_the_next_login() -> None:
    office = Office(INACTIVE)
    office.logs_in(PHONE, "a1")
    talk = office.talk(PHONE, "a1")
    office.passes(540)
    office.passes(60)
    before = len(office.heard(PHONE, Delivery))
    waiting = office.writes("bob")
    office.writes("ann")
    assert len(office.heard(PHONE, Delivery)) == before
    refused = only(office.says(PHONE, Subscribe(office.new_id(), "agent/a1", None, "", 10)), Refused)
    assert refused.code == Code.NOT_ALLOWED
    office.logs_in(PHONE, "a1")
    snapshot = office.heard(PHONE, Snapshot)[-1]
    assert {offer.conversation for offer in snapshot.offers} == {talk, waiting}


@pytest.mark.rule("B3")
@pytest.mark.parametrize("how", ["click", "message", "presence", "question"])
def test_a_click_or_any_command_after_the_warning_begins_the_time_anew(how: str) -> None:
    office = Office(INACTIVE)
    for peer in (PHONE, DESKTOP):
        office.logs_in(peer, "a1")
    talk = office.talk(PHONE, "a1")
    office.passes(570)
    sign = {
        "click": StillHere("a1"),
        "message": AgentMessage(office.new_id(), "a1", talk, Text("yes")),
        "presence": SetPresence(office.new_id(), "a1", "online"),
        "question": ReadColleagues(office.new_id(), "a1"),
    }[how]
    office.says(PHONE, sign)
    # The other console learns that the warning is over.
    assert office.news(DESKTOP, LogoutWarning)[-1] == LogoutWarning(0.0)
    office.passes(539)
    assert len(office.entries("InactivityWarned")) == 1
    office.passes(1)
    assert len(office.entries("InactivityWarned")) == 2
    assert office.reachable("a1")


@pytest.mark.rule("B1")
def test_what_is_clicked_and_sent_costs_no_event_and_no_timer() -> None:
    office = Office(INACTIVE)
    office.logs_in(PHONE, "a1")
    head, timers = office.door.system.head, len(office.door.system.timers._heap)
    for _ in range(50):
        office.door.stage.clock.advance(11)
        office.says(PHONE, StillHere("a1"))
    assert office.door.system.head == head
    assert len(office.door.system.timers._heap) == timers
    office.passes(539)
    assert office.entries("InactivityWarned") == []
    office.passes(1)
    assert len(office.entries("InactivityWarned")) == 1


def test_a_click_in_the_turn_of_the_logout_counts_and_one_of_a_dead_session_does_not() -> None:
    office = Office(INACTIVE)
    office.logs_in(PHONE, "a1")
    office.passes(540)
    office.door.stage.clock.advance(60)
    # Drained before the timers of the turn, as the reactor does.
    office.says(PHONE, StillHere("a1"))
    office.passes(0)
    assert office.reachable("a1")
    office.passes(540)
    office.passes(60)
    assert not office.agent("a1").logged_in
    assert only(office.says(PHONE, StillHere("a1")), Refused).code == Code.NOT_AUTHENTICATED
    assert not office.agent("a1").logged_in


def test_a_console_that_connects_again_by_itself_is_no_sign_of_life() -> None:
    """PEERS c7: else a flickering line would keep a ghost alive for ever."""
    office = Office(INACTIVE)
    token = office.logs_in(PHONE, "a1")
    for _ in range(9):
        office.goes(PHONE)
        office.passes(30)
        office.door.stage.clock.advance(35)
        office.door.greets("console", PHONE, KEYS[PHONE])
        office.comes_back(PHONE, token)
    # 585 s after the login: the warning is overdue, and comes with its whole time as soon as it can.
    office.passes(0)
    warned = office.entries("InactivityWarned")
    assert len(warned) == 1
    office.passes(60)
    assert not office.agent("a1").logged_in


def test_a_restart_counts_as_a_sign_of_life() -> None:
    office = Office(INACTIVE)
    office.logs_in(PHONE, "a1")
    office.passes(540)
    stage = office.door.stage
    stage.restart()
    stage.logs_in("a1")
    assert [type(e).__name__ for e in office.entries("ActiveAgain")] == ["ActiveAgain"]
    stage.pass_time(539)
    assert len(office.entries("InactivityWarned")) == 1
    stage.pass_time(1)
    assert len(office.entries("InactivityWarned")) == 2
    stage.pass_time(60)
    assert not stage.lease("a1").epoch


def test_a_period_that_is_set_while_agents_are_there_applies_to_them() -> None:
    office = Office()
    office.logs_in(PHONE, "a1")
    office.passes(3000)
    desk = office.desk.replace("presence_initial", f"{INACTIVE}\npresence_initial")
    office.door.stage.applies(desk)
    office.door.hub.desk_changed("acme")
    office.turn()
    office.passes(0)
    assert len(office.entries("InactivityWarned")) == 1


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
        assert "handed over" in office.heard(peer, Refused)[-1].message
