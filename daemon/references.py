"""References: what stands, at one console, for customers' identifiers that its people may not see.

A contact that is a phone number is shown as stars. Whoever wants to ask about that customer, or to write,
sends back the reference that came with it; here it is turned into the contact again. It means something on
this connection only.
"""

from __future__ import annotations

import secrets
import threading
from typing import Any

from msgspec.structs import replace

#: So many are remembered, the newest; an older one means nothing any more: ask for the list again.
REMEMBERED_MAX = 10_000
#: The fields of questions and commands in which one may stand.
FIELDS = ("contact", "of_contact")


class References:
    """The references of one connection. Nobody can guess one, so no customer can call himself by it."""

    def __init__(self) -> None:
        self._secret = secrets.token_hex(8)
        #: Long answers are masked on the thread that reads them.
        self._lock = threading.Lock()
        self._count = 0
        self._meant: dict[str, str] = {}
        self._given: dict[str, str] = {}

    def refer(self, text: str) -> str:
        """Return what stands for an identifier, the same as before if it is still remembered."""
        with self._lock:
            reference = self._given.get(text)
            if reference is None:
                self._count += 1
                reference = f"{self._secret}/{self._count}"
                self._given[text], self._meant[reference] = reference, text
                if len(self._meant) > REMEMBERED_MAX:
                    oldest = next(iter(self._meant))
                    del self._given[self._meant.pop(oldest)]
            return reference

    def meant(self, message: Any) -> Any:
        """Return a message with the identifiers in it that it refers to."""
        with self._lock:
            found = {
                field: self._meant[value]
                for field in FIELDS
                if isinstance(value := getattr(message, field, None), str) and value in self._meant
            }
        return replace(message, **found) if found else message
