"""A client machine and a scripted daemon on a virtual clock."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

from protocol.client.events import Answered, Event, Failed
from protocol.client.link import Link
from protocol.client.machine import ClientMachine
from protocol.codec import client_codec
from protocol.content import Text
from protocol.fields import Message
from protocol.identifiers import CommandIds
from protocol.messages import (
    VERSION,
    Ack,
    AgentMessage,
    CustomerMessage,
    Delivery,
    Hello,
    LoggedIn,
    Login,
    Subscribe,
    Subscribed,
    Welcome,
)
from protocol.news import CustomerSaid
from protocol.session import Role, Session

WEB = "channel/web"
ANNA = "agent/anna"
LEASE_S = 15.0
HEARTBEAT_S = 5.0

E = TypeVar("E")
M = TypeVar("M", bound=Message)


def welcome(journal: str = "journal-1", version: str = VERSION, frame_bytes: int = 262_144) -> Welcome:
    return Welcome(version, "server", journal, HEARTBEAT_S, LEASE_S, 256, frame_bytes)


def delivery(number: int, stream: str = WEB) -> Delivery:
    return Delivery(stream, number, 0.0, CustomerSaid(Text(f"number {number}")))


def deliveries(first: int, last: int, stream: str = WEB) -> list[Delivery]:
    return [delivery(number, stream) for number in range(first, last + 1)]


class Rig:
    """The client's machine, and a daemon that says what the test tells it to."""

    def __init__(self, chance: Callable[[], float] = lambda: 0.5) -> None:
        self.now = 1_000.0
        self.ids = CommandIds(lambda: int(self.now * 1000), lambda count: bytes(count))
        self.client = ClientMachine(Hello(VERSION, "gateway", "test", "g"), self.ids, chance)
        self.daemon: Session[Message] | None = None
        self.happened: list[Event] = []

    # The connection.

    def connect(self, said: Welcome | None = None) -> list[Message]:
        """Let the client connect when it wants to, and welcome it. Returns what it says then."""
        self.pass_time_until_connecting()
        (hello,) = self.greet()
        assert isinstance(hello, Hello)
        assert (hello.version, hello.role, hello.name) == (VERSION, "gateway", "g")
        return self.say(said or welcome())

    def pass_time_until_connecting(self) -> None:
        self.client.tick(self.now)
        if self.client.link is Link.WAITING:
            assert self.client.deadline is not None
            self.now = max(self.now, self.client.deadline)
            self.client.tick(self.now)
        assert self.client.link is Link.CONNECTING

    def greet(self) -> list[Message]:
        """Make the connection; the daemon knows nothing of any before. Returns what the client says."""
        self.daemon = Session(Role.DAEMON, client_codec(), self.now, 1e9)  # type: ignore[arg-type]
        self.client.connected(self.now)
        return self.hear()

    def lose(self) -> None:
        """The connection breaks; whatever was on its way is gone."""
        self.client.frames(self.now)
        self.client.lost(self.now, "pulled")
        self.daemon = None

    # Talking.

    def hear(self) -> list[Message]:
        """Return what the client has sent."""
        assert self.daemon is not None
        return [
            message
            for frame in self.client.frames(self.now)
            for message in self.daemon.receive(frame, self.now)
        ]

    def say(self, *messages: Message) -> list[Message]:
        """Let the daemon say this. Returns what the client answers."""
        assert self.daemon is not None
        for message in messages:
            self.daemon.send(message)
        frame = self.daemon.take(self.now)
        assert frame is not None
        self.client.received(frame, self.now)
        return self.hear()

    def wait(self, seconds: float) -> list[Message]:
        """Let time pass, from deadline to deadline, as the driver does. Returns what the client says."""
        said, end = [], self.now + seconds
        while (deadline := self.client.deadline) is not None and deadline <= end:
            self.now = max(self.now, deadline)
            self.client.tick(self.now)
            said += self.hear()
            if self.client.link is not Link.OPEN:
                break
        self.now = end
        return said

    # What happened.

    def events(self, kind: type[E]) -> list[E]:
        """Return all events of this kind so far."""
        self.happened += self.client.events()
        return [event for event in self.happened if isinstance(event, kind)]

    def answers(self) -> list[bytes]:
        return [event.id for event in self.events(Answered)]

    def failures(self) -> list[tuple[bytes, str]]:
        return [(event.id, event.code) for event in self.events(Failed)]

    # Shorthand for what a user does.

    def customer_says(self, text: str, contact: str = "c1") -> bytes:
        command = CustomerMessage(self.ids(), "web", contact, Text(text))
        self.client.command(command)
        return command.id

    def agent_says(self, text: str, agent: str = "anna", conversation: str = "k1") -> bytes:
        command = AgentMessage(self.ids(), agent, conversation, Text(text))
        self.client.command(command)
        return command.id

    def subscribed(self, after: int = 0, stream: str = WEB) -> None:
        """Connect, and subscribe a stream of a channel."""
        self.connect()
        self.client.subscribe(self.ids(), stream)
        self.say(Subscribed(only(Subscribe, self.hear()).id, stream, after))

    def logged_in(self, agent: str = "anna", token: str = "token-1") -> None:
        """Log an agent in by password."""
        self.client.login(self.ids(), agent, "secret")
        self.say(LoggedIn(only(Login, self.hear()).id, agent, token, math.inf))


def only(kind: type[M], said: list[Message]) -> M:
    """Return the one message of this kind."""
    (found,) = [message for message in said if isinstance(message, kind)]
    return found


def texts(said: list[Message]) -> list[str]:
    """Return what customers and agents are made to say, in order."""
    return [message.content.text for message in said if isinstance(message, CustomerMessage | AgentMessage)]


def ack(identifier: bytes, *, duplicate: bool = False) -> Ack:
    return Ack(identifier, position=1, duplicate=duplicate)
