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


class Bounced(NamedTuple):
    """The conversation, last served by ``agent``, had ended when this message came: begin a new one.

    ``window`` is what it leaves of the reply window.
    """

    conversation: str
    told: Any
    agent: str
    window: Ledger | None = None


class ReopenWanted(NamedTuple):
    """An agent wants to take up a conversation of the contact again that has ended (F14): its ``reopen``."""

    told: Any
    contact: str


class Bound(NamedTuple):
    """An open conversation has come into memory: its customer's messages go to it."""

    contact: str
    conversation: str


class Closed(NamedTuple):
    """The conversation has ended; ``agent`` has served the customer last, and this is left of the window."""

    contact: str
    conversation: str
    agent: str
    window: Ledger | None = None


class Left(NamedTuple):
    """What a customer's last conversation leaves to the next: who has served him, and his reply window."""

    agent: str = ""
    window: Ledger | None = None


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
        self._ended: dict[str, tuple[str, Left]] = {}
        #: Return the customer's conversation: ``find(contact)``.
        self.find: Callable[[str], str | None] = self._by_contact.get

    def __len__(self) -> int:
        """How many customers have a conversation in memory."""
        return len(self._by_contact)

    def bind(self, contact: str, conversation: str) -> None:
        """From now on the customer's messages go to this conversation."""
        self._by_contact[contact] = conversation

    def close(self, contact: str, conversation: str, left: Left) -> None:
        """The conversation has ended: note what it leaves. Ids grow, and the newest counts."""
        if self._by_contact.get(contact) == conversation:
            del self._by_contact[contact]
        if conversation >= self._ended.get(contact, ("",))[0]:
            self._ended[contact] = (conversation, left)

    def forget(self, contact: str, conversation: str) -> None:
        """Drop what is known by this conversation, unless the customer has a newer one by now."""
        if self._by_contact.get(contact) == conversation:
            del self._by_contact[contact]
        if self._ended.get(contact, ("",))[0] == conversation:
            del self._ended[contact]

    def last(self, contact: str) -> str | None:
        """Return the customer's newest conversation that is over; None if none is known in memory."""
        found = self._ended.get(contact)
        return None if found is None else found[0]

    def left_by_last(self, contact: str) -> Left | None:
        """Return what the customer's last conversation has left; None if that is not known in memory."""
        found = self._ended.get(contact)
        return None if found is None else found[1]
