"""What a process did to its files, in order; and which disks a power loss could leave behind.

A disk that keeps its word has everything that was flushed. Of what was written since, any part may be there:
any subset of the writes, the last of them torn at any sector.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from random import Random
from typing import NamedTuple

SECTOR = 512
WAL_HEADER = 32
_HEAD = struct.Struct("=IIqq")


class NoCompiler(Exception):
    """The recorder cannot be built; whoever needs it says so loudly."""


class Op(IntEnum):
    """What shim.c logs."""

    WRITE = 1
    TRUNCATE = 2
    FLUSH = 3
    FAILED = 4
    UNLINK = 5
    RENAME = 6
    OPEN = 7
    ACK = 8


class Step(NamedTuple):
    """One call: what, to which file (empty: the directory), where, with which bytes."""

    op: Op
    name: str
    offset: int
    data: bytes


def build_shim(folder: Path) -> Path:
    """Compile the recorder. Raises NoCompiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise NoCompiler("NO C COMPILER: crash images and flush errors are NOT tested on this machine")
    library = folder / "shim.so"
    source = Path(__file__).with_name("shim.c")
    command = [compiler, "-shared", "-fPIC", "-O1", "-Wall", "-o", str(library), str(source), "-ldl"]
    subprocess.run(command, check=True)
    return library


def read_log(path: Path) -> list[Step]:
    """Read the recorder's log."""
    raw = path.read_bytes()
    steps: list[Step] = []
    at = 0
    while at < len(raw):
        op, name, offset, size = _HEAD.unpack_from(raw, at)
        at += _HEAD.size
        steps.append(Step(Op(op), raw[at : at + name].decode(), offset, raw[at + name : at + name + size]))
        at += name + size
    return steps


@dataclass
class _File:
    """One file: what is flushed, and what was done since."""

    flushed: bytearray = field(default_factory=bytearray)
    pending: list[Step] = field(default_factory=list)
    doubtful: list[Step] = field(default_factory=list)
    named: bool = False


@dataclass
class Disk:
    """A disk on which a process has done the first so many of its steps."""

    files: dict[str, _File] = field(default_factory=dict)
    unlinked: dict[str, _File] = field(default_factory=dict)
    acks: bytearray = field(default_factory=bytearray)

    def take(self, step: Step) -> None:
        """Do one step."""
        match step.op:
            case Op.OPEN:
                self.files.setdefault(step.name, _File())
            case Op.WRITE | Op.TRUNCATE:
                self.files.setdefault(step.name, _File()).pending.append(step)
            case Op.FLUSH if not step.name:
                self.unlinked.clear()
                for file in self.files.values():
                    file.named = True
            case Op.FLUSH:
                file = self.files[step.name]
                for write in file.pending:
                    _apply(file.flushed, write)
                file.pending.clear()
                file.named = True
            case Op.UNLINK:
                self.unlinked[step.name] = self.files.pop(step.name)
            case Op.ACK:
                self.acks += step.data
            case Op.RENAME:
                raise NotImplementedError("SQLite renames nothing")
            case Op.FAILED:
                # Linux takes the pages for clean now: a later flush succeeds and does not write them
                # (PostgreSQL panics for that reason).
                file = self.files[step.name]
                file.pending, file.doubtful = [], file.doubtful + file.pending

    def after_power_loss(self, folder: Path, chance: Random | None) -> None:
        """Write one image: with ``chance`` None only what was flushed, else any part of the rest too."""
        folder.mkdir(parents=True)
        there = {
            name: file
            for name, file in self.files.items()
            if file.named or (chance and chance.random() < 0.5)
        }
        if chance:
            there = {name: file for name, file in self.unlinked.items() if chance.random() < 0.5} | there
        for name, file in there.items():
            content = bytearray(file.flushed)
            # What a failed flush was about is there or not, under what was written since.
            for write in [*_survivors(file.doubtful, chance), *_survivors(file.pending, chance)]:
                _apply(content, write)
            (folder / name).write_bytes(content)


def _survivors(pending: list[Step], chance: Random | None) -> list[Step]:
    if chance is None or not pending:
        return []
    likely = chance.choice((0.1, 0.5, 0.9, 1.0))
    chosen = [write for write in pending if chance.random() < likely]
    if chosen and chosen[-1].op is Op.WRITE and chance.random() < 0.5:
        sectors = len(chosen[-1].data) // SECTOR
        chosen[-1] = chosen[-1]._replace(data=chosen[-1].data[: SECTOR * chance.randint(0, sectors)])
    return chosen


def _apply(content: bytearray, step: Step) -> None:
    if step.op is Op.TRUNCATE:
        del content[step.offset :]
        content.extend(bytes(step.offset - len(content)))
        return
    end = step.offset + len(step.data)
    content.extend(bytes(max(0, end - len(content))))
    content[step.offset : end] = step.data


def flushes(steps: list[Step]) -> dict[str, list[int]]:
    """Number the flushes of files as shim.c counts them: those of commits, and those of checkpoints."""
    found: dict[str, list[int]] = {"commit": [], "checkpoint": []}
    written, number = False, 0
    for step in steps:
        if step.op is Op.WRITE:
            written = step.name.endswith("-wal") and len(step.data) > WAL_HEADER
        elif step.op is Op.FLUSH and step.name:
            number += 1
            if step.name.endswith(("-wal", ".db")):
                found["commit" if written and step.name.endswith("-wal") else "checkpoint"].append(number)
            written = False
    return found


def cut_points(steps: list[Step], between: int, chance: Random) -> Iterator[tuple[int, bool]]:
    """Return after how many steps to cut the power: at every flush, and at a sample between."""
    flushes = {at + 1 for at, step in enumerate(steps) if step.op is Op.FLUSH}
    others = set(chance.sample(range(1, len(steps) + 1), min(between, len(steps)))) - flushes
    yield from sorted([(at, True) for at in flushes] + [(at, False) for at in others])
