"""What a conversation is: its state, what a decision may know beside it, and how decisions answer.

Everything that changes a conversation is an event, and ``changes.py`` alone takes events into the state. What
may happen is decided by three tables, each with an answer to every pair: ``machine.py`` (its life, with the
rules of ``endings.py`` and ``labels.py``), ``transfer.py`` (how it changes hands), ``conference.py`` (who
else is in it).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, NamedTuple

from msgspec import Struct

from actors.conversation import outbox
from actors.conversation.limits import Rules
from actors.conversation.orders import Refusal
from actors.conversation.outbox import Outbound
from actors.events import AnyEvent
from actors.events.conversation import Ledger
from actors.media import Medium
from actors.permissions import may, may_in
from config.desk import Desk
from config.routing import Permission
from protocol.errors import Code


class Status(StrEnum):
    """Where a conversation stands (F1); docs/conversations.md has the table."""

    NEW = "new"
    QUEUED = "queued"
    OFFERED = "offered"
    OPEN = "open"
    PENDING = "pending"
    ON_HOLD = "on_hold"
    SOLVED = "solved"
    WRAP_UP = "wrap_up"
    MUTED = "muted"
    ENDED = "ended"

    # Enum's own hash runs Python code at every look-up in the table; equal texts have equal hashes here too.
    __hash__ = str.__hash__


#: An agent works on it, or waits for somebody: both sides can still reach each other.
IN_HAND = frozenset({Status.OPEN, Status.PENDING, Status.ON_HOLD})
#: The customer's next message belongs to it; from all others it begins a new one.
BINDING = frozenset({Status.QUEUED, Status.OFFERED, *IN_HAND, Status.SOLVED, Status.MUTED})
#: It is over for the customer.
OVER = frozenset({Status.WRAP_UP, Status.ENDED})
#: An agent has yet to answer it.
OWES_ANSWER = frozenset({Status.QUEUED, Status.OFFERED, *IN_HAND})
#: Statuses in which the dispatcher has nothing to do with a conversation.
NOBODYS = frozenset({Status.NEW, Status.SOLVED, Status.MUTED, Status.ENDED})


class Offer(Struct, array_like=True, gc=False):
    """The live offer of a conversation; ``kind`` is ``new`` or ``transfer``, ``note`` the colleague's."""

    offer: str
    agent: str
    deadline_at: float
    kind: str = "new"
    from_agent: str = ""
    note: str = ""


class Transfer(Struct, array_like=True, gc=False):
    """A transfer that nobody has accepted yet; ``entered``: since when it stands in ``to_department``."""

    by: str
    to_agent: str
    to_department: str
    deadline_at: float
    note: str = ""
    entered: float = 0.0


class Invitation(Struct, array_like=True, gc=False):
    """A colleague is asked to join."""

    invitation: str
    by: str
    deadline_at: float
    note: str = ""


class Ending(Struct, array_like=True, gc=False):
    """An end that an agent has set for later (F10)."""

    by: str
    ends_at: float
    reason: str = ""
    notes: str = ""


class Conversation(Struct, array_like=True):
    """The state of a conversation; times are seconds since 1970.

    It has an assignee while it is in hand (``IN_HAND``), solved, or being wrapped up. The live offer is
    ``offer``, whether the conversation waits (OFFERED) or is being transferred: there is room for one only.
    """

    status: Status = Status.NEW
    sequence: int = 0
    channel: str = ""
    contact: str = ""
    name: str = ""
    language: str = ""
    department: str = ""
    since: float = 0.0
    assignee: str = ""
    offer: Offer | None = None
    #: The last assignee: may still read the thread when the conversation has ended.
    previous: str = ""
    #: Who has declined or not answered, and when: not asked again while there are others.
    declined: dict[str, float] = {}
    #: Since when it stands in this department's queue.
    entered: float = 0.0
    priority: int = 0
    skills: dict[str, int] = {}
    #: Who served the customer in the conversation before this one (D7).
    served_before: str = ""
    transfer: Transfer | None = None
    #: Who else is in it; never changed in place.
    members: tuple[str, ...] = ()
    #: By agent; never changed in place.
    invitations: dict[str, Invitation] = {}
    #: Until when the assignee should have answered for the first time (PEERS c5).
    first_reply_by: float | None = None
    assigned_at: float = 0.0
    #: The assignee is gone: the customer's next message takes the conversation to the queue (D11).
    assignee_gone: bool = False
    greeted: bool = False
    #: The customer has written, and nobody has answered since.
    unanswered: bool = False
    #: For the header of the agent's window (H11).
    started_at: float = 0.0
    question: str = ""
    email: str = ""
    style: str = "live_chat"
    #: When it closes: a solved one by its style, one that is being wrapped up by the policy.
    closes_at: float | None = None
    ending: Ending | None = None
    #: Whose it was when the customer was muted: who gets it back.
    muted_from: str = ""
    #: Never changed in place.
    tags: tuple[str, ...] = ()
    #: The account of the reply window; None where nothing has to be kept account of.
    window: Ledger | None = None
    #: The sequence at which the customer has opened the window last.
    window_at: int = 0
    #: The messages that are followed on their way to the customer, by sequence; never changed in place.
    outbox: dict[int, Outbound] = {}
    #: What has begun it: the customer (empty), or an agent (``proactive``, C8).
    origin: str = ""
    #: When it was over for the customer, last: the newest of them says who comes first, and what is left.
    over_at: float = 0.0
    #: When it would have closed, had the customer not been muted: it was solved then.
    solved_until: float | None = None

    def deadline(self) -> float | None:
        """Return the next time at which something is over by itself."""
        pressing = self.pressing()
        if self.window is None and not self.outbox:
            return pressing
        times = (pressing, self.window_closes_at(), outbox.deadline(self.outbox))
        return min((at for at in times if at is not None), default=None)

    def pressing(self) -> float | None:
        """Return the next time that somebody waits for."""
        times = []
        if self.invitations:
            times += [invitation.deadline_at for invitation in self.invitations.values()]
        if self.closes_at is not None:
            times.append(self.closes_at)
        if self.ending is not None:
            times.append(self.ending.ends_at)
        if self.offer is not None:
            times.append(self.offer.deadline_at)
        elif self.transfer is not None:
            times.append(self.transfer.deadline_at)
        if self.first_reply_by is not None:
            times.append(self.first_reply_by)
        return min(times) if times else None

    def window_closes_at(self) -> float | None:
        """Return when the reply window closes on a customer who waits for an answer, until that was told."""
        ledger = self.window
        if ledger is None or ledger.connected or ledger.lapsed or not self.unanswered:
            return None
        return ledger.until if self.status in OWES_ANSWER else None

    def served_by(self) -> str:
        """Return who has served this customer last; "" if nobody ever has."""
        return self.assignee or self.previous or self.served_before


class Facts(NamedTuple):
    """What a decision may know beside the state.

    ``there(agent)``: the agent is logged in, and does not give the own conversations up; ``keeps(agent)``: is
    absent, and keeps them. ``rules`` follow from the desk; ``media(media)``: what a medium of the tenant is,
    None if it is not there.
    """

    now: float
    desk: Desk
    there: Callable[[str], bool]
    keeps: Callable[[str], bool]
    media: Callable[[str], Medium | None]
    rules: Rules | None = None


Outcome = list[AnyEvent] | Refusal
Rule = Callable[[Conversation, Any, Facts], Outcome]


def nothing(_: Conversation, __: object, ___: Facts) -> Outcome:
    """News that came too late, and harms nobody."""
    return []


def not_yours(*_: object) -> Refusal:
    """The same answer for "not yours" and "does not exist" (G15)."""
    return Refusal(Code.NOT_ALLOWED, "no conversation of this agent has that id")


def closed(*_: object) -> Refusal:
    """The conversation has ended."""
    return Refusal(Code.CLOSED, "the conversation has ended")


def offer_gone(*_: object) -> Refusal:
    """There is no such offer or invitation, whoever asks (G15)."""
    return Refusal(Code.OFFER_GONE, "there is no such live offer or invitation to this agent")


def may_act(state: Conversation, agent: str, permission: Permission, desk: Desk) -> bool:
    """Say whether the conversation is the agent's own, or the role allows this to colleagues' ones (L2).

    One that has ended is still the last assignee's, a muted one that of whoever had it. What nobody has or
    had, or somebody who is no longer in the desk, is the department's.
    """
    whose = state.assignee or state.muted_from
    if state.status is Status.ENDED:
        whose = state.previous
    if whose in desk.agents:
        return agent == whose or may(desk, agent, permission, whose)
    return may_in(desk, agent, permission, state.department)


def without_wrap_up(reason: str, desk: Desk) -> Refusal | None:
    """Return the refusal where the desk wants a wrap-up reason, and one of its own (F12, G10)."""
    policies = desk.policies
    known = ", ".join(map(repr, policies.wrap_up_reasons))
    if not reason:
        if not policies.wrap_up_required:
            return None
        what = "a wrap-up reason is required (F12)"
    elif not known or reason in policies.wrap_up_reasons:
        return None
    else:
        what = f"{reason!r} is no wrap-up reason of the desk (F12)"
    return Refusal(Code.WRAP_UP, what + (f": give one of {known}" if known else ""))
