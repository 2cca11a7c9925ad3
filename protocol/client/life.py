"""The verbs about the life of a conversation."""

from __future__ import annotations

from collections.abc import Sequence

from protocol.client.verbs import Client, Request, verb
from protocol.life import AddNote, CancelEnd, Reopen, SetStatus, Tag
from protocol.messages import Ack, End


class Life(Client):
    """What an agent can do with the status, the end and the labels of a conversation."""

    @verb
    def end(
        self, agent: str, conversation: str, reason: str = "", *, after_s: float = 0, notes: str = ""
    ) -> Request[Ack]:
        """End a conversation with a wrap-up reason, now or after so many seconds.

        By its style it has ended then, or is solved and closes by itself later.
        """
        return Request(
            End, agent=agent, conversation=conversation, reason=reason, after_s=after_s, notes=notes
        )

    @verb
    def cancel_end(self, agent: str, conversation: str) -> Request[Ack]:
        """Take back an end that was to come later."""
        return Request(CancelEnd, agent=agent, conversation=conversation)

    @verb
    def set_status(self, agent: str, conversation: str, status: str) -> Request[Ack]:
        """Say what a conversation waits for: ``pending`` for the customer, ``on_hold``; or it is ``open``."""
        return Request(SetStatus, agent=agent, conversation=conversation, status=status)

    @verb
    def reopen(self, agent: str, conversation: str) -> Request[Ack]:
        """Open a conversation again that is solved or has ended."""
        return Request(Reopen, agent=agent, conversation=conversation)

    @verb
    def add_note(self, agent: str, conversation: str, text: str) -> Request[Ack]:
        """Write something down for the other agents; the customer never sees it."""
        return Request(AddNote, agent=agent, conversation=conversation, text=text)

    @verb
    def tag(
        self, agent: str, conversation: str, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> Request[Ack]:
        """Put tags on a conversation, or take them off."""
        return Request(Tag, agent=agent, conversation=conversation, add=list(add), remove=list(remove))
