"""Hints of who is typing or has read: passed on at once to those who are in the conversation and listen.

They are kept nowhere, have no number and no answer. What may not be passed on is dropped without a word, so
that nothing can be learnt from it (G15): not of offers, not of queues, not of other people's conversations.
"""

from __future__ import annotations

from actors.conversation.state import Conversation
from actors.queries import conversation, open_conversation
from actors.runtime import System
from daemon.connection import Connection
from daemon.outbound import Outbound
from protocol.customers import AgentHint, CustomerHint, Hinted


class Hints:
    """Passes hints on."""

    def __init__(self, system: System, outbound: Outbound) -> None:
        self._system = system
        self._outbound = outbound

    def of_customer(self, connection: Connection, hint: CustomerHint) -> None:
        """Pass a customer's hint on to the assignee and the members of the open conversation."""
        tenant = connection.tenant
        known = self._system.bound.get(("channel", tenant, hint.channel), {}).get(hint.contact)
        if not self._may(connection, parked=known is None):
            return
        ident = known or open_conversation(self._system, tenant, hint.channel, hint.contact)
        state = conversation(self._system, tenant, ident) if ident is not None else None
        if ident is not None and state is not None:
            for agent in _agents(state):
                self._tell(
                    tenant, f"agent/{agent}", Hinted(f"agent/{agent}", ident, hint.hint, hint.sequence)
                )

    def of_agent(self, connection: Connection, hint: AgentHint) -> None:
        """Pass an agent's hint on to the customer, in whose eyes it is the assignee's, and to the others."""
        tenant, ident = connection.tenant, hint.conversation
        parked = ("conversation", tenant, ident) not in self._system.actors
        if not self._may(connection, parked=parked):
            return
        state = conversation(self._system, tenant, ident)
        if state is None or hint.agent not in _agents(state):
            return
        stream = f"channel/{state.channel}"
        said = Hinted(stream, ident, hint.hint, hint.sequence, state.contact, state.assignee)
        self._tell(tenant, stream, said)
        for agent in _agents(state):
            if agent != hint.agent:
                to = f"agent/{agent}"
                self._tell(tenant, to, Hinted(to, ident, hint.hint, hint.sequence, "", hint.agent))

    def _may(self, connection: Connection, *, parked: bool) -> bool:
        """Say whether the sender's budget allows it; to look into the store costs as much as a question."""
        now = self._system.now
        return connection.hints.take(now) and (not parked or connection.heavy.take(now))

    def _tell(self, tenant: str, stream: str, hinted: Hinted) -> None:
        mailbox = self._system.mailboxes.get(("mailbox", tenant, stream))
        for subscription in mailbox.readers if mailbox is not None else ():
            self._outbound.send(subscription.connection, hinted)


def _agents(state: Conversation) -> tuple[str, ...]:
    """Those who are in the conversation. Whoever it is only offered to is not."""
    return (state.assignee, *state.members) if state.assignee else ()
