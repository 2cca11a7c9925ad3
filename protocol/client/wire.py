"""One ZeroMQ connection: a DEALER socket and the monitor that says how it fares. Used by one thread only."""

from __future__ import annotations

from enum import Enum

import zmq
from zmq.utils.monitor import recv_monitor_message

from protocol.client.keys import KeyPair

_CONNECT_MS_MAX = 5_000
_FRAMES_PER_READ_MAX = 64
#: The status with which a ZAP handler says that a key is unknown; others are passing troubles of its own.
_KEY_REFUSED = 400

_LOST: dict[int, str] = {
    zmq.Event.DISCONNECTED: "the connection was closed",
    zmq.Event.CLOSED: "no connection could be made",
    zmq.Event.HANDSHAKE_FAILED_NO_DETAIL: "the handshake failed",
    zmq.Event.HANDSHAKE_FAILED_PROTOCOL: "the handshake failed: the other side does not speak as expected",
    zmq.Event.HANDSHAKE_FAILED_AUTH: "the handshake failed: the daemon cannot check our key now",
}
_WATCHED = sum(_LOST) + zmq.Event.HANDSHAKE_SUCCEEDED


class Change(Enum):
    """What has become of the connection."""

    MADE = "made"
    LOST = "lost"
    KEY_REFUSED = "key refused"


class Wire:
    """A socket that is never used again once lost: ZeroMQ's own reconnecting would hide the loss from us."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        address: str,
        keys: KeyPair | None,
        server_key: str | None,
    ) -> None:
        self.socket = context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.immediate = True
        self.socket.reconnect_ivl = -1
        self.socket.connect_timeout = _CONNECT_MS_MAX
        self.socket.ipv6 = True
        if keys is not None and server_key is not None:
            self.socket.curve_publickey = keys.public.encode()
            self.socket.curve_secretkey = keys.secret.encode()
            self.socket.curve_serverkey = server_key.encode()
        self.monitor = self.socket.get_monitor_socket(_WATCHED)
        self.monitor.linger = 0
        self.socket.connect(address)

    def changes(self) -> list[tuple[Change, str]]:
        """Return what the monitor has seen since the last call."""
        changes: list[tuple[Change, str]] = []
        while True:
            try:
                told = recv_monitor_message(self.monitor, zmq.NOBLOCK)
            except zmq.Again:
                return changes
            event = told["event"]
            if event == zmq.Event.HANDSHAKE_SUCCEEDED:
                changes.append((Change.MADE, ""))
            elif event == zmq.Event.HANDSHAKE_FAILED_AUTH and told["value"] == _KEY_REFUSED:
                changes.append((Change.KEY_REFUSED, "the daemon does not know our key"))
            elif event in _LOST:
                changes.append((Change.LOST, _LOST[event]))

    def read(self) -> list[bytes]:
        """Return the frames that have come; some may be left for the next call."""
        frames: list[bytes] = []
        while len(frames) < _FRAMES_PER_READ_MAX:
            try:
                parts = self.socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
            # A message of several parts is none of ours; as an empty frame it is refused like any bad one.
            frames.append(parts[0] if len(parts) == 1 else b"")
        return frames

    def send(self, frame: bytes) -> bool:
        """Send a frame. False when there is no room now."""
        try:
            self.socket.send(frame, zmq.NOBLOCK)
        except zmq.Again:
            return False
        return True

    def close(self, linger_ms: int = 0) -> None:
        """Close the socket; what was sent last may take so long to leave."""
        self.socket.disable_monitor()
        self.monitor.close(0)
        self.socket.close(linger_ms)
