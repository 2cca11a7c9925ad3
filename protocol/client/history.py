"""The clients' questions about the past: what both consoles have, blocking and asynchronous."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from protocol.client.outstanding import Command
from protocol.client.pending import Pending
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


class HistoryReader:
    """The questions of a blocking console."""

    def _send(self, make: Callable[..., Command], command_id: bytes | None = None) -> Pending[Any]:
        raise NotImplementedError

    def read_history(
        self, agent: str, conversation: str, *, before: int = 0, since: float = 0.0, limit: int = 100
    ) -> History:
        """Read all that was said with the customer of a conversation, the newest page first.

        The next page has the answer's ``before``; ``since`` is a time in seconds since 1970.
        """
        make = partial(
            ReadHistory, agent=agent, conversation=conversation, before=before, since=since, limit=limit
        )
        history: History = self._send(make).result()
        return history

    def read_tickets(
        self, agent: str, view: TicketList = "all", *, before: int = 0, limit: int = 50, **filters: Any
    ) -> Tickets:
        """Read tickets, the newest first; ``filters`` are the other fields of ``read_tickets``."""
        make = partial(ReadTickets, agent=agent, view=view, before=before, limit=limit, **filters)
        tickets: Tickets = self._send(make).result()
        return tickets

    def read_ticket(self, agent: str, conversation: str, *, after: int = 0, limit: int = 100) -> Ticket:
        """Read a ticket with its transcript, the oldest page first."""
        make = partial(ReadTicket, agent=agent, conversation=conversation, after=after, limit=limit)
        ticket: Ticket = self._send(make).result()
        return ticket

    def search_messages(
        self, agent: str, query: str, *, before: int = 0, limit: int = 50, **filters: Any
    ) -> FoundMessages:
        """Search what was said; ``filters`` are the other fields of ``search_messages``."""
        make = partial(SearchMessages, agent=agent, query=query, before=before, limit=limit, **filters)
        found: FoundMessages = self._send(make).result()
        return found

    def find_customers(
        self,
        agent: str,
        name: str = "",
        *,
        of_contact: str = "",
        in_channel: str = "",
        before: int = 0,
        limit: int = 50,
    ) -> FoundCustomers:
        """Find customers by their exact name, or by their key in the channel."""
        make = partial(
            FindCustomers,
            agent=agent,
            name=name,
            of_contact=of_contact,
            in_channel=in_channel,
            before=before,
            limit=limit,
        )
        found: FoundCustomers = self._send(make).result()
        return found

    def read_visitors(
        self, agent: str, view: VisitorList, *, in_channel: str = "", before: int = 0, limit: int = 50
    ) -> Visitors:
        """Read one of the four lists of visitors."""
        make = partial(
            ReadVisitors, agent=agent, view=view, in_channel=in_channel, before=before, limit=limit
        )
        visitors: Visitors = self._send(make).result()
        return visitors


class AsyncHistoryReader:
    """The questions of an asynchronous console."""

    async def _send(self, make: Callable[..., Command], command_id: bytes | None = None) -> Any:
        raise NotImplementedError

    async def read_history(
        self, agent: str, conversation: str, *, before: int = 0, since: float = 0.0, limit: int = 100
    ) -> History:
        """Read all that was said with the customer of a conversation, the newest page first.

        The next page has the answer's ``before``; ``since`` is a time in seconds since 1970.
        """
        make = partial(
            ReadHistory, agent=agent, conversation=conversation, before=before, since=since, limit=limit
        )
        history: History = await self._send(make)
        return history

    async def read_tickets(
        self, agent: str, view: TicketList = "all", *, before: int = 0, limit: int = 50, **filters: Any
    ) -> Tickets:
        """Read tickets, the newest first; ``filters`` are the other fields of ``read_tickets``."""
        make = partial(ReadTickets, agent=agent, view=view, before=before, limit=limit, **filters)
        tickets: Tickets = await self._send(make)
        return tickets

    async def read_ticket(self, agent: str, conversation: str, *, after: int = 0, limit: int = 100) -> Ticket:
        """Read a ticket with its transcript, the oldest page first."""
        make = partial(ReadTicket, agent=agent, conversation=conversation, after=after, limit=limit)
        ticket: Ticket = await self._send(make)
        return ticket

    async def search_messages(
        self, agent: str, query: str, *, before: int = 0, limit: int = 50, **filters: Any
    ) -> FoundMessages:
        """Search what was said; ``filters`` are the other fields of ``search_messages``."""
        make = partial(SearchMessages, agent=agent, query=query, before=before, limit=limit, **filters)
        found: FoundMessages = await self._send(make)
        return found

    async def find_customers(
        self,
        agent: str,
        name: str = "",
        *,
        of_contact: str = "",
        in_channel: str = "",
        before: int = 0,
        limit: int = 50,
    ) -> FoundCustomers:
        """Find customers by their exact name, or by their key in the channel."""
        make = partial(
            FindCustomers,
            agent=agent,
            name=name,
            of_contact=of_contact,
            in_channel=in_channel,
            before=before,
            limit=limit,
        )
        found: FoundCustomers = await self._send(make)
        return found

    async def read_visitors(
        self, agent: str, view: VisitorList, *, in_channel: str = "", before: int = 0, limit: int = 50
    ) -> Visitors:
        """Read one of the four lists of visitors."""
        make = partial(
            ReadVisitors, agent=agent, view=view, in_channel=in_channel, before=before, limit=limit
        )
        visitors: Visitors = await self._send(make)
        return visitors
