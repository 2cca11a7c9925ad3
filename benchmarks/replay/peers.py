"""What the gateway's process and the agents' process have in common: the plan, the dialogue, the report."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from benchmarks.replay.sources import Dialogue, Speaker
from benchmarks.replay.transcripts import Line, Transcripts
from protocol.client import Connected, Disconnected, KeyPair, Notice
from protocol.messages import Ack, Delivery

#: How often a peer says how far it is.
TELL_S = 0.05

P = TypeVar("P")


class Plan(Struct):
    """What both processes are told."""

    dialogues: list[Dialogue]
    gateways: str
    consoles: str
    agents: list[str]
    password: str
    in_flight: int
    server_key: str | None = None
    gateway_keys: KeyPair | None = None
    console_keys: KeyPair | None = None


class Counts(Struct):
    """What every report counts."""

    finished: bool = False
    acknowledged: int = 0
    duplicate_acks: int = 0
    deliveries: int = 0
    #: Deliveries whose number did not follow the one before in its stream.
    number_gaps: int = 0
    connects: int = 0
    disconnects: int = 0
    problem: str = ""


class Report(Counts):
    """What a peer has seen."""

    transcripts: Transcripts = {}


class Talk:
    """One dialogue, as far as it has come on one side."""

    def __init__(self, dialogue: Dialogue, lines: list[Line]) -> None:
        self.turns = dialogue.turns
        self.lines = lines
        self.ended = False
        self._news = asyncio.Event()

    def take(self, speaker: Speaker, text: str, sequence: int) -> None:
        """Write down what the other side has said."""
        self.lines.append(Line(speaker, text, sequence))
        self._news.set()

    def end(self) -> None:
        """Note that the conversation has ended."""
        self.ended = True
        self._news.set()

    async def wait_until(self, true: Callable[[], bool]) -> None:
        """Wait until something is true of this dialogue."""
        while not true():
            self._news.clear()
            await self._news.wait()


class Reporting:
    """Whoever plays and counts what comes of it."""

    report: Any

    def __init__(self, report: Counts) -> None:
        self.report = report
        self._numbers: dict[str, int] = {}
        self._told_at = 0.0

    def note(self, event: Notice) -> None:
        """Count connections made and lost."""
        self.report.connects += isinstance(event, Connected)
        self.report.disconnects += isinstance(event, Disconnected)

    def count(self, delivery: Delivery) -> None:
        """Check that a delivery is the next of its stream."""
        before = self._numbers.get(delivery.stream, delivery.number - 1)
        self.report.number_gaps += delivery.number != before + 1
        self.report.deliveries += 1
        self._numbers[delivery.stream] = delivery.number

    def acknowledged(self, ack: Ack) -> None:
        """Count an acknowledged message and say now and then how many there are."""
        self.report.acknowledged += 1
        self.report.duplicate_acks += ack.duplicate
        now = time.monotonic()
        if now - self._told_at >= TELL_S:
            self._told_at = now
            print(self.report.acknowledged, flush=True)

    async def perform(self) -> None:
        """Play until it is over."""
        raise NotImplementedError


class Peer(Reporting):
    """One side of all dialogues."""

    report: Report

    def __init__(self, plan: Plan, side: Speaker) -> None:
        super().__init__(Report())
        self.plan = plan
        self.side: Speaker = side

    async def play(self, talk: Talk, say: Callable[[str], Awaitable[Ack]]) -> None:
        """Say this side's turns, each when everything before it was said, and hear the other's."""
        for place, turn in enumerate(talk.turns, 1):
            if turn.speaker == self.side:
                line = Line(turn.speaker, turn.text)
                talk.lines.append(line)
                ack = await say(turn.text)
                line.sequence = ack.sequence
                self.acknowledged(ack)
            else:
                await talk.wait_until(lambda wanted=place: len(talk.lines) >= wanted)  # type: ignore[misc]


def run_peer(plan_type: type[P], make: Callable[[P], Reporting]) -> None:
    """Read the plan, perform it, write the report: also after SIGTERM, as far as it has come."""
    parser = argparse.ArgumentParser()
    parser.add_argument("plan", type=Path)
    parser.add_argument("report", type=Path)
    options = parser.parse_args()
    plan = msgspec.msgpack.decode(options.plan.read_bytes(), type=plan_type)
    peer = make(plan)
    try:
        asyncio.run(_until_terminated(peer.perform()))
        peer.report.finished = True
    except asyncio.CancelledError:
        peer.report.problem = "ended before it was finished"
    except Exception as error:
        peer.report.problem = "; ".join(f"{type(each).__name__}: {each}" for each in _single(error))
        raise
    finally:
        options.report.write_bytes(msgspec.msgpack.encode(peer.report))
    sys.exit(0 if peer.report.finished else 1)


def _single(error: Exception) -> list[Exception]:
    """Return the errors that a task group has put together."""
    if isinstance(error, ExceptionGroup):
        return [single for each in error.exceptions for single in _single(each)]
    return [error]


async def _until_terminated(work: Awaitable[None]) -> None:
    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await task
