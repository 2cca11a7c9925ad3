"""What a waiting conversation asks of an agent at a moment, and what an agent lacks for it.

All conversations that ask the same share one pool of agents. What time changes (rings, pauses after a
decline) is worked out here, with the moment at which it changes next.
"""

from __future__ import annotations

from math import inf
from typing import NamedTuple

from actors.dispatcher.facts import Report
from actors.dispatcher.reasons import Reason
from config.desk import Agent
from config.routing import Department


class Requirement(NamedTuple):
    """Everything that decides who is eligible, apart from who has declined.

    ``rings``: other departments whose agents may answer by now. ``language`` is empty where none is required.
    """

    department: str
    rings: tuple[str, ...]
    skills: tuple[tuple[str, int], ...]
    language: str
    kind: str
    weight: int


def entered(report: Report) -> float:
    """Return since when the conversation stands in this queue."""
    return report.entered or report.since


def ring_at(report: Report, department: Department, now: float) -> int:
    """Return how many rings are open by now."""
    start = entered(report)
    return sum(start + ring.after_s <= now for ring in department.rings)


def requirement_of(report: Report, name: str, department: Department, ring: int) -> Requirement:
    """Return what the conversation asks for while so many rings are open."""
    opened = department.rings[:ring]
    relaxed = {what for each in opened for what in each.relax}
    rings = {other for each in opened for other in each.departments} - {name}
    wants_language = department.language == "required" and "language" not in relaxed
    return Requirement(
        name,
        tuple(sorted(rings)),
        () if "skills" in relaxed else tuple(sorted(report.skills)),
        report.language if wants_language else "",
        report.kind,
        report.weight,
    )


def excluded(report: Report, department: Department, now: float) -> frozenset[str]:
    """Return who is not asked now: decliners in their pause, and the assignee who gives it away."""
    if not report.declined and not report.assignee:
        return frozenset()
    pause_s = department.decline_pause_s
    found = {agent for agent, at in report.declined.items() if at + pause_s > now}
    if report.assignee:
        found.add(report.assignee)
    return frozenset(found)


def window_until(report: Report, department: Department) -> float:
    """Return until when the previous agent is asked first (D7); a decline ends it."""
    previous = report.previous
    if not previous or department.previous_agent == "never" or report.assignee or previous in report.declined:
        return -inf
    return entered(report) + department.previous_agent_window_s


def changes_at(report: Report, department: Department, now: float) -> float:
    """Return when time changes next what the conversation asks for, or how long it may wait."""
    if not (department.rings or report.declined or report.previous or department.wait_max_s):
        return inf
    start = entered(report)
    moments = [start + ring.after_s for ring in department.rings]
    moments.extend(at + department.decline_pause_s for at in report.declined.values())
    moments.append(window_until(report, department))
    if department.wait_max_s and department.at_limit != "keep":
        moments.append(start + department.wait_max_s)
    return min((moment for moment in moments if moment > now), default=inf)


def lacks(agent: Agent, wanted: Requirement) -> list[tuple[Reason, str]]:
    """Return what an agent lacks for good: the department, skills, the language."""
    found: list[tuple[Reason, str]] = []
    if not (
        wanted.department in agent.departments or any(ring in agent.departments for ring in wanted.rings)
    ):
        found.append((Reason.OTHER_DEPARTMENT, wanted.department))
    found.extend(
        (Reason.SKILL_MISSING, f"{skill} {level}")
        for skill, level in wanted.skills
        if agent.skills.get(skill, 0) < level
    )
    if wanted.language and wanted.language not in agent.languages:
        found.append((Reason.LANGUAGE_MISSING, wanted.language))
    return found
