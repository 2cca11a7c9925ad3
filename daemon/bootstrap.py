"""The life of the daemon: build everything from the ground up, serve, take it down in reverse order.

The one place that picks the real store, clock, sockets and ids.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable
from operator import itemgetter
from pathlib import Path
from typing import Any

import structlog
import zmq

from actors.agent.actor import AgentActor
from actors.channel.actor import ChannelActor
from actors.conversation.actor import ConversationActor
from actors.customer.actor import CustomerActor
from actors.dispatcher.actor import DispatcherActor
from actors.journal import (
    CommitUnknown,
    Deposed,
    JournalDamaged,
    Opened,
    StoreFailed,
    read_record,
)
from actors.runtime import System
from actors.supervision import TooManyFailures
from config.problems import ConfigurationError
from config.process import ProcessSettings, ReloadPlan, load_process_settings, plan_reload
from config.sections import Listener as ListenerSettings
from daemon import notify
from daemon.admin import AdminServer, Answer, Request
from daemon.archive.asking import HistoryQuestions
from daemon.archive.figures import Figures, FiguresCollector
from daemon.archive.keeper import Archive
from daemon.clock import SteadyClock
from daemon.counting import sample_dispatchers
from daemon.desks import Desks, Prepared
from daemon.exits import Exit
from daemon.failures import Failures
from daemon.http import Health, HttpServer
from daemon.hub import Hub
from daemon.identifiers import Identifiers
from daemon.logins import LoginDesk, PasswordPool, Tokens, token_secret
from daemon.logs import configure_logging
from daemon.media.room import MEDIA_DIRECTORY, MediaRoom
from daemon.memory import settle_garbage_collector
from daemon.metrics import Metrics, Numbers, our_version
from daemon.operating import Operating
from daemon.orders import Later, Orders
from daemon.outbound import Outbound
from daemon.principals import Principals
from daemon.reactor import Reactor, install_signals
from daemon.reading import JournalReader
from daemon.stores.sqlite import JOURNAL_FILE, NewerJournal, SQLiteStore
from daemon.transport import Listener, Security
from daemon.zap import SelfTest, ZapHandler
from protocol.client.keys import load_key_pair
from protocol.errors import Code


class ReactorFailed(Exception):
    """Something has failed on the reactor's thread that nobody expected: a fault of ours."""


KINDS = {
    kind.kind: kind for kind in (AgentActor, ChannelActor, ConversationActor, CustomerActor, DispatcherActor)
}
#: Exceptions that end the process, and with which code (docs/operations.md).
ENDS: tuple[tuple[type[BaseException], Exit], ...] = (
    (CommitUnknown, Exit.IO),
    (Deposed, Exit.UNAVAILABLE),
    (JournalDamaged, Exit.DATA),
    (NewerJournal, Exit.DATA),
    (StoreFailed, Exit.IO),
    (TooManyFailures, Exit.INTERNAL),
    (ReactorFailed, Exit.INTERNAL),
    (ConfigurationError, Exit.CONFIGURATION),
)
EXPECTED = tuple(kind for kind, _ in ENDS)
#: How often what is scraped is counted, in seconds.
SAMPLE_S = 5.0
#: Old commands are forgotten so many rows at a time: each minute while there are any, else each hour.
FORGET_ROWS = 10_000

#: What commands are refused with while the disk is nearly full.
DISK_FULL = (Code.BUSY, "the disk is nearly full; nothing is stored", 5.0)

log = structlog.get_logger("daemon")


class Daemon:
    """Everything that lives in the process."""

    def __init__(self, settings: ProcessSettings, config_path: Path | None) -> None:
        self.settings = settings
        self._config_path = config_path
        self.numbers = Numbers()
        self.figures = Figures()
        self.health = Health()
        self.health.set("journal", False, "not open yet")
        self.health.set("zap", False, "not tested yet")
        self.state_directory = settings.daemon.state_directory
        self.state_directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.store = SQLiteStore(self.state_directory / JOURNAL_FILE)
        self.clock = SteadyClock()
        self.system = System(self.store, KINDS, Failures(self.numbers), Identifiers().make)
        self.outbound = Outbound(self.system, self.numbers)
        self.principals = Principals(self.system.desks)
        self.desks = Desks(self.system, lambda: self.settings, self._desk_changed)

    def recover(self) -> None:
        """Open the journal and bring memory to where it ends."""
        opened = self.store.open()
        self._set_clock(opened)
        began = self.clock.now()
        replayed = self.system.recover(opened, began)
        log.info(
            "journal.recovered",
            journal=opened.journal,
            epoch=opened.epoch,
            position=opened.head,
            replayed=replayed,
            seconds=round(self.clock.now() - began, 3),
        )
        self.health.set("journal", True, "open")

    def _set_clock(self, opened: Opened) -> None:
        """Go on from the newest event where the wall clock is behind it (G9)."""
        newest = self.store.record_at(opened.head) if opened.head else None
        behind_s = self.clock.not_before(read_record(newest)[-1].at) if newest is not None else 0.0
        if behind_s:
            log.warning("clock.behind_journal", seconds=round(behind_s, 3))

    def listen(self) -> None:
        """Bind the sockets, with the ZAP handler before them."""
        self.context = zmq.Context(1)
        self.context.setsockopt(zmq.MAX_SOCKETS, 4_096)
        self.zap = ZapHandler(self.context, self._may_connect)
        self.listeners: dict[str, Listener] = {}
        keys: list[tuple[Listener, bytes]] = []
        for role, wanted in (
            ("gateway", self.settings.listen.gateways),
            ("console", self.settings.listen.consoles),
        ):
            security = self._security(wanted)
            limits, timing = self.settings.limits, self.settings.timing
            listener = Listener(
                self.context, role, wanted.address, security, limits.frame_bytes, timing.handshake_ms
            )
            self.listeners[role] = listener
            if security is not None:
                keys.append((listener, security.public))
            log.info("listener.bound", role=role, address=listener.address, curve=security is not None)
        self.self_test = SelfTest(self.context, keys)
        self.principals.probe_key = self.self_test.probe_key

    def _security(self, wanted: ListenerSettings) -> Security | None:
        if not wanted.curve:
            return None
        pair = load_key_pair(wanted.secret_key_file)
        return Security(pair.public.encode(), pair.secret.encode())

    def _may_connect(self, role: str, key: str) -> bool:
        return self.principals.may_connect(role, key, secure=self.listeners[role].secure)

    def assemble(self) -> None:
        """Put the reactor together."""
        limits = self.settings.limits
        self.reactor: Reactor
        self.pool = PasswordPool(
            limits.logins_at_once, limits.login_queue, lambda work: self.reactor.post(work)
        )
        self.logins = LoginDesk(self.pool, Tokens(token_secret(self.state_directory / "token.secret")))
        self.media = MediaRoom(
            self.state_directory / MEDIA_DIRECTORY,
            self.store.path,
            self.system,
            self.settings,
            self.outbound,
            self.numbers,
            lambda work: self.reactor.post(work),
        )
        self.hub = Hub(
            self.system,
            self.settings,
            self.principals,
            self.logins,
            self.outbound,
            self.numbers,
            structlog.get_logger("hub"),
            f"switchboardd {our_version()}",
            self.media,
        )
        self.reactor = Reactor(
            self.system,
            self.store,
            self.hub,
            self.outbound,
            list(self.listeners.values()),
            self.zap,
            self.clock,
            self.numbers,
            structlog.get_logger("reactor"),
        )
        self.orders = Orders(self.reactor, self._plan)
        self.reader = JournalReader(self.store.path, self.outbound, self.reactor.post)
        self.outbound.questions.reader = self.reader
        self.archive = Archive(
            self.store.path,
            self.system.journal,
            self.figures,
            lambda: self.system.head,
            lambda: self.reactor.idle_s,
            self.reactor.post,
        )
        self.outbound.questions.past = HistoryQuestions(self.system, self.outbound, self.archive)
        self.operating = Operating(self.system, self.desks, self.reader, self.archive)
        self._use_settings()
        self.reactor.housekeeping += [
            self._watch_disk,
            self._run_self_test,
            self._feed_watchdog,
            self._sample,
            self._forget_commands,
            self.media.collect,
            self.archive.feed,
        ]
        self._self_test_at = 0.0
        self._watchdog_s = notify.watchdog_interval_s(os.environ)
        self._watchdog_at = 0.0
        self._sample_at = 0.0
        self._forget_at = self.clock.now() + 3_600

    def _use_settings(self) -> None:
        self.hub.settings = self.settings
        self.media.use(self.settings)
        self.reactor.drain_frames = self.settings.limits.drain_frames
        self.reactor.park_after_s = self.settings.timing.park_after_s

    # Housekeeping, on the reactor's thread.

    def _watch_disk(self, now: float) -> None:
        """Refuse before the disk is full: a commit that fails is worse than a command that waits (S6)."""
        found = os.statvfs(self.state_directory)
        free, wanted = found.f_bavail * found.f_frsize, self.settings.journal.free_bytes_min
        full = self.hub.shut is DISK_FULL
        if free < wanted and self.hub.shut is None:
            self.hub.shut = DISK_FULL
            log.warning("disk.nearly_full", free_bytes=free, wanted_bytes=wanted)
        elif free >= wanted and full:
            self.hub.shut = None
            log.warning("disk.free_again", free_bytes=free, wanted_bytes=wanted)
        self.health.set("disk", free >= wanted, f"{free} bytes free, {wanted} wanted")

    def _run_self_test(self, now: float) -> None:
        if self.self_test.running:
            if self.self_test.step(now):
                self._self_tested()
        elif now >= self._self_test_at:
            self._self_test_at = now + self.settings.timing.self_test_s
            self.self_test.start(now)
            if not self.self_test.running:
                self._self_tested()

    def _self_tested(self) -> None:
        problems = self.self_test.problems or []
        was_ready = self.health.ready
        self.health.set("zap", not problems, "; ".join(problems) or "strangers are refused")
        for problem in problems:
            log.error("zap.self_test_failed", problem=problem)
        if self.health.ready and not was_ready:
            notify.ready()
            log.info("daemon.ready", position=self.system.head, desks=sorted(self.system.desks))

    def _feed_watchdog(self, now: float) -> None:
        """A beat means: the reactor has run a turn, and the journal could be read."""
        self.store.record_at(self.system.head)
        self.health.beat()
        if self._watchdog_s and now >= self._watchdog_at:
            self._watchdog_at = now + self._watchdog_s
            notify.watchdog()

    def _sample(self, now: float) -> None:
        if now >= self._sample_at:
            self._sample_at = now + SAMPLE_S
            self._count()

    def _count(self) -> None:
        """Copy what is scraped into plain numbers, so that the scraper's thread touches nothing of ours."""
        numbers, system = self.numbers, self.system
        counted = Counter(map(itemgetter(0), system.actors))
        numbers.actors = {kind: counted[kind] for kind in KINDS}
        sample_dispatchers(numbers, system)
        numbers.connections = self.hub.by_role()
        numbers.handshakes_refused = self.zap.refused
        numbers.journal_position = system.head
        wal = self.store.path.with_name(self.store.path.name + "-wal")
        numbers.wal_bytes = wal.stat().st_size if wal.exists() else 0
        numbers.write_behind_rows = system.write_behind.behind

    def _forget_commands(self, now: float) -> None:
        if now >= self._forget_at:
            before = now - self.settings.journal.retention_days * 86_400
            forgotten = self.store.forget_commands(before, FORGET_ROWS)
            self._forget_at = now + (60 if forgotten else 3_600)

    # Change while running.

    def _desk_changed(self, tenant: str) -> None:
        """The desk is in force for everybody outside once it is flushed."""
        self.reactor.after_flush.append(lambda: self._use_desk(tenant))

    def _use_desk(self, tenant: str) -> None:
        self.principals.refresh()
        self.hub.desk_changed(tenant)

    def _plan_reload(self) -> Callable[[], Answer]:
        """Read settings and desk files again, all or nothing, and return what brings them into force.

        Raises ConfigurationError; then nothing has changed.
        """
        notify.reloading()
        try:
            fresh = load_process_settings(self._config_path, os.environ)
            plan = plan_reload(self.settings, fresh)
            prepared = self.desks.prepare_files(fresh)
        except Exception as error:
            self.numbers.config_last_reload_successful = 0
            problems = error.problems if isinstance(error, ConfigurationError) else [type(error).__name__]
            log.error("config.reload_failed", problems=[str(problem) for problem in problems])
            notify.ready()
            raise
        return lambda: self._reload(fresh, plan, prepared)

    def _reload(self, fresh: ProcessSettings, plan: ReloadPlan, prepared: list[Prepared]) -> Answer:
        self.settings = fresh
        self._use_settings()
        changed = self.desks.bring_in(prepared)
        self.numbers.config_last_reload_successful = 1
        self.numbers.config_last_reload_at = self.clock.now()
        notify.ready()
        log.info("config.reloaded", now=plan.now, at_restart=plan.at_restart, desks=changed)
        return {
            "ok": True,
            "changes": [*plan.now, *(line for lines in changed.values() for line in lines)],
            "at_restart": list(plan.at_restart),
        }

    def drain(self) -> None:
        """Begin to stop: not ready any more, no more commands, goodbye to everybody."""
        self.health.set("draining", False, "the daemon is stopping")
        notify.stopping(extend_s=self.settings.daemon.drain_timeout_s)
        self.reactor.drain(self.settings.daemon.drain_timeout_s)

    def hang_up(self) -> None:
        """SIGHUP: reload; problems are in the log."""
        try:
            reload = self._plan_reload()
        except Exception:
            return
        reload()

    def handle_admin(self, request: Request) -> Answer:
        """Answer an operator; called on the admin thread."""
        return self.orders.handle(request)

    def _plan(self, request: Request) -> Callable[[], Answer | Later]:
        """Look at a request on the reactor's thread, and return what carries it out."""
        match request.get("do"):
            case "status":
                status = {"ok": True, **self.status()}
                return lambda: status
            case "apply":
                prepared = self.desks.prepare(str(request.get("text", "")), str(request.get("file", "desk")))
                return lambda: self._apply(prepared, dry_run=bool(request.get("dry_run")))
            case "reload":
                return self._plan_reload()
            case "stop":
                return self._stop
        return self.operating.plan(request)

    def _apply(self, prepared: Prepared, *, dry_run: bool) -> Answer:
        if not dry_run:
            self.desks.bring_in([prepared])
        return {"ok": True, "changes": prepared.changes}

    def _stop(self) -> Answer:
        self.drain()
        return {"ok": True}

    def status(self) -> dict[str, Any]:
        """Return what an operator wants to see first."""
        self._count()
        numbers = self.numbers
        return {
            "version": our_version(),
            "ready": self.health.ready,
            "checks": {name: "ok" if ok is True else ok for name, ok in self.health.checks.items()},
            "journal": self.system.journal,
            "epoch": self.system.epoch,
            "position": self.system.head,
            "connections": numbers.connections,
            "agents": numbers.agents,
            "waiting": {"/".join(queue): many for queue, many in numbers.waiting.items()},
            "tenants": self.operating.status(),
            "actors": numbers.actors,
            "behind": numbers.write_behind_rows,
            "archive": self.archive.status(),
            "addresses": {role: listener.address for role, listener in self.listeners.items()},
        }

    def run(self) -> None:
        """Serve until told to stop, then write what is behind. Raises what ENDS lists, and nothing else."""
        try:
            self.reactor.run()
            self.reactor.stop_listening()
            self.orders.stop()
            self.reactor.finish()
        except EXPECTED:
            raise
        except Exception as error:
            log.critical("reactor.failed", error=type(error).__name__, exc_info=error)
            raise ReactorFailed(f"{type(error).__name__}: the log says where") from error
        finally:
            self.orders.stop()

    def close(self) -> None:
        """Take everything down, in reverse order."""
        for part in ("archive", "reader", "media", "pool", "self_test", "reactor"):
            if hasattr(self, part):
                getattr(self, part).close()
        if hasattr(self, "context"):
            self.context.destroy(0)
        self.store.close()


def serve(settings: ProcessSettings, config_path: Path | None) -> int:
    """Run the daemon until it is told to stop; return the exit code."""
    configure_logging(settings.log.level, settings.log.format, sys.stderr)
    try:
        return _serve(settings, config_path)
    except EXPECTED as error:
        code = next(code for kind, code in ENDS if isinstance(error, kind))
        log.critical("daemon.ended", error=type(error).__name__, why=str(error), exit_code=int(code))
        return int(code)


def _serve(settings: ProcessSettings, config_path: Path | None) -> int:
    daemon = Daemon(settings, config_path)
    # What can be taken by somebody else is taken first: a newcomer's second daemon fails here, and at once.
    admin = AdminServer(settings.daemon.admin_socket, daemon.handle_admin)
    http = None
    if settings.http.port:
        http = HttpServer(
            settings.http.address,
            settings.http.port,
            daemon.health,
            Metrics(daemon.numbers, FiguresCollector(daemon.figures)),
        )
        http.start()
    try:
        daemon.recover()
        daemon.listen()
        daemon.assemble()
        daemon.desks.load_files()
        daemon.principals.refresh()
        install_signals(daemon.reactor, daemon.hang_up, daemon.drain)
        admin.start()
        settle_garbage_collector()
        daemon.numbers.config_last_reload_at = daemon.clock.now()
        daemon.run()
        log.info("daemon.stopped", position=daemon.system.head)
    finally:
        admin.close()
        if http is not None:
            http.close()
        daemon.close()
    return int(Exit.OK)
