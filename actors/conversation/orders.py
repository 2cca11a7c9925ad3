"""What the other actors ask of a conversation; clients' commands come as ``Told``."""

from __future__ import annotations

from typing import NamedTuple

from actors.events.base import Why
from actors.events.conversation import Ledger
from actors.telling import Told
from protocol.errors import Code


class Refusal(NamedTuple):
    """A command was refused; nothing has changed."""

    code: Code
    message: str
    #: With WINDOW_CLOSED: the rule, when the window closes or has closed, and how many messages are left.
    window_rule: str = ""
    window_closes_at: float = 0.0
    sends_left: int | None = None


class Known(NamedTuple):
    """What is known of a customer when a conversation begins: what the last visit said, whether nobody is to
    be disturbed, and when he did last what may open a reply window, by trigger.
    """

    name: str = ""
    language: str = ""
    authenticated: bool = False
    place: str = ""
    muted: bool = False
    triggers: tuple[tuple[str, float], ...] = ()


class Begin(NamedTuple):
    """The customer's actor begins this conversation with his message; ``previous`` served him last, and
    ``window`` is what was left of the reply window in the conversation before.
    """

    told: Told
    previous: str
    known: Known = Known()
    window: Ledger | None = None


class VisitChanged(NamedTuple):
    """The customer has come to the site (``connect``), or has left it (``disconnect``)."""

    trigger: str


class BeginProactively(NamedTuple):
    """An agent begins this conversation with a visitor (C9): his ``invite_visitor``; see ``Begin``."""

    told: Told
    conversation: str
    previous: str
    known: Known
    window: Ledger | None = None


class MakeOffer(NamedTuple):
    """The dispatcher has decided: offer the conversation to this agent.

    It stands in a queue; being transferred to a department's queue it still has its assignee.
    """

    offer: str
    agent: str
    deadline_at: float
    why: Why


class AssignDirectly(NamedTuple):
    """The dispatcher has decided: the conversation is the agent's without asking (mode ``direct``, D8)."""

    agent: str
    why: Why


class Claim(NamedTuple):
    """An agent takes the conversation by hand (D3, D4, D6); ``refusal`` is the dispatcher's, if any."""

    told: Told
    agent: str
    why: Why | None
    refusal: Refusal | None = None


class TransferAsked(NamedTuple):
    """An agent's ``transfer``, with what the dispatcher knows: ``refusal`` if the target cannot take it.

    ``offer`` and ``deadline_at`` are for the offer to ``to_agent``, or the time of the whole transfer.
    """

    told: Told
    refusal: Refusal | None
    offer: str
    deadline_at: float


class InviteAsked(NamedTuple):
    """An agent's ``invite``, with what the dispatcher knows: ``refusal`` if the colleague is not there."""

    told: Told
    refusal: Refusal | None
    invitation: str
    deadline_at: float


class WithdrawOffer(NamedTuple):
    """The agent can no longer be offered anything, nor asked to join: told to all conversations that are
    offered to the agent, and to all of ``Report.members``. ``reason`` is a code of ``Reason``.
    """

    agent: str
    reason: str


class Release(NamedTuple):
    """The agent is gone: what is assigned to the agent goes back to the queue, or stays where the policy is
    to ``keep`` it; a member leaves.
    """

    agent: str
    reason: str
    keep: bool = False


class Reassign(NamedTuple):
    """The assignee hands the conversation over (A4): to a colleague, or to a department's queue."""

    agent: str
    to_agent: str
    to_department: str
    reason: str


class MoveTo(NamedTuple):
    """A waiting conversation goes to another department's queue (overflow), with its waiting time.

    One that is being transferred stays with its assignee instead: the transfer ends.
    """

    department: str
    reason: str


class TurnAway(NamedTuple):
    """A waiting conversation ends unanswered: the customer is told so (a missed chat).

    One that is being transferred stays with its assignee instead: the transfer ends.
    """

    reason: str
    text: str


class Greet(NamedTuple):
    """Answer the customer's first message (D10)."""

    kind: str
    text: str


class OwnerGone(NamedTuple):
    """The agent is gone; the policy leaves the conversation until the customer writes (D11), but what the
    customer has written already does not wait. A member leaves.
    """

    agent: str
    reason: str


class OwnerBack(NamedTuple):
    """The assignee is there again."""

    agent: str


class Reopening(NamedTuple):
    """An agent's ``reopen`` of one that has ended (F14), with what the channel knows: ``refusal`` if the
    customer has another open conversation. Without it the customer's messages come to this one already.
    """

    told: Told
    refusal: Refusal | None = None
    #: What the customer's last conversation has left of the reply window.
    window: Ledger | None = None


class Mute(NamedTuple):
    """The customer is not to reach any agent (M1); ``by`` an agent."""

    by: str


class Unmute(NamedTuple):
    """The customer reaches agents again: whoever had the conversation, or a queue."""

    by: str


class Shut(NamedTuple):
    """The customer is blocked (M2) ``by`` an agent: his conversation is over."""

    by: str


class ChannelGone(NamedTuple):
    """The channel may have left the desk (F13): whoever waits ends, an agent wraps up."""


class Expire(NamedTuple):
    """A deadline may have come: of the offer, the transfer, an invitation, the first reply, the end."""
