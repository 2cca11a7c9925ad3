"""The network: connections that delay, stall, crawl, vanish and break.

Within a sound connection frames keep their order, as TCP has it; what is lost is lost at its end, and comes
twice when the client sends it again. A *worn* connection is worse than any that ZeroMQ makes: single frames
are lost, repeated, and overtake each other (N2).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import count
from random import Random
from typing import Protocol

from tests.daemon.doors import Frame
from tests.simulation.scheduler import Scheduler

#: The frames that may be on their way to a peer; beyond it the daemon's socket takes no more.
HIGH_WATER = 5
#: How long the end of a connection takes to be noticed by the client, when it is told at all.
NOTICE_S = 0.02
#: For how long a late birth is stalled: clients wait ten seconds for their welcome.
LATE_S = (3.0, 11.0, 15.0, 40.0)
#: How long a frame of a worn connection may be on its way, whatever is sent after it.
OVERTAKEN_S = 0.5


class Client(Protocol):
    """What a link tells the peer that opened it."""

    def connected(self, link: Link) -> None:
        """The connection is made."""

    def received(self, link: Link, frame: bytes) -> None:
        """A frame has come."""

    def lost(self, link: Link, why: str) -> None:
        """The connection is over."""


class Door:
    """The daemon's listener for one role of peers, in the place of a ZeroMQ socket."""

    secure = False
    socket = None

    def __init__(self, role: str, wake: Callable[[], None]) -> None:
        self.role = role
        self._wake = wake
        self.links: dict[bytes, Link] = {}
        self.incoming: deque[tuple[bytes, Frame]] = deque()

    def arrives(self, identity: bytes, frame: bytes) -> None:
        """A frame of a peer waits to be taken."""
        self.incoming.append((identity, Frame(frame, "")))
        self._wake()

    def drain(self, limit: int) -> list[tuple[bytes, Frame]]:
        """Return what waits, as the real listener does."""
        incoming = self.incoming
        return [incoming.popleft() for _ in range(min(limit, len(incoming)))] if incoming else []

    def send(self, identity: bytes, frame: bytes) -> bool:
        """Send a frame; False when the peer is gone, or too much is on its way."""
        link = self.links.get(identity)
        return link is not None and link.to_client(frame)

    def close(self) -> None:
        """Nobody is reached any more."""
        self.links.clear()


class Way:
    """One direction of a connection."""

    __slots__ = (
        "closed", "delay_s", "jitter_s", "last_at", "mute", "pace_s", "pace_until", "stalled_until",
        "under_way", "wear",
    )  # fmt: skip

    def __init__(self, delay_s: float, jitter_s: float) -> None:
        self.delay_s = delay_s
        self.jitter_s = jitter_s
        self.stalled_until = 0.0
        #: Everything sent from now on vanishes, and nobody is told.
        self.mute = False
        self.closed = False
        self.under_way = 0
        self.last_at = 0.0
        #: Until then frames arrive one by one, so far apart: a peer that reads slowly.
        self.pace_until = 0.0
        self.pace_s = 0.0
        #: How likely a frame is to be lost, to come twice, and to overtake.
        self.wear = (0.0, 0.0, 0.0)

    def arrival(self, now: float, chance: Random) -> float:
        """Return when a frame sent now arrives: never before the one sent before it."""
        took_s = self.delay_s + self.jitter_s * chance.random()
        apart_s = self.pace_s if now < self.pace_until else 1e-6
        self.last_at = max(self.last_at + apart_s, now + took_s, self.stalled_until)
        return self.last_at


class Link:
    """One connection of a peer to a door."""

    def __init__(self, network: Network, client: Client, door: Door, identity: bytes) -> None:
        self.network = network
        self.client = client
        self.door = door
        self.identity = identity
        chance = network.chance
        delay_s = chance.choice((0.0005, 0.002, 0.02, 0.08))
        jitter_s = chance.choice((0.0, 0.001, 0.05))
        self.up, self.down = Way(delay_s, jitter_s), Way(delay_s, jitter_s)
        #: Frames are lost, repeated or shuffled here: what the peer misses is the network's fault.
        self.worn = False

    def wear_out(self, lost: float, twice: float, shuffled: float) -> None:
        """Have single frames fare badly from now on, in both directions."""
        self.worn = True
        self.up.wear = self.down.wear = (lost, twice, shuffled)

    def to_daemon(self, frame: bytes) -> None:
        """The client sends a frame."""
        if not (self.up.closed or self.up.mute):
            self.network.carry(self.up, self._reach_daemon, frame)

    def to_client(self, frame: bytes) -> bool:
        """The daemon sends a frame; False when it can know that the peer is not reached."""
        if self.down.closed or self.down.under_way >= HIGH_WATER:
            return False
        if not self.down.mute:
            self.network.carry(self.down, self._reach_client, frame)
        return True

    def _reach_daemon(self, frame: bytes) -> None:
        if not self.up.closed:
            self.door.arrives(self.identity, frame)

    def _reach_client(self, frame: bytes) -> None:
        self.down.under_way -= 1
        if not self.down.closed:
            self.client.received(self, frame)

    def close(self, *, what_was_sent_arrives: bool = False) -> None:
        """The client is gone, or the daemon; what the client has sent last may still arrive."""
        self.down.closed = True
        self.up.mute = True
        self.up.closed = not what_was_sent_arrives
        self.door.links.pop(self.identity, None)

    def end_from_daemon(self, why: str, *, what_was_sent_arrives: bool) -> None:
        """The daemon's process has died; its kernel may still send what it had taken."""
        self.close()
        notice_at = self.network.scheduler.now() + NOTICE_S
        if what_was_sent_arrives:
            self.down.closed = False
            notice_at = max(notice_at, self.down.last_at + 1e-6)
        self.network.scheduler.at(notice_at, self.client.lost, self, why)

    def cut(self, why: str, *, what_was_sent_arrives: bool = False) -> None:
        """The connection breaks, and the client notices."""
        self.close(what_was_sent_arrives=what_was_sent_arrives)
        self.network.scheduler.later(NOTICE_S, self.client.lost, self, why)


class Network:
    """All connections, and what can happen to them."""

    def __init__(self, scheduler: Scheduler, chance: Random) -> None:
        self.scheduler = scheduler
        self.chance = chance
        self.doors: dict[str, Door] = {}
        self.frames = 0
        #: How many of the next connections are born stalled: their hello comes when its client has given up.
        self.late_births = 0
        self._idents = count(1)

    def open(self, client: Client, role: str) -> Link:
        """Begin a connection; the client is told in a moment that it is made, or that nobody is there."""
        door = self.doors.get(role)
        identity = b"\0" + next(self._idents).to_bytes(4, "big")
        link = Link(self, client, door or Door(role, lambda: None), identity)
        if self.late_births:
            self.late_births -= 1
            link.up.stalled_until = self.scheduler.now() + self.chance.choice(LATE_S)
        self.scheduler.later(link.up.delay_s + 0.001, self._made, link)
        return link

    def _made(self, link: Link) -> None:
        if self.doors.get(link.door.role) is not link.door:
            link.client.lost(link, "nobody listens")
        elif not link.up.closed:
            link.door.links[link.identity] = link
            link.client.connected(link)

    def carry(self, way: Way, reach: Callable[[bytes], None], frame: bytes) -> None:
        """Have a frame arrive."""
        self.frames += 1
        now = self.scheduler.now()
        lost, twice, shuffled = way.wear
        if lost and self.chance.random() < lost:
            return
        way.under_way += 1
        if shuffled and self.chance.random() < shuffled:
            self.scheduler.at(now + OVERTAKEN_S * self.chance.random(), reach, frame)
        else:
            self.scheduler.at(way.arrival(now, self.chance), reach, frame)
        if twice and self.chance.random() < twice:
            way.under_way += 1
            self.scheduler.at(now + OVERTAKEN_S * self.chance.random(), reach, frame)

    def links(self) -> list[Link]:
        """Return the connections that are made, in order."""
        return [link for door in self.doors.values() for link in door.links.values()]

    def daemon_gone(self, why: str) -> None:
        """The process has died: every connection ends."""
        for link in self.links():
            link.end_from_daemon(why, what_was_sent_arrives=self.chance.random() < 0.7)
        self.doors.clear()

    def heal(self) -> None:
        """Faults stop: what stalled goes on, and what has vanished breaks."""
        for link in self.links():
            if link.up.mute or link.down.mute or link.worn:
                link.cut("found dead")
            link.up.pace_until = link.down.pace_until = 0.0
            link.up.stalled_until = link.down.stalled_until = 0.0
