"""Lays the sources of process settings over each other: file, conf.d, environment. The last one wins."""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from msgspec import inspect

from config.annotations import Section, struct_type, unwrapped
from config.problems import ConfigurationError, Problem, did_you_mean
from config.scanning import KeyPath
from config.source import Place, Source, read_source

PREFIX = "SWITCHBOARD__"


class Layers:
    """Sources merged so far, and the problems of those that could not be read."""

    def __init__(self, file: str) -> None:
        self.data: dict[str, Any] = {}
        self.places: dict[KeyPath, Place] = {}
        self.problems: list[Problem] = []
        self._file = file

    def add_files(self, paths: Iterable[Path]) -> None:
        """Lay files over what is there; one that cannot be read becomes a problem, and the next is tried."""
        for path in paths:
            try:
                self.add(read_source(path))
            except ConfigurationError as error:
                self.problems.extend(error.problems)

    def add(self, source: Source) -> None:
        """Lay one source over what is there: tables join, everything else is replaced."""
        self._merge(self.data, source.data, (), source)

    def put(self, path: tuple[str, ...], value: object, place: Place) -> None:
        """Lay one value over what is there."""
        table: dict[str, Any] = {}
        inner = table
        for key in path[:-1]:
            inner = inner.setdefault(key, {})
        inner[path[-1]] = value
        self.add(Source(place.file, table, {path: place}))

    def put_default(self, path: tuple[str, ...], value: object, place: Place) -> None:
        """Put one value if nothing is there yet; where a table should be and is not, do nothing."""
        table = self.data
        for key in path[:-1]:
            table = table.setdefault(key, {})
            if not isinstance(table, dict):
                return
        if path[-1] not in table:
            self.put(path, value, place)

    def merged(self) -> Source:
        """Return everything as one source, which remembers the place of each value."""
        return Source(self._file, self.data, self.places)

    def _merge(self, below: dict[str, Any], above: Mapping[str, Any], path: KeyPath, source: Source) -> None:
        for key, value in above.items():
            place = (*path, key)
            if isinstance(value, dict) and isinstance(below.get(key, {}), dict):
                self._note(place, source)
                self._merge(below.setdefault(key, {}), value, place, source)
            else:
                self._forget(place)
                below[key] = value
                self._note_all(place, source)

    def _note(self, path: KeyPath, source: Source) -> None:
        if path in source.places:
            self.places[path] = source.places[path]

    def _note_all(self, path: KeyPath, source: Source) -> None:
        self.places.update(
            {known: place for known, place in source.places.items() if known[: len(path)] == path}
        )

    def _forget(self, path: KeyPath) -> None:
        for known in [known for known in self.places if known[: len(path)] == path]:
            del self.places[known]


def add_environment(layers: Layers, kind: type[Section], environment: Mapping[str, str]) -> None:
    """Lay `SWITCHBOARD__SECTION__KEY` variables over the layers. An unknown one becomes a problem."""
    known = {_variable(path): (path, leaf) for path, leaf in _settings(struct_type(kind), ())}
    for name in sorted(environment):
        if not name.startswith(PREFIX):
            continue
        if name not in known:
            layers.problems.append(Problem(name, None, "", "no such setting", did_you_mean(name, known)))
            continue
        path, leaf = known[name]
        layers.put(path, _read_variable(leaf, environment[name]), Place(name))


def _variable(path: tuple[str, ...]) -> str:
    return PREFIX + "__".join(path).upper()


def _settings(kind: inspect.StructType, path: tuple[str, ...]) -> list[tuple[tuple[str, ...], inspect.Type]]:
    found: list[tuple[tuple[str, ...], inspect.Type]] = []
    for field in kind.fields:
        inner, _ = unwrapped(field.type)
        place = (*path, field.encode_name)
        found += _settings(inner, place) if isinstance(inner, inspect.StructType) else [(place, inner)]
    return found


def _read_variable(kind: inspect.Type, text: str) -> object:
    """Read a variable as the setting's type wants it: text as it stands, everything else as a TOML value."""
    if isinstance(kind, inspect.StrType | inspect.LiteralType | inspect.CustomType):
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (ValueError, RecursionError):
        return text  # The check will say what was expected instead.
