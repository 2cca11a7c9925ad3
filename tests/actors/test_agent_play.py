"""An agent in play: sessions open and close on two consoles, by password and by token, time passes, a
supervisor ends sessions, commands come late, several things happen in one turn, the daemon dies.

A model of a few lines says who is logged in, under which epoch, and who may speak; the journal says that
nobody spoke who was logged out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest
from hypothesis import Phase, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from actors import events
from actors.agent.actor import AgentActor
from actors.agent.machine import Agent
from actors.telling import Told
from protocol.codec import encode
from protocol.messages import (
    Ack,
    Goodbye,
    Hello,
    LoggedIn,
    Login,
    LoginWithToken,
    Logout,
    Refused,
    SetPresence,
)
from protocol.teamwork import EndSession, HandOver, StillHere
from tests.actors.oracle import crashed, journal_only, recovered
from tests.actors.small import parse_desks_once
from tests.daemon.doors import Door, Frame
from tests.office import KEYS, PHONE, Office

GRACE_S, PERIOD_S, WARNING_S = 60, 600, 60
POLICIES = f"grace_s = {GRACE_S}\ninactivity_logout_s = {PERIOD_S}\ninactivity_warning_s = {WARNING_S}"
CONSOLES = st.sampled_from(["phone", "desktop"])
#: What may be chosen and, last, what may not.
PRESENCES = st.sampled_from(
    ["online", "busy", "away", "transfer_only", "finishing", "offline", "not_answering"]
)
LEAPS = st.sampled_from([0.0, 1.0, 29.0, 59.0, 60.0, 61.0, 300.0, 539.0, 540.0, 600.0])


@dataclass
class Model:
    """What should be: the epoch in force (0 is logged out), and under which one each console's session is."""

    epoch: int = 0
    last_epoch: int = 0
    sessions: dict[str, int] = field(default_factory=dict)
    tokens: list[tuple[str, str, int]] = field(default_factory=list)
    tokens_from: int = 0
    presence: str = "offline"
    chosen: str = "offline"
    grace_until: float | None = None
    sign_at: float = 0.0
    logout_at: float | None = None

    def alive(self, console: str) -> bool:
        return self.epoch != 0 and self.sessions.get(console) == self.epoch

    def sign(self, now: float) -> None:
        self.sign_at, self.logout_at = now, None

    def opened(self, console: str, now: float, *, by_hand: bool) -> None:
        if not self.epoch:
            self.last_epoch += 1
            self.epoch, self.logout_at = self.last_epoch, None
            self.presence = "online" if by_hand else self.chosen
            self.chosen = self.presence
            self.sign_at = now
        elif by_hand and self.logout_at is not None:
            self.sign(now)
        self.grace_until = None
        self.sessions[console] = self.epoch

    def closed(self, console: str, now: float) -> None:
        was_alive = self.alive(console)
        self.sessions.pop(console, None)
        if was_alive and not any(map(self.alive, self.sessions)):
            self.grace_until = now + GRACE_S

    def out(self, *, gone: bool = False) -> None:
        if self.epoch and not gone:
            self.tokens_from = self.epoch + 1
        self.epoch, self.presence, self.grace_until, self.logout_at = 0, "offline", None, None

    def clock(self, now: float) -> None:
        """What the agent's deadline brings about when it is looked at."""
        if not self.epoch:
            return
        if self.grace_until is not None and now >= self.grace_until:
            self.out(gone=True)
        elif self.logout_at is not None and now >= self.logout_at:
            self.out()
        elif (
            self.logout_at is None and self.grace_until is None and now >= self.sign_at + PERIOD_S - WARNING_S
        ):
            self.logout_at = now + WARNING_S


class AgentPlay(RuleBasedStateMachine):
    """Everything that can happen to one agent; every rule is one turn."""

    @initialize()
    def open_the_office(self) -> None:
        self.patch = pytest.MonkeyPatch()
        parse_desks_once(self.patch)
        self.door = Office(POLICIES).door
        self.names = count(1)
        self.model = Model()
        #: The console that was lost in this turn: nothing is answered any more.
        self.lost = ""
        self.come_in()

    def teardown(self) -> None:
        if hasattr(self, "patch"):
            self.patch.undo()

    def come_in(self) -> None:
        """Every console connects; the supervisor logs in at a desk of the supervisor's own."""
        self.peers = {console: self.connect(console) for console in ("phone", "desktop")}

    def connect(self, console: str) -> bytes:
        peer = b"\0" + f"{console}{next(self.names)}".encode()
        key = KEYS[PHONE] if console == "phone" else KEYS[b"\0desktop"]
        self.door.says("console", peer, Hello("1.0", "console", "test", console), key=key)
        return peer

    @property
    def now(self) -> float:
        return self.door.stage.clock.now()

    def says(self, console: str, *messages: Any) -> list[Any]:
        """Have a console send a frame into the turn that is under way."""
        listener: Any = self.door.listeners["console"]
        key = KEYS[PHONE] if console == "phone" else KEYS[b"\0desktop"]
        self.door.hub.receive(listener, [(self.peers[console], Frame(encode(list(messages)), key))])
        return list(messages)

    def answers(self, console: str) -> dict[bytes, Any]:
        heard = self.door.heard("console", self.peers[console])
        return {message.id: message for message in heard if getattr(message, "id", b"")}

    def turn(self, *doings: Callable[[], Callable[[], None] | None]) -> None:
        """Run one turn in which these things are done, in this order; then look at what each has got."""
        self.door.system.begin(self.now)
        checks = [doing() for doing in doings]
        self.door.system.run()
        self.door.system.fire_timers()
        self.model.clock(self.now)
        self.door.turn()
        self.door.turn()
        for check in checks:
            if check is not None:
                check()

    # What can be done. Each returns what to look at after the turn.

    def log_in(self, console: str) -> Callable[[], None]:
        ident = self.door.new_id()
        self.says(console, Login(ident, "a1", "right"))
        self.door.pool.answer(True)
        self.model.opened(console, self.now, by_hand=True)
        return self.takes_token(console, ident, self.model.epoch)

    def takes_token(self, console: str, ident: bytes, epoch: int) -> Callable[[], None]:
        def check() -> None:
            answer = self.answers(console).get(ident)
            if answer is None and console == self.lost:
                return
            assert isinstance(answer, LoggedIn)
            self.model.tokens.append((console, answer.token, epoch))

        return check

    def come_back(self, console: str, token: tuple[str, str, int]) -> Callable[[], None]:
        ident = self.door.new_id()
        of_console, text, epoch = token
        self.says(console, LoginWithToken(ident, "a1", text))
        if of_console == console and epoch >= self.model.tokens_from:
            self.model.opened(console, self.now, by_hand=False)
            return self.takes_token(console, ident, self.model.epoch)
        return self.is_answered(console, ident, Refused)

    def is_answered(self, console: str, ident: bytes, kind: type[Any]) -> Callable[[], None]:
        def check() -> None:
            answer = self.answers(console).get(ident)
            assert type(answer) is kind or (answer is None and console == self.lost), answer

        return check

    def choose(self, console: str, presence: str) -> Callable[[], None]:
        ident = self.door.new_id()
        self.says(console, SetPresence(ident, "a1", presence))
        if not self.model.alive(console):
            return self.is_answered(console, ident, Refused)
        self.model.sign(self.now)
        if presence == "not_answering":
            return self.is_answered(console, ident, Refused)
        self.model.presence = self.model.chosen = presence
        return self.is_answered(console, ident, Ack)

    def click(self, console: str) -> None:
        self.says(console, StillHere("a1"))
        if self.model.alive(console):
            self.model.sign(self.now)

    def log_out(self, console: str) -> Callable[[], None]:
        ident = self.door.new_id()
        self.says(console, Logout(ident, "a1"))
        last = self.model.alive(console)
        self.model.sessions.pop(console, None)
        if last and not any(map(self.model.alive, self.model.sessions)):
            self.model.out()
        return self.is_answered(console, ident, Ack)

    def hand_over(self, console: str) -> Callable[[], None]:
        ident = self.door.new_id()
        self.says(console, HandOver(ident, "a1", "offline"))
        if not self.model.alive(console):
            return self.is_answered(console, ident, Refused)
        self.model.out()
        return self.is_answered(console, ident, Ack)

    def end_all(self) -> None:
        """The supervisor's command, as the hub tells it; whether it may be told is another test's."""

        answered = next(iter(self.door.hub._connections.values()))
        told = Told(EndSession(self.door.new_id(), "boss", "a1"), "acme", "agent/boss", answered)
        self.door.system.tell(("agent", "acme", "a1"), told)
        self.model.out()
        # Who is merely gone does not come back by token either.
        self.model.tokens_from = self.model.last_epoch + 1

    def lose(self, console: str) -> None:
        self.says(console, Goodbye())
        self.model.closed(console, self.now)

    # The rules.

    @rule(console=CONSOLES)
    def an_agent_logs_in(self, console: str) -> None:
        self.turn(lambda: self.log_in(console))

    @precondition(lambda self: self.model.tokens)
    @rule(console=CONSOLES, data=st.data())
    def a_console_comes_back_with_a_token(self, console: str, data: st.DataObject) -> None:
        token = data.draw(st.sampled_from(self.model.tokens[-6:]))
        self.turn(lambda: self.come_back(console, token))

    @rule(console=CONSOLES)
    def a_console_is_lost_and_connects_again(self, console: str) -> None:
        self.turn(lambda: self.lose(console))
        self.peers[console] = self.connect(console)

    @rule(console=CONSOLES, presence=PRESENCES)
    def a_presence_is_chosen(self, console: str, presence: str) -> None:
        self.turn(lambda: self.choose(console, presence))

    @rule(console=CONSOLES)
    def something_is_clicked(self, console: str) -> None:
        self.turn(lambda: self.click(console))

    @rule(seconds=LEAPS)
    def time_passes(self, seconds: float) -> None:
        self.door.stage.clock.advance(seconds)
        self.turn()

    @rule(console=CONSOLES, how=st.sampled_from(["log_out", "hand_over", "end_all"]))
    def the_agent_leaves(self, console: str, how: str) -> None:
        self.turn(lambda: self.end_all() if how == "end_all" else getattr(self, how)(console))

    @rule(data=st.data(), seconds=LEAPS)
    def several_things_come_in_one_turn(self, data: st.DataObject, seconds: float) -> None:
        self.door.stage.clock.advance(seconds)
        doings: list[Callable[[], Callable[[], None] | None]] = []
        for _ in range(data.draw(st.integers(2, 5))):
            console = data.draw(CONSOLES)
            kinds: dict[str, Callable[[], Callable[[], None] | None]] = {
                "log_in": lambda console=console: self.log_in(console),
                "choose": lambda console=console: self.choose(console, "busy"),
                "click": lambda console=console: self.click(console),
                "log_out": lambda console=console: self.log_out(console),
                "end_all": self.end_all,
                "hand_over": lambda console=console: self.hand_over(console),
            }
            if self.model.tokens:
                token = data.draw(st.sampled_from(self.model.tokens[-4:]))
                kinds["token"] = lambda console=console, token=token: self.come_back(console, token)
            doings.append(kinds[data.draw(st.sampled_from(sorted(kinds)))])
        self.lost = data.draw(st.sampled_from(["", "phone", "desktop"]))
        if self.lost:
            doings.append(lambda: self.lose(self.lost))
        self.turn(*doings)
        if self.lost:
            self.peers[self.lost], self.lost = self.connect(self.lost), ""

    @rule()
    def the_daemon_dies_and_comes_back(self) -> None:
        stage = self.door.stage
        stage.restart()
        ids = self.door._ids
        self.door = Door(secure=True, stage=stage)
        self.door._ids = ids
        self.model.sessions.clear()
        if self.model.epoch:
            self.model.grace_until = self.now + GRACE_S
            self.model.sign(self.now)
        self.come_in()

    # What must hold after every turn.

    def state(self) -> Agent:
        actor = self.door.system.actors.get(("agent", "acme", "a1"))
        return actor.state if isinstance(actor, AgentActor) else Agent()

    @invariant()
    def the_agent_is_what_the_model_says(self) -> None:
        if not hasattr(self, "model"):
            return
        state, model = self.state(), self.model
        assert (state.epoch if state.logged_in else 0) == model.epoch
        assert state.epoch == model.last_epoch
        assert (state.presence, state.grace_until) == (model.presence, model.grace_until)
        assert (state.logout_at, state.tokens_from) == (model.logout_at, model.tokens_from)
        lease = self.door.stage.lease("a1")
        assert (lease.epoch, lease.warned) == (model.epoch, model.logout_at is not None)

    @invariant()
    def only_sessions_of_the_epoch_in_force_are_left(self) -> None:
        if not hasattr(self, "model"):
            return
        by_peer = {connection.identity: connection for connection in self.door.hub._connections.values()}
        left = {
            console: by_peer[peer].agents["a1"].leased.epoch
            for console, peer in self.peers.items()
            if "a1" in by_peer[peer].agents
        }
        assert left == {console: at for console, at in self.model.sessions.items() if at == self.model.epoch}
        reachable = self.state().logged_in and self.state().grace_until is None
        assert reachable == bool(left)

    @invariant()
    def nobody_has_spoken_who_was_logged_out(self) -> None:
        if not hasattr(self, "model"):
            return
        there, epoch = False, 0
        for entry in self.door.stage.entries():
            if entry.kind != "agent" or entry.id != "a1":
                continue
            event = entry.event
            if isinstance(event, events.LoggedIn):
                assert not there
                assert event.epoch == epoch + 1
                there, epoch = True, event.epoch
            elif entry.sender == "agent/a1" or not isinstance(event, events.HandedOver | events.LoggedOut):
                assert there, f"{entry} after the logout"
            there = there and not isinstance(event, events.LoggedOut)

    @invariant()
    def a_crash_now_would_change_nothing(self) -> None:
        if not hasattr(self, "model"):
            return
        for store in (crashed(self.door.stage.store), journal_only(self.door.stage.store)):
            actor = recovered(store).actors.get(("agent", "acme", "a1"))
            again = actor.state if isinstance(actor, AgentActor) else Agent()
            assert again == self.state()


TestAgentPlay = AgentPlay.TestCase
TestAgentPlay.settings = settings(
    max_examples=150, stateful_step_count=30, phases=[Phase.explicit, Phase.generate, Phase.shrink]
)
TestAgentPlay.pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.rule("A1", "A2", "A6", "B1", "B2", "B3", "guarantee-G11"),
]
