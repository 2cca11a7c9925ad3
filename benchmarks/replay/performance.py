"""One replay: starts everybody, kills the daemon as often as wanted, compares what is left behind."""

from __future__ import annotations

import os
import random
import selectors
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec
from msgspec import Struct

from benchmarks.common import PASSWORD, DaemonProcess
from benchmarks.replay.journal import read_journal
from benchmarks.replay.peers import Counts, Plan, Report
from benchmarks.replay.sources import Dialogue
from benchmarks.replay.transcripts import Difference, compare

#: After so long without any progress the replay is given up.
STALLED_S = 60.0
#: Kills come after a random wait up to this long, so that they do not keep step with the peers' words.
AFTER_PROGRESS_S = 0.05


R = TypeVar("R", bound=Counts)


class Wanted(NamedTuple):
    """What kind of replay."""

    kills: int = 0
    seed: int = 1
    in_flight: int = 128
    agents: int = 8
    curve: bool = False


class Kills:
    """When to kill the daemon: at random shares of all messages."""

    def __init__(self, kills: int, seed: int, messages: int) -> None:
        self._random = random.Random(seed)
        moments = (self._random.uniform(0.02, 0.95) * messages for _ in range(kills))
        self._at = sorted(moments, reverse=True)
        self.recovery_s: list[float] = []

    def due(self, progress: int) -> bool:
        """Tell whether so many messages are enough for the next kill."""
        return bool(self._at) and progress >= self._at[-1]

    def strike(self, daemon: DaemonProcess) -> None:
        """Kill and start again; the time counts from the kill until the daemon is ready."""
        self._at.pop()
        killed_at = time.monotonic()
        daemon.kill()
        daemon.start()
        self.recovery_s.append(round(time.monotonic() - killed_at, 3))

    def wait_s(self) -> float:
        """Return a short random wait."""
        return self._random.uniform(0.0, AFTER_PROGRESS_S)


class Actors(Generic[R]):
    """The processes that play, by the names of their modules; their words tell how far they are."""

    def __init__(self, folder: Path, plan: Struct, who: tuple[str, ...], report: type[R]) -> None:
        self._folder = folder
        self._report_type = report
        self.said = dict.fromkeys(who, 0)
        self._unread = dict.fromkeys(self.said, b"")
        self._selector = selectors.DefaultSelector()
        path = folder / "plan.msgpack"
        path.write_bytes(msgspec.msgpack.encode(plan))
        self._processes = {who: self._begin(who, path) for who in self.said}

    def _begin(self, who: str, plan: Path) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"benchmarks.replay.{who}", str(plan), str(self._report(who))]
        with (self._folder / f"{who}.log").open("wb") as log:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
        self._selector.register(process.stdout, selectors.EVENT_READ, who)  # type: ignore[arg-type]
        return process

    def _report(self, who: str) -> Path:
        return self._folder / f"{who}.msgpack"

    @property
    def progress(self) -> int:
        """How many messages were acknowledged to either side, as far as we were told."""
        return sum(self.said.values())

    def listen(self, timeout_s: float) -> bool:
        """Wait for word of progress; False when both have ended, or nothing was heard for so long."""
        events = self._selector.select(timeout_s) if self._selector.get_map() else []
        for key, _ in events:
            self._read(key.data, os.read(key.fd, 65_536), key.fileobj)
        return bool(events)

    @property
    def failed(self) -> bool:
        """Tell whether a process has ended with a problem: the other one would wait for it in vain."""
        return any(process.poll() for process in self._processes.values())

    def _read(self, who: str, read: bytes, stream: Any) -> None:
        """Only no bytes at all mean the end; a number counts when its line is complete."""
        if not read:
            self._selector.unregister(stream)
            stream.close()
            return
        *lines, self._unread[who] = (self._unread[who] + read).split(b"\n")
        if lines:
            self.said[who] = int(lines[-1])

    @property
    def at_work(self) -> bool:
        """Tell whether a process has not ended: then the time it took is not known."""
        return bool(self._selector.get_map())

    def finish(self) -> dict[str, R]:
        """Let both end, and return what they report."""
        for process in self._processes.values():
            if self.at_work:
                process.terminate()
        reports = {}
        for who, process in self._processes.items():
            process.wait(30)
            reports[who] = self._reported(who)
        return reports

    def _reported(self, who: str) -> R:
        path = self._report(who)
        if not path.exists():
            log = (self._folder / f"{who}.log").read_text()
            return self._report_type(problem=f"has left no report: {log[-1_000:]}")
        return msgspec.msgpack.decode(path.read_bytes(), type=self._report_type)


def perform(dialogues: list[Dialogue], wanted: Wanted, folder: Path) -> dict[str, Any]:
    """Replay the dialogues and return what was found; ``equal`` sums it up."""
    capacity = min(10_000, wanted.in_flight // wanted.agents + 4)
    daemon = DaemonProcess(folder, wanted.agents, capacity, curve=wanted.curve)
    daemon.start()
    messages = sum(len(dialogue.turns) for dialogue in dialogues)
    kills = Kills(wanted.kills, wanted.seed, messages)
    try:
        began = time.monotonic()
        peers = Actors(folder, _plan(dialogues, wanted, daemon), ("gateway", "agents"), Report)
        while not peers.failed and peers.listen(STALLED_S):
            if kills.due(peers.progress):
                peers.listen(kills.wait_s())
                kills.strike(daemon)
        seconds, stalled = time.monotonic() - began, peers.at_work
        reports = peers.finish()
        exit_code = daemon.stop()
    finally:
        if daemon.process is not None and daemon.process.poll() is None:
            daemon.kill()
    found = {
        "dialogues": len(dialogues),
        "messages": messages,
        **_compared(dialogues, reports, daemon.journal),
        "kills": len(kills.recovery_s),
        "recovery_s": kills.recovery_s,
        "duplicate_acks": sum(report.duplicate_acks for report in reports.values()),
        "reconnects": {who: report.connects - 1 for who, report in reports.items()},
        "seconds": round(seconds, 2),
        "messages_per_second": round(messages / seconds),
        "stalled": stalled,
        "daemon_exit_code": exit_code,
    }
    found["equal"] = _equal(found, wanted)
    return found


def _plan(dialogues: list[Dialogue], wanted: Wanted, daemon: DaemonProcess) -> Plan:
    return Plan(
        dialogues,
        daemon.gateways,
        daemon.consoles,
        [f"a{number}" for number in range(1, wanted.agents + 1)],
        PASSWORD,
        wanted.in_flight,
        daemon.server_key,
        daemon.gateway_keys,
        daemon.console_keys,
    )


def _compared(dialogues: list[Dialogue], reports: dict[str, Report], path: Path) -> dict[str, Any]:
    journal = read_journal(path)
    views = {who: compare(dialogues, report.transcripts) for who, report in reports.items()}
    views["journal"] = compare(dialogues, journal.transcripts)
    total = sum(views.values(), Difference())
    return {
        "lost": total.lost,
        "duplicated": total.duplicated + journal.begun_again,
        "out_of_order": total.out_of_order,
        "unequal_dialogues": {who: view.unequal for who, view in views.items()},
        "delivery_number_gaps": sum(report.number_gaps for report in reports.values()),
        "journal": {"events": journal.events, "epochs": journal.epochs, "sequence_gaps": journal.gaps},
        "problems": [f"{who}: {report.problem}" for who, report in reports.items() if report.problem],
    }


def _equal(found: dict[str, Any], wanted: Wanted) -> bool:
    wrong = (
        found["lost"],
        found["duplicated"],
        found["out_of_order"],
        *found["unequal_dialogues"].values(),
        found["delivery_number_gaps"],
        found["journal"]["sequence_gaps"],
        found["problems"],
        found["stalled"],
        found["daemon_exit_code"],
        found["kills"] != wanted.kills,
    )
    return not any(wrong)
