"""Single values: does what was written fit the type that was declared?"""

import datetime as dt
import math
import re
from collections.abc import Sized
from pathlib import Path
from typing import Any

from msgspec import inspect

from config.problems import did_you_mean, quoted


class UnfitError(Exception):
    """A value that does not fit. `what` can always be shown; `got` quotes the value: never for a secret."""

    def __init__(self, what: str, got: str | None = None, hint: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.got = got
        self.hint = hint


def described(value: object) -> str:
    """Name a TOML value in words, short enough for one line: `text "4"`, `a list`, `a table`."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return f"text {quoted(value)}"
        case int() | float():
            # A whole number of thousands of digits cannot even be printed.
            return str(value) if abs(value) < 10**30 or value != value else "a huge number"
        case list():
            return "a list"
        case dict():
            return "a table"
        case dt.date() | dt.time():
            return "a date or time"
        case _:
            return "something else"


def read_scalar(kind: inspect.Type, value: object, base: Path, says: str | None) -> Any:
    """Return the value as the declared type has it. Raises UnfitError.

    `base` is the folder that relative paths are meant from; `says` words the pattern of a text.
    """
    match kind:
        case inspect.BoolType():
            return _boolean(value)
        case inspect.IntType():
            return _whole_number(kind, value)
        case inspect.FloatType():
            return _number(kind, value)
        case inspect.StrType():
            return _text(kind, value, says)
        case inspect.LiteralType():
            return _choice(kind, value)
        case inspect.CustomType() if kind.cls is Path:
            return _path(value, base)
        case _:
            raise AssertionError(f"no rule for a setting of type {kind}")


def check_length(kind: Any, value: Sized, unit: str) -> None:
    """Check `min_length` and `max_length` of a text, list or table, which is counted in `unit`s."""
    minimum, maximum = kind.min_length, kind.max_length
    if minimum is not None and len(value) < minimum:
        raise UnfitError("must not be empty" if minimum == 1 else f"must have at least {minimum} {unit}s")
    if maximum is not None and len(value) > maximum:
        raise UnfitError(f"must have at most {maximum} {unit}s", f"{len(value)}")


def _boolean(value: object) -> bool:
    if not isinstance(value, bool):
        raise UnfitError("expected true or false", described(value))
    return value


def _whole_number(kind: inspect.IntType, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise UnfitError("expected a whole number", described(value))
    _check_range(kind, value)
    return value


def _number(kind: inspect.FloatType, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnfitError("expected a number", described(value))
    # `nan` compares false with every bound, so it would pass them all.
    if isinstance(value, float) and not math.isfinite(value):
        raise UnfitError("expected a finite number", described(value))
    _check_range(kind, value)
    try:
        return float(value)
    except OverflowError:
        raise UnfitError("is too large", described(value)) from None


def _check_range(kind: inspect.IntType | inspect.FloatType, value: float) -> None:
    if kind.ge is not None and value < kind.ge:
        raise UnfitError(f"must be at least {kind.ge}", described(value))
    if kind.gt is not None and value <= kind.gt:
        raise UnfitError(f"must be more than {kind.gt}", described(value))
    if kind.le is not None and value > kind.le:
        raise UnfitError(f"must be at most {kind.le}", described(value))
    if kind.lt is not None and value >= kind.lt:
        raise UnfitError(f"must be less than {kind.lt}", described(value))


def _text(kind: inspect.StrType, value: object, says: str | None) -> str:
    if not isinstance(value, str):
        raise UnfitError("expected text", described(value))
    check_length(kind, value, "character")
    # The whole text must match: a `$` alone would let a line break slip in behind it.
    if kind.pattern is not None and re.fullmatch(kind.pattern, value) is None:
        raise UnfitError(f"must be {says or f'a text like {kind.pattern}'}", described(value))
    return value


def _choice(kind: inspect.LiteralType, value: object) -> str:
    words = sorted(str(word) for word in kind.values)
    if not isinstance(value, str) or value not in words:
        hint = did_you_mean(value, words) if isinstance(value, str) else None
        choices = ", ".join(quoted(word) for word in words)
        raise UnfitError(f"must be one of {choices}", described(value), hint)
    return value


def _path(value: object, base: Path) -> Path:
    if not isinstance(value, str):
        raise UnfitError("expected a path", described(value))
    if not value or "\0" in value:
        raise UnfitError("must be a path", described(value))
    return base / value
