"""The demo from its beginning to its end."""

from __future__ import annotations

import os
import secrets
import shlex
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live

from config.sections import Listener
from daemon.commands.failure import Failure
from daemon.commands.reading import JournalFile
from daemon.demo import summary
from daemon.demo.part import Part
from daemon.demo.processes import Cast, OwnDaemon, is_ready
from daemon.demo.scene import Scene
from daemon.demo.script import AGENT, CUSTOMER, load_script
from daemon.demo.site import AGENTS, GATEWAY, Site, check_fit, load_site, make_site
from daemon.demo.view import Size, fits, happening_text, too_small, view
from daemon.exits import Exit
from daemon.stores.sqlite import JOURNAL_FILE
from protocol.client.keys import load_public_key

FRAME_S = 0.125
#: People log in one after the other, each with a password that takes its time.
ENTRANCE_S = 30.0
#: Everything has to be over by then: so much at any speed, and so much more at speed 1.
PLAY_S, PLAY_AT_SPEED_ONE_S = 60.0, 240.0
#: After the last conversation: the last messages are still on their way.
SETTLE_S = 5.0


@dataclass(frozen=True)
class Options:
    """What the command line says."""

    directory: Path | None = None
    attach: Path | None = None
    port: int | None = None
    speed: float = 1.0
    live: bool = True
    leave: bool = False


class Stopped(Exception):
    """The user has had enough."""


class Interrupts:
    """SIGINT and SIGTERM: the first one asks to stop, a second one is a KeyboardInterrupt."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self._before: dict[signal.Signals, Callable[[int, FrameType | None], object] | int | None] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._take)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _take(self, _: int, __: FrameType | None) -> None:
        if self._asked.is_set():
            raise KeyboardInterrupt
        self._asked.set()

    def pause(self, seconds: float) -> None:
        """Let time pass. Raises Stopped at once when asked to stop."""
        if self._asked.wait(seconds):
            raise Stopped


class Play:
    """One run."""

    def __init__(self, options: Options, console: Console) -> None:
        self._options = options
        self._console = console
        self._live = options.live and console.is_terminal
        self._script = load_script()
        self._daemon: OwnDaemon | None = None

    def run(self) -> int:
        """Play, and return the exit code. Raises Failure."""
        if self._live and not fits(self._size()):
            raise Failure(f"{too_small(self._size())}: enlarge it, or use --no-live", Exit.USAGE)
        try:
            with Interrupts() as self._interrupts, ExitStack() as stack:
                try:
                    return self._play(stack)
                except Stopped:
                    self._console.print("Stopping; once more Ctrl-C to kill.")
                    return Exit.OK
        except KeyboardInterrupt:
            self._console.print("Killed.")
            return Exit.INTERRUPTED

    def _play(self, stack: ExitStack) -> int:
        self._site = site = self._open(stack)
        with self._journal() as file:
            before = file.head()
        names = {agent: site.desk.agents[agent].name for agent in AGENTS}
        channels = {name: channel.department for name, channel in site.desk.channels.items()}
        self._scene = Scene(self._script, channels, names)
        with Cast(site.directory / "people.log") as self._cast:
            self._enter()
            self._watch()
        with self._journal() as file:
            lost = self._sum_up(summary.stored_messages(file, before, self._scene))
        if not self._options.leave:
            self._show_commands()
            if self._daemon is not None:
                self._linger(self._daemon)
        return Exit.INTERNAL if lost else Exit.OK

    # Before.

    def _open(self, stack: ExitStack) -> Site:
        """Start a daemon, or find the one that runs."""
        options, say = self._options, self._console.print
        if options.attach is not None:
            site = load_site(options.attach, os.environ)
            check_fit(site, self._script)
            if not is_ready(site):
                command = f"{_ourselves()} serve --config {shlex.quote(str(site.config))}"
                raise Failure(
                    f"no daemon is ready at {site.settings.daemon.admin_socket}. Start it with: {command}",
                    Exit.UNAVAILABLE,
                )
            return site
        site = make_site(options.directory, options.port, options.speed)
        say(f"The demo's directory: {site.directory}", soft_wrap=True, highlight=False)
        self._daemon = stack.enter_context(OwnDaemon(site))
        say(f"The daemon's log:     {self._daemon.log}", soft_wrap=True, highlight=False)
        say("Starting the daemon, a gateway and four agents ...")
        self._daemon.wait_ready(self._interrupts.pause)
        return site

    def _journal(self) -> JournalFile:
        return JournalFile(self._site.settings.daemon.state_directory / JOURNAL_FILE)

    def _enter(self) -> None:
        """Start the people, and wait until all of them are in."""
        listen, run = self._site.settings.listen, secrets.token_hex(3)
        self._cast.add("daemon.demo.gateway", self._part(GATEWAY, listen.gateways, run))
        for agent in AGENTS:
            self._cast.add("daemon.demo.agent", self._part(agent, listen.consoles, run))
        deadline = time.monotonic() + ENTRANCE_S
        while self._scene.ready < {GATEWAY, *AGENTS}:
            self._look()
            if self._scene.troubles or time.monotonic() > deadline:
                missing = ", ".join(sorted({GATEWAY, *AGENTS} - self._scene.ready))
                why = "; ".join(self._scene.troubles) or f"no answer in {ENTRANCE_S:g} s"
                raise Failure(f"the daemon does not let in {missing}: {why}", Exit.UNAVAILABLE)
        self._scene.happenings.clear()

    def _part(self, name: str, listener: Listener, run: str) -> Part:
        site = self._site
        agent = site.desk.agents.get(name)
        return Part(
            name=name,
            address=listener.address,
            speed=self._options.speed,
            run=run,
            key_file=str(site.key_file(name)) if listener.curve else "",
            server_key=load_public_key(listener.secret_key_file) if listener.curve else None,
            password=site.passwords.get(name, "") if agent else "",
            languages=agent.languages if agent else (),
        )

    # Meanwhile.

    def _look(self) -> None:
        """Let a moment pass and take in what was reported."""
        self._interrupts.pause(FRAME_S)
        self._scene.take_all(self._cast.new_reports())
        if self._daemon is not None:
            self._daemon.check()
        if not self._scene.troubles:
            self._cast.check()

    def _watch(self) -> None:
        """Show what goes on until it is over."""
        self._began = time.time()
        self._cast.go()
        if not self._live:
            self._watch_lines()
            return
        with Live(console=self._console, screen=True, auto_refresh=False) as live:
            departments = {name: one.name for name, one in self._site.desk.departments.items()}
            for now in self._moments():
                live.update(view(self._scene, departments, now, self._began, self._size()), refresh=True)

    def _watch_lines(self) -> None:
        shown = 0
        for _ in self._moments():
            for one in self._scene.happenings[shown:]:
                self._console.print(happening_text(one, self._began), soft_wrap=True)
            shown = len(self._scene.happenings)

    def _moments(self) -> Iterator[float]:
        """Return the time, frame by frame, until all is over."""
        deadline = time.monotonic() + PLAY_S + PLAY_AT_SPEED_ONE_S / self._options.speed
        over_at: float | None = None
        while not self._scene.settled and not (self._scene.done and self._scene.troubles):
            self._look()
            moment = time.monotonic()
            if self._scene.done and over_at is None:
                over_at = moment
            if moment > deadline or (over_at is not None and moment > over_at + SETTLE_S):
                break
            yield time.time()
        yield time.time()

    # After.

    def _sum_up(self, stored: summary.Stored) -> bool:
        """Print the summary; say whether anything was lost or left undone."""
        scene, say = self._scene, self._console.print
        balances = {
            "customers": summary.balance(scene, stored, CUSTOMER),
            "agents": summary.balance(scene, stored, AGENT),
        }
        say()
        say(summary.conversations_table(scene))
        say(summary.balance_table(balances))
        faults = summary.faults(scene, self._script)
        for fault in faults:
            say(f"! {fault}", style="red", markup=False)
        say(summary.totals(scene, balances), style="bold", highlight=False)
        return bool(faults) or any(one.lost for one in balances.values())

    def _linger(self, daemon: OwnDaemon) -> None:
        """Leave the daemon running until the user has had enough."""
        self._console.print("The daemon runs on. Ctrl-C ends it.", style="bold")
        while daemon.exit_code is None:
            self._interrupts.pause(FRAME_S)
        if daemon.exit_code != Exit.OK:
            daemon.check()
        self._console.print("The daemon was stopped.")

    def _show_commands(self) -> None:
        site, ourselves = self._site, _ourselves()
        talks = self._scene.talks.values()
        longest = max(talks, key=lambda talk: len(talk.lines))
        restless = max(talks, key=lambda talk: talk.offers)
        lines = [
            f"export SWITCHBOARD_CONFIG={shlex.quote(str(site.config))}",
            f"{ourselves} status",
            f"{ourselves} tail --bodies",
            f"{ourselves} transcript {longest.ident}",
            f"{ourselves} explain {restless.ident}",
            f"{ourselves} explain --why-idle {AGENTS[0]}",
        ]
        http = site.settings.http
        if http.port:
            lines.append(f"curl http://{http.address}:{http.port}/metrics")
        self._console.print("\nTo look further, in another terminal:")
        for line in lines:
            self._console.print(f"  {line}", soft_wrap=True, highlight=False, markup=False)

    def _size(self) -> Size:
        return Size(*self._console.size)


def _ourselves() -> str:
    """Return how to call this program: as short as it can be found."""
    called = Path(sys.argv[0])
    found = shutil.which("switchboard")
    if found is not None and Path(found).resolve() == called.resolve():
        return "switchboard"
    if called.name == "switchboard":
        return shlex.quote(str(called.absolute()))
    return f"{shlex.quote(sys.executable)} -m daemon"
