"""Traffic to a yardstick: customers' messages over one connection, each of which must come back as it was."""

from __future__ import annotations

import time

import zmq

from benchmarks.relay import content
from benchmarks.relay.wire import Curve, Link, Links, Void


class EchoTraffic:
    """One connection that sends and counts echoes."""

    def __init__(self, address: str, conversations: int, curve: Curve | None) -> None:
        self.sent = 0
        self.done = 0
        self.latencies_ns: list[int] = []
        self._conversations = conversations
        self._begun = 0
        self._frames: list[bytes] = []
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._link = Link(self._context, address, curve)
        self._links = Links([self._link])

    def prepare(self, count: int) -> None:
        """Make the frames of the next round."""
        indexes = range(self._begun, self._begun + count)
        self._frames = [content.from_customer(index, index % self._conversations) for index in indexes]
        self._begun += count
        self.sent = self.done = 0
        self.latencies_ns = []

    def send(self, count: int) -> None:
        """Send the next messages."""
        send = self._link.send
        for frame in self._frames[self.sent : self.sent + count]:
            send(frame)
        self.sent += count

    def send_stamped(self) -> None:
        """Send the next message with the time in it."""
        frame = content.stamped(self._frames[self.sent], time.perf_counter_ns())
        self._frames[self.sent] = frame
        self._link.send(frame)
        self.sent += 1

    def collect(self, wait_ms: int) -> bool:
        """Compare each echo with what was sent: nothing lost, repeated or out of order."""
        if not self._links.ready(wait_ms):
            return False
        echoes = self._link.drain()
        now_ns = time.perf_counter_ns()
        expected = self._frames[self.done : self.done + len(echoes)]
        if echoes != expected:
            raise Void(f"an echo is not what was sent, near message {self.done} of the round")
        self.done += len(echoes)
        if echoes and content.stamp_in(echoes[0]):
            self.latencies_ns += [now_ns - content.stamp_in(echo) for echo in echoes]
        return True

    def settle(self) -> None:
        """Check that nothing more has come than was sent."""
        if self._link.drain():
            raise Void("more echoes than messages")

    def close(self) -> None:
        """End the connection."""
        self._link.close()
        self._context.term()
