"""The conversations that have not ended, as the checkers go by them.

Kept up with what a turn has changed: to look at every one of them after each turn finds nothing more. What
is counted here is counted from the journal, and shares nothing with the dispatcher's books.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from config.desk import Desk
from tests.actors.oracle import IN_HAND, Oracle, Thread
from tests.actors.second_opinion import Opinion

Alive = dict[str, Thread]
#: What the customer writes belongs to the conversation.
SERVED = ("queued", *IN_HAND)


class Living:
    """Who is alive, who waits, what each agent has, and when what must have an end has it."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self.alive: Alive = {}
        #: Who waits in a queue.
        self.waiting: Alive = {}
        #: Each agent's units of capacity.
        self.used: Counter[str] = Counter()
        #: By conversation: whose units were counted, and how many for each.
        self._counted: dict[str, tuple[tuple[str, ...], int]] = {}
        #: By conversation: when its live offer, or its transfer, must have ended.
        self._ends: dict[str, float] = {}
        #: By channel and contact: the conversation that has last been with the customer.
        self._of_customer: dict[tuple[str, str], str] = {}

    @property
    def ends_at(self) -> float:
        """When the first live offer or transfer must have ended (I8)."""
        return min(self._ends.values(), default=float("inf"))

    def changed(self, idents: Iterable[str]) -> None:
        """Take note of what has become of these conversations in a turn."""
        for ident in idents:
            thread = self._oracle.threads[ident]
            agents, weight = self._counted.pop(ident, ((), 0))
            for agent in agents:
                self.used[agent] -= weight
            self.waiting.pop(ident, None)
            self._ends.pop(ident, None)
            if thread.status == "ended":
                self.alive.pop(ident, None)
            else:
                self.alive[ident] = thread
                self._take(ident, thread)

    def _take(self, ident: str, thread: Thread) -> None:
        if thread.assignees or thread.offers:
            agents = (*thread.assignees, *(offer.agent for offer in thread.offers))
            weight = self._oracle.weight(thread)
            self._counted[ident] = (agents, weight)
            for agent in agents:
                self.used[agent] += weight
        if thread.offers:
            self._ends[ident] = min(offer.deadline_at for offer in thread.offers)
        elif thread.transfer is not None and thread.transfer.deadline_at:
            self._ends[ident] = thread.transfer.deadline_at
        if thread.wanted_in:
            self.waiting[ident] = thread
        if thread.status in SERVED:
            other = self._of_customer.get((thread.channel, thread.contact), ident)
            twice = other != ident and other in self.alive and self.alive[other].status in SERVED
            assert not twice, f"C9: {thread.contact} has two conversations, {other} and {ident}"
            self._of_customer[thread.channel, thread.contact] = ident


class Known(Opinion):
    """The second opinion, with what is counted as the turns go."""

    def __init__(
        self, desk: Desk, oracle: Oracle, now: float, used: Mapping[str, int], waiting: Alive
    ) -> None:
        super().__init__(desk, oracle, now)
        self._used = used
        self._waiting = waiting

    def room(self, agent: str, thread: Thread) -> bool:
        """Rule 4."""
        return self._used.get(agent, 0) + self.oracle.weight(thread) <= self.desk.agents[agent].capacity

    def left_undecided(self) -> Iterator[tuple[str, str]]:
        """Return each waiting conversation with an agent to whom it should have been offered (G10)."""
        if not self._waiting:
            return
        free = [
            agent
            for agent, settings in self.desk.agents.items()
            if self.there(agent) and self._used.get(agent, 0) < settings.capacity
        ]
        for ident, thread in self._waiting.items() if free else ():
            if self.department(thread).mode == "pull" or self.kept(thread):
                continue
            for agent in free:
                if not self.able(agent, thread) or self.paused(agent, thread):
                    continue
                if not self._may_keep_room(agent):
                    yield ident, agent

    def _may_keep_room(self, agent: str) -> bool:
        """Say whether somebody heavier waits who may have been overtaken too often, and lacks room only."""
        return any(
            self.serves(agent, thread) and self.skilled(agent, thread) and not self.room(agent, thread)
            for thread in self._waiting.values()
            if self.department(thread).overtaken_max
        )
