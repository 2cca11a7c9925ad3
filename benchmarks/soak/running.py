"""The soak: a daemon of its own, first saturated, then paced below that, and looked at again and again."""

from __future__ import annotations

import gc
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any, NamedTuple

from msgspec.structs import asdict

from benchmarks.common import PASSWORD, DaemonProcess
from benchmarks.relay.journal import JournalCount
from benchmarks.relay.peers import CONSOLES, Access
from benchmarks.relay.servers import agents_for, console_tables, prepare_daemon
from benchmarks.relay.traffic import pace, saturate
from benchmarks.relay.wire import Void
from benchmarks.soak.sampling import Sample, after_warm_up, growth, slope_per_hour, take_sample
from benchmarks.soak.talking import SOLVED_S, Shop

#: What is under way while the saturation is measured, as in the relay benchmark.
WINDOW = 1_000
#: Connections have to be kept alive, and conversations leave memory within the run.
TIMING = """\
[timing]
heartbeat_s = 15
lease_s = 60
park_after_s = 5
"""
#: The channel's conversations can be returned to; the desk's text ends with the channel's table.
STYLE = f'style = "soak"\n[styles.soak]\nclose_after_s = {SOLVED_S}\n'
#: What memory may grow by after the warm-up.
RSS_SLOPE_MIB_PER_H_MAX = 1.0
#: How long what is still under way at the end may take.
PATIENCE_S = 20.0


class Plan(NamedTuple):
    """What is asked for. ``rate`` in messages a second; 0: ``share`` of what the daemon can carry."""

    minutes: float
    warm_up_minutes: float
    rate: float
    share: float
    saturation_s: float
    conversations: int
    life_s: float
    sample_s: float
    folder: Path | None


def soak(plan: Plan) -> dict[str, Any]:
    """Run the daemon for so long; return the figures."""
    samples: list[Sample] = []
    figures: dict[str, Any] = {"void": None}
    with tempfile.TemporaryDirectory(prefix="soak-", dir=plan.folder) as name:
        daemon = _daemon(Path(name), plan.conversations)
        try:
            with _shop(daemon, plan) as shop:
                _run(plan, daemon, shop, samples, figures)
                figures["exit_code"] = daemon.stop()
                figures |= _held_against_the_journal(shop, JournalCount(daemon.journal)())
        except Void as reason:
            figures["void"] = str(reason)
            print(daemon.log.read_text()[-4_000:], file=sys.stderr)
        finally:
            daemon.kill()
    return figures | summary(samples, 60 * plan.warm_up_minutes)


def _daemon(folder: Path, conversations: int) -> DaemonProcess:
    """Start the daemon with a desk that is large enough."""
    daemon = prepare_daemon(folder, conversations, TIMING)
    with (folder / "desk.toml").open("a") as desk:
        desk.write(STYLE + console_tables([None] * CONSOLES))
    daemon.start()
    return daemon


@contextmanager
def _shop(daemon: DaemonProcess, plan: Plan) -> Iterator[Shop]:
    access = Access(daemon.gateways, daemon.consoles, PASSWORD, [None] * (1 + CONSOLES))
    shop = Shop(access, agents_for(plan.conversations), plan.conversations, plan.life_s)
    try:
        yield shop
    finally:
        shop.close()


def _run(
    plan: Plan, daemon: DaemonProcess, shop: Shop, samples: list[Sample], figures: dict[str, Any]
) -> None:
    assert daemon.process is not None
    pid, state = daemon.process.pid, daemon.journal.parent
    gc.collect()
    gc.freeze()
    rate = plan.rate
    if not rate:
        figures["saturation"] = round(_saturation(shop, plan.saturation_s))
        rate = plan.share * figures["saturation"]
    figures["rate_asked"] = round(rate, 1)
    began, measured = time.monotonic(), 0
    while (at_s := time.monotonic() - began) < 60 * plan.minutes:
        messages = max(100, round(rate * min(plan.sample_s, 60 * plan.minutes - at_s)))
        shop.prepare(messages)
        latencies = pace(shop, messages, rate)
        shop.settle()
        measured += messages
        seconds = time.monotonic() - began
        samples.append(take_sample(pid, state, seconds, quantiles(latencies, n=100)[98]))
        print(", ".join(f"{what} {value}" for what, value in asdict(samples[-1]).items()), file=sys.stderr)
    figures["rate"] = round(measured / (time.monotonic() - began), 1)
    deadline = time.monotonic() + PATIENCE_S
    while not shop.quiet:
        if time.monotonic() > deadline:
            raise Void("not everything that was under way at the end has arrived")
        shop.collect(100)


def _saturation(shop: Shop, seconds: float) -> float:
    """Return how many messages a second the daemon carries, with as many under way as it likes."""
    began, messages = time.perf_counter(), 0
    while time.perf_counter() - began < seconds:
        shop.prepare(10 * WINDOW)
        saturate(shop, 10 * WINDOW, WINDOW)
        shop.settle()
        messages += 10 * WINDOW
    return messages / (time.perf_counter() - began)


def _held_against_the_journal(shop: Shop, journaled: int) -> dict[str, Any]:
    """Return what was sent, and how much of it has not arrived, or is not in the journal exactly as often."""
    missing = shop.written + shop.opening - journaled
    return {
        "messages": shop.written,
        "lost": max(shop.written - shop.arrived, missing, 0),
        "doubled": max(-missing, 0),
        "conversations_ended": shop.ended,
        "customers_returned": shop.returned,
    }


def summary(samples: list[Sample], warm_up_s: float) -> dict[str, Any]:
    """Return what the samples after the warm-up say: by how much the daemon grows, and how quick it is."""
    counted = after_warm_up(samples, warm_up_s)

    def slope(what: str) -> float | None:
        found = slope_per_hour(counted, what)
        return None if found is None else round(found, 3)

    return {
        "samples": len(samples),
        "samples_counted": len(counted),
        "rss_slope_mib_per_h": slope("rss_mib"),
        "anonymous_slope_mib_per_h": slope("anonymous_mib"),
        "rss_mib_first": round(samples[0].rss_mib, 1) if samples else None,
        "rss_mib_last": round(samples[-1].rss_mib, 1) if samples else None,
        "threads_growth": growth(counted, "threads"),
        "descriptors_growth": growth(counted, "descriptors"),
        "journal_mib": samples[-1].journal_mib if samples else None,
        "archive_mib": samples[-1].archive_mib if samples else None,
        "p99_ms": median(sample.p99_ms for sample in counted) if counted else None,
        "p99_ms_max": max((sample.p99_ms for sample in counted), default=None),
        "series": [asdict(sample) for sample in samples],
    }


def complaints(figures: dict[str, Any]) -> list[str]:
    """Return what is not as it has to be."""
    found = [f"void: {figures['void']}"] if figures["void"] else []
    found += [f"{what}: {figures[what]}" for what in ("lost", "doubled", "exit_code") if figures.get(what)]
    found += [
        f"{what}: {figures[what]}" for what in ("threads_growth", "descriptors_growth") if figures[what] > 0
    ]
    slope = figures["rss_slope_mib_per_h"]
    if slope is None:
        found.append("rss_slope_mib_per_h: too few samples after the warm-up")
    elif slope >= RSS_SLOPE_MIB_PER_H_MAX:
        found.append(f"rss_slope_mib_per_h: {slope}, less than {RSS_SLOPE_MIB_PER_H_MAX:g} is required")
    return found
