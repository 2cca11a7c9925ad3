"""What the client machine tells its user. Each event is a fact that has happened."""

from __future__ import annotations

from dataclasses import dataclass

from protocol import messages
from protocol.customers import Hinted
from protocol.messages import Ack, Delivery, LoggedIn, Snapshot, Subscribed, Welcome

#: What a request is answered with when all went well.
Answer = Ack | messages.Answer | messages.MediaAnswer | LoggedIn | Subscribed


@dataclass(frozen=True, slots=True)
class Connected:
    """The daemon has said welcome."""

    welcome: Welcome


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection is lost; the client tries again by itself in ``retry_in_s``."""

    why: str
    retry_in_s: float


@dataclass(frozen=True, slots=True)
class Stopped:
    """The client has stopped for good: replaced, refused at the door, or closed (code ``bye``)."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Answered:
    """The request ``id`` was carried out."""

    id: bytes
    answer: Answer


@dataclass(frozen=True, slots=True)
class Failed:
    """The request ``id`` was refused, and sending it again is of no use."""

    id: bytes
    code: str
    message: str
    retry_after_s: float = 0.0
    window_closes_at: float = 0.0
    sends_left: int | None = None


@dataclass(frozen=True, slots=True)
class Delivered:
    """A delivery has come, once and in order. ``history`` tells numbers of a changed history apart."""

    stream: str
    history: int
    delivery: Delivery


@dataclass(frozen=True, slots=True)
class SnapshotTaken:
    """An agent's state; deliveries go on after it."""

    stream: str
    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class HistoryChanged:
    """The daemon's numbers belong to another history (a restored backup, say); the stream begins anew."""

    stream: str


@dataclass(frozen=True, slots=True)
class GapFound:
    """Deliveries before ``first_available`` are no longer kept and will not come (G5)."""

    stream: str
    first_available: int


@dataclass(frozen=True, slots=True)
class StreamEnded:
    """Nothing more comes in ``stream``: refused with ``code``, or ``bye`` after a logout."""

    stream: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class AgentLost:
    """An agent's session was ended by the daemon, or could not be opened again after a reconnect."""

    agent: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class HintHeard:
    """Somebody in the conversation is typing, has stopped, or has read."""

    hint: Hinted


#: Events about the connection and its streams, for whoever watches over the client.
Notice = Connected | Disconnected | Stopped | HistoryChanged | GapFound | AgentLost | HintHeard
Event = Notice | Answered | Failed | Delivered | SnapshotTaken | StreamEnded
