"""What agents are shown of offers, conversations, queues and colleagues: parts of messages of the wire.

Times are seconds since 1970.
"""

from __future__ import annotations

from msgspec import Struct, field


class View(Struct, frozen=True, omit_defaults=True):
    """The base of every view."""


class WindowView(View, frozen=True):
    """Until when, and how often, may still be written to the customer (I): the channel's reply window.

    ``closes_at`` 0: not before the customer disconnects; no ``sends_left``: not counted. ``extra_until``:
    until when people may still write after that, ``extra_sends_left`` times.
    """

    rule: str
    closes_at: float = 0.0
    sends_left: int | None = None
    extra_until: float = 0.0
    extra_sends_left: int | None = None
    over: str = ""


class OfferView(View, frozen=True):
    """A live offer, as the agent may see it (E2).

    ``kind``: ``new`` for a waiting customer, ``transfer`` for a colleague's conversation; then
    ``from_agent`` has it and ``note`` is the colleague's message (G3). ``origin``: empty, or ``proactive``
    for one that an agent has begun (C8).
    """

    conversation: str
    offer: str
    department: str
    channel: str
    contact: str
    deadline_at: float
    waiting_since: float
    name: str = ""
    kind: str = "new"
    from_agent: str = ""
    note: str = ""
    channel_name: str = ""
    origin: str = ""


class ConversationView(View, frozen=True):
    """A conversation assigned to the agent, or that the agent is a member of; ``sequence`` is its newest.

    ``assignee`` and ``members``: who else is in it (G9). ``question``, ``started_at`` and ``email``:
    for its header (H11). ``ends_at``: when it ends unless that is cancelled (F10).
    """

    conversation: str
    department: str
    channel: str
    contact: str
    sequence: int
    name: str = ""
    assignee: str = ""
    members: tuple[str, ...] = ()
    question: str = ""
    started_at: float = 0.0
    email: str = ""
    status: str = "open"
    style: str = ""
    closes_at: float = 0.0
    ends_at: float = 0.0
    tags: tuple[str, ...] = ()
    window: WindowView | None = None
    channel_name: str = ""
    origin: str = ""


class InvitationView(View, frozen=True):
    """A colleague asks the agent to join a conversation (G9, G10)."""

    conversation: str
    invitation: str
    department: str
    channel: str
    contact: str
    from_agent: str
    deadline_at: float
    name: str = ""
    note: str = ""


class WaitingView(View, frozen=True):
    """A conversation that waits in a queue (D4, D9); ``place`` counts from 1 in the order of the queue."""

    conversation: str
    department: str
    channel: str
    contact: str
    waiting_since: float
    place: int
    name: str = ""
    priority: int = 0
    offered_to: str = ""
    channel_name: str = ""
    origin: str = ""


class ColleagueView(View, frozen=True):
    """A colleague with state and load (A10, L1); ``available``: would be offered something now."""

    agent: str
    name: str
    departments: tuple[str, ...]
    presence: str
    reachable: bool
    available: bool
    used: int
    capacity: int
    conversations: int
    offers: int


class MovedView(View, frozen=True):
    """What became of one conversation of a hand-over (A4).

    ``outcome`` is ``assigned``, ``queued`` or ``kept``; ``reason`` is a code of docs/routing.md.
    """

    conversation: str
    outcome: str
    to_agent: str = ""
    to_department: str = ""
    reason: str = ""


class ReasonView(View, frozen=True):
    """A reason by its code, with its sentence and what it is about: an agent, a skill, a number."""

    code: str
    sentence: str
    about: str = ""


class DecisionView(View, frozen=True):
    """A decision of the dispatcher as the journal keeps it; ``trigger``, ``rule`` and ``choice`` are codes.

    ``considered``: how many agents, or waiting conversations, were eligible; ``excluded``: how many agents
    were not, by code; ``tie_break``: what decided among equals; ``policy``: the first digits of the digest
    of the desk in force. ``by``: who has decided it, if a person has; ``department``: into whose queue it
    went, or is to go.
    """

    at: float
    sequence: int
    agent: str
    outcome: str
    trigger: str
    rule: str
    choice: str
    considered: int = 0
    excluded: dict[str, int] = field(default_factory=dict)
    tie_break: str = ""
    score: float = 0.0
    waited_s: float = 0.0
    used: int = 0
    capacity: int = 0
    ring: int = 0
    policy: str = ""
    by: str = ""
    department: str = ""


class PageView(View, frozen=True):
    """A page that a visitor has opened (C6)."""

    at: float
    page: str
    title: str = ""


class AbuseView(View, frozen=True):
    """A customer on a list of abuse (M1, M2): ``by`` whom, since when, because of which conversation.

    ``reference``: see ``customer_view``.
    """

    channel: str
    contact: str
    by: str
    since: float
    conversation: str
    name: str = ""
    reference: str = ""
