"""Exports: tickets, customers and messages of a span of time, as lines of JSON or as CSV (O1, O4, O5).

A cell of a CSV file that begins like a formula would be run by a spreadsheet, and customers write what they
like. So a cell that begins with one of FORMULA gets an apostrophe before it; one that begins with an
apostrophe gets one too. In half of Europe a spreadsheet takes the semicolon for what divides cells, whatever
the file says, and then a line break within a cell ends the row: what follows there is guarded likewise.
Whoever reads the file takes one apostrophe away where a cell begins with one, and after each semicolon, tab
and line break, and has what was said, to the character. In cells that hold JSON the semicolon is escaped.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TextIO

import msgspec

from actors import events
from actors.journal import Entry
from actors.masking import Masking
from daemon.archive import queries
from daemon.archive.answers import said_view
from daemon.archive.projection import spoken
from daemon.archive.tickets import Ticket

#: How many tickets, customers or messages are read at once: the daemon goes on writing meanwhile.
ROWS_AT_ONCE = 500
#: What a spreadsheet takes for the beginning of a formula, its full-width forms with it; and our own mark.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "'")
#: Where a cell begins for whoever divides by something else than commas, and what is like a formula follows,
#: behind spaces and quotation marks too.
_BEGINS_WITHIN = re.compile(r"""(?<=[;\t\r\n])(?=[ \u00a0\u3000"]*[=+\-@＝＋－＠'])""")
_GUARDED_WITHIN = re.compile(r"(?<=[;\t\r\n])'")

TICKET_KEYS = (
    "tenant",
    "conversation",
    "channel",
    "channel_kind",
    "contact",
    "name",
    "language",
    "department",
    "style",
    "origin",
    "status",
    "agent",
    "agents",
    "tags",
    "question",
    "started_at",
    "first_offered_at",
    "first_assigned_at",
    "first_answered_at",
    "solved_at",
    "closed_at",
    "first_response_s",
    "solve_s",
    "reopenings",
    "customer_messages",
    "agent_messages",
    "ended_by",
    "wrap_up_reason",
    "notes",
    "missed",
    "rating",
    "rating_comment",
)
CUSTOMER_KEYS = (
    "tenant",
    "channel",
    "contact",
    "name",
    "language",
    "first_at",
    "last_at",
    "conversations",
    "tags",
)
MESSAGE_KEYS = (
    "tenant",
    "conversation",
    "position",
    "sequence",
    "at",
    "channel",
    "contact",
    "by",
    "agent",
    "author",
    "text",
    "content",
)

Row = dict[str, Any]
ReadEntries = Callable[[list[int]], list[Entry]]


class Span(NamedTuple):
    """What is exported: of one tenant or (empty) all, from a time on, until before another."""

    tenant: str
    since: float
    until: float


# Rows.


def tickets(archive: sqlite3.Connection, entries: ReadEntries, span: Span) -> Iterator[Row]:
    """Yield the tickets of conversations that began in the span, in that order."""
    for found in _tickets(archive, span):
        positions = sorted({ticket.question for ticket in found if ticket.question})
        first = dict(zip(positions, entries(positions), strict=True))
        for ticket in found:
            yield _ticket_row(ticket, first.get(ticket.question))


def _tickets(archive: sqlite3.Connection, span: Span) -> Iterator[list[Ticket]]:
    after = 0
    while True:
        found = queries.tickets_between(archive, span.tenant, span.since, span.until, after, ROWS_AT_ONCE)
        yield found
        if len(found) < ROWS_AT_ONCE:
            return
        after = found[-1].number


def _ticket_row(ticket: Ticket, first: Entry | None) -> Row:
    values = {name: getattr(ticket, name) for name in TICKET_KEYS if name != "question"}
    event = first.event if first is not None else None
    values["question"] = spoken(event.content) if isinstance(event, events.CustomerWrote) else ""
    values |= {name: _moment(values[name]) for name in TICKET_KEYS if name.endswith("_at")}
    values["first_response_s"] = round(ticket.first_response_s, 3) if ticket.first_answered_at else None
    values["solve_s"] = round(ticket.solve_s, 3) if ticket.solved_at else None
    return {name: values[name] for name in TICKET_KEYS}


def customers(archive: sqlite3.Connection, _: ReadEntries, span: Span) -> Iterator[Row]:
    """Yield the customers with a conversation that began in the span, with the tags of those (O4)."""
    after = 0
    while True:
        found = queries.customers_between(archive, span.tenant, span.since, span.until, after, ROWS_AT_ONCE)
        for customer, conversations, tags in found:
            values: Row = {name: getattr(customer, name) for name in CUSTOMER_KEYS if name != "tags"}
            values |= {"first_at": _moment(customer.first_at), "last_at": _moment(customer.last_at)}
            values |= {"conversations": conversations, "tags": tags}
            yield {name: values[name] for name in CUSTOMER_KEYS}
        if len(found) < ROWS_AT_ONCE:
            return
        after = found[-1][0].number


def messages(archive: sqlite3.Connection, entries: ReadEntries, span: Span) -> Iterator[Row]:
    """Yield what was said in the span, in its order, notes of agents too."""
    after = 0
    while True:
        found = queries.said_between(archive, span.tenant, span.since, span.until, after, ROWS_AT_ONCE)
        positions = [position for position, _ in found]
        for (position, ticket), entry in zip(found, entries(positions), strict=True):
            said = said_view(position, entry)
            yield {
                "tenant": ticket.tenant,
                "conversation": said.conversation,
                "position": position,
                "sequence": said.sequence,
                "at": _moment(said.at),
                "channel": ticket.channel,
                "contact": ticket.contact,
                "by": said.by,
                "agent": said.agent,
                "author": said.author,
                "text": spoken(said.content),
                "content": said.content,
            }
        if len(found) < ROWS_AT_ONCE:
            return
        after = positions[-1]


KINDS: dict[str, tuple[tuple[str, ...], Callable[[sqlite3.Connection, ReadEntries, Span], Iterator[Row]]]] = {
    "tickets": (TICKET_KEYS, tickets),
    "customers": (CUSTOMER_KEYS, customers),
    "messages": (MESSAGE_KEYS, messages),
}


def _moment(at: float) -> str | None:
    """Return a time as ISO 8601 in UTC; None where nothing has happened yet."""
    if not at:
        return None
    text = dt.datetime.fromtimestamp(at, dt.UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


# Masking.

#: What the desk or the daemon has named, or is no text of anybody's.
UNTOUCHED = frozenset(
    {*TICKET_KEYS, *CUSTOMER_KEYS, *MESSAGE_KEYS}
    - {"contact", "name", "tags", "question", "wrap_up_reason", "notes", "rating_comment", "text", "content"}
)
#: One name or identifier, and nothing else (M7).
WHOLE = frozenset({"contact", "name"})


def masked(rows: Iterable[Row], switches: Mapping[str, tuple[bool, bool]]) -> Iterator[Row]:
    """Pass rows on as agents may see them, each by its tenant's desk (docs/masking.md)."""
    maskings = {
        tenant: Masking(payment=payment, personal=personal)
        for tenant, (payment, personal) in switches.items()
        if payment or personal
    }
    for row in rows:
        masking = maskings.get(row["tenant"])
        yield row if masking is None else {key: _seen(masking, key, row[key]) for key in row}


def _seen(masking: Masking, key: str, value: Any) -> Any:
    if key in UNTOUCHED:
        return value
    return masking.whole(value) if key in WHOLE else masking.value(value)


def plain(rows: Iterable[Row]) -> Iterator[Row]:
    """Pass rows on with their contents as plain maps."""
    for row in rows:
        if isinstance(row.get("content"), msgspec.Struct):
            row = {**row, "content": msgspec.to_builtins(row["content"])}
        yield row


# Formats.


def write_jsonl(rows: Iterable[Row], keys: tuple[str, ...], file: TextIO) -> int:
    """Write a line of JSON for each row, its keys always in the same order; return how many."""
    many = 0
    for row in rows:
        file.write(json.dumps(row, ensure_ascii=False) + "\n")
        many += 1
    return many


def write_csv(rows: Iterable[Row], keys: tuple[str, ...], file: TextIO) -> int:
    """Write CSV with a heading (RFC 4180), no cell of which is a formula; return how many rows."""
    writer = csv.writer(file, lineterminator="\r\n")
    writer.writerow(keys)
    many = 0
    for row in rows:
        writer.writerow([cell(row[key]) for key in keys])
        many += 1
    return many


FORMATS: dict[str, Callable[[Iterable[Row], tuple[str, ...], TextIO], int]] = {
    "jsonl": write_jsonl,
    "csv": write_csv,
}


def cell(value: Any) -> str:
    """Return a value as the text of a cell: nothing for None, JSON for lists and maps, never a formula."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case list() | dict() | tuple():
            return json.dumps(value, ensure_ascii=False).replace(";", "\\u003b")
        case str():
            guarded = _BEGINS_WITHIN.sub("'", value)
            return f"'{guarded}" if value.lstrip(' "\u00a0\u3000').startswith(FORMULA) else guarded
    return str(value)


def text_of(cell: str) -> str:
    """Return what a cell of text has said: the reverse of ``cell``."""
    return _GUARDED_WITHIN.sub("", cell.removeprefix("'"))
