"""The admin socket: who may use it, and what comes through it."""

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon import admin
from daemon.admin import (
    AdminClient,
    AdminServer,
    Answer,
    BadLine,
    CannotServe,
    NotAllowed,
    Request,
    Unreachable,
)


def handle(request: Request) -> Answer:
    if request.get("do") == "fail":
        raise ValueError("a customer's words")
    return {"ok": True, "heard": request}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "private" / "admin.sock"


@pytest.fixture
def server(path: Path) -> Iterator[AdminServer]:
    server = AdminServer(path, handle)
    server.start()
    yield server
    server.close()


def raw(path: Path, line: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(5)
        connection.connect(str(path))
        connection.sendall(line)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def test_a_request_gets_its_answer(server: AdminServer) -> None:
    request = {"do": "apply", "text": "name = 'Оленка'\n" * 20_000}
    assert AdminClient(server.path).ask(request) == {"ok": True, "heard": request}


def test_one_request_after_the_other_is_answered(server: AdminServer) -> None:
    client = AdminClient(server.path)
    assert [client.ask({"do": str(n)})["heard"]["do"] for n in range(20)] == [str(n) for n in range(20)]


def test_socket_and_directory_are_for_their_owner_alone(server: AdminServer) -> None:
    assert stat.S_IMODE(server.path.stat().st_mode) == 0o700
    assert stat.S_IMODE(server.path.parent.stat().st_mode) == 0o700


def test_only_our_own_user_and_root_may_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert [user for user in (0, 999, 1000, 1001, 65534) if admin.may_ask(user)] == [0, 1000]


def test_a_stranger_gets_no_answer(server: AdminServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin, "peer_of", lambda connection: (1, 54_321))
    monkeypatch.setattr(admin, "may_ask", lambda user: user != 54_321)
    with pytest.raises(Unreachable):
        AdminClient(server.path).ask({"do": "status"}, timeout_s=5)


def test_the_kernel_says_who_is_there() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        assert admin.peer_of(ours) == (os.getpid(), os.getuid())


def test_a_failing_handler_is_told_without_its_words_and_the_next_request_works(server: AdminServer) -> None:
    answer = AdminClient(server.path).ask({"do": "fail"})
    assert answer["ok"] is False
    assert "customer" not in answer["error"]
    assert AdminClient(server.path).ask({"do": "status"})["ok"] is True


@pytest.mark.parametrize("line", [b"{\n", b"[1]\n", b"\xff\n", b"[" * 100_000 + b"\n", b"{}", b""])
def test_what_is_no_request_is_refused(server: AdminServer, line: bytes) -> None:
    answer = raw(server.path, line)
    assert b'"ok": false' in answer


def test_a_line_without_end_is_refused() -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        theirs.sendall(b"x" * 20_000)
        with pytest.raises(BadLine, match="more than 10000 bytes"):
            admin.read_object(ours, 10_000, 5)


def test_a_peer_that_says_nothing_is_let_go(server: AdminServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin, "REQUEST_TIMEOUT_S", 0.05)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as silent:
        silent.connect(str(server.path))
        assert AdminClient(server.path).ask({"do": "status"})["ok"] is True


def test_closing_removes_the_socket(path: Path) -> None:
    server = AdminServer(path, handle)
    server.start()
    server.close()
    assert not path.exists()
    with pytest.raises(Unreachable, match="no daemon answers here"):
        AdminClient(path).ask({"do": "status"})


def test_what_a_killed_daemon_left_behind_is_replaced(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(path))
    server = AdminServer(path, handle)
    server.start()
    assert AdminClient(path).ask({"do": "status"})["ok"] is True
    server.close()


def test_a_second_daemon_does_not_take_the_socket(server: AdminServer) -> None:
    with pytest.raises(CannotServe, match="another daemon answers here"):
        AdminServer(server.path, handle)
    assert AdminClient(server.path).ask({"do": "status"})["ok"] is True


def test_something_else_in_its_place_is_left_alone(path: Path) -> None:
    path.parent.mkdir(mode=0o700)
    path.write_text("precious")
    with pytest.raises(CannotServe, match="not a socket"):
        AdminServer(path, handle)
    assert path.read_text() == "precious"


def test_a_directory_that_others_can_enter_is_refused(path: Path) -> None:
    path.parent.mkdir()
    path.parent.chmod(0o755)
    with pytest.raises(CannotServe, match="mode 0755; do: chmod 700"):
        AdminServer(path, handle)


def test_a_socket_of_another_user_is_told_apart_from_no_daemon(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(admin, "write_object", refuse)
    path.parent.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()
        with pytest.raises(NotAllowed, match="as the daemon's user, or as root"):
            AdminClient(path).ask({"do": "status"})
