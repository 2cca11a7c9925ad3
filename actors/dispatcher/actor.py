"""The shell of a tenant's dispatcher:

keeps the view, holds the desk, and tells conversations what to offer.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from actors import events
from actors.conversation.orders import MakeOffer, WithdrawOffer
from actors.dispatcher.decisions import Offer
from actors.dispatcher.facts import AgentNews, OwnedBy, Report
from actors.dispatcher.machine import View
from actors.journal import Address, SnapshotRow
from actors.recovery import parked_by_owner
from actors.runtime import System
from actors.shell import Shell
from actors.telling import Tick
from config.desk import Desk, parse_desk

#: The most offers that one look at a queue makes; the rest follow in the same turn.
OFFERS_AT_ONCE = 256


class ApplyDesk(NamedTuple):
    """Bring a desk into force; the caller has checked it. ``source`` is ``file`` or ``apply``."""

    text: str
    digest: str
    source: str
    changes: list[str]


class DispatcherState(Struct, array_like=True):
    """What the dispatcher keeps: the desk in force."""

    sequence: int = 0
    text: str = ""
    digest: str = ""
    #: The digest of the desk file that was last loaded from disk: tells whether the file has changed since.
    file_digest: str = ""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(DispatcherState)


class DispatcherActor(Shell):
    """One tenant's dispatcher."""

    kind = "dispatcher"

    def __init__(self, system: System, address: Address) -> None:
        super().__init__(system, address)
        self.state = DispatcherState()
        self.view = View(Desk(tenant=address[1]), "")

    @property
    def desk(self) -> Desk:
        """The desk in force."""
        return self.system.desks[self.address[1]]

    def on_receive(self, message: Any) -> None:
        """Take in news; queues that it touches are looked at when the inbox is worked through."""
        now = self.system.now
        self.unsettled = True
        match message:
            case Report():
                self.view.take_report(message, now)
            case AgentNews():
                self._take_agent(message)
            case Tick():
                pass  # What is due is decided when the inbox is worked through.
            case events.SetAside():
                self.take_in([message])
            case OwnedBy():
                self._pass_on(message)
            case ApplyDesk():
                self.take_in(
                    [events.DeskApplied(message.digest, message.text, message.source, message.changes)]
                )

    def _take_agent(self, news: AgentNews) -> None:
        self.view.take_agent(news, self.system.now)
        known = self.view.agent(news.agent)
        if not known.available:
            reason = "not reachable" if not known.reachable else f"presence is {known.presence}"
            for conversation in sorted(known.offers):
                self._tell_conversation(conversation, WithdrawOffer(news.agent, reason))

    def _pass_on(self, message: OwnedBy) -> None:
        known = self.view.agent(message.agent)
        # What was offered may have been accepted in this very turn; whoever it does not concern ignores it.
        conversations = known.owned | known.offers
        if known.parked:
            conversations.update(self.system.store.owned(self.address[1], message.agent))
        for conversation in sorted(conversations):
            self._tell_conversation(conversation, message.message)

    def _tell_conversation(self, conversation: str, message: Any) -> None:
        self.system.tell(("conversation", self.address[1], conversation), message)

    def settle(self) -> None:
        """Carry out what is due: nobody waits for a poll."""
        if not self.view.desk.departments:
            return
        now = self.system.now
        for decision in self.view.decide(now, OFFERS_AT_ONCE):
            assert isinstance(decision, Offer), "other decisions follow with the shells that carry them out"
            report = self.view.conversations[decision.conversation]
            deadline_at = now + self.view.department(report.department).offer_timeout_s
            offer = MakeOffer(self.system.make_id(), decision.agent, deadline_at, decision.why)
            self._tell_conversation(decision.conversation, offer)
        self.deadline = self.view.next_at

    def audience(self, event: Any) -> tuple[str, ...]:
        """Nobody is told of a desk."""
        return ()

    def apply(self, event: Any, sequence: int, at: float) -> None:
        """Take an event into the state."""
        self.state.sequence = sequence
        if isinstance(event, events.DeskApplied):
            self.state.text, self.state.digest = event.text, event.digest
            if event.source == "file":
                self.state.file_digest = event.digest
            self._bring_into_force()

    def _bring_into_force(self) -> None:
        tenant = self.address[1]
        self.system.desks[tenant] = parse_desk(self.state.text, f"the desk of {tenant} in the journal")
        self.system.facts.clear()
        self.view.set_desk(self.desk, self.state.digest, self.system.now)

    def sequence(self) -> int:
        """Return the newest sequence of the dispatcher's stream."""
        return self.state.sequence

    def freeze(self) -> SnapshotRow:
        """Return the state; dispatchers are always in memory."""
        return SnapshotRow(self.address, 0, _encoder.encode(self.state), live=True)

    def woken(self, *, from_parked: bool) -> None:
        """Fill the view: what is parked is counted in the store, who is in memory is asked, all in one go."""
        desk = self.system.desks.get(self.address[1], self.view.desk)
        self.view = View(desk, self.state.digest)
        tenant, now = self.address[1], self.system.now
        for owner, many in parked_by_owner(self.system, tenant).items():
            self.view.park(owner, "", 1, many)
        for (_, of_tenant, _), actor in self.system.actors.items():
            news = actor.announcement() if of_tenant == tenant else None
            if isinstance(news, Report):
                self.view.take_report(news, now)
            elif isinstance(news, AgentNews):
                self.view.take_agent(news, now)
        self.unsettled = True

    def thaw(self, body: bytes) -> None:
        """Take over a snapshot."""
        self.state = _decoder.decode(body)
        if self.state.text:
            self._bring_into_force()
