"""Questions about several actors, answered between turns from what they hold. Nothing is changed."""

from __future__ import annotations

from actors.agent.actor import AgentActor
from actors.conversation.actor import ConversationActor
from actors.conversation.machine import Conversation, Status
from actors.dispatcher.actor import DispatcherActor
from actors.runtime import System
from protocol.messages import Snapshot
from protocol.views import ConversationView, OfferView


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


def agent_snapshot(system: System, tenant: str, agent: str) -> Snapshot:
    """Return what an agent has:

    presence, live offers, own conversations; as of the newest number of the agent's stream.
    """
    dispatcher = system.actors[("dispatcher", tenant, "")]
    assert isinstance(dispatcher, DispatcherActor)
    known = dispatcher.view.agent(agent)
    offers, owned = [], []
    ids = known.offers | known.owned
    if known.parked:
        ids |= set(system.store.owned(tenant, agent))
    for ident in sorted(ids):
        state = conversation(system, tenant, ident)
        if state is None:
            continue
        if state.status is Status.OFFERED and state.offer is not None and state.offer.agent == agent:
            offers.append(_offer_view(ident, state))
        elif state.assignee == agent:
            owned.append(
                ConversationView(
                    ident, state.department, state.channel, state.contact, state.sequence, state.name
                )
            )
    stream = f"agent/{agent}"
    return Snapshot(
        stream, system.mailbox(tenant, stream).last, _presence(system, tenant, agent), offers, owned
    )


def _presence(system: System, tenant: str, agent: str) -> str:
    actor = system.actors.get(("agent", tenant, agent))
    return actor.state.presence.value if isinstance(actor, AgentActor) else "offline"


def _offer_view(ident: str, state: Conversation) -> OfferView:
    assert state.offer is not None
    return OfferView(
        ident,
        state.offer.offer,
        state.department,
        state.channel,
        state.contact,
        state.offer.deadline_at,
        state.since,
        state.name,
    )
