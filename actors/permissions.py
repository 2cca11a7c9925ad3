"""What a role lets an agent do to the work of others (L1-L3).

Pure: the desk in, an answer out. A colleague serves a department of the agent's own, or one below.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from config.desk import Desk
from config.routing import ROLES, Permission


def has(desk: Desk, agent: str, permission: Permission) -> bool:
    """Say whether the agent's role has a permission, whoever it is about."""
    settings = desk.agents.get(agent)
    if settings is None:
        return False
    role = desk.roles.get(settings.role) or ROLES.get(settings.role)
    return role is not None and permission in role.permissions


def may(desk: Desk, agent: str, permission: Permission, over_agent: str) -> bool:
    """Say whether the agent may do something to a colleague's work."""
    over = desk.agents.get(over_agent)
    return over is not None and has(desk, agent, permission) and _reaches(desk, agent, over.departments)


def may_in(desk: Desk, agent: str, permission: Permission, department: str) -> bool:
    """Say whether the agent may do something to what waits in a department's queue."""
    return has(desk, agent, permission) and _reaches(desk, agent, (department,))


def sees(desk: Desk, agent: str, department: str) -> bool:
    """Say whether a department is one of the agent's own, or below one."""
    return agent in desk.agents and _reaches(desk, agent, (department,))


def knows_of(desk: Desk, agent: str, department: str) -> bool:
    """Say whether what waits in a department could ever come to the agent, or to those below (G15)."""
    settings, own = desk.departments.get(department), desk.agents.get(agent)
    if settings is None or own is None:
        return False
    by_ring = (name for ring in settings.rings for name in ring.departments)
    return sees(desk, agent, department) or any(name in own.departments for name in by_ring)


def oversees(desk: Desk, agent: str, over_agent: str) -> bool:
    """Say whether one agent is a colleague of another, in the same department or below (L1)."""
    over = desk.agents.get(over_agent)
    return over is not None and agent in desk.agents and _reaches(desk, agent, over.departments)


def supervisors(desk: Desk, permission: Permission, departments: Iterable[str]) -> tuple[str, ...]:
    """Return who has a permission over any of the departments, in the desk's order.

    All agents of the desk are looked at once, when it is asked first.
    """
    by_department = _supervisors(_Same(desk), permission)
    found: dict[str, None] = {}
    for department in departments:
        for above in _upwards(desk, department):
            found.update(dict.fromkeys(by_department.get(above, ())))
    return tuple(found)


def _reaches(desk: Desk, agent: str, departments: Iterable[str]) -> bool:
    own = desk.agents[agent].departments
    return any(above in own for department in departments for above in _upwards(desk, department))


def _upwards(desk: Desk, department: str) -> Iterator[str]:
    """Return a department and all above it; a circle, which no checked desk has, ends it."""
    seen: set[str] = set()
    above: str | None = department
    while above is not None and above not in seen:
        seen.add(above)
        yield above
        settings = desk.departments.get(above)
        above = settings.parent if settings is not None else None


class _Same:
    """A desk as a key: by what it is, not by what stands in it."""

    __slots__ = ("desk",)

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    def __hash__(self) -> int:
        return id(self.desk)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.desk is self.desk


@lru_cache(maxsize=16)
def _supervisors(key: _Same, permission: Permission) -> dict[str, tuple[str, ...]]:
    """Map each department to those of its own agents who have the permission."""
    found: dict[str, list[str]] = {}
    for agent, settings in key.desk.agents.items():
        if has(key.desk, agent, permission):
            for department in settings.departments:
                found.setdefault(department, []).append(agent)
    return {department: tuple(agents) for department, agents in found.items()}
