"""The processes of the demo: the daemon, and the people."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from types import TracebackType
from typing import IO, Self

import msgspec

import daemon
from daemon.admin import AdminClient, AdminError
from daemon.commands.failure import Failure
from daemon.demo import reports
from daemon.demo.part import Part
from daemon.demo.reports import AnyReport
from daemon.demo.site import Site, own_environment
from daemon.exits import Exit

READY_S = 20.0
GO_HOME_S = 3.0
#: How much longer than its drain the daemon may take to stop.
STOP_MARGIN_S = 5.0
POLL_S = 0.1
LOG_LINES_SHOWN = 8

Pause = Callable[[float], None]


def start(
    module: str, *arguments: str, output: int | IO[bytes], errors: IO[bytes]
) -> subprocess.Popen[bytes]:
    """Start one of our modules in a process group of its own, so that Ctrl-C reaches only us."""
    environment = own_environment()
    # -P: a folder called `daemon` where the user happens to be must not take the place of ours.
    environment["PYTHONPATH"] = str(Path(daemon.__file__).parent.parent)
    return subprocess.Popen(  # noqa: S603  # our own modules
        [sys.executable, "-P", "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=errors,
        env=environment,
        process_group=0,
    )


class OwnDaemon:
    """A daemon that lives as long as this context."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.log = site.directory / "daemon.log"
        with self.log.open("ab") as log:
            self._process = start("daemon", "serve", "--config", str(site.config), output=log, errors=log)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is not KeyboardInterrupt:
                self._process.terminate()
                self._process.wait(self._site.settings.daemon.drain_timeout_s + STOP_MARGIN_S)
        except subprocess.TimeoutExpired:
            pass
        finally:
            self._process.kill()
            self._process.wait()

    @property
    def exit_code(self) -> int | None:
        """How the daemon has ended; None while it runs."""
        return self._process.poll()

    def wait_ready(self, pause: Pause) -> None:
        """Wait until the daemon serves. Raises Failure with the end of its log if it does not."""
        deadline = time.monotonic() + READY_S
        while not is_ready(self._site):
            self.check()
            if time.monotonic() > deadline:
                raise Failure(
                    f"the daemon is not ready after {READY_S:g} s{_end_of(self.log)}", Exit.UNAVAILABLE
                )
            pause(POLL_S)

    def check(self) -> None:
        """Raise Failure if the daemon has ended."""
        if self.exit_code is not None:
            raise Failure(
                f"the daemon has ended with exit code {self.exit_code}{_end_of(self.log)}", Exit.UNAVAILABLE
            )


def is_ready(site: Site) -> bool:
    """Say whether a daemon answers for this site, and is ready."""
    try:
        return AdminClient(site.settings.daemon.admin_socket).ask({"do": "status"}).get("ready") is True
    except AdminError:
        return False


class Cast:
    """The processes of the people, and everything they report."""

    def __init__(self, errors: Path) -> None:
        self.errors = errors
        self._reports: SimpleQueue[AnyReport] = SimpleQueue()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is not KeyboardInterrupt:
                self._send_home()
        finally:
            for process in self._processes.values():
                process.kill()
                process.wait()

    def add(self, module: str, part: Part) -> None:
        """Start one who plays a part."""
        with self.errors.open("ab") as errors:
            process = start(module, part.name, output=subprocess.PIPE, errors=errors)
        self._processes[part.name] = process
        _say(process, msgspec.json.encode(part))
        threading.Thread(target=self._listen, args=(part.name, process), daemon=True).start()

    def go(self) -> None:
        """Let them begin."""
        for process in self._processes.values():
            _say(process, b"go")

    def new_reports(self) -> list[AnyReport]:
        """Return what was reported since the last call."""
        return [self._reports.get_nowait() for _ in range(self._reports.qsize())]

    def check(self) -> None:
        """Raise Failure if somebody has gone."""
        for name, process in self._processes.items():
            if process.poll() is not None:
                raise Failure(
                    f"the process of {name!r} has ended with exit code {process.returncode}"
                    f"{_end_of(self.errors)}",
                    Exit.INTERNAL,
                )

    def _listen(self, name: str, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            try:
                self._reports.put(reports.read(line))
            except msgspec.MsgspecError:
                self._reports.put(reports.Trouble(name, line.decode("utf-8", "replace").strip()))

    def _send_home(self) -> None:
        deadline = time.monotonic() + GO_HOME_S
        for process in self._processes.values():
            assert process.stdin is not None
            with suppress(OSError):
                process.stdin.close()
        for process in self._processes.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline - time.monotonic()))


def _end_of(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES_SHOWN:]
    return "\n".join([f"; the end of {log}:", *(f"  {line}" for line in lines)])


def _say(process: subprocess.Popen[bytes], line: bytes) -> None:
    assert process.stdin is not None
    with suppress(BrokenPipeError):
        process.stdin.write(line + b"\n")
        process.stdin.flush()
