"""What is played: the dialogues of conversations.toml, and how fast."""

from __future__ import annotations

import time
import tomllib
from importlib.resources import files
from typing import Literal

import msgspec
from msgspec import Struct

CUSTOMER: Literal["customer"] = "customer"
AGENT: Literal["agent"] = "agent"
Side = Literal["customer", "agent"]

#: How long somebody types: to begin, per column on the screen (a Chinese character has two), and at most.
TYPING_FIRST_S = 0.7
TYPING_COLUMN_S = 0.018
TYPING_S_MAX = 2.6
#: Between a contact of the script and the id of this run.
RUN_MARK = "~"


class Dialogue(Struct, frozen=True, forbid_unknown_fields=True):
    """One conversation as it is to be played."""

    contact: str
    name: str
    language: str
    channel: str
    about: str
    arrives_s: float
    wrap_up: str
    talk: tuple[tuple[Side, str], ...]
    declined_because: str = ""
    unanswered: bool = False
    leaves_after_s: float = 0.0


class Break(Struct, frozen=True, forbid_unknown_fields=True):
    """An agent is away for a while."""

    agent: str
    at_s: float
    lasts_s: float


class Script(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that is played."""

    conversations: tuple[Dialogue, ...]
    breaks: tuple[Break, ...] = ()

    def by_contact(self, contact: str) -> Dialogue | None:
        """Find the dialogue of a contact, with or without the mark of a run."""
        bare = contact.partition(RUN_MARK)[0]
        return next((one for one in self.conversations if one.contact == bare), None)


def sample(name: str) -> str:
    """Return one of the sample files that ship with the demo."""
    return (files("daemon.demo") / name).read_text(encoding="utf-8")


def load_script() -> Script:
    """Read the dialogues."""
    return msgspec.convert(tomllib.loads(sample("conversations.toml")), Script)


class Pace:
    """How fast everything goes."""

    def __init__(self, speed: float) -> None:
        self._speed = speed

    def pause(self, seconds: float) -> None:
        """Let time pass."""
        time.sleep(seconds / self._speed)

    def seconds(self, seconds: float) -> float:
        """Return how long that takes in this run."""
        return seconds / self._speed

    def type(self, text: str) -> None:
        """Let as much time pass as somebody types."""
        columns = sum(2 if ord(character) > 0x2E7F else 1 for character in text)
        self.pause(min(TYPING_S_MAX, TYPING_FIRST_S + TYPING_COLUMN_S * columns))
