"""What can have happened in a conversation."""

from __future__ import annotations

from msgspec import Struct, field

from actors.events.base import Event, Why
from protocol.content import CannedReply, Card, Content


class Started(Event, frozen=True, tag="started"):
    """A conversation has begun. ``previous``: the agent who served the customer last (D7)."""

    channel: str
    contact: str
    department: str
    name: str = ""
    language: str = ""
    skills: dict[str, int] = field(default_factory=dict)
    priority: int = 0
    previous: str = ""
    question: str = ""
    email: str = ""


class Queued(Event, frozen=True, tag="queued"):
    """The conversation waits in the department's queue since ``since``."""

    department: str
    since: float
    reason: str


class Said(Struct, frozen=True, array_like=True, omit_defaults=True, gc=False):
    """What a first message said beside its content, as it was said (G3)."""

    name: str = ""
    language: str = ""
    department: str = ""
    skills: dict[str, int] = field(default_factory=dict)
    priority: int = 0
    question: str = ""
    email: str = ""


class CustomerWrote(Event, frozen=True, tag="customer_wrote"):
    """The customer has written. ``said`` is with a conversation's first message only."""

    contact: str
    content: Content
    channel: str = ""
    said: Said | None = None


class AgentWrote(Event, frozen=True, tag="agent_wrote"):
    """``agent`` has written to the customer; if ``author`` is set, he did it in the agent's name (G11).

    ``shown_as``: what the customer sees as the agent (H8). ``asked``: the canned reply or card of which the
    content was made, as it was named (G3).
    """

    agent: str
    contact: str
    content: Content
    author: str = ""
    shown_as: str = ""
    asked: CannedReply | Card | None = None


class Greeted(Event, frozen=True, tag="greeted"):
    """The daemon has answered the customer by itself: ``online``, ``offline`` or ``turned_away`` (D10)."""

    kind: str
    text: str
    contact: str


class Offered(Event, frozen=True, tag="offered"):
    """The conversation was offered to an agent until ``deadline_at``; ``kind`` is ``new`` or ``transfer``."""

    offer: str
    agent: str
    deadline_at: float
    department: str
    channel: str
    contact: str
    name: str
    since: float
    why: Why
    kind: str = "new"
    from_agent: str = ""
    note: str = ""


class OfferDeclined(Event, frozen=True, tag="offer_declined"):
    """The agent has declined."""

    offer: str
    agent: str
    reason: str = ""


class OfferExpired(Event, frozen=True, tag="offer_expired"):
    """The agent has not answered in time."""

    offer: str
    agent: str


class OfferWithdrawn(Event, frozen=True, tag="offer_withdrawn"):
    """The offer was taken back."""

    offer: str
    agent: str
    reason: str


class Assigned(Event, frozen=True, tag="assigned"):
    """The agent is the assignee; the customer had waited since ``since``.

    ``how``: ``accepted``, ``taken`` (by hand), ``direct``, ``transferred`` or ``handed_over``; ``by`` did it.
    """

    offer: str
    agent: str
    department: str
    channel: str
    contact: str
    since: float
    name: str = ""
    how: str = "accepted"
    by: str = ""
    from_agent: str = ""
    why: Why | None = None
    first_reply_by: float | None = None
    shown_as: str = ""


class Released(Event, frozen=True, tag="released"):
    """The assignee has lost the conversation; it goes back to the queue with its waiting time."""

    agent: str
    department: str
    since: float
    reason: str


class Ended(Event, frozen=True, tag="ended"):
    """The conversation is over."""

    by: str
    contact: str
    reason: str = ""
    channel: str = ""


class TransferStarted(Event, frozen=True, tag="transfer_started"):
    """Somebody is asked to take the conversation; the assignee keeps it until then (G4-G7)."""

    by: str
    agent: str
    to_agent: str = ""
    to_department: str = ""
    deadline_at: float = 0.0
    note: str = ""
    reason: str = ""


class TransferEnded(Event, frozen=True, tag="transfer_ended"):
    """The transfer has not come about, or (``accepted``) has; ``agent`` is the assignee who had asked."""

    agent: str
    outcome: str
    reason: str = ""
    by: str = ""


class Invited(Event, frozen=True, tag="invited"):
    """An agent was asked to join (G9)."""

    invitation: str
    agent: str
    by: str
    deadline_at: float
    department: str
    channel: str
    contact: str
    name: str = ""
    note: str = ""


class InvitationEnded(Event, frozen=True, tag="invitation_ended"):
    """An invitation is over: ``joined``, ``refused``, ``expired`` or ``withdrawn`` (E7)."""

    invitation: str
    agent: str
    by: str
    outcome: str
    reason: str = ""


class MemberJoined(Event, frozen=True, tag="member_joined"):
    """An agent has joined the conversation (G10)."""

    agent: str
    invitation: str = ""


class MemberLeft(Event, frozen=True, tag="member_left"):
    """A member has left, or was let go when the conference ended."""

    agent: str
    reason: str = ""


class ConferenceEnded(Event, frozen=True, tag="conference_ended"):
    """All members and invitations were let go; ``reason`` is the wrap-up reason (G10, F12)."""

    by: str
    reason: str = ""


class FirstReplyMissed(Event, frozen=True, tag="first_reply_missed"):
    """The assignee since ``since`` has not answered the customer within the department's time (PEERS c5)."""

    agent: str
    since: float


class AssigneeGone(Event, frozen=True, tag="assignee_gone"):
    """The assignee is gone; with the customer's next message the conversation goes to somebody else (D11)."""

    agent: str
    reason: str = ""


class AssigneeBack(Event, frozen=True, tag="assignee_back"):
    """The assignee is there again, before the customer has written."""

    agent: str
