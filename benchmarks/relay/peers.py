"""The gateway and the consoles as the generator plays them: raw connections with credit for their streams."""

from __future__ import annotations

from typing import NamedTuple

import zmq

from benchmarks.relay.wire import Curve, Link, Void
from protocol.codec import encode
from protocol.fields import Message
from protocol.messages import Received

CONSOLES = 30
#: Deliveries that a stream may have unacknowledged.
STREAM_WINDOW = 4_096
ACKNOWLEDGE_EVERY = STREAM_WINDOW // 4


class Access(NamedTuple):
    """Where the daemon listens, and with which keys to come: the gateway's first, then each console's."""

    gateways: str
    consoles: str
    password: str
    curves: list[Curve | None]


class Peer(Link):
    """A gateway or a console. ``numbers``: the newest number taken, and acknowledged, of each stream."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        role: str,
        name: str,
        address: str,
        curve: Curve | None,
    ) -> None:
        super().__init__(context, address, curve)
        self.role = role
        self.name = name
        self.taken: dict[str, int] = {}
        self._acknowledged: dict[str, int] = {}

    def say(self, *messages: Message) -> None:
        """Send messages in one frame."""
        self.send(encode(list(messages)))

    def begin(self, stream: str, after: int) -> None:
        """Note after which number a stream begins."""
        self.taken[stream] = self._acknowledged[stream] = after

    def take(self, stream: str, number: int) -> None:
        """Note a delivery. Raises Void when it is not the next one of its stream."""
        if self.taken.get(stream) != number - 1:
            raise Void(f"{stream}: number {number} follows number {self.taken.get(stream)}")
        self.taken[stream] = number

    def acknowledge(self, every: int = ACKNOWLEDGE_EVERY) -> None:
        """Give credit back for the streams that have used up ``every`` of it, in one frame."""
        done = self._acknowledged
        due = {stream: number for stream, number in self.taken.items() if number - done[stream] >= every}
        if due:
            self.say(*(Received(stream, number) for stream, number in due.items()))
            done.update(due)


def connect(context: zmq.Context[zmq.Socket[bytes]], access: Access) -> list[Peer]:
    """Connect the gateway (the first of the list) and the consoles."""
    gateway = Peer(context, "gateway", "web", access.gateways, access.curves[0])
    consoles = [
        Peer(context, "console", f"bench-{number}", access.consoles, access.curves[number])
        for number in range(1, CONSOLES + 1)
    ]
    return [gateway, *consoles]
