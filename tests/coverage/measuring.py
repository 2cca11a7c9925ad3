"""Runs tests under `coverage`, each lane in a process of its own, and says what no test has gone through."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import coverage

#: A line may be left out only with a reason beside it; without one the remark has no effect. Coverage's own
#: remarks are not heard: "no branch" can be said of any branch. (A settings file takes a leading # away.)
LEFT_OUT = r"[#] pragma: no cover: \S"
#: Of `if TYPE_CHECKING:` nothing runs by construction, nor of a body that is an ellipsis.
NEVER_RUN = (r"^\s*if TYPE_CHECKING:", r"^\s*(((async )?def .*?)?\)(\s*->.*?)?:\s*)?\.\.\.\s*$")
NOTHING = "a pattern that no line of any file has"


@dataclass(frozen=True)
class Lacking:
    """What of one file no test has gone through: its lines, and the branches between lines that were run."""

    path: str
    branches: int
    lines: tuple[int, ...]
    arcs: tuple[tuple[int, int], ...]

    @property
    def complete(self) -> bool:
        """True when nothing lacks."""
        return not self.lines and not self.arcs

    def sentences(self) -> list[str]:
        """Return one line for each thing that lacks, in the form that editors can follow."""
        never = [(line, f"{self.path}:{line}: never run") for line in self.lines]
        # A branch that leads to a line that was never run says nothing beyond that.
        ways = [(line, self._way(line, to)) for line, to in self.arcs if to not in self.lines]
        return [text for _, text in sorted(never + ways)]

    def _way(self, line: int, to: int) -> str:
        # Coverage writes the way out of a function, or of a generator expression, as a negative line.
        where = f"to line {to}" if to > 0 else "out of it"
        return f"{self.path}:{line}: never goes {where}"


def settings(data: Path, root: Path, modules: Iterable[str]) -> str:
    """Return the text of the settings file that every process reads."""
    return "\n".join(
        [
            "[run]",
            "branch = True",
            "parallel = True",
            f"data_file = {data}",
            # Only these are traced, so that the measured run costs about twice the plain one, not thrice.
            "include =",
            *(f"    {root / path}" for path in modules),
            "[report]",
            "exclude_lines =",
            *(f"    {pattern}" for pattern in (LEFT_OUT, *NEVER_RUN)),
            f"partial_branches = {NOTHING}",
            "",
        ]
    )


def run(rc: Path, root: Path, lanes: Sequence[Sequence[str]]) -> list[str]:
    """Run the lanes side by side; return what the tests of each failed one have said."""
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "coverage", "run", f"--rcfile={rc}", "-m", "pytest", *arguments],
            cwd=root,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for arguments in lanes
    ]
    said = [process.communicate()[0] for process in started]
    return [text for process, text in zip(started, said, strict=True) if process.returncode]


def found(rc: Path, root: Path, modules: Iterable[str]) -> list[Lacking]:
    """Put together what all processes have seen, and hold it against each module.

    A module that no test has even imported lacks all its lines.
    """
    measured = coverage.Coverage(config_file=str(rc))
    measured.combine()
    report = rc.with_suffix(".json")
    paths = list(modules)
    measured.json_report(morfs=[str(root / path) for path in paths], outfile=str(report))
    files = json.loads(report.read_text(encoding="utf-8"))["files"]
    by_path = {(root / name).resolve(): figures for name, figures in files.items()}
    return [_lacking(path, by_path[(root / path).resolve()]) for path in paths]


def _lacking(path: str, figures: dict[str, Any]) -> Lacking:
    lines = tuple(figures["missing_lines"])
    # Where nothing at all was run there are no branches; and a line that was never run goes nowhere.
    arcs = tuple((line, to) for line, to in figures.get("missing_branches", ()) if line not in lines)
    return Lacking(path, figures["summary"].get("num_branches", 0), lines, arcs)
