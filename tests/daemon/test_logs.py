"""What is written to the log, and what never is."""

import io
import json
import logging
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given, strategies as st

from daemon.failures import Failures
from daemon.logs import RepeatLimit, configure_logging, describe_error, withhold
from daemon.metrics import Numbers

CANARY = "my card number is 4111 1111"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    logging.captureWarnings(False)
    root.handlers[:], root.level = handlers, level


@pytest.fixture
def stream() -> io.StringIO:
    found = io.StringIO()
    configure_logging("info", "json", found, {})
    return found


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_json_line_with_the_known_keys_first(stream: io.StringIO) -> None:
    structlog.get_logger("hub").info("agent.logged_in", agent_id="olena")
    (found,) = lines(stream)
    assert list(found) == ["timestamp", "level", "event", "logger", "agent_id"]
    assert (found["level"], found["event"], found["logger"]) == ("info", "agent.logged_in", "hub")
    assert found["timestamp"].endswith("Z")


def test_a_logger_that_was_there_before_hears_of_a_new_level(stream: io.StringIO) -> None:
    log = structlog.get_logger("hub")
    log.debug("too.quiet")
    configure_logging("debug", "json", stream, {})
    log.debug("now.heard")
    assert [line["event"] for line in lines(stream)] == ["now.heard"]


def test_a_line_break_in_a_value_cannot_forge_a_line(stream: io.StringIO) -> None:
    structlog.get_logger().info("peer.connected", software='x\n{"event": "forged"}')
    assert len(lines(stream)) == 1


@pytest.mark.parametrize(
    "key", ["text", "content", "body", "password", "token", "secret", "login_token", "new_password"]
)
def test_a_value_under_a_key_that_may_hold_a_message_is_withheld(stream: io.StringIO, key: str) -> None:
    structlog.get_logger().info("x", **{key: CANARY}, deep={"list": [{key: CANARY}]})
    assert CANARY not in stream.getvalue()
    assert lines(stream)[0][key] == "[withheld]"


@given(st.dictionaries(st.text(max_size=8), st.binary(max_size=4) | st.integers() | st.text(max_size=2000)))
def test_whatever_is_logged_fits_and_renders(values: dict[str, Any]) -> None:
    fitted = withhold(None, "info", {"event": "x", **values, "text": CANARY})
    assert CANARY not in json.dumps(fitted)
    assert all(len(value) <= 1001 for value in fitted.values() if isinstance(value, str))


def test_an_object_shows_its_class_and_never_its_text(stream: io.StringIO) -> None:
    class Envelope:
        def __repr__(self) -> str:
            return CANARY

    structlog.get_logger().info("x", envelope=Envelope(), path=Path("/tmp"), many=(1, 2))
    (found,) = lines(stream)
    assert CANARY not in stream.getvalue()
    assert found["envelope"].startswith("<")
    assert (found["path"], found["many"]) == ("/tmp", [1, 2])


def test_a_traceback_shows_our_lines_and_not_what_the_error_quotes(stream: io.StringIO) -> None:
    try:
        try:
            int(CANARY)
        except ValueError as error:
            raise KeyError(CANARY) from error
    except KeyError:
        structlog.get_logger().exception("actor.failed")
    (found,) = lines(stream)
    assert CANARY not in stream.getvalue()
    assert "ValueError" in found["exception"]
    assert found["exception"].endswith("KeyError")
    assert "test_logs.py" in found["exception"]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(28, "No space left"), "OSError: [Errno 28] No space left"),
        (sqlite3.OperationalError("disk I/O error"), "OperationalError: disk I/O error"),
        (AssertionError("a stream without a tenant"), "AssertionError: a stream without a tenant"),
        (ValueError(CANARY), "ValueError"),
    ],
)
def test_an_error_keeps_its_text_only_where_we_or_the_system_wrote_it(error: Exception, told: str) -> None:
    assert describe_error(error) == told


def test_a_library_that_logs_the_old_way_comes_out_the_same_way(stream: io.StringIO) -> None:
    logging.getLogger("pykka").error("lost an %s", "actor")
    logging.getLogger("pykka").debug("never at our levels")
    (found,) = lines(stream)
    assert (found["event"], found["logger"], found["level"]) == ("lost an actor", "pykka", "error")


def test_a_warning_that_repeats_falls_silent_and_says_later_how_often() -> None:
    now = 0.0
    limit = RepeatLimit(lambda: now)
    seen = []
    for _ in range(8):
        try:
            seen.append(limit(None, "warning", {"event": "login.failed"}))
        except structlog.DropEvent:
            continue
    assert len(seen) == 5
    now = 61.0
    assert limit(None, "warning", {"event": "login.failed"})["suppressed"] == 3


def test_errors_are_never_dropped() -> None:
    limit = RepeatLimit(lambda: 0.0)
    assert len([limit(None, "error", {"event": "x"}) for _ in range(50)]) == 50


def test_on_a_terminal_a_peer_cannot_steer_the_cursor() -> None:
    terminal = Terminal()
    configure_logging("info", "auto", terminal, {"NO_COLOR": "1"})
    structlog.get_logger().info("peer.connected", software="\x1b[2Jgone")
    assert "\x1b" not in terminal.getvalue()
    assert "peer.connected" in terminal.getvalue()


def test_journald_gets_the_priority_at_the_start_of_the_line(tmp_path: Path) -> None:
    with (tmp_path / "journal").open("w+") as stream:
        found = os.fstat(stream.fileno())
        configure_logging("info", "auto", stream, {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"})
        structlog.get_logger().error("x")
        assert (tmp_path / "journal").read_text().startswith('<3>{"timestamp"')


def test_a_redirected_stream_gets_no_priority(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w+") as stream:
        configure_logging("info", "auto", stream, {"JOURNAL_STREAM": "1:2"})
        structlog.get_logger().error("x")
        assert (tmp_path / "file").read_text().startswith("{")


def test_a_log_that_cannot_be_written_stops_nobody() -> None:
    stream = io.StringIO()
    configure_logging("info", "json", stream, {})
    stream.close()
    structlog.get_logger().info("x")


@pytest.mark.rule("M3")
def test_a_customer_whose_actor_has_failed_is_not_named_in_the_log(stream: io.StringIO) -> None:
    failures = Failures(Numbers())
    failures.actor_failed(("customer", "acme", "sms/447966197542"), None, ValueError(CANARY))
    failures.actor_failed(("conversation", "acme", "c1"), None, ValueError(CANARY))
    assert [line["actor"] for line in lines(stream)] == ["customer/acme/sms", "conversation/acme/c1"]
    assert CANARY not in stream.getvalue()
