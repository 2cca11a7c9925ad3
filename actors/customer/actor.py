"""The shell of a customer of a channel account: takes in visits and what becomes of abuse, and stands before
every conversation that begins.

It is addressed by ``<channel>/<contact>``, and asked by nothing that happens in a conversation that goes on.
"""

from __future__ import annotations

from typing import Any

import msgspec

from actors.channel.machine import Forget
from actors.conversation.orders import Begin, Refusal
from actors.conversation.window import DISCONNECT
from actors.customer.machine import Customer, Did, Open, Silent, apply, decide, known
from actors.events import AnyEvent
from actors.journal import Address, SnapshotRow
from actors.runtime import System
from actors.shell import Shell
from actors.telling import Tick, Told
from protocol.errors import Code
from protocol.messages import Ack, CustomerMessage

BLOCKED_SAYS = "the customer is blocked in this channel (M2)"
CLOSED_SAYS = "the customer has no open conversation in this channel"
#: The look-up keys of who is on a list; no channel is called "".
BLOCKED, DO_NOT_DISTURB = "//blocked", "//do_not_disturb"

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Customer)


def customer_address(tenant: str, channel: str, contact: str) -> Address:
    """Return the address of a customer of a channel account."""
    return ("customer", tenant, f"{channel}/{contact}")


class CustomerActor(Shell):
    """One customer of one channel account."""

    kind = "customer"

    def __init__(self, system: System, address: Address) -> None:
        super().__init__(system, address)
        self.state = Customer()
        self.channel, _, self.contact = address[2].partition("/")
        #: When the gateway has last said anything of the visit.
        self._heard_at = 0.0

    def on_receive(self, message: Any) -> None:
        """Take in what a gateway or an agent says of the customer, or let a conversation begin."""
        self.unsettled = True
        kind = type(message)
        if kind is Open:
            self._open(message)
        elif kind is Told:
            self._carry_out(message)
        elif kind is Tick and self._silent_at() <= self.system.now:
            self._take(decide(self.state, Silent()))

    def _open(self, asked: Open) -> None:
        """Pass a message on to the conversation that begins with it, with all that it has to know."""
        told, tenant = asked.told, self.address[1]
        writes = type(told.message) is CustomerMessage
        if self.state.blocked is not None:
            if not self.answered_before(told):
                code, what = (Code.BLOCKED, BLOCKED_SAYS) if writes else (Code.CLOSED, CLOSED_SAYS)
                self.system.refuse(told, code, what)
            self.system.tell(("channel", tenant, self.channel), Forget(self.contact, asked.conversation))
            return
        address = ("conversation", tenant, asked.conversation)
        if address not in self.system.actors:
            self.system.create(address)
        begin = Begin(told, asked.previous, known(self.state), asked.window) if writes else told
        self.system.tell(address, begin)

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
            self.system.tell(("channel", self.address[1], self.channel), Did(self.contact, trigger))

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
