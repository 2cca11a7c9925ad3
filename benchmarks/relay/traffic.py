"""The two ways to load a server: as fast as a window allows, and at a steady pace whatever the answers do."""

from __future__ import annotations

import time
from typing import Protocol

from benchmarks.relay.wire import Void

#: Nothing heard for so long, and the round is void.
STALLED_MS = 15_000


class Traffic(Protocol):
    """Messages to and from one server, over connections that stay open for all rounds."""

    #: How many messages of the round were sent, and how many of them are complete.
    sent: int
    done: int
    #: Send-to-delivery times in nanoseconds, of a paced round.
    latencies_ns: list[int]

    def prepare(self, count: int) -> None:
        """Make the frames of the next round."""

    def send(self, count: int) -> None:
        """Send the next messages."""

    def send_stamped(self) -> None:
        """Send the next message with the time in it; its delivery adds to ``latencies_ns``."""

    def collect(self, wait_ms: int) -> bool:
        """Take what has come; wait at most so long for the first of it. False when nothing came.

        Raises Void when it is not what has to come.
        """

    def settle(self) -> None:
        """Check that the round is complete, and acknowledge what is left of it. Raises Void."""

    def close(self) -> None:
        """End the connections."""


def saturate(traffic: Traffic, count: int, window: int) -> float:
    """Keep ``window`` messages outstanding until all are complete; return the seconds that took."""
    began = time.perf_counter()
    while traffic.done < count:
        room = min(window - (traffic.sent - traffic.done), count - traffic.sent)
        if room > 0:
            traffic.send(room)
        if not traffic.collect(STALLED_MS):
            raise Void(f"nothing came any more: {traffic.sent} of {count} sent, {traffic.done} complete")
    return time.perf_counter() - began


def pace(traffic: Traffic, count: int, per_second: int) -> list[float]:
    """Send at a steady pace, an open loop; return the milliseconds from send to delivery."""
    began = time.perf_counter()
    heard_at = began
    while traffic.done < count:
        now = time.perf_counter()
        due = began + traffic.sent / per_second
        if traffic.sent < count and now >= due:
            traffic.send_stamped()
            continue
        wait_s = due - now if traffic.sent < count else STALLED_MS / 1000
        # Polling knows whole milliseconds only. Rounded up: a message goes out up to one late, and says when.
        if traffic.collect(int(wait_s * 1000) + 1):
            heard_at = time.perf_counter()
        elif time.perf_counter() - heard_at > STALLED_MS / 1000:
            raise Void(f"nothing came any more: {traffic.sent} of {count} sent, {traffic.done} complete")
    return [latency / 1e6 for latency in traffic.latencies_ns]
