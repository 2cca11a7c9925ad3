"""From rounds to figures: medians with their bounds, ratios of one round to the same round of a yardstick."""

from __future__ import annotations

import os
import platform
from statistics import median
from typing import Any

from msgspec import to_builtins

from benchmarks.relay.rounds import (
    LATENCY_SERVERS,
    P99_RATIO_MAX,
    SERVERS,
    Measured,
    Plan,
    latency_ratios,
)

#: The setting that the top-level keys are taken from, if it was measured.
MAIN = ("plain", 100)
REQUIRED = {"ratio_cpu": (">=", 0.5), "ratio_naive": (">=", 0.5), "ratio_p99": ("<=", P99_RATIO_MAX)}

Figures = dict[str, Any]


def report(measured: list[Measured], plan: Plan) -> Figures:
    """Return everything that ``--json`` prints."""
    settings = [_setting(each) for each in measured]
    wanted = dict(zip(("transport", "conversations"), MAIN, strict=True))
    main = next((each for each in settings if wanted.items() <= each.items()), settings[0])
    return {
        "ratio_cpu": _middle(main, "ratio_cpu"),
        "ratio_naive": _middle(main, "ratio_naive"),
        "ratio_p99": _middle(main, "ratio_p99"),
        "daemon_us_per_message": _middle(main, "daemon", "server_us_per_message"),
        "messages_per_s": _middle(main, "daemon", "messages_per_s"),
        "taken_from": {"transport": main["transport"], "conversations": main["conversations"]},
        "required": {name: f"{sign} {bound}" for name, (sign, bound) in REQUIRED.items()},
        "void": [each[what] for each in settings for what in ("void", "void_latency") if each[what]],
        "rounds": plan.rounds,
        "messages_per_round": plan.messages,
        "window": plan.window,
        "machine": {"cpus": os.cpu_count(), "python": platform.python_version()},
        "settings": settings,
    }


def _middle(figures: Figures, *path: str) -> float | None:
    """Return a median deep in the figures; None where they are void."""
    for key in path:
        if key not in figures:
            return None
        figures = figures[key]
    found: float = figures["median"]
    return found


def _setting(measured: Measured) -> Figures:
    figures: Figures = {
        "transport": measured.transport,
        "conversations": measured.conversations,
        "void": _named(measured, measured.void),
        "void_latency": _named(measured, measured.void_latency),
    }
    figures["rounds"] = {"loads": to_builtins(measured.loads), "latencies": to_builtins(measured.latencies)}
    if measured.void:
        return figures
    for name, loads in measured.loads.items():
        figures[name] = {
            "messages_per_s": _bounds([load.messages_per_s for load in loads]),
            "server_us_per_message": _bounds([load.server_us for load in loads]),
            "generator_us_per_message": _bounds([load.generator_us for load in loads]),
        }
    figures["ratio_cpu"] = _ratio(measured, "durable")
    figures["ratio_naive"] = _ratio(measured, "naive")
    for name, latencies in measured.latencies.items():
        figures[name]["p50_ms"] = _bounds([latency.p50_ms for latency in latencies])
        figures[name]["p99_ms"] = _bounds([latency.p99_ms for latency in latencies])
    if measured.latencies and measured.void_latency is None:
        for what in ("p50", "p99"):
            figures[f"ratio_{what}"] = _bounds(latency_ratios(measured, f"{what}_ms"))
    return figures


def _named(measured: Measured, void: str | None) -> str | None:
    return void and f"{measured.transport} {measured.conversations}: {void}"


def _ratio(measured: Measured, yardstick: str) -> dict[str, float]:
    """Messages per second of server CPU: the daemon's over the yardstick's, round by round."""
    pairs = zip(measured.loads[yardstick], measured.loads["daemon"], strict=True)
    return _bounds([other.server_us / daemon.server_us for other, daemon in pairs])


def _bounds(values: list[float]) -> dict[str, float]:
    return {"median": round(median(values), 3), "min": round(min(values), 3), "max": round(max(values), 3)}


def table(figures: Figures) -> str:
    """Return the figures for a person to read."""
    lines = []
    for setting in figures["settings"]:
        lines.append(f"\n{setting['transport']}, {setting['conversations']} conversations")
        if setting["void"]:
            lines.append(f"  VOID: {setting['void']}")
            continue
        lines.append(f"  {'':10}{'messages/s':>24}{'server us':>22}{'generator us':>22}")
        lines += [_row(name, setting[name]) for name in SERVERS]
        lines += [
            f"  messages per CPU second, daemon / {name}: {_spread(setting[each])}"
            for name, each in (("durable", "ratio_cpu"), ("naive", "ratio_naive"))
        ]
        if "p99_ms" in setting["durable"]:
            lines += _latency_rows(setting)
    lines.append("\nFrom {transport}, {conversations} conversations:".format(**figures["taken_from"]))
    lines += [_verdict(name, figures[name]) for name in REQUIRED]
    return "\n".join(lines)


def _row(name: str, server: Figures) -> str:
    rate = _spread(server["messages_per_s"], 0)
    cpu = _spread(server["server_us_per_message"], 1)
    own = _spread(server["generator_us_per_message"], 1)
    return f"  {name:10}{rate:>24}{cpu:>22}{own:>22}"


def _latency_rows(setting: Figures) -> list[str]:
    rows = [
        f"  paced, {name}, ms: p50 {_spread(server['p50_ms'])}, p99 {_spread(server['p99_ms'])}"
        for name, server in ((name, setting[name]) for name in LATENCY_SERVERS)
    ]
    if setting["void_latency"]:
        return [*rows, f"  VOID: {setting['void_latency']}"]
    ratios = ", ".join(f"{what} {_spread(setting[f'ratio_{what}'])}" for what in ("p50", "p99"))
    return [*rows, f"  daemon / durable: {ratios}"]


def _spread(values: dict[str, float], digits: int = 2) -> str:
    return "{median:.{d}f} ({min:.{d}f}-{max:.{d}f})".format(**values, d=digits)


def _verdict(name: str, value: float | None) -> str:
    if value is None:
        return f"  {name}: not known"
    sign, bound = REQUIRED[name]
    met = value >= bound if sign == ">=" else value <= bound
    return f"  {name}: {value} (required {sign} {bound}: {'met' if met else 'MISSED'})"
