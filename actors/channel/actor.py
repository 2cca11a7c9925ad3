"""The shell of a channel account: finds or begins the conversation that a customer's message belongs to."""

from __future__ import annotations

from typing import Any

from actors.channel.machine import (
    Approach,
    Bindings,
    Bounced,
    Bound,
    Closed,
    Forget,
    Left,
    ReopenWanted,
    ToOpen,
    ended_key,
)
from actors.conversation.actor import ConversationActor
from actors.conversation.orders import Refusal, Reopening
from actors.conversation.state import BINDING, Status
from actors.customer.address import customer_address
from actors.customer.machine import Open
from actors.dispatcher.facts import nobodys
from actors.journal import Address, SnapshotRow
from actors.runtime import System
from actors.shell import Shell
from actors.telling import Told
from protocol.channels import CustomerActed
from protocol.errors import Code
from protocol.life import CustomerRating
from protocol.messages import CustomerMessage


class ChannelActor(Shell):
    """One channel account. It has no events of its own; its bindings are the conversations' look-up keys."""

    kind = "channel"

    def __init__(self, system: System, address: Address) -> None:
        super().__init__(system, address)
        # Published: the door goes by it too. A rebuilt actor goes on with the same table, and fills it anew.
        published = system.bound.setdefault(address, {})
        published.clear()
        self._bindings = Bindings(published)
        #: Whose conversation is being begun, or reopened, in this turn: what else comes from them in it goes
        #: the same way, in its order, however late in the turn it comes.
        self._beginning: dict[str, str] = {}
        self._turn = (0.0, 0)

    def on_receive(self, message: Any) -> None:
        """Route a customer's message, or take note of what becomes of a conversation."""
        kind, turn = type(message), (self.system.now, self.system.head)
        if turn != self._turn:
            self._turn = turn
            self._beginning.clear()
        if kind is Told:
            self._route(message)
        elif kind is Bound:
            # It may be over by now, and another one have begun: nobody has two.
            if self._bindings.find(message.contact) is None:
                self._bindings.bind(message.contact, message.conversation)
        elif kind is Forget:
            self._bindings.forget(message.contact, message.conversation)
            self._begins_no_more(message.contact, message.conversation)
        elif kind is Closed:
            self._bindings.close(message.contact, message.conversation, message.left)
            self._begins_no_more(message.contact, message.conversation)
        elif kind is Bounced:
            self._bounced(message)
        elif kind is ReopenWanted:
            self._reopen(message)
        elif kind is Approach:
            self._approach(message)
        elif kind is ToOpen:
            found = self._open_conversation(message.contact)
            if found is not None:
                self.system.tell(("conversation", self.address[1], found), message.order)

    def _bounced(self, back: Bounced) -> None:
        """Take note of an end, unless it is older than the wish to reopen that has come in the same turn."""
        contact = back.told.message.contact
        if self._beginning.get(contact) != back.conversation:
            self._bindings.close(contact, back.conversation, back.left)
        self._route(back.told)

    def _begins(self, contact: str, conversation: str) -> None:
        self._bindings.bind(contact, conversation)
        self._beginning[contact] = conversation

    def _begins_no_more(self, contact: str, conversation: str) -> None:
        """It has come to nothing, or is over already."""
        if self._beginning.get(contact) == conversation:
            del self._beginning[contact]

    def _route(self, told: Told) -> None:
        contact = told.message.contact
        conversation = self._open_conversation(contact)
        if conversation is None:
            if not self.answered_before(told):
                self._begin(told, contact)
        elif contact in self._beginning:
            self._open(told, conversation)
        else:
            self.system.tell(("conversation", self.address[1], conversation), told)

    def _open_conversation(self, contact: str) -> str | None:
        """Return the customer's open conversation; from now on it is known here."""
        conversation = self._bindings.find(contact)
        if conversation is None:
            conversation = self._find(contact)
            if conversation is not None:
                self._bindings.bind(contact, conversation)
        return conversation

    def _approach(self, asked: Approach) -> None:
        """Let an agent begin a conversation with a visitor who has none (C9)."""
        told, contact = asked.told, asked.told.message.contact
        _, tenant, channel = self.address
        found = self._open_conversation(contact)
        if found not in (None, asked.conversation):
            text = f"the visitor has an open conversation: {found}"
            self.system.refuse(told, Code.UNDER_WAY, text)
            nobody = nobodys(asked.conversation, "", self.system.now)
            self.system.tell(("dispatcher", tenant, ""), nobody)
            return
        self._begins(contact, asked.conversation)
        left = self._left_by_last(contact)
        asked = asked._replace(previous=left.agent, window=left.window)
        self.system.tell(customer_address(tenant, channel, contact), asked)

    def _find(self, contact: str) -> str | None:
        """Return the customer's open conversation, if it is in the store only."""
        _, tenant, channel = self.address
        for found in self.system.store.find(tenant, f"{channel}/{contact}"):
            actor = self.system.actors.get(("conversation", tenant, found))
            # One that is in memory may be over; its row is only not written yet.
            if not isinstance(actor, ConversationActor) or actor.state.status in BINDING:
                return found
        return None

    def _reopen(self, wanted: ReopenWanted) -> None:
        """One open conversation for each customer, however it has come to be open (F14, D6)."""
        _, tenant, channel = self.address
        conversation, contact = wanted.told.message.conversation, wanted.contact
        found = self._open_conversation(contact)
        if found not in (None, conversation):
            text = f"the customer has another open conversation: {found}"
            refused = Reopening(wanted.told, Refusal(Code.UNDER_WAY, text))
            self.system.tell(("conversation", tenant, conversation), refused)
            return
        self._begins(contact, conversation)
        order = Reopening(wanted.told, None, self._left_by_last(contact).window)
        self.system.tell(customer_address(tenant, channel, contact), order)

    def _begin(self, told: Told, contact: str) -> None:
        """Begin a conversation with the customer's message, if he may write: his own actor knows."""
        if type(told.message) is CustomerActed:
            self.system.tell(customer_address(self.address[1], self.address[2], contact), told)
            return
        if type(told.message) is CustomerRating and (last := self._last(contact)) is not None:
            self.system.tell(("conversation", self.address[1], last), told)
            return
        if type(told.message) is not CustomerMessage:
            self.system.refuse(told, Code.CLOSED, "the customer has no open conversation in this channel")
            return
        conversation = self.system.make_id()
        self._begins(contact, conversation)
        self._open(told, conversation)

    def _open(self, told: Told, conversation: str) -> None:
        _, tenant, channel = self.address
        contact = told.message.contact
        left = self._left_by_last(contact)
        asked = Open(told, conversation, left.agent, left.window)
        self.system.tell(customer_address(tenant, channel, contact), asked)

    def _left_by_last(self, contact: str) -> Left:
        """Return who served the customer last (D7) and what is left of the window; nothing for a new one.

        Two look-ups by key, however many conversations there were.
        """
        known, last = self._bindings.last(contact), self._last(contact)
        if last is None:
            return Left()
        if known is not None and known.conversation == last:
            return known.left
        address = ("conversation", self.address[1], last)
        ended = self.system.actors.get(address)
        if ended is None:
            ended = self.system.restore(address, self.system.store.snapshot(address))
        assert isinstance(ended, ConversationActor)
        return ended.left()

    def _last(self, contact: str) -> str | None:
        """Return which of the customer's conversations was over last, in memory or in the store."""
        _, tenant, channel = self.address
        known, stored = (
            self._bindings.last(contact),
            self.system.store.last(tenant, ended_key(channel, contact)),
        )
        if known is None or (stored is not None and (known.over_at, known.conversation) < stored):
            return None if stored is None else stored.id
        return known.conversation

    def conversation_of(self, contact: str) -> str | None:
        """Return the customer's open conversation, if it is in memory; one that waits always is."""
        return self._bindings.find(contact)

    def woken(self, *, from_parked: bool) -> None:
        """After a rebuild bind the customers whose conversations are in memory;

        else they announce themselves.
        """
        if from_parked:
            return
        _, tenant, channel = self.address
        for (_, of_tenant, ident), actor in self.system.actors.items():
            if of_tenant != tenant or not isinstance(actor, ConversationActor):
                continue
            state = actor.state
            if state.channel != channel or state.status is Status.NEW:
                continue
            if state.status in BINDING:
                self._bindings.bind(state.contact, ident)
            else:
                self._bindings.close(state.contact, ident, actor.left())

    def audience(self, event: Any) -> tuple[str, ...]:
        """A channel has no events of its own."""
        return ()

    def sequence(self) -> int:
        """A channel has no events of its own."""
        return 0

    def freeze(self) -> SnapshotRow | None:
        """There is nothing to keep."""
        return None
