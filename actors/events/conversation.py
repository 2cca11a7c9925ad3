"""What can have happened in a conversation."""

from __future__ import annotations

from msgspec import Struct, field

from actors.events.base import Event, Why
from protocol.content import CannedReply, Card, Content


class Started(Event, frozen=True, tag="started"):
    """A conversation has begun. ``previous``: the agent who served the customer last (D7).

    ``style``: how it ends and comes back; ``origin``: empty, or ``proactive`` (C8).
    """

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
    style: str = "live_chat"
    origin: str = ""


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
    authenticated: bool = False


class Ledger(Struct, frozen=True, array_like=True, omit_defaults=True, gc=False):
    """The account of a reply window: until when, and how often, may still be written to the customer (I).

    ``rule`` is the window's id and the trigger that has opened it this far. The window is open until
    ``until``, or while ``connected``; ``sends_left`` None is not counted. After it ``extra_left`` messages
    are allowed until ``extra_until``. ``over``: why it has closed before its time; ``lapsed``: that it has
    closed on a customer who waited was told.
    """

    rule: str
    until: float = 0.0
    connected: bool = False
    sends_left: int | None = None
    extra_until: float = 0.0
    extra_left: int | None = None
    over: str = ""
    lapsed: bool = False


class Sending(Struct, frozen=True, array_like=True, omit_defaults=True, gc=False):
    """What the gateway has to keep to with a message, and whether it is followed on its way.

    After ``expires_at`` it must not be sent, if that is not 0; ``tag`` is for the provider. If ``report_by``
    is not 0 the gateway reports on it until then. ``held``: an earlier one goes first, it follows then.
    """

    expires_at: float = 0.0
    tag: str = ""
    report_by: float = 0.0
    held: bool = False


class CustomerWrote(Event, frozen=True, tag="customer_wrote"):
    """The customer has written. ``said`` is with a conversation's first message only.

    ``window`` is the reply window after it, where the channel has one that counts or ends.
    """

    contact: str
    content: Content
    channel: str = ""
    said: Said | None = None
    window: Ledger | None = None


class AgentWrote(Event, frozen=True, tag="agent_wrote"):
    """``agent`` has written to the customer; if ``author`` is set, he did it in the agent's name (G11).

    ``shown_as``: what the customer sees as the agent (H8). ``asked``: the canned reply or card of which the
    content was made, as it was named (G3). ``channel`` is with the message that begins a conversation (C9).
    """

    agent: str
    contact: str
    content: Content
    author: str = ""
    shown_as: str = ""
    asked: CannedReply | Card | None = None
    sending: Sending | None = None
    channel: str = ""


class Greeted(Event, frozen=True, tag="greeted"):
    """The daemon has answered the customer by itself: ``online``, ``offline`` or ``turned_away`` (D10)."""

    kind: str
    text: str
    contact: str
    sending: Sending | None = None


class GreetingLeftOut(Event, frozen=True, tag="greeting_left_out"):
    """An automatic answer was left out: it would have spent the reply window's last message, or come late."""

    kind: str
    channel: str
    reason: str


class Triggered(Event, frozen=True, tag="triggered"):
    """The customer has done something that is no message; ``window`` is the reply window after it."""

    trigger: str
    contact: str
    window: Ledger | None = None
    channel: str = ""


class WindowLapsed(Event, frozen=True, tag="window_lapsed"):
    """The reply window has closed while the customer waited for an answer."""

    channel: str
    window: Ledger


class DeliveryReported(Event, frozen=True, tag="delivery_reported"):
    """A message, named by its ``sequence``, has got further on its way to the customer, or nowhere.

    ``state`` is ``queued``, ``sent``, ``delivered``, ``read``, ``failed``, ``expired`` or ``unknown``. With
    ``retry_at`` it is given to the gateway again then; ``holds``: what was written later waits for it.
    ``window``: the reply window, where the provider's answer has corrected it. ``channel``, ``reported`` and
    ``retry_after_s`` are as the gateway has said them; nothing was ``reported`` where the daemon says it
    itself. ``meaning``: what the daemon makes of it, for people.
    """

    sequence: int
    state: str
    code: str = ""
    reason: str = ""
    provider_id: str = ""
    attempt: int = 1
    retry_at: float = 0.0
    holds: bool = False
    window: Ledger | None = None
    channel: str = ""
    reported: str = ""
    retry_after_s: float = 0.0
    meaning: str = ""


class SentAgain(Event, frozen=True, tag="sent_again"):
    """A message, named by its ``sequence``, is given to the gateway again, or for the first time after it was
    held. ``kind`` is that of an automatic answer.
    """

    sequence: int
    agent: str
    contact: str
    content: Content
    attempt: int
    report_by: float
    expires_at: float = 0.0
    tag: str = ""
    kind: str = ""
    shown_as: str = ""


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
    origin: str = ""


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

    ``how``: ``accepted``, ``taken`` (by hand), ``direct``, ``transferred``, ``handed_over`` or ``proactive``;
    ``by`` did it. ``origin`` is the conversation's.
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
    origin: str = ""


class Released(Event, frozen=True, tag="released"):
    """The assignee has lost the conversation; it goes back to the queue with its waiting time."""

    agent: str
    department: str
    since: float
    reason: str


class Ended(Event, frozen=True, tag="ended"):
    """The conversation is over. ``by``: ``agent``, ``customer``, ``limit`` (of the queue), ``time``, or
    ``desk`` (its channel was removed).
    """

    by: str
    contact: str
    reason: str = ""
    channel: str = ""
    notes: str = ""


class Solved(Event, frozen=True, tag="solved"):
    """The agent has solved it (F15): it closes at ``closes_at`` unless the customer writes before (F3)."""

    by: str
    reason: str
    closes_at: float
    notes: str = ""
    contact: str = ""


class StatusSet(Event, frozen=True, tag="status_set"):
    """The conversation is ``open``, ``pending`` or ``on_hold``; ``by`` an agent, or ``customer`` (F5)."""

    status: str
    by: str


class Reopened(Event, frozen=True, tag="reopened"):
    """Solved or ended, it is open again and ``agent``'s; without an agent it goes to a queue (F3, F14).

    ``how``: by the customer's ``reply``, or by an agent out of the ``history``. ``window``: what a later
    conversation has left of the reply window.
    """

    by: str
    agent: str
    how: str
    contact: str = ""
    window: Ledger | None = None


class EndScheduled(Event, frozen=True, tag="end_scheduled"):
    """An agent ends it ``after_s`` from then, at ``ends_at``, unless the customer writes before (F10)."""

    by: str
    ends_at: float
    reason: str = ""
    notes: str = ""
    after_s: float = 0.0


class EndCancelled(Event, frozen=True, tag="end_cancelled"):
    """The end that was scheduled does not come; ``by`` an agent, or ``customer``."""

    by: str
    reason: str = ""


class Interrupted(Event, frozen=True, tag="interrupted"):
    """The customer's side is over: by ``customer``, or ``desk`` (the channel was removed, F13).

    What is left is the agent's wrap-up (F11), until ``wrap_up_by`` if that is limited.
    """

    by: str
    contact: str
    reason: str = ""
    channel: str = ""
    wrap_up_by: float | None = None


class Muted(Event, frozen=True, tag="muted"):
    """What the customer writes is kept and reaches nobody (M1); ``by`` nobody: so it was before.

    ``agent`` had the conversation, and gets it back.
    """

    by: str
    agent: str = ""


class Unmuted(Event, frozen=True, tag="unmuted"):
    """The customer reaches agents again: ``agent``, who had the conversation, or a queue.

    With ``closes_at`` it is solved as before, for nobody has written meanwhile.
    """

    by: str
    agent: str = ""
    closes_at: float | None = None


class NoteWritten(Event, frozen=True, tag="note_written"):
    """An agent has written something down for the other agents."""

    agent: str
    text: str


class Tagged(Event, frozen=True, tag="tagged"):
    """An agent has put tags on, or taken them off."""

    by: str
    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)


class Renamed(Event, frozen=True, tag="renamed"):
    """The customer has another name in the channel (J2)."""

    name: str


class Rated(Event, frozen=True, tag="rated"):
    """The customer has said how it was, from 1 to 5 (O5)."""

    score: int
    comment: str = ""
    contact: str = ""
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
