"""Which conversation a customer's message belongs to: one open conversation per customer and channel account
(D6, c10); and who served the customer last (D7).

| the customer's conversation | message | left | rating | reopened by an agent |
|---|---|---|---|---|
| known in memory | told to it | told to it | told to it | refused: names it |
| parked | bound again, told | bound again, told | bound again, told | refused: names it |
| none | a new one, for the previous agent first | nothing to end | told to the last one | bound to that |
| has just ended | bounced back: a new one | refused by it | told to it | bound to that |
| begins in this turn | follows, through the customer's actor | follows | follows | refused |
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from actors.events.conversation import Ledger


class Left(NamedTuple):
    """What a customer's last conversation leaves to the next: who has served him, and his reply window.

    ``over_at``: when it was over. Not the newest conversation is the last one but the one that was over last:
    an old one may have been taken up again (F14).
    """

    agent: str = ""
    window: Ledger | None = None
    over_at: float = 0.0


class Last(NamedTuple):
    """A customer's conversation that is over; of two the greater is the later one."""

    over_at: float
    conversation: str
    left: Left


class Bounced(NamedTuple):
    """The conversation had ended when this message came: begin a new one, with what this one leaves."""

    conversation: str
    told: Any
    left: Left


class ReopenWanted(NamedTuple):
    """An agent wants to take up a conversation of the contact again that has ended (F14): its ``reopen``."""

    told: Any
    contact: str


class Bound(NamedTuple):
    """An open conversation has come into memory: its customer's messages go to it."""

    contact: str
    conversation: str


class Closed(NamedTuple):
    """The conversation has ended, and leaves this."""

    contact: str
    conversation: str
    left: Left


class Forget(NamedTuple):
    """The conversation, open or ended, leaves memory: the store knows it from now on."""

    contact: str
    conversation: str


class Approach(NamedTuple):
    """An agent wants to begin this conversation with a visitor; the dispatcher has booked a place (C9)."""

    told: Any
    conversation: str
    previous: str = ""
    window: Ledger | None = None


class ToOpen(NamedTuple):
    """Pass an order on to the contact's open conversation, if there is one."""

    contact: str
    order: Any


def ended_key(channel: str, contact: str) -> str:
    """Return the look-up key of ended conversations; no open one has it, for no channel is called ""."""
    return f"/{channel}/{contact}"


class Bindings:
    """Customers and their conversations, as far as those are in memory: the open one, and the last that has
    ended with who served the customer.
    """

    __slots__ = ("_by_contact", "_ended", "find")

    def __init__(self, by_contact: dict[str, str] | None = None) -> None:
        self._by_contact: dict[str, str] = {} if by_contact is None else by_contact
        self._ended: dict[str, Last] = {}
        #: Return the customer's conversation: ``find(contact)``.
        self.find: Callable[[str], str | None] = self._by_contact.get

    def __len__(self) -> int:
        """How many customers have a conversation in memory."""
        return len(self._by_contact)

    def bind(self, contact: str, conversation: str) -> None:
        """From now on the customer's messages go to this conversation."""
        self._by_contact[contact] = conversation

    def close(self, contact: str, conversation: str, left: Left) -> None:
        """The conversation has ended: note what it leaves, if it is the last one."""
        if self._by_contact.get(contact) == conversation:
            del self._by_contact[contact]
        before = self._ended.get(contact)
        if before is None or before[:2] <= (left.over_at, conversation):
            self._ended[contact] = Last(left.over_at, conversation, left)

    def forget(self, contact: str, conversation: str) -> None:
        """Drop what is known by this conversation, unless the customer has a newer one by now."""
        if self._by_contact.get(contact) == conversation:
            del self._by_contact[contact]
        before = self._ended.get(contact)
        if before is not None and before.conversation == conversation:
            del self._ended[contact]

    def last(self, contact: str) -> Last | None:
        """Return the last of the customer's conversations that are over and in memory; the store may have a
        later one.
        """
        return self._ended.get(contact)
