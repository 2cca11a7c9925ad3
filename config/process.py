"""The process's settings: `switchboard.toml`, `conf.d/*.toml` beside it, and the environment.

Each lies over the one before: defaults, the file, conf.d in lexical order, `SWITCHBOARD__SECTION__KEY`. A
relative path is meant from the folder of switchboard.toml, wherever it was written (without a file, from the
current folder).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import field

from config.annotations import Section
from config.checking import Checked, check
from config.layers import Layers, add_environment
from config.leaves import leaves
from config.problems import ConfigurationError, in_reading_order
from config.scanning import dotted
from config.schema import schema_of
from config.sections import Daemon, Http, Journal, Limits, Listen, Log, Media, Timing
from config.source import Place, Source


class ProcessSettings(Section, frozen=True):
    """Everything in `switchboard.toml`. All paths are absolute."""

    daemon: Daemon = field(default_factory=Daemon)
    listen: Listen = field(default_factory=Listen)
    http: Http = field(default_factory=Http)
    limits: Limits = field(default_factory=Limits)
    timing: Timing = field(default_factory=Timing)
    journal: Journal = field(default_factory=Journal)
    media: Media = field(default_factory=Media)
    log: Log = field(default_factory=Log)


RELOADABLE: frozenset[str] = frozenset(
    {
        "daemon.desks",
        "daemon.drain_timeout_s",
        "limits.frames_per_second",
        "limits.frame_burst",
        "limits.window",
        "limits.connections",
        "limits.login_queue",
        "limits.drain_frames",
        "limits.uploads",
        "limits.media_bytes_max",
        "limits.tenant_media_bytes_max",
        "log.level",
        *(f"timing.{name}" for name in Timing.__struct_fields__),
        *(f"journal.{name}" for name in Journal.__struct_fields__),
        *(f"media.{name}" for name in Media.__struct_fields__),
    }
)
"""Dotted keys that a SIGHUP changes. All others need a restart."""


class ReloadPlan(msgspec.Struct, frozen=True):
    """Dotted keys that differ between two settings: those that change now, those that wait for a restart."""

    now: tuple[str, ...]
    at_restart: tuple[str, ...]


def plan_reload(old: ProcessSettings, new: ProcessSettings) -> ReloadPlan:
    """Say what a reload from `old` to `new` does, so that the daemon can log it."""
    before = {leaf.path: leaf.value for leaf in leaves(old)}
    changed = [dotted(leaf.path) for leaf in leaves(new) if before[leaf.path] != leaf.value]
    return ReloadPlan(
        now=tuple(key for key in changed if key in RELOADABLE),
        at_restart=tuple(key for key in changed if key not in RELOADABLE),
    )


def load_process_settings(path: Path | None, environment: Mapping[str, str]) -> ProcessSettings:
    """Load and check everything. `path` is switchboard.toml, or None to go without a file.

    Raises ConfigurationError with every problem of every layer.
    """
    _, checked = read_process(path, environment)
    return _settled(checked)


def read_process(path: Path | None, environment: Mapping[str, str]) -> tuple[Source, Checked]:
    """Load and check everything without raising: the merged source, and what the check found."""
    layers = Layers("the settings" if path is None else str(path))
    if path is not None:
        layers.add_files([path, *sorted((path.parent / "conf.d").glob("*.toml"))])
    add_environment(layers, ProcessSettings, environment)
    _add_computed(layers, environment)
    source = layers.merged()
    checked = check(source, ProcessSettings, Path.cwd() if path is None else path.absolute().parent)
    problems = in_reading_order([*layers.problems, *checked.problems])
    return source, Checked(None if problems else checked.settings, problems)


def _settled(checked: Checked) -> ProcessSettings:
    if checked.problems:
        raise ConfigurationError(checked.problems)
    assert isinstance(checked.settings, ProcessSettings)
    return checked.settings


class Shown(NamedTuple):
    """One setting as shown: its dotted key, its value as text, and where the value came from."""

    key: str
    value: str
    origin: str


def show_with_origin(path: Path | None, environment: Mapping[str, str]) -> tuple[Shown, ...]:
    """Show every setting with its origin: `file:line`, the name of a variable, or `default`.

    Secrets are redacted. Raises ConfigurationError as `load_process_settings` does.
    """
    source, checked = read_process(path, environment)
    return tuple(
        Shown(dotted(leaf.path), leaf.shown, str(source.places.get(leaf.path, DEFAULT)))
        for leaf in leaves(_settled(checked))
    )


def process_schema() -> dict[str, Any]:
    """Return the JSON Schema of switchboard.toml."""
    return schema_of(ProcessSettings)


DEFAULT = Place("default")


def _add_computed(layers: Layers, environment: Mapping[str, str]) -> None:
    """Put in the defaults that follow from the environment and from each other."""
    layers.put_default(("daemon", "state_directory"), *_state_directory(environment))
    daemon = layers.data["daemon"]
    state = daemon["state_directory"] if isinstance(daemon, dict) else None
    folder = Path(state) if isinstance(state, str) else Path()
    layers.put_default(("daemon", "admin_socket"), str(folder / "admin.sock"), DEFAULT)
    for side in ("gateways", "consoles"):
        key_file = str(folder / "keys" / "server.secret")
        layers.put_default(("listen", side, "secret_key_file"), key_file, DEFAULT)


def _state_directory(environment: Mapping[str, str]) -> tuple[str, Place]:
    # systemd writes several directories with colons between them; the first one is the unit's own.
    given = environment.get("STATE_DIRECTORY", "").split(":")[0]
    if given:
        return given, Place("STATE_DIRECTORY")
    # The XDG specification: a path that is not absolute is to be ignored.
    state_home = environment.get("XDG_STATE_HOME", "")
    if state_home.startswith("/"):
        return f"{state_home}/switchboard", Place("XDG_STATE_HOME")
    home = environment.get("HOME") or str(Path.home())
    return f"{home}/.local/state/switchboard", DEFAULT
