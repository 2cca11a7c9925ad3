"""A small writer of YAML: mappings, lists and scalars, in the order given. No library is needed to run it."""

from __future__ import annotations

import json
import re
from typing import Any

# Short words that YAML cannot take for anything else; all other text is quoted as JSON, which is YAML too.
_BARE = re.compile(r"[A-Za-z][A-Za-z0-9_/.-]*( [A-Za-z0-9_/.-]+)*")
_RESERVED = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n"})


def to_yaml(value: Any) -> str:
    """Return a document."""
    return "".join(f"{line}\n" for line in _lines(value))


def scalar(value: Any) -> str:
    """Return one value on one line."""
    if isinstance(value, str) and _BARE.fullmatch(value) and value.lower() not in _RESERVED:
        return value
    return json.dumps(value, ensure_ascii=False)


def _lines(value: Any) -> list[str]:
    if isinstance(value, dict) and value:
        return [line for key, item in value.items() for line in _entry(f"{scalar(key)}:", item)]
    if isinstance(value, list) and value:
        return [line for item in value for line in _item(item)]
    return [scalar(value)]


def _entry(key: str, value: Any) -> list[str]:
    lines = _lines(value)
    if not isinstance(value, dict | list) or not value:
        return [f"{key} {lines[0]}"]
    return [key, *(f"  {line}" for line in lines)]


def _item(value: Any) -> list[str]:
    first, *rest = _lines(value)
    return [f"- {first}", *(f"  {line}" for line in rest)]
