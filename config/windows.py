"""Reply windows as data: after what a customer does, for how long and how often may be written to him (I).

Those that come with Switchboard stand in `windows.toml`, with their sources; a desk may add its own.
docs/channels.md says what each word does.
"""

import datetime as dt
import tomllib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from config.annotations import Section, Violation, note
from config.kinds import Count, Identifier, Name, Seconds

Trigger = Literal[
    "message", "menu_click", "follow", "scan", "session_enter", "connect", "payment", "ad_click"
]
Day = Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$"), note(says='a date like "2026-11-27"')]
Moment = Annotated[
    str,
    Meta(pattern=r"^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2}))?$"),
    note(says='a date like "2023-06-12", or a time with its zone like "2023-06-12T00:00+08:00"'),
]
ProviderCode = Annotated[
    str,
    Meta(pattern=r"^[A-Za-z0-9_.-]{1,32}(/[A-Za-z0-9_.-]{1,32})?$"),
    note(says='a code of the provider like "45015", or with its sub-code "10/1893063"'),
]


@lru_cache(maxsize=1_000)
def moment(text: str) -> float:
    """Return a date, or a time with its zone, in seconds since 1970; a date begins at midnight UTC.

    Raises ValueError when the calendar has no such day.
    """
    found = dt.datetime.fromisoformat(text)
    return (found if found.tzinfo is not None else found.replace(tzinfo=dt.UTC)).timestamp()


class WindowRule(Section, frozen=True):
    """`[[windows.<id>.rules]]`: what a trigger allows: so many messages, for a time or while connected."""

    trigger: Trigger
    sends: Count | None = None
    """How many messages; without it as many as one likes."""
    duration_s: Seconds | None = None
    while_connected: bool = False
    effective_from: Moment | None = None
    """From when on the provider has this rule, and until when (not included)."""
    effective_until: Moment | None = None

    def violations(self) -> Iterator[Violation]:
        """One end, and dates that the calendar has, in their order."""
        if self.duration_s is None and not self.while_connected:
            yield Violation("duration_s", "is missing; or write while_connected = true")
        if self.duration_s is not None and self.while_connected:
            yield Violation("while_connected", "does not go with duration_s: a rule has one end")
        dates = []
        for key in ("effective_from", "effective_until"):
            text = getattr(self, key)
            try:
                dates.append(None if text is None else moment(text))
            except ValueError:
                yield Violation(key, f"is {text}, which the calendar does not have")
                return
        if dates[0] is not None and dates[1] is not None and dates[0] >= dates[1]:
            yield Violation("effective_until", "must be later than effective_from")

    def effective(self, now: float) -> bool:
        """Say whether the provider has this rule at a time."""
        begins, ends = self.effective_from, self.effective_until
        return (begins is None or moment(begins) <= now) and (ends is None or now < moment(ends))


class Extra(Section, frozen=True):
    """`windows.<id>.extra`: what is still allowed when the window is over, counted from the last message.

    `tag` goes with such a message to the gateway, which tells it to the provider.
    """

    duration_s: Seconds
    sends: Count | None = None
    human_only: bool = False
    """Whether only people may write then, and nothing automatic."""
    tag: Annotated[str, Meta(max_length=64)] = ""


class CodeMeaning(Section, frozen=True):
    """`[windows.<id>.codes]`: what a provider's refusal does to the window, and what it means for people."""

    effect: Literal["window_over", "count_used_up", "none"]
    means: Name


class Window(Section, frozen=True):
    """`[windows.<id>]`: the reply window of a channel. Without rules it is always open."""

    name: Name
    sources: tuple[Annotated[str, Meta(min_length=1, max_length=500)], ...] = ()
    """Where the provider says so."""
    checked: Day | None = None
    """When that was last looked at."""
    rules: tuple[WindowRule, ...] = ()
    extra: Extra | None = None
    codes: Mapping[ProviderCode, CodeMeaning] = {}

    def violations(self) -> Iterator[Violation]:
        """An extra that something could come before."""
        if self.extra is not None and not any(
            rule.trigger == "message" and not rule.while_connected for rule in self.rules
        ):
            yield Violation("extra", "needs a rule with the trigger message and a duration_s to come after")

    @property
    def limited(self) -> bool:
        """Whether it ends by time or by count, so that it has to be kept account of."""
        return any(rule.duration_s is not None or rule.sends is not None for rule in self.rules)

    def meaning(self, code: str) -> CodeMeaning | None:
        """Return what a provider's code means: with its sub-code if that is known, else without."""
        return self.codes.get(code) or self.codes.get(code.partition("/")[0])


def _shipped() -> Mapping[str, Window]:
    text = (Path(__file__).parent / "windows.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), dict[Identifier, Window])


WINDOWS: Mapping[str, Window] = _shipped()
"""The windows that exist without being written; a desk may write them otherwise."""
