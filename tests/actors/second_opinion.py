"""A plain second opinion on routing: who could be given what, from the journal's facts and the desk alone.

It shares no code with the dispatcher, looks at everything each time, and knows what docs/routing.md says.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from config.desk import Desk
from config.routing import Department
from tests.actors.oracle import Oracle, Thread


@dataclass
class Opinion:
    """What the journal and the desk say at a moment."""

    desk: Desk
    oracle: Oracle
    now: float

    def department(self, thread: Thread) -> Department:
        """Return the department in whose queue a conversation waits."""
        return self.desk.departments[thread.wanted_in]

    def entered(self, thread: Thread) -> float:
        """Since when it stands in that queue."""
        return thread.entered if thread.transfer is None else thread.transfer_at

    def serves(self, agent: str, thread: Thread) -> bool:
        """Rule 1: the agent serves the department, or a ring that is open by now lets the agent in."""
        departments = {thread.wanted_in}
        for ring in self.department(thread).rings:
            if self.entered(thread) + ring.after_s <= self.now:
                departments.update(ring.departments)
        return not departments.isdisjoint(self.desk.agents[agent].departments)

    def skilled(self, agent: str, thread: Thread) -> bool:
        """Rule 2: every required skill at the required level, unless a ring that is open drops it."""
        rings = self.department(thread).rings
        if any("skills" in ring.relax and self.entered(thread) + ring.after_s <= self.now for ring in rings):
            return True
        own = self.desk.agents[agent].skills
        return all(own.get(skill, 0) >= level for skill, level in thread.skills.items())

    def there(self, agent: str) -> bool:
        """Rule 3: online, and a connection is alive."""
        return self.oracle.presence.get(agent) == "online" and self.oracle.reachable.get(agent, False)

    def room(self, agent: str, thread: Thread) -> bool:
        """Rule 4: what is owned and offered, and this one's weight, are not more than the capacity."""
        used = self.oracle.used()[agent] + self.oracle.weight(thread)
        return used <= self.desk.agents[agent].capacity

    def able(self, agent: str, thread: Thread) -> bool:
        """Say whether the agent could be given the conversation now, as far as the rules 1 to 4 go."""
        return (
            agent not in thread.assignees
            and self.there(agent)
            and self.serves(agent, thread)
            and self.skilled(agent, thread)
            and self.room(agent, thread)
        )

    def paused(self, agent: str, thread: Thread) -> bool:
        """Rule 5: the agent has declined it, and the pause is not over."""
        at = thread.declined.get(agent)
        return at is not None and at + self.department(thread).decline_pause_s > self.now

    def kept(self, thread: Thread) -> bool:
        """Say whether it may be kept for somebody who has served the customer before (D7)."""
        settings = self.department(thread)
        return (
            thread.transfer is None
            and bool(thread.served)
            and settings.previous_agent != "never"
            and self.entered(thread) + settings.previous_agent_window_s > self.now
        )

    def left_undecided(self) -> Iterator[tuple[str, str]]:
        """Return each waiting conversation with an agent to whom it should have been offered (G10)."""
        for ident, thread in self.oracle.waiting():
            if self.department(thread).mode == "pull":
                continue
            for agent in self.desk.agents:
                if self.able(agent, thread) and not self.paused(agent, thread) and not self.kept(thread):
                    yield ident, agent
