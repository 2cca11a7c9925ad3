"""What systemd hears."""

import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon import notify


@pytest.fixture(params=["path", "abstract"])
def systemd(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[socket.socket]:
    name = f"@{secrets.token_hex(8)}" if request.param == "abstract" else str(tmp_path / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0" + name[1:] if name.startswith("@") else name)
        listener.settimeout(5)
        yield listener


def heard(systemd: socket.socket) -> list[str]:
    return systemd.recv(4096).decode().split("\n")


def test_each_step_of_the_life_is_told(systemd: socket.socket) -> None:
    assert notify.ready("Serving 2 desks.")
    assert heard(systemd) == ["READY=1", "STATUS=Serving 2 desks."]
    notify.watchdog()
    assert heard(systemd) == ["WATCHDOG=1"]
    notify.status("two\nlines")
    assert heard(systemd) == ["STATUS=two lines"]
    notify.stopping(extend_s=2.5)
    assert heard(systemd) == ["STOPPING=1", "STATUS=Draining.", "EXTEND_TIMEOUT_USEC=2500000"]


def test_a_reload_carries_the_time_that_newer_systemd_asks_for(systemd: socket.socket) -> None:
    notify.reloading()
    first, second = heard(systemd)
    assert first == "RELOADING=1"
    assert int(second.removeprefix("MONOTONIC_USEC=")) > 0


@pytest.mark.parametrize("name", ["", "relative", "/nowhere/at/all"])
def test_without_systemd_nothing_happens(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", name)
    assert not notify.ready()


@pytest.mark.parametrize(
    ("environment", "interval_s"),
    [
        ({"WATCHDOG_USEC": "20000000"}, 10.0),
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": str(os.getpid())}, 10.0),
        ({"WATCHDOG_USEC": "20000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_fed_twice_as_often_as_it_must_be(
    environment: dict[str, str], interval_s: float | None
) -> None:
    assert notify.watchdog_interval_s(environment) == interval_s
