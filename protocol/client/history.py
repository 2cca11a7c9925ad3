"""The clients' questions about the past: what a console reads."""

from __future__ import annotations

from typing import Any

from protocol.client.verbs import Client, Request, verb
from protocol.history import (
    FindCustomers,
    FoundCustomers,
    FoundMessages,
    History,
    ReadHistory,
    ReadTicket,
    ReadTickets,
    ReadVisitors,
    SearchMessages,
    Ticket,
    TicketList,
    Tickets,
    VisitorList,
    Visitors,
)


class HistoryReader(Client):
    """The questions of a console."""

    @verb
    def read_history(
        self, agent: str, conversation: str, *, before: int = 0, since: float = 0.0, limit: int = 100
    ) -> Request[History]:
        """Read all that was said with the customer of a conversation, the newest page first.

        The next page has the answer's ``before``; ``since`` is a time in seconds since 1970.
        """
        return Request(
            ReadHistory, agent=agent, conversation=conversation, before=before, since=since, limit=limit
        )

    @verb
    def read_tickets(
        self, /, agent: str, view: TicketList = "all", *, before: int = 0, limit: int = 50, **filters: Any
    ) -> Request[Tickets]:
        """Read tickets, the newest first; ``filters`` are the other fields of ``read_tickets``."""
        return Request(ReadTickets, agent=agent, view=view, before=before, limit=limit, **filters)

    @verb
    def read_ticket(
        self, agent: str, conversation: str, *, after: int = 0, limit: int = 100
    ) -> Request[Ticket]:
        """Read a ticket with its transcript, the oldest page first."""
        return Request(ReadTicket, agent=agent, conversation=conversation, after=after, limit=limit)

    @verb
    def search_messages(
        self, /, agent: str, query: str, *, before: int = 0, limit: int = 50, **filters: Any
    ) -> Request[FoundMessages]:
        """Search what was said; ``filters`` are the other fields of ``search_messages``."""
        return Request(SearchMessages, agent=agent, query=query, before=before, limit=limit, **filters)

    @verb
    def find_customers(
        self,
        agent: str,
        name: str = "",
        *,
        of_contact: str = "",
        in_channel: str = "",
        before: int = 0,
        limit: int = 50,
    ) -> Request[FoundCustomers]:
        """Find customers by their exact name, or by their key in the channel."""
        return Request(
            FindCustomers,
            agent=agent,
            name=name,
            of_contact=of_contact,
            in_channel=in_channel,
            before=before,
            limit=limit,
        )

    @verb
    def read_visitors(
        self, agent: str, view: VisitorList, *, in_channel: str = "", before: int = 0, limit: int = 50
    ) -> Request[Visitors]:
        """Read one of the four lists of visitors."""
        return Request(
            ReadVisitors, agent=agent, view=view, in_channel=in_channel, before=before, limit=limit
        )
