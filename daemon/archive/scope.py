"""What of the archive an agent may see. Pure: the desk in, a scope out, which goes into every query.

What an agent has served is the agent's own. ``see_colleagues`` opens what belongs to the own departments and
to those below (L1), ``search`` everything of the tenant. Whoever has neither sees nothing else.
"""

from __future__ import annotations

from typing import NamedTuple

from actors.conversation.state import Conversation, Status
from actors.permissions import has, sees
from config.desk import Desk


class Scope(NamedTuple):
    """A tenant's agent, and what the agent may see beside the own: departments, and visitors of channels."""

    tenant: str
    agent: str
    everything: bool
    departments: tuple[str, ...]
    channels: tuple[str, ...]


def scope_of(desk: Desk, tenant: str, agent: str) -> Scope:
    """Return what an agent may see."""
    served = [name for name in desk.departments if sees(desk, agent, name)]
    channels = [ident for ident, channel in desk.channels.items() if channel.department in served]
    colleagues = has(desk, agent, "see_colleagues")
    return Scope(
        tenant, agent, has(desk, agent, "search"), tuple(served) if colleagues else (), tuple(channels)
    )


def may_read_customer(desk: Desk, agent: str, state: Conversation | None) -> bool:
    """Say whether the agent may read all of a conversation's customer: in it, asked into it, or may search.

    After the end it is the last assignee's.
    """
    if state is None or state.status is Status.NEW:
        return False
    if has(desk, agent, "search"):
        return True
    offered_to = state.offer.agent if state.offer is not None else ""
    last = state.previous if state.status is Status.ENDED else state.assignee
    return agent in (last, offered_to) or agent in state.members or agent in state.invitations
