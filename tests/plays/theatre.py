"""The house, the stage door and the cast: a real daemon in a process of its own, and people who talk to it.

A play starts a ``House`` (or shares one and brings a tenant of its own), and has gateways and agents speak
through the SDK. Nobody sleeps: every wait ends with an answer, an event, or the failure of the play.
"""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Self, TypeVar
from urllib.error import HTTPError
from urllib.request import urlopen

from argon2 import PasswordHasher

from daemon.admin import AdminClient, Unreachable
from protocol.client import ConsoleClient, GatewayClient, KeyPair, make_key_pair, save_key_pair
from protocol.client.events import Notice
from protocol.messages import Ack, Delivery, Snapshot
from protocol.news import AgentSaid, CustomerSaid, OfferMade
from protocol.views import OfferView
from tests.rules import ROOT

PASSWORD = "correct horse"
#: As cheap as argon2 gets: a play is not about the price of a login.
HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
#: How long anything may take before a play has failed. Generous, for two noisy cores.
PATIENCE_S = 10.0

T = TypeVar("T")


def until(condition: Callable[[], T], what: str, within_s: float = PATIENCE_S) -> T:
    """Ask again until the condition holds; for what no event tells of."""
    deadline = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what}: not within {within_s:g} s"
        select.select([], [], [], 0.01)
    return found


def desk_text(
    tenant: str = "acme",
    agents: Iterable[str] = ("anna", "boris"),
    *,
    capacity: int = 4,
    offer_timeout_s: float = 30,
    decline_pause_s: float = 30,
    grace_s: float = 60,
    gateways: dict[str, str | None] | None = None,
    consoles: dict[str, str | None] | None = None,
    extra: str = "",
) -> str:
    """Return a desk: one department, a channel ``web`` of gateway ``shop``, a console ``office``."""
    lines = [f'tenant = "{tenant}"', "[departments.help]", 'name = "Help"']
    lines += [f"offer_timeout_s = {offer_timeout_s}", f"decline_pause_s = {decline_pause_s}"]
    for agent in agents:
        lines += [f"[agents.{agent}]", f'name = "{agent.title()}"', f'password = "{HASH}"']
        lines += ['departments = ["help"]', f"capacity = {capacity}"]
    for side, peers in (("gateways", gateways or {"shop": None}), ("consoles", consoles or {"office": None})):
        for name, key in peers.items():
            lines += [f"[{side}.{name}]", *([f'public_key = "{key}"'] if key else [])]
    lines += ["[channels.web]", 'name = "Web"', 'kind = "web"', 'gateway = "shop"', 'department = "help"']
    return "\n".join([*lines, "[policies]", f"grace_s = {grace_s}", extra, ""])


def free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class House:
    """A daemon in a process of its own, on a directory that outlives it."""

    #: The module that is run; the planted bugs (tests/canaries) put another in its place.
    program = "daemon"

    def __init__(
        self, *desks: str, curve: bool = False, http: bool = False, **sections: dict[str, Any]
    ) -> None:
        # Short, because the path of a Unix socket may have 107 bytes only.
        self.folder = Path(tempfile.mkdtemp(prefix="sb-"))
        self.folder.chmod(0o700)
        self.config = self.folder / "switchboard.toml"
        self.log = self.folder / "stderr.log"
        self.curve = curve
        self.http_port = free_port() if http else 0
        self.keys: KeyPair | None = make_key_pair() if curve else None
        self.process: subprocess.Popen[bytes] | None = None
        self._sections = sections
        self._guests = ExitStack()
        self._told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._told.bind(str(self.folder / "notify"))
        if self.keys is not None:
            save_key_pair(self.folder / "server.secret", self.keys)
        self.write_desks(*desks)

    def write_desks(self, *desks: str) -> None:
        """Write the desk files, and a switchboard.toml that names them."""
        names = [f"desk{number}.toml" for number in range(len(desks))]
        for name, text in zip(names, desks, strict=True):
            (self.folder / name).write_text(text, encoding="utf-8")
        listen = {"curve": self.curve, **({"secret_key_file": "server.secret"} if self.curve else {})}
        sections: dict[str, dict[str, Any]] = {
            "daemon": {"state_directory": "state", "desks": names, "admin_socket": "admin.sock"},
            "listen.gateways": {"address": self.gateways, **listen},
            "listen.consoles": {"address": self.consoles, **listen},
            "http": {"port": self.http_port},
            "journal": {"free_bytes_min": 0},
        }
        for name, values in self._sections.items():
            sections[name] = {**sections.get(name, {}), **values}
        lines: list[str] = []
        for name, values in sections.items():
            lines += [f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in values.items())]
        self.config.write_text("\n".join(lines) + "\n", encoding="utf-8")

    @property
    def gateways(self) -> str:
        """Where gateways connect."""
        return f"ipc://{self.folder}/gateways"

    @property
    def consoles(self) -> str:
        """Where consoles connect."""
        return f"ipc://{self.folder}/consoles"

    @property
    def desk(self) -> Path:
        """The first desk file."""
        return self.folder / "desk0.toml"

    # The process.

    def start(self, *, ready: bool = True) -> Self:
        """Start the daemon; with ``ready`` wait until it says so."""
        assert self.process is None
        environment = {k: v for k, v in os.environ.items() if not k.startswith(("SWITCHBOARD", "STATE_DIR"))}
        environment["NOTIFY_SOCKET"] = str(self.folder / "notify")
        _drain(self._told)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self.program, "serve", "--config", str(self.config)],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        if ready:
            self._wait_for(b"READY=1")
        return self

    def _wait_for(self, word: bytes) -> None:
        assert self.process is not None
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            assert self.process.poll() is None, f"the daemon has ended: {self.stderr()}"
            if select.select([self._told], [], [], 0.1)[0] and word in self._told.recv(4096):
                return
        raise AssertionError(f"the daemon has not said {word!r}: {self.stderr()}")

    def signal(self, number: int) -> None:
        """Send a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def ends(self) -> int:
        """Wait for the process's end; return its exit code."""
        assert self.process is not None
        code = self.process.wait(PATIENCE_S)
        self.process = None
        return code

    def kill(self) -> None:
        """End the process as a power cut would, as far as the process can tell."""
        self.signal(signal.SIGKILL)
        assert self.ends() == -signal.SIGKILL

    def stop(self) -> int:
        """Have the daemon drain; return its exit code."""
        self.signal(signal.SIGTERM)
        return self.ends()

    def restart(self) -> None:
        """Kill the daemon and start it again on the same directory."""
        self.kill()
        self.start()

    def __enter__(self) -> Self:
        return self if self.process is not None else self.start()

    def __exit__(self, *_: object) -> None:
        try:
            self._guests.close()
        finally:
            if self.process is not None:
                self.process.kill()
                self.ends()
            self._told.close()
            shutil.rmtree(self.folder, ignore_errors=True)

    def stderr(self) -> str:
        """Return all that the daemon has logged."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def rss(self) -> int:
        """Return how many bytes of memory the daemon holds."""
        assert self.process is not None
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    # The operator.

    def ask(self, do: str, **request: Any) -> dict[str, Any]:
        """Ask over the admin socket."""
        return AdminClient(self.folder / "admin.sock").ask({"do": do, **request}, PATIENCE_S)

    def status(self) -> dict[str, Any]:
        """Return the daemon's status."""
        return self.ask("status")

    def reached(self) -> bool:
        """True when the admin socket answers."""
        try:
            return bool(self.status()["ok"])
        except Unreachable:
            return False

    def apply(self, text: str) -> None:
        """Bring a desk into force."""
        answer = self.ask("apply", text=text, file="play")
        assert answer["ok"], answer

    def fetch(self, path: str) -> tuple[int, str]:
        """Fetch a page of the health server."""
        try:
            with urlopen(f"http://127.0.0.1:{self.http_port}{path}", timeout=PATIENCE_S) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def metric(self, name: str) -> float:
        """Return one number of /metrics."""
        for line in self.fetch("/metrics")[1].splitlines():
            if line.startswith((f"{name} ", f"{name}{{")):
                return float(line.rpartition(" ")[2])
        raise AssertionError(f"there is no metric {name}")

    # The cast.

    def gateway(self, name: str = "acme:shop", keys: KeyPair | None = None, **options: Any) -> Gateway:
        """A gateway comes in."""
        return self._guests.enter_context(Gateway(self, self.gateways, name, keys, options))

    def console(self, name: str = "acme:office", keys: KeyPair | None = None) -> Console:
        """A console comes in."""
        return self._guests.enter_context(Console(self, self.consoles, name, keys, {}))

    def everybody_leaves(self) -> None:
        """All gateways and consoles go."""
        self._guests.close()


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_toml, value))}]"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _drain(told: socket.socket) -> None:
    """Forget what an earlier daemon has said."""
    while select.select([told], [], [], 0)[0]:
        told.recv(4096)


class Ear:
    """Listens to a stream in a thread of its own, so that a play can wait with a deadline."""

    def __init__(self, stream: Iterable[Delivery | Snapshot]) -> None:
        #: Everything that was heard, in order.
        self.heard: list[Delivery | Snapshot] = []
        self._coming: SimpleQueue[Delivery | Snapshot | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._listen, args=(stream,), daemon=True)
        self._thread.start()

    def _listen(self, stream: Iterable[Delivery | Snapshot]) -> None:
        try:
            for item in stream:
                self.heard.append(item)
                self._coming.put(item)
        except Exception:  # The stream was ended from the other side; whoever waits is told.
            pass
        self._coming.put(None)

    def next(self, within_s: float = PATIENCE_S) -> Delivery | Snapshot:
        """Return what comes next."""
        try:
            item = self._coming.get(timeout=within_s)
        except Empty:
            raise AssertionError(f"nothing more was heard within {within_s:g} s") from None
        assert item is not None, "the stream has ended"
        return item

    def hears(self, news: type[T], within_s: float = PATIENCE_S) -> T:
        """Return the next news of that kind, passing over others."""
        return self.hears_delivery(news, within_s).news  # type: ignore[return-value]

    def hears_delivery(self, news: type[Any], within_s: float = PATIENCE_S) -> Delivery:
        """Return the next delivery with news of that kind, passing over others."""
        while True:
            item = self.next(within_s)
            if isinstance(item, Delivery) and isinstance(item.news, news):
                return item

    @property
    def deliveries(self) -> list[Delivery]:
        """The deliveries that were heard, in order."""
        return [item for item in self.heard if isinstance(item, Delivery)]

    @property
    def numbers(self) -> list[int]:
        """The numbers of the deliveries that were heard, in order."""
        return [delivery.number for delivery in self.deliveries]

    @property
    def texts(self) -> list[str]:
        """What people said, in the order in which it was heard."""
        said = [delivery.news for delivery in self.deliveries]
        return [news.content.text for news in said if isinstance(news, CustomerSaid | AgentSaid)]


class Guest:
    """What gateways and consoles have in common; ``notices`` is what their client was told."""

    def __init__(
        self, house: House, address: str, name: str, keys: KeyPair | None, options: dict[str, Any]
    ) -> None:
        self.notices: list[Notice] = []
        if keys is not None:
            assert house.keys is not None
            options = {**options, "keys": keys, "server_key": house.keys.public}
        else:
            options = {**options, "name": name}
        self._open(address, {**options, "on_event": self.notices.append})

    def _open(self, address: str, options: dict[str, Any]) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close(0)

    client: Any

    def told(self, kind: type[T]) -> T:
        """Wait for a notice of that kind."""
        return until(
            lambda: next((notice for notice in self.notices if isinstance(notice, kind)), None),
            f"a notice of {kind.__name__}",
        )


class Gateway(Guest):
    """A gateway with one channel, ``web``; its customers speak through it."""

    client: GatewayClient

    def _open(self, address: str, options: dict[str, Any]) -> None:
        self.client = GatewayClient(address, **options)

    @cached_property
    def hears(self) -> Ear:
        """Listen to the channel's stream from now on."""
        self.client.subscribe("web")
        return Ear(self.client.deliveries("web"))

    def writes(self, contact: str, text: str = "Hello?", **options: Any) -> Ack:
        """A customer writes."""
        pending = self.client.without_waiting.customer_message("web", contact, text, **options)
        return pending.result(PATIENCE_S)

    def leaves(self, contact: str) -> Ack:
        """A customer leaves."""
        return self.client.customer_left("web", contact)


class Console(Guest):
    """A console; agents log in here."""

    client: ConsoleClient

    def _open(self, address: str, options: dict[str, Any]) -> None:
        self.client = ConsoleClient(address, **options)

    def agent(self, name: str, password: str = PASSWORD) -> Agent:
        """An agent logs in with the password, and listens."""
        token = self.client.login(name, password).token
        return Agent(self.client, name, token)

    def agent_with_token(self, name: str, token: str) -> Agent:
        """An agent logs in with the token of an earlier login, and listens."""
        return Agent(self.client, name, self.client.login_with_token(name, token).token)


class Agent:
    """An agent at a console."""

    def __init__(self, client: ConsoleClient, name: str, token: str) -> None:
        self.client, self.name, self.token = client, name, token
        self.ear = Ear(client.events(name))
        snapshot = self.ear.next()
        assert isinstance(snapshot, Snapshot)
        self.snapshot = snapshot

    def hears(self, news: type[T], within_s: float = PATIENCE_S) -> T:
        """Return the next news of that kind."""
        return self.ear.hears(news, within_s)

    def is_offered(self) -> OfferView:
        """Wait for the next offer."""
        return self.hears(OfferMade).offer

    def accepts(self, offer: OfferView) -> Ack:
        """Take what was offered."""
        return self.client.accept(self.name, offer)

    def declines(self, offer: OfferView) -> Ack:
        """Refuse what was offered."""
        return self.client.decline(self.name, offer)

    def says(self, conversation: str, text: str) -> Ack:
        """Write to the customer."""
        return self.client.say(self.name, conversation, text)

    def ends(self, conversation: str, reason: str = "") -> Ack:
        """End a conversation."""
        return self.client.end(self.name, conversation, reason)

    def chooses(self, presence: str) -> Ack:
        """Choose a presence."""
        return self.client.set_presence(self.name, presence)

    def presence(self) -> str:
        """Return the presence as a new console of the agent would see it."""
        said = [item for item in self.ear.heard if isinstance(item, Delivery)]
        news = [getattr(item.news, "presence", None) for item in said]
        return next((presence for presence in reversed(news) if presence), self.snapshot.presence)

    def reads(self, conversation: str) -> list[tuple[int, Any]]:
        """Read the whole thread: sequence and news."""
        entries: list[tuple[int, Any]] = []
        after = 0
        while True:
            page = self.client.read_thread(self.name, conversation, after)
            entries += [(entry.sequence, entry.news) for entry in page.entries]
            after = page.covered
            if after >= page.last:
                return entries
