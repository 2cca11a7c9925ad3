"""The three servers under load, each a process of its own in a folder of its own."""

from __future__ import annotations

import selectors
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from benchmarks.common import PASSWORD, DaemonProcess
from benchmarks.relay.echoing import EchoTraffic
from benchmarks.relay.journal import Behind, JournalCount
from benchmarks.relay.peers import CONSOLES, STREAM_WINDOW, Access
from benchmarks.relay.relaying import RelayTraffic
from benchmarks.relay.traffic import Traffic
from benchmarks.relay.wire import Curve, Void
from protocol.client.keys import KeyPair, make_key_pair

ROOT = Path(__file__).parents[2]
#: How long a yardstick may take to listen.
PATIENCE_S = 20.0
#: A server is quiet when it uses less than this share of so many seconds, and says that it has nothing left.
STILL_S, STILL_SHARE = 0.25, 0.02
#: How long a server may take to become quiet.
QUIET_WITHIN_S = 60.0
#: How many conversations an agent has at once: the desk's default capacity.
CONVERSATIONS_PER_AGENT = 4
#: Beyond the conversations that are its share: the dispatcher may choose freely.
SPARE_CAPACITY = 4

#: What protects a daemon from its peers is out of the way of one generator that plays them all.
LIMITS = f"""\
[limits]
frames_per_second = 1_000_000
frame_burst = 1_000_000
window = {STREAM_WINDOW}
login_queue = 1_000
"""
#: The lease outlasts the rounds in which other servers are loaded, so that no ping is in what is measured.
TIMING = """\
[timing]
heartbeat_s = 300
lease_s = 900
"""


class Running(NamedTuple):
    """A server that is ready: its process, and how to talk to it."""

    name: str
    pid: int
    #: Opens connections to it, and conversations where it has any; the argument is how many.
    connect: Callable[[int], Traffic]
    #: Returns how many messages it has stored since it was asked last; None for a server that stores none.
    journaled: Callable[[], int | None]
    stop: Callable[[], None]
    #: Whether it has work left from what it has answered.
    behind: Callable[[], bool] = lambda: False

    def cpu_s(self) -> float:
        """Return the processor time of all threads of the process, user and system.

        From the scheduler, to the nanosecond: the ticks of ``stat`` are a tenth of a short piece.
        """
        threads = Path(f"/proc/{self.pid}/task").iterdir()
        return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


def wait_until_quiet(servers: Iterable[Running]) -> None:
    """Wait until no server has work left and the processor time of each stands still.

    Raises Void when that takes too long: what comes next would be measured beside it.
    """
    servers = list(servers)
    deadline = time.monotonic() + QUIET_WITHIN_S
    while True:
        used_s = [server.cpu_s() for server in servers]
        time.sleep(STILL_S)
        busy = [
            server.name
            for server, before_s in zip(servers, used_s, strict=True)
            if server.cpu_s() - before_s > STILL_S * STILL_SHARE or server.behind()
        ]
        if not busy:
            return
        if time.monotonic() > deadline:
            raise Void(f"after {QUIET_WITHIN_S:g} s still at work: {', '.join(busy)}")


def start_yardstick(name: str, folder: Path, curve: bool) -> Running:
    """Start ``naive`` or ``durable`` and wait until it listens."""
    folder.mkdir()
    command = [sys.executable, "-m", f"benchmarks.yardsticks.{name}"]
    database = folder / "messages.db" if name == "durable" else None
    if database is not None:
        command += ["--database", str(database)]
    keys: Curve | None = None
    if curve:
        server, client = make_key_pair(), make_key_pair()
        keys = Curve(server.public, client.public, client.secret)
        secret = folder / "server.secret"
        secret.write_text(server.secret)
        command += ["--curve-secret", str(secret)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    try:
        address = _address_of(process, name)
    except BaseException:
        _end(process)
        raise
    return Running(
        name,
        process.pid,
        lambda conversations: EchoTraffic(address, conversations, keys),
        RowCount(database) if database is not None else lambda: None,
        lambda: _end(process),
    )


def start_daemon(folder: Path, curve: bool, conversations: int) -> Running:
    """Start the daemon with a desk large enough for so many conversations, and wait until it is ready."""
    folder.mkdir()
    daemon = prepare_daemon(folder, conversations, TIMING, curve=curve)
    curves: list[Curve | None] = [None] * (1 + CONSOLES)
    consoles: list[KeyPair | None] = [None] * CONSOLES
    if curve:
        assert daemon.server_key is not None
        assert daemon.gateway_keys is not None
        pairs = [daemon.gateway_keys, *(make_key_pair() for _ in range(CONSOLES))]
        consoles = list(pairs[1:])
        curves = [Curve(daemon.server_key, pair.public, pair.secret) for pair in pairs]
    with (folder / "desk.toml").open("a") as desk:
        desk.write(console_tables(consoles))
    daemon.start()
    assert daemon.process is not None
    access = Access(daemon.gateways, daemon.consoles, PASSWORD, curves)
    names = agents_for(conversations)
    return Running(
        "daemon",
        daemon.process.pid,
        lambda conversations: RelayTraffic(access, names, conversations),
        JournalCount(daemon.journal),
        daemon.kill,
        Behind(daemon.journal),
    )


def agents_for(conversations: int) -> list[str]:
    """Return the names of the agents who share so many conversations."""
    many = max(CONSOLES, conversations // CONVERSATIONS_PER_AGENT)
    return [f"a{number}" for number in range(1, many + 1)]


def prepare_daemon(folder: Path, conversations: int, settings: str, *, curve: bool = False) -> DaemonProcess:
    """Make a daemon, not started yet, with a desk large enough for so many conversations.

    ``settings`` are TOML, beside those that keep it from protecting itself against the one generator.
    """
    agents = len(agents_for(conversations))
    capacity = conversations // agents + SPARE_CAPACITY
    return DaemonProcess(folder, agents, capacity, curve=curve, extra=LIMITS + settings)


def console_tables(keys: list[KeyPair | None]) -> str:
    """Return the desk's tables of the generator's consoles."""
    tables = []
    for number, pair in enumerate(keys, 1):
        tables.append(f"[consoles.bench-{number}]\n")
        if pair is not None:
            tables.append(f'public_key = "{pair.public}"\n')
    return "".join(tables)


class RowCount:
    """Counts the durable yardstick's rows, by a connection that cannot write."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._counted = 0

    def __call__(self) -> int:
        """Return how many rows there are that were not there before."""
        with closing(sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)) as connection:
            (count,) = connection.execute("SELECT count(*) FROM message").fetchone()
        new = count - self._counted
        self._counted = count
        return int(new)


def _address_of(process: subprocess.Popen[bytes], name: str) -> str:
    """Return the address in the line that a yardstick prints when it listens."""
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        if not selector.select(PATIENCE_S):
            raise Void(f"{name} does not listen")
    word, _, address = process.stdout.readline().decode().strip().partition(" ")
    if word != "ready":
        raise Void(f"{name} has ended")
    return address


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()
