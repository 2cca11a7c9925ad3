"""Messages about the life of a conversation: its status, its end and its return, notes, tags, ratings.

They belong to the vocabulary of ``protocol/messages.py``, which lists them.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, field

from protocol.fields import CommandId, Contact, Message, Name

NoteText = Annotated[str, Meta(min_length=1, max_length=10_000)]
TagName = Annotated[str, Meta(min_length=1, max_length=64)]
TagNames = Annotated[list[TagName], Meta(max_length=32)]
Comment = Annotated[str, Meta(max_length=2_000)]

# From an agent, about a conversation.


class SetStatus(Message, frozen=True, tag="set_status"):
    """Say what a conversation waits for (F1): ``pending`` for the customer, ``on_hold`` for somebody else.

    Its style may release the agent's capacity meanwhile; the customer's next message makes it ``open`` (F5).
    """

    id: CommandId
    agent: Name
    conversation: Name
    status: Literal["open", "pending", "on_hold"]


class CancelEnd(Message, frozen=True, tag="cancel_end"):
    """Take back an end that was to come later (F10)."""

    id: CommandId
    agent: Name
    conversation: Name


class Reopen(Message, frozen=True, tag="reopen"):
    """Open a conversation again that is solved or has ended (F14): it is the agent's from then on.

    Refused while the customer has another open conversation; the refusal names it. Whether the channel still
    lets anything through to the customer shows when something is sent.
    """

    id: CommandId
    agent: Name
    conversation: Name


class AddNote(Message, frozen=True, tag="add_note"):
    """Write something down for the other agents, in the conversation's thread; the customer never sees it."""

    id: CommandId
    agent: Name
    conversation: Name
    text: NoteText


class Tag(Message, frozen=True, tag="tag"):
    """Put tags on a conversation, or take them off. What is so already changes nothing."""

    id: CommandId
    agent: Name
    conversation: Name
    add: TagNames = field(default_factory=list)
    remove: TagNames = field(default_factory=list)


# From a gateway.


class CustomerRating(Message, frozen=True, tag="customer_rating"):
    """The customer says how it was (O5): of the open conversation, or else of the last one; 5 is best.

    A later rating of the same conversation replaces the one before.
    """

    id: CommandId
    channel: Name
    contact: Contact
    score: Annotated[int, Meta(ge=1, le=5)]
    comment: Comment = ""


# News.


class StatusChanged(Message, frozen=True, tag="status_changed"):
    """The conversation has another status (F1): ``open``, ``pending``, ``on_hold`` or ``solved``.

    A solved one closes by itself at ``closes_at`` unless the customer writes before.
    """

    status: str
    by: str
    reason: str = ""
    closes_at: float = 0.0


class EndScheduled(Message, frozen=True, tag="end_scheduled"):
    """The conversation ends at ``ends_at`` unless that is cancelled, or the customer writes (F10)."""

    by: str
    ends_at: float
    reason: str = ""


class EndCancelled(Message, frozen=True, tag="end_cancelled"):
    """The end that was to come does not come: ``by`` is the agent, or ``customer``."""

    by: str


class Reopened(Message, frozen=True, tag="reopened"):
    """The conversation is open again (F3, F14), and is the agent's; with no agent, it goes to a queue.

    ``how``: by the customer's ``reply``, or by an agent out of the ``history``.
    """

    by: str
    agent: str
    how: str


class Interrupted(Message, frozen=True, tag="interrupted"):
    """The customer's side is over (F11, F13), nothing more can be sent: the agent wraps up with ``end``."""

    by: str
    reason: str = ""
    wrap_up_by: float = 0.0


class Noted(Message, frozen=True, tag="noted"):
    """An agent has written something down for the others."""

    agent: str
    text: str


class Tagged(Message, frozen=True, tag="tagged"):
    """The conversation's tags have changed."""

    by: str
    added: list[str]
    removed: list[str]


class Renamed(Message, frozen=True, tag="renamed"):
    """The customer has another name in the channel (J2)."""

    name: str


class Rated(Message, frozen=True, tag="rated"):
    """The customer has rated the conversation (O5)."""

    score: int
    comment: str = ""


class DoNotDisturbChanged(Message, frozen=True, tag="do_not_disturb_changed"):
    """The customer no longer reaches any agent (``on``), or does again (M1).

    What was solved before is solved again, until ``closes_at``, if nobody has written meanwhile.
    """

    on: bool
    by: str
    closes_at: float = 0.0
