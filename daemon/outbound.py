"""What goes out after the flush:

replies, deliveries within credit, snapshots, threads; one frame per peer and turn.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from actors.conversation.actor import ThreadGrant
from actors.conversation.view import delivery
from actors.journal import Address
from actors.mailbox import Mailbox
from actors.queries import agent_snapshot
from actors.runtime import System
from daemon.connection import Connection, Subscription
from daemon.metrics import Numbers
from protocol.codec import encode
from protocol.errors import Code
from protocol.messages import Ack, Gap, Goodbye, Message, Refused
from protocol.session import Phase


class ThreadReader(Protocol):
    """Reads threads off the reactor's thread."""

    def read(self, connection: Connection, grant: ThreadGrant, positions: list[int]) -> None:
        """Read the events at these positions and post the answer."""


class Outbound:
    """The way out."""

    def __init__(self, system: System, numbers: Numbers) -> None:
        self._system = system
        self._numbers = numbers
        self.reader: ThreadReader | None = None
        self._subscriptions: dict[Address, list[Subscription]] = {}
        self._owed: dict[Subscription, None] = {}
        self._owed_snapshots: list[Subscription] = []
        self._talking: dict[Connection, None] = {}

    @staticmethod
    def goodbye(code: Code, text: str) -> bytes:
        """Return the frame for a peer that gets no connection."""
        return encode([Goodbye(code.value, text)])

    def send(self, connection: Connection, message: Message) -> None:
        """Put a message into the connection's next frame."""
        if connection.session.phase is not Phase.CLOSED:
            connection.session.send(message)
            self._talking[connection] = None

    def subscribe(self, subscription: Subscription) -> None:
        """Begin or replace a connection's subscription of a mailbox."""
        connection, mailbox = subscription.connection, subscription.mailbox
        self.unsubscribe(connection, mailbox.stream)
        connection.subscriptions[mailbox.stream] = subscription
        self._subscriptions.setdefault(mailbox.address, []).append(subscription)

    def unsubscribe(self, connection: Connection, stream: str) -> None:
        """End a connection's subscription."""
        subscription = connection.subscriptions.pop(stream, None)
        if subscription is None:
            return
        self._owed.pop(subscription, None)
        address = subscription.mailbox.address
        readers = self._subscriptions[address]
        readers.remove(subscription)
        if not readers:
            del self._subscriptions[address]

    def owe(self, subscription: Subscription) -> None:
        """Look at this subscription after the flush."""
        self._owed[subscription] = None

    def owe_snapshot(self, subscription: Subscription) -> None:
        """Send a snapshot after the flush."""
        self._owed_snapshots.append(subscription)

    def release(self, replies: list[tuple[Any, Any]], mailboxes: Iterable[Mailbox]) -> list[Connection]:
        """Send everything that the flushed turn owes; return the peers that cannot be reached."""
        self._reply(replies)
        for mailbox in mailboxes:
            for subscription in self._subscriptions.get(mailbox.address, ()):
                self._owed[subscription] = None
        snapshots, self._owed_snapshots = self._owed_snapshots, []
        for subscription in snapshots:
            if not subscription.connection.closed:
                self._send_snapshot(subscription)
        owed, self._owed = self._owed, {}
        for subscription in owed:
            if not subscription.connection.closed:
                self._pump(subscription)
        talking, self._talking = self._talking, {}
        now = self._system.now
        return [connection for connection in talking if not self.flush_one(connection, now)]

    def flush_one(self, connection: Connection, now: float) -> bool:
        """Send what a connection has to say; False when it cannot be reached."""
        take, send = connection.session.take, connection.listener.send
        while (frame := take(now)) is not None:
            self._numbers.frames_out += 1
            if not send(connection.identity, frame):
                return False
        return True

    def _reply(self, replies: list[tuple[Any, Any]]) -> None:
        by_peer: dict[Connection, list[Message]] = {}
        for connection, message in replies:
            if type(message) is Ack:
                self._numbers.acks += 1
            elif type(message) is ThreadGrant:
                self._read_thread(connection, message)
                continue
            elif type(message) is Refused:
                self._numbers.refused(message.code)
            mine = by_peer.get(connection)
            if mine is None:
                by_peer[connection] = [message]
            else:
                mine.append(message)
        for connection, messages in by_peer.items():
            self._say(connection, messages)

    def _say(self, connection: Connection, messages: list[Message]) -> None:
        if not connection.closed:
            connection.session.send_all(messages)
            self._talking[connection] = None

    def _read_thread(self, connection: Connection, grant: Any) -> None:
        assert self.reader is not None
        address = ("conversation", connection.tenant, grant.conversation)
        self.reader.read(connection, grant, self._system.positions(address, grant.after, grant.limit))

    def _send_snapshot(self, subscription: Subscription) -> None:
        agent = subscription.mailbox.stream.partition("/")[2]
        snapshot = agent_snapshot(self._system, subscription.mailbox.tenant, agent)
        subscription.window.skip_to(snapshot.number)
        self.send(subscription.connection, snapshot)

    def _pump(self, subscription: Subscription) -> None:
        """Send the next deliveries, as many as the window has room for."""
        window, mailbox = subscription.window, subscription.mailbox
        room = window.room
        if room <= 0 or window.sent >= mailbox.last:
            return
        entries = self._system.deliveries(mailbox, window.sent, room)
        if not entries:
            self._tell_gap(subscription)
            return
        stream, first = mailbox.stream, window.sent + 1
        window.sent += len(entries)
        deliveries: list[Message] = [
            delivery(stream, number, entry) for number, entry in enumerate(entries, first)
        ]
        self._say(subscription.connection, deliveries)
        if window.room > 0 and window.sent < mailbox.last:
            self._owed[subscription] = None

    def _tell_gap(self, subscription: Subscription) -> None:
        """What comes next is no longer kept: say so, never stay silent (G5)."""
        mailbox = subscription.mailbox
        subscription.window.skip_to(mailbox.last)
        self.send(subscription.connection, Gap(bytes(16), mailbox.stream, mailbox.last + 1))
        if mailbox.stream.startswith("agent/"):
            self._send_snapshot(subscription)
