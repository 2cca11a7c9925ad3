"""A daemon in a process of its own, in a directory of its own, on ports nobody else uses.

Nothing here sleeps: the daemon says when it is ready (as it would tell systemd), and its end wakes whoever
waits.
"""

from __future__ import annotations

import os
import selectors
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import ExitStack, closing
from pathlib import Path

from argon2 import PasswordHasher

from protocol.client.keys import KeyPair, make_key_pair, save_key_pair

#: How long a daemon may take to become ready, or to stop.
PATIENCE_S = 60.0
PASSWORD = "a password for measurements only"

SETTINGS = """\
[daemon]
state_directory = "state"
desks = ["desk.toml"]
[listen.gateways]
address = "{gateways}"
curve = {curve}
[listen.consoles]
address = "{consoles}"
curve = {curve}
[http]
port = {http}
"""


class DaemonFailed(Exception):
    """The daemon has ended, or has not become ready in time."""


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback interface that nobody listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(closing(socket.socket())) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def password_hash() -> str:
    """Return a hash of ``PASSWORD`` that costs next to nothing to check: logins are not what is measured."""
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


def desk_text(agents: int, capacity: int, gateway_key: str = "", console_key: str = "") -> str:
    """Return a desk: tenant ``acme``, channel ``web``, department ``help`` and agents ``a1``, ``a2`` …"""
    hashed = password_hash()
    people = "\n".join(
        f'[agents.a{number}]\nname = "Agent {number}"\npassword = "{hashed}"\ndepartments = ["help"]\n'
        f"capacity = {capacity}"
        for number in range(1, agents + 1)
    )
    return (
        f'tenant = "acme"\n[departments.help]\nname = "Help"\noffer_timeout_s = 120\n{people}\n'
        f"[gateways.web]\n{_key_line(gateway_key)}[consoles.desk]\n{_key_line(console_key)}"
        '[channels.web]\nkind = "web"\nname = "Web"\ngateway = "web"\ndepartment = "help"\n'
    )


def _key_line(key: str) -> str:
    return f'public_key = "{key}"\n' if key else ""


class DaemonProcess:
    """The production daemon, started by its own command. Its files stay in ``folder``; it may be killed."""

    def __init__(
        self, folder: Path, agents: int, capacity: int, *, curve: bool = False, extra: str = ""
    ) -> None:
        self.folder = folder
        gateways, consoles, self._http = free_ports(3)
        self.gateways, self.consoles = f"tcp://127.0.0.1:{gateways}", f"tcp://127.0.0.1:{consoles}"
        self.gateway_keys: KeyPair | None = make_key_pair() if curve else None
        self.console_keys: KeyPair | None = make_key_pair() if curve else None
        self.server_key: str | None = self._make_server_key() if curve else None
        settings = SETTINGS.format(
            gateways=self.gateways, consoles=self.consoles, http=self._http, curve=str(curve).lower()
        )
        self._config = folder / "switchboard.toml"
        self._config.write_text(settings + extra)
        desk = desk_text(
            agents,
            capacity,
            self.gateway_keys.public if self.gateway_keys else "",
            self.console_keys.public if self.console_keys else "",
        )
        (folder / "desk.toml").write_text(desk)
        (folder / "desk.toml").chmod(0o600)
        self.process: subprocess.Popen[bytes] | None = None

    def _make_server_key(self) -> str:
        keys = make_key_pair()
        folder = self.folder / "state" / "keys"
        for each in (folder.parent, folder):
            each.mkdir(mode=0o700)
        save_key_pair(folder / "server.secret", keys)
        return keys.public

    @property
    def journal(self) -> Path:
        """The file that holds the journal."""
        return self.folder / "state" / "journal.db"

    @property
    def log(self) -> Path:
        """The file that everything the daemon says is appended to."""
        return self.folder / "daemon.log"

    def start(self) -> float:
        """Start the daemon and wait until it is ready; return how many seconds that took.

        If it does not become ready, or nobody waits for it any more, no process is left.
        """
        began = time.monotonic()
        path = self.folder / "notify.sock"
        path.unlink(missing_ok=True)
        with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as listener:
            listener.bind(str(path))
            with self.log.open("ab") as log:
                self.process = subprocess.Popen(
                    [sys.executable, "-m", "daemon", "serve", "--config", str(self._config)],
                    stdout=log,
                    stderr=log,
                    env={**os.environ, "NOTIFY_SOCKET": str(path)},
                )
            try:
                self._wait_until_told(listener, began + PATIENCE_S)
                with urllib.request.urlopen(f"http://127.0.0.1:{self._http}/readyz", timeout=5) as answer:
                    assert answer.status == 200
            except BaseException:
                self.kill()
                raise
        return time.monotonic() - began

    def _wait_until_told(self, listener: socket.socket, deadline: float) -> None:
        assert self.process is not None
        end = os.pidfd_open(self.process.pid)
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(listener, selectors.EVENT_READ, "told")
                selector.register(end, selectors.EVENT_READ, "ended")
                while events := selector.select(max(0.0, deadline - time.monotonic())):
                    if any(key.data == "ended" for key, _ in events):
                        break
                    if b"READY=1" in listener.recv(4096):
                        return
        finally:
            os.close(end)
        raise DaemonFailed(f"the daemon is not ready:\n{self.log.read_text()[-2_000:]}")

    def metric(self, sample: str) -> float:
        """Return one number of /metrics, by its name with its labels; 0 if there is none."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._http}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{sample} ")), 0.0)

    def kill(self) -> None:
        """SIGKILL: no goodbye, nothing written."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM: drain and stop; return the exit code."""
        assert self.process is not None
        self.process.terminate()
        try:
            return self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise DaemonFailed("the daemon did not stop") from None
