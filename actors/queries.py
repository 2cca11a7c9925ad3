"""Questions about several actors, answered between turns from what they hold. Nothing is changed."""

from __future__ import annotations

from actors.agent.actor import AgentActor
from actors.conversation.actor import ConversationActor
from actors.conversation.state import BINDING, NOBODYS, Conversation
from actors.conversation.view import conversation_view, invitation_view, offer_view
from actors.customer.actor import CustomerActor
from actors.customer.address import customer_address
from actors.customer.machine import Customer
from actors.customer.naming import channel_names
from actors.dispatcher.actor import DispatcherActor
from actors.runtime import System
from protocol.messages import Snapshot
from protocol.views import ConversationView, InvitationView, OfferView


def conversation(system: System, tenant: str, ident: str) -> Conversation | None:
    """Return the state of a conversation, in memory or parked; None if it does not exist."""
    address = ("conversation", tenant, ident)
    actor = system.actors.get(address)
    if actor is None:
        row = system.store.snapshot(address)
        if row is None:
            return None
        actor = ConversationActor(system, address)
        actor.thaw(row.body)
    assert isinstance(actor, ConversationActor)
    return actor.state


def open_conversation(system: System, tenant: str, channel: str, contact: str) -> str | None:
    """Return the id of a customer's open conversation, in memory or parked."""
    ident = system.bound.get(("channel", tenant, channel), {}).get(contact)
    if ident is not None:
        return ident
    for found in system.store.find(tenant, f"{channel}/{contact}"):
        state = conversation(system, tenant, found)
        # One that is in memory may be over; its row is only not written yet.
        if state is not None and state.status in BINDING:
            return found
    return None


def customer(system: System, tenant: str, channel: str, contact: str) -> Customer:
    """Return what is known of a customer, in memory or parked; nothing of one who was never seen."""
    address = customer_address(tenant, channel, contact)
    actor = system.actors.get(address)
    if actor is None:
        actor = CustomerActor(system, address)
        row = system.store.snapshot(address)
        if row is not None:
            actor.thaw(row.body)
    assert isinstance(actor, CustomerActor)
    return actor.state


def agent_snapshot(system: System, tenant: str, agent: str) -> Snapshot:
    """Return what an agent has, as of the newest number of the agent's stream: presence, live offers, the
    conversations that the agent is in, invitations.
    """
    dispatcher = system.actors[("dispatcher", tenant, "")]
    assert isinstance(dispatcher, DispatcherActor)
    known = dispatcher.view.agent(agent)
    names = channel_names(system.desks[tenant])
    offers: list[OfferView] = []
    present: list[ConversationView] = []
    invitations: list[InvitationView] = []
    ids = known.offers | known.owned | known.joined
    if known.parked:
        ids |= {owned.id for owned in system.store.owned(tenant, agent)}
    for ident in sorted(ids):
        state = conversation(system, tenant, ident)
        if state is None or state.status in NOBODYS:
            continue
        if state.offer is not None and state.offer.agent == agent:
            offers.append(offer_view(ident, state, state.offer, names))
        if agent == state.assignee or agent in state.members:
            present.append(conversation_view(ident, state, names))
        if agent in state.invitations:
            invitations.append(invitation_view(ident, state, state.invitations[agent]))
    stream = f"agent/{agent}"
    newest, presence = system.mailbox(tenant, stream).last, _presence(system, tenant, agent)
    return Snapshot(stream, newest, presence, offers, present, invitations)


def _presence(system: System, tenant: str, agent: str) -> str:
    actor = system.actors.get(("agent", tenant, agent))
    return actor.state.presence.value if isinstance(actor, AgentActor) else "offline"
