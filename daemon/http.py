"""Health and metrics for those who watch us: /healthz, /readyz, /metrics, and nothing else."""

from __future__ import annotations

import socketserver
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET, AF_INET6
from typing import Any
from urllib.parse import urlsplit

import structlog

from daemon.metrics import Metrics

#: The reactor turns at least once a second; after this long without a turn it is stuck.
BEAT_AGE_MAX_S = 20.0
REQUEST_TIMEOUT_S = 5.0
REQUESTS_AT_ONCE_MAX = 16
PLAIN = "text/plain; charset=utf-8"

Answer = tuple[HTTPStatus, str, bytes]

log = structlog.get_logger(__name__)


class CannotListen(Exception):
    """The address for health and metrics cannot be bound."""

    def __init__(self, address: str, port: int, why: str) -> None:
        super().__init__(f"http: cannot listen on {address}:{port}: {why}. Set [http] port, or 0 for none.")
        self.address = address
        self.port = port


class Health:
    """Whether the process is alive, and whether it is ready. The reactor's thread writes, others read."""

    __slots__ = ("_clock", "beat_at", "checks")

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        #: When the reactor last completed a loop; None until its first one (recovery may take its time).
        self.beat_at: float | None = None
        #: What being ready means: each check by name, True or the reason why not.
        self.checks: dict[str, bool | str] = {}

    def beat(self) -> None:
        """Note that the reactor has completed a loop."""
        self.beat_at = self._clock()

    def set(self, name: str, ok: bool, why: str = "not yet") -> None:
        """Note the outcome of a check, and the reason if it has failed."""
        self.checks[name] = True if ok else why

    @property
    def beat_age_s(self) -> float:
        """How long ago the reactor last completed a loop; 0 before the first."""
        beat_at = self.beat_at
        return 0.0 if beat_at is None else max(0.0, self._clock() - beat_at)

    @property
    def alive(self) -> bool:
        """Whether the reactor moves."""
        return self.beat_age_s <= BEAT_AGE_MAX_S

    @property
    def ready(self) -> bool:
        """Whether customers and agents can be served."""
        return self.alive and bool(self.checks) and all(ok is True for ok in self.checks.copy().values())


class HttpServer:
    """The server in threads of its own. Raises CannotListen; `start` it, and `close` it at the end.

    Port 0 means any free one; `port` says which it is.
    """

    def __init__(self, address: str, port: int, health: Health, metrics: Metrics) -> None:
        try:
            self._server = _Server(address, port, Pages(health, metrics))
        except OSError as error:
            raise CannotListen(address, port, error.strerror or str(error)) from error
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, name="http", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Stop answering; requests under way may be cut off."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()


class Pages:
    """What is served at which path, apart from any socket."""

    def __init__(self, health: Health, metrics: Metrics) -> None:
        self._health = health
        self._metrics = metrics

    def answer(self, target: str, accept: str) -> Answer:
        """Return status, content type and body for a request's target."""
        parts = urlsplit(target)
        match parts.path:
            case "/healthz":
                return self._alive()
            case "/readyz":
                verbose = "verbose" in [word.partition("=")[0] for word in parts.query.split("&")]
                return self._ready(verbose)
            case "/metrics":
                body, content_type = self._metrics.render(accept)
                return HTTPStatus.OK, content_type, body
        return _text(HTTPStatus.NOT_FOUND, "there is nothing here but /healthz, /readyz and /metrics")

    def _alive(self) -> Answer:
        health = self._health
        if not health.alive:
            why = f"the reactor has not completed a loop for {health.beat_age_s:.0f} s"
            return _text(HTTPStatus.SERVICE_UNAVAILABLE, why)
        return _text(HTTPStatus.OK, "starting" if health.beat_at is None else "ok")

    def _ready(self, verbose: bool) -> Answer:
        health = self._health
        status = HTTPStatus.OK if health.ready else HTTPStatus.SERVICE_UNAVAILABLE
        checks: dict[str, bool | str] = {"reactor": health.alive or "stuck", **health.checks}
        shown = checks if verbose else {name: ok for name, ok in checks.items() if ok is not True}
        lines = [f"[+] {name}" if ok is True else f"[-] {name}: {ok}" for name, ok in shown.items()]
        return _text(status, "\n".join([*lines, "ready" if health.ready else "not ready"]))


def _text(status: HTTPStatus, text: str) -> Answer:
    return status, PLAIN, f"{text}\n".encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: str, port: int, pages: Pages) -> None:
        self.address_family = AF_INET6 if ":" in address else AF_INET
        self.pages = pages
        self._slots = threading.BoundedSemaphore(REQUESTS_AT_ONCE_MAX)
        super().__init__((address, port), _Handler)

    def server_bind(self) -> None:
        # HTTPServer would look our name up in the DNS here, for nothing.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._slots.acquire(blocking=False):
            log.warning("http.too_many_requests")
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        log.warning("http.request_failed", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version = "switchboard"
    sys_version = ""
    timeout = REQUEST_TIMEOUT_S

    def do_GET(self) -> None:
        status, content_type, body = self.server.pages.answer(self.path, self.headers.get("Accept", ""))
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - the base class looks for this name.

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's.
        log.debug("http.requested", line=format % args)
