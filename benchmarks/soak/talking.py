"""A shop that is busy for hours: so many talks at a time; each ends after a while, and another begins.

Customers and agents write in turns over all talks, as in the relay benchmark. Beside that talks are wound up,
one at a time: no more is written in one, what is under way arrives, the agent ends it, and the place is taken
by another customer. Some of those are new, some come back while their conversation is solved, some when it is
long over. So conversations are made, offered, solved, put out of memory, fetched back, closed and bound to
agents all the time.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from itertools import count
from typing import Any

import zmq

from benchmarks.relay import content
from benchmarks.relay.opening import Conversation, Opening
from benchmarks.relay.peers import Access, Peer, connect
from benchmarks.relay.relaying import ACKED, DELIVERED
from benchmarks.relay.wire import Links, Void
from protocol.codec import daemon_codec, encode
from protocol.life import StatusChanged
from protocol.messages import (
    Accept,
    Ack,
    AgentMessage,
    CustomerMessage,
    Delivery,
    End,
    Goodbye,
    Ping,
    Refused,
)
from protocol.news import AgentSaid, Assigned, ConversationEnded, CustomerSaid, OfferMade

#: How long what the agent has ended stays solved; when a customer comes back in time, and when too late.
SOLVED_S = 20
BACK_IN_TIME_S = 10.0
BACK_LATE_S = 45.0
#: Everybody says this often that they are there.
PING_EVERY_S = 5.0
FROM_CUSTOMER, FROM_AGENT = 0, 1


class Talk:
    """A place in the shop: a customer and, once accepted, an agent. ``under_way``: by who wrote."""

    __slots__ = ("agent", "console", "contact", "conversation", "ends_at", "state", "under_way")

    def __init__(self, contact: str, conversation: Conversation, ends_at: float) -> None:
        self.contact = contact
        self.conversation, self.agent, self.console = conversation
        self.ends_at = ends_at
        #: ``talking``, ``arriving`` (the last words), ``ending``, ``beginning``.
        self.state = "talking"
        self.under_way: tuple[deque[Message], deque[Message]] = (deque(), deque())


class Message:
    """A message without its acknowledgement, or without its delivery, yet."""

    __slots__ = ("index", "measured", "missing", "talk", "who")

    def __init__(self, index: int, talk: Talk, who: int, measured: bool) -> None:
        self.index = index
        self.talk = talk
        self.who = who
        self.measured = measured
        self.missing = ACKED | DELIVERED


class Shop:
    """The traffic of the soak: what is measured, and the talks that end and begin beside it.

    It can be saturated and paced as the relay benchmark's traffic can (``sent``, ``done`` and
    ``latencies_ns`` are of the round); ``written`` and ``arrived`` are of its whole life, first words too.
    """

    def __init__(self, access: Access, agents: list[str], talks: int, life_s: float) -> None:
        self.sent = self.done = 0
        self.latencies_ns: list[int] = []
        self.written = self.arrived = self.ended = self.returned = 0
        self._life_s = life_s
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._peers = connect(self._context, access)
        self._gateway = self._peers[0]
        self._links = Links(self._peers)
        self._decode = daemon_codec().decode
        opened = Opening(self._peers, agents, access.password).run(talks)
        #: The words with which the conversations were opened are in the journal, too.
        self.opening = talks
        now = time.monotonic()
        self._talks = [
            Talk(content.contact(number), conversation, now + life_s * (number + 1) / talks)
            for number, conversation in enumerate(opened)
        ]
        self._contacts = count(talks)
        self._indexes = count()
        self._turn = count()
        self._beginnings = count()
        self._under_way: dict[int, Message] = {}
        #: Commands that are not messages, until they are acknowledged.
        self._commands: set[int] = set()
        #: By contact: where a conversation with an agent is awaited.
        self._beginning: dict[str, Talk] = {}
        #: By conversation: whose end was ordered.
        self._ending: dict[str, Talk] = {}
        self._away: tuple[deque[tuple[float, str]], ...] = (deque(), deque())
        self._looked_at = self._pinged_at = now
        self._now_ns = 0
        self._handlers: dict[type[Any], Callable[[Peer, Delivery], None]] = {
            CustomerSaid: self._on_said,
            AgentSaid: self._on_said,
            OfferMade: self._on_offer,
            Assigned: self._on_assigned,
            ConversationEnded: self._on_end,
            StatusChanged: self._on_end,
        }

    def prepare(self, count: int) -> None:
        """Begin a round; frames are made when they are sent: an hour's would not fit in memory."""
        self.sent = self.done = 0
        self.latencies_ns = []

    def send(self, count: int) -> None:
        """Send the next messages."""
        for _ in range(count):
            self.send_stamped()

    def send_stamped(self) -> None:
        """Send the next message, with the time in it: the next talk's in which something can be said."""
        talks = self._talks
        for _ in range(2 * len(talks)):
            number = next(self._turn) % (2 * len(talks))
            talk = talks[number // 2]
            if talk.state == "talking":
                self._write(talk, number % 2, measured=True)
                self.sent += 1
                return
        raise Void("nobody is talking any more")

    def _write(self, talk: Talk, who: int, *, measured: bool) -> None:
        index = next(self._indexes)
        message = Message(index, talk, who, measured)
        self._under_way[index] = message
        talk.under_way[who].append(message)
        self.written += 1
        words = content.text(index)
        command: CustomerMessage | AgentMessage
        if who == FROM_CUSTOMER:
            command = CustomerMessage(
                content.ident(index), content.CHANNEL, talk.contact, words, authenticated=True
            )
            sender = self._gateway
        else:
            command = AgentMessage(content.ident(index), talk.agent, talk.conversation, words)
            sender = talk.console
        sender.send(content.stamped(encode([command]), time.perf_counter_ns()))

    def _order(self, peer: Peer, make: Callable[[bytes], Accept | End]) -> None:
        index = next(self._indexes)
        self._commands.add(index)
        peer.say(make(content.ident(index)))

    def collect(self, wait_ms: int) -> bool:
        """Take what has come, and see to the talks whose time is over."""
        ready = self._links.ready(wait_ms)
        for peer in ready:
            assert isinstance(peer, Peer)
            for frame in peer.drain():
                now_ns = time.perf_counter_ns()
                for message in self._decode(frame):
                    self._take(peer, message, now_ns)
            peer.acknowledge()
        now = time.monotonic()
        if now - self._looked_at > 0.01:
            self._looked_at = now
            self._look_after_talks(now)
        return bool(ready)

    def _take(self, peer: Peer, message: Any, now_ns: int) -> None:
        if isinstance(message, Delivery):
            peer.take(message.stream, message.number)
            handler = self._handlers.get(type(message.news))
            if handler is not None:
                self._now_ns = now_ns
                handler(peer, message)
        elif isinstance(message, Ack):
            self._on_ack(content.index_in(message.id))
        elif isinstance(message, Refused | Goodbye):
            raise Void(f"{peer.role} {peer.name} was told {message}")

    def _on_ack(self, index: int) -> None:
        if index in self._commands:
            self._commands.remove(index)
        else:
            self._note(index, ACKED)

    def _note(self, index: int, what: int) -> None:
        message = self._under_way.get(index)
        if message is None or not message.missing & what:
            raise Void(f"message {index} was {'acknowledged' if what == ACKED else 'delivered'} unexpectedly")
        message.missing &= ~what
        if not message.missing:
            del self._under_way[index]
            self.arrived += 1
            self.done += message.measured

    def _on_said(self, peer: Peer, delivery: Delivery) -> None:
        news = delivery.news
        assert isinstance(news, CustomerSaid | AgentSaid)
        written = news.content.text
        index = content.index_of(written)
        message = self._under_way.get(index)
        if message is None:
            raise Void(f"message {index} came to {delivery.stream} again")
        talk = message.talk
        who = FROM_CUSTOMER if type(news) is CustomerSaid else FROM_AGENT
        if talk.state == "beginning" and who == FROM_CUSTOMER:
            # Whoever comes back in time goes on in the same conversation, with the same agent.
            self.returned += 1
            self._begin_to_talk(talk, delivery.conversation, delivery.stream.partition("/")[2], peer)
        expected = talk.under_way[who].popleft().index if talk.under_way[who] else None
        stream = f"channel/{content.CHANNEL}" if who == FROM_AGENT else f"agent/{talk.agent}"
        found = (index, delivery.stream, delivery.conversation, message.who)
        if found != (expected, stream, talk.conversation, who):
            raise Void(f"{found} came where {(expected, stream, talk.conversation, who)} was next")
        self._note(index, DELIVERED)
        if message.measured:
            self.latencies_ns.append(self._now_ns - content.stamp_of(written))

    def _look_after_talks(self, now: float) -> None:
        if now - self._pinged_at > PING_EVERY_S:
            self._pinged_at = now
            for peer in self._peers:
                peer.say(Ping())
        for talk in self._talks:
            if talk.state == "talking" and now >= talk.ends_at:
                talk.state = "arriving"
            if talk.state == "arriving" and not any(talk.under_way):
                self._end(talk)

    def _end(self, talk: Talk) -> None:
        talk.state = "ending"
        self._ending[talk.conversation] = talk
        self._order(talk.console, lambda ident: End(ident, talk.agent, talk.conversation))

    def _on_end(self, peer: Peer, delivery: Delivery) -> None:
        """The gateway is told last that it has ended, or is solved: then somebody else may come."""
        talk = self._ending.get(delivery.conversation)
        if talk is None or peer is not self._gateway:
            return
        del self._ending[delivery.conversation]
        self.ended += 1
        now = time.monotonic()
        self._away[self.ended % 2].append((now, talk.contact))
        self._begin(talk, now)

    def _begin(self, talk: Talk, now: float) -> None:
        talk.contact = self._next_contact(now)
        talk.state = "beginning"
        talk.ends_at = now + self._life_s
        self._beginning[talk.contact] = talk
        self._write(talk, FROM_CUSTOMER, measured=False)

    def _next_contact(self, now: float) -> str:
        """Return who comes, in turns: somebody new, somebody back in time, somebody back late."""
        kind = next(self._beginnings) % 3
        if kind:
            away = self._away[kind - 1]
            if away and now - away[0][0] > (BACK_IN_TIME_S, BACK_LATE_S)[kind - 1]:
                return away.popleft()[1]
        return content.contact(next(self._contacts))

    def _on_offer(self, peer: Peer, delivery: Delivery) -> None:
        news = delivery.news
        assert isinstance(news, OfferMade)
        agent, offer = delivery.stream.partition("/")[2], news.offer
        self._order(peer, lambda ident: Accept(ident, agent, offer.conversation, offer.offer))

    def _on_assigned(self, peer: Peer, delivery: Delivery) -> None:
        news = delivery.news
        assert isinstance(news, Assigned)
        talk = self._beginning.get(news.contact)
        if peer is self._gateway or talk is None:
            return
        self._begin_to_talk(talk, delivery.conversation, news.agent, peer)
        # The first words came with the offer; nobody is told of them again.
        self._note(talk.under_way[FROM_CUSTOMER].popleft().index, DELIVERED)

    def _begin_to_talk(self, talk: Talk, conversation: str, agent: str, console: Peer) -> None:
        del self._beginning[talk.contact]
        talk.conversation, talk.agent, talk.console = conversation, agent, console
        talk.state = "talking"

    def settle(self) -> None:
        """Check that every message of the round was acknowledged and delivered; give all credit back."""
        if self.done != self.sent:
            raise Void(f"{self.sent} messages were sent, {self.done} are complete")
        for peer in self._peers:
            peer.acknowledge(1)

    @property
    def quiet(self) -> bool:
        """True when nothing is under way any more, first words and commands included."""
        return not self._under_way and not self._commands

    def close(self) -> None:
        """Say goodbye to nobody: the daemon is about to be stopped."""
        for peer in self._peers:
            peer.close()
        self._context.term()
