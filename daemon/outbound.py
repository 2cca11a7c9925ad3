"""What goes out after the flush:

replies, deliveries within credit, snapshots, threads; one frame per peer and turn. Whatever goes to a console
is masked here, or when its deliveries are made, if the desk wants it (M3).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from actors.conversation.actor import ThreadGrant
from actors.conversation.view import deliveries
from actors.mailbox import Mailbox
from actors.masking import Masking
from actors.queries import agent_snapshot
from actors.runtime import System
from config.process import ProcessSettings
from daemon.connection import Connection, Subscription
from daemon.metrics import Numbers
from daemon.pages import thread_page
from daemon.questions import Asked, Questions
from protocol.codec import encode
from protocol.errors import Code
from protocol.fields import Message
from protocol.messages import VERSION, Ack, Gap, Goodbye, Refused, Welcome
from protocol.session import Phase

#: Deliveries read from the journal in one turn; what is beyond stays owed.
JOURNAL_READS = 512


class Outbound:
    """The way out."""

    def __init__(self, system: System, numbers: Numbers) -> None:
        self._system = system
        self._numbers = numbers
        self.questions = Questions(system)
        self._owed: dict[Subscription, None] = {}
        self._owed_snapshots: dict[Subscription, None] = {}
        #: How many deliveries may still be read from the journal in this turn.
        self._reads_left = JOURNAL_READS
        self._talking: dict[Connection, None] = {}
        #: What this turn has for each peer.
        self._said: dict[Connection, list[Message]] = {}

    @property
    def owing(self) -> bool:
        """True when something could be sent that the last turn has left."""
        return bool(self._owed)

    @staticmethod
    def goodbye(code: Code, text: str) -> bytes:
        """Return the frame for a peer that gets no connection."""
        return encode([Goodbye(code.value, text)])

    def send(self, connection: Connection, message: Message) -> None:
        """Put a message into the connection's next frame."""
        if connection.session.phase is not Phase.CLOSED:
            if connection.masking is not None:
                message = connection.masking.message(message)
            connection.session.send(message)
            self._talking[connection] = None

    def welcome(self, connection: Connection, settings: ProcessSettings, server: str) -> None:
        """Tell a peer who is let in what is in force."""
        limits, timing = settings.limits, settings.timing
        welcome = Welcome(
            VERSION,
            server,
            self._system.journal,
            timing.heartbeat_s,
            timing.lease_s,
            limits.window,
            limits.frame_bytes,
            limits.frames_per_second,
            limits.frame_burst,
        )
        self.send(connection, welcome)

    def send_seen(self, connection: Connection, message: Message, masking: Masking | None) -> None:
        """Send what was masked already, on another thread: long answers would hold the reactor up.

        Where the desk has changed meanwhile, it is masked once more.
        """
        if connection.masking is not masking:
            self.send(connection, message)
        elif connection.session.phase is not Phase.CLOSED:
            connection.session.send(message)
            self._talking[connection] = None

    def refuse(
        self, connection: Connection, message: Any, code: Code, text: str, retry_after_s: float = 0.0
    ) -> None:
        """Refuse a message by its id, if it has one; ``message`` None: nothing in particular."""
        self._numbers.refused(code)
        ident = getattr(message, "id", b"")
        self.send(connection, Refused(code.value, text, ident, retry_after_s))

    def subscribe(self, subscription: Subscription) -> None:
        """Begin or replace a connection's subscription of a mailbox."""
        connection, mailbox = subscription.connection, subscription.mailbox
        self.unsubscribe(connection, mailbox.stream)
        connection.subscriptions[mailbox.stream] = subscription
        mailbox.readers.append(subscription)

    def unsubscribe(self, connection: Connection, stream: str) -> None:
        """End a connection's subscription."""
        subscription = connection.subscriptions.pop(stream, None)
        if subscription is None:
            return
        self._owed.pop(subscription, None)
        self._owed_snapshots.pop(subscription, None)
        subscription.mailbox.readers.remove(subscription)

    def owe(self, subscription: Subscription) -> None:
        """Look at this subscription after the flush."""
        self._owed[subscription] = None

    def owe_snapshot(self, subscription: Subscription) -> None:
        """Send a snapshot after the flush."""
        self._owed_snapshots[subscription] = None

    def release(self, replies: list[tuple[Any, Any]], mailboxes: Iterable[Mailbox]) -> list[Connection]:
        """Send everything that the flushed turn owes; return the peers that cannot be reached."""
        self._reply(replies)
        for mailbox in mailboxes:
            for subscription in mailbox.readers:
                self._owed[subscription] = None
        snapshots, self._owed_snapshots = self._owed_snapshots, {}
        for subscription in snapshots:
            if not subscription.connection.closed:
                self._send_snapshot(subscription)
        self._pump_all()
        said, self._said = self._said, {}
        for connection, messages in said.items():
            connection.session.send_all(messages)
            self._talking[connection] = None
        talking, self._talking = self._talking, {}
        now = self._system.now
        return [connection for connection in talking if not self.flush_one(connection, now)]

    def _pump_all(self) -> None:
        """Send what is owed; who had to stand back for the journal's sake is first in the next turn."""
        owed, self._owed = self._owed, {}
        self._reads_left = JOURNAL_READS
        stood_back: dict[Subscription, None] = {}
        for subscription in owed:
            if not subscription.connection.closed and not self._pump(subscription):
                stood_back[subscription] = None
        self._owed = stood_back | self._owed

    def flush_one(self, connection: Connection, now: float) -> bool:
        """Send what a connection has to say; False when it cannot be reached."""
        take, send = connection.session.take, connection.listener.send
        while (frame := take(now)) is not None:
            self._numbers.frames_out += 1
            if not send(connection.identity, frame):
                return False
        return True

    def _reply(self, replies: list[tuple[Any, Any]]) -> None:
        said, others = self._said, 0
        for connection, message in replies:
            if type(message) is not Ack:
                others += 1
                if type(message) is ThreadGrant:
                    self._read_thread(connection, message)
                    continue
                if type(message) is Asked:
                    self._answer(connection, message)
                    continue
                if type(message) is Refused:
                    self._numbers.refused(message.code)
                if connection.masking is not None:
                    message = connection.masking.message(message)
            mine = said.get(connection)
            if mine is not None:
                mine.append(message)
            elif not connection.closed:
                said[connection] = [message]
        self._numbers.acks += len(replies) - others

    def _read_thread(self, connection: Connection, grant: ThreadGrant) -> None:
        reader = self.questions.reader
        assert reader is not None
        address = ("conversation", connection.tenant, grant.conversation)
        positions = self._system.positions(address, grant.after, grant.limit)
        reader.read(connection, grant.id, positions, partial(thread_page, grant))

    def _answer(self, connection: Connection, asked: Asked) -> None:
        if connection.closed:
            return
        answer = self.questions.answer(connection, asked)
        if type(answer) is Refused:
            self._numbers.refused(answer.code)
        if answer is not None:
            self.send(connection, answer)

    def _send_snapshot(self, subscription: Subscription) -> None:
        agent = subscription.mailbox.stream.partition("/")[2]
        snapshot = agent_snapshot(self._system, subscription.mailbox.tenant, agent)
        subscription.window.skip_to(snapshot.number)
        self.send(subscription.connection, snapshot)

    def _pump(self, subscription: Subscription) -> bool:
        """Send the next deliveries, as many as the window has room for.

        False when they would have to be read from the journal, and this turn has read enough.
        """
        window, mailbox = subscription.window, subscription.mailbox
        room, sent = window.room, window.sent
        if room <= 0 or sent >= mailbox.last:
            return True
        entries = mailbox.after(sent, room)
        if entries is None:
            if self._reads_left <= 0:
                return False
            entries = self._system.deliveries(mailbox, sent, min(room, self._reads_left))
            self._reads_left -= len(entries)
        if not entries:
            self._tell_gap(subscription)
            return True
        connection = subscription.connection
        said = self._said.setdefault(connection, [])
        said += deliveries(mailbox.stream, sent + 1, entries, connection.masking, connection.channel_names)
        window.sent = sent + len(entries)
        if window.room > 0 and window.sent < mailbox.last:
            self._owed[subscription] = None
        return True

    def _tell_gap(self, subscription: Subscription) -> None:
        """What comes next is no longer kept: say so, never stay silent (G5)."""
        mailbox = subscription.mailbox
        subscription.window.skip_to(mailbox.last)
        self.send(subscription.connection, Gap(bytes(16), mailbox.stream, mailbox.last + 1))
        if mailbox.stream.startswith("agent/"):
            self._send_snapshot(subscription)
