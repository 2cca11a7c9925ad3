"""What a delivery can say: what has happened to a conversation or to an agent.

They belong to the vocabulary of ``protocol/messages.py``, which lists them.
"""

from __future__ import annotations

from protocol.content import Content
from protocol.fields import Message
from protocol.views import OfferView, WindowView


class CustomerSaid(Message, frozen=True, tag="customer_said"):
    """The customer has written. ``window``: the reply window since then, where the channel has one."""

    content: Content
    window: WindowView | None = None


class AgentSaid(Message, frozen=True, tag="agent_said"):
    """An agent has written. To the customer it is always the assignee, ``agent``, who speaks.

    ``author`` is in agents' streams only, when somebody else has written it (G11); ``shown_as`` in channels'
    streams only: what the customer sees as the agent, where the desk says so (H8). To a channel, ``attempt``
    counts how often this message was given; after ``expires_at``, if that is not 0, it must not be sent; and
    ``tag`` is what the provider wants to be told of it.
    """

    agent: str
    content: Content
    author: str = ""
    shown_as: str = ""
    attempt: int = 1
    expires_at: float = 0.0
    tag: str = ""


class OfferMade(Message, frozen=True, tag="offer_made"):
    """A conversation is offered to the agent until the deadline (E1-E3)."""

    offer: OfferView


class OfferEnded(Message, frozen=True, tag="offer_ended"):
    """The offer is over, and was not accepted; the news of an accepted one is ``assigned``."""

    offer: str
    outcome: str
    reason: str = ""


class Assigned(Message, frozen=True, tag="assigned"):
    """The conversation belongs to ``agent`` from now on; to the customer that is ``shown_as`` (H8).

    In agents' streams ``channel_name`` says which channel that is (J3), and ``origin`` what began it (C8).
    """

    agent: str
    department: str
    channel: str
    contact: str
    name: str = ""
    shown_as: str = ""
    channel_name: str = ""
    origin: str = ""


class Unassigned(Message, frozen=True, tag="unassigned"):
    """The conversation is no longer the agent's: ``to_agent`` has it, or it waits in ``department``."""

    agent: str
    department: str
    reason: str = ""
    to_agent: str = ""


class ConversationStarted(Message, frozen=True, tag="conversation_started"):
    """A conversation has begun with the customer's first message."""

    channel: str
    contact: str
    department: str
    name: str = ""


class ConversationEnded(Message, frozen=True, tag="conversation_ended"):
    """The conversation is over."""

    by: str
    contact: str
    reason: str = ""


class PresenceChanged(Message, frozen=True, tag="presence_changed"):
    """The agent's presence has changed."""

    presence: str
    reason: str = ""
