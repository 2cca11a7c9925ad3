"""The clients' verbs about customers: visits, hints, abuse, proactive chat."""

from __future__ import annotations

from protocol.client.verbs import Client, Request, verb
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


class Visitors(Client):
    """What a gateway tells of those who look at the site."""

    @verb
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
    ) -> Request[Ack]:
        """Tell that somebody has opened the site, or is still there: after a reconnect, of all who are."""
        return Request(
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

    @verb
    def visitor_viewed(self, channel: str, contact: str, page: str, title: str = "") -> Request[Ack]:
        """Tell that a visitor has opened another page."""
        return Request(VisitorViewed, channel=channel, contact=contact, page=page, title=title)

    @verb
    def visitor_left(self, channel: str, contact: str) -> Request[Ack]:
        """Tell that a visitor has closed the page."""
        return Request(VisitorLeft, channel=channel, contact=contact)

    def customer_hint(self, channel: str, contact: str, hint: Hint, sequence: int = 0) -> None:
        """Tell that the customer is ``typing``, has ``stopped``, or has ``read`` up to a sequence.

        Has no answer; it is lost where nobody listens.
        """
        self._driver.hint(CustomerHint(channel, contact, hint, sequence))


class Customers(Client):
    """What a console does about customers."""

    @verb
    def read_customer(
        self, agent: str, channel: str = "", contact: str = "", *, conversation: str = ""
    ) -> Request[CustomerView]:
        """Read what is known of a customer: by channel and contact, or by one of his conversations."""
        return Request(ReadCustomer, agent=agent, channel=channel, contact=contact, conversation=conversation)

    @verb
    def invite_visitor(self, agent: str, channel: str, contact: str, text: str | Outgoing) -> Request[Ack]:
        """Begin a conversation with a visitor who is online and has none; the ack names it."""
        return Request(InviteVisitor, agent=agent, channel=channel, contact=contact, content=as_content(text))

    @verb
    def do_not_disturb(self, agent: str, conversation: str, on: bool = True) -> Request[Ack]:
        """Keep the messages of a conversation's customer from everybody, or no longer."""
        return Request(SetDoNotDisturb, agent=agent, conversation=conversation, on=on)

    @verb
    def block(self, agent: str, conversation: str, on: bool = True) -> Request[Ack]:
        """Shut the customer of a conversation out of the channel, or let him in again."""
        return Request(Block, agent=agent, conversation=conversation, on=on)

    @verb
    def read_abuse_list(
        self, agent: str, kind: AbuseKind, first: int = 0, limit: int = 100
    ) -> Request[AbuseList]:
        """Read who is not to disturb, or is blocked; the next page begins at ``following``."""
        return Request(ReadAbuseList, agent=agent, kind=kind, first=first, limit=limit)

    def agent_hint(self, agent: str, conversation: str, hint: Hint, sequence: int = 0) -> None:
        """Tell that the agent is ``typing``, has ``stopped``, or has ``read`` up to a sequence.

        Has no answer; it is lost where nobody listens.
        """
        self._driver.hint(AgentHint(agent, conversation, hint, sequence))
