"""Reading what has happened: events by position, streams by sequence, mailboxes by number; and how far
consumers have received. Nothing else is changed here.

What is in memory is looked at first, then the store; both hold the same positions.
"""

from __future__ import annotations

from actors.journal import Address, Entry, Store, entries_at, read_record
from actors.mailbox import Mailbox
from actors.writebehind import WriteBehind


class Streams:
    """The part of the system that reads what has happened, for itself and for consumers."""

    store: Store
    write_behind: WriteBehind
    mailboxes: dict[Address, Mailbox]
    #: The mailboxes of which consumers have received more since the last commit that wrote them.
    mailboxes_received: set[Address]
    #: The events of the turn under way, and the position before the first of them.
    entries: list[Entry]
    head: int

    def entry_at(self, position: int) -> Entry | None:
        """Return the event at a position, of the journal or of the turn under way."""
        if position > self.head:
            return self.entries[position - self.head - 1]
        record = self.store.record_at(position)
        if record is None:
            return None
        return read_record(record)[position - record.first]

    def positions(self, stream: Address, after: int, limit: int) -> list[int]:
        """Return the positions of at most ``limit`` sequences of a stream after ``after``."""
        first = self.write_behind.first_pending(stream)
        found: list[int] = []
        if first is None or first > after + 1:
            wanted = limit if first is None else min(limit, first - after - 1)
            found = self.store.positions(stream, after, wanted)
        if first is not None and len(found) < limit and after + len(found) + 1 >= first:
            found += self.write_behind.positions(stream, after + len(found), limit - len(found))
        return found

    def read_stream(self, stream: Address, after: int, limit: int) -> list[Entry]:
        """Return at most ``limit`` events of a stream, or of a mailbox, after a sequence or number."""
        positions = self.positions(stream, after, limit)
        committed = [position for position in positions if position <= self.head]
        entries = list(entries_at(committed, self.store.record_at))
        if len(entries) == len(committed):
            entries += [self.entries[position - self.head - 1] for position in positions[len(committed) :]]
        return entries

    def mailbox(self, tenant: str, stream: str) -> Mailbox:
        """Return the mailbox of a consumer, with nothing in it if nothing was ever sent."""
        address = ("mailbox", tenant, stream)
        mailbox = self.mailboxes.get(address)
        if mailbox is None:
            mailbox = self.mailboxes[address] = Mailbox(tenant, stream)
        return mailbox

    def deliveries(self, mailbox: Mailbox, after: int, limit: int) -> list[Entry]:
        """Return the events of a mailbox after a number:

        from memory if they are there, else from the journal.
        """
        entries = mailbox.after(after, limit)
        if entries is None:
            entries = self.read_stream(mailbox.address, after, limit)
        return entries

    def received(self, mailbox: Mailbox, number: int) -> None:
        """Note how far a consumer has received; it is written with a later commit."""
        if mailbox.advance(number):
            self.mailboxes_received.add(mailbox.address)

    def note_received(self) -> None:
        """Have what consumers have received written with this turn."""
        if self.mailboxes_received:
            for address in self.mailboxes_received:
                self.write_behind.dirty(address, self.head + 1)
            self.mailboxes_received.clear()
