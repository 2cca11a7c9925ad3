"""The demo's directory: made with fresh keys and passwords, or found where it was made before."""

from __future__ import annotations

import os
import secrets
import socket
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from string import Template

from argon2 import PasswordHasher, Type

from config.desk import Desk, Peer
from config.problems import ConfigurationError
from config.process import ProcessSettings
from config.together import load_everything
from daemon.commands.failure import Failure
from daemon.commands.hash_password import LANES, MEMORY_KIB, ROUNDS
from daemon.commands.options import configuration_failure
from daemon.demo.script import Script, sample
from daemon.exits import Exit
from protocol.client.errors import KeyFileError
from protocol.client.keys import load_public_key, make_key_pair, save_key_pair

GATEWAY = "gateway"
AGENTS = ("olena", "james", "mei", "wei")
CONFIG_FILE = "switchboard.toml"
DESK_FILE = "desk.toml"
PASSWORDS_FILE = "passwords.toml"
LOOPBACK = "127.0.0.1"
OFFER_TIMEOUT_S = 8.0
OFFER_TIMEOUT_S_MIN = 1.0
DECLINE_PAUSE_S = 12.0
#: Variables that would change where the demo's own daemon keeps its state.
FOREIGN = ("SWITCHBOARD_", "STATE_DIRECTORY", "NOTIFY_SOCKET", "WATCHDOG_")


@dataclass(frozen=True)
class Site:
    """Where a demo lives: its settings, its desk, and what its people need to get in."""

    config: Path
    settings: ProcessSettings
    desk: Desk
    passwords: Mapping[str, str]

    @property
    def directory(self) -> Path:
        """The folder of the settings."""
        return self.config.parent

    def key_file(self, name: str) -> Path:
        """Where the key of a peer, or of the server, is."""
        return self.directory / "keys" / f"{name}.key"

    def department_of(self, channel: str) -> str:
        """Say who answers in a channel."""
        return self.desk.channels[channel].department


def own_environment() -> dict[str, str]:
    """Return the environment for a daemon of our own: nothing in it may point to another one's state."""
    return {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}


def make_site(directory: Path | None, first_port: int | None, speed: float) -> Site:
    """Make the directory with everything in it. Raises Failure."""
    ports = _free_ports(first_port)
    try:
        folder = _make_folder(directory)
        _fill(folder, ports, speed)
    except (OSError, KeyFileError) as error:
        place = directory or Path(tempfile.gettempdir())
        raise Failure(
            f"{place}: the demo's directory cannot be made: {getattr(error, 'strerror', None) or error}. "
            "Name another one with --directory",
            Exit.CANNOT_CREATE,
        ) from error
    return load_site(folder / CONFIG_FILE, own_environment())


def load_site(config: Path, environment: Mapping[str, str]) -> Site:
    """Read a demo's directory. Raises Failure, also when its desk is not the demo's."""
    config = config.absolute()
    try:
        everything = load_everything(config, environment)
    except ConfigurationError as error:
        raise configuration_failure(error.problems) from error
    passwords_file = config.parent / PASSWORDS_FILE
    try:
        passwords = tomllib.loads(passwords_file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Failure(
            f"{passwords_file}: the agents' passwords cannot be read ({error}). "
            "--attach needs a directory that `switchboard demo` has made",
            Exit.CONFIGURATION,
        ) from error
    desks = [desk for desk in everything.desks.values() if desk.tenant == "demo"]
    if not desks:
        raise Failure(f'{config}: none of its desks has tenant = "demo"', Exit.CONFIGURATION)
    return Site(config, everything.process, desks[0], passwords)


def check_fit(site: Site, script: Script) -> None:
    """Raise Failure when the script cannot be played on this desk, with every reason."""
    faults = list(_faults(site, script))
    if faults:
        text = "\n".join(f"  {fault}" for fault in faults)
        raise Failure(f"{site.config}: the demo cannot be played on this desk\n{text}", Exit.CONFIGURATION)


def _faults(site: Site, script: Script) -> Iterator[str]:
    for channel in sorted({dialogue.channel for dialogue in script.conversations}):
        found = site.desk.channels.get(channel)
        if found is None:
            yield f"it has no channel {channel!r}"
        elif found.gateway != GATEWAY:
            yield f"channel {channel!r} belongs to gateway {found.gateway!r}, not to {GATEWAY!r}"
    for card in sorted(script.cards() - site.desk.cards.keys()):
        yield f"it has no card {card!r}"
    for agent in AGENTS:
        if agent not in site.desk.agents:
            yield f"it has no agent {agent!r}"
        elif agent not in site.passwords:
            yield f"{PASSWORDS_FILE} has no password of agent {agent!r}"
    listen = site.settings.listen
    yield from _peer_faults(site, "gateway", site.desk.gateways, (GATEWAY,), listen.gateways.curve)
    yield from _peer_faults(site, "console", site.desk.consoles, AGENTS, listen.consoles.curve)


def _peer_faults(
    site: Site, kind: str, peers: Mapping[str, Peer], names: tuple[str, ...], curve: bool
) -> Iterator[str]:
    for name in names:
        peer = peers.get(name)
        if peer is None:
            yield f"it has no {kind} {name!r}"
        elif curve:
            try:
                if load_public_key(site.key_file(name)) != peer.public_key:
                    yield f"{kind} {name!r} has another key than {site.key_file(name)}"
            except KeyFileError as error:
                yield str(error)


def _make_folder(directory: Path | None) -> Path:
    if directory is None:
        return Path(tempfile.mkdtemp(prefix="switchboard-demo-"))
    folder = directory.absolute()
    if (folder / CONFIG_FILE).exists():
        raise Failure(
            f"{folder}: there is a demo here already. Play on it with --attach {folder / CONFIG_FILE} while "
            f"its daemon runs, or name another directory",
            Exit.CANNOT_CREATE,
        )
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def _free_ports(first: int | None) -> list[int]:
    """Return three free ports: from the first on, or any."""
    with ExitStack() as stack:
        ports = []
        for wanted in (0, 0, 0) if first is None else range(first, first + 3):
            probe = stack.enter_context(socket.socket())
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((LOOPBACK, wanted))
            except OSError as error:
                raise Failure(
                    f"port {wanted} cannot be used: {error.strerror}. Name another --port, or leave it out",
                    Exit.CANNOT_CREATE,
                ) from error
            ports.append(probe.getsockname()[1])
        return ports


def _fill(folder: Path, ports: list[int], speed: float) -> None:
    (folder / "keys").mkdir(mode=0o700, exist_ok=True)
    values: dict[str, object] = dict(zip(("gateways_port", "consoles_port", "http_port"), ports, strict=True))
    values["offer_timeout_s"] = max(OFFER_TIMEOUT_S_MIN, OFFER_TIMEOUT_S / speed)
    values["decline_pause_s"] = DECLINE_PAUSE_S / speed
    for name in ("server", GATEWAY, *AGENTS):
        pair = make_key_pair()
        save_key_pair(folder / "keys" / f"{name}.key", pair)
        values[f"{name}_key"] = pair.public
    passwords = {agent: secrets.token_urlsafe(12) for agent in AGENTS}
    hasher = PasswordHasher(time_cost=ROUNDS, memory_cost=MEMORY_KIB, parallelism=LANES, type=Type.ID)
    values |= {f"{agent}_password": hasher.hash(password) for agent, password in passwords.items()}
    text = "".join(f'{agent} = "{password}"\n' for agent, password in passwords.items())
    _write(folder / PASSWORDS_FILE, f"# The demo's agents log in with these; nobody else should.\n{text}")
    for name in (DESK_FILE, CONFIG_FILE):
        _write(folder / name, Template(sample(name)).substitute(values))


def _write(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
