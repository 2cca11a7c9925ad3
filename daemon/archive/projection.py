"""The projection: what a run of the journal's events makes of the archive's rows.

Pure but for the look-up of rows that an earlier run has made, which is passed in. The same events give the
same rows, whichever way they are cut into runs: tickets and customers are numbered by the positions at which
they began.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from actors import events
from actors.journal import Entry
from daemon.archive import customers, tickets
from daemon.archive.customers import Customer
from daemon.archive.tickets import Ticket
from daemon.archive.words import indexed, name_key
from protocol.content import Content, Image, LinkCard, MiniProgramCard, Text

#: To be raised when the same events make other rows than before: every archive is made anew then.
PROJECTION = 4
#: How many tickets and customers are kept in memory between runs.
KEPT_MAX = 5_000


class Observed(NamedTuple):
    """Something to be counted (O6): ``first_response``, ``closed`` or ``rated``, of a style."""

    position: int
    what: str
    style: str
    value: float = 0.0
    outcome: str = ""
    ended_by: str = ""


class Rows(NamedTuple):
    """What a run has brought about."""

    tickets: list[Ticket]
    customers: list[Customer]
    #: Position, time, number of the ticket.
    said: list[tuple[int, float, int]]
    #: Position, place, text, as words.
    words: list[tuple[int, str, str]]
    #: Tenant, folded name, number of the customer.
    names: list[tuple[str, str, int]]
    #: Tenant, agent, number of the ticket.
    agents: list[tuple[str, str, int]]
    #: Tenant, tag, number of the ticket: whether it has the tag.
    tags: dict[tuple[str, str, int], bool]
    #: Tenant and channel: its kind.
    channels: dict[tuple[str, str], str]
    #: Tenant: whether payment data, and personal data, are to be masked.
    masking: dict[str, tuple[bool, bool]]
    observed: list[Observed]
    #: Positions of events that could not be taken in, with the error.
    skipped: list[tuple[int, str]]


class Earlier(Protocol):
    """The rows of earlier runs."""

    def ticket(self, tenant: str, conversation: str) -> Ticket | None:
        """Return the ticket of a conversation."""

    def customer(self, tenant: str, channel: str, contact: str) -> Customer | None:
        """Return a customer."""

    def channel_kind(self, tenant: str, channel: str) -> str:
        """Return the kind of a channel; empty if no desk has had it."""


class Projection:
    """Takes events in order, and gives the rows of each run."""

    def __init__(self, earlier: Earlier) -> None:
        self._earlier = earlier
        #: By the kinds of streams that the archive is made of.
        self._takers: dict[str, Callable[[int, Entry, Any], None]] = {
            "conversation": self._of_conversation,
            "customer": self._of_customer,
            "dispatcher": self._of_dispatcher,
        }
        self.forget()

    def _begin(self) -> None:
        self._changed_tickets: dict[int, Ticket] = {}
        self._changed_customers: dict[int, Customer] = {}
        self._rows = Rows([], [], [], [], [], [], {}, {}, {}, [], [])

    def take(self, first: int, entries: Iterable[Entry]) -> None:
        """Take consecutive events. One that cannot be taken in is passed over, noted, and stops nothing."""
        takers = self._takers
        for position, entry in enumerate(entries, first):
            take = takers.get(entry.kind)
            if take is None:
                continue
            try:
                take(position, entry, entry.event)
            except Exception as error:
                self._rows.skipped.append((position, f"{type(entry.event).__name__}: {error!r}"))

    def rows(self) -> Rows:
        """Return what the run has brought about, and begin the next one."""
        rows = self._rows._replace(
            tickets=list(self._changed_tickets.values()), customers=list(self._changed_customers.values())
        )
        self._begin()
        _forget_oldest(self._tickets)
        _forget_oldest(self._customers)
        return rows

    def forget(self) -> None:
        """Drop a run that was not stored, and all that is in memory."""
        self._tickets: dict[tuple[str, str], Ticket | None] = {}
        self._customers: dict[tuple[str, str, str], Customer | None] = {}
        self._kinds: dict[tuple[str, str], str] = {}
        self._begin()

    # Rows.

    def _ticket(self, tenant: str, conversation: str) -> Ticket | None:
        key = (tenant, conversation)
        if key not in self._tickets:
            self._tickets[key] = self._earlier.ticket(tenant, conversation)
        return self._tickets[key]

    def _customer(self, tenant: str, channel: str, contact: str) -> Customer | None:
        key = (tenant, channel, contact)
        if key not in self._customers:
            self._customers[key] = self._earlier.customer(tenant, channel, contact)
        return self._customers[key]

    def _some_customer(self, position: int, at: float, tenant: str, channel: str, contact: str) -> Customer:
        found = self._customer(tenant, channel, contact)
        if found is None:
            found = customers.first_heard_of(position, tenant, channel, contact, at)
            self._customers[tenant, channel, contact] = found
        self._changed_customers[found.number] = found
        return found

    def _kind(self, tenant: str, channel: str) -> str:
        key = (tenant, channel)
        if key not in self._kinds:
            self._kinds[key] = self._earlier.channel_kind(tenant, channel)
        return self._kinds[key]

    # Events.

    def _of_conversation(self, position: int, entry: Entry, event: Any) -> None:
        tenant, at, kind = entry.tenant, entry.at, type(event)
        if kind is events.Started:
            ticket = self._begin_ticket(position, entry, event)
            self._changed_tickets[ticket.number] = ticket
            return
        found = self._ticket(tenant, entry.id)
        if found is None:
            return  # It began before the oldest event that the journal still has.
        answered = found.first_answered_at
        if tickets.change(found, position, at, event):
            self._changed_tickets[found.number] = found
        said = _SAID.get(kind)
        if said is not None:
            self._note_said(position, at, found, said(event))
        around = _AROUND.get(kind)
        if around is not None:
            around(self, position, at, found, event)
        self._observe(position, found, answered, event)

    def _begin_ticket(self, position: int, entry: Entry, event: events.Started) -> Ticket:
        tenant = entry.tenant
        customer = self._some_customer(position, entry.at, tenant, event.channel, event.contact)
        customers.began(customer, position, entry.at, event)
        self._name(customer)
        kind = self._kind(tenant, event.channel)
        ticket = tickets.begun(position, tenant, entry.id, customer.number, kind, entry.at, event)
        self._tickets[tenant, entry.id] = ticket
        return ticket

    def _note_said(self, position: int, at: float, ticket: Ticket, text: str) -> None:
        self._rows.said.append((position, at, ticket.number))
        found = indexed(text)
        if found:
            self._rows.words.append((position, place_of(ticket.tenant, ticket.customer), found))

    # What an event of a conversation means to the rows around its ticket.

    def _customer_wrote(self, position: int, at: float, ticket: Ticket, _: events.CustomerWrote) -> None:
        customers.spoke(self._customer_of(position, at, ticket), at)

    def _agent_came(
        self, _: int, __: float, ticket: Ticket, event: events.Assigned | events.MemberJoined
    ) -> None:
        self._rows.agents.append((ticket.tenant, event.agent, ticket.number))

    def _over(self, position: int, at: float, ticket: Ticket, _: Any) -> None:
        customer = self._customer_of(position, at, ticket)
        if customer.open == ticket.number:
            customer.open = 0

    def _reopened(self, position: int, at: float, ticket: Ticket, event: events.Reopened) -> None:
        self._customer_of(position, at, ticket).open = ticket.number
        if event.agent:
            self._rows.agents.append((ticket.tenant, event.agent, ticket.number))

    def _renamed(self, position: int, at: float, ticket: Ticket, event: events.Renamed) -> None:
        customer = self._customer_of(position, at, ticket)
        customer.name = event.name or customer.name
        self._name(customer)

    def _tagged(self, _: int, __: float, ticket: Ticket, event: events.Tagged) -> None:
        for tag in (*event.added, *event.removed):
            self._rows.tags[ticket.tenant, tag, ticket.number] = tag in ticket.tags

    def _customer_of(self, position: int, at: float, ticket: Ticket) -> Customer:
        return self._changed_customers.get(ticket.customer) or self._some_customer(
            position, at, ticket.tenant, ticket.channel, ticket.contact
        )

    def _name(self, customer: Customer) -> None:
        if customer.name:
            self._rows.names.append((customer.tenant, name_key(customer.name), customer.number))

    def _observe(self, position: int, ticket: Ticket, answered: float, event: Any) -> None:
        note, kind = self._rows.observed.append, type(event)
        if kind is events.AgentWrote:
            if not answered and ticket.origin != "proactive":
                note(Observed(position, "first_response", ticket.style, ticket.first_response_s))
        elif kind is events.Ended:
            note(Observed(position, "closed", ticket.style, ticket.solve_s, ticket.outcome, ticket.ended_by))
        elif kind is events.Rated:
            note(Observed(position, "rated", ticket.style, float(event.score)))

    def _of_customer(self, position: int, entry: Entry, event: Any) -> None:
        channel, _, contact = entry.id.partition("/")
        known = self._customer(entry.tenant, channel, contact)
        if known is None and not isinstance(event, events.VisitBegun | events.Blocked):
            return  # Nothing that makes somebody a customer or a visitor.
        customer = self._some_customer(position, entry.at, entry.tenant, channel, contact)
        customers.change(customer, position, entry.at, event)
        if isinstance(event, events.VisitBegun):
            self._name(customer)

    def _of_dispatcher(self, _: int, entry: Entry, event: Any) -> None:
        """Note kinds of channels, and what is masked. No more is read: an old desk may not check any more."""
        if type(event) is not events.DeskApplied:
            return
        tenant, desk = entry.tenant, tomllib.loads(event.text)
        for ident, channel in desk.get("channels", {}).items():
            self._kinds[tenant, ident] = self._rows.channels[tenant, ident] = str(channel.get("kind", ""))
        policies = desk.get("policies", {})
        self._rows.masking[tenant] = (
            policies.get("mask_payment") is True,
            policies.get("mask_personal") is True,
        )


def _forget_oldest(kept: dict[Any, Any]) -> None:
    if len(kept) > KEPT_MAX:
        for key in list(kept)[: len(kept) - KEPT_MAX // 2]:
            del kept[key]


def spoken(content: Content) -> str:
    """Return the words of what somebody has said; of a card what can be read on it, of a picture its name."""
    match content:
        case Text():
            return content.text
        case LinkCard():
            return f"{content.title}\n{content.text}".rstrip()
        case MiniProgramCard():
            return content.title
        case Image():
            return content.name
    return ""


def tenant_word(tenant: str) -> str:
    """Return a tenant as a word of the index; hexadecimal, for a hyphen would part it."""
    return f"t{tenant.encode().hex()}"


@lru_cache(maxsize=KEPT_MAX)
def place_of(tenant: str, customer: int) -> str:
    """Return a customer of a tenant as a phrase of the index."""
    return f"{tenant_word(tenant)} c{customer}"


#: The words of those events in which something is said.
_SAID: dict[type[Any], Callable[[Any], str]] = {
    events.CustomerWrote: lambda event: spoken(event.content),
    events.AgentWrote: lambda event: spoken(event.content),
    events.NoteWritten: lambda event: event.text,
    events.Greeted: lambda event: event.text,
}
_AROUND: dict[type[Any], Callable[[Projection, int, float, Ticket, Any], None]] = {
    events.CustomerWrote: Projection._customer_wrote,
    events.Assigned: Projection._agent_came,
    events.MemberJoined: Projection._agent_came,
    events.Ended: Projection._over,
    events.Interrupted: Projection._over,
    events.Reopened: Projection._reopened,
    events.Renamed: Projection._renamed,
    events.Tagged: Projection._tagged,
}
