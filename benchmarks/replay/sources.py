"""The source texts: which dialogues there are, and who says what in them."""

from __future__ import annotations

import gzip
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from msgspec import Struct

Speaker = Literal["customer", "agent"]


class Turn(Struct, frozen=True, array_like=True):
    """Something that one of the two says."""

    speaker: Speaker
    text: str


class Dialogue(Struct, frozen=True):
    """A conversation of a customer and an agent; the customer begins."""

    name: str
    turns: list[Turn]


class NoSource(Exception):
    """There are no dialogues to be found."""


def load_dialogues(folder: Path) -> list[Dialogue]:
    """Read all dialogues of a folder, whichever of the known formats it holds. Raises NoSource."""
    if (archive := folder / "val.json.zip").exists():
        found = list(_crosswoz(archive))
    else:
        found = [each for path in sorted(folder.glob("train_*.json.gz")) for each in _schema_guided(path)]
    if not found:
        raise NoSource(f"{folder} holds neither train_*.json.gz nor val.json.zip")
    for dialogue in found:
        if dialogue.turns[0].speaker != "customer":
            raise NoSource(f"{dialogue.name}: the customer does not begin")
    return found


def _schema_guided(path: Path) -> Iterator[Dialogue]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for dialogue in json.load(file):
            turns = [
                Turn("customer" if turn["speaker"] == "USER" else "agent", turn["utterance"])
                for turn in dialogue["turns"]
            ]
            yield Dialogue(dialogue["dialogue_id"], turns)


def _crosswoz(path: Path) -> Iterator[Dialogue]:
    with zipfile.ZipFile(path) as archive:
        dialogues = json.loads(archive.read("val.json"))
    for name, dialogue in dialogues.items():
        turns = [
            Turn("customer" if turn["role"] == "usr" else "agent", turn["content"])
            for turn in dialogue["messages"]
        ]
        yield Dialogue(name, turns)
