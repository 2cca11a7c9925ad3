"""The yardstick: a plain scan of the same facts, as an assignment loop over a table does it.

It finds who is next for an agent by looking at everybody who waits, and the agent for a conversation by
looking at every agent. It does a part of what the view does: department, language, skills, room and order.
"""

from __future__ import annotations

from actors.dispatcher.facts import Report
from benchmarks.routing.world import World


class Scan:
    """The facts of a world as a table of who waits and a table of who has how much."""

    def __init__(self, world: World) -> None:
        self.desk = world.desk
        self.waiting = {ident: report for ident, report in world.view.conversations.items() if report.waiting}
        self.used = {name: known.used for name, known in world.view.roster.items()}
        self.given_at = {name: known.given_at for name, known in world.view.roster.items()}
        self.credit_s = self.desk.departments["help"].priority_credit_s

    def next_for(self, agent: str) -> Report | None:
        """Return the conversation that an agent with room is given next."""
        settings, credit_s = self.desk.agents[agent], self.credit_s
        skills, languages, departments = settings.skills, settings.languages, settings.departments
        room = settings.capacity - self.used[agent]
        best, least = None, float("inf")
        for report in self.waiting.values():
            key = report.since - report.priority * credit_s
            if key >= least or report.language not in languages or report.weight > room:
                continue
            if report.department in departments and all(
                skills.get(skill, 0) >= level for skill, level in report.skills
            ):
                best, least = report, key
        return best

    def agent_for(self, report: Report) -> str | None:
        """Return the agent who is given a conversation: the least loaded, then who was idle for longest."""
        best, least = None, (float("inf"), 0.0, "")
        for name, settings in self.desk.agents.items():
            used = self.used[name]
            if used + report.weight > settings.capacity or report.language not in settings.languages:
                continue
            if report.department in settings.departments and all(
                settings.skills.get(skill, 0) >= level for skill, level in report.skills
            ):
                key = (used / settings.capacity, self.given_at[name], name)
                if key < least:
                    best, least = name, key
        return best
