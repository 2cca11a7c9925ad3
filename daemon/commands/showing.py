"""Events as lines of text."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from actors import events
from actors.events import AnyEvent
from actors.journal import Entry
from protocol.messages import Content

#: What people have said, or are called: shown only when asked for.
BODIES = frozenset({"content", "name"})
#: A desk holds password hashes: its text is never shown.
NEVER = frozenset({"text"})


def line(position: int, entry: Entry, *, bodies: bool) -> str:
    """Show an event on one line: position, time, stream and sequence, what happened, its fields."""
    name = str(type(entry.event).__struct_config__.tag)
    fields = (
        f"{field}={_value(getattr(entry.event, field))}"
        for field in entry.event.__struct_fields__
        if field not in NEVER and (bodies or field not in BODIES)
    )
    stream = f"{entry.tenant}/{entry.kind}/{entry.id}#{entry.sequence}"
    return " ".join([str(position), moment(entry.at), printable(stream), name, *fields])


def sentence(event: AnyEvent) -> str:
    """Say an event as a transcript has it."""
    say = SENTENCES.get(type(event))
    return printable(say(event) if say else str(type(event).__struct_config__.tag))


SENTENCES: dict[type[Any], Callable[[Any], str]] = {
    events.Started: lambda e: f"-- {e.contact} has come through {e.channel}, for {e.department}",
    events.Queued: lambda e: f"-- waits in {e.department} ({e.reason})",
    events.CustomerWrote: lambda e: f"{e.contact}: {spoken(e.content)}",
    events.AgentWrote: lambda e: f"{e.agent}: {spoken(e.content)}",
    events.Offered: lambda e: f"-- offered to {e.agent}, because {_why(e.why)}",
    events.OfferDeclined: lambda e: f"-- {e.agent} has declined{_reason(e.reason)}",
    events.OfferExpired: lambda e: f"-- {e.agent} has not answered the offer",
    events.OfferWithdrawn: lambda e: f"-- the offer to {e.agent} was taken back{_reason(e.reason)}",
    events.Assigned: lambda e: f"-- {e.agent} has accepted",
    events.Released: lambda e: f"-- {e.agent} has lost it to {e.department}{_reason(e.reason)}",
    events.Ended: lambda e: f"-- ended by {e.by}{_reason(e.reason)}",
}


def spoken(content: Content) -> str:
    """Return what somebody has said."""
    return content.text


def moment(at: float) -> str:
    """Show a time: UTC, to the millisecond."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def printable(text: str) -> str:
    """Take away what would steer the terminal; customers write it, and operators read it."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def _value(value: Any) -> str:
    if isinstance(value, Content):
        return printable(json.dumps(spoken(value), ensure_ascii=False))
    if isinstance(value, float):
        return f"{value:.3f}"
    return printable(json.dumps(value, ensure_ascii=False, default=str))


def _why(why: dict[str, str | int | float]) -> str:
    return ", ".join(f"{key} {value}" for key, value in why.items()) or "of no noted reason"


def _reason(reason: str) -> str:
    return f" ({reason})" if reason else ""
