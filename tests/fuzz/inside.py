"""Frames for the codec, the session machines, the SDK and the door, in this process."""

from __future__ import annotations

import os
import time
import tracemalloc
from itertools import count
from pathlib import Path
from typing import Any

from protocol.client.machine import ClientMachine
from protocol.codec import client_codec, encode
from protocol.errors import LocalProtocolError, RemoteProtocolError
from protocol.messages import VERSION, Goodbye, Hello, Welcome
from protocol.session import Role, Session
from tests.daemon.doors import Door
from tests.fuzz.corpus import Mutator, bombs

#: Of so many frames one goes through the whole door, actors and all.
DOOR_SHARE = 40
#: After so many frames a connection is given up for a new one.
FRAMES_PER_CONNECTION = 50
#: What a refused frame may cost in memory.
ALLOCATED_MAX = 65_536
KEPT = 20


def resident_bytes() -> int:
    """Return how much memory this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Targets:
    """What frames are thrown at. Each raises whatever it must not."""

    def __init__(self) -> None:
        self.codec = client_codec()
        self._welcome = encode([Welcome(VERSION, "fuzz", "journal", 5, 15, 256, 262_144, 200, 400)])
        self._ids = count(1)
        self._peers = count(1)
        self.renew()
        self.door = self._new_door()

    def _new_door(self) -> Door:
        door = Door()
        door.greets("console", b"\0desk")
        door.logs_in(b"\0desk", "a1", "a2")
        return door

    def renew(self) -> None:
        """Begin new connections."""
        self.session: Session[Any] = Session(Role.DAEMON, self.codec, 0.0, 15.0)
        self.session.receive(encode([Hello(VERSION, "gateway", name="web")]), 0.0)
        self.session.send(Welcome(VERSION, "fuzz", "journal", 5, 15, 256, 262_144, 200, 400))
        while self.session.take(0.0) is not None:
            pass
        self.greeting: Session[Any] = Session(Role.DAEMON, self.codec, 0.0, 15.0)
        hello = Hello(VERSION, "gateway", "fuzz", "web")
        self.client = ClientMachine(hello, lambda: next(self._ids).to_bytes(16, "big"), lambda: 0.5)
        self.client.tick(0.0)
        self.client.connected(0.0)
        self.client.frames(0.0)
        self.client.received(self._welcome, 0.0)
        self.client.subscribe(next(self._ids).to_bytes(16, "big"), "channel/web")

    def daemon_side(self, frame: bytes) -> bool:
        """Give it to a session before hello and to an open one; True when that has refused it."""
        refused = False
        for session in (self.greeting, self.session):
            try:
                session.receive(frame, 1.0)
                refused = False
            except RemoteProtocolError as error:
                refused = True
                if not error.message:
                    raise AssertionError("a refusal must say why") from error
        return refused

    def client_side(self, frame: bytes) -> None:
        """Give it to an SDK: it may give the connection up, and never raises."""
        self.client.received(frame, 1.0)
        self.client.events()
        self.client.frames(1.0)

    def through_the_door(self, frame: bytes) -> None:
        """Give it to a hub with actors behind it, from a gateway and from a console with agents."""
        peer = b"\0" + next(self._peers).to_bytes(4, "big")
        door = self.door
        door.greets("gateway", peer)
        door.says("gateway", peer, raw=frame)
        heard = door.says("console", b"\0desk", raw=frame)
        if any(isinstance(said, Goodbye) for said in heard) or len(door.system.actors) > 2_000:
            self.door = self._new_door()
        seen = door.stage.failures.seen
        assert not seen, f"an actor has failed: {seen[0]}"


def fuzz(frames: int, seed: int) -> dict[str, Any]:
    """Throw so many frames; return the figures."""
    mutator, targets = Mutator(seed), Targets()
    figures: dict[str, Any] = {"frames": 0, "refused": 0, "through_the_door": 0, "crashes": 0, "problems": []}
    began = time.process_time()
    warm = 0
    for number in range(frames):
        frame = mutator.frame()
        if number % FRAMES_PER_CONNECTION == 0:
            targets.renew()
        try:
            figures["refused"] += targets.daemon_side(frame)
            targets.client_side(frame)
            if number % DOOR_SHARE == 0:
                figures["through_the_door"] += 1
                targets.through_the_door(frame)
        except (Exception, RecursionError) as error:
            figures["crashes"] += 1
            if len(figures["problems"]) < KEPT:
                figures["problems"].append(
                    f"frame {number} of seed {seed}: {error!r:.300}: {frame.hex()[:400]}"
                )
            targets = Targets()
        figures["frames"] += 1
        if number == min(frames // 2, 20_000):
            warm = resident_bytes()
    figures["rss_growth_bytes"] = max(0, resident_bytes() - warm) if frames else 0
    figures["allocated_max_bytes"] = dearest(targets, mutator)
    figures["cpu_s"] = round(time.process_time() - began, 2)
    return figures


def dearest(targets: Targets, mutator: Mutator) -> int:
    """Return the most that a refused frame has cost in memory, beside itself: bombs, and mutations."""
    most = 0
    tracemalloc.start()
    try:
        for frame in [*bombs(), *(mutator.frame() for _ in range(300))]:
            before = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            try:
                targets.codec.decode(frame)
            except (RemoteProtocolError, LocalProtocolError):
                most = max(most, tracemalloc.get_traced_memory()[1] - before - len(frame))
    finally:
        tracemalloc.stop()
    return most
