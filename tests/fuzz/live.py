"""Frames at a live socket, beside people who talk and must not notice."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

from tests.plays.theatre import Gateway, House, desk_text
from tests.rules import ROOT

#: How long the quiet is measured, before and after.
QUIET_S = 4.0


class Talk:
    """A customer who writes and is acknowledged, again and again."""

    def __init__(self, house: House) -> None:
        self._gateway: Gateway = house.gateway()
        self._sent = 0

    def latency_s(self) -> float:
        """Write once; return how long the acknowledgement took."""
        self._sent += 1
        began = time.perf_counter()
        self._gateway.writes("legitimate", f"message {self._sent}")
        return time.perf_counter() - began

    @property
    def undisturbed(self) -> bool:
        """True when the connection is the one that it began with."""
        return [type(notice).__name__ for notice in self._gateway.notices] == ["Connected"]


def percentile_99_ms(latencies_s: list[float]) -> float:
    """Return the latency that one in a hundred exceeds."""
    return round(1_000 * sorted(latencies_s)[int(0.99 * len(latencies_s))], 2)


def quiet(talk: Talk) -> list[float]:
    """Measure for a while with nobody else there."""
    until, found = time.monotonic() + QUIET_S, []
    while time.monotonic() < until:
        found.append(talk.latency_s())
    return found


def attack(frames: int, seed: int) -> dict[str, Any]:
    """Throw so many frames at a daemon of its own; return the figures."""
    gateways: dict[str, str | None] = {"shop": None, "evil": None}
    desk = desk_text(agents=["anna"], capacity=100, gateways=gateways)
    limits = {"connections": 10_000, "frames_per_second": 5_000, "frame_burst": 10_000}
    with House(desk, http=True, limits=limits) as house:
        talk = Talk(house)
        before = quiet(talk)
        resident = house.rss()
        attacker = subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz.attacker", house.gateways, str(frames), str(seed)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        during = []
        while attacker.poll() is None:
            during.append(talk.latency_s())
        output, _ = attacker.communicate()
        found = json.loads(output) if attacker.returncode == 0 else {"thrown": 0, "verdicts": {}}
        grown = house.rss() - resident
        assert house.process is not None
        alive = house.process.poll() is None
        log = house.stderr()
        crashes = log.count("Traceback") + log.count("actor.failed") + (not alive) + attacker.returncode
        return {
            "frames": found["thrown"],
            "verdicts": found["verdicts"],
            "crashes": crashes,
            "rss_growth_bytes": max(0, grown),
            "legitimate_messages": len(during),
            "legitimate_undisturbed": talk.undisturbed and house.status()["ready"],
            "p99_ms_before": percentile_99_ms(before),
            "p99_ms_during": percentile_99_ms(during),
            "p99_ms_after": percentile_99_ms(quiet(talk)),
        }
