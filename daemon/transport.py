"""The sockets: one ROUTER per listener, read and written in the one way that is fast enough.

pyzmq's multipart helpers cost three times the rest of the hot path, so frames are received and sent one part
at a time on the backend socket with plain integer flags. A peer that sends more than one part a message would
shift the framing, and could have its parts taken for routing ids: ``Frame.more`` guards it, over several
turns if need be.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, NamedTuple

import zmq
from zmq.backend import Socket as BackendSocket

NOBLOCK = int(zmq.NOBLOCK)
SNDMORE_NOBLOCK = int(zmq.SNDMORE) | int(zmq.NOBLOCK)
#: The most parts of one message that are thrown away in a turn; the next turn goes on with it.
PARTS_MAX = 1_024
#: As bytes: pyzmq would make them out of text for each frame.
USER_ID = b"User-Id"
#: With the role after it, what the ZAP handler is told about the listener.
ZAP_DOMAIN = "switchboard"
#: How long a closed listener goes on sending what it has taken: goodbyes.
LINGER_MS = 300


class Security(NamedTuple):
    """The key pair of a CURVE listener, in Z85."""

    public: bytes
    secret: bytes


class Listener:
    """A ROUTER socket for one role of peers.

    libzmq chooses the routing ids; the hub ignores those of others (A03).
    """

    def __init__(
        self,
        context: zmq.Context[Any],
        role: str,
        address: str,
        security: Security | None,
        frame_bytes: int,
        handshake_ms: int,
    ) -> None:
        self.role = role
        self.secure = security is not None
        #: The socket stands inside a message of too many parts, whose rest is still to be thrown away.
        self._inside = False
        self.socket: Any = BackendSocket(context, int(zmq.ROUTER))
        self._set(zmq.LINGER, 0)
        self._set(zmq.ROUTER_MANDATORY, 1)
        # A little more than is allowed, so that a frame that is a little too large gets an answer.
        self._set(zmq.MAXMSGSIZE, frame_bytes + 1_024)
        self._set(zmq.HANDSHAKE_IVL, handshake_ms)
        self._set(zmq.SNDHWM, 1_000)
        self._set(zmq.RCVHWM, 10_000)
        self._set(zmq.TCP_KEEPALIVE, 1)
        self._set(zmq.ZAP_DOMAIN, f"{ZAP_DOMAIN}-{role}".encode())
        # Without this, a listener whose ZAP handler is gone lets everybody in.
        self._set(zmq.ZAP_ENFORCE_DOMAIN, 1)
        if security is not None:
            self._set(zmq.CURVE_SERVER, 1)
            self._set(zmq.CURVE_SECRETKEY, security.secret)
        self.socket.bind(address)
        self.address = bytes(self.socket.get(int(zmq.LAST_ENDPOINT))).rstrip(b"\0").decode()

    def _set(self, option: int, value: int | bytes) -> None:
        self.socket.set(int(option), value)

    def drain(self, limit: int) -> list[tuple[bytes, Any]]:
        """Return at most ``limit`` waiting messages, in order: routing id and frame of each.

        A frame with ``more`` is the first of too many parts; the others are thrown away.
        """
        receive = self.socket.recv
        arrived: list[tuple[bytes, Any]] = []
        if self._inside and not self._skip():
            return arrived
        with suppress(zmq.Again):
            for _ in range(limit):
                identity = receive(NOBLOCK)
                frame = receive(NOBLOCK, False)
                arrived.append((identity, frame))
                if frame.more and not self._skip():
                    break
        return arrived

    def _skip(self) -> bool:
        """Throw away the rest of a message; False when there is more of it than a turn may cost."""
        receive = self.socket.recv
        self._inside = True
        for _ in range(PARTS_MAX):
            if not receive(NOBLOCK, False).more:
                self._inside = False
                return True
        return False

    def send(self, identity: bytes, frame: bytes) -> bool:
        """Send a frame; False when the peer is gone or does not read."""
        send = self.socket.send
        try:
            send(identity, SNDMORE_NOBLOCK)
            send(frame, NOBLOCK)
        except (zmq.Again, zmq.ZMQError):
            return False
        return True

    def close(self) -> None:
        """Stop listening; what was sent last has a moment to leave."""
        self.socket.close(LINGER_MS)


def peer_key(frame: Any) -> str:
    """Return the user id that the ZAP handler gave the sender of a frame: its CURVE public key (Z85).

    On a plain listener it says nothing about the peer.
    """
    try:
        key: str = frame.get(USER_ID)
    except (zmq.ZMQError, UnicodeDecodeError):
        return ""
    return key
