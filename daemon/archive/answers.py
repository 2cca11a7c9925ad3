"""Answers to questions about the past: rows of the archive, and what was said, read in the journal.

On the reader's thread. An answer leaves the daemon through one function of daemon/archive/asking.py.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from msgspec.structs import replace

from actors import events
from actors.journal import Entry
from actors.masking import Masking
from daemon.archive import queries
from daemon.archive.customers import Customer
from daemon.archive.projection import spoken
from daemon.archive.scope import Scope
from daemon.archive.tickets import Ticket
from daemon.archive.words import stands_in
from protocol import history
from protocol.codec import encode
from protocol.content import Text
from protocol.fields import Message
from protocol.history import CustomerFound, SaidView, Standing, TicketView, VisitorView

#: How much of a customer's first message a list shows.
QUESTION_LENGTH_MAX = 200
#: How many pages are looked through at most for one that is full of what the asker may see.
SEARCHED_PAGES_MAX = 20
#: How many bytes of what was said an answer may have; one entry always fits.
ANSWER_BYTES_MAX = 131_072


class NotFound(Exception):
    """There is nothing of that name in what the asker may see."""


class Reading(NamedTuple):
    """What an answer is made from: the archive, the journal, and how far the journal was when asked."""

    archive: sqlite3.Connection
    entries: Callable[[list[int]], list[Entry]]
    head: int
    behind_s: float
    #: What the asker may not see; for what is shortened, which is masked whole before.
    masking: Masking | None = None

    def standing(self) -> Standing:
        """Say how far behind the archive is."""
        position = queries.position(self.archive)
        behind = max(0, self.head - position)
        return Standing(position, behind, round(self.behind_s, 3) if behind else 0.0)


def answer(reading: Reading, scope: Scope, today_since: float, asked: Any) -> Message:
    """Answer any of the questions. Raises NotFound."""
    match asked:
        case history.ReadHistory():
            return _history(reading, scope, asked)
        case history.ReadTickets():
            return _tickets(reading, scope, asked)
        case history.ReadTicket():
            return _ticket(reading, scope, asked)
        case history.SearchMessages():
            return _found_messages(reading, scope, asked)
        case history.FindCustomers():
            return _found_customers(reading, scope, asked)
        case history.ReadVisitors():
            return _visitors(reading, scope, today_since, asked)
    raise AssertionError(f"no answer to {type(asked).__name__}")


def _history(reading: Reading, scope: Scope, asked: history.ReadHistory) -> Message:
    page = queries.history(reading.archive, scope, asked)
    said, more = _said(reading, [row[0] for row in page.found])
    tickets = _tickets_of(reading, page.found[: len(said)])
    before = said[-1].position if more else page.before
    return history.History(asked.id, said[::-1], tickets, before, reading.standing())


def _tickets(reading: Reading, scope: Scope, asked: history.ReadTickets) -> Message:
    page = queries.tickets(reading.archive, scope, asked)
    return history.Tickets(asked.id, ticket_views(reading, page.found), page.before, reading.standing())


def _ticket(reading: Reading, scope: Scope, asked: history.ReadTicket) -> Message:
    found = queries.ticket(reading.archive, scope, asked.conversation)
    if found is None:
        raise NotFound
    page = queries.transcript(reading.archive, found.number, asked.after, asked.limit)
    said, more = _said(reading, [row[0] for row in page.found])
    after = said[-1].position if more else page.before
    (view,) = ticket_views(reading, [found])
    return history.Ticket(asked.id, view, said, after, reading.standing())


def _found_messages(reading: Reading, scope: Scope, asked: history.SearchMessages) -> Message:
    page = queries.search(reading.archive, scope, asked)
    if reading.masking is not None:
        page = _seen(reading, reading.masking, scope, asked, page)
    said, more = _said(reading, [row[0] for row in page.found])
    tickets = _tickets_of(reading, page.found[: len(said)])
    before = said[-1].position if more else page.before
    return history.FoundMessages(asked.id, said, tickets, before, reading.standing())


def _seen(
    reading: Reading, masking: Masking, scope: Scope, asked: history.SearchMessages, page: queries.Page
) -> queries.Page:
    """Return what was found by what the asker may see of it.

    Otherwise a search would say of a number that is masked whether it is this one. A page is filled up, for
    one that is too short would say it as well.
    """
    kept: list[tuple[int, int]] = []
    for _ in range(SEARCHED_PAGES_MAX):
        positions = sorted(row[0] for row in page.found)
        contents = {at: said_view(at, entry).content for at, entry in _with(positions, reading.entries)}
        kept += [
            row for row in page.found if stands_in(asked.query, spoken(masking.message(contents[row[0]])))
        ]
        if len(kept) >= asked.limit or not page.before:
            break
        page = queries.search(reading.archive, scope, replace(asked, before=page.before))
    if len(kept) > asked.limit:
        return queries.Page(kept[: asked.limit], kept[asked.limit - 1][0])
    return queries.Page(kept, page.before)


def _with(positions: list[int], entries: Callable[[list[int]], list[Entry]]) -> Iterable[tuple[int, Entry]]:
    return zip(positions, entries(positions), strict=True)


def _found_customers(reading: Reading, scope: Scope, asked: history.FindCustomers) -> Message:
    page = queries.customers(reading.archive, scope, asked)
    found: list[Customer] = page.found
    tags = queries.tags_of_customers(reading.archive, (customer.number for customer in found))
    open_ones = queries.tickets_by_number(reading.archive, (customer.open for customer in found))
    names = {ticket.number: ticket.conversation for ticket in open_ones}
    views = [
        CustomerFound(
            customer.channel,
            customer.contact,
            customer.name,
            customer.language,
            tags.get(customer.number, ()),
            customer.conversations,
            customer.first_at,
            customer.last_at,
            names.get(customer.open, ""),
        )
        for customer in found
    ]
    return history.FoundCustomers(asked.id, views, page.before, reading.standing())


def _visitors(reading: Reading, scope: Scope, today_since: float, asked: history.ReadVisitors) -> Message:
    page = queries.visitors(reading.archive, scope, asked, today_since)
    if asked.view == "talked":
        talked: list[Ticket] = page.found
        known = queries.customers_by_number(reading.archive, (ticket.customer for ticket in talked))
        views = [_visitor(known[ticket.customer], ticket) for ticket in talked]
    else:
        found: list[Customer] = page.found
        open_ones = queries.tickets_by_number(reading.archive, (customer.open for customer in found))
        by_number = {ticket.number: ticket for ticket in open_ones}
        views = [_visitor(customer, by_number.get(customer.open)) for customer in found]
    return history.Visitors(asked.id, views, page.before, reading.standing())


def _visitor(customer: Customer, ticket: Ticket | None) -> VisitorView:
    """Return a visitor; with a ticket it is about the conversation, else about the visit."""
    since, until = customer.since, customer.until
    if ticket is not None:
        since, until = ticket.started_at, ticket.closed_at
    return VisitorView(
        channel=customer.channel,
        contact=customer.contact,
        since=since,
        until=until,
        name=customer.name,
        language=customer.language,
        page=customer.page,
        title=customer.title,
        pages=customer.pages,
        referrer=customer.referrer,
        browser=customer.browser,
        system=customer.system,
        place=customer.place,
        authenticated=customer.authenticated,
        conversation=ticket.conversation if ticket is not None else "",
        agent=ticket.agent if ticket is not None else "",
    )


# Parts.


def _said(reading: Reading, positions: list[int]) -> tuple[list[SaidView], bool]:
    """Return what was said at these positions, in their order, and whether some had no room."""
    entries = dict(zip(sorted(positions), reading.entries(sorted(positions)), strict=True))
    views: list[SaidView] = []
    room = ANSWER_BYTES_MAX
    for position in positions:
        view = said_view(position, entries[position])
        room -= len(encode([view.content]))
        if room < 0 and views:
            return views, True
        views.append(view)
    return views, False


def said_view(position: int, entry: Entry) -> SaidView:
    """Return something that was said."""
    place = (entry.id, entry.sequence, position, entry.at)
    match entry.event:
        case events.CustomerWrote() as event:
            return SaidView(*place, "customer", event.content)
        case events.AgentWrote() as event:
            return SaidView(*place, "agent", event.content, event.agent, event.author)
        case events.NoteWritten() as event:
            return SaidView(*place, "note", Text(event.text), event.agent)
        case events.Greeted() as event:
            return SaidView(*place, "daemon", Text(event.text))
    raise AssertionError(f"position {position} says nothing: {type(entry.event).__name__}")


def _tickets_of(reading: Reading, rows: Iterable[tuple[int, int]]) -> list[TicketView]:
    numbers = dict.fromkeys(number for _, number in rows)
    return ticket_views(reading, queries.tickets_by_number(reading.archive, numbers))


def ticket_views(reading: Reading, tickets: list[Ticket]) -> list[TicketView]:
    """Return tickets as they are shown, each with the customer's first message."""
    positions = sorted({ticket.question for ticket in tickets if ticket.question})
    questions = dict(zip(positions, reading.entries(positions), strict=True))
    return [
        _ticket_view(ticket, _question(questions.get(ticket.question), reading.masking)) for ticket in tickets
    ]


def _question(entry: Entry | None, masking: Masking | None) -> str:
    """Return the beginning of what was asked. Of a number that is cut nobody could say what it was."""
    if entry is None or not isinstance(entry.event, events.CustomerWrote):
        return ""
    text = spoken(entry.event.content)
    if masking is not None:
        text = masking.text(text)
    return text if len(text) <= QUESTION_LENGTH_MAX else text[: QUESTION_LENGTH_MAX - 1] + "…"


def _ticket_view(ticket: Ticket, question: str) -> TicketView:
    return TicketView(
        conversation=ticket.conversation,
        channel=ticket.channel,
        channel_kind=ticket.channel_kind,
        contact=ticket.contact,
        status=ticket.status,
        started_at=ticket.started_at,
        name=ticket.name,
        language=ticket.language,
        department=ticket.department,
        style=ticket.style,
        origin=ticket.origin,
        agent=ticket.agent,
        agents=tuple(ticket.agents),
        tags=tuple(ticket.tags),
        question=question,
        first_offered_at=ticket.first_offered_at,
        first_assigned_at=ticket.first_assigned_at,
        first_answered_at=ticket.first_answered_at,
        solved_at=ticket.solved_at,
        closed_at=ticket.closed_at,
        first_response_s=ticket.first_response_s,
        solve_s=ticket.solve_s,
        reopenings=ticket.reopenings,
        customer_messages=ticket.customer_messages,
        agent_messages=ticket.agent_messages,
        ended_by=ticket.ended_by,
        wrap_up_reason=ticket.wrap_up_reason,
        notes=ticket.notes,
        missed=ticket.missed,
        muted=ticket.muted,
        rating=ticket.rating,
        rating_comment=ticket.rating_comment,
    )
