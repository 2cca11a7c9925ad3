"""Events as lines of text."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from actors import events
from actors.events import AnyEvent
from actors.events.base import Why
from actors.journal import Entry
from protocol.content import Content, Image, LinkCard, MiniProgramCard, Text, Voice

#: What people have said, to each other too, or are called, and commands that hold it: only when asked for.
BODIES = frozenset({"content", "name", "note", "notes", "command", "comment", "question", "email", "said"})
#: A desk holds password hashes: its text is never shown.
DESKS = (events.DeskApplied, events.ShadowApplied)


def line(position: int, entry: Entry, *, bodies: bool) -> str:
    """Show an event on one line: position, time, stream and sequence, what happened, its fields."""
    name = str(type(entry.event).__struct_config__.tag)
    fields = (
        f"{field}={_value(getattr(entry.event, field))}"
        for field in entry.event.__struct_fields__
        if (bodies or not _is_body(entry.event, field))
        and not (field == "text" and isinstance(entry.event, DESKS))
    )
    stream = f"{entry.tenant}/{entry.kind}/{entry.id}#{entry.sequence}"
    return " ".join([str(position), moment(entry.at), printable(stream), name, *fields])


def _is_body(event: AnyEvent, field: str) -> bool:
    return field in BODIES or (field == "text" and isinstance(event, events.NoteWritten))


def sentence(event: AnyEvent) -> str:
    """Say an event as a transcript has it."""
    say = SENTENCES.get(type(event))
    return printable(say(event) if say else str(type(event).__struct_config__.tag))


#: How a conversation came to its assignee.
HOW: dict[str, str] = {
    "accepted": "has accepted",
    "taken": "has taken it",
    "direct": "was given it",
    "transferred": "has it by transfer",
    "handed_over": "has it by hand-over",
    "proactive": "has begun it with the visitor",
}

SENTENCES: dict[type[Any], Callable[[Any], str]] = {
    events.Started: lambda e: f"-- {e.contact} has come through {e.channel}, for {e.department}",
    events.Queued: lambda e: f"-- waits in {e.department} ({e.reason})",
    events.CustomerWrote: lambda e: f"{e.contact}: {spoken(e.content)}",
    events.AgentWrote: lambda e: f"{e.agent}{_by(e.author)}: {spoken(e.content)}",
    events.Greeted: lambda e: f"-- the daemon answers ({e.kind}): {e.text}",
    events.Offered: lambda e: f"-- offered to {e.agent}{_why(e.why)}",
    events.OfferDeclined: lambda e: f"-- {e.agent} has declined{_reason(e.reason)}",
    events.OfferExpired: lambda e: f"-- {e.agent} has not answered the offer",
    events.OfferWithdrawn: lambda e: f"-- the offer to {e.agent} was taken back{_reason(e.reason)}",
    events.Assigned: lambda e: f"-- {e.agent} {HOW.get(e.how, e.how)}{_by(e.by)}{_why(e.why)}",
    events.Released: lambda e: f"-- {e.agent} has lost it to {e.department}{_reason(e.reason)}",
    events.TransferStarted: lambda e: (
        f"-- {e.by} wants to transfer it to {e.to_agent or e.to_department}{_reason(e.note or e.reason)}"
    ),
    events.TransferEnded: lambda e: f"-- the transfer is over: {e.outcome}{_reason(e.reason)}",
    events.Invited: lambda e: f"-- {e.by} has invited {e.agent}{_reason(e.note)}",
    events.InvitationEnded: lambda e: (
        f"-- the invitation of {e.agent} is over: {e.outcome}{_reason(e.reason)}"
    ),
    events.MemberJoined: lambda e: f"-- {e.agent} has joined",
    events.MemberLeft: lambda e: f"-- {e.agent} has left{_reason(e.reason)}",
    events.ConferenceEnded: lambda e: f"-- {e.by} has ended the conference{_reason(e.reason)}",
    events.FirstReplyMissed: lambda e: f"-- {e.agent} has not answered the customer in time",
    events.AssigneeGone: lambda e: f"-- {e.agent} is gone{_reason(e.reason)}",
    events.AssigneeBack: lambda e: f"-- {e.agent} is back",
    events.VisitBegun: lambda e: f"-- is on the site{_reason(e.page)}",
    events.PageViewed: lambda e: f"-- looks at {e.page}",
    events.VisitEnded: lambda e: f"-- has left the site{_reason(e.reason)}",
    events.Acted: lambda e: f"-- has done what opens a reply window: {e.trigger}",
    events.DoNotDisturbSet: lambda e: f"-- {e.by} has {_put(e.on)} the list of suspected harassment",
    events.Blocked: lambda e: f"-- {e.by} has {'blocked' if e.on else 'let in again'} the customer",
    events.Ended: lambda e: f"-- ended by {e.by}{_reason(e.reason)}{_reason(e.notes)}",
    events.Solved: lambda e: (
        f"-- {e.by} has solved it{_reason(e.reason)}{_reason(e.notes)}; it closes at {moment(e.closes_at)}"
    ),
    events.StatusSet: lambda e: f"-- it is {e.status.replace('_', ' ')} (by {e.by})",
    events.Reopened: lambda e: f"-- open again by {_reopener(e)}{f', with {e.agent}' if e.agent else ''}",
    events.EndScheduled: lambda e: f"-- {e.by} ends it at {moment(e.ends_at)}{_reason(e.reason)}",
    events.EndCancelled: lambda e: f"-- the end was called off by {e.by}",
    events.Interrupted: lambda e: f"-- interrupted by {e.by}{_reason(e.reason)}; to be wrapped up",
    events.Muted: lambda e: f"-- do not disturb: it reaches nobody{_by(e.by)}",
    events.Unmuted: lambda e: f"-- do not disturb was lifted{_by(e.by)}",
    events.NoteWritten: lambda e: f"-- {e.agent} notes: {e.text}",
    events.Tagged: lambda e: f"-- {e.by} tags it: {_tags(e)}",
    events.Renamed: lambda e: f"-- the customer is called {e.name} now",
    events.Rated: lambda e: f"-- the customer rates it {e.score} of 5{_reason(e.comment)}",
    events.GreetingLeftOut: lambda e: f"-- no automatic answer ({e.kind}): the reply window has {e.reason}",
    events.Triggered: lambda e: f"-- {e.contact} did: {e.trigger}",
    events.WindowLapsed: lambda e: f"-- the reply window has closed, unanswered ({e.window.rule})",
    events.DeliveryReported: lambda e: (
        f"-- message {e.sequence} is {e.state}{_reason(f'{e.code} {e.reason or e.meaning}'.strip())}"
    ),
    events.SentAgain: lambda e: f"-- message {e.sequence} goes to the gateway, attempt {e.attempt}",
}


def _reopener(event: events.Reopened) -> str:
    return "the customer's reply" if event.how == "reply" else event.by


def _tags(event: events.Tagged) -> str:
    return " ".join([*(f"+{tag}" for tag in event.added), *(f"-{tag}" for tag in event.removed)])


def spoken(content: Content) -> str:
    """Return what somebody has said; of what is no text, what it is."""
    match content:
        case Text():
            return content.text
        case Image():
            what = f"{content.width} x {content.height}, {content.size_bytes} bytes"
            return f"[image {content.name or content.media[:12]}, {content.media_type}, {what}]"
        case Voice():
            what = f"{content.media_type}, {content.size_bytes} bytes"
            return f"[voice message of {content.duration_s:g} s, {what}]"
        case LinkCard():
            return f"[link {content.title}: {content.url}]"
        case MiniProgramCard():
            return f"[mini program {content.title}: {content.application} {content.page}]"


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
    return printable(json.dumps(value, ensure_ascii=False, default=msgspec.to_builtins))


def _why(why: Why | None) -> str:
    codes = [code for code in (why.rule, why.choice, why.tie_break) if code] if why is not None else []
    return f", because {', '.join(codes)}" if codes else ""


def _put(on: bool) -> str:
    return "put the customer on" if on else "taken the customer off"


def _by(agent: str) -> str:
    return f" (by {agent})" if agent else ""


def _reason(reason: str) -> str:
    return f" ({reason})" if reason else ""
