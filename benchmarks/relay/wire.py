"""The generator's connections: DEALER sockets on pyzmq's backend, one frame a message, cheap to use."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import zmq
from zmq.backend import Socket as BackendSocket, zmq_poll

# Plain ints: combining pyzmq's flag enums costs more than the call.
DONTWAIT = int(zmq.DONTWAIT)
POLLIN = int(zmq.POLLIN)


class Void(Exception):
    """What was measured does not count: something was lost, repeated, refused, or came out of order."""


class Curve(NamedTuple):
    """The keys of one connection, in Z85."""

    server: str
    public: str
    secret: str


class Link:
    """One connection to a server."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], address: str, curve: Curve | None) -> None:
        self.socket = context.socket(zmq.DEALER)
        self.socket.set(zmq.LINGER, 0)
        # The generator bounds what is outstanding itself.
        self.socket.set(zmq.SNDHWM, 0)
        self.socket.set(zmq.RCVHWM, 0)
        if curve is not None:
            self.socket.curve_serverkey = curve.server.encode()
            self.socket.curve_publickey = curve.public.encode()
            self.socket.curve_secretkey = curve.secret.encode()
        self.socket.connect(address)
        self._receive = BackendSocket.recv.__get__(self.socket)
        self._send = BackendSocket.send.__get__(self.socket)

    def send(self, frame: bytes) -> None:
        """Send a frame."""
        self._send(frame, DONTWAIT)

    def drain(self) -> list[bytes]:
        """Return all frames that have come."""
        frames = []
        receive = self._receive
        try:
            while True:
                frames.append(receive(DONTWAIT))
        except zmq.Again:
            return frames

    def close(self) -> None:
        """End the connection."""
        self.socket.close(0)


class Links:
    """Several connections, of which those that have something can be asked for."""

    def __init__(self, links: Iterable[Link]) -> None:
        self._by_socket = {link.socket: link for link in links}
        self._poll_list = [(socket, POLLIN) for socket in self._by_socket]

    def ready(self, wait_ms: int) -> list[Link]:
        """Return the connections on which a frame has come; wait at most so long for the first."""
        ready: list[Any] = zmq_poll(self._poll_list, wait_ms)
        return [self._by_socket[socket] for socket, _ in ready]
