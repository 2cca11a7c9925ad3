"""Traffic through the daemon: half of the messages from customers to agents, half from agents to customers.

A message is complete when its ack has come to its sender and its delivery to the other side. Messages take
turns over all conversations, so the index of a message says whose it is: even ones are customers', and a
conversation's next message in a direction has an index that is known beforehand.
"""

from __future__ import annotations

import time
from typing import Any

import zmq

from benchmarks.relay import content
from benchmarks.relay.opening import Opening
from benchmarks.relay.peers import Access, Peer, connect
from benchmarks.relay.wire import Links, Void
from protocol.codec import daemon_codec
from protocol.messages import Ack, Delivery
from protocol.news import AgentSaid, CustomerSaid

ACKED = 1
DELIVERED = 2


class Place:
    """One direction of one conversation: who sends, what a delivery must look like, which message is next."""

    __slots__ = ("expected", "proof", "sender")

    def __init__(self, sender: Peer, stream: str, conversation: str, news: type[Any], expected: int) -> None:
        self.sender = sender
        self.proof = (stream, conversation, news)
        self.expected = expected


class RelayTraffic:
    """A gateway and the consoles, with open conversations between their customers and agents."""

    def __init__(self, access: Access, agents: list[str], conversations: int) -> None:
        self.sent = 0
        self.done = 0
        self.latencies_ns: list[int] = []
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._peers = connect(self._context, access)
        self._links = Links(self._peers)
        self._decode = daemon_codec().decode
        self._conversations = Opening(self._peers, agents, access.password).run(conversations)
        self._places = self._make_places()
        self._begun = self._first = 0
        self._outgoing: list[tuple[Peer, bytes]] = []
        #: Of each message of the round: ACKED, DELIVERED, or both.
        self._state = bytearray()
        self._stamped = False

    def _make_places(self) -> list[Place]:
        gateway = self._peers[0]
        channel = f"channel/{content.CHANNEL}"
        places: list[Place] = []
        for ident, agent, console in self._conversations:
            places.append(Place(gateway, f"agent/{agent}", ident, CustomerSaid, len(places)))
            places.append(Place(console, channel, ident, AgentSaid, len(places)))
        return places

    def prepare(self, count: int) -> None:
        """Make the frames of the next round."""
        self._first = self._begun
        self._outgoing = [self._frame(index) for index in range(self._begun, self._begun + count)]
        self._begun += count
        self._state = bytearray(count)
        self._stamped = False
        self.sent = self.done = 0
        self.latencies_ns = []

    def _frame(self, index: int) -> tuple[Peer, bytes]:
        number = index % len(self._places)
        conversation = self._conversations[number // 2]
        if number % 2 == 0:
            frame = content.from_customer(index, number // 2)
        else:
            frame = content.from_agent(index, conversation.agent, conversation.ident)
        return self._places[number].sender, frame

    def send(self, count: int) -> None:
        """Send the next messages."""
        for sender, frame in self._outgoing[self.sent : self.sent + count]:
            sender.send(frame)
        self.sent += count

    def send_stamped(self) -> None:
        """Send the next message with the time in it."""
        self._stamped = True
        sender, frame = self._outgoing[self.sent]
        sender.send(content.stamped(frame, time.perf_counter_ns()))
        self.sent += 1

    def collect(self, wait_ms: int) -> bool:
        """Take acks and deliveries, and give credit back."""
        ready = self._links.ready(wait_ms)
        for peer in ready:
            assert isinstance(peer, Peer)
            delivered = False
            for frame in peer.drain():
                now_ns = time.perf_counter_ns()
                for message in self._decode(frame):
                    if isinstance(message, Delivery):
                        delivered = True
                        self._take_delivery(peer, message, now_ns)
                    elif isinstance(message, Ack):
                        self._note(content.index_in(message.id), ACKED)
                    else:
                        raise Void(f"{peer.role} {peer.name} was told {message}")
            if delivered:
                peer.acknowledge()
        return bool(ready)

    def _take_delivery(self, peer: Peer, delivery: Delivery, now_ns: int) -> None:
        peer.take(delivery.stream, delivery.number)
        news = delivery.news
        if type(news) is not CustomerSaid and type(news) is not AgentSaid:
            raise Void(f"{peer.role} {peer.name} was told {delivery}")
        written = news.content.text
        index = content.index_of(written)
        place = self._places[index % len(self._places)]
        if index != place.expected:
            raise Void(f"{place.proof}: message {index} came, {place.expected} was next")
        place.expected = index + len(self._places)
        if (delivery.stream, delivery.conversation, type(news)) != place.proof:
            raise Void(f"message {index} came to {delivery.stream} as {delivery}")
        self._note(index, DELIVERED)
        if self._stamped:
            self.latencies_ns.append(now_ns - content.stamp_of(written))

    def _note(self, index: int, what: int) -> None:
        place = index - self._first
        if not 0 <= place < self.sent or self._state[place] & what:
            raise Void(f"message {index} was {'acknowledged' if what == ACKED else 'delivered'} unexpectedly")
        self._state[place] |= what
        if self._state[place] == ACKED | DELIVERED:
            self.done += 1

    def settle(self) -> None:
        """Check that every message was acknowledged and delivered once; give all credit back."""
        if self._state.count(ACKED | DELIVERED) != self.sent:
            raise Void("a message was not completed")
        for peer in self._peers:
            peer.acknowledge(1)

    def close(self) -> None:
        """Say goodbye to nobody: the daemon is about to be stopped."""
        for peer in self._peers:
            peer.close()
        self._context.term()
