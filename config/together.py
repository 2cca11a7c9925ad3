"""What only shows when the process's settings and all its desks are looked at together."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from config.desk import Desk, check_desk
from config.problems import ConfigurationError, Problem, in_reading_order
from config.process import ProcessSettings, read_process
from config.scanning import KeyPath, dotted
from config.source import Source, read_source

SIDES = ("gateways", "consoles")
_Table = Mapping[str, Any]


class Everything(msgspec.Struct, frozen=True):
    """A whole configuration that holds together; `desks` maps each desk file's absolute path to its desk."""

    process: ProcessSettings
    desks: Mapping[str, Desk]


def load_everything(path: Path | None, environment: Mapping[str, str]) -> Everything:
    """Load the process's settings and every desk file they name.

    Raises ConfigurationError with every problem of all files, and of all files together. A wrong file hides
    nothing that is wrong in the others.
    """
    process_source, process = read_process(path, environment)
    problems = list(process.problems)
    desks: dict[str, Desk] = {}
    sources: dict[str, Source] = {}
    for desk_path in _desk_paths(process_source.data, Path.cwd() if path is None else path.absolute().parent):
        file = str(desk_path)
        try:
            sources[file] = read_source(desk_path)
        except ConfigurationError as error:
            problems.extend(error.problems)
            continue
        desk = check_desk(sources[file])
        problems.extend(desk.problems)
        if isinstance(desk.settings, Desk):
            desks[file] = desk.settings
    problems.extend(
        _conflicts(process_source.data, {file: source.data for file, source in sources.items()}, sources)
    )
    if problems:
        raise ConfigurationError(problems)
    assert isinstance(process.settings, ProcessSettings)
    return Everything(process.settings, desks)


def check_together(
    process: ProcessSettings, desks: Mapping[str, Desk], sources: Mapping[str, Source] | None = None
) -> tuple[Problem, ...]:
    """Return what does not fit between the process and its desks, in reading order.

    `desks` and `sources` are by file name; where a source is given, problems have lines. The rules: one desk
    per tenant, one peer per public key, a key for every peer whose socket has CURVE.
    """
    tables = {file: msgspec.to_builtins(desk) for file, desk in desks.items()}
    return in_reading_order(_conflicts(msgspec.to_builtins(process, enc_hook=str), tables, sources or {}))


def _conflicts(
    process: _Table, desks: Mapping[str, _Table], sources: Mapping[str, Source]
) -> Iterator[Problem]:
    # This looks at what was written, not at what was checked: a desk with a problem of its own is still
    # compared with the others, so that the user hears of everything in one go.
    first_use: dict[tuple[str, str], tuple[str, KeyPath]] = {}
    for file, desk in desks.items():
        source = sources.get(file) or Source(file, {}, {})
        for path, what in _missing_keys(process, desk):
            yield _problem(source, path, what)
        for group, value, path in _identities(desk):
            first_file, first_path = first_use.setdefault((group, value), (file, path))
            if first_file != file:
                what = f"the same {group} as {dotted(first_path)} in {first_file}"
                yield _problem(source, path, what)


def _problem(source: Source, path: KeyPath, what: str) -> Problem:
    place = source.place_of(path)
    return Problem(place.file, place.line, dotted(path), what)


def _missing_keys(process: _Table, desk: _Table) -> Iterator[tuple[KeyPath, str]]:
    for side in SIDES:
        if _table(process, "listen", side).get("curve", True) is False:
            continue
        for identifier, peer in _table(desk, side).items():
            if isinstance(peer, dict) and peer.get("public_key") is None:
                what = f"is missing; it can be left out only when listen.{side}.curve is false"
                yield (side, identifier, "public_key"), what


def _identities(desk: _Table) -> Iterator[tuple[str, str, KeyPath]]:
    """Yield what no two desks may share: the group it belongs to, its value, its path."""
    tenant = desk.get("tenant")
    if isinstance(tenant, str):
        yield "tenant", tenant, ("tenant",)
    for side in SIDES:
        for identifier in _table(desk, side):
            public_key = _table(desk, side, identifier).get("public_key")
            if isinstance(public_key, str):
                yield "public_key", public_key, (side, identifier, "public_key")


def _desk_paths(process: _Table, base: Path) -> list[Path]:
    """Return the desk files as they are written, even where other settings are wrong."""
    desks = _table(process, "daemon").get("desks")
    written = desks if isinstance(desks, list) else []
    return [base / desk for desk in dict.fromkeys(desk for desk in written if isinstance(desk, str) and desk)]


def _table(table: _Table, *keys: str) -> _Table:
    """Go down to a table; where something else stands, or nothing, it is empty."""
    for key in keys:
        inner = table.get(key)
        table = inner if isinstance(inner, dict) else {}
    return table
