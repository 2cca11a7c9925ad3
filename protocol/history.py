"""Questions about the past and their answers: history, tickets, search, customers, visitors' lists.

They belong to the vocabulary of ``protocol/messages.py``, which lists them. All are answered from the
archive, which may be a little behind the journal: each answer says how far.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from protocol.content import Content
from protocol.fields import CommandId, Message, Name, Number
from protocol.views import View

NameOrNone = Annotated[str, Meta(max_length=128)]
ContactOrNone = Annotated[str, Meta(max_length=256)]
Tag = Annotated[str, Meta(max_length=64)]
Query = Annotated[str, Meta(max_length=500)]
#: Seconds since 1970; 0: no bound.
Time = float

#: The views of the list of tickets (O2).
TicketList = Literal["all", "open", "missed", "solved", "closed", "mine"]
#: The four lists of visitors (C1).
VisitorList = Literal["online", "in_conversation", "talked", "left"]
#: By whom something was said: ``note`` is an agent's, for colleagues only.
Speaker = Literal["customer", "agent", "daemon", "note"]


# Parts of the answers.


class Standing(View, frozen=True):
    """How far the archive was when it answered: it lacks the newest ``behind`` events of the journal."""

    position: int
    behind: int = 0
    behind_s: float = 0.0


class SaidView(View, frozen=True):
    """Something that was said. ``position`` is its place in the journal: what is later has a greater one."""

    conversation: str
    sequence: int
    position: int
    at: float
    by: Speaker
    content: Content
    agent: str = ""
    author: str = ""


class TicketView(View, frozen=True):
    """A conversation as a ticket (F16, O1): who, when, what became of it. A time of 0: not yet, or never.

    ``status`` is in the words of F1: ``new``, ``open``, ``pending``, ``on_hold``, ``solved``, ``closed``.
    ``question`` is the customer's first message, shortened (O2).
    """

    conversation: str
    channel: str
    channel_kind: str
    contact: str
    status: str
    started_at: float
    name: str = ""
    language: str = ""
    department: str = ""
    style: str = ""
    origin: str = ""
    agent: str = ""
    agents: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    question: str = ""
    first_offered_at: float = 0.0
    first_assigned_at: float = 0.0
    first_answered_at: float = 0.0
    solved_at: float = 0.0
    closed_at: float = 0.0
    first_response_s: float = 0.0
    solve_s: float = 0.0
    reopenings: int = 0
    customer_messages: int = 0
    agent_messages: int = 0
    ended_by: str = ""
    wrap_up_reason: str = ""
    notes: str = ""
    missed: bool = False
    muted: bool = False
    rating: int | None = None
    rating_comment: str = ""


class CustomerFound(View, frozen=True):
    """A customer of one channel account. ``conversation``: the one that is going on now.

    ``reference``: see ``customer_view``.
    """

    channel: str
    contact: str
    name: str = ""
    language: str = ""
    tags: tuple[str, ...] = ()
    conversations: int = 0
    first_at: float = 0.0
    last_at: float = 0.0
    conversation: str = ""
    reference: str = ""


class VisitorView(View, frozen=True):
    """A visitor in one of the lists (C1). ``since``: when the visit, or the conversation, has begun.

    ``pages`` counts the pages of this visit; ``page`` and ``title`` are the present one, or the last.
    ``reference``: see ``customer_view``.
    """

    channel: str
    contact: str
    since: float
    until: float = 0.0
    name: str = ""
    language: str = ""
    page: str = ""
    title: str = ""
    pages: int = 0
    referrer: str = ""
    browser: str = ""
    system: str = ""
    place: str = ""
    authenticated: bool = False
    conversation: str = ""
    agent: str = ""
    reference: str = ""


# Questions of agents. ``before``: the next page, by the number that the last answer gave.


class ReadHistory(Message, frozen=True, tag="read_history"):
    """Ask for all that was said with the customer of a conversation, in every conversation (N1).

    The newest comes first, page by page backward; with ``since`` nothing older than that (N2: 24 hours).
    """

    id: CommandId
    agent: Name
    conversation: Name
    before: Number = 0
    since: Time = 0.0
    limit: Annotated[int, Meta(ge=1, le=500)] = 100


class ReadTickets(Message, frozen=True, tag="read_tickets"):
    """Ask for tickets, the newest first (N4, O2): one of the lists, and of it what fits all that is given.

    ``customer_of``: those of the customer of a conversation that the agent may read.
    """

    id: CommandId
    agent: Name
    view: TicketList = "all"
    department: NameOrNone = ""
    tag: Tag = ""
    of_agent: NameOrNone = ""
    in_channel: NameOrNone = ""
    of_contact: ContactOrNone = ""
    of_style: NameOrNone = ""
    customer_of: NameOrNone = ""
    since: Time = 0.0
    until: Time = 0.0
    before: Number = 0
    limit: Annotated[int, Meta(ge=1, le=200)] = 50


class ReadTicket(Message, frozen=True, tag="read_ticket"):
    """Ask for a ticket with its transcript, from the beginning, page by page after position ``after``."""

    id: CommandId
    agent: Name
    conversation: Name
    after: Number = 0
    limit: Annotated[int, Meta(ge=1, le=500)] = 100


class SearchMessages(Message, frozen=True, tag="search_messages"):
    """Ask for what was said with these words, the newest first.

    All words must be there, in any order; what is between double quotes as it stands, word after word. A word
    that ends with ``*`` may go on. Case and accents do not count; Chinese and Japanese need no spaces.
    """

    id: CommandId
    agent: Name
    query: Query
    department: NameOrNone = ""
    tag: Tag = ""
    of_agent: NameOrNone = ""
    in_channel: NameOrNone = ""
    of_contact: ContactOrNone = ""
    customer_of: NameOrNone = ""
    since: Time = 0.0
    until: Time = 0.0
    before: Number = 0
    limit: Annotated[int, Meta(ge=1, le=200)] = 50


class FindCustomers(Message, frozen=True, tag="find_customers"):
    """Ask for customers by their exact name, now or earlier (N3), or by their key in the channel."""

    id: CommandId
    agent: Name
    name: Annotated[str, Meta(max_length=256)] = ""
    of_contact: ContactOrNone = ""
    in_channel: NameOrNone = ""
    before: Number = 0
    limit: Annotated[int, Meta(ge=1, le=200)] = 50


class ReadVisitors(Message, frozen=True, tag="read_visitors"):
    """Ask for one of the four lists of visitors (C1-C5), the newest first.

    ``talked`` are the conversations that were begun today, in the tenant's time zone, and are over.
    """

    id: CommandId
    agent: Name
    view: VisitorList
    in_channel: NameOrNone = ""
    before: Number = 0
    limit: Annotated[int, Meta(ge=1, le=200)] = 50


# Answers. ``before``: what to ask with for the next page; 0: there is none.


class History(Message, frozen=True, tag="history"):
    """The answer to ``read_history``: in order of time, with the tickets of the conversations."""

    id: CommandId
    said: list[SaidView]
    tickets: list[TicketView]
    before: Number
    archive: Standing


class Tickets(Message, frozen=True, tag="tickets"):
    """The answer to ``read_tickets``."""

    id: CommandId
    tickets: list[TicketView]
    before: Number
    archive: Standing


class Ticket(Message, frozen=True, tag="ticket"):
    """The answer to ``read_ticket``; ``after`` is what to ask with for the next page, 0: there is none."""

    id: CommandId
    ticket: TicketView
    said: list[SaidView]
    after: Number
    archive: Standing


class FoundMessages(Message, frozen=True, tag="found_messages"):
    """The answer to ``search_messages``: the newest first, with the tickets of the conversations."""

    id: CommandId
    said: list[SaidView]
    tickets: list[TicketView]
    before: Number
    archive: Standing


class FoundCustomers(Message, frozen=True, tag="found_customers"):
    """The answer to ``find_customers``."""

    id: CommandId
    customers: list[CustomerFound]
    before: Number
    archive: Standing


class Visitors(Message, frozen=True, tag="visitors"):
    """The answer to ``read_visitors``."""

    id: CommandId
    visitors: list[VisitorView]
    before: Number
    archive: Standing


HistoryQuestion = ReadHistory | ReadTickets | ReadTicket | SearchMessages | FindCustomers | ReadVisitors
HistoryAnswer = History | Tickets | Ticket | FoundMessages | FoundCustomers | Visitors
#: What stands inside the answers and has no ``type`` of its own.
HISTORY_VIEWS: tuple[type[Struct], ...] = (Standing, SaidView, TicketView, CustomerFound, VisitorView)
