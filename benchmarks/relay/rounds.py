"""The rounds: all servers alive at once, one loaded at a time, in an order that rotates."""

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

from benchmarks.relay.servers import Running, start_daemon, start_yardstick
from benchmarks.relay.traffic import Traffic, pace, saturate
from benchmarks.relay.wire import Void

#: A yardstick whose rounds differ by more than this was not alone on the machine: nothing is said then.
SPREAD_MAX = 2.0
SERVERS = ("naive", "durable", "daemon")
YARDSTICKS = ("naive", "durable")
LATENCY_SERVERS = ("durable", "daemon")
#: In a paced round the servers take turns of so many seconds: whatever else the machine does meets both.
SLICE_S = 0.5
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
    """One server, saturated for one round."""

    messages_per_s: float
    server_us: float
    generator_us: float


class Latency(Struct):
    """One server, paced for one round."""

    p50_ms: float
    p99_ms: float


class Measured(Struct):
    """All rounds of one setting.

    ``void`` says why nothing of it counts, ``void_latency`` why its latencies do not; None when they do.
    """

    transport: str
    conversations: int
    loads: dict[str, list[Load]]
    latencies: dict[str, list[Latency]]
    void: str | None = None
    void_latency: str | None = None


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
                _saturated(target, max(plan.messages // 5, 1), plan.window)
            for number in range(plan.rounds):
                _round(number, targets, measured, plan)
        measured.void = unsteady_load(measured)
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
    for name in _rotated(SERVERS, number):
        measured.loads[name].append(_saturated(targets[name], plan.messages, plan.window))
        _say(measured, number, name, measured.loads[name][-1])
    if not measured.latencies:
        return
    for name, latency in _paced(number, targets, plan).items():
        measured.latencies[name].append(latency)
        _say(measured, number, name, latency)


def _rotated(names: tuple[str, ...], by: int) -> tuple[str, ...]:
    by %= max(len(names), 1)
    return names[by:] + names[:by]


def _say(measured: Measured, number: int, name: str, figure: Load | Latency) -> None:
    where = f"{measured.transport} {measured.conversations} round {number + 1} {name}"
    figures = ", ".join(f"{what} {value:.1f}" for what, value in asdict(figure).items())
    print(f"{where}: {figures}", file=sys.stderr)


def _saturated(target: Target, messages: int, window: int) -> Load:
    target.traffic.prepare(messages)
    with _no_collections():
        server_began, own_began = target.server.cpu_s(), time.process_time()
        seconds = saturate(target.traffic, messages, window)
        server_s, own_s = target.server.cpu_s() - server_began, time.process_time() - own_began
    _check(target, messages)
    return Load(messages / seconds, server_s / messages * 1e6, own_s / messages * 1e6)


def _paced(number: int, targets: dict[str, Target], plan: Plan) -> dict[str, Latency]:
    """Pace the servers in turns, slice by slice; a round's percentiles are over all of a server's slices."""
    latencies: dict[str, list[float]] = {name: [] for name in LATENCY_SERVERS}
    messages = int(SLICE_S * plan.latency_per_second)
    for turn in range(max(1, round(plan.latency_seconds / SLICE_S))):
        for name in _rotated(LATENCY_SERVERS, number + turn):
            target = targets[name]
            target.traffic.prepare(messages)
            with _no_collections():
                latencies[name] += pace(target.traffic, messages, plan.latency_per_second)
            _check(target, messages)
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


def unsteady_load(measured: Measured) -> str | None:
    """Say which yardstick was not steady enough under load to compare anything with."""
    for name in YARDSTICKS:
        for what in ("messages_per_s", "server_us"):
            values = [getattr(load, what) for load in measured.loads[name]]
            if max(values) > SPREAD_MAX * min(values):
                return f"{what} of {name} differs by more than {SPREAD_MAX:g}x: {_listed(values)}"
    return None


def latency_ratios(measured: Measured, what: str) -> list[float]:
    """Return the daemon's latency over the yardstick's, round by round."""
    pairs = zip(measured.latencies["durable"], measured.latencies["daemon"], strict=True)
    return [getattr(daemon, what) / getattr(durable, what) for durable, daemon in pairs]


def undecided_latency(measured: Measured) -> str | None:
    """Say that the rounds do not agree on which side of the bound the daemon is.

    A paced yardstick is never steady here: the disk and the other core have something else to do now and
    then, in both servers' slices alike. So it is the rounds' ratios that must agree.
    """
    ratios = latency_ratios(measured, "p99_ms") if measured.latencies else []
    if ratios and min(ratios) <= P99_RATIO_MAX < max(ratios):
        return f"the rounds' ratios of p99 lie on both sides of {P99_RATIO_MAX:g}: {_listed(ratios)}"
    return None


def _listed(values: list[float]) -> str:
    return ", ".join(f"{value:.1f}" for value in values)
