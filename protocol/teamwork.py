"""Messages about who works on what: picking from queues, handing over, transfer, conference, help, reasons.

They belong to the vocabulary of ``protocol/messages.py``, which lists them.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from protocol.fields import CommandId, Contact, Message, Name, Number, Reason
from protocol.views import (
    ColleagueView,
    DecisionView,
    InvitationView,
    MovedView,
    ReasonView,
    WaitingView,
)

Note = Annotated[str, Meta(max_length=2_000)]
NameOrNone = Annotated[str, Meta(max_length=128)]

# From an agent, about the agent.


class StillHere(Message, frozen=True, tag="still_here"):
    """Something was clicked in the console: the time until the logout for inactivity begins anew (B1, B3).

    Not answered, and worth sending at most every few seconds; every command counts as well.
    """

    agent: Name


class HandOver(Message, frozen=True, tag="hand_over"):
    """Go away or offline, and hand all own conversations over, in one transaction (A4, A5, A13).

    To a colleague, to a department's queue, or, with neither, each to its own queue. The news ``handed_over``
    has the result of each conversation.
    """

    id: CommandId
    agent: Name
    presence: Literal["away", "offline"]
    to_agent: NameOrNone = ""
    to_department: NameOrNone = ""


class EndSession(Message, frozen=True, tag="end_session"):
    """End all sessions of another agent: somebody has walked away (PEERS c7). Needs ``end_sessions``."""

    id: CommandId
    agent: Name
    of_agent: Name
    reason: Reason = ""


# From an agent, about queues.


class TakeNext(Message, frozen=True, tag="take_next"):
    """Take the waiting conversation whose turn it is, of one department or of all the agent's own (D3)."""

    id: CommandId
    agent: Name
    department: NameOrNone = ""


class Take(Message, frozen=True, tag="take"):
    """Take this waiting conversation (D4, D6); if somebody was quicker the refusal says who."""

    id: CommandId
    agent: Name
    conversation: Name


class ReadQueue(Message, frozen=True, tag="read_queue"):
    """Ask who waits in a department's queue, in its order; refused where the list is hidden (D5)."""

    id: CommandId
    agent: Name
    department: Name
    limit: Annotated[int, Meta(ge=1, le=500)] = 100


class SetOrder(Message, frozen=True, tag="set_order"):
    """Change the order of a department's queue while it runs (D2). Needs ``set_order``.

    ``until`` = ``backlog``: back to the desk's order as soon as the turn comes to somebody who waited already
    when the order was changed. An empty ``order`` goes back to the desk's at once.
    """

    id: CommandId
    agent: Name
    department: Name
    order: Literal["", "longest_wait", "newest", "priority", "deadline"]
    until: Literal["", "backlog"] = ""


# From an agent, about a conversation.


class Transfer(Message, frozen=True, tag="transfer"):
    """Give a conversation to a colleague or to a department's queue (G1-G8); with both, to the colleague, in
    that department.

    The assignee keeps it until somebody has accepted, unless the policy is immediate. Whoever has
    ``transfer_for_others`` may do it with a colleague's conversation, also to oneself (G8).
    """

    id: CommandId
    agent: Name
    conversation: Name
    to_agent: NameOrNone = ""
    to_department: NameOrNone = ""
    note: Note = ""
    reason: Reason = ""


class CancelTransfer(Message, frozen=True, tag="cancel_transfer"):
    """Take a transfer back that nobody has accepted yet."""

    id: CommandId
    agent: Name
    conversation: Name


class Invite(Message, frozen=True, tag="invite"):
    """Ask a colleague to join a conversation (G9); pending until answered or timed out (E7, G10)."""

    id: CommandId
    agent: Name
    conversation: Name
    invited: Name
    note: Note = ""


class CancelInvitation(Message, frozen=True, tag="cancel_invitation"):
    """Take an invitation back."""

    id: CommandId
    agent: Name
    conversation: Name
    invited: Name


class Join(Message, frozen=True, tag="join"):
    """Accept an invitation: from now on a member of the conversation, with its thread."""

    id: CommandId
    agent: Name
    conversation: Name
    invitation: Name


class RefuseInvitation(Message, frozen=True, tag="refuse_invitation"):
    """Refuse an invitation."""

    id: CommandId
    agent: Name
    conversation: Name
    invitation: Name
    reason: Reason = ""


class Leave(Message, frozen=True, tag="leave"):
    """Leave a conversation that one has joined."""

    id: CommandId
    agent: Name
    conversation: Name


class EndConference(Message, frozen=True, tag="end_conference"):
    """Let all members and invitations go; the assignee stays (G10). ``reason`` is a wrap-up reason (F12)."""

    id: CommandId
    agent: Name
    conversation: Name
    reason: Reason = ""


# Questions of agents.


class ReadColleagues(Message, frozen=True, tag="read_colleagues"):
    """Ask for the agents of one's own departments and those below, with state and load (A10, L1)."""

    id: CommandId
    agent: Name


class Explain(Message, frozen=True, tag="explain"):
    """Ask why a conversation was offered and assigned as it was. Needs ``explain``, or to be the assignee."""

    id: CommandId
    agent: Name
    conversation: Name


class WhyNot(Message, frozen=True, tag="why_not"):
    """Ask why a waiting conversation does not come to an agent. About others it needs ``explain``."""

    id: CommandId
    agent: Name
    conversation: Name
    of_agent: Name


class WhyIdle(Message, frozen=True, tag="why_idle"):
    """Ask why an agent gets nothing. About others it needs ``explain``."""

    id: CommandId
    agent: Name
    of_agent: Name


# A question of gateways.


class ReadPosition(Message, frozen=True, tag="read_position"):
    """Ask for a customer's place in the queue (PEERS c22)."""

    id: CommandId
    channel: Name
    contact: Contact


# Answers.


class Position(Message, frozen=True, tag="position"):
    """The customer's place, 1 is next, and an estimate of the wait; ``waiting`` false: not in a queue."""

    id: CommandId
    waiting: bool
    place: Number = 0
    estimated_wait_s: float = 0.0
    department: str = ""


class WaitingList(Message, frozen=True, tag="waiting_list"):
    """The answer to ``read_queue``: the first of those who wait, and how many there are."""

    id: CommandId
    department: str
    waiting: list[WaitingView]
    total: Number
    order: str


class Colleagues(Message, frozen=True, tag="colleagues"):
    """The answer to ``read_colleagues``: the first 2,000 in the desk's order, and how many there are."""

    id: CommandId
    colleagues: list[ColleagueView]
    total: Number = 0


class Explanation(Message, frozen=True, tag="explanation"):
    """The answer to ``explain``: every decision about the conversation, in order."""

    id: CommandId
    conversation: str
    decisions: list[DecisionView]


class Reasons(Message, frozen=True, tag="reasons"):
    """The answer to ``why_not`` and ``why_idle``: all that stands in the way; empty if nothing does."""

    id: CommandId
    reasons: list[ReasonView]


# News of agents' streams.


class LogoutWarning(Message, frozen=True, tag="logout_warning"):
    """The agent is logged out at ``logout_at`` unless there is a sign of life before (B2); 0: there was."""

    logout_at: float


class HandedOver(Message, frozen=True, tag="handed_over"):
    """The hand-over is done; what became of each conversation (A4)."""

    results: list[MovedView]


class TransferStarted(Message, frozen=True, tag="transfer_started"):
    """Somebody is asked to take the conversation; until then the assignee keeps it (G4, G7)."""

    by: str
    to_agent: str = ""
    to_department: str = ""
    deadline_at: float = 0.0
    note: str = ""


class TransferEnded(Message, frozen=True, tag="transfer_ended"):
    """The transfer is over: ``accepted``, ``declined``, ``expired``, ``withdrawn`` or ``unavailable``.

    Unless it was accepted the assignee, ``agent``, still has the conversation (G7).
    """

    outcome: str
    agent: str = ""
    reason: str = ""


class InvitationMade(Message, frozen=True, tag="invitation_made"):
    """The agent is asked to join a conversation."""

    invitation: InvitationView


class InvitationEnded(Message, frozen=True, tag="invitation_ended"):
    """An invitation was answered: ``joined`` (OK), ``refused``, ``expired`` or ``withdrawn`` (No) (E7)."""

    invitation: str
    agent: str
    outcome: str
    reason: str = ""


class Joined(Message, frozen=True, tag="joined"):
    """An agent has joined the conversation (G10)."""

    agent: str


class Left(Message, frozen=True, tag="left"):
    """An agent has left the conversation, and is not its assignee."""

    agent: str
    reason: str = ""


class FirstReplyMissed(Message, frozen=True, tag="first_reply_missed"):
    """The assignee has not answered the customer in time; supervisors hear of it too (PEERS c5)."""

    agent: str
    since: float


class OrderChanged(Message, frozen=True, tag="order_changed"):
    """The order of a department's queue has changed (D2)."""

    department: str
    order: str
    by: str = ""


# News of channels' streams.


class AutomaticReply(Message, frozen=True, tag="automatic_reply"):
    """The daemon answers the customer by itself (D10): ``online``, ``offline`` or ``turned_away``.

    ``attempt``, ``expires_at`` and ``tag`` are those of ``agent_said``.
    """

    kind: str
    text: str
    attempt: int = 1
    expires_at: float = 0.0
    tag: str = ""
