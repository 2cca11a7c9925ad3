"""Messages about customers beyond a single conversation: visits, hints, abuse, proactive chat.

They belong to the vocabulary of ``protocol/messages.py``, which lists them.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from protocol.content import Outgoing
from protocol.fields import CommandId, Contact, Message, Name, Number
from protocol.views import AbuseView, PageView

Page = Annotated[str, Meta(max_length=2_048)]
Words = Annotated[str, Meta(max_length=256)]
Tag = Annotated[str, Meta(max_length=35)]
NameOrNone = Annotated[str, Meta(max_length=128)]
Hint = Literal["typing", "stopped", "read"]
AbuseKind = Literal["do_not_disturb", "blocked"]

# From a gateway.


class VisitorEntered(Message, frozen=True, tag="visitor_entered"):
    """Somebody has opened the site, or is still there (C2): a gateway that reconnects says it anew of all.

    Of one who is there it refreshes what is known; where nothing has changed nothing is kept.
    """

    id: CommandId
    channel: Name
    contact: Contact
    page: Page = ""
    title: Words = ""
    referrer: Page = ""
    name: Words = ""
    language: Tag = ""
    browser: Words = ""
    system: Words = ""
    place: Words = ""
    authenticated: bool = False


class VisitorViewed(Message, frozen=True, tag="visitor_viewed"):
    """A visitor has opened another page (C6)."""

    id: CommandId
    channel: Name
    contact: Contact
    page: Page
    title: Words = ""


class VisitorLeft(Message, frozen=True, tag="visitor_left"):
    """A visitor has closed the page, or the connection is lost (C4). The conversation, if any, goes on."""

    id: CommandId
    channel: Name
    contact: Contact


class CustomerHint(Message, frozen=True, tag="customer_hint"):
    """The customer is typing, has stopped, or has read everything up to ``sequence``.

    Not answered and not kept: it reaches those who are in the conversation and listen at this moment.
    """

    channel: Name
    contact: Contact
    hint: Hint
    sequence: Number = 0


# From an agent.


class AgentHint(Message, frozen=True, tag="agent_hint"):
    """The agent is typing, has stopped, or has read everything up to ``sequence``. Not answered, not kept."""

    agent: Name
    conversation: Name
    hint: Hint
    sequence: Number = 0


class SetDoNotDisturb(Message, frozen=True, tag="do_not_disturb"):
    """Keep a customer's messages from everybody (M1), or let him back into the session list (``on`` false).

    What he writes is kept. For the assignee (the last one, when nobody has it), or with ``manage_customers``.
    """

    id: CommandId
    agent: Name
    conversation: Name
    on: bool = True


class Block(Message, frozen=True, tag="block"):
    """Shut a customer out of a channel account (M2), or let him in again (``on`` false).

    His conversation ends, and his messages are refused as BLOCKED. Who may do it: see ``do_not_disturb``.
    """

    id: CommandId
    agent: Name
    conversation: Name
    on: bool = True


class InviteVisitor(Message, frozen=True, tag="invite_visitor"):
    """Begin a conversation with a visitor who is online and has none, by a first message (C8, C9)."""

    id: CommandId
    agent: Name
    channel: Name
    contact: Contact
    content: Outgoing


# Questions of agents, and their answers.


class ReadCustomer(Message, frozen=True, tag="read_customer"):
    """Ask what is known of a customer of a channel account (C6, C7): by channel and contact, or by one of his
    conversations, for a contact may be masked.
    """

    id: CommandId
    agent: Name
    channel: NameOrNone = ""
    contact: Annotated[str, Meta(max_length=256)] = ""
    conversation: NameOrNone = ""


class ReadAbuseList(Message, frozen=True, tag="read_abuse_list"):
    """Ask who is not to disturb, or is blocked (M1, M2), by channel and contact. Needs ``manage_customers``.

    The next page begins at the answer's ``following``. Who is blocked stands in that list only.
    """

    id: CommandId
    agent: Name
    kind: AbuseKind
    first: Number = 0
    limit: Annotated[int, Meta(ge=1, le=500)] = 100


class CustomerView(Message, frozen=True, tag="customer_view"):
    """The answer to ``read_customer``. What a visit says is of the last one; ``online``: it goes on.

    ``reference``: what to send in place of a ``contact`` that is masked, on this connection.
    """

    id: CommandId
    channel: str
    contact: str
    name: str = ""
    channel_name: str = ""
    language: str = ""
    authenticated: bool = False
    online: bool = False
    since: float = 0.0
    pages: list[PageView] = field(default_factory=list)
    referrer: str = ""
    browser: str = ""
    system: str = ""
    place: str = ""
    do_not_disturb: bool = False
    blocked: bool = False
    conversation: str = ""
    reference: str = ""


class AbuseList(Message, frozen=True, tag="abuse_list"):
    """The answer to ``read_abuse_list``; ``following``: where the next page begins, 0 if this is the last."""

    id: CommandId
    kind: str
    customers: list[AbuseView]
    following: Number = 0


# Beside the streams.


class Hinted(Message, frozen=True, tag="hinted"):
    """A hint of somebody else in the conversation; it has no number, and is lost where nobody listens.

    ``stream`` is the one that it belongs to. To the customer it is always the assignee, ``agent``, who types;
    from the customer ``agent`` is empty.
    """

    stream: str
    conversation: str
    hint: Hint
    sequence: Number = 0
    contact: str = ""
    agent: str = ""
