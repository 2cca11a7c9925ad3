"""The door: what peers say becomes told commands; what a flushed turn owes them goes out, one frame per peer
and turn.

Whatever comes in is checked here once: legal in this phase (session machine), within limits, allowed for this
principal (``actors/authorization.py``), and about something that is the sender's own. Identity comes from the
connection's key, never from a body.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_args

from actors.authorization import ALLOWED, Principal
from actors.customer.address import customer_address
from actors.runtime import System
from actors.telling import Told
from config.process import ProcessSettings
from daemon.connection import Channel, Connection, Handler, Handlers, Subscription
from daemon.doorkeeper import Doorkeeper
from daemon.hints import Hints
from daemon.logins import LoginDesk
from daemon.media.room import MediaRoom
from daemon.metrics import Numbers
from daemon.outbound import Outbound
from daemon.places import Places
from daemon.principals import Principals
from daemon.questions import Asked
from daemon.sessions import AgentSessions, Log
from daemon.transport import Listener, peer_key
from protocol.channels import DeliveryReport
from protocol.codec import client_codec
from protocol.customers import AgentHint, CustomerHint
from protocol.errors import Code, ConnectionLost, RemoteProtocolError
from protocol.messages import (
    VERSION,
    DispatcherCommand,
    GatewayCommand,
    Goodbye,
    Hello,
    Login,
    LoginWithToken,
    Logout,
    MediaRequest,
    PersonalCommand,
    Ping,
    Pong,
    Question,
    ReadThread,
    Received,
    Refused,
    Subscribe,
    Subscribed,
    VisitorCommand,
)
from protocol.session import Phase, Role, Session, speaks_our_version
from protocol.teamwork import EndSession, ReadPosition, StillHere
from protocol.window import Window

#: Each of these costs far more than its bytes, and a frame holds many: so they have a budget of their own.
HEAVY = frozenset({Subscribe, Login, LoginWithToken, *get_args(Question), *get_args(MediaRequest)})


class Hub:
    """All connections of the process."""

    def __init__(
        self,
        system: System,
        settings: ProcessSettings,
        principals: Principals,
        logins: LoginDesk,
        outbound: Outbound,
        numbers: Numbers,
        log: Log,
        server: str,
        media: MediaRoom,
    ) -> None:
        self.system = system
        self._staged = system.staged
        self.settings = settings
        #: Why commands are refused at the moment: code, text, and after how many seconds to try again.
        self.shut: tuple[Code, str, float] | None = None
        self._principals = principals
        self._outbound = outbound
        self._refuse = outbound.refuse
        self._numbers = numbers
        self._log = log
        self._server = server
        self._media = media
        self._codec = client_codec(settings.limits.frame_bytes)
        self._connections: dict[bytes, Connection] = {}
        self.doorkeeper = Doorkeeper()
        self._places = Places(self.close, log)
        self._hints = Hints(system, outbound)
        self._sessions = AgentSessions(system, lambda: self.settings, logins, outbound, numbers, log)
        handlers: dict[type[Any], Handler] = {
            Hello: self._hello,
            Ping: self._ping,
            Goodbye: self._goodbye,
            Subscribe: self._subscribe,
            Received: self._received,
            **dict.fromkeys(get_args(GatewayCommand), self._from_customer),
            **dict.fromkeys((*get_args(VisitorCommand), DeliveryReport), self._from_gateway),
            CustomerHint: self._hint_of_customer,
            AgentHint: self._hint_of_agent,
            Login: self._sessions.login,
            LoginWithToken: self._sessions.login_with_token,
            Logout: self._sessions.logout,
            StillHere: self._sessions.speaks,
            **dict.fromkeys(get_args(PersonalCommand), self._to_agent),
            **dict.fromkeys(get_args(DispatcherCommand), self._to_dispatcher),
            **dict.fromkeys(get_args(Question), self._ask),
            **dict.fromkeys(get_args(MediaRequest), self._about_media),
            EndSession: self._to_colleague,
            ReadThread: self._from_agent,
            ReadPosition: self._ask_about_customer,
        }
        handlers |= {kind: self._bounded(handlers.get(kind, self._from_agent)) for kind in HEAVY}
        self._handlers: dict[Principal, Handlers] = {
            principal: {kind: handlers.get(kind, self._from_agent) for kind in allowed}
            for principal, allowed in ALLOWED.items()
        }
        self._newcomers = {who: self._places.proving(own) for who, own in self._handlers.items()}

    def __len__(self) -> int:
        """How many connections there are."""
        return len(self._connections)

    def by_role(self) -> dict[str, int]:
        """Count the connections of each role."""
        counts = {"gateway": 0, "console": 0}
        for connection in self._connections.values():
            if connection.principal is not None:
                counts[connection.principal.value] += 1
        return counts

    # What comes in.

    def receive(self, listener: Listener, arrived: Iterable[tuple[bytes, Any]]) -> None:
        """Take frames of peers, by their routing ids. The hot path: nearly every frame is one message, which
        becomes a told command; whatever else it may be takes more steps.
        """
        now, connections, secure = self.system.now, self._connections, listener.secure
        for identity, frame in arrived:
            connection = connections.get(identity)
            if connection is None:
                connection = self._open(listener, identity, frame, now)
                if connection is None:
                    continue
            elif secure and peer_key(frame) != connection.key:
                # A routing id proves nothing: a peer may have taken over that of one who has just gone (A03).
                self.doorkeeper.impostors += 1
                continue
            connection.budget -= 1
            if connection.budget < 0 and not self._refill(connection):
                continue
            message = None if frame.more else connection.session.one(frame.bytes, now)
            if message is not None:
                handler = connection.handlers.get(type(message))
                if handler is not None:
                    handler(connection, message)
                    continue
            self._receive_all(connection, frame, now)

    def _receive_all(self, connection: Connection, frame: Any, now: float) -> None:
        """Take a frame of several messages, or one that is not as it should be.

        One with ``more`` is the first part of a message of too many.
        """
        try:
            if frame.more:
                raise RemoteProtocolError(Code.BAD_FRAME, "a message must have exactly one part")
            messages = connection.session.receive(frame.bytes, now)
        except RemoteProtocolError as error:
            self._bad_frame(connection, error)
            return
        handlers = connection.handlers
        for message in messages:
            handler = handlers.get(type(message))
            if handler is None:
                text = f"a {connection.principal or connection.listener.role} may not send this"
                self._refuse(connection, message, Code.NOT_ALLOWED, text)
                continue
            handler(connection, message)
            if connection.closed:
                return

    def _bounded(self, handler: Handler) -> Handler:
        """Let a peer have only so much of what costs far more than a message."""

        def handle(connection: Connection, message: Any) -> None:
            if connection.heavy.take(self.system.now):
                handler(connection, connection.meant(message))
            else:
                self._refuse(connection, message, Code.BUSY, "too many logins and readings at once", 1.0)

        return handle

    def _open(self, listener: Listener, identity: bytes, frame: Any, now: float) -> Connection | None:
        full = len(self._connections) >= self.settings.limits.connections
        key = self.doorkeeper.admit(listener, identity, frame, now, full=full)
        if key is None:
            return None
        session: Session[Any] = Session(Role.DAEMON, self._codec, now, self.settings.timing.lease_s)
        connection = Connection(
            listener,
            identity,
            key,
            session,
            now,
            self.settings.limits.frame_burst,
            self._handlers[Principal(listener.role)],
        )
        self._connections[identity] = connection
        return connection

    def _refill(self, connection: Connection) -> bool:
        limits = self.settings.limits
        if connection.refill(self.system.now, limits.frames_per_second, limits.frame_burst):
            return True
        text = f"more than {limits.frames_per_second} frames a second"
        self._numbers.refused(Code.BUSY)
        self._outbound.send(connection, Refused(Code.BUSY.value, text, b"", 1.0))
        return False

    def _bad_frame(self, connection: Connection, error: RemoteProtocolError) -> None:
        self._numbers.bad_frames += 1
        self._numbers.refused(error.code)
        # Without a hello: ZeroMQ has connected again behind the peer's back, that is nobody's fault.
        stray = error.code is Code.OUT_OF_ORDER and connection.session.phase is Phase.GREETING
        if not stray and connection.too_many_bad_frames(self.system.now):
            self._log.warning("peer.bad_frames", peer=connection.describe(), code=error.code.value)
            self.doorkeeper.ban(connection, self.system.now)
            self.close(connection, error.code, error.message)
            return
        self._outbound.send(connection, Refused(error.code.value, error.message[:1000]))

    # The connection's own messages.

    def _hello(self, connection: Connection, message: Hello) -> None:
        if self.shut is not None and self.shut[0] is Code.STOPPING:
            self.close(connection, Code.STOPPING, "the daemon is stopping; connect again later")
            return
        if not speaks_our_version(message.version):
            self.close(connection, Code.VERSION, f"this daemon speaks {VERSION}, not {message.version}")
            return
        if message.role != connection.listener.role:
            self.close(connection, Code.NOT_ALLOWED, f"this address is for a {connection.listener.role}")
            return
        who = self._principals.find(connection.listener, connection.key, message.name)
        if who is None:
            self.close(connection, Code.NOT_AUTHENTICATED, "no desk knows this peer")
            return
        connection.principal, connection.tenant, connection.name = who
        connection.sender = f"{connection.principal.value}/{connection.name}"
        connection.recent = self.system.commands.of(connection.tenant, connection.sender)
        connection.client, connection.attempt = message.client, message.attempt
        connection.look_at(self.system.desks[connection.tenant])
        if self._places.given_up(connection):
            self.close(connection, Code.REPLACED, "the same process has a newer connection")
            return
        if not self._places.enter(connection):
            connection.handlers = self._newcomers[connection.principal]
        self._outbound.welcome(connection, self.settings, self._server)
        self._log.info("peer.connected", peer=connection.describe(), software=message.software[:60])

    def _ping(self, connection: Connection, message: Ping) -> None:
        self._outbound.send(connection, Pong(message.number))

    def _goodbye(self, connection: Connection, message: Goodbye) -> None:
        self._forget(connection, "the peer said goodbye")

    # Streams.

    def _subscribe(self, connection: Connection, message: Subscribe) -> None:
        if not self._owns_stream(connection, message.stream):
            self._refuse(connection, message, Code.NOT_ALLOWED, "no stream of this peer has that name")
            return
        mailbox = self.system.mailbox(connection.tenant, message.stream)
        if message.after is not None:
            known = not message.journal or message.journal == self.system.journal
            if not known or message.after > mailbox.last:
                text = f"the newest number is {mailbox.last}, in journal {self.system.journal}"
                self._refuse(connection, message, Code.HISTORY_CHANGED, text)
                return
        size = min(message.window, self.settings.limits.window)
        agent = message.stream.startswith("agent/")
        after = message.after if message.after is not None else mailbox.last if agent else mailbox.received
        subscription = Subscription(connection, mailbox, Window(after, size))
        self._outbound.subscribe(subscription)
        self._outbound.send(connection, Subscribed(message.id, message.stream, after))
        if agent and message.after is None:
            self._outbound.owe_snapshot(subscription)
        self._outbound.owe(subscription)

    def _owns_stream(self, connection: Connection, stream: str) -> bool:
        kind, _, ident = stream.partition("/")
        if kind == "agent":
            return ident in connection.agents
        return kind == "channel" and self._channel(connection, ident) is not None

    def _received(self, connection: Connection, message: Received) -> None:
        subscription = connection.subscriptions.get(message.stream)
        if subscription is None or not subscription.window.advance(message.number):
            self._refuse(
                connection, message, Code.OUT_OF_ORDER, "nothing with that number was sent on this connection"
            )
            return
        self.system.received(subscription.mailbox, message.number)
        self._outbound.owe(subscription)

    # Commands.

    def _channel(self, connection: Connection, channel: str) -> Channel | None:
        """Return a channel that belongs to this gateway."""
        found = connection.channels.get(channel)
        if found is None:
            known = self.system.desks[connection.tenant].channels.get(channel)
            if (
                known is None
                or known.gateway != connection.name
                or connection.principal is not Principal.GATEWAY
            ):
                return None
            address = ("channel", connection.tenant, channel)
            found = Channel(address, self.system.bound.setdefault(address, {}))
            connection.channels[channel] = found
        return found

    def _from_customer(self, connection: Connection, message: Any) -> None:
        channel = connection.channels.get(message.channel) or self._channel(connection, message.channel)
        if channel is None:
            text = f"no channel {message.channel!r} of this gateway"
            self._refuse(connection, message, Code.NOT_ALLOWED, text)
            return
        if self.shut is not None:
            self._refuse(connection, message, *self.shut)
            return
        tenant = connection.tenant
        told = Told(message, tenant, connection.sender, connection, connection.recent)
        # The channel would pass it on to the same conversation: its table changes only while actors run.
        known = channel.bound.get(message.contact)
        self._staged.append((("conversation", tenant, known) if known else channel.address, told))

    def _told_of_customer(self, connection: Connection, message: Any) -> Told | None:
        """Return what a gateway says or asks of a customer as told, or refuse it."""
        if self._channel(connection, message.channel) is None:
            text = f"no channel {message.channel!r} of this gateway"
            self._refuse(connection, message, Code.NOT_ALLOWED, text)
            return None
        if self.shut is not None:
            self._refuse(connection, message, *self.shut)
            return None
        return Told(message, connection.tenant, connection.sender, connection, connection.recent)

    def _from_gateway(self, connection: Connection, message: Any) -> None:
        told = self._told_of_customer(connection, message)
        if told is not None:
            conversation = getattr(message, "conversation", "")
            of_customer = customer_address(told.tenant, message.channel, getattr(message, "contact", ""))
            of_conversation = ("conversation", told.tenant, conversation)
            self.system.tell(of_conversation if conversation else of_customer, told)

    def _from_agent(self, connection: Connection, message: Any) -> None:
        session = self._sessions.speaks(connection, message)
        if session is None:
            return
        if self.shut is not None:
            self._refuse(connection, message, *self.shut)
            return
        tenant = connection.tenant
        told = Told(message, tenant, session.sender, connection, session.recent, session.leased)
        self._staged.append((("conversation", tenant, message.conversation), told))

    def _told(self, connection: Connection, message: Any) -> Told | None:
        """Return an agent's message as told, or refuse it."""
        session = self._sessions.speaks(connection, message)
        if session is None:
            return None
        if self.shut is not None:
            self._refuse(connection, message, *self.shut)
            return None
        return Told(message, connection.tenant, session.sender, connection, session.recent, session.leased)

    def _to_agent(self, connection: Connection, message: Any) -> None:
        told = self._told(connection, message)
        if told is not None:
            self.system.tell(("agent", told.tenant, message.agent), told)

    def _to_dispatcher(self, connection: Connection, message: Any) -> None:
        told = self._told(connection, connection.meant(message))
        if told is not None:
            self.system.tell(("dispatcher", told.tenant, ""), told)

    def _to_colleague(self, connection: Connection, message: EndSession) -> None:
        told = self._told(connection, message)
        if told is not None:
            self.system.tell(("agent", told.tenant, message.of_agent), told)

    # Media.

    def _about_media(self, connection: Connection, message: Any) -> None:
        if connection.principal is Principal.CONSOLE and self._sessions.speaks(connection, message) is None:
            return
        if self.shut is not None:
            self._refuse(connection, message, *self.shut)
            return
        self._media.take(connection, message)

    # Hints.

    def _hint_of_customer(self, connection: Connection, message: CustomerHint) -> None:
        if self._channel(connection, message.channel) is not None:
            self._hints.of_customer(connection, message)

    def _hint_of_agent(self, connection: Connection, message: AgentHint) -> None:
        if self._sessions.speaks(connection, message) is not None:
            self._hints.of_agent(connection, message)

    # Questions.

    def _ask(self, connection: Connection, message: Any) -> None:
        told = self._told(connection, message)
        if told is not None:
            self.system.reply(told, Asked(message))

    def _ask_about_customer(self, connection: Connection, message: ReadPosition) -> None:
        told = self._told_of_customer(connection, message)
        if told is not None:
            self.system.reply(told, Asked(message))

    # Ends of connections.

    def close(self, connection: Connection, code: Code, text: str) -> None:
        """End a connection and tell the peer why."""
        if connection.closed:
            return
        if connection.session.phase is not Phase.CLOSED:
            connection.session.send(Goodbye(code.value, text[:500]))
        self._outbound.flush_one(connection, self.system.now)
        self.doorkeeper.end(connection.identity, self.system.now)
        self._forget(connection, f"{code.value}: {text}")

    def _forget(self, connection: Connection, reason: str) -> None:
        connection.closed = True
        self._connections.pop(connection.identity, None)
        if connection.principal is not None:
            self._places.leave(connection)
            self._log.info("peer.gone", peer=connection.describe(), reason=reason[:200])
        for stream in list(connection.subscriptions):
            self._outbound.unsubscribe(connection, stream)
        self._sessions.let_go_all(connection, reason)

    def check_leases(self) -> None:
        """End the connections that have been silent for the lease (G11), and those that never said hello."""
        now = self.system.now
        for connection in list(self._connections.values()):
            try:
                connection.session.check(now)
            except ConnectionLost as lost:
                self.close(connection, Code.SILENT, str(lost))
        self.doorkeeper.forget(now)

    def lost(self, connections: Iterable[Connection]) -> None:
        """Forget peers to which nothing can be sent any more; they resume when they come back (A12)."""
        for connection in connections:
            if not connection.closed:
                self.doorkeeper.end(connection.identity, self.system.now)
                self._forget(connection, "the peer does not read")

    def end_dead_sessions(self) -> None:
        """End the sessions of agents who were logged out from inside. After the flush."""
        self._sessions.end_dead()

    def desk_changed(self, tenant: str) -> None:
        """End what the desk in force no longer allows; the rest is looked up anew (T8). After the flush."""
        for connection in list(self._connections.values()):
            if connection.tenant != tenant or connection.principal is None:
                continue
            connection.channels.clear()
            connection.look_at(self.system.desks[connection.tenant])
            # By its full name: on a plain listener another tenant's peer may have the same one.
            name = f"{tenant}:{connection.name}"
            who = self._principals.find(connection.listener, connection.key, name)
            if who != connection.who:
                self.close(connection, Code.NOT_AUTHENTICATED, "this peer's key is no longer in the desk")
                continue
            self._sessions.desk_changed(connection)

    def close_all(self, code: Code, text: str) -> None:
        """End every connection (drain)."""
        for connection in list(self._connections.values()):
            self.close(connection, code, text)
