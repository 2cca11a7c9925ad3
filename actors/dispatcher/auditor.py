"""The auditor: goes round all conversations and agents, a few at a step; compares, heals, writes it down."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from actors import events
from actors.conversation.actor import ConversationActor
from actors.conversation.state import NOBODYS
from actors.dispatcher import audit
from actors.dispatcher.facts import AgentNews, Report

if TYPE_CHECKING:
    from actors.dispatcher.actor import DispatcherActor

#: A new round begins so long after the last one began, at the earliest.
ROUND_S = 10.0
#: At most so many conversations are compared in one step …
STEP = 500
#: … an agent costs as much as so many of them, being looked for in the store …
AGENT_COST = 10
#: … and more by this for each conversation of the agent that is parked …
PARKED_COST = 0.3
#: … somebody who is not the tenant's, or was compared already, as little as this …
PASSED_OVER_COST = 0.01
#: … and the next step comes so long after; later, in proportion, when one agent alone has cost more.
STEP_S = 0.25


class Auditor:
    """One tenant's auditor. It works while the dispatcher's inbox is empty: then nothing is on its way."""

    __slots__ = (
        "_begun_at",
        "_compared",
        "_dispatcher",
        "_impossible",
        "_left",
        "_put_off",
        "compared",
        "due_at",
        "finished_at",
        "rounds",
        "violations",
    )

    def __init__(self, dispatcher: DispatcherActor) -> None:
        self._dispatcher = dispatcher
        self._left: Iterator[tuple[str, str]] | None = None
        self._begun_at = 0.0
        self._compared = 0
        #: What is in no place, or in two, and was written down.
        self._impossible: set[str] = set()
        #: The turn, by time and head, in which nothing is compared.
        self._put_off = (0.0, -1)
        #: When the next step is due.
        self.due_at = 0.0
        self.violations: Counter[str] = Counter()
        self.rounds = 0
        #: How many open conversations the last round has compared, and when it ended.
        self.compared = 0
        self.finished_at = 0.0

    def put_off(self) -> None:
        """Compare nothing in this turn: what is booked for an invited visitor has not begun yet, and would
        seem a ghost.
        """
        system = self._dispatcher.system
        self._put_off = (system.now, system.head)

    def step_if_due(self, now: float) -> None:
        """Compare some, if it is time; call it with the dispatcher's inbox worked through."""
        if now < self.due_at or self._dispatcher.inbox:
            return
        if self._put_off == (now, self._dispatcher.system.head):
            return
        if self._dispatcher.system.parking:
            return  # Who is on the way out has said so, and is still in memory: it would seem lost.
        if self._dispatcher.system.telling:
            return  # Who was woken for a transfer is in memory, and has not said so: it would seem lost, too.
        if self._left is None:
            self._begun_at, self._compared = now, 0
            self._left = self._everybody()
        cost = 0.0
        for kind, ident in self._left:
            if kind == "conversation":
                cost += 1
                self._audit_conversation(ident, now)
            elif kind == "agent":
                cost += AGENT_COST + PARKED_COST * self._parked(ident)
                self._audit_agent(ident, now)
            else:
                cost += PASSED_OVER_COST
            if cost >= STEP:
                self.due_at = now + STEP_S * cost / STEP
                return
        self._left = None
        self.rounds += 1
        self.compared, self.finished_at = self._compared, now
        self.due_at = max(self._begun_at + ROUND_S, now + STEP_S)

    def _everybody(self) -> Iterator[tuple[str, str]]:
        """Yield whom a round compares, by kind; an empty kind is passed over.

        Conversations first, those in memory and then those of which only the view knows, so that an agent's
        books are right before they are summed up. Names are copied at one stroke, everything else is done
        step by step.
        """
        view, tenant = self._dispatcher.view, self._dispatcher.address[1]
        actors = self._dispatcher.system.actors
        for kind, of_tenant, ident in list(actors):
            yield (kind if kind == "conversation" and of_tenant == tenant else ""), ident
        for ident in list(view.conversations):
            yield ("" if ("conversation", tenant, ident) in actors else "conversation"), ident
        for name in dict.fromkeys([*view.desk.agents, *view.roster]):
            yield "agent", name

    def _parked(self, agent: str) -> int:
        known = self._dispatcher.view.roster.get(agent)
        return known.parked if known is not None else 0

    def _audit_conversation(self, ident: str, now: float) -> None:
        dispatcher = self._dispatcher
        actor = dispatcher.system.actors.get(("conversation", dispatcher.address[1], ident))
        if ident in dispatcher.under_way or (actor is not None and (actor.inbox or actor.unsettled)):
            return  # Something is on its way to it or from it; the next round sees what has come of it.
        news = actor.announcement() if actor is not None else None
        truth = news if isinstance(news, Report) else None
        self._compared += audit.is_open(truth)
        if isinstance(actor, ConversationActor):
            self._audit_truth(actor, truth)
        violation = audit.of_conversation(dispatcher.view, ident, truth)
        if violation is not None:
            self._healed(violation)
            for agent in sorted(audit.heal_conversation(dispatcher.view, ident, truth, now)):
                self._heal_agent(agent, now)

    def _audit_truth(self, actor: ConversationActor, truth: Report | None) -> None:
        """Nothing to heal the view by: written down once."""
        is_open = actor.state.status not in NOBODYS
        is_open = is_open and actor.address not in actor.system.supervisor.out
        violation = audit.of_truth(actor.address[2], truth, is_open=is_open)
        if violation is None:
            self._impossible.discard(actor.address[2])
        elif violation.about not in self._impossible:
            self._impossible.add(violation.about)
            self._healed(violation)

    def _audit_agent(self, agent: str, now: float) -> None:
        view = self._dispatcher.view
        known = view.roster.get(agent)
        if known is not None and not self._dispatcher.under_way.isdisjoint(known.owned | known.offers):
            return
        violation = audit.of_agent(view, agent, self._news(agent), self.parked_as(agent))
        if violation is not None:
            self._healed(violation)
            self._heal_agent(agent, now)

    def _heal_agent(self, agent: str, now: float) -> None:
        audit.heal_agent(self._dispatcher.view, agent, self._news(agent), self.parked_as(agent), now)

    def _news(self, agent: str) -> AgentNews | None:
        actor = self._dispatcher.system.actors.get(("agent", self._dispatcher.address[1], agent))
        news = actor.announcement() if actor is not None else None
        return news if isinstance(news, AgentNews) else None

    def parked_as(self, agent: str) -> Counter[tuple[str, int]]:
        """Count the agent's conversations that are in the store only, by kind of channel and weight."""
        system, tenant = self._dispatcher.system, self._dispatcher.address[1]
        actors = system.actors
        owned = system.store.owned(tenant, agent)
        parked = Counter(
            [
                (channel, holds)
                for ident, channel, holds in owned
                if ("conversation", tenant, ident) not in actors
            ]
        )
        counts: Counter[tuple[str, int]] = Counter()
        for (channel, holds), many in parked.items():
            counts[self._dispatcher.sort_of(channel, holds)] += many
        return counts

    def _healed(self, violation: audit.Violation) -> None:
        kind, about, found, expected = violation
        self.violations[kind.value] += 1
        self._dispatcher.take_in([events.Healed(kind.value, about, found, expected)])
