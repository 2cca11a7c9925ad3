"""The shell of a conversation:

gather facts, decide, record, apply; then report to the dispatcher what has changed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from actors.agent.machine import OfferUnanswered
from actors.channel.machine import Bounced, Bound, Forget
from actors.conversation.machine import (
    TABLE,
    Conversation,
    Facts,
    Status,
    apply,
    decide,
)
from actors.conversation.orders import Expire, Refusal
from actors.conversation.view import audience
from actors.dispatcher.facts import Report
from actors.events import AnyEvent, OfferExpired
from actors.journal import Address, SnapshotRow
from actors.runtime import System
from actors.shell import Shell
from actors.telling import Tick, Told
from protocol.errors import Code
from protocol.messages import CustomerMessage, ReadThread


class ThreadGrant(NamedTuple):
    """The agent may read the thread; whoever runs the turn answers with it after the flush."""

    id: bytes
    conversation: str
    after: int
    limit: int
    last: int


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Conversation)


class ConversationActor(Shell):
    """One conversation."""

    kind = "conversation"

    def __init__(self, system: System, address: Address) -> None:
        super().__init__(system, address)
        self.state = Conversation()
        #: The dispatcher was told of this conversation.
        self._known = False

    def on_receive(self, message: Any) -> None:
        """Carry out a command of a client or of another actor."""
        if type(message) is Told:
            self._carry_out(message)
            return
        command = Expire() if type(message) is Tick else message
        # Whatever the dispatcher has told, it hears what has come of it: it has booked what it decided.
        self.unsettled = True
        outcome = decide(self.state, command, self._facts())
        if outcome and not isinstance(outcome, Refusal):
            self.take_in(outcome)
            if type(command) is Expire:
                self._tell_unanswered(outcome)

    def _carry_out(self, told: Told) -> None:
        """The hot path:

        nearly every message that anybody writes causes one event, and goes straight through here.
        """
        command, system, state = told.message, self.system, self.state
        recent = told.recent or system.commands.of(told.tenant, told.sender)
        if (command.id <= recent.newest or command.id in recent.positions) and self.answered_before(told):
            return
        session = told.session
        if session is not None and session.epoch != session.lease.epoch:
            self.shut_out(told)
            return
        rule = TABLE[state.status].get(type(command))
        if rule is None:
            self._grant_thread(told)
            return
        outcome = rule(state, command, system.facts.get(told.tenant) or self._facts())
        if isinstance(outcome, Refusal):
            self._refused(told, outcome)
        elif len(outcome) == 1:
            event, sequence = outcome[0], state.sequence + 1
            system.record(self, event, sequence, audience(state, event), told)
            if apply(state, event, sequence, system.now):
                self.unsettled = True
        else:
            self.take_in(outcome, told)

    def _grant_thread(self, told: Told) -> None:
        wanted, state = told.message, self.state
        assert type(wanted) is ReadThread, "only reading is no row of the table: it changes nothing"
        offered_to = state.offer.agent if state.offer else ""
        ended = state.status is Status.ENDED
        readers = (state.assignee, offered_to, state.previous if ended else "")
        if not wanted.agent or wanted.agent not in readers:
            self.system.refuse(told, Code.NOT_ALLOWED, "no conversation of this agent has that id")
            return
        grant = ThreadGrant(wanted.id, wanted.conversation, wanted.after, wanted.limit, state.sequence)
        self.system.reply(told, grant)

    def _facts(self) -> Facts:
        """Return what decisions may know in this turn: the same for all conversations of the tenant."""
        tenant = self.address[1]
        facts = self.system.facts.get(tenant)
        if facts is None:
            facts = self.system.facts[tenant] = Facts(self.system.now, self.system.desks[tenant])
        return facts

    def _refused(self, told: Told, refusal: Refusal) -> None:
        if self.state.status is Status.ENDED and type(told.message) is CustomerMessage:
            # A customer's message is never refused because its conversation has just ended: it begins a new
            # one.
            self.system.tell(self._channel(), Bounced(self.address[2], told))
        else:
            self.system.refuse(told, refusal.code, refusal.message)

    def _tell_unanswered(self, outcome: list[AnyEvent]) -> None:
        for event in outcome:
            if isinstance(event, OfferExpired):
                self.system.tell(("agent", self.address[1], event.agent), OfferUnanswered(event.offer))

    def _channel(self) -> Address:
        return ("channel", self.address[1], self.state.channel)

    def audience(self, event: AnyEvent) -> tuple[str, ...]:
        """Return who must learn of an event."""
        return audience(self.state, event)

    def settle(self) -> None:
        """Report to the dispatcher when anything it goes by has changed."""
        state = self.state
        if state.status is Status.NEW:
            # Somebody has guessed an id: there is no such conversation.
            self.system.discard(self)
            return
        self.deadline = state.offer.deadline_at if state.offer else None
        self._report()
        if state.status is Status.ENDED:
            self.system.tell(self._channel(), Forget(state.contact, self.address[2]))

    def announcement(self, *, parked: bool = False, woken: bool = False) -> Report | None:
        """Return all that routing goes by."""
        state = self.state
        if state.status in (Status.NEW, Status.ENDED) and not self._known:
            return None
        out = self.address in self.system.supervisor.out
        return Report(
            self.address[2],
            state.status is Status.QUEUED and not out,
            state.department,
            state.since,
            state.offer.agent if state.offer else "",
            state.assignee,
            state.declined,
            parked,
            woken,
        )

    def _report(self, *, parked: bool = False, woken: bool = False) -> None:
        self._known = True
        self.system.tell(("dispatcher", self.address[1], ""), self.announcement(parked=parked, woken=woken))

    def put_out(self) -> None:
        """Nothing is offered any more."""
        self._report()

    def apply(self, event: Any, sequence: int, at: float) -> None:
        """Take an event into the state."""
        if apply(self.state, event, sequence, at):
            self.unsettled = True

    def sequence(self) -> int:
        """Return the newest sequence of the conversation."""
        return self.state.sequence

    def freeze(self) -> SnapshotRow:
        """Return the state:

        live while the dispatcher has to know it, found by its contact while it is not ended.
        """
        state = self.state
        ended = state.status is Status.ENDED or state.status is Status.NEW
        return SnapshotRow(
            self.address,
            0,
            _encoder.encode(state),
            live=state.status in (Status.QUEUED, Status.OFFERED),
            lookup=None if ended else f"{state.channel}/{state.contact}",
            owner=state.assignee or None,
        )

    def thaw(self, body: bytes) -> None:
        """Take over a snapshot."""
        self.state = _decoder.decode(body)

    def woken(self, *, from_parked: bool) -> None:
        """Announce the conversation to its channel and its dispatcher."""
        state = self.state
        if state.status in (Status.NEW, Status.ENDED):
            return
        self.system.tell(self._channel(), Bound(state.contact, self.address[2]))
        self._report(woken=from_parked)

    def open_with(self, channel: str) -> str | None:
        """Return the customer, if the conversation is in that channel and has not ended."""
        state = self.state
        if state.channel != channel or state.status in (Status.NEW, Status.ENDED):
            return None
        return state.contact

    def may_park(self) -> bool:
        """An open or ended conversation may leave memory; a waiting one is in the dispatcher's hands."""
        return self.state.status in (Status.OPEN, Status.ENDED, Status.NEW)

    def parked(self) -> None:
        """Let channel and dispatcher forget the conversation; it is found again by its contact or id."""
        state = self.state
        if state.status is Status.OPEN:
            self.system.tell(self._channel(), Forget(state.contact, self.address[2]))
            self._report(parked=True)
