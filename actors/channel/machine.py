"""Which conversation a customer's message belongs to: one open conversation per customer and channel account
(D6, c10).

| the customer's conversation | message | left |
|---|---|---|
| known in memory | told to it | told to it |
| parked | bound again, told to it | bound again, told to it |
| none | a new conversation | nothing to end |
| has just ended | bounced back: a new conversation | refused by it |
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Bounced(NamedTuple):
    """The conversation had ended when this message came: begin a new one."""

    conversation: str
    told: Any


class Bound(NamedTuple):
    """An open conversation has come into memory: its customer's messages go to it."""

    contact: str
    conversation: str


class Forget(NamedTuple):
    """The conversation has ended or is parked: no longer in memory under this contact."""

    contact: str
    conversation: str


class Bindings:
    """Customers and their open conversations, as far as those are in memory."""

    __slots__ = ("_by_contact", "find")

    def __init__(self) -> None:
        self._by_contact: dict[str, str] = {}
        #: Return the customer's conversation: ``find(contact)``.
        self.find: Callable[[str], str | None] = self._by_contact.get

    def __len__(self) -> int:
        """How many customers have a conversation in memory."""
        return len(self._by_contact)

    def bind(self, contact: str, conversation: str) -> None:
        """From now on the customer's messages go to this conversation."""
        self._by_contact[contact] = conversation

    def forget(self, contact: str, conversation: str) -> None:
        """Drop a binding, unless the customer has a newer conversation by now."""
        if self._by_contact.get(contact) == conversation:
            del self._by_contact[contact]
