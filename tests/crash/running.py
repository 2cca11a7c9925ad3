"""Runs of the workload under the recorder, and every image that a power loss could leave of them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from tests.crash.recording import Disk, Step, cut_points
from tests.crash.verdict import Told, problems
from tests.rules import ROOT

COMMIT_FAILED = 74


@contextmanager
def quick_folder() -> Iterator[Path]:
    """A folder for many small databases: in memory where there is such a file system."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        yield Path(folder)


class Run:
    """One life after another of the workload on one journal."""

    def __init__(self, place: Path, shim: Path) -> None:
        self.place, self.shim = place, shim
        self.directory, self.acks, self.log = place / "journal", place / "acks", place / "log"
        self.directory.mkdir(parents=True)
        self.lives = 0
        self.sent: list[int] = []

    @property
    def journal(self) -> Path:
        return self.directory / "journal.db"

    def start(self, turns: int, *, plant: str = "", fail: int = 0, first: int = 0) -> subprocess.Popen[str]:
        """Start the workload."""
        self.lives += 1
        environment = os.environ | {
            "LD_PRELOAD": str(self.shim),
            "SHIM_DIR": str(self.directory),
            "SHIM_LOG": str(self.log),
            "SHIM_ACKS": str(self.acks),
            "SHIM_FAIL": str(fail),
            "PLANT": plant,
        }
        arguments = [str(part) for part in (self.directory, self.acks, self.lives, turns, first)]
        return subprocess.Popen(
            [sys.executable, "-m", "tests.crash.workload", *arguments],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def live(self, turns: int, *, plant: str = "", fail: int = 0, first: int = 0) -> int:
        """Run the workload to its end and return the exit code."""
        process = self.start(turns, plant=plant, fail=fail, first=first)
        output, errors = process.communicate(timeout=30)
        self.sent += [int(line) for line in output.splitlines()]
        assert process.returncode in (0, COMMIT_FAILED), errors
        return process.returncode

    def told(self) -> Told:
        """Return what the clients were told so far."""
        return Told(self.acks.read_text().splitlines() if self.acks.exists() else [])


def images(
    steps: list[Step], place: Path, between: int, chance: Random
) -> Iterator[tuple[str, Path, Told, bool]]:
    """Cut the power at every flush and between.

    Return a name, the image, what was promised by then, and whether it has nothing but what was flushed.
    """
    disk, done = Disk(), 0
    for at, flush in cut_points(steps, between, chance):
        for step in steps[done:at]:
            disk.take(step)
        done = at
        told = Told(bytes(disk.acks).decode().splitlines())
        for name, luck in (("flushed only", None), ("and any part of the rest", chance)):
            if (
                luck is not None
                and not any(file.pending for file in disk.files.values())
                and not disk.unlinked
            ):
                continue
            folder = place / f"{at}-{luck is not None}"
            disk.after_power_loss(folder, luck)
            yield f"power lost after step {at}, {name}", folder, told, luck is None and flush


def verdicts(
    steps: list[Step], place: Path, between: int, seed: int, every: int = 1
) -> tuple[int, list[str]]:
    """Open every image, or every so-many-th; return how many there were, and the complaints."""
    many, found = 0, []
    for name, folder, told, plain in images(steps, place, between, Random(seed)):
        many += 1
        if many % every:
            continue
        wrong = problems(folder / "journal.db", told, wholly=plain and many % 4 == 0)
        found += [f"{name}: {problem}" for problem in wrong]
        shutil.rmtree(folder)
    return many, found
