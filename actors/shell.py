"""What every shell does the same way:

a command that was carried out before gets its first answer; events become entries.
"""

from __future__ import annotations

from typing import Any

from actors.events import AnyEvent
from actors.same import principal, same
from actors.scheduled import ScheduledActor
from actors.telling import Told
from protocol.errors import Code
from protocol.messages import Ack


class Shell(ScheduledActor):
    """An actor with a stream of its own in the journal."""

    def answered_before(self, told: Told) -> bool:
        """Answer a repeated command with its first answer (G3); False if the command is new."""
        found = self.system.first_entry(told)
        if found is None:
            return False
        position, entry = found
        if same(told.message, entry):
            conversation = entry.id if entry.kind == "conversation" else ""
            self.system.reply(
                told, Ack(told.message.id, position, conversation, entry.sequence, duplicate=True)
            )
        else:
            self.system.refuse(told, Code.ID_REUSED, "this command id was used before, for something else")
        return True

    def shut_out(self, told: Told) -> bool:
        """Refuse a command of a session that is over, however it got here; False if it may be carried out."""
        session = told.session
        if session is None or session.epoch == session.lease.epoch:
            return False
        self.system.refuse(told, Code.NOT_AUTHENTICATED, session.refusal())
        return True

    def take_in(self, caused: list[AnyEvent], told: Told | None = None) -> None:
        """Record events and apply them; the command that caused them is acknowledged once."""
        carrier = 0 if told is None or len(caused) == 1 else principal(told.message, caused)
        system, now = self.system, self.system.now
        sequence = self.sequence()
        for place, event in enumerate(caused):
            sequence += 1
            system.record(self, event, sequence, self.audience(event), told if place == carrier else None)
            self.apply(event, sequence, now)

    def audience(self, event: Any) -> tuple[str, ...]:
        """Return who must learn of an event, before it is applied."""
        raise NotImplementedError
