"""The session machine: which message is legal when, and when a silent peer is lost.

Two laws. Everything that changes a connection's phase is in the table below. And the machine does not know
which side it serves: a role only selects what may be sent and what may come. It does no I/O and reads no
clock; ``now`` is in seconds.

    GREETING --hello--> GREETED --welcome--> OPEN --goodbye--> CLOSED

"""

from __future__ import annotations

from enum import Enum
from typing import Any, Generic, TypeVar, get_args

from protocol.codec import FRAME_BYTES, MESSAGES_PER_FRAME, SMALL_MAP, UNREADABLE, Codec, encode
from protocol.errors import Code, ConnectionLost, LocalProtocolError, RemoteProtocolError
from protocol.fields import Message
from protocol.messages import (
    VERSION,
    FromClient,
    FromDaemon,
    Goodbye,
    Hello,
    Refused,
    Welcome,
)


class Phase(Enum):
    """Where a connection stands."""

    GREETING = "greeting"
    GREETED = "greeted"
    OPEN = "open"
    CLOSED = "closed"


class Role(Enum):
    """Which side of the connection a machine serves."""

    CLIENT = "client"
    DAEMON = "daemon"


Moves = dict[Phase, dict[type[Any], Phase]]

_CLIENT_TYPES: tuple[type[Any], ...] = get_args(FromClient)
_DAEMON_TYPES: tuple[type[Any], ...] = get_args(FromDaemon)

#: Sender -> phase -> message -> next phase. A missing key is an illegal move.
TABLE: dict[Role, Moves] = {
    Role.CLIENT: {
        Phase.GREETING: {Hello: Phase.GREETED, Goodbye: Phase.CLOSED},
        Phase.GREETED: {Goodbye: Phase.CLOSED},
        Phase.OPEN: {
            **{kind: Phase.OPEN for kind in _CLIENT_TYPES if kind is not Hello},
            Goodbye: Phase.CLOSED,
        },
        Phase.CLOSED: {},
    },
    Role.DAEMON: {
        Phase.GREETING: {Goodbye: Phase.CLOSED, Refused: Phase.GREETING},
        Phase.GREETED: {Welcome: Phase.OPEN, Refused: Phase.GREETED, Goodbye: Phase.CLOSED},
        Phase.OPEN: {
            **{kind: Phase.OPEN for kind in _DAEMON_TYPES if kind is not Welcome},
            Goodbye: Phase.CLOSED,
        },
        Phase.CLOSED: {},
    },
}

OTHER = {Role.CLIENT: Role.DAEMON, Role.DAEMON: Role.CLIENT}

M = TypeVar("M")


def speaks_our_version(version: str) -> bool:
    """True when the peer's major version is ours."""
    return version.partition(".")[0] == VERSION.partition(".")[0]


class Session(Generic[M]):
    """One side of one connection.

    ``receive`` takes a frame and gives messages, ``one`` does the same in a quicker way for nearly all of
    them; ``send`` takes messages and ``take`` gives the frame to put on the wire. Whoever calls ``receive``,
    ``send`` or ``check`` then takes and sends.
    """

    __slots__ = (
        "_codec",
        "_heard_at",
        "_incoming",
        "_outbox",
        "_outgoing",
        "_said_at",
        "frame_bytes",
        "lease_s",
        "phase",
        "role",
    )

    def __init__(
        self, role: Role, codec: Codec[M], now: float, lease_s: float, frame_bytes: int = FRAME_BYTES
    ) -> None:
        self.role = role
        #: The largest frame that is sent, as long as one message does not need more.
        self.frame_bytes = frame_bytes
        self._enter(Phase.GREETING)
        self.lease_s = lease_s
        self._codec = codec
        self._heard_at = now
        self._said_at = now
        self._outbox: list[Message] = []

    def one(self, frame: bytes, now: float) -> M | None:
        """Return the message of a frame that nearly every frame is: a single one, which changes no phase.

        Of any other frame nothing is taken, and None returned: it is for ``receive``.
        """
        codec = self._codec
        try:
            if frame[0] & 0xF0 == SMALL_MAP and len(frame) <= codec.frame_bytes:
                message = codec.one(frame)
                if self._incoming.get(type(message)) is self.phase:
                    self._heard_at = now
                    return message
        except UNREADABLE:
            pass
        return None

    def receive(self, frame: bytes, now: float) -> list[M]:
        """Return the messages of a frame.

        A frame with an illegal message is refused whole. Raises RemoteProtocolError: BAD_FRAME, TOO_LARGE,
        OUT_OF_ORDER.
        """
        messages = self._codec.decode(frame)
        self._heard_at = now
        incoming, phase = self._incoming, self.phase
        for message in messages:
            following = incoming.get(type(message))
            if following is None:
                raise RemoteProtocolError(
                    Code.OUT_OF_ORDER, f"{type(message).__name__} is not legal while {phase.value}"
                )
            if following is not phase:
                phase = following
                incoming = TABLE[OTHER[self.role]][phase]
        if phase is not self.phase:
            self._enter(phase)
        return messages

    def _enter(self, phase: Phase) -> None:
        """Change the phase; the table's two rows for it are kept at hand."""
        self.phase = phase
        self._incoming = TABLE[OTHER[self.role]][phase]
        self._outgoing = TABLE[self.role][phase]

    def send(self, message: Message) -> None:
        """Queue a message for the next frame. Raises LocalProtocolError if it is not legal now."""
        following = self._outgoing.get(type(message))
        if following is None:
            raise LocalProtocolError(
                Code.OUT_OF_ORDER, f"{type(message).__name__} is not legal while {self.phase.value}"
            )
        if following is not self.phase:
            self._enter(following)
        self._outbox.append(message)

    def send_all(self, messages: list[Message]) -> None:
        """Queue messages for the next frame. Raises LocalProtocolError at the first that is not legal now."""
        outgoing, phase = self._outgoing, self.phase
        for kind in set(map(type, messages)):
            if outgoing.get(kind) is not phase:
                for each in messages:
                    self.send(each)
                return
        self._outbox += messages

    def take(self, now: float) -> bytes | None:
        """Return the next frame to send, or None.

        Call until None: what is too much for one frame comes in several.
        """
        outbox = self._outbox
        if not outbox:
            return None
        many = min(len(outbox), MESSAGES_PER_FRAME)
        frame = encode(outbox[:many])
        while len(frame) > self.frame_bytes and many > 1:
            many //= 2
            frame = encode(outbox[:many])
        self._outbox = outbox[many:]
        self._said_at = now
        return frame

    def quiet_s(self, now: float) -> float:
        """For how many seconds this side has sent nothing."""
        return now - self._said_at

    def check(self, now: float) -> None:
        """Raise ConnectionLost when the peer has been silent for the lease."""
        if self.phase is not Phase.CLOSED and now - self._heard_at > self.lease_s:
            raise ConnectionLost(f"nothing was heard of the peer for {now - self._heard_at:.1f} s")

    @property
    def waiting(self) -> int:
        """How many messages the next frame will have."""
        return len(self._outbox)
