"""A peer that speaks frame by frame, well or badly: a bare DEALER, without the SDK's manners."""

from __future__ import annotations

import time
from itertools import count
from typing import Any, Self, TypeVar

import zmq

from protocol.client.keys import KeyPair
from protocol.codec import daemon_codec, encode
from protocol.fields import Message
from protocol.messages import (
    VERSION,
    Goodbye,
    Hello,
    LoggedIn,
    Login,
    Ping,
    Pong,
    Received,
    Refused,
    Subscribe,
    Subscribed,
    Welcome,
)
from tests.plays.theatre import PASSWORD, PATIENCE_S

T = TypeVar("T")
_codec = daemon_codec()
_ids = count(1)


def new_id() -> bytes:
    """Return a command id; they grow."""
    return time.time_ns().to_bytes(8, "big") + next(_ids).to_bytes(8, "big")


class Peer:
    """One socket, and what has come over it."""

    def __init__(
        self,
        address: str,
        keys: KeyPair | None = None,
        server_key: str = "",
        *,
        routing_id: bytes = b"",
        reconnect: bool = False,
        hwm: int = 0,
    ) -> None:
        self.heard: list[Message] = []
        #: The frames that they came in.
        self.frames: list[bytes] = []
        self._unread: list[Any] = []
        self.context: zmq.Context[Any] = zmq.Context()
        self.socket: Any = self.context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.rcvhwm = hwm or 1000
        if not reconnect:
            self.socket.setsockopt(zmq.RECONNECT_IVL, -1)
        if routing_id:
            self.socket.setsockopt(zmq.ROUTING_ID, routing_id)
        if keys is not None:
            self.socket.curve_serverkey = server_key.encode()
            self.socket.curve_publickey, self.socket.curve_secretkey = (
                keys.public.encode(),
                keys.secret.encode(),
            )
        self.socket.connect(address)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.context.destroy(0)

    # Saying.

    def say(self, *messages: Message) -> None:
        """Send messages in one frame."""
        self.send(encode(list(messages)))

    def send(self, *parts: bytes) -> None:
        """Send any bytes, in as many parts."""
        self.socket.send_multipart(parts)

    def says_hello(self, role: str, name: str = "") -> Welcome:
        """Open the connection."""
        self.hello(role, name)
        return self.hears(Welcome)

    def hello(self, role: str, name: str = "", version: str = VERSION) -> None:
        """Ask to come in."""
        self.say(Hello(version, role, name=name))

    def logs_in(self, agent: str, password: str = PASSWORD) -> LoggedIn:
        """Open an agent's session."""
        self.say(Login(new_id(), agent, password))
        return self.hears(LoggedIn)

    def subscribes(self, stream: str, after: int | None = None, window: int = 256) -> Subscribed:
        """Ask for a stream."""
        self.say(Subscribe(new_id(), stream, after, window=window))
        return self.hears(Subscribed)

    def received(self, stream: str, number: int) -> None:
        """Say that everything up to a number is safe."""
        self.say(Received(stream, number))

    def pings(self, number: int = 1) -> None:
        """Ask for a pong."""
        self.say(Ping(number))

    def is_answered(self) -> bool:
        """True when the daemon still talks with this peer; what it had said before is heard by then."""
        number = next(_ids)
        self.pings(number)
        while True:
            message = self.next()
            if isinstance(message, Pong) and message.number == number:
                return True
            if isinstance(message, Goodbye):
                return False

    # Hearing.

    def next(self, within_s: float = PATIENCE_S) -> Any:
        """Return the next message."""
        if not self._unread:
            assert self.socket.poll(int(within_s * 1000)), f"nothing has come within {within_s:g} s"
            self.frames.append(self.socket.recv())
            self._unread = list(_codec.decode(self.frames[-1]))
            self.heard += self._unread
        return self._unread.pop(0)

    def hears(self, kind: type[T], within_s: float = PATIENCE_S) -> T:
        """Return the next message of that kind, passing over others."""
        while True:
            message = self.next(within_s)
            if isinstance(message, kind):
                return message  # type: ignore[no-any-return]
            assert not isinstance(message, Goodbye), f"waited for {kind.__name__}: {message}"

    def refusal(self) -> Refused:
        """Return the next refusal."""
        return self.hears(Refused)

    def answer(self, command: Any) -> Any:
        """Send a command and return its answer."""
        self.say(command)
        while True:
            message = self.next()
            if getattr(message, "id", None) == command.id or isinstance(message, Goodbye):
                return message

    def code(self, command: Any) -> str:
        """Send a command; return the code of its refusal, or the answer's name."""
        answer = self.answer(command)
        return answer.code if isinstance(answer, Refused | Goodbye) else type(answer).__name__

    def refusal_of_subscribe(self, stream: str, after: int, journal: str) -> str | None:
        """Subscribe; return the code of the refusal, if it was refused."""
        answer = self.answer(Subscribe(new_id(), stream, after, journal))
        return answer.code if isinstance(answer, Refused) else None

    def is_silence(self, within_s: float) -> bool:
        """True when nothing comes in that time."""
        return not self._unread and not self.socket.poll(int(within_s * 1000))
