import pytest

from benchmarks.relay.report import report
from benchmarks.relay.rounds import (
    LATENCY_SERVERS,
    SERVERS,
    Latency,
    Load,
    Measured,
    Plan,
    Setting,
    measure,
    undecided_latency,
    unsteady_load,
)


@pytest.mark.parametrize("transport", ["plain", "curve"])
def test_all_servers_carry_every_message_of_every_round(transport: str) -> None:
    # In a folder that it makes itself: pytest's are too deep for the path of a Unix socket.
    plan = Plan(rounds=2, messages=600, window=100, latency_seconds=0.2, latency_per_second=500, folder=None)
    measured = measure(Setting(transport, conversations=7, with_latency=True), plan)
    # Rounds this short may differ by much; what they carried is checked before that.
    assert measured.void == unsteady_load(measured)
    assert [len(measured.loads[name]) for name in SERVERS] == [plan.rounds] * 3
    assert [len(measured.latencies[name]) for name in LATENCY_SERVERS] == [plan.rounds] * 2


def test_ratios_are_of_messages_per_cpu_second_and_of_the_same_round() -> None:
    loads = {
        "naive": [Load(1.0, 20.0, 1.0)] * 3,
        "durable": [Load(1.0, us, 1.0) for us in (10.0, 12.0, 14.0)],
        "daemon": [Load(1.0, us, 1.0) for us in (20.0, 16.0, 20.0)],
    }
    figures = report(
        [Measured("plain", 100, loads, {})],
        Plan(3, 1, 1, latency_seconds=0, latency_per_second=1, folder=None),
    )
    assert figures["ratio_cpu"] == 0.7
    assert figures["ratio_naive"] == 1.0
    assert figures["daemon_us_per_message"] == 20.0


def test_a_void_setting_has_no_figures() -> None:
    figures = report([Measured("plain", 100, {}, {}, "one was lost")], Plan(1, 1, 1, 0, 1, None))
    assert figures["ratio_cpu"] is figures["ratio_p99"] is figures["messages_per_s"] is None
    assert figures["void"] == ["plain 100: one was lost"]


def test_a_yardstick_that_differs_by_more_than_twice_is_no_yardstick() -> None:
    steady, slow = Load(1.0, 10.0, 1.0), Load(1.0, 20.1, 1.0)
    measured = Measured("plain", 1, {"naive": [steady] * 2, "durable": [steady, slow]}, {})
    assert "server_us of durable" in (unsteady_load(measured) or "")
    measured.loads["durable"][1] = Load(1.0, 20.0, 1.0)
    assert unsteady_load(measured) is None


def paced(daemon_p99: tuple[float, float], durable_p99: tuple[float, float]) -> Measured:
    latencies = {
        "daemon": [Latency(1.0, p99) for p99 in daemon_p99],
        "durable": [Latency(1.0, p99) for p99 in durable_p99],
    }
    loads = {name: [Load(1.0, 10.0, 1.0)] * 2 for name in SERVERS}
    measured = Measured("plain", 100, loads, latencies)
    measured.void_latency = undecided_latency(measured)
    return measured


def test_the_ratio_of_latencies_is_of_the_same_round_however_the_machine_was() -> None:
    figures = report([paced((2.0, 9.0), (1.0, 6.0))], Plan(2, 1, 1, 0, 1, None))
    assert figures["ratio_p99"] == 1.75
    assert figures["void"] == []


def test_rounds_that_disagree_about_the_bound_void_the_latencies_only() -> None:
    figures = report([paced((2.9, 3.1), (1.0, 1.0))], Plan(2, 1, 1, 0, 1, None))
    assert figures["ratio_p99"] is None
    assert figures["ratio_cpu"] == 1.0
    assert len(figures["void"]) == 1
    assert report([paced((3.1, 5.0), (1.0, 1.0))], Plan(2, 1, 1, 0, 1, None))["ratio_p99"] == 4.05
