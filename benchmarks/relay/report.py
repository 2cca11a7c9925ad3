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
    cpu_ratios,
    latency_ratios,
    quartiles,
)

#: The setting that the top-level keys are taken from, if it was measured.
MAIN = ("plain", 100)
#: Ratios of CPU: key, to which yardstick, and whether without what comes later.
RATIOS = (
    ("ratio_cpu", "durable", False),
    ("ratio_cpu_carried", "durable", True),
    ("ratio_naive", "naive", False),
)
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
        "ratio_cpu_carried": _middle(main, "ratio_cpu_carried"),
        "daemon_us_per_message": _middle(main, "daemon", "server_us_per_message"),
        "daemon_later_us_per_message": _middle(main, "daemon", "later_us_per_message"),
        "messages_per_s": _middle(main, "daemon", "messages_per_s"),
        "taken_from": {"transport": main["transport"], "conversations": main["conversations"]},
        "required": {name: f"{sign} {bound}" for name, (sign, bound) in REQUIRED.items()},
        "void": [
            reason
            for each in settings
            for reason in (each["void"], *each["void_ratios"], each["void_latency"])
            if reason
        ],
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
        "void_ratios": [_named(measured, reason) for reason in measured.void_ratios.values()],
        "void_latency": _named(measured, measured.void_latency),
    }
    figures["rounds"] = {"loads": to_builtins(measured.loads), "latencies": to_builtins(measured.latencies)}
    if measured.void:
        return figures
    for name, loads in measured.loads.items():
        figures[name] = {
            "messages_per_s": _bounds([load.messages_per_s for load in loads]),
            "server_us_per_message": _bounds([load.server_us for load in loads]),
            "later_us_per_message": _bounds([load.later_us for load in loads]),
            "generator_us_per_message": _bounds([load.generator_us for load in loads]),
        }
    for name, yardstick, carried in RATIOS:
        if yardstick not in measured.void_ratios:
            figures[name] = _bounds(cpu_ratios(measured, yardstick, carried=carried))
    for name, latencies in measured.latencies.items():
        figures[name]["p50_ms"] = _bounds([latency.p50_ms for latency in latencies])
        figures[name]["p99_ms"] = _bounds([latency.p99_ms for latency in latencies])
    if measured.latencies and measured.void_latency is None:
        for what in ("p50", "p99"):
            figures[f"ratio_{what}"] = _bounds(latency_ratios(measured, f"{what}_ms"))
    return figures


def _named(measured: Measured, void: str | None) -> str | None:
    return void and f"{measured.transport} {measured.conversations}: {void}"


def _bounds(values: list[float]) -> dict[str, float]:
    lower, upper = quartiles(values)
    found = {"median": median(values), "lower": lower, "upper": upper, "min": min(values), "max": max(values)}
    return {what: round(value, 3) for what, value in found.items()}


def table(figures: Figures) -> str:
    """Return the figures for a person to read."""
    lines = []
    for setting in figures["settings"]:
        lines.append(f"\n{setting['transport']}, {setting['conversations']} conversations")
        if setting["void"]:
            lines.append(f"  VOID: {setting['void']}")
            continue
        lines.append(f"  {'':10}{'messages/s':>24}{'server us':>22}{'later us':>22}{'generator us':>22}")
        lines += [_row(name, setting[name]) for name in SERVERS]
        lines.append("  messages per CPU second, daemon / yardstick:")
        lines += [
            f"    {yardstick}{', without later' * carried}: {_spread(setting[name])}"
            for name, yardstick, carried in RATIOS
            if name in setting
        ]
        lines += [f"  VOID: {reason}" for reason in setting["void_ratios"]]
        if "p99_ms" in setting["durable"]:
            lines += _latency_rows(setting)
    lines.append("\nFrom {transport}, {conversations} conversations:".format(**figures["taken_from"]))
    lines += [_verdict(name, figures[name]) for name in REQUIRED]
    return "\n".join(lines)


def _row(name: str, server: Figures) -> str:
    rate = _spread(server["messages_per_s"], 0)
    cpu = _spread(server["server_us_per_message"], 1)
    later = _spread(server["later_us_per_message"], 1)
    own = _spread(server["generator_us_per_message"], 1)
    return f"  {name:10}{rate:>24}{cpu:>22}{later:>22}{own:>22}"


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
    """Return the median with the quartiles."""
    return "{median:.{d}f} ({lower:.{d}f}-{upper:.{d}f})".format(**values, d=digits)


def _verdict(name: str, value: float | None) -> str:
    if value is None:
        return f"  {name}: not known"
    sign, bound = REQUIRED[name]
    met = value >= bound if sign == ">=" else value <= bound
    return f"  {name}: {value} (required {sign} {bound}: {'met' if met else 'MISSED'})"
