"""How our settings are declared: one line per setting, and everything else is read from that line.

A section is a frozen struct; a setting is a field whose annotation carries its bounds (`msgspec.Meta`) and
notes (`note(...)`). Checking, showing, comparing, the environment and the JSON Schema all follow from the
annotations.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import msgspec
from msgspec import inspect

SECRET = "secret"  # noqa: S105 - the name of a note.
REFERS_TO = "refers_to"
BESIDES = "besides"
UNIQUE = "unique"
SAYS = "says"


class Violation(msgspec.Struct, frozen=True):
    """A rule between settings of one section that does not hold: the setting to blame, and the rule.

    `below`: the keys from that setting down to the line to blame, where it is a table.
    """

    key: str
    what: str
    hint: str | None = None
    below: tuple[str, ...] = ()


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all settings structs."""

    def violations(self) -> Iterator[Violation]:
        """Yield the broken rules between this section's settings; asked only when each alone is right."""
        return iter(())


def note(
    *,
    secret: bool = False,
    refers_to: str | None = None,
    besides: tuple[str, ...] = (),
    unique: str | None = None,
    says: str | None = None,
) -> msgspec.Meta:
    """Attach notes to a setting.

    `secret`: its value is never shown. `refers_to`: its value must be a key of that top-level table, or one
    of `besides`, which exist without being written. `unique`: no two settings with this same word may have
    the same value. `says`: what a text must be, in words, for its pattern.
    """
    notes = {SECRET: secret, REFERS_TO: refers_to, BESIDES: besides, UNIQUE: unique, SAYS: says}
    return msgspec.Meta(extra={name: value for name, value in notes.items() if value})


def unwrapped(kind: inspect.Type) -> tuple[inspect.Type, Mapping[str, Any]]:
    """Return the type itself without notes and without `| None`, and the notes."""
    if isinstance(kind, inspect.Metadata):
        inner, notes = unwrapped(kind.type)
        return inner, {**notes, **(kind.extra or {})}
    if isinstance(kind, inspect.UnionType):
        choices = [choice for choice in kind.types if not isinstance(choice, inspect.NoneType)]
        assert len(choices) == 1, "a setting has one type"
        return unwrapped(choices[0])
    return kind, {}


@cache
def struct_type(kind: type[Section]) -> inspect.StructType:
    """Return what msgspec knows about a section. It takes as long to find out as to check a desk."""
    found = inspect.type_info(kind)
    assert isinstance(found, inspect.StructType)
    return found
