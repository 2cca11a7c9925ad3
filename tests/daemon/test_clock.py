"""The daemon's clock."""

from __future__ import annotations

import time

from daemon.clock import SteadyClock


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
