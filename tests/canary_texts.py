"""Canaries: values that nobody may see, put into every text of a message and looked for afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec.inspect as inspect

CANARIES = {
    "card": "4539 1488 0343 6467",
    "iban": "DE89370400440532013000",
    "social_security": "514-69-0360",
    "email": "canary.bird@cage.example",
    "phone": "+447966197542",
}
EVERY = " / ".join(CANARIES.values())
#: What no mask leaves of them: not the local part, no two groups, no more than four digits. Long
#: enough not to be met with by chance.
SHARDS = {
    "card": ("4539 1488", "1488 0343", "0343 6467", "45391488"),
    "iban": ("DE8937", "0532013"),
    "social_security": ("514-69", "69-0360"),
    "email": ("canary.bird", "anary"),
    "phone": ("4479661", "79661"),
}

#: The only text with a form of its own, a SHA-256; with the digits of a card number in it.
MEDIUM = "4111111111111111".ljust(64, "a")
#: A value for every type that has no text in it.
_PLAIN: dict[type[Any], Any] = {
    inspect.BytesType: b"0123456789abcdef",
    inspect.IntType: 1,
    inspect.FloatType: 1.0,
    inspect.BoolType: True,
}


def filled(kind: type[Any], canary: str = EVERY, **given: Any) -> Iterator[Any]:
    """Make messages of a kind with a canary in every text, one for each kind of news or content in it.

    ``given`` says what stands in the fields of these names, at any depth.
    """
    yield from _filled(inspect.type_info(kind), canary, given)


def _filled(info: Any, canary: str, given: dict[str, Any]) -> Iterator[Any]:
    match info:
        case inspect.Metadata():
            yield from _filled(info.type, canary, given)
        case inspect.StructType():
            choices = {
                field.name: [given[field.name]]
                if field.name in given
                else [*_filled(field.type, canary, given)]
                for field in info.fields
            }
            for place in range(max([1, *map(len, choices.values())])):
                yield info.cls(**{name: values[place % len(values)] for name, values in choices.items()})
        case inspect.UnionType():
            yield from (value for each in info.types for value in _filled(each, canary, given))
        case inspect.NoneType():
            return
        case inspect.StrType(pattern=None):
            yield _fitting(canary, info.max_length)
        case inspect.StrType():
            yield MEDIUM
        case inspect.ListType():
            yield [*_filled(info.item_type, canary, given)]
        case inspect.VarTupleType():
            yield (*_filled(info.item_type, canary, given),)
        case inspect.DictType():
            values = [*_filled(info.value_type, canary, given)]
            yield {key: value for key in _filled(info.key_type, canary, given) for value in values}
        case inspect.LiteralType():
            yield info.values[0]
        case _:
            yield _PLAIN[type(info)]


def _fitting(canary: str, length_max: int | None) -> str:
    """Where all of them have no room, the shortest has: an empty text would prove nothing."""
    if length_max is None or len(canary) <= length_max:
        return canary
    return CANARIES["social_security"][:length_max]


def seen_in(text: str | bytes) -> list[str]:
    """Return what shows in a text that should not."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    return [f"{kind}: {shard}" for kind, shards in SHARDS.items() for shard in shards if shard in text]
