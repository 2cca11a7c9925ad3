"""A checked configuration as a flat row of settings: for showing it, and for comparing two of them."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import inspect

from config.annotations import SECRET, Section, struct_type, unwrapped
from config.scanning import KeyPath, dotted

REDACTED = "(redacted)"


class Leaf(msgspec.Struct, frozen=True):
    """One setting of a checked configuration; a list counts as one setting."""

    path: KeyPath
    value: Any
    is_secret: bool

    @property
    def shown(self) -> str:
        """The value as text; a secret never."""
        return REDACTED if self.is_secret else written(self.value)


def leaves(section: Section) -> Iterator[Leaf]:
    """Walk all settings of a checked configuration, defaults included, in the order of declaration."""
    return _leaves(struct_type(type(section)), section, (), is_secret=False)


def _leaves(kind: inspect.Type, value: Any, path: KeyPath, *, is_secret: bool) -> Iterator[Leaf]:
    kind, notes = unwrapped(kind)
    is_secret = is_secret or SECRET in notes
    if isinstance(kind, inspect.StructType) and value is not None:
        for field in kind.fields:
            yield from _leaves(
                field.type, getattr(value, field.name), (*path, field.name), is_secret=is_secret
            )
    elif isinstance(kind, inspect.DictType):
        for key in value:
            yield from _leaves(kind.value_type, value[key], (*path, key), is_secret=is_secret)
    else:
        yield Leaf(path, value, is_secret)


def chosen(section: Section) -> Iterator[Leaf]:
    """Walk the settings of one section that are not as their defaults have them; tables count as one."""
    for field in struct_type(type(section)).fields:
        value = getattr(section, field.name)
        default = field.default
        if default is msgspec.NODEFAULT and field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        if field.required or value != default:
            _, notes = unwrapped(field.type)
            yield Leaf((field.encode_name,), value, SECRET in notes)


def written(value: Any) -> str:
    """Write a value as TOML would; what is not set is `none`, and of a section only what was chosen."""
    match value:
        case None:
            return "none"
        case float() if value.is_integer():
            return str(int(value))
        case str() | Path():
            return json.dumps(str(value), ensure_ascii=False)
        case tuple():
            return "[" + ", ".join(written(item) for item in value) + "]"
        case Section():
            return _table((dotted(leaf.path), leaf.shown) for leaf in chosen(value))
        case Mapping():
            return _table((dotted((key,)), written(item)) for key, item in value.items())
        case _:
            return json.dumps(value)


def _table(entries: Iterator[tuple[str, str]]) -> str:
    inside = ", ".join(f"{key} = {shown}" for key, shown in entries)
    return f"{{ {inside} }}" if inside else "{}"
