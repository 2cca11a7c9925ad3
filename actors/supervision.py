"""What happens when a handler raises: its message is set aside, its actor rebuilt; and when that happens too
often.

A conversation that fails again and again is put out of action alone: nothing is offered or carried in it
until the next start, and everybody else goes on. Failures of different actors within a short time are not
poison but a fault of ours: the process stops and comes back from the journal (G14).
"""

from __future__ import annotations

from collections import deque

from actors.journal import Address, CommitUnknown, Deposed, JournalDamaged, StoreFailed

#: Never a message's fault: these end the process.
FATAL = (JournalDamaged, CommitUnknown, Deposed, StoreFailed, MemoryError)
#: So many failures put a conversation out of action.
STRIKES = 3
#: Failures of more actors than this within the period stop the process.
ACTORS_MAX = 3
PERIOD_S = 5.0


class TooManyFailures(Exception):
    """Actors fail faster than rebuilding them makes sense."""


class Supervisor:
    """Counts failures and says what they mean."""

    def __init__(self) -> None:
        self._recent: deque[tuple[float, Address]] = deque()
        self._strikes: dict[Address, int] = {}
        #: Conversations that are out of action.
        self.out: set[Address] = set()

    def failed(self, address: Address, now: float) -> bool:
        """Note a failure;

        True when it has just put the conversation out of action. Raises TooManyFailures.
        """
        recent = self._recent
        recent.append((now, address))
        while recent[0][0] < now - PERIOD_S:
            recent.popleft()
        conversations = {each for _, each in recent if each[0] == "conversation"}
        others = sum(each[0] != "conversation" for _, each in recent)
        many = len(conversations) + others
        if many > ACTORS_MAX:
            raise TooManyFailures(f"{many} within {PERIOD_S:g} s, the last in {'/'.join(address)}")
        strikes = self._strikes[address] = self._strikes.get(address, 0) + 1
        if address[0] != "conversation" or strikes < STRIKES or address in self.out:
            return False
        self.out.add(address)
        return True
