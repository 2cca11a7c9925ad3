"""The shell of a customer of a channel account: takes in visits and what becomes of abuse, and stands before
every conversation that begins.

It is addressed by ``<channel>/<contact>``, and asked by nothing that happens in a conversation that goes on.
"""

from __future__ import annotations

from typing import Any

import msgspec

from actors import events
from actors.channel.machine import Approach, Forget, ToOpen
from actors.conversation.orders import (
    Begin,
    BeginProactively,
    Mute,
    Refusal,
    Reopening,
    Shut,
    Unmute,
    VisitChanged,
)
from actors.conversation.window import DISCONNECT
from actors.customer.machine import Customer, Open, Silent, apply, decide, known
from actors.dispatcher.facts import nobodys
from actors.events import AnyEvent
from actors.journal import Address, SnapshotRow
from actors.runtime import System
from actors.shell import Shell
from actors.telling import Tick, Told
from protocol.errors import Code
from protocol.messages import Ack, CustomerMessage

BLOCKED_SAYS = "the customer is blocked in this channel (M2)"
LISTED_SAYS = "the customer is on a list of abuse (read_abuse_list): lift that first"
CLOSED_SAYS = "the customer has no open conversation in this channel"
#: The look-up keys of who is on a list; no channel is called "".
BLOCKED, DO_NOT_DISTURB = "//blocked", "//do_not_disturb"

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Customer)


class CustomerActor(Shell):
    """One customer of one channel account."""

    kind = "customer"

    def __init__(self, system: System, address: Address) -> None:
        super().__init__(system, address)
        self.state = Customer()
        self.channel, _, self.contact = address[2].partition("/")
        #: When the gateway has last said anything of the visit.
        self._heard_at = 0.0
        #: What was not allowed to begin in this turn, and never does: the channel has been told so.
        self._not_begun: set[str] = set()
        self._turn = (0.0, 0)

    def on_receive(self, message: Any) -> None:
        """Take in what a gateway or an agent says of the customer, or let a conversation begin."""
        self.unsettled = True
        kind = type(message)
        if kind is Open:
            self._open(message)
        elif kind is Told:
            self._carry_out(message)
        elif kind is Reopening:
            self._reopen(message)
        elif kind is Approach:
            self._approach(message)
        elif kind is Tick and self._silent_at() <= self.system.now:
            self._take(decide(self.state, Silent()))

    def _open(self, asked: Open) -> None:
        """Pass a message on to the conversation that begins with it, with all that it has to know."""
        told, tenant = asked.told, self.address[1]
        writes = type(told.message) is CustomerMessage
        if asked.conversation in self._not_begun:
            # Passed on before the channel heard of it: it begins another one, should he be let in by now.
            self.system.tell(("channel", tenant, self.channel), told)
            return
        if self.state.blocked is not None:
            if not self.answered_before(told):
                code, what = (Code.BLOCKED, BLOCKED_SAYS) if writes else (Code.CLOSED, CLOSED_SAYS)
                self.system.refuse(told, code, what)
            self._begins_not(asked.conversation)
            return
        address = ("conversation", tenant, asked.conversation)
        if address not in self.system.actors:
            self.system.create(address)
        begin = Begin(told, asked.previous, known(self.state), asked.window) if writes else told
        self.system.tell(address, begin)

    def _begins_not(self, conversation: str) -> None:
        turn = (self.system.now, self.system.head)
        if turn != self._turn:
            self._turn = turn
            self._not_begun.clear()
        self._not_begun.add(conversation)
        self.system.tell(("channel", self.address[1], self.channel), Forget(self.contact, conversation))

    def _reopen(self, order: Reopening) -> None:
        """Who is on a list of abuse reaches nobody, not by an old conversation either."""
        conversation, tenant = order.told.message.conversation, self.address[1]
        if self.state.blocked is not None or self.state.do_not_disturb is not None:
            order = order._replace(refusal=Refusal(Code.BLOCKED, LISTED_SAYS))
            self._begins_not(conversation)
        else:
            self._not_begun.discard(conversation)
        self.system.tell(("conversation", tenant, conversation), order)

    def _approach(self, asked: Approach) -> None:
        """Let an agent begin a conversation with the visitor, if he is there and may be written to (C9)."""
        told, tenant, state = asked.told, self.address[1], self.state
        if state.online and state.blocked is None and state.do_not_disturb is None:
            address = ("conversation", tenant, asked.conversation)
            if address not in self.system.actors:
                self.system.create(address)
            begin = BeginProactively(told, asked.conversation, asked.previous, known(state), asked.window)
            self.system.tell(address, begin)
            return
        code, what = Code.BLOCKED, LISTED_SAYS
        if not state.online:
            code, what = Code.UNAVAILABLE, "no visitor of that channel who is online has that contact"
        self.system.refuse(told, code, what)
        self._begins_not(asked.conversation)
        nobody = nobodys(asked.conversation, "", self.system.now)
        self.system.tell(("dispatcher", tenant, ""), nobody)

    def _carry_out(self, told: Told) -> None:
        if self.answered_before(told) or self.shut_out(told):
            return
        outcome = decide(self.state, told.message)
        if isinstance(outcome, Refusal):
            self.system.refuse(told, outcome.code, outcome.message)
            return
        if not outcome:
            # It is so already: nothing is kept, and nothing can be lost.
            self.system.reply(told, Ack(told.message.id, self.system.head))
        self._take(outcome, told)

    def _take(self, outcome: list[AnyEvent] | Refusal, told: Told | None = None) -> None:
        assert not isinstance(outcome, Refusal), "nobody waits for the answer of an order"
        self._heard_at = self.system.now
        before = self.state.online
        self.take_in(outcome, told)
        if self.state.online is not before:
            trigger = "connect" if self.state.online else DISCONNECT
            self._tell_open(VisitChanged(trigger))
        for event in outcome:
            if isinstance(event, events.DoNotDisturbSet):
                self._counts(Mute(event.by) if event.on else Unmute(event.by))
            elif isinstance(event, events.Blocked):
                self._counts(Shut(event.by) if event.on else None)

    def _counts(self, order: Mute | Unmute | Shut | None) -> None:
        """What was decided of the customer counts in his conversation in the same turn, and his place on a
        list is written with it: the list is read from the store.
        """
        self.system.write_behind.urgent(self.address, self.system.head + 1)
        if order is not None:
            self._tell_open(order)

    def _tell_open(self, order: Mute | Unmute | Shut | VisitChanged) -> None:
        """Tell the open conversation, if there is one: the channel knows it."""
        self.system.tell(("channel", self.address[1], self.channel), ToOpen(self.contact, order))

    def _silent_at(self) -> float:
        """Return from when on the visitor counts as gone, if the gateway says nothing any more."""
        channel = self.system.desks[self.address[1]].channels.get(self.channel)
        return self._heard_at + (channel.visit_timeout_s if channel is not None else 0.0)

    def audience(self, event: Any) -> tuple[str, ...]:
        """Nobody hears of it: who is there is asked for (``read_customer``, ``read_visitors``)."""
        return ()

    def settle(self) -> None:
        """Set the time at which the visit is over by itself."""
        if self.state.sequence == 0:
            self.system.discard(self)
        self.deadline = self._silent_at() if self.state.online else None

    def apply(self, event: Any, sequence: int, at: float) -> None:
        """Take an event into the state."""
        apply(self.state, event, sequence, at)

    def sequence(self) -> int:
        """Return the newest sequence of the customer's stream."""
        return self.state.sequence

    def freeze(self) -> SnapshotRow | None:
        """Return the state: live while a visit goes on, found by the list that the customer is on."""
        if self.state.sequence == 0:
            return None
        return SnapshotRow(
            self.address, 0, _encoder.encode(self.state), live=self.state.online, lookup=list_of(self.state)
        )

    def thaw(self, body: bytes) -> None:
        """Take over a snapshot."""
        self.state = _decoder.decode(body)

    def woken(self, *, from_parked: bool) -> None:
        """What the gateway has said before is not known: the time begins anew."""
        self._heard_at = self.system.now
        self.deadline = self._silent_at() if self.state.online else None

    def may_park(self) -> bool:
        """Who is online has a deadline, and stays."""
        return not self.state.online


def list_of(state: Customer) -> str | None:
    """Return the look-up key of the list of abuse that the customer is on; blocked goes before."""
    if state.blocked is not None:
        return BLOCKED
    return DO_NOT_DISTURB if state.do_not_disturb is not None else None
