"""What is wrong with a configuration, as values that can be shown, sorted and sent."""

import difflib
import json
from collections.abc import Iterable

import msgspec

QUOTED_LENGTH_MAX = 60


class Problem(msgspec.Struct, frozen=True):
    """One thing wrong in a configuration.

    `file` is the file as the user named it (or the name of an environment variable), `line` counts from 1
    and is None where no line can be named, `where` is a dotted key (may be empty), `what` a sentence
    without a full stop, `hint` a whole sentence or None.
    """

    file: str
    line: int | None
    where: str
    what: str
    hint: str | None = None

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        text = ": ".join(part for part in (place, self.where, self.what) if part)
        whole = text if self.hint is None else f"{text}. {self.hint}"
        # A variable that is not UTF-8 reaches us with lone surrogates, which no terminal can print.
        return whole.encode("utf-8", "backslashreplace").decode()


class ConfigurationError(Exception):
    """A configuration that cannot be used; `problems` holds every reason, at least one."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = in_reading_order(problems)
        assert self.problems, "an error without a problem"
        super().__init__("\n".join(str(problem) for problem in self.problems))


def in_reading_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Sort problems as a reader meets them: by file, then by line; problems without a line come first."""
    return tuple(sorted(problems, key=lambda problem: (problem.file, problem.line or 0)))


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return the sentence `Did you mean "support"?` for the known word nearest to `word`, or None."""
    nearest = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"Did you mean {quoted(nearest[0])}?" if nearest else None


def quoted(text: str) -> str:
    """Put a text of the user's between double quotes: shortened, on one line."""
    short = text if len(text) <= QUOTED_LENGTH_MAX else text[: QUOTED_LENGTH_MAX - 1] + "…"
    return json.dumps(short, ensure_ascii=False)
