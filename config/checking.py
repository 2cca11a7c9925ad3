"""Turns what was written into typed settings, and reports every problem on the way, not only the first."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import msgspec
from msgspec import inspect

from config.annotations import BESIDES, REFERS_TO, SAYS, SECRET, UNIQUE, Section, struct_type, unwrapped
from config.problems import Problem, did_you_mean, in_reading_order, quoted
from config.scalars import UnfitError, check_length, described, read_scalar
from config.scanning import KeyPath, dotted
from config.source import Source

SectionT = TypeVar("SectionT", bound=Section)


class Checked(msgspec.Struct, frozen=True):
    """What a check found: the settings (None if there is any problem), and all problems in reading order."""

    settings: Any
    problems: tuple[Problem, ...]


def check(source: Source, kind: type[Section], base: Path) -> Checked:
    """Check a whole source against a section class; relative paths are meant from the folder `base`."""
    checker = _Checker(source, base)
    settings = checker.section(struct_type(kind), source.data, ())
    problems = in_reading_order(checker.problems)
    return Checked(None if problems else settings, problems)


class _Broken:
    """Stands for a value whose problem has been noted already."""


_BROKEN: Final = _Broken()


class _Checker:
    """One walk over one source, along the declared types."""

    def __init__(self, source: Source, base: Path) -> None:
        self.problems: list[Problem] = []
        self._source = source
        self._base = base
        self._first_use: dict[tuple[str, str], KeyPath] = {}

    def section(self, kind: inspect.StructType, table: object, path: KeyPath) -> Any:
        if not isinstance(table, dict):
            return self._problem(path, f"expected a table, got {described(table)}")
        names = [field.encode_name for field in kind.fields]
        for key in table:
            if key not in names:
                self._problem((*path, key), "no such setting", did_you_mean(key, names))
        values = {
            field.name: self._field(field, table, path)
            for field in kind.fields
            if field.required or field.encode_name in table
        }
        if any(value is _BROKEN for value in values.values()):
            return _BROKEN
        return self._built(cast(type[Section], kind.cls), values, path)

    def _field(self, field: inspect.Field, table: dict[str, object], path: KeyPath) -> Any:
        place = (*path, field.encode_name)
        if field.encode_name not in table:
            return self._problem(place, "is missing")
        return self._value(field.type, table[field.encode_name], place)

    def _built(self, kind: type[Section], values: dict[str, Any], path: KeyPath) -> Section | _Broken:
        section = kind(**values)
        violations = list(section.violations())
        for violation in violations:
            self._problem((*path, violation.key, *violation.below), violation.what, violation.hint)
        return _BROKEN if violations else section

    def _value(self, wrapped: inspect.Type, value: object, path: KeyPath) -> Any:
        kind, notes = unwrapped(wrapped)
        try:
            match kind:
                case inspect.StructType():
                    return self.section(kind, value, path)
                case inspect.DictType():
                    return self._named(kind, value, path)
                case inspect.VarTupleType():
                    return self._list(kind, value, path)
            scalar = read_scalar(kind, value, self._base, notes.get(SAYS))
        except UnfitError as error:
            show = error.got is not None and SECRET not in notes
            return self._problem(path, f"{error.what}, got {error.got}" if show else error.what, error.hint)
        if REFERS_TO in notes and not self._is_known(notes, scalar, path):
            return _BROKEN
        if UNIQUE in notes and not self._is_first(notes[UNIQUE], scalar, path):
            return _BROKEN
        return scalar

    def _named(self, kind: inspect.DictType, table: object, path: KeyPath) -> Any:
        """Check a table whose keys are ids of the user's."""
        if not isinstance(table, dict):
            raise UnfitError("expected a table", described(table))
        check_length(kind, table, "entry")
        named = {}
        for key, value in table.items():
            place = (*path, key)
            named[self._value(kind.key_type, key, place)] = self._value(kind.value_type, value, place)
        parts = [*named, *named.values()]
        return _BROKEN if any(part is _BROKEN for part in parts) else named

    def _list(self, kind: inspect.VarTupleType, values: object, path: KeyPath) -> Any:
        if not isinstance(values, list):
            raise UnfitError("expected a list", described(values))
        check_length(kind, values, "entry")
        items = [self._value(kind.item_type, value, (*path, index)) for index, value in enumerate(values)]
        return _BROKEN if any(item is _BROKEN for item in items) else tuple(items)

    def _is_known(self, notes: Mapping[str, Any], identifier: str, path: KeyPath) -> bool:
        # The table as written, not as checked: one broken department must not hide a wrong
        # reference to another.
        table_name, besides = notes[REFERS_TO], notes.get(BESIDES, ())
        table = self._source.data.get(table_name, {})
        if not isinstance(table, dict) or identifier in table or identifier in besides:
            return True
        singular = table_name.removesuffix("s")
        self._problem(
            path,
            f"no {singular} {quoted(identifier)}",
            did_you_mean(identifier, [*table, *besides]),
            where=_without_index(path),
        )
        return False

    def _is_first(self, group: str, value: str, path: KeyPath) -> bool:
        first = self._first_use.setdefault((group, value), path)
        if first == path:
            return True
        self._problem(path, f"the same {group} as {dotted(first)} ({self._source.place_of(first)})")
        return False

    def _problem(
        self, path: KeyPath, what: str, hint: str | None = None, *, where: KeyPath | None = None
    ) -> _Broken:
        place = self._source.place_of(path)
        self.problems.append(
            Problem(place.file, place.line, dotted(path if where is None else where), what, hint)
        )
        return _BROKEN


def _without_index(path: Iterable[str | int]) -> KeyPath:
    keys = tuple(path)
    return keys[:-1] if isinstance(keys[-1], int) else keys
