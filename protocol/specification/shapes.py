"""The message types as tables: what fields a structure has, of what type, within which limits."""

from __future__ import annotations

import inspect as python_inspect
import re
from collections.abc import Iterable
from typing import Any, NamedTuple, get_args

from msgspec import NODEFAULT, Struct, inspect

from protocol.content import Content, Outgoing
from protocol.fields import Message
from protocol.history import HISTORY_VIEWS
from protocol.messages import FromClient, FromDaemon, News, ThreadEntry
from protocol.specification.meanings import meaning_of
from protocol.views import (
    AbuseView,
    ColleagueView,
    ConversationView,
    DecisionView,
    InvitationView,
    MovedView,
    OfferView,
    PageView,
    ReasonView,
    WaitingView,
    WindowView,
)

FROM_CLIENT: tuple[type[Message], ...] = get_args(FromClient)
FROM_DAEMON: tuple[type[Message], ...] = get_args(FromDaemon)
NEWS: tuple[type[Message], ...] = get_args(News)
CONTENTS: tuple[type[Message], ...] = get_args(Content)
#: What an agent may send besides contents, which become contents.
REFERENCES: tuple[type[Message], ...] = tuple(kind for kind in get_args(Outgoing) if kind not in CONTENTS)
#: What stands inside messages and has no ``type`` of its own.
VIEWS: tuple[type[Struct], ...] = (
    OfferView,
    ConversationView,
    WindowView,
    InvitationView,
    ThreadEntry,
    WaitingView,
    ColleagueView,
    MovedView,
    DecisionView,
    ReasonView,
    PageView,
    *HISTORY_VIEWS,
    AbuseView,
)
#: Everything that may stand alone in a frame.
TOP: tuple[type[Message], ...] = tuple(dict.fromkeys(FROM_CLIENT + FROM_DAEMON))
#: Every structure of the wire.
ALL: tuple[type[Struct], ...] = (*TOP, *CONTENTS, *REFERENCES, *NEWS, *VIEWS)


#: Defaults that are shown as a word.
EMPTY: tuple[Any, ...] = ("", b"", (), [], {})


class Field(NamedTuple):
    """One field in words."""

    name: str
    type: str
    limits: str
    default: str
    meaning: str


def name_of(kind: type[Struct]) -> str:
    """Return the value of ``type``; for a structure that has none, the name of the class."""
    tag = kind.__struct_config__.tag
    return tag if isinstance(tag, str) else kind.__name__


def doc_of(kind: type[Struct]) -> str:
    """Return a type's docstring as one paragraph per paragraph, with single backquotes."""
    text = python_inspect.cleandoc(kind.__doc__ or "").replace("``", "`")
    return "\n\n".join(" ".join(part.split()) for part in re.split(r"\n\s*\n", text))


def fields_of(kind: type[Struct]) -> list[Field]:
    """Return the fields of a structure, without ``type``."""
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    return [_field(name_of(kind), field) for field in info.fields]


def _field(owner: str, field: inspect.Field) -> Field:
    plain = _plain(field.type)
    words, limits = _words(plain)
    return Field(field.encode_name, words, limits, _default(field), meaning_of(owner, field.encode_name))


def _plain(info: inspect.Type) -> inspect.Type:
    return info.type if isinstance(info, inspect.Metadata) else info


def _default(field: inspect.Field) -> str:
    if field.required:
        return "required"
    value: Any = field.default if field.default is not NODEFAULT else field.default_factory()
    if value is None:
        return "nil"
    if value in EMPTY:
        return "empty"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _words(info: inspect.Type) -> tuple[str, str]:
    """Return a type and its limits in words."""
    match info:
        case inspect.StrType():
            return "str", _range(info.min_length, info.max_length, "characters")
        case inspect.BytesType():
            return "bin", _range(info.min_length, info.max_length, "bytes")
        case inspect.IntType():
            return "int", _range(info.ge, info.le, "")
        case inspect.FloatType():
            return "float", _range(info.ge, info.le, "")
        case inspect.BoolType():
            return "bool", ""
        case inspect.StructType():
            return f"map `{name_of(info.cls)}`", ""
        case inspect.ListType() | inspect.VarTupleType():
            return f"array of {_words(_plain(info.item_type))[0]}", ""
        case inspect.DictType():
            words = f"map of str to {_words(_plain(info.value_type))[0]}"
            return words, _range(None if info.max_length is None else 0, info.max_length, "entries")
        case inspect.LiteralType():
            values = (f"`{value}`" if value else "empty" for value in info.values)
            return "str", ", ".join(values)
        case inspect.UnionType():
            return _union([_plain(each) for each in info.types])
    raise AssertionError(f"no words for {info}")


def _union(types: Iterable[inspect.Type]) -> tuple[str, str]:
    some = [each for each in types if not isinstance(each, inspect.NoneType)]
    if len(some) > 1:
        kinds = {each.cls for each in some if isinstance(each, inspect.StructType)}
        if kinds <= set(NEWS):
            return "map, any of the news", ""
        if kinds == set(CONTENTS):
            return "map, any of the contents", ""
        return "map, any of the contents and references", ""
    (only,) = some
    words, limits = _words(only)
    return f"{words} or nil", limits


def _range(low: float | None, high: float | None, unit: str) -> str:
    if low is None and high is None:
        return ""
    bounds = _power(low or 0) if low == high else f"{_power(low or 0)} to {_power(high)}"
    return f"{bounds} {unit}".rstrip()


def _power(number: float | None) -> str:
    return "2^62" if number == 2**62 else str(number)
