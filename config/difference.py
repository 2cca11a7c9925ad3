"""What applying a desk would change, said entry by entry and setting by setting."""

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any, Final, Literal

import msgspec

from config.annotations import SECRET, Section, struct_type, unwrapped
from config.desk import Desk, Policies
from config.leaves import chosen, written
from config.scanning import KeyPath, dotted

#: Stands for an entry that a table or list does not have.
_ABSENT: Final = object()

SECTIONS = (
    "departments",
    "styles",
    "roles",
    "agents",
    "channels",
    "gateways",
    "consoles",
    "replies",
    "cards",
)


class Change(msgspec.Struct, frozen=True):
    """One change: a dotted key, and its values as text before and after.

    `before` is None for what was added, `after` for what was removed, both for a secret: its values are
    never shown.
    """

    kind: Literal["added", "removed", "changed"]
    where: str
    before: str | None = None
    after: str | None = None

    def __str__(self) -> str:
        match self.kind:
            case "added":
                return f"+ {self.where}: {self.after}" if self.after else f"+ {self.where}"
            case "removed":
                return f"- {self.where}: {self.before}" if self.before else f"- {self.where}"
            case "changed" if self.before is None and self.after is None:
                entry, _, setting = self.where.rpartition(".")
                return f"~ {entry}: {setting} changed"
            case "changed":
                return f"~ {self.where}: {self.before} -> {self.after}"


def difference(old: Desk | None, new: Desk) -> list[Change]:
    """List the changes from `old` (None: no desk yet) to `new`. An empty list: applying it changes nothing.

    Tables come in the order of the desk file's sections, their entries by id.
    """
    changes: list[Change] = []
    if old is None:
        changes.append(Change("added", "tenant", after=written(new.tenant)))
    elif old.tenant != new.tenant:
        changes.append(Change("changed", "tenant", written(old.tenant), written(new.tenant)))
    for section in SECTIONS:
        before: Mapping[str, Section] = {} if old is None else getattr(old, section)
        changes += _between_tables(section, before, getattr(new, section))
    changes += _between_entries(("policies",), Policies() if old is None else old.policies, new.policies)
    return changes


def _between_tables(
    section: str, before: Mapping[str, Section], after: Mapping[str, Section]
) -> Iterator[Change]:
    for identifier in sorted(before.keys() | after.keys()):
        path = (section, identifier)
        if identifier not in before:
            yield Change("added", dotted(path), after=_summary(after[identifier]))
        elif identifier not in after:
            yield Change("removed", dotted(path), before=_summary(before[identifier]))
        else:
            yield from _between_entries(path, before[identifier], after[identifier])


def _between_entries(path: KeyPath, before: Section, after: Section) -> Iterator[Change]:
    for field in struct_type(type(after)).fields:
        _, notes = unwrapped(field.type)
        where = (*path, field.encode_name)
        old, new = getattr(before, field.name), getattr(after, field.name)
        if SECRET in notes and old != new:
            yield Change("changed", dotted(where))
        else:
            yield from _between_values(where, old, new)


def _between_values(path: KeyPath, old: Any, new: Any) -> Iterator[Change]:
    """Compare down to the single setting; what is new or gone inside a list or a table is said whole."""
    if old == new:
        return
    if isinstance(old, Section) and isinstance(new, Section):
        yield from _between_entries(path, old, new)
    elif isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted(old.keys() | new.keys()):
            yield from _between_values((*path, key), old.get(key, _ABSENT), new.get(key, _ABSENT))
    elif _sections(old) and _sections(new):
        for place, (one, other) in enumerate(zip_longest(old, new, fillvalue=_ABSENT)):
            yield from _between_values((*path, place), one, other)
    elif old is _ABSENT or (old is None and isinstance(new, Section)):
        yield Change("added", dotted(path), after=written(new))
    elif new is _ABSENT or (new is None and isinstance(old, Section)):
        yield Change("removed", dotted(path), before=written(old))
    else:
        yield Change("changed", dotted(path), written(old), written(new))


def _sections(value: Any) -> bool:
    """Say whether it is a list of sections, such as rings."""
    return isinstance(value, tuple) and all(isinstance(item, Section) for item in value)


def _summary(entry: Section) -> str:
    """Say an entry on one line: what was chosen, without its secrets."""
    return ", ".join(f"{dotted(leaf.path)} {leaf.shown}" for leaf in chosen(entry) if not leaf.is_secret)
