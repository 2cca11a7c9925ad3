"""The JSON Schema of a section, for editors that complete and check TOML."""

from pathlib import Path
from typing import Any

import msgspec

from config.annotations import Section


def schema_of(kind: type[Section]) -> dict[str, Any]:
    """Return the JSON Schema of a section class, and of all sections in it."""
    return msgspec.json.schema(kind, schema_hook=_path_schema)


def _path_schema(kind: type) -> dict[str, Any]:
    if kind is Path:
        return {"type": "string"}
    raise NotImplementedError(kind)
