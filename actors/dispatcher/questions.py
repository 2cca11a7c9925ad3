"""Questions about queues and people, answered between turns from the dispatcher's view. Nothing is changed.

Who may ask is the caller's business (``actors/authorization.py``).
"""

from __future__ import annotations

from typing import NamedTuple

from actors.channel.actor import ChannelActor
from actors.dispatcher.actor import DispatcherActor
from actors.dispatcher.reasons import SENTENCES, Reason
from actors.queries import conversation as conversation_state
from actors.runtime import System
from config.desk import Desk
from protocol.views import ColleagueView, ReasonView, WaitingView


class Waiting(NamedTuple):
    """Who waits in a department's queue: the first of them in its order, how many in all, and the order."""

    waiting: list[WaitingView]
    total: int
    order: str


class Place(NamedTuple):
    """A customer's place in a queue, 1 is next; with ``waiting`` false in none."""

    waiting: bool
    place: int = 0
    estimated_wait_s: float = 0.0
    department: str = ""


def waiting_list(system: System, tenant: str, department: str, limit: int) -> Waiting:
    """Return the first ``limit`` of those who wait in a department, in the order of its queue (D4)."""
    raise NotImplementedError


def position(system: System, tenant: str, channel: str, contact: str) -> Place:
    """Return a customer's place in the queue and the estimated wait (PEERS c22)."""
    raise NotImplementedError


def colleagues(system: System, tenant: str, agent: str) -> list[ColleagueView]:
    """Return the agents of the agent's departments and of those below, without the agent (A10, L1)."""
    raise NotImplementedError


def why_not(system: System, tenant: str, conversation: str, agent: str) -> list[ReasonView]:
    """Return all that keeps a conversation from an agent; nothing if it would be offered now."""
    raise NotImplementedError


def why_idle(system: System, tenant: str, agent: str) -> list[ReasonView]:
    """Return all that keeps an agent without a new conversation."""
    raise NotImplementedError


def departments_below(desk: Desk, departments: tuple[str, ...]) -> set[str]:
    """Return the departments and all below them in the tree."""
    found = set(departments)
    while more := {name for name, it in desk.departments.items() if it.parent in found} - found:
        found |= more
    return found


def _view_of(reason: Reason, about: str) -> ReasonView:
    return ReasonView(reason.value, SENTENCES[reason], about)


def _dispatcher(system: System, tenant: str) -> DispatcherActor:
    actor = system.actors[("dispatcher", tenant, "")]
    assert isinstance(actor, DispatcherActor)
    return actor
