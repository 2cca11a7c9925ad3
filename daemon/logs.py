"""Logs: one event a line, by name and with ids; JSON for machines, colours for people; never a message body.

Everywhere else: `log = structlog.get_logger(__name__)`, then `log.info("agent.logged_in", agent_id=...)`.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Literal, TextIO

import msgspec
import structlog
from structlog.typing import EventDict, Processor

Level = Literal["debug", "info", "warning", "error"]
Style = Literal["auto", "json", "console"]

#: A last net: nobody logs these on purpose, and if somebody does their values stay here.
WITHHELD = frozenset({"text", "content", "body", "password", "token", "secret"})
WITHHELD_ENDS = tuple(f"_{word}" for word in sorted(WITHHELD))
VALUE_LENGTH_MAX = 1_000
ITEMS_MAX = 100
DEPTH_MAX = 4

#: Of a warning that repeats, this many go out in a period; the next one after it says how many did not.
REPEATS_MAX = 5
REPEAT_PERIOD_S = 60.0
EVENTS_REMEMBERED_MAX = 1_000

#: Priorities of syslog, as journald reads them from the start of a line.
PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}

FIRST_KEYS = ("timestamp", "level", "event", "logger")
OUR_PACKAGES = frozenset({"daemon", "actors", "protocol", "config"})
CAUSES_MAX = 8


def configure_logging(
    level: Level,
    style: Style,
    stream: TextIO | None = None,
    environment: Mapping[str, str] = os.environ,
) -> None:
    """Send all logs, also those of libraries, to `stream` (standard error). Call again to change the level.

    A logger made with `bind` keeps the level it was made with; one from `get_logger` does not.
    """
    out = stream or sys.stderr
    pretty = style == "console" or (style == "auto" and out.isatty())
    render = _console(environment) if pretty else render_json
    if is_journal(out, environment):
        render = _prefixed(render)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            RepeatLimit(),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            add_exception,
            withhold,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda name="switchboard", *_: Output(name, out),
        cache_logger_on_first_use=False,  # A cached logger would never hear of a new level.
    )
    # The debug lines of libraries may quote what passes through them.
    logging.basicConfig(
        handlers=[Bridge()], level=max(logging.INFO, logging.getLevelName(level.upper())), force=True
    )
    logging.captureWarnings(True)


class Output:
    """The end of a structlog chain: writes finished lines, and knows its logger's name."""

    def __init__(self, name: str, stream: TextIO) -> None:
        self.name = name
        self._stream = stream

    def write(self, line: str) -> None:
        """Write a line. A log that cannot be written is no reason to stop serving."""
        with suppress(OSError, ValueError):
            self._stream.write(f"{line}\n")
            self._stream.flush()

    debug = info = warning = error = critical = write


class Bridge(logging.Handler):
    """Carries what libraries log with the standard library over to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log a record as an event of ours."""
        level = min(max(record.levelno // 10 * 10, logging.DEBUG), logging.CRITICAL)
        structlog.get_logger(record.name).log(level, record.getMessage(), exc_info=record.exc_info)


class RepeatLimit:
    """Lets a warning through a few times in a period, then counts silently."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: dict[tuple[str, str], _Seen] = {}

    def __call__(self, _: Any, level: str, event: EventDict) -> EventDict:
        """Pass the event on, or drop it."""
        if level != "warning":
            return event
        if len(self._seen) > EVENTS_REMEMBERED_MAX:
            self._seen.clear()
        now = self._clock()
        seen = self._seen.setdefault((event.get("logger", ""), str(event.get("event"))), _Seen(now))
        if now - seen.since >= REPEAT_PERIOD_S:
            suppressed, seen.since, seen.count = max(0, seen.count - REPEATS_MAX), now, 0
            if suppressed:
                event["suppressed"] = suppressed
        seen.count += 1
        if seen.count > REPEATS_MAX:
            raise structlog.DropEvent
        return event


class _Seen:
    __slots__ = ("count", "since")

    def __init__(self, since: float) -> None:
        self.since = since
        self.count = 0


def add_exception(_: Any, __: str, event: EventDict) -> EventDict:
    """Replace `exc_info` by a traceback that quotes our code and never our data."""
    given = event.pop("exc_info", None)
    if given is True:
        given = sys.exc_info()[1]
    elif isinstance(given, tuple):
        given = given[1]
    if isinstance(given, BaseException):
        event["exception"] = "\n".join(_traceback(given))
    return event


def _traceback(error: BaseException) -> Iterator[str]:
    causes: list[BaseException] = [error]
    while len(causes) < CAUSES_MAX:
        last = causes[-1]
        cause = last.__cause__ or (None if last.__suppress_context__ else last.__context__)
        if cause is None:
            break
        causes.append(cause)
    for cause in reversed(causes):
        for frame in traceback.extract_tb(cause.__traceback__):
            yield f"{frame.filename}:{frame.lineno} in {frame.name}: {frame.line}"
        yield describe_error(cause)


def describe_error(error: BaseException) -> str:
    """Name an error: its class, and its text where the system or we have written it.

    A library's text may quote what it could not digest, and that may be what a customer wrote.
    """
    kind = type(error)
    ours = kind.__module__.partition(".")[0] in OUR_PACKAGES
    told = ours or isinstance(error, OSError | sqlite3.Error | AssertionError)
    return f"{kind.__qualname__}: {error}" if told else kind.__qualname__


def withhold(_: Any, __: str, event: EventDict) -> EventDict:
    """Take out what may hold a message or a secret, and shorten what is too long for a line."""
    return {key: value if key == "exception" else _fit(key, value, depth=0) for key, value in event.items()}


def _fit(key: object, value: Any, depth: int) -> Any:
    if isinstance(key, str) and (key in WITHHELD or key.endswith(WITHHELD_ENDS)):
        return "[withheld]"
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return value if len(value) <= VALUE_LENGTH_MAX else f"{value[:VALUE_LENGTH_MAX]}…"
    if isinstance(value, bytes):
        return _fit(key, value.hex(), depth)
    if isinstance(value, BaseException):
        return describe_error(value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    return _fit_many(value, depth)


def _fit_many(value: Any, depth: int) -> Any:
    """A structure keeps its shape; any other object shows its class alone, for its text may be anything."""
    if depth < DEPTH_MAX:
        if isinstance(value, Mapping):
            items = list(value.items())[:ITEMS_MAX]
            return {str(key): _fit(key, inner, depth + 1) for key, inner in items}
        if isinstance(value, list | tuple | set | frozenset) and type(value).__module__ == "builtins":
            return [_fit(None, inner, depth + 1) for inner in list(value)[:ITEMS_MAX]]
    return f"<{type(value).__qualname__}>"


def render_json(_: Any, __: str, event: EventDict) -> str:
    """Render an event as JSON on one line, the keys that all events have first."""
    ordered = {key: event[key] for key in FIRST_KEYS if key in event}
    return msgspec.json.encode({**ordered, **event}).decode()


def is_journal(stream: TextIO, environment: Mapping[str, str]) -> bool:
    """Say whether the stream goes to journald: JOURNAL_STREAM names its device and inode."""
    expected = environment.get("JOURNAL_STREAM")
    if not expected:
        return False
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return expected == f"{found.st_dev}:{found.st_ino}"


def _prefixed(render: Processor) -> Processor:
    def prefixed(logger: Any, method: str, event: EventDict) -> str:
        priority = PRIORITIES.get(str(event.get("level")), PRIORITIES["info"])
        return f"<{priority}>{render(logger, method, event)!s}"

    return prefixed


def _console(environment: Mapping[str, str]) -> Processor:
    renderer = structlog.dev.ConsoleRenderer(
        colors=not environment.get("NO_COLOR"), exception_formatter=structlog.dev.plain_traceback
    )

    def render(logger: Any, method: str, event: EventDict) -> str:
        # What a peer calls itself must not steer the operator's terminal.
        printable = {key: _printable(value) for key, value in event.items()}
        return str(renderer(logger, method, printable))

    return render


def _printable(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return "".join(
        character if character.isprintable() or character == "\n" else repr(character)[1:-1]
        for character in value
    )
