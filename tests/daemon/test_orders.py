"""Operators' requests: answered after the flush, whatever they hold, and at once when the daemon stops."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from config.problems import ConfigurationError, Problem
from daemon import bootstrap, desks
from daemon.admin import Answer, Request
from daemon.bootstrap import Daemon, ReactorFailed
from daemon.desks import Desks
from daemon.exits import Exit
from daemon.orders import Orders
from tests.stage import Stage, desk_text


class Turns:
    """Stands for the reactor: each posted work is a turn of its own."""

    def __init__(self) -> None:
        self.after_flush: list[Callable[[], None]] = []
        self.events: list[str] = []

    def post(self, work: Callable[[], None]) -> None:
        work()
        self.events.append("flushed")
        for due in self.after_flush:
            due()


def orders_of(plan: Callable[[Request], Callable[[], Answer]], turns: Any = None) -> Orders:
    return Orders(turns or Turns(), plan)


def test_an_answer_waits_for_the_flush() -> None:
    turns = Turns()

    class Watched(Orders):
        def _carry_out(self, request: Request, future: Any) -> None:
            super()._carry_out(request, future)
            turns.events.append("answered" if future.done() else "carried out")

    waiting: Any = turns
    orders = Watched(waiting, lambda _: lambda: {"ok": True})
    assert orders.handle({"do": "apply"}) == {"ok": True}
    assert turns.events == ["carried out", "flushed"]


@pytest.mark.parametrize(
    "error", [UnicodeEncodeError("utf-8", "\ud800", 0, 1, "no"), RecursionError(), KeyError()]
)
def test_an_odd_request_is_answered_with_an_error(error: Exception) -> None:
    def plan(_: Request) -> Callable[[], Answer]:
        raise error

    answer = orders_of(plan).handle({"do": "apply"})
    assert answer["ok"] is False
    assert type(error).__name__ in answer["error"]


def test_problems_of_a_configuration_are_named() -> None:
    def plan(_: Request) -> Callable[[], Answer]:
        raise ConfigurationError([Problem("desk.toml", 3, "", "is odd")])

    answer = orders_of(plan).handle({"do": "apply"})
    assert answer["problems"] == ["desk.toml:3: is odd"]


def test_what_fails_while_it_is_carried_out_is_not_hidden() -> None:
    def fail() -> Answer:
        raise OSError("no disk")

    with pytest.raises(OSError, match="no disk"):
        orders_of(lambda _: fail).handle({"do": "apply"})


def test_who_waits_when_the_daemon_stops_is_answered_at_once() -> None:
    turns = SimpleNamespace(after_flush=[], post=lambda _: orders.stop())
    orders = orders_of(lambda _: lambda: {"ok": True}, turns)
    for _ in range(2):
        assert orders.handle({"do": "status"})["error"] == "the daemon is stopping"


# Desks.


@pytest.mark.parametrize(
    "text", [desk_text() + "# \ud800", desk_text().replace("Help", "\ud800"), "a = " + "[" * 9_999]
)
def test_an_odd_desk_is_found_before_anything_is_recorded(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    settings: Any = lambda: None  # noqa: E731 - nothing is asked of it.
    monkeypatch.setattr(desks, "check_together", lambda *_: ())
    with pytest.raises((ConfigurationError, ValueError)):
        Desks(stage.system, settings, lambda _: None).prepare(text, "desk.toml")
    assert stage.system.entries == []
    assert stage.writes("ann", "still there").conversation


def test_a_prepared_desk_changes_nothing_until_it_is_brought_in(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    settings: Any = lambda: None  # noqa: E731 - nothing is asked of it.
    monkeypatch.setattr(desks, "check_together", lambda *_: ())
    changed: list[str] = []
    all_desks = Desks(stage.system, settings, changed.append)
    prepared = all_desks.prepare(desk_text(agents=3), "desk.toml")
    assert prepared.changes
    assert (changed, stage.system.entries) == ([], [])
    assert all_desks.bring_in([prepared]) == {"acme": prepared.changes}
    assert changed == ["acme"]
    assert "a3" in stage.system.desks["acme"].agents


# The end of the process.


def daemon_with(reactor: Any) -> Daemon:
    daemon = Daemon.__new__(Daemon)
    daemon.reactor = reactor
    daemon.orders = orders_of(lambda _: lambda: {"ok": True})
    return daemon


def test_whatever_ends_the_reactor_is_a_fault_of_ours() -> None:
    def fail() -> None:
        raise BrokenPipeError("odd")

    daemon = daemon_with(SimpleNamespace(run=fail))
    with pytest.raises(ReactorFailed):
        daemon.run()
    assert daemon.orders.handle({"do": "status"})["error"] == "the daemon is stopping"


def test_a_fault_of_ours_has_its_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> int:
        raise ReactorFailed("odd")

    monkeypatch.setattr(bootstrap, "_serve", fail)
    monkeypatch.setattr(bootstrap, "configure_logging", lambda *_: None)
    settings: Any = SimpleNamespace(log=SimpleNamespace(level="info", format="json"))
    assert bootstrap.serve(settings, None) == Exit.INTERNAL


def test_the_end_closes_the_listeners_before_it_writes_what_is_behind() -> None:
    steps: list[str] = []
    names = ("run", "stop_listening", "finish")
    daemon_with(SimpleNamespace(**{name: lambda name=name: steps.append(name) for name in names})).run()
    assert tuple(steps) == names


# Housekeeping.


def test_old_commands_are_forgotten_each_minute_while_there_are_any() -> None:
    daemon: Any = Daemon.__new__(Daemon)
    found = iter((10_000, 7, 0))
    daemon.store = SimpleNamespace(forget_commands=lambda *_: next(found))
    daemon.settings = SimpleNamespace(journal=SimpleNamespace(retention_days=30))
    daemon._forget_at = 0.0
    due = []
    for _ in range(3):
        now = daemon._forget_at
        daemon._forget_commands(now)
        due.append(daemon._forget_at - now)
    assert due == [60, 60, 3_600]


def test_what_is_scraped_is_counted_now_and_then() -> None:
    stage = Stage()
    stage.logs_in("a1")
    stage.begin_conversation("ann", "a1")
    daemon: Any = Daemon.__new__(Daemon)
    daemon.numbers = SimpleNamespace()
    daemon.system = stage.system
    daemon.hub = SimpleNamespace(by_role=dict)
    daemon.zap = SimpleNamespace(refused=0)
    daemon.store = SimpleNamespace(path=Path("/nowhere/journal.db"))
    daemon._sample_at = 0.0
    daemon._sample(10.0)
    assert daemon.numbers.actors == {
        "agent": 1,
        "channel": 1,
        "conversation": 1,
        "customer": 0,
        "dispatcher": 1,
    }
    assert daemon.numbers.agents["online"] == 1
    daemon.numbers.actors = {}
    daemon._sample(14.9)
    assert daemon.numbers.actors == {}
    daemon._sample(15.0)
    assert daemon.numbers.actors
