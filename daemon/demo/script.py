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
#: In a script: a line that an invited colleague says, and the place where the agent hands on, with a note.
COLLEAGUE: Literal["colleague"] = "colleague"
TRANSFER: Literal["transfer"] = "transfer"
Cue = Literal["customer", "agent", "colleague", "transfer"]
#: How a line begins that is sent as a picture, or as a card of the desk.
PICTURE_MARK, CARD_MARK = "picture: ", "card: "

#: How long somebody types: to begin, per column on the screen (a Chinese character has two), and at most.
TYPING_FIRST_S = 0.7
TYPING_COLUMN_S = 0.018
TYPING_S_MAX = 2.6
#: Between a contact of the script and the id of this run.
RUN_MARK = "~"


class Dialogue(Struct, frozen=True, forbid_unknown_fields=True):
    """One conversation as it is to be played. One of a contact who has been there comes after the one before.

    ``colleagues``: who may be invited, or take over, the first one first; ``note``: what they are told.
    """

    contact: str
    name: str
    language: str
    channel: str
    about: str
    arrives_s: float
    wrap_up: str
    talk: tuple[tuple[Cue, str], ...]
    declined_because: str = ""
    unanswered: bool = False
    leaves_after_s: float = 0.0
    colleagues: tuple[str, ...] = ()
    note: str = ""


class Break(Struct, frozen=True, forbid_unknown_fields=True):
    """An agent is away for a while."""

    agent: str
    at_s: float
    lasts_s: float


class Script(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that is played."""

    conversations: tuple[Dialogue, ...]
    breaks: tuple[Break, ...] = ()

    def visits(self, contact: str) -> list[Dialogue]:
        """Return the dialogues of a contact, with or without the mark of a run, in their order."""
        bare = contact.partition(RUN_MARK)[0]
        return [one for one in self.conversations if one.contact == bare]

    def cards(self) -> set[str]:
        """Return the cards that are sent."""
        lines = (text for dialogue in self.conversations for _, text in dialogue.talk)
        return {text.removeprefix(CARD_MARK) for text in lines if text.startswith(CARD_MARK)}

    def opened_with(self, contact: str, text: str) -> Dialogue | None:
        """Find the dialogue of a contact by its first line."""
        return next((one for one in self.visits(contact) if one.talk[0][1] == text), None)


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
