"""A hub with its way out, a listener that only notes what was sent, and a pool that answers when told to."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from types import SimpleNamespace
from typing import Any

import zmq

from config.sections import Limits, Timing
from daemon.hub import Hub
from daemon.logins import LoginDesk, Tokens
from daemon.metrics import Numbers
from daemon.outbound import Outbound
from daemon.principals import Principals
from daemon.questions import Questions
from protocol.codec import daemon_codec, encode
from protocol.errors import Code
from protocol.messages import Hello, Login
from tests.stage import Stage


class Frame:
    """What a listener receives. ``more``: it was the first of several parts."""

    def __init__(self, body: bytes, key: str, more: bool = False) -> None:
        self.bytes = body
        self.more = more
        self._key = key

    def get(self, _: str) -> str:
        if not self._key:
            raise zmq.ZMQError(zmq.EINVAL)
        return self._key


class FakeListener:
    """Notes what was sent, by routing id. Peers in ``deaf`` do not read."""

    def __init__(self, role: str, *, secure: bool = False) -> None:
        self.role = role
        self.secure = secure
        self.sent: dict[bytes, list[Any]] = {}
        self.deaf: set[bytes] = set()
        self.closed = 0
        #: Frames that wait to be taken, with their routing ids.
        self.incoming: list[tuple[bytes, Frame]] = []

    def send(self, identity: bytes, frame: bytes) -> bool:
        if identity in self.deaf:
            return False
        self.sent.setdefault(identity, []).extend(daemon_codec().decode(frame))
        return True

    def drain(self, limit: int) -> list[tuple[bytes, Frame]]:
        taken, self.incoming = self.incoming[:limit], self.incoming[limit:]
        return taken

    def close(self) -> None:
        self.closed += 1


class Log:
    """Says nothing."""

    def info(self, event: str, **facts: Any) -> None: ...

    def warning(self, event: str, **facts: Any) -> None: ...


class SlowPool:
    """Verifies nothing by itself: the test answers."""

    def __init__(self) -> None:
        self.waiting: list[tuple[str | None, Callable[[bool], None]]] = []

    def verify(self, password_hash: str | None, password: str, done: Callable[[bool], None]) -> bool:
        self.waiting.append((password_hash, done))
        return True

    def answer(self, good: bool) -> None:
        self.waiting.pop(0)[1](good)


class NoMedia:
    """Has no media, and takes none in; notes who asked for what."""

    def __init__(self, outbound: Outbound) -> None:
        self._outbound = outbound
        self.asked: list[tuple[str, Any]] = []

    def take(self, connection: Any, message: Any) -> None:
        self.asked.append((connection.tenant, message))
        self._outbound.refuse(connection, message, Code.NOT_ALLOWED, "the tenant has no such medium")


class Door:
    """A stage with a hub before it. ``says`` is a frame of a peer in a turn of its own."""

    def __init__(self, *, desk: str | None = None, secure: bool = False, stage: Stage | None = None) -> None:
        self.stage = stage or Stage(desk=desk)
        self.system = self.stage.system
        self.numbers = Numbers()
        self.outbound = Outbound(self.system, self.numbers)
        # What a question costs is counted in rows: how busy the machine is must not have any refused.
        self.outbound.questions = Questions(self.system, self.stage.clock.now)
        self.principals = Principals(self.system.desks)
        self.principals.refresh()
        self.pool = SlowPool()
        settings: Any = SimpleNamespace(limits=Limits(), timing=Timing())
        pool: Any = self.pool
        desk_of_logins = LoginDesk(pool, Tokens(b"secret"))
        self.media: Any = NoMedia(self.outbound)
        self.hub = Hub(
            self.system,
            settings,
            self.principals,
            desk_of_logins,
            self.outbound,
            self.numbers,
            Log(),
            "test",
            self.media,
        )
        self.listeners = {role: FakeListener(role, secure=secure) for role in ("gateway", "console")}
        self._ids = count(1)

    def new_id(self) -> bytes:
        return next(self._ids).to_bytes(16, "big")

    def turn(self) -> None:
        """End the turn: everything that is owed goes out."""
        self.system.run()
        batch = self.system.seal()
        if batch is not None:
            self.stage.store.commit(batch)
        self.hub.lost(self.outbound.release(*self.system.release(batch)))
        self.hub.end_dead_sessions()
        self.system.begin(self.stage.clock.now())

    def says(
        self, role: str, peer: bytes, *messages: Any, key: str = "", raw: bytes | None = None
    ) -> list[Any]:
        """Have a peer send one frame in a turn; return what it is sent in that turn."""
        before = len(self.heard(role, peer))
        frame = raw if raw is not None else encode(list(messages))
        self.takes(role, (peer, Frame(frame, key)))
        return self.heard(role, peer)[before:]

    def takes(self, role: str, *arrived: tuple[bytes, Frame]) -> None:
        """Have frames of several peers come in together, in a turn."""
        self.system.begin(self.stage.clock.now())
        listener: Any = self.listeners[role]
        self.hub.receive(listener, arrived)
        self.turn()

    def heard(self, role: str, peer: bytes) -> list[Any]:
        """Return everything that a peer was sent."""
        return self.listeners[role].sent.get(peer, [])

    def greets(self, role: str, peer: bytes, key: str = "") -> list[Any]:
        name = "web" if role == "gateway" else "desk"
        return self.says(role, peer, Hello("1.0", role, "test", name), key=key)

    def logs_in(self, peer: bytes, *agents: str) -> list[Any]:
        """Log agents in on a console that has said hello."""
        for agent in agents:
            self.says("console", peer, Login(self.new_id(), agent, "right"))
            self.pool.answer(True)
            self.turn()
        return self.heard("console", peer)
