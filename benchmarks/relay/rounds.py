"""The rounds: all servers alive at once, one loaded at a time while the others are quiet.

A round is one short piece of each server, the next round the same in the opposite order, so that the daemon
and the durable yardstick always come one after the other: a machine whose clock changes meets both alike, and
a ratio is of one pair. What a server does later for a piece (the daemon: its archive, and what it writes
behind) is waited for, and counted to that piece.
"""

from __future__ import annotations

import gc
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import quantiles
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import asdict

from benchmarks.relay.servers import Running, start_daemon, start_yardstick, wait_until_quiet
from benchmarks.relay.traffic import Traffic, pace, saturate
from benchmarks.relay.wire import Void

#: When the upper quartile of the pairs' ratios is more than so many times the lower, nothing is said.
SPREAD_MAX = 4 / 3
SERVERS = ("naive", "durable", "daemon")
YARDSTICKS = ("naive", "durable")
LATENCY_SERVERS = ("durable", "daemon")
#: In a paced round the servers take turns of so many seconds: whatever else the machine does meets both.
SLICE_S = 1.0
#: What the 99th percentile at a steady 500 messages a second may be, over the durable yardstick's.
P99_RATIO_MAX = 3.0


class Plan(NamedTuple):
    """What is asked for."""

    rounds: int
    messages: int
    window: int
    latency_seconds: float
    latency_per_second: int
    folder: Path | None


class Setting(NamedTuple):
    """One configuration to measure."""

    transport: str
    conversations: int
    with_latency: bool


class Load(Struct):
    """One server, saturated for one piece.

    ``server_us``: all of its processor time for a message; ``later_us``: what of it came after the last
    answer, until the server was quiet again.
    """

    messages_per_s: float
    server_us: float
    later_us: float
    generator_us: float


class Latency(Struct):
    """One server, paced for one round."""

    p50_ms: float
    p99_ms: float


class Measured(Struct):
    """All rounds of one setting.

    ``void`` says why nothing of it counts, ``void_latency`` why its latencies do not; None when they do.
    ``void_ratios`` says why the ratios to a yardstick do not.
    """

    transport: str
    conversations: int
    loads: dict[str, list[Load]]
    latencies: dict[str, list[Latency]]
    void: str | None = None
    void_latency: str | None = None
    void_ratios: dict[str, str] = {}


class Target(NamedTuple):
    """A server, and the connections to it."""

    server: Running
    traffic: Traffic


def measure(setting: Setting, plan: Plan) -> Measured:
    """Start the servers and take all rounds of one setting."""
    measured = Measured(
        setting.transport,
        setting.conversations,
        {name: [] for name in SERVERS},
        {name: [] for name in LATENCY_SERVERS} if setting.with_latency else {},
    )
    try:
        with _targets(setting, plan.folder) as targets:
            for target in targets.values():
                _saturated(target, targets, max(plan.messages // 5, 1), plan.window)
            for number in range(plan.rounds):
                _round(number, targets, measured, plan)
        measured.void_ratios = disagreements(measured)
        measured.void_latency = undecided_latency(measured)
    except Void as reason:
        measured.void = str(reason)
    return measured


@contextmanager
def _targets(setting: Setting, folder: Path | None) -> Iterator[dict[str, Target]]:
    curve = setting.transport == "curve"
    with ExitStack() as stack:
        here = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="relay-", dir=folder)))
        targets = {}
        for name in SERVERS:
            if name == "daemon":
                server = start_daemon(here / name, curve, setting.conversations)
            else:
                server = start_yardstick(name, here / name, curve)
            stack.callback(server.stop)
            stack.push(lambda kind, *_, log=here / name / "daemon.log": _show_end(log) if kind else None)
            traffic = server.connect(setting.conversations)
            stack.callback(traffic.close)
            server.journaled()
            targets[name] = Target(server, traffic)
        yield targets


def _show_end(log: Path) -> None:
    """Show the last that a server has said, before its folder is gone."""
    if log.exists():
        print(log.read_text()[-4_000:], file=sys.stderr)


def _round(number: int, targets: dict[str, Target], measured: Measured, plan: Plan) -> None:
    for name in _alternated(SERVERS, number):
        load = _saturated(targets[name], targets, plan.messages, plan.window)
        measured.loads[name].append(load)
        _say(measured, number, name, measured.loads[name][-1])
    if not measured.latencies:
        return
    for name, latency in _paced(number, targets, plan).items():
        measured.latencies[name].append(latency)
        _say(measured, number, name, latency)


def _alternated(names: tuple[str, ...], number: int) -> tuple[str, ...]:
    return names[::-1] if number % 2 else names


def _say(measured: Measured, number: int, name: str, figure: Load | Latency) -> None:
    where = f"{measured.transport} {measured.conversations} round {number + 1} {name}"
    figures = ", ".join(f"{what} {value:.1f}" for what, value in asdict(figure).items())
    print(f"{where}: {figures}", file=sys.stderr)


def _saturated(target: Target, targets: dict[str, Target], messages: int, window: int) -> Load:
    server, traffic = target
    traffic.prepare(messages)
    with _no_collections():
        began_s, own_s = server.cpu_s(), time.process_time()
        seconds = saturate(traffic, messages, window)
        answered_s, own_s = server.cpu_s(), time.process_time() - own_s
    _check(target, messages)
    _wait_until_quiet(targets)
    later_s = server.cpu_s() - answered_s
    used_s = answered_s - began_s + later_s
    return Load(messages / seconds, *(each_s / messages * 1e6 for each_s in (used_s, later_s, own_s)))


def _wait_until_quiet(targets: dict[str, Target]) -> None:
    wait_until_quiet(target.server for target in targets.values())


def _paced(number: int, targets: dict[str, Target], plan: Plan) -> dict[str, Latency]:
    """Pace the servers in turns, slice by slice; a round's percentiles are over all of a server's slices."""
    latencies: dict[str, list[float]] = {name: [] for name in LATENCY_SERVERS}
    messages = int(SLICE_S * plan.latency_per_second)
    for turn in range(max(1, round(plan.latency_seconds / SLICE_S))):
        for name in _alternated(LATENCY_SERVERS, number + turn):
            target = targets[name]
            target.traffic.prepare(messages)
            with _no_collections():
                latencies[name] += pace(target.traffic, messages, plan.latency_per_second)
            _check(target, messages)
            _wait_until_quiet(targets)
    return {name: _percentiles(values) for name, values in latencies.items()}


def _percentiles(latencies: list[float]) -> Latency:
    hundredths = quantiles(latencies, n=100)
    return Latency(hundredths[49], hundredths[98])


@contextmanager
def _no_collections() -> Iterator[None]:
    """Keep the generator's garbage collector out of what is measured."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _check(target: Target, messages: int) -> None:
    """Delivered = sent = journaled, or the figure is void."""
    target.traffic.settle()
    if target.traffic.sent != messages or target.traffic.done != messages:
        raise Void(f"{target.server.name}: {target.traffic.sent} sent, {target.traffic.done} complete")
    journaled = target.server.journaled()
    if journaled is not None and journaled != messages:
        raise Void(f"{target.server.name}: {messages} messages sent, {journaled} journaled")


def cpu_ratios(measured: Measured, yardstick: str, *, carried: bool = False) -> list[float]:
    """Return messages per second of server CPU, the daemon's over the yardstick's, pair by pair.

    With ``carried`` without what each did later.
    """
    pairs = zip(measured.loads[yardstick], measured.loads["daemon"], strict=True)
    if carried:
        return [(one.server_us - one.later_us) / (ours.server_us - ours.later_us) for one, ours in pairs]
    return [one.server_us / ours.server_us for one, ours in pairs]


def quartiles(values: list[float]) -> tuple[float, float]:
    """Return the lower and the upper quartile."""
    lower, _, upper = quantiles(values, n=4, method="inclusive")
    return lower, upper


def disagreements(measured: Measured) -> dict[str, str]:
    """Say of each yardstick with which the pairs do not agree why nothing can be said of it."""
    found = {}
    for name in YARDSTICKS:
        ratios = cpu_ratios(measured, name)
        lower, upper = quartiles(ratios)
        if upper > SPREAD_MAX * lower:
            found[name] = (
                f"the pairs' ratios of CPU to {name} differ: the quartiles are {lower:.2f} and {upper:.2f},"
                f" more than {SPREAD_MAX:.2f}x; all: {_listed(ratios)}"
            )
    return found


def latency_ratios(measured: Measured, what: str) -> list[float]:
    """Return the daemon's latency over the yardstick's, round by round."""
    pairs = zip(measured.latencies["durable"], measured.latencies["daemon"], strict=True)
    return [getattr(daemon, what) / getattr(durable, what) for durable, daemon in pairs]


def undecided_latency(measured: Measured) -> str | None:
    """Say that the middle half of the rounds is not on one side of the bound.

    A paced yardstick is never steady here: the disk and the other core have something else to do now and
    then, in both servers' slices alike. So it is the rounds' ratios that must agree.
    """
    if not measured.latencies:
        return None
    ratios = latency_ratios(measured, "p99_ms")
    lower, upper = quartiles(ratios)
    if lower <= P99_RATIO_MAX < upper:
        return (
            f"the quartiles of the rounds' ratios of p99, {lower:.1f} and {upper:.1f}, lie on both sides of"
            f" {P99_RATIO_MAX:g}; all: {_listed(ratios)}"
        )
    return None


def _listed(values: list[float]) -> str:
    return ", ".join(f"{value:.2f}" for value in values)
