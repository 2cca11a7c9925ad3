"""What the demo's processes tell the one that started them: one JSON object a line, on standard output.

All of it was told to them by the daemon: deliveries as they came, acknowledgements, threads they have read.
"""

from __future__ import annotations

import sys
import threading

import msgspec
from msgspec import Struct

from daemon.demo.script import Side
from protocol.messages import Delivery


class Report(Struct, frozen=True, tag=True):
    """The base of every report; ``who`` is the process."""

    who: str


class Ready(Report, frozen=True):
    """Connected, logged in, subscribed; of an agent, with the presence that this has led to."""

    presence: str = ""


class Wrote(Report, frozen=True):
    """The daemon has acknowledged a message."""

    side: Side
    conversation: str
    sequence: int
    contact: str
    text: str
    at: float


class Told(Report, frozen=True):
    """The daemon has delivered something."""

    delivery: Delivery


class HasRead(Report, frozen=True):
    """An agent has read these messages of a customer in the thread."""

    conversation: str
    sequences: tuple[int, ...]


class Done(Report, frozen=True):
    """Every customer has come to an end."""


class Trouble(Report, frozen=True):
    """Something that the script does not foresee."""

    what: str


AnyReport = Ready | Wrote | Told | HasRead | Done | Trouble

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyReport] = msgspec.json.Decoder(AnyReport)
_one_at_a_time = threading.Lock()


def send(report: AnyReport) -> None:
    """Tell the process that has started this one."""
    line = _encoder.encode(report) + b"\n"
    with _one_at_a_time:
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()


def read(line: bytes) -> AnyReport:
    """Understand a line."""
    return _decoder.decode(line)
