"""What only shows when a desk's departments, agents and channels are looked at together.

This looks at what was written, not at what was checked: a wrong setting elsewhere must not hide that two
departments are each other's parent. Only what is certainly wrong is named.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from config.problems import Problem, did_you_mean, quoted
from config.scanning import KeyPath, dotted
from config.source import Source

_Table = Mapping[str, Any]
_DEFAULT_CAPACITY = 4


class _Found(NamedTuple):
    """A problem without its file and line; `near` is the key that the line is looked for by."""

    near: KeyPath
    what: str
    hint: str | None = None


def check_across(source: Source) -> tuple[Problem, ...]:
    """Return what does not fit between the entries of a desk."""
    departments, agents, channels = (
        _table(source.data, name) for name in ("departments", "agents", "channels")
    )
    found = [
        *_circles(departments, "parent", departments),
        *_circles(departments, "overflow", _overflowing(departments)),
        *(problem for name in departments for problem in _rings(name, _table(departments, name))),
        *(problem for name in channels for problem in _reach(name, channels, departments, agents)),
    ]
    return tuple(_problem(source, problem) for problem in found)


def _problem(source: Source, found: _Found) -> Problem:
    place = source.place_of(found.near)
    return Problem(place.file, place.line, dotted(found.near), found.what, found.hint)


# Circles.


def _overflowing(departments: _Table) -> _Table:
    """Return the departments whose overflow is in use."""
    return {
        name: value
        for name, value in departments.items()
        if _table(departments, name).get("at_limit") == "overflow"
    }


def _circles(departments: _Table, key: str, followed: _Table) -> Iterator[_Found]:
    """Follow a reference from department to department; each circle is named once, where it is met first."""
    cleared: set[str] = set()
    for name in departments:
        if _table(departments, name).get(key) == name:
            yield _Found(("departments", name, key), "is the department itself")
            cleared.add(name)
    for name in followed:
        way: list[str] = []
        here: object = name
        while isinstance(here, str) and here in followed and here not in cleared and here not in way:
            way.append(here)
            here = _table(followed, here).get(key)
        if isinstance(here, str) and here in way:
            circle = way[way.index(here) :]
            yield _Found(("departments", circle[0], key), f"goes in a circle: {' -> '.join([*circle, here])}")
        cleared.update(way)


# Rings.


def _rings(name: str, department: _Table) -> Iterator[_Found]:
    rings = department.get("rings")
    for place, ring in enumerate(rings if isinstance(rings, list) else []):
        if not isinstance(ring, dict):
            continue
        near = ("departments", name, "rings", place)
        if not ring.get("relax") and not ring.get("departments"):
            yield _Found(near, "opens nothing; it needs relax or departments")
        if name in _list(ring, "departments"):
            yield _Found((*near, "departments"), "names the department itself")


# Channels whose customers nobody could ever be given to.


def _reach(name: str, channels: _Table, departments: _Table, agents: _Table) -> Iterator[_Found]:
    channel = _table(channels, name)
    wanted = channel.get("department")
    if not isinstance(wanted, str) or wanted not in departments:
        return
    department = _table(departments, wanted)
    rings = [ring for ring in _list(department, "rings") if isinstance(ring, dict)]
    serving = {wanted, *(other for ring in rings for other in _list(ring, "departments"))}
    able = {
        agent: _table(agents, agent)
        for agent in agents
        if serving.intersection(_list(_table(agents, agent), "departments"))
    }
    if not able:
        return  # Nobody has been put there yet.
    yield from _too_heavy(name, channel, wanted, able)
    relaxed = {what for ring in rings for what in _list(ring, "relax")}
    if "skills" not in relaxed:
        yield from _unskilled(name, channel, wanted, able)
    if "language" not in relaxed and department.get("language") == "required":
        yield from _unspoken(name, channel, wanted, able)


def _too_heavy(name: str, channel: _Table, department: str, able: _Table) -> Iterator[_Found]:
    weight = channel.get("weight", 1)
    capacities = [_table(able, agent).get("capacity", _DEFAULT_CAPACITY) for agent in able]
    if _whole(weight) and all(_whole(each) and each > 0 for each in capacities) and weight > max(capacities):
        what = f"is {weight}, but no agent who serves {department} has more capacity than {max(capacities)}"
        yield _Found(("channels", name, "weight"), what)


def _unskilled(name: str, channel: _Table, department: str, able: _Table) -> Iterator[_Found]:
    known = {skill for agent in able for skill in _table(able, agent, "skills")}
    for skill, least in _table(channel, "skills").items():
        if not _whole(least):
            continue
        levels = [_table(able, agent, "skills").get(skill, 0) for agent in able]
        if all(map(_whole, levels)) and least > max(levels):
            most = f"{max(levels)} at most" if max(levels) else "none of it"
            what = f"needs {least}, but the agents who serve {department} have {most}, and no ring drops it"
            yield _Found(("channels", name, "skills", skill), what, did_you_mean(skill, known - {skill}))


def _unspoken(name: str, channel: _Table, department: str, able: _Table) -> Iterator[_Found]:
    language = channel.get("language")
    if isinstance(language, str) and not any(
        language in _list(_table(able, agent), "languages") for agent in able
    ):
        what = f"no agent who serves {department} speaks {quoted(language)}, and no ring drops it"
        yield _Found(("channels", name, "language"), what)


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _list(table: _Table, key: str) -> list[Any]:
    """Return a list; where something else stands, or nothing, it is empty."""
    value = table.get(key)
    return [item for item in value if isinstance(item, str | dict)] if isinstance(value, list) else []


def _table(table: _Table, *keys: str) -> _Table:
    """Go down to a table; where something else stands, or nothing, it is empty."""
    for key in keys:
        inner = table.get(key)
        table = inner if isinstance(inner, dict) else {}
    return table
