"""How a dispatcher's view is filled: from what is in memory, and from what the store counts."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from actors.conversation.actor import ConversationActor
from actors.dispatcher.audit import is_open
from actors.dispatcher.facts import AgentNews, Report
from actors.dispatcher.machine import View
from actors.recovery import parked_by_owner
from config.desk import Desk

if TYPE_CHECKING:
    from actors.dispatcher.actor import DispatcherActor


def fill(dispatcher: DispatcherActor, view: View) -> None:
    """Tell a new view everything."""
    system, tenant = dispatcher.system, dispatcher.address[1]
    for (owner, channel, holds), many in parked_by_owner(system, tenant).items():
        view.park(owner, *dispatcher.sort_of(channel, holds), many)
    for (_, of_tenant, _), actor in system.actors.items():
        news = actor.announcement() if of_tenant == tenant else None
        if isinstance(news, Report):
            view.take_report(news, system.now)
        elif isinstance(news, AgentNews):
            view.take_agent(news, system.now)


def sort_anew(dispatcher: DispatcherActor, view: View) -> None:
    """Channels have other kinds or weights: book everything by what it is now.

    Whoever was woken in this turn counts as parked no longer, and its report may be still to come.
    """
    system, tenant = dispatcher.system, dispatcher.address[1]
    for (_, of_tenant, ident), actor in list(system.actors.items()):
        news = actor.announcement() if of_tenant == tenant and isinstance(actor, ConversationActor) else None
        if news is None:
            continue
        report = view.conversations.get(ident)
        if report is not None:
            view.take_report(report._replace(kind=news.kind, weight=news.weight), system.now)
        elif is_open(news):
            view.take_report(news, system.now)
    counted = [agent for agent, known in view.roster.items() if known.parked]
    if counted:
        parked: defaultdict[str, Counter[tuple[str, int]]] = defaultdict(Counter)
        for (owner, channel, holds), many in parked_by_owner(system, tenant).items():
            parked[owner][dispatcher.sort_of(channel, holds)] += many
        for agent in counted:
            view.put_right(agent, parked[agent])


def sorts(desk: Desk) -> tuple[dict[str, tuple[str, int]], object]:
    """Return what decides how much of an agent's capacity conversations take: channels, and styles (F5)."""
    return {name: (channel.kind, channel.weight) for name, channel in desk.channels.items()}, desk.styles
