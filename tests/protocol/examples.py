"""Messages made from their types: the smallest of each kind, and hypothesis strategies for all."""

from __future__ import annotations

from functools import cache
from typing import Any, get_args

import msgspec.inspect as inspect
from hypothesis import strategies as st

from protocol.fields import Message
from protocol.messages import FromClient, FromDaemon

CLIENT_KINDS: tuple[type[Message], ...] = get_args(FromClient)
DAEMON_KINDS: tuple[type[Message], ...] = get_args(FromDaemon)
KINDS: tuple[type[Message], ...] = tuple(dict.fromkeys(CLIENT_KINDS + DAEMON_KINDS))
TEXT_MAX = 40


def smallest(kind: type[Message]) -> Message:
    """Make the message of this kind with the least in it."""
    return _smallest(inspect.type_info(kind))  # type: ignore[no-any-return]


def _smallest(info: inspect.Type) -> Any:
    match info:
        case inspect.Metadata():
            return _smallest(info.type)
        case inspect.StructType():
            return info.cls(**{field.name: _smallest(field.type) for field in info.fields if field.required})
        case inspect.UnionType():
            return _smallest(info.types[0])
        case inspect.StrType():
            return ("0" if info.pattern else "x") * (info.min_length or 0)
        case inspect.BytesType():
            return bytes(info.min_length or 0)
        case inspect.IntType():
            return info.ge or 0
        case inspect.FloatType():
            return 0.0
        case inspect.BoolType():
            return False
        case inspect.ListType():
            return []
        case inspect.LiteralType():
            return info.values[0]
    raise AssertionError(info)


@cache
def messages(kind: type[Message]) -> st.SearchStrategy[Message]:
    """Make any message of this kind. Kept: to find out how takes longer than to make a hundred messages."""
    return _any(inspect.type_info(kind))


def _any(info: inspect.Type) -> st.SearchStrategy[Any]:
    match info:
        case inspect.Metadata():
            return _any(info.type)
        case inspect.StructType():
            fields = {field.name: _any(field.type) for field in info.fields}
            return st.builds(info.cls, **fields)
        case inspect.UnionType():
            return st.one_of([_any(each) for each in info.types])
        case inspect.StrType() if info.pattern:
            return st.from_regex(info.pattern, fullmatch=True)
        case inspect.StrType():
            return st.text(min_size=info.min_length or 0, max_size=min(info.max_length or TEXT_MAX, TEXT_MAX))
        case inspect.BytesType():
            return st.binary(min_size=info.min_length or 0, max_size=info.max_length)
        case inspect.IntType():
            return st.integers(info.ge or 0, info.le or 2**62)
        case inspect.FloatType():
            return st.floats(info.ge, info.le, allow_nan=False, allow_infinity=False)
        case inspect.BoolType():
            return st.booleans()
        case inspect.NoneType():
            return st.none()
        case inspect.LiteralType():
            return st.sampled_from(info.values)
    return _any_of_several(info)


def _any_of_several(info: inspect.Type) -> st.SearchStrategy[Any]:
    match info:
        case inspect.ListType():
            return st.lists(_any(info.item_type), max_size=3)
        case inspect.VarTupleType():
            return st.lists(_any(info.item_type), max_size=3).map(tuple)
        case inspect.DictType():
            return st.dictionaries(_any(info.key_type), _any(info.value_type), max_size=3)
    raise AssertionError(info)
