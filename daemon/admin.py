"""The admin socket: a Unix socket that only the daemon's own user, and root, can use.

One connection, one request, one answer; each is a JSON object on one line.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import stat
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog

REQUEST_BYTES_MAX = 8 * 1024 * 1024
ANSWER_BYTES_MAX = 64 * 1024 * 1024
REQUEST_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 30.0
CHUNK_BYTES = 65_536
RIGHTS_OF_OTHERS = stat.S_IRWXG | stat.S_IRWXO

Request = dict[str, Any]
Answer = dict[str, Any]
Handle = Callable[[Request], Answer]

log = structlog.get_logger(__name__)


class AdminError(Exception):
    """Base of what can go wrong with the admin socket. `path` is the socket's."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(f"{path}: {what}")
        self.path = path
        self.what = what


class CannotServe(AdminError):
    """The socket cannot be made, or not safely."""


class AnotherDaemon(CannotServe):
    """Another daemon answers on the socket."""


class Unreachable(AdminError):
    """No daemon answers on the socket."""


class NotAllowed(AdminError):
    """The socket belongs to somebody else."""


class BadLine(Exception):
    """The other side did not send one JSON object on one line in time."""


class AdminServer:
    """Answers requests in a thread of its own, one after the other. Raises CannotServe.

    `handle` is called on that thread and must not touch what the reactor owns.
    """

    def __init__(self, path: Path, handle: Handle) -> None:
        self.path = path
        self._handle = handle
        self._socket = _listen(path)
        self._thread = threading.Thread(target=self._serve, name="admin", daemon=True)
        self._closed = threading.Event()

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def close(self) -> None:
        """Stop answering and remove the socket."""
        self._closed.set()
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # Wakes the thread out of accept.
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(ANSWER_TIMEOUT_S)
        self._socket.close()
        self.path.unlink(missing_ok=True)

    def _serve(self) -> None:
        while not self._closed.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError as error:
                if self._closed.is_set():
                    return
                log.error("admin.accept_failed", error=error)
                continue
            with connection:
                self._serve_one(connection)

    def _serve_one(self, connection: socket.socket) -> None:
        process_id, user_id = peer_of(connection)
        if not may_ask(user_id):
            log.warning("admin.peer_refused", user_id=user_id, process_id=process_id)
            return
        try:
            request = read_object(connection, REQUEST_BYTES_MAX, REQUEST_TIMEOUT_S)
            answer = self._answer(request)
        except BadLine as error:
            answer = refusal(str(error))
        try:
            connection.settimeout(REQUEST_TIMEOUT_S)
            write_object(connection, answer)
        except OSError as error:
            log.warning("admin.answer_lost", error=error, process_id=process_id)

    def _answer(self, request: Request) -> Answer:
        log.info("admin.asked", request=str(request.get("do")))
        try:
            return self._handle(request)
        except Exception:
            log.exception("admin.request_failed", request=str(request.get("do")))
            return refusal("the daemon failed on this request; its log says why")


class AdminClient:
    """Asks a running daemon."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def ask(self, request: Request, timeout_s: float = ANSWER_TIMEOUT_S) -> Answer:
        """Send a request and return its answer. Raises Unreachable, NotAllowed."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(timeout_s)
                connection.connect(str(self.path))
                write_object(connection, request)
                return read_object(connection, ANSWER_BYTES_MAX, timeout_s)
        except PermissionError as error:
            what = "belongs to another user: ask as the daemon's user, or as root"
            raise NotAllowed(self.path, what) from error
        except TimeoutError as error:
            raise Unreachable(self.path, f"the daemon has not answered within {timeout_s:g} s") from error
        except OSError as error:
            raise Unreachable(self.path, f"no daemon answers here ({error.strerror or error})") from error
        except BadLine as error:
            raise Unreachable(self.path, f"the daemon has not answered: {error}") from error


def refusal(error: str, problems: list[str] | None = None) -> Answer:
    """Make the answer to a request that is not carried out."""
    return {"ok": False, "error": error, "problems": problems or []}


def may_ask(user_id: int) -> bool:
    """Say whether a user may give orders: the daemon's own, or root."""
    return user_id in (os.geteuid(), 0)


def peer_of(connection: socket.socket) -> tuple[int, int]:
    """Return process id and user id of the other side, as the kernel has noted them at connect."""
    layout = struct.Struct("3i")
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, layout.size)
    process_id, user_id, _ = layout.unpack(raw)
    return process_id, user_id


def write_object(connection: socket.socket, message: dict[str, Any]) -> None:
    """Send one JSON object on one line."""
    connection.sendall(json.dumps(message, ensure_ascii=True).encode() + b"\n")


def read_object(connection: socket.socket, bytes_max: int, timeout_s: float) -> dict[str, Any]:
    """Receive one JSON object on one line; the time is for all of it."""
    try:
        message = json.loads(_read_line(connection, bytes_max, timeout_s))
    except (ValueError, RecursionError) as error:
        raise BadLine("what came is not JSON") from error
    if not isinstance(message, dict):
        raise BadLine("what came is not a JSON object")
    return message


def _read_line(connection: socket.socket, bytes_max: int, timeout_s: float) -> bytes:
    deadline = time.monotonic() + timeout_s
    line = bytearray()
    while not line.endswith(b"\n"):
        if len(line) > bytes_max:
            raise BadLine(f"the line has more than {bytes_max} bytes")
        connection.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            chunk = connection.recv(CHUNK_BYTES)
        except OSError as error:
            raise BadLine(f"no whole line came within {timeout_s:g} s") from error
        if not chunk:
            raise BadLine("the connection was closed before the end of the line")
        line += chunk
    return bytes(line)


def _listen(path: Path) -> socket.socket:
    _check_directory(path)
    _remove_stale(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # Nobody else can reach it before its own mode is set: the directory is ours alone.
        listener.bind(str(path))
        path.chmod(0o700)
        listener.listen(8)
    except OSError as error:
        listener.close()
        raise CannotServe(path, f"the admin socket cannot be made: {error.strerror or error}") from error
    return listener


def _check_directory(path: Path) -> None:
    directory = path.parent
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = directory.stat()
    except OSError as error:
        raise CannotServe(path, f"its directory cannot be made: {error.strerror or error}") from error
    if found.st_uid != os.geteuid():
        raise CannotServe(path, f"its directory belongs to user {found.st_uid}, not to us")
    if found.st_mode & RIGHTS_OF_OTHERS:
        mode = stat.S_IMODE(found.st_mode)
        raise CannotServe(path, f"its directory has mode {mode:04o}; do: chmod 700 {directory}")


def _remove_stale(path: Path) -> None:
    """Remove what a killed daemon has left behind, and nothing else."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise CannotServe(path, "something that is not a socket is in its place")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(REQUEST_TIMEOUT_S)
        if probe.connect_ex(str(path)) != errno.ECONNREFUSED:
            raise AnotherDaemon(path, "another daemon answers here")
    path.unlink()
