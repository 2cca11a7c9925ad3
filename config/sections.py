"""The sections of `switchboard.toml`. A new setting is one line in its section."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, field

from config.addresses import address_fault, has_fixed_port, is_local, path_fault
from config.annotations import Section, Violation
from config.kinds import Count, CountOrNone, Seconds, SecondsOrNone

# Written into the settings by `config.process` where the user gives none: they follow from the environment.
COMPUTED = field(default_factory=Path)


class Daemon(Section, frozen=True):
    """`[daemon]`: where the process keeps its state, and what it serves."""

    state_directory: Path = COMPUTED
    """Default: the first of $STATE_DIRECTORY, else $XDG_STATE_HOME/switchboard."""
    desks: tuple[Path, ...] = ()
    """Desk files, relative to the folder of switchboard.toml."""
    admin_socket: Path = COMPUTED
    """Default: admin.sock in the state directory."""
    drain_timeout_s: SecondsOrNone = 25

    def violations(self) -> Iterator[Violation]:
        """No socket path too long, no desk file twice."""
        fault = path_fault(str(self.admin_socket))
        if fault is not None:
            yield Violation("admin_socket", fault)
        for index, desk in enumerate(self.desks):
            if desk in self.desks[:index]:
                yield Violation("desks", f"names {desk} twice")


class Listener(Section, frozen=True):
    """One listening socket. With `curve` a peer is known by its key; without, whoever can connect may."""

    address: str
    curve: bool = True
    secret_key_file: Path = COMPUTED
    """The server's CURVE secret key. Default: keys/server.secret in the state directory."""

    def violations(self) -> Iterator[Violation]:
        """An address ZeroMQ can bind; plain text only where it cannot leave this machine."""
        fault = address_fault(self.address)
        if fault is not None:
            yield Violation("address", fault)
        elif not self.curve and not is_local(self.address):
            yield Violation(
                "curve",
                f"plain text is allowed only on ipc:// or a loopback tcp address, not on {self.address}",
                "Leave curve = true, or listen on 127.0.0.1.",
            )


class GatewayListener(Listener, frozen=True):
    """`[listen.gateways]`."""

    address: str = "tcp://127.0.0.1:5570"


class ConsoleListener(Listener, frozen=True):
    """`[listen.consoles]`."""

    address: str = "tcp://127.0.0.1:5571"


class Listen(Section, frozen=True):
    """`[listen]`: the two sockets, kept apart so that neither kind of peer can pass for the other."""

    gateways: GatewayListener = field(default_factory=GatewayListener)
    consoles: ConsoleListener = field(default_factory=ConsoleListener)

    def violations(self) -> Iterator[Violation]:
        """Two sockets, two addresses."""
        if self.gateways.address == self.consoles.address and has_fixed_port(self.consoles.address):
            yield Violation("consoles", f"listens on {self.consoles.address}, as the gateways' socket does")


class Http(Section, frozen=True):
    """`[http]`: health and metrics. Port 0 switches it off."""

    address: Annotated[str, Meta(min_length=1, max_length=255)] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535)] = 9570


class Limits(Section, frozen=True):
    """`[limits]`: what one connection, and all of them, may use."""

    frame_bytes: Annotated[int, Meta(ge=1024, le=67_108_864)] = 262_144
    frames_per_second: Count = 200
    frame_burst: Count = 400
    window: Count = 256
    """Unacknowledged deliveries a consumer may have."""
    connections: Count = 1000
    login_queue: CountOrNone = 50
    logins_at_once: Annotated[int, Meta(ge=1, le=64)] = 2
    drain_frames: Count = 512
    """Frames taken from the sockets in one turn."""
    uploads: Count = 16
    """Uploads of media that one peer may have under way."""
    media_bytes_max: Annotated[int, Meta(ge=1, le=1_073_741_824)] = 16_777_216
    """The largest medium that anybody may bring; what agents may send is the desk's policy."""
    tenant_media_bytes_max: Annotated[int, Meta(ge=1, le=2**60)] = 10_737_418_240
    """What all media of one tenant may take."""


class Timing(Section, frozen=True):
    """`[timing]`: all in seconds except the handshake."""

    heartbeat_s: Seconds = 5
    lease_s: Seconds = 15
    handshake_ms: Annotated[int, Meta(ge=1, le=600_000)] = 2000
    park_after_s: SecondsOrNone = 600
    self_test_s: Seconds = 60
    token_s: Seconds = 43_200

    def violations(self) -> Iterator[Violation]:
        """A lease outlives a heartbeat."""
        if self.lease_s <= self.heartbeat_s:
            yield Violation(
                "lease_s",
                f"must be more than heartbeat_s, {self.lease_s:g} is not more than {self.heartbeat_s:g}",
                "A lease that ends before the next heartbeat makes every peer look lost.",
            )


class Journal(Section, frozen=True):
    """`[journal]`."""

    retention_days: Annotated[int, Meta(ge=1, le=36_500)] = 30
    free_bytes_min: Annotated[int, Meta(ge=0, le=2**50)] = 67_108_864


class Media(Section, frozen=True):
    """`[media]`."""

    keep_unreferenced_s: Seconds = 86_400
    """How long a medium is kept to which no message refers."""


class Log(Section, frozen=True):
    """`[log]`."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "console"] = "auto"
