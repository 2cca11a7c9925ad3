"""The daemon's clock."""

from __future__ import annotations

import time
from typing import Any

from daemon.bootstrap import Daemon
from daemon.clock import SteadyClock
from tests.stage import Stage


def test_time_does_not_go_back_behind_the_journal() -> None:
    clock = SteadyClock()
    newest = time.time() + 3_600
    behind_s = clock.not_before(newest)
    assert 3_590 < behind_s <= 3_600
    assert newest <= clock.now() < newest + 60


def test_a_journal_of_the_past_changes_nothing() -> None:
    clock = SteadyClock()
    assert clock.not_before(time.time() - 3_600) == 0
    assert abs(clock.now() - time.time()) < 60


def test_the_daemon_goes_on_from_the_newest_event() -> None:
    stage = Stage()
    stage.clock.advance(10 * 365 * 86_400 * 10)
    stage.logs_in("a1")
    daemon: Any = Daemon.__new__(Daemon)
    daemon.store, daemon.clock = stage.store, SteadyClock()
    daemon._set_clock(stage.store.open())
    assert daemon.clock.now() >= stage.clock.now()
