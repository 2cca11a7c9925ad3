"""The shell of a channel account: finds or begins the conversation that a customer's message belongs to."""

from __future__ import annotations

from typing import Any

from actors.channel.machine import Bindings, Bounced, Bound, Forget
from actors.journal import Address, SnapshotRow
from actors.runtime import System
from actors.shell import Shell
from actors.telling import Told
from protocol.errors import Code
from protocol.messages import CustomerMessage


class ChannelActor(Shell):
    """One channel account. It has no events of its own; its bindings are the conversations' look-up keys."""

    kind = "channel"

    def __init__(self, system: System, address: Address) -> None:
        super().__init__(system, address)
        self._bindings = Bindings()

    def on_receive(self, message: Any) -> None:
        """Route a customer's message, or take note of a conversation's end."""
        if type(message) is Told:
            self._route(message)
        elif type(message) is Bound:
            self._bindings.bind(message.contact, message.conversation)
        elif type(message) is Forget:
            self._bindings.forget(message.contact, message.conversation)
        elif type(message) is Bounced:
            self._bindings.forget(message.told.message.contact, message.conversation)
            self._route(message.told)

    def _route(self, told: Told) -> None:
        contact = told.message.contact
        conversation = self._bindings.find(contact)
        if conversation is None:
            conversation = self._find_or_begin(told, contact)
            if conversation is None:
                return
            self._bindings.bind(contact, conversation)
        self.system.tell(("conversation", self.address[1], conversation), told)

    def _find_or_begin(self, told: Told, contact: str) -> str | None:
        if self.answered_before(told):
            return None
        _, tenant, channel = self.address
        for found in self.system.store.find(tenant, f"{channel}/{contact}"):
            actor = self.system.actors.get(("conversation", tenant, found))
            # One that is in memory may have ended; its row is only not written yet.
            if actor is None or actor.open_with(channel) == contact:
                return found
        if type(told.message) is not CustomerMessage:
            self.system.refuse(told, Code.CLOSED, "the customer has no open conversation in this channel")
            return None
        begun = self.system.make_id()
        self.system.create(("conversation", tenant, begun))
        return begun

    def woken(self, *, from_parked: bool) -> None:
        """After a rebuild bind the customers whose conversations are in memory;

        else they announce themselves.
        """
        if from_parked:
            return
        _, tenant, channel = self.address
        for (kind, of_tenant, ident), actor in self.system.actors.items():
            if kind == "conversation" and of_tenant == tenant:
                contact = actor.open_with(channel)
                if contact is not None:
                    self._bindings.bind(contact, ident)

    def audience(self, event: Any) -> tuple[str, ...]:
        """A channel has no events of its own."""
        return ()

    def sequence(self) -> int:
        """A channel has no events of its own."""
        return 0

    def freeze(self) -> SnapshotRow | None:
        """There is nothing to keep."""
        return None
