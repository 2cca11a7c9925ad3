"""TOML texts with their places: what was written, and in which file and line."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from config.problems import ConfigurationError, Problem
from config.scanning import KeyPath, key_lines

_PLACE_IN_MESSAGE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


class Place(msgspec.Struct, frozen=True):
    """Where something was written: a file (or what stands for one), and a line counted from 1 or None."""

    file: str
    line: int | None = None

    def __str__(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"


class Source(msgspec.Struct, frozen=True):
    """Configuration as it was written: nested dicts as tomllib makes them, and the place of each key path."""

    file: str
    data: Mapping[str, Any]
    places: Mapping[KeyPath, Place]

    def place_of(self, path: KeyPath) -> Place:
        """Return the place of a key, or of the nearest table around it, or else the file without a line."""
        for length in range(len(path), 0, -1):
            place = self.places.get(path[:length])
            if place is not None:
                return place
        return Place(self.file)


def read_source(path: Path) -> Source:
    """Read a TOML file, UTF-8. Raises ConfigurationError if it cannot be read or is not TOML."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigurationError([Problem(str(path), line, "", "is not UTF-8 text")]) from error
    except OSError as error:
        what = f"cannot be read: {error.strerror or error}"
        raise ConfigurationError([Problem(str(path), None, "", what)]) from error
    except ValueError as error:  # A zero byte in the path.
        raise ConfigurationError([Problem(str(path), None, "", f"cannot be read: {error}")]) from error
    return parse_source(text, str(path))


def parse_source(text: str, file: str) -> Source:
    """Parse a TOML text; `file` is what problems call it. Raises ConfigurationError with the line."""
    text = text.replace("\r\n", "\n")
    try:
        data = tomllib.loads(text)
        lines = key_lines(text)
    except RecursionError as error:
        raise ConfigurationError([Problem(file, None, "", "is nested too deeply")]) from error
    except ValueError as error:
        raise ConfigurationError([_syntax_problem(text, file, str(error))]) from error
    return Source(file, data, {path: Place(file, line) for path, line in lines.items()})


def _syntax_problem(text: str, file: str, message: str) -> Problem:
    found = _PLACE_IN_MESSAGE.search(message)
    if found is None:
        return Problem(file, None, "", f"is not valid TOML: {message}")
    line = int(found[1]) if found[1] else text.rstrip("\n").count("\n") + 1
    what = message[: found.start()]
    return Problem(file, line, "", f"is not valid TOML: {what[:1].lower()}{what[1:]}")
