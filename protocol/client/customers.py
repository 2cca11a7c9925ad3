"""The clients' verbs about customers: visits, hints, abuse, proactive chat; blocking and asynchronous."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from protocol.client.driver import Driver
from protocol.client.outstanding import Command
from protocol.client.pending import Pending
from protocol.content import Outgoing, as_content
from protocol.customers import (
    AbuseKind,
    AbuseList,
    AgentHint,
    Block,
    CustomerHint,
    CustomerView,
    Hint,
    InviteVisitor,
    ReadAbuseList,
    ReadCustomer,
    SetDoNotDisturb,
    VisitorEntered,
    VisitorLeft,
    VisitorViewed,
)
from protocol.messages import Ack


class Visitors:
    """What a blocking gateway tells of those who look at the site."""

    _driver: Driver

    def _send(self, make: Callable[..., Command], command_id: bytes | None = None) -> Pending[Any]:
        raise NotImplementedError

    def visitor_entered(
        self,
        channel: str,
        contact: str,
        page: str = "",
        title: str = "",
        *,
        referrer: str = "",
        name: str = "",
        language: str = "",
        browser: str = "",
        system: str = "",
        place: str = "",
        authenticated: bool = False,
    ) -> Ack:
        """Tell that somebody has opened the site, or is still there: after a reconnect, of all who are."""
        make = partial(
            VisitorEntered,
            channel=channel,
            contact=contact,
            page=page,
            title=title,
            referrer=referrer,
            name=name,
            language=language,
            browser=browser,
            system=system,
            place=place,
            authenticated=authenticated,
        )
        ack: Ack = self._send(make).result()
        return ack

    def visitor_viewed(self, channel: str, contact: str, page: str, title: str = "") -> Ack:
        """Tell that a visitor has opened another page."""
        make = partial(VisitorViewed, channel=channel, contact=contact, page=page, title=title)
        ack: Ack = self._send(make).result()
        return ack

    def visitor_left(self, channel: str, contact: str) -> Ack:
        """Tell that a visitor has closed the page."""
        ack: Ack = self._send(partial(VisitorLeft, channel=channel, contact=contact)).result()
        return ack

    def customer_hint(self, channel: str, contact: str, hint: Hint, sequence: int = 0) -> None:
        """Tell that the customer is ``typing``, has ``stopped``, or has ``read`` up to a sequence.

        Has no answer; it is lost where nobody listens.
        """
        self._driver.hint(CustomerHint(channel, contact, hint, sequence))


class Customers:
    """What a blocking console does about customers."""

    _driver: Driver

    def _send(self, make: Callable[..., Command], command_id: bytes | None = None) -> Pending[Any]:
        raise NotImplementedError

    def read_customer(
        self, agent: str, channel: str = "", contact: str = "", *, conversation: str = ""
    ) -> CustomerView:
        """Read what is known of a customer: by channel and contact, or by one of his conversations."""
        make = partial(ReadCustomer, agent=agent, channel=channel, contact=contact, conversation=conversation)
        view: CustomerView = self._send(make).result()
        return view

    def invite_visitor(self, agent: str, channel: str, contact: str, text: str | Outgoing) -> Ack:
        """Begin a conversation with a visitor who is online and has none; the ack names it."""
        make = partial(InviteVisitor, agent=agent, channel=channel, contact=contact, content=as_content(text))
        ack: Ack = self._send(make).result()
        return ack

    def do_not_disturb(self, agent: str, conversation: str, on: bool = True) -> Ack:
        """Keep the messages of a conversation's customer from everybody, or no longer."""
        ack: Ack = self._send(
            partial(SetDoNotDisturb, agent=agent, conversation=conversation, on=on)
        ).result()
        return ack

    def block(self, agent: str, conversation: str, on: bool = True) -> Ack:
        """Shut the customer of a conversation out of the channel, or let him in again."""
        ack: Ack = self._send(partial(Block, agent=agent, conversation=conversation, on=on)).result()
        return ack

    def read_abuse_list(self, agent: str, kind: AbuseKind, first: int = 0, limit: int = 100) -> AbuseList:
        """Read who is not to disturb, or is blocked; the next page begins at ``following``."""
        make = partial(ReadAbuseList, agent=agent, kind=kind, first=first, limit=limit)
        listed: AbuseList = self._send(make).result()
        return listed

    def agent_hint(self, agent: str, conversation: str, hint: Hint, sequence: int = 0) -> None:
        """Tell that the agent is ``typing``, has ``stopped``, or has ``read`` up to a sequence.

        Has no answer; it is lost where nobody listens.
        """
        self._driver.hint(AgentHint(agent, conversation, hint, sequence))


class AsyncVisitors:
    """What an asyncio gateway tells of those who look at the site."""

    _driver: Driver

    async def _send(self, make: Callable[..., Command], command_id: bytes | None = None) -> Any:
        raise NotImplementedError

    async def visitor_entered(
        self,
        channel: str,
        contact: str,
        page: str = "",
        title: str = "",
        *,
        referrer: str = "",
        name: str = "",
        language: str = "",
        browser: str = "",
        system: str = "",
        place: str = "",
        authenticated: bool = False,
    ) -> Ack:
        """Tell that somebody has opened the site, or is still there: after a reconnect, of all who are."""
        make = partial(
            VisitorEntered,
            channel=channel,
            contact=contact,
            page=page,
            title=title,
            referrer=referrer,
            name=name,
            language=language,
            browser=browser,
            system=system,
            place=place,
            authenticated=authenticated,
        )
        ack: Ack = await self._send(make)
        return ack

    async def visitor_viewed(self, channel: str, contact: str, page: str, title: str = "") -> Ack:
        """Tell that a visitor has opened another page."""
        make = partial(VisitorViewed, channel=channel, contact=contact, page=page, title=title)
        ack: Ack = await self._send(make)
        return ack

    async def visitor_left(self, channel: str, contact: str) -> Ack:
        """Tell that a visitor has closed the page."""
        ack: Ack = await self._send(partial(VisitorLeft, channel=channel, contact=contact))
        return ack

    def customer_hint(self, channel: str, contact: str, hint: Hint, sequence: int = 0) -> None:
        """Tell that the customer is ``typing``, has ``stopped``, or has ``read`` up to a sequence.

        Has no answer; it is lost where nobody listens.
        """
        self._driver.hint(CustomerHint(channel, contact, hint, sequence))


class AsyncCustomers:
    """What an asyncio console does about customers."""

    _driver: Driver

    async def _send(self, make: Callable[..., Command], command_id: bytes | None = None) -> Any:
        raise NotImplementedError

    async def read_customer(
        self, agent: str, channel: str = "", contact: str = "", *, conversation: str = ""
    ) -> CustomerView:
        """Read what is known of a customer: by channel and contact, or by one of his conversations."""
        make = partial(ReadCustomer, agent=agent, channel=channel, contact=contact, conversation=conversation)
        view: CustomerView = await self._send(make)
        return view

    async def invite_visitor(self, agent: str, channel: str, contact: str, text: str | Outgoing) -> Ack:
        """Begin a conversation with a visitor who is online and has none; the ack names it."""
        make = partial(InviteVisitor, agent=agent, channel=channel, contact=contact, content=as_content(text))
        ack: Ack = await self._send(make)
        return ack

    async def do_not_disturb(self, agent: str, conversation: str, on: bool = True) -> Ack:
        """Keep the messages of a conversation's customer from everybody, or no longer."""
        ack: Ack = await self._send(partial(SetDoNotDisturb, agent=agent, conversation=conversation, on=on))
        return ack

    async def block(self, agent: str, conversation: str, on: bool = True) -> Ack:
        """Shut the customer of a conversation out of the channel, or let him in again."""
        ack: Ack = await self._send(partial(Block, agent=agent, conversation=conversation, on=on))
        return ack

    async def read_abuse_list(
        self, agent: str, kind: AbuseKind, first: int = 0, limit: int = 100
    ) -> AbuseList:
        """Read who is not to disturb, or is blocked; the next page begins at ``following``."""
        make = partial(ReadAbuseList, agent=agent, kind=kind, first=first, limit=limit)
        listed: AbuseList = await self._send(make)
        return listed

    def agent_hint(self, agent: str, conversation: str, hint: Hint, sequence: int = 0) -> None:
        """Tell that the agent is ``typing``, has ``stopped``, or has ``read`` up to a sequence.

        Has no answer; it is lost where nobody listens.
        """
        self._driver.hint(AgentHint(agent, conversation, hint, sequence))
