"""What events make of a customer's row: who it is, and the visit. Pure, as ``daemon/archive/tickets.py``."""

from __future__ import annotations

from msgspec import Struct

from actors import events


class Customer(Struct):
    """A row of the table ``customer``; its fields are the columns.

    ``open``: the number of the conversation that goes on, or 0. ``visit``: the position at which the visit
    that goes on, or the last one, has begun, or 0; ``until`` is 0 while it goes on. ``spoke``: in this visit.
    """

    number: int
    tenant: str
    channel: str
    contact: str
    name: str
    language: str
    first_at: float
    last_at: float
    conversations: int = 0
    open: int = 0
    blocked: bool = False
    visit: int = 0
    since: float = 0.0
    until: float = 0.0
    spoke: bool = False
    page: str = ""
    title: str = ""
    pages: int = 0
    referrer: str = ""
    browser: str = ""
    system: str = ""
    place: str = ""
    authenticated: bool = False


def first_heard_of(number: int, tenant: str, channel: str, contact: str, at: float) -> Customer:
    """Return the row of a customer who was never heard of before."""
    return Customer(number, tenant, channel, contact, "", "", at, at)


def began(customer: Customer, ticket: int, at: float, event: events.Started) -> None:
    """A conversation has begun; a name that the channel does not tell any more is not forgotten."""
    customer.conversations += 1
    customer.open = ticket
    customer.last_at = at
    customer.name = event.name or customer.name
    customer.language = event.language or customer.language


def spoke(customer: Customer, at: float) -> None:
    """The customer has written: the visit is not one without a word (C4)."""
    customer.last_at = at
    customer.spoke = True


def change(customer: Customer, position: int, at: float, event: object) -> bool:
    """Bring an event of the customer's own stream into the row; False when it says nothing to it."""
    match event:
        case events.VisitBegun():
            _visit(customer, position, at, event)
        case events.PageViewed():
            customer.page, customer.title = event.page, event.title
            customer.pages += 1
        case events.VisitEnded():
            customer.until = at
        case events.Blocked():
            customer.blocked = event.on
        case _:
            return False
    customer.last_at = max(customer.last_at, at)
    return True


def _visit(customer: Customer, position: int, at: float, event: events.VisitBegun) -> None:
    """A visit begins; while one goes on, the channel has told anew what it knows of it."""
    goes_on = customer.visit > 0 and customer.until == 0.0
    if not goes_on:
        customer.visit, customer.since, customer.until = position, at, 0.0
        customer.spoke = customer.open > 0
        customer.pages = 0
        customer.page = ""
    if event.page and event.page != customer.page:
        customer.pages += 1
    customer.page, customer.title, customer.referrer = event.page, event.title, event.referrer
    customer.name = event.name or customer.name
    customer.language = event.language or customer.language
    customer.browser, customer.system, customer.place = event.browser, event.system, event.place
    customer.authenticated = event.authenticated
