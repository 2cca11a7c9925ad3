"""Before the clock starts: everybody says hello, agents log in, customers write, agents accept.

Each step waits for the daemon's answers, and says what is missing when they do not come.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from benchmarks.relay import content
from benchmarks.relay.peers import STREAM_WINDOW, Peer
from benchmarks.relay.wire import Links, Void
from protocol.codec import daemon_codec
from protocol.content import Text
from protocol.messages import (
    VERSION,
    Accept,
    Ack,
    CustomerMessage,
    Delivery,
    Goodbye,
    Hello,
    LoggedIn,
    Login,
    Refused,
    Snapshot,
    Subscribe,
    Subscribed,
    Welcome,
)
from protocol.news import Assigned, OfferMade

#: A step without an answer for so long has failed.
PATIENCE_S = 20.0


class Conversation(NamedTuple):
    """An open conversation: its customer's number, its agent, and the console the agent sits at."""

    ident: str
    agent: str
    console: Peer


class Opening:
    """The steps up to open conversations, over connections that have just been made."""

    def __init__(self, peers: list[Peer], agents: list[str], password: str) -> None:
        self._gateway, *self._consoles = self._peers = peers
        self._agents = agents
        self._password = password
        self._console_of = {
            agent: self._consoles[number % len(self._consoles)] for number, agent in enumerate(agents)
        }
        self._links = Links(peers)
        self._decode = daemon_codec().decode
        self._next_id = 0
        self._last: deque[str] = deque(maxlen=10)
        self._welcomed: set[str] = set()
        self._logged_in: set[str] = set()
        self._subscribed: set[str] = set()
        self._acknowledged: set[bytes] = set()
        self._told: set[str] = set()
        self._open: dict[str, Conversation] = {}
        self._handlers: dict[type[Any], Callable[[Peer, Any], None]] = {
            Welcome: lambda peer, _: self._welcomed.add(peer.name),
            LoggedIn: lambda _, message: self._logged_in.add(message.agent),
            Subscribed: self._on_subscribed,
            Snapshot: lambda peer, message: peer.begin(message.stream, message.number),
            Ack: lambda _, message: self._acknowledged.add(message.id),
            Delivery: self._on_delivery,
            Refused: self._on_bad_news,
            Goodbye: self._on_bad_news,
        }

    def run(self, conversations: int) -> list[Conversation]:
        """Take all steps; return the conversations, those of the first customers first."""
        for peer in self._peers:
            peer.say(Hello(VERSION, peer.role, "benchmark", peer.name))
        self._wait("connections open", self._welcomed, len(self._peers))
        for agent, console in self._console_of.items():
            console.say(Login(self._id(), agent, self._password))
        self._wait("agents logged in", self._logged_in, len(self._agents))
        self._subscribe(self._gateway, f"channel/{content.CHANNEL}")
        for agent, console in self._console_of.items():
            self._subscribe(console, f"agent/{agent}")
        self._wait("streams subscribed", self._subscribed, 1 + len(self._agents))
        first_words = Text("setup")
        for number in range(conversations):
            contact = content.contact(number)
            self._gateway.say(CustomerMessage(self._id(), content.CHANNEL, contact, first_words))
        self._wait("conversations open", self._open, conversations)
        # Nothing of this may still be under way when the measured messages come.
        self._wait("assignments told to the gateway", self._told, conversations)
        self._wait("commands acknowledged", self._acknowledged, 2 * conversations)
        return [self._open[content.contact(number)] for number in range(conversations)]

    def _id(self) -> bytes:
        self._next_id += 1
        return self._next_id.to_bytes(16, "big")

    def _subscribe(self, peer: Peer, stream: str) -> None:
        peer.begin(stream, 0)
        peer.say(Subscribe(self._id(), stream, window=STREAM_WINDOW))

    def _wait(self, what: str, done: set[Any] | dict[str, Any], count: int) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while len(done) < count:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise Void(f"{what}: {len(done)} of {count}; the last messages were {list(self._last)}")
            for peer in self._links.ready(int(left_s * 1000) + 1):
                assert isinstance(peer, Peer)
                for frame in peer.drain():
                    self._take(peer, frame)

    def _take(self, peer: Peer, frame: bytes) -> None:
        for message in self._decode(frame):
            self._last.append(repr(message)[:200])
            handler = self._handlers.get(type(message))
            if handler is not None:
                handler(peer, message)
        peer.acknowledge()

    def _on_subscribed(self, peer: Peer, message: Subscribed) -> None:
        self._subscribed.add(message.stream)
        peer.begin(message.stream, message.after)

    def _on_delivery(self, peer: Peer, delivery: Delivery) -> None:
        peer.take(delivery.stream, delivery.number)
        news = delivery.news
        if isinstance(news, OfferMade):
            agent = delivery.stream.partition("/")[2]
            peer.say(Accept(self._id(), agent, news.offer.conversation, news.offer.offer))
        elif isinstance(news, Assigned) and peer is self._gateway:
            self._told.add(news.contact)
        elif isinstance(news, Assigned):
            self._open[news.contact] = Conversation(delivery.conversation, news.agent, peer)

    def _on_bad_news(self, peer: Peer, message: Refused | Goodbye) -> None:
        raise Void(f"{peer.role} {peer.name} was told {message}")
