"""Everything that can have happened, as the journal keeps it.

Names say what has happened; times are seconds since 1970.
"""

from __future__ import annotations

from msgspec import Struct, field

from protocol.messages import Content


class Event(Struct, frozen=True, array_like=True, omit_defaults=True, gc=False):
    """The base of every event."""


class Why(Struct, frozen=True, array_like=True, omit_defaults=True):
    """A decision in brief: what the journal keeps of the reasons, as codes of ``dispatcher/reasons.py``.

    ``trigger`` made the dispatcher look; ``rule`` chose the conversation and ``choice`` the agent.
    ``excluded`` counts the department's agents that were not eligible, by code.
    """

    trigger: str = ""
    rule: str = ""
    choice: str = ""
    considered: int = 0
    excluded: dict[str, int] = field(default_factory=dict)
    tie_break: str = ""
    score: float = 0.0
    waited_s: float = 0.0
    used: int = 0
    capacity: int = 0
    ring: int = 0
    policy: str = ""


# In a conversation's stream.


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


class CustomerWrote(Event, frozen=True, tag="customer_wrote"):
    """The customer has written. ``said`` is with a conversation's first message only."""

    contact: str
    content: Content
    channel: str = ""
    said: Said | None = None


class AgentWrote(Event, frozen=True, tag="agent_wrote"):
    """``agent`` has written to the customer; if ``author`` is set, he did it in the agent's name (G11)."""

    agent: str
    contact: str
    content: Content
    author: str = ""


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


# In an agent's stream.


class LoggedIn(Event, frozen=True, tag="logged_in"):
    """A first session of the agent was opened, under a new epoch of the lease: one more than the last."""

    presence: str
    epoch: int = 0


class PresenceChosen(Event, frozen=True, tag="presence_chosen"):
    """The presence has changed, by the agent or for ``reason``.

    ``own``, of an agent who is no longer there for customers: what the policy makes of the agent's own
    conversations (``queue``, ``on_reply`` or ``keep``).
    """

    presence: str
    reason: str = ""
    own: str = ""


class LeaseLost(Event, frozen=True, tag="lease_lost"):
    """No session of the agent is alive any more; after ``grace_until`` the agent counts as gone.

    ``active_at``: when the agent last gave a sign of life.
    """

    grace_until: float
    reason: str
    active_at: float = 0.0


class LeaseRegained(Event, frozen=True, tag="lease_regained"):
    """A session of the agent is alive again before the grace was over."""


class LoggedOut(Event, frozen=True, tag="logged_out"):
    """The agent has left, was logged out (``by`` whom, if not by the policy), or has ``gone`` for good.

    Who is gone did not want to leave: the tokens of that epoch stay good. ``own``: what the policy makes of
    the agent's own conversations.
    """

    reason: str
    gone: bool = False
    own: str = ""
    by: str = ""


class InactivityWarned(Event, frozen=True, tag="inactivity_warned"):
    """Nothing was sent or clicked for long: the agent is logged out at ``logout_at`` (B2)."""

    logout_at: float


class ActiveAgain(Event, frozen=True, tag="active_again"):
    """A sign of life after the warning (B3)."""


class HandOverBegun(Event, frozen=True, tag="hand_over_begun"):
    """The agent leaves and hands all own conversations over (A4)."""

    presence: str
    to_agent: str = ""
    to_department: str = ""


class Moved(Struct, frozen=True, array_like=True, omit_defaults=True, gc=False):
    """What became of one conversation of a hand-over: ``assigned``, ``queued`` or ``kept``, and why."""

    conversation: str
    outcome: str
    to_agent: str = ""
    to_department: str = ""
    reason: str = ""


class HandedOver(Event, frozen=True, tag="handed_over"):
    """The hand-over, conversation by conversation; in the same turn as its beginning."""

    results: list[Moved]


# In the dispatcher's stream.


class DeskApplied(Event, frozen=True, tag="desk_applied"):
    """A desk is in force; ``text`` is the whole desk file."""

    digest: str
    text: str
    source: str
    changes: list[str]


class SetAside(Event, frozen=True, tag="set_aside"):
    """The daemon failed on a command:

    in which actor, on what, with which error; and the command as msgpack.
    """

    actor: str
    name: str
    error: str
    command: bytes


class ShadowApplied(Event, frozen=True, tag="shadow_applied"):
    """A desk decides in the shadow, without effect; with an empty text none does any more."""

    digest: str
    text: str


class OrderChanged(Event, frozen=True, tag="order_changed"):
    """The order of a department's queue was changed while running (D2).

    ``until``: ``backlog`` ends it at the turn of somebody who waited before ``backlog_before``.
    """

    department: str
    order: str
    by: str
    until: str = ""
    backlog_before: float = 0.0


class Healed(Event, frozen=True, tag="healed"):
    """The auditor has found the dispatcher's view and the truth apart, and has put the view right."""

    violation: str
    about: str
    found: str
    expected: str


AnyEvent = (
    Started
    | Queued
    | CustomerWrote
    | AgentWrote
    | Offered
    | OfferDeclined
    | OfferExpired
    | OfferWithdrawn
    | Assigned
    | Released
    | Ended
    | SetAside
    | LoggedIn
    | PresenceChosen
    | LeaseLost
    | LeaseRegained
    | LoggedOut
    | DeskApplied
    | Greeted
    | TransferStarted
    | TransferEnded
    | Invited
    | InvitationEnded
    | MemberJoined
    | MemberLeft
    | ConferenceEnded
    | FirstReplyMissed
    | AssigneeGone
    | AssigneeBack
    | InactivityWarned
    | ActiveAgain
    | HandOverBegun
    | HandedOver
    | ShadowApplied
    | OrderChanged
    | Healed
)
