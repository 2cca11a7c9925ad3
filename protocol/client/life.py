"""The verbs about the life of a conversation, for both clients.

``R`` is what a verb gives back: an ``Ack``, or a coroutine that brings one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from protocol.life import AddNote, CancelEnd, Reopen, SetStatus, Tag
from protocol.messages import End

R = TypeVar("R")


class LifeVerbs(Generic[R]):
    """What an agent can do with the status, the end and the labels of a conversation."""

    _ask: Callable[..., R]

    def end(
        self, agent: str, conversation: str, reason: str = "", *, after_s: float = 0, notes: str = ""
    ) -> R:
        """End a conversation with a wrap-up reason, now or after so many seconds.

        By its style it has ended then, or is solved and closes by itself later.
        """
        what = {"conversation": conversation, "reason": reason, "after_s": after_s, "notes": notes}
        return self._ask(End, agent=agent, **what)

    def cancel_end(self, agent: str, conversation: str) -> R:
        """Take back an end that was to come later."""
        return self._ask(CancelEnd, agent=agent, conversation=conversation)

    def set_status(self, agent: str, conversation: str, status: str) -> R:
        """Say what a conversation waits for: ``pending`` for the customer, ``on_hold``; or it is ``open``."""
        return self._ask(SetStatus, agent=agent, conversation=conversation, status=status)

    def reopen(self, agent: str, conversation: str) -> R:
        """Open a conversation again that is solved or has ended."""
        return self._ask(Reopen, agent=agent, conversation=conversation)

    def add_note(self, agent: str, conversation: str, text: str) -> R:
        """Write something down for the other agents; the customer never sees it."""
        return self._ask(AddNote, agent=agent, conversation=conversation, text=text)

    def tag(self, agent: str, conversation: str, add: Sequence[str] = (), remove: Sequence[str] = ()) -> R:
        """Put tags on a conversation, or take them off."""
        tags: dict[str, Any] = {"add": list(add), "remove": list(remove)}
        return self._ask(Tag, agent=agent, conversation=conversation, **tags)
