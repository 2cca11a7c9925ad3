"""The archive's questions as SQL: what is in the scope of the asker, the newest first, a page at a time.

Each function takes a connection that only reads, and returns rows, or positions in the journal. Which index
leads is decided here, by the order of the tables: SQLite knows nothing of how many rows there are.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from daemon.archive.customers import Customer
from daemon.archive.file import CUSTOMER_COLUMNS, TICKET_COLUMNS, customer_of, ticket_of
from daemon.archive.projection import place_of, tenant_word
from daemon.archive.scope import Scope
from daemon.archive.tickets import Ticket
from daemon.archive.words import expression, name_key
from protocol.history import FindCustomers, ReadHistory, ReadTickets, ReadVisitors, SearchMessages

#: Greater than every position.
BEYOND = 2**62

_TICKET = ", ".join(f"t.{column}" for column in TICKET_COLUMNS)
_CUSTOMER = ", ".join(f"c.{column}" for column in CUSTOMER_COLUMNS)
_IN_LIST = "(SELECT value FROM json_each(?))"
_SERVED = (
    "EXISTS (SELECT 1 FROM ticket_agent a WHERE a.tenant = t.tenant AND a.agent = ? AND a.ticket = t.number)"
)

VIEWS: dict[str, str] = {
    "open": "t.status IN ('new', 'open', 'pending', 'on_hold')",
    "missed": "t.missed = 1",
    "solved": "t.status = 'solved'",
    "closed": "t.status = 'closed'",
}


class Page(NamedTuple):
    """What was found, and what to ask with for the next page; 0: there is none."""

    found: list[Any]
    before: int


class Where:
    """Conditions with their values."""

    def __init__(self) -> None:
        self._conditions: list[str] = []
        self.values: list[Any] = []

    def add(self, condition: str, *values: Any) -> None:
        """Add a condition that has to hold too."""
        self._conditions.append(condition)
        self.values += values

    @property
    def text(self) -> str:
        """All conditions."""
        return " AND ".join(self._conditions)


def position(archive: sqlite3.Connection) -> int:
    """Return up to where the archive has come."""
    found = archive.execute("SELECT position FROM archive").fetchone()
    return found[0] if found else 0


def position_at(archive: sqlite3.Connection, at: float) -> int:
    """Return the first position at which something was said at a time or later; times grow with positions."""
    newest = archive.execute("SELECT position, at FROM said ORDER BY position DESC LIMIT 1").fetchone()
    if newest is None or newest[1] < at:
        return BEYOND
    low, high = 0, newest[0]
    while low < high:
        middle = (low + high) // 2
        found = archive.execute(
            "SELECT position, at FROM said WHERE position >= ? ORDER BY position LIMIT 1", (middle,)
        ).fetchone()
        if found is None or found[1] >= at:
            high = middle
        else:
            low = found[0] + 1
    return low


def ticket(archive: sqlite3.Connection, scope: Scope, conversation: str) -> Ticket | None:
    """Return the ticket of a conversation, if it is in the scope."""
    where = Where()
    where.add("t.tenant = ? AND t.conversation = ?", scope.tenant, conversation)
    _within(where, scope)
    found = archive.execute(f"SELECT {_TICKET} FROM ticket t WHERE {where.text}", where.values).fetchone()
    return None if found is None else ticket_of(found)


def tickets_by_number(archive: sqlite3.Connection, numbers: Iterable[int]) -> list[Ticket]:
    """Return tickets, in the order of their beginnings."""
    rows = archive.execute(
        f"SELECT {_TICKET} FROM ticket t WHERE t.number IN {_IN_LIST} ORDER BY t.number",
        (json.dumps(sorted(set(numbers))),),
    )
    return [ticket_of(row) for row in rows]


def customer_of_conversation(archive: sqlite3.Connection, tenant: str, conversation: str) -> int:
    """Return the number of a conversation's customer; 0: the archive does not know it yet."""
    found = archive.execute(
        "SELECT customer FROM ticket WHERE tenant = ? AND conversation = ?", (tenant, conversation)
    ).fetchone()
    return found[0] if found else 0


# What was said.


def history(archive: sqlite3.Connection, scope: Scope, asked: ReadHistory) -> Page:
    """Return where something was said with a conversation's customer: (position, ticket), newest first."""
    customer = customer_of_conversation(archive, scope.tenant, asked.conversation)
    least = position_at(archive, asked.since) if asked.since else 0
    rows = archive.execute(
        "SELECT s.position, s.ticket FROM said s"
        " WHERE s.ticket IN (SELECT number FROM ticket WHERE customer = ? AND customer > 0)"
        " AND s.position < ? AND s.position >= ? ORDER BY s.position DESC LIMIT ?",
        (customer, asked.before or BEYOND, least, asked.limit + 1),
    ).fetchall()
    return _page(rows, asked.limit, 0)


def transcript(archive: sqlite3.Connection, number: int, after: int, limit: int) -> Page:
    """Return where something was said in a conversation, the oldest first."""
    rows = archive.execute(
        "SELECT s.position, s.ticket FROM said s WHERE s.ticket = ? AND s.position > ?"
        " ORDER BY s.position LIMIT ?",
        (number, after, limit + 1),
    ).fetchall()
    return _page(rows, limit, 0)


def search(archive: sqlite3.Connection, scope: Scope, asked: SearchMessages) -> Page:
    """Return where something was said with these words: (position, ticket), newest first."""
    wanted = expression(asked.query)
    if not wanted:
        return Page([], 0)
    place = tenant_word(scope.tenant)
    if asked.customer_of:
        customer = customer_of_conversation(archive, scope.tenant, asked.customer_of)
        place = place_of(scope.tenant, customer)
    where = Where()
    # One phrase: the two words stand beside each other in the index.
    where.add("word MATCH ?", f'place : "{place}" AND {wanted}')
    where.add("word.rowid < ?", _bound(archive, asked.before, asked.until))
    if asked.since:
        where.add("word.rowid >= ?", position_at(archive, asked.since))
    where.add("t.tenant = ?", scope.tenant)
    _filter(where, asked)
    if not asked.customer_of:
        _within(where, scope)
    rows = archive.execute(
        "SELECT s.position, s.ticket FROM word CROSS JOIN said s ON s.position = word.rowid"
        f" CROSS JOIN ticket t ON t.number = s.ticket WHERE {where.text}"
        " ORDER BY word.rowid DESC LIMIT ?",
        (*where.values, asked.limit + 1),
    ).fetchall()
    return _page(rows, asked.limit, 0)


# Tickets.


def tickets(archive: sqlite3.Connection, scope: Scope, asked: ReadTickets) -> Page:
    """Return tickets, the newest first."""
    where, tables, order = Where(), "ticket t", "t.number"
    agent = scope.agent if asked.view == "mine" else asked.of_agent
    if asked.customer_of:
        customer = customer_of_conversation(archive, scope.tenant, asked.customer_of)
        where.add("t.customer = ? AND t.customer > 0", customer)
    elif asked.tag:
        tables, order = "ticket_tag k CROSS JOIN ticket t ON t.number = k.ticket", "k.ticket"
        where.add("k.tenant = ? AND k.tag = ?", scope.tenant, asked.tag)
    elif agent:
        tables, order = "ticket_agent k CROSS JOIN ticket t ON t.number = k.ticket", "k.ticket"
        where.add("k.tenant = ? AND k.agent = ?", scope.tenant, agent)
    where.add("t.tenant = ?", scope.tenant)
    where.add(f"{order} < ?", _bound(archive, asked.before, asked.until))
    if asked.until:
        where.add("t.started_at < ?", asked.until)
    if asked.since:
        where.add("t.started_at >= ?", asked.since)
    if asked.view in VIEWS:
        where.add(VIEWS[asked.view])
    if asked.view == "mine":
        where.add(_SERVED, scope.agent)
    if asked.of_style:
        where.add("t.style = ?", asked.of_style)
    _filter(where, asked)
    if not asked.customer_of:
        _within(where, scope)
    rows = archive.execute(
        f"SELECT {_TICKET} FROM {tables} WHERE {where.text} ORDER BY {order} DESC LIMIT ?",
        (*where.values, asked.limit + 1),
    ).fetchall()
    page = _page(rows, asked.limit, TICKET_COLUMNS.index("number"))
    return page._replace(found=[ticket_of(row) for row in page.found])


# Customers and visitors.


def customers(archive: sqlite3.Connection, scope: Scope, asked: FindCustomers) -> Page:
    """Return customers by exact name or key, those heard of last first; with neither, nobody."""
    where, tables = Where(), "customer c"
    if asked.name:
        tables = "customer_name n CROSS JOIN customer c ON c.number = n.customer"
        where.add("n.tenant = ? AND n.name = ?", scope.tenant, name_key(asked.name))
    elif not asked.of_contact:
        return Page([], 0)
    where.add("c.tenant = ? AND c.number < ?", scope.tenant, asked.before or BEYOND)
    if asked.of_contact:
        where.add("c.contact = ?", asked.of_contact)
    if asked.in_channel:
        where.add("c.channel = ?", asked.in_channel)
    if not scope.everything:
        within = Where()
        within.add("t.customer = c.number")
        _within(within, scope)
        where.add(
            f"(c.channel IN {_IN_LIST} OR EXISTS (SELECT 1 FROM ticket t WHERE {within.text}))",
            json.dumps(scope.channels),
            *within.values,
        )
    return _customers(archive, tables, where, "c.number", asked.limit)


def visitors(archive: sqlite3.Connection, scope: Scope, asked: ReadVisitors, today_since: float) -> Page:
    """Return one of the lists of visitors, the newest first: customers, or for ``talked`` tickets (C1-C5)."""
    if asked.view == "talked":
        return _talked(archive, scope, asked, today_since)
    where = Where()
    where.add("c.tenant = ?", scope.tenant)
    before = asked.before or BEYOND
    order, tables = "c.visit", "customer c"
    if asked.view == "online":
        where.add("c.visit > 0 AND c.until = 0 AND c.open = 0 AND c.spoke = 0 AND c.visit < ?", before)
    elif asked.view == "left":
        where.add("c.until > 0 AND c.spoke = 0 AND c.open = 0 AND c.visit < ?", before)
    else:
        order, tables = "c.open", "customer c CROSS JOIN ticket t ON t.number = c.open"
        where.add("c.open > 0 AND c.open < ? AND t.muted = 0", before)
        _within(where, scope)
    if asked.in_channel:
        where.add("c.channel = ?", asked.in_channel)
    if asked.view != "in_conversation" and not scope.everything:
        where.add(f"c.channel IN {_IN_LIST}", json.dumps(scope.channels))
    return _customers(archive, tables, where, order, asked.limit)


def _talked(archive: sqlite3.Connection, scope: Scope, asked: ReadVisitors, today_since: float) -> Page:
    where = Where()
    where.add("t.tenant = ? AND t.number < ?", scope.tenant, asked.before or BEYOND)
    where.add("t.number >= ?", _first_ticket(archive, scope.tenant, today_since))
    where.add("t.started_at >= ? AND (t.status = 'closed' OR t.interrupted = 1)", today_since)
    if asked.in_channel:
        where.add("t.channel = ?", asked.in_channel)
    _within(where, scope)
    rows = archive.execute(
        f"SELECT {_TICKET} FROM ticket t WHERE {where.text} ORDER BY t.number DESC LIMIT ?",
        (*where.values, asked.limit + 1),
    ).fetchall()
    page = _page(rows, asked.limit, TICKET_COLUMNS.index("number"))
    return page._replace(found=[ticket_of(row) for row in page.found])


def customers_by_number(archive: sqlite3.Connection, numbers: Iterable[int]) -> dict[int, Customer]:
    """Return customers by their numbers."""
    rows = archive.execute(
        f"SELECT {_CUSTOMER} FROM customer c WHERE c.number IN {_IN_LIST}",
        (json.dumps(sorted(set(numbers))),),
    )
    return {found.number: found for found in map(customer_of, rows)}


def tags_of_customers(archive: sqlite3.Connection, numbers: Iterable[int]) -> dict[int, tuple[str, ...]]:
    """Return all tags that the conversations of customers have, by the customer's number."""
    rows = archive.execute(
        "SELECT DISTINCT t.customer, j.value FROM ticket t CROSS JOIN json_each(t.tags) j"
        f" WHERE t.customer IN {_IN_LIST} ORDER BY t.customer, j.value",
        (json.dumps(sorted(set(numbers))),),
    )
    found: dict[int, tuple[str, ...]] = {}
    for number, tag in rows:
        found[number] = (*found.get(number, ()), tag)
    return found


def _customers(archive: sqlite3.Connection, tables: str, where: Where, order: str, limit: int) -> Page:
    rows = archive.execute(
        f"SELECT {order}, {_CUSTOMER} FROM {tables} WHERE {where.text} ORDER BY {order} DESC LIMIT ?",
        (*where.values, limit + 1),
    ).fetchall()
    page = _page(rows, limit, 0)
    return page._replace(found=[customer_of(row[1:]) for row in page.found])


# Parts.


def _within(where: Where, scope: Scope) -> None:
    """Only what the asker may see."""
    if not scope.everything:
        where.add(f"(t.department IN {_IN_LIST} OR {_SERVED})", json.dumps(scope.departments), scope.agent)


def _filter(where: Where, asked: ReadTickets | SearchMessages) -> None:
    """Only what the asker wants."""
    if asked.department:
        where.add("t.department = ?", asked.department)
    if asked.in_channel:
        where.add("t.channel = ?", asked.in_channel)
    if asked.of_contact:
        where.add("t.contact = ?", asked.of_contact)
    if asked.of_agent:
        where.add(_SERVED, asked.of_agent)
    if asked.tag:
        where.add(
            "EXISTS (SELECT 1 FROM ticket_tag g"
            " WHERE g.tenant = t.tenant AND g.tag = ? AND g.ticket = t.number)",
            asked.tag,
        )


def _bound(archive: sqlite3.Connection, before: int, until: float) -> int:
    """Return below which position everything wanted is."""
    found = before or BEYOND
    return min(found, position_at(archive, until)) if until else found


def _first_ticket(archive: sqlite3.Connection, tenant: str, since: float) -> int:
    """Return a number that no ticket begun since then is below: a ticket begins before its first word."""
    first_said = position_at(archive, since)
    found = archive.execute(
        "SELECT number FROM ticket WHERE tenant = ? AND number < ? AND started_at < ?"
        " ORDER BY number DESC LIMIT 1",
        (tenant, first_said, since),
    ).fetchone()
    return found[0] if found else 0


def _page(rows: Sequence[tuple[Any, ...]], limit: int, key: int) -> Page:
    """Cut the one row off that only says that there are more."""
    more = len(rows) > limit
    kept = list(rows[:limit])
    return Page(kept, int(kept[-1][key]) if more else 0)


# Spans, for exports: everything, in order of position.


def tickets_between(
    archive: sqlite3.Connection, tenant: str, since: float, until: float, after: int, limit: int
) -> list[Ticket]:
    """Return tickets begun in a span of time, the oldest first; of all tenants if none is named."""
    rows = archive.execute(
        f"SELECT {_TICKET} FROM ticket t WHERE t.number > ? AND t.started_at >= ? AND t.started_at < ?"
        " AND ? IN ('', t.tenant) ORDER BY t.number LIMIT ?",
        (after, since, until, tenant, limit),
    )
    return [ticket_of(row) for row in rows]


def customers_between(
    archive: sqlite3.Connection, tenant: str, since: float, until: float, after: int, limit: int
) -> list[tuple[Customer, int, list[str]]]:
    """Return customers with conversations begun in a span of time, how many, and all tags of those (O4)."""
    rows = archive.execute(
        f"SELECT {_CUSTOMER}, group_concat(t.tags, char(10)), count(*)"
        " FROM customer c CROSS JOIN ticket t ON t.customer = c.number"
        " WHERE c.number > ? AND t.started_at >= ? AND t.started_at < ? AND ? IN ('', c.tenant)"
        " GROUP BY c.number ORDER BY c.number LIMIT ?",
        (after, since, until, tenant, limit),
    )
    return [(customer_of(row[:-2]), row[-1], _all_tags(row[-2])) for row in rows]


def _all_tags(lists: str) -> list[str]:
    """Return the tags of several tickets, each once; a line is one ticket's."""
    return sorted({tag for tags in lists.split("\n") for tag in json.loads(tags)})


def said_between(
    archive: sqlite3.Connection, tenant: str, since: float, until: float, after: int, limit: int
) -> list[tuple[int, Ticket]]:
    """Return where something was said in a span of time, with the tickets, the oldest first."""
    rows = archive.execute(
        f"SELECT s.position, {_TICKET} FROM said s CROSS JOIN ticket t ON t.number = s.ticket"
        " WHERE s.position > ? AND s.position >= ? AND s.at < ? AND ? IN ('', t.tenant)"
        " ORDER BY s.position LIMIT ?",
        (after, position_at(archive, since), until, tenant, limit),
    )
    return [(row[0], ticket_of(row[1:])) for row in rows]


def masking(archive: sqlite3.Connection) -> dict[str, tuple[bool, bool]]:
    """Return by tenant whether payment data, and personal data, are to be masked."""
    rows = archive.execute("SELECT tenant, payment, personal FROM masking")
    return {tenant: (bool(payment), bool(personal)) for tenant, payment, personal in rows}
