import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.relay import rounds, servers
from benchmarks.relay.journal import Behind
from benchmarks.relay.report import report
from benchmarks.relay.rounds import (
    LATENCY_SERVERS,
    SERVERS,
    Latency,
    Load,
    Measured,
    Plan,
    Setting,
    disagreements,
    measure,
    undecided_latency,
)
from benchmarks.relay.wire import Void
from daemon.archive.feeding import Feeder, Journal
from daemon.archive.file import ARCHIVE_FILE
from daemon.archive.keeper import JournalRecords
from daemon.stores.sqlite import JOURNAL_FILE, SQLiteStore
from tests.stage import Stage


# Nearly all of its time it waits until the daemon has done what comes later, as the benchmark does.
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("transport", "with_latency"), [("plain", True), ("curve", False)])
def test_all_servers_carry_every_message_of_every_round(transport: str, with_latency: bool) -> None:
    # In a folder that it makes itself: pytest's are too deep for the path of a Unix socket.
    plan = Plan(rounds=2, messages=600, window=100, latency_seconds=0.2, latency_per_second=500, folder=None)
    measured = measure(Setting(transport, conversations=7, with_latency=with_latency), plan)
    # Rounds this short may differ by much; what they carried counts.
    assert measured.void is None
    assert [len(measured.loads[name]) for name in SERVERS] == [plan.rounds] * 3
    paced = dict.fromkeys(LATENCY_SERVERS, plan.rounds) if with_latency else {}
    assert {name: len(rounds) for name, rounds in measured.latencies.items()} == paced


def test_ratios_are_of_messages_per_cpu_second_and_of_the_same_round() -> None:
    loads = {
        "naive": [Load(1.0, 20.0, 0.0, 1.0)] * 3,
        "durable": [Load(1.0, us, 0.0, 1.0) for us in (10.0, 12.0, 14.0)],
        "daemon": [Load(1.0, us, 5.0, 1.0) for us in (20.0, 16.0, 20.0)],
    }
    figures = report(
        [Measured("plain", 100, loads, {})],
        Plan(3, 1, 1, latency_seconds=0, latency_per_second=1, folder=None),
    )
    assert figures["ratio_cpu"] == 0.7, "what comes later is the daemon's too"
    assert figures["ratio_cpu_carried"] == 0.933, "14 over 15"
    assert figures["ratio_naive"] == 1.0
    assert figures["daemon_us_per_message"] == 20.0
    assert figures["daemon_later_us_per_message"] == 5.0


def test_a_void_setting_has_no_figures() -> None:
    figures = report([Measured("plain", 100, {}, {}, "one was lost")], Plan(1, 1, 1, 0, 1, None))
    assert figures["ratio_cpu"] is figures["ratio_p99"] is figures["messages_per_s"] is None
    assert figures["void"] == ["plain 100: one was lost"]


def of_pairs(*pairs: tuple[float, float]) -> Measured:
    """Rounds with this CPU of both yardsticks, and of the daemon."""
    yardstick = [Load(1.0, one, 0.0, 1.0) for one, _ in pairs]
    daemon = [Load(1.0, ours, 0.0, 1.0) for _, ours in pairs]
    return Measured("plain", 1, {"naive": yardstick, "durable": yardstick, "daemon": daemon}, {})


def test_a_machine_that_changes_between_the_rounds_meets_both_of_a_pair_and_voids_nothing() -> None:
    assert disagreements(of_pairs((5.0, 10.0), (11.0, 20.0), (5.0, 11.0), (10.0, 20.0))) == {}


def test_pairs_that_do_not_agree_void_their_ratio_and_no_other() -> None:
    measured = of_pairs(*[(5.0, 10.0)] * 4)
    measured.loads["naive"] = of_pairs((5.0, 10.0), (5.0, 10.0), (9.0, 10.0), (9.0, 10.0)).loads["naive"]
    measured.void_ratios = disagreements(measured)
    figures = report([measured], Plan(4, 1, 1, 0, 1, None))
    assert (figures["ratio_cpu"], figures["ratio_naive"]) == (0.5, None)
    (reason,) = figures["void"]
    assert "CPU to naive differ: the quartiles are 0.50 and 0.90" in reason


def test_a_single_stray_pair_voids_nothing() -> None:
    assert disagreements(of_pairs(*[(5.0, 10.0)] * 4, (9.0, 10.0))) == {}


def test_the_daemon_is_behind_until_archive_and_snapshots_reach_the_end_of_the_journal(
    tmp_path: Path,
) -> None:
    stage = Stage(SQLiteStore(tmp_path / JOURNAL_FILE))
    behind = Behind(tmp_path / JOURNAL_FILE)
    ident = stage.system.journal
    feeder = Feeder(tmp_path / ARCHIVE_FILE, Journal(ident, JournalRecords(tmp_path / JOURNAL_FILE)))
    assert behind(), "there is no archive yet"
    feeder.step(60.0)
    assert behind(), "something is to be written behind"
    while (batch := stage.system.seal(tidy=True)) is not None:
        stage.store.commit(batch)
        stage.system.release(batch)
    assert not behind()
    stage.writes("ann")
    assert behind()
    feeder.close()
    stage.store.close()


def test_nothing_is_measured_beside_a_server_that_has_work_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "STILL_S", 0.0)
    left = iter([True, True, False])
    nobody: Any = None
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:

        def running(behind: Callable[[], bool]) -> servers.Running:
            return servers.Running("one", process.pid, nobody, lambda: None, process.kill, behind)

        servers.wait_until_quiet([running(lambda: next(left))])
        assert list(left) == [], "it was asked until it had nothing left"
        monkeypatch.setattr(servers, "QUIET_WITHIN_S", 0.0)
        with pytest.raises(Void, match="still at work: one"):
            servers.wait_until_quiet([running(lambda: True)])
        process.kill()


def test_what_a_server_does_until_it_is_quiet_again_is_counted_to_the_piece(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    used_s = iter([1.0, 1.5, 2.5])
    target: Any = (SimpleNamespace(cpu_s=lambda: next(used_s)), SimpleNamespace(prepare=lambda _: None))
    monkeypatch.setattr(rounds, "saturate", lambda *_: 2.0)
    for step in ("_check", "_wait_until_quiet"):
        monkeypatch.setattr(rounds, step, lambda *_: None)
    load = rounds._saturated(target, {}, 1_000, 10)
    assert (load.messages_per_s, load.server_us, load.later_us) == (500.0, 1_500.0, 1_000.0)


def paced(daemon_p99: tuple[float, float], durable_p99: tuple[float, float]) -> Measured:
    latencies = {
        "daemon": [Latency(1.0, p99) for p99 in daemon_p99],
        "durable": [Latency(1.0, p99) for p99 in durable_p99],
    }
    loads = {name: [Load(1.0, 10.0, 0.0, 1.0)] * 2 for name in SERVERS}
    measured = Measured("plain", 100, loads, latencies)
    measured.void_latency = undecided_latency(measured)
    return measured


def test_the_ratio_of_latencies_is_of_the_same_round_however_the_machine_was() -> None:
    figures = report([paced((2.0, 9.0), (1.0, 6.0))], Plan(2, 1, 1, 0, 1, None))
    assert figures["ratio_p99"] == 1.75
    assert figures["void"] == []


def test_rounds_that_disagree_about_the_bound_void_the_latencies_only() -> None:
    figures = report([paced((2.5, 3.5), (1.0, 1.0))], Plan(2, 1, 1, 0, 1, None))
    assert figures["ratio_p99"] is None
    assert figures["ratio_cpu"] == 1.0
    assert len(figures["void"]) == 1
    assert report([paced((3.1, 5.0), (1.0, 1.0))], Plan(2, 1, 1, 0, 1, None))["ratio_p99"] == 4.05
