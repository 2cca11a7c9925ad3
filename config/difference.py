"""What applying a desk would change, said entry by entry and setting by setting."""

from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec

from config.annotations import Section
from config.desk import Desk, Policies
from config.leaves import leaves, written
from config.scanning import KeyPath, dotted

SECTIONS = ("departments", "roles", "agents", "channels", "gateways", "consoles")


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
    for old, new in zip(leaves(before), leaves(after), strict=True):
        if old.value == new.value:
            continue
        where = dotted((*path, *new.path))
        if new.is_secret:
            yield Change("changed", where)
        else:
            yield Change("changed", where, old.shown, new.shown)


def _summary(entry: Section) -> str:
    """Say an entry on one line, without its secrets and without what is not set."""
    shown = (leaf for leaf in leaves(entry) if not leaf.is_secret and leaf.value not in (None, ()))
    return ", ".join(f"{dotted(leaf.path)} {leaf.shown}" for leaf in shown)
