"""Health and metrics over HTTP."""

import socket
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest

from daemon.http import BEAT_AGE_MAX_S, CannotListen, Health, HttpServer, Pages
from daemon.metrics import Metrics, Numbers


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def health(clock: Clock) -> Health:
    return Health(clock)


@pytest.fixture
def pages(health: Health) -> Pages:
    return Pages(health, Metrics(Numbers()))


def ask(pages: Pages, target: str) -> tuple[int, str]:
    status, _, body = pages.answer(target, "")
    return status.value, body.decode()


def test_a_daemon_that_recovers_is_alive_and_not_ready(pages: Pages) -> None:
    assert ask(pages, "/healthz") == (200, "starting\n")
    assert ask(pages, "/readyz") == (503, "not ready\n")


def test_a_reactor_that_stands_still_is_not_alive_and_not_ready(
    pages: Pages, health: Health, clock: Clock
) -> None:
    health.set("journal", True)
    health.beat()
    clock.now += BEAT_AGE_MAX_S
    assert ask(pages, "/healthz") == (200, "ok\n")
    clock.now += 5
    assert ask(pages, "/healthz") == (503, "the reactor has not completed a loop for 25 s\n")
    assert ask(pages, "/readyz") == (503, "[-] reactor: stuck\nnot ready\n")
    health.beat()
    assert ask(pages, "/readyz") == (200, "ready\n")


def test_readiness_needs_every_check_and_names_those_that_fail(pages: Pages, health: Health) -> None:
    health.beat()
    health.set("journal", True)
    health.set("sockets", False, "the self-test has failed")
    assert ask(pages, "/readyz") == (503, "[-] sockets: the self-test has failed\nnot ready\n")
    health.set("sockets", True)
    assert ask(pages, "/readyz") == (200, "ready\n")


@pytest.mark.parametrize("target", ["/readyz?verbose", "/readyz?verbose=1"])
def test_verbose_readiness_lists_every_check(pages: Pages, health: Health, target: str) -> None:
    health.set("journal", True)
    assert ask(pages, target) == (200, "[+] reactor\n[+] journal\nready\n")


@pytest.mark.parametrize("target", ["/", "/metrics/", "/../etc/passwd", "//metrics"])
def test_nothing_else_is_served(pages: Pages, target: str) -> None:
    assert ask(pages, target)[0] == 404


@pytest.fixture
def server(health: Health) -> Iterator[HttpServer]:
    server = HttpServer("127.0.0.1", 0, health, Metrics(Numbers()))
    server.start()
    yield server
    server.close()


def request(server: HttpServer, method: str, target: str) -> tuple[int, bytes]:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=5)
    try:
        connection.request(method, target)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_a_scraper_gets_our_metrics(server: HttpServer) -> None:
    status, body = request(server, "GET", "/metrics")
    assert status == 200
    assert b"switchboard_turns_total 0.0" in body


def test_a_head_request_has_no_body(server: HttpServer) -> None:
    assert request(server, "HEAD", "/healthz") == (200, b"")


def test_other_methods_are_refused(server: HttpServer) -> None:
    assert request(server, "POST", "/healthz")[0] == 501


def test_a_peer_that_says_nothing_keeps_nobody_else_waiting(server: HttpServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port)):
        assert request(server, "GET", "/healthz")[0] == 200


def test_an_address_in_use_is_named_together_with_what_to_do(server: HttpServer, health: Health) -> None:
    with pytest.raises(CannotListen, match=rf"127\.0\.0\.1:{server.port}: Address already in use.*port"):
        HttpServer("127.0.0.1", server.port, health, Metrics(Numbers()))


def test_a_server_that_was_never_started_can_be_closed(health: Health) -> None:
    HttpServer("127.0.0.1", 0, health, Metrics(Numbers())).close()
