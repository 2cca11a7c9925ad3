"""A desk with agents, a supervisor and two consoles: the hub with the actors behind it, without sockets."""

from __future__ import annotations

from typing import Any

from actors.agent.actor import AgentActor
from actors.agent.machine import Agent
from actors.telling import Told
from protocol.content import Text
from protocol.fields import Message
from protocol.messages import (
    Accept,
    Ack,
    CustomerMessage,
    Delivery,
    Goodbye,
    LoggedIn,
    Login,
    LoginWithToken,
    Subscribe,
)
from protocol.teamwork import EndSession
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
        logged_in: LoggedIn = self.heard(peer, LoggedIn)[-1]
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
            self.door.system.tell(address, told)
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
