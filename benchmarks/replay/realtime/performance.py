"""One replay in time: a desk for the source, the daemon, the players, and what came of it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.common import PASSWORD, DaemonProcess, password_hash
from benchmarks.replay import tickets
from benchmarks.replay.performance import STALLED_S, Actors, Kills
from benchmarks.replay.realtime.player import Plan, Report
from benchmarks.replay.realtime.script import Customer, Rules, scripted
from benchmarks.replay.realtime.sources import IRC, TWITTER, load_customers
from benchmarks.replay.realtime.verdict import judged, read_words

#: Conversations leave memory after so long, so that most of them do so several times.
PARK_AFTER_S = 1.0
#: The silence before which agents end, in seconds of the source.
QUIET_S = 600.0
#: How exactly a replay keeps time, in real seconds.
MARGIN_S = 2.0
#: How often to ask how many conversations are in memory.
LOOK_S = 1.0
IN_MEMORY = 'switchboard_actors{kind="conversation"}'
SETTINGS = f"""
[timing]
park_after_s = {PARK_AFTER_S}
[limits]
frames_per_second = 100000
frame_burst = 100000
"""
CHANNEL = """
[departments.{channel}]
name = "{channel}"
mode = "pull"
previous_agent = "never"
[channels.{channel}]
kind = "sms"
name = "{channel}"
gateway = "web"
department = "{channel}"
style = "{style}"
"""
AGENT = """
[agents.{agent}]
name = "{agent}"
password = "{hashed}"
capacity = 10000
departments = {departments}
"""


class Wanted(NamedTuple):
    """What kind of replay. ``longest_silence_s`` is in seconds of the source."""

    speed: float = 600.0
    style: str = "live_chat"
    longest_silence_s: float = 21_600.0
    files: int | None = None
    kills: int = 0
    seed: int = 1


def desk_text(customers: list[Customer], wanted: Wanted) -> str:
    """Return a desk with a channel and a department for each of the source's channels.

    Agents take conversations by hand, for the source says who answers. The style's times run as fast as the
    source's.
    """
    channels: dict[str, set[str]] = {}
    for customer in customers:
        channels.setdefault(customer.channel, set()).update(step.who for step in customer.steps if step.who)
    close_after_s = tickets.STYLES[wanted.style] / wanted.speed
    tables = [f'tenant = "acme"\n[styles.{wanted.style}]\nclose_after_s = {close_after_s}']
    departments: dict[str, list[str]] = {}
    for channel, agents in channels.items():
        tables.append(CHANNEL.format(channel=channel, style=wanted.style))
        for agent in agents:
            departments.setdefault(agent, []).append(channel)
    hashed = password_hash()
    for agent, served in sorted(departments.items()):
        tables.append(AGENT.format(agent=agent, hashed=hashed, departments=json.dumps(served)))
    return "\n".join([*tables, "[gateways.web]\n[consoles.desk]\n[policies]\ntext_length_max = 65536\n"])


def expected_tickets(folder: Path, wanted: Wanted) -> int:
    """Ask for the second opinion."""
    talks = (
        tickets.read_twitter(folder / TWITTER, wanted.files)
        if (folder / TWITTER).exists()
        else tickets.read_irc(folder / IRC, wanted.files)
    )
    return tickets.tickets(
        talks,
        QUIET_S,
        wanted.longest_silence_s,
        tickets.STYLES[wanted.style],
        MARGIN_S * wanted.speed,
    )


def perform(data: Path, wanted: Wanted, folder: Path) -> dict[str, Any]:
    """Replay, and return what was found; ``equal`` sums it up."""
    rules = Rules(QUIET_S, wanted.longest_silence_s, tickets.STYLES[wanted.style], MARGIN_S * wanted.speed)
    customers = scripted(load_customers(data, wanted.files), rules)
    words = sum(step.deed != "end" for customer in customers for step in customer.steps)
    daemon = DaemonProcess(folder, 1, 1, extra=SETTINGS)
    (folder / "desk.toml").write_text(desk_text(customers, wanted))
    daemon.start()
    agents = sorted({step.who for customer in customers for step in customer.steps if step.who})
    plan = Plan(customers, agents, daemon.gateways, daemon.consoles, PASSWORD, wanted.speed, PARK_AFTER_S)
    kills = Kills(wanted.kills, wanted.seed, words)
    in_memory_max, looked_at, patience_s = 0.0, 0.0, STALLED_S + wanted.longest_silence_s / wanted.speed
    try:
        began = time.monotonic()
        players = Actors(folder, plan, ("realtime.player",), Report)
        while not players.failed and players.listen(patience_s):
            if time.monotonic() - looked_at > LOOK_S:
                in_memory_max, looked_at = max(in_memory_max, daemon.metric(IN_MEMORY)), time.monotonic()
            if kills.due(players.progress):
                players.listen(kills.wait_s())
                kills.strike(daemon)
        seconds, stalled = time.monotonic() - began, players.at_work
        in_memory = daemon.metric(IN_MEMORY)
        report = players.finish()["realtime.player"]
        exit_code = daemon.stop()
    finally:
        if daemon.process is not None and daemon.process.poll() is None:
            daemon.kill()
    journal = read_words(daemon.journal)
    found = {
        "customers": len(customers),
        "agents": len(agents),
        "messages": words,
        "acknowledged": report.acknowledged,
        "tickets": len(journal.contacts),
        "tickets_expected": expected_tickets(data, wanted),
        **judged(customers, report, journal),
        "delivery_number_gaps": report.number_gaps,
        "sequence_gaps": journal.gaps,
        "in_memory_max": round(in_memory_max),
        "in_memory_at_end": round(in_memory),
        "unanswered": _unanswered(customers),
        "slept_and_returned": report.slept,
        "kills": len(kills.recovery_s),
        "recovery_s": kills.recovery_s,
        "epochs": journal.epochs,
        "duplicate_acks": report.duplicate_acks,
        "reconnects": max(0, report.connects - 2),
        "late_s_max": round(report.late_s, 3),
        "seconds": round(seconds, 1),
        "source_hours": round(max(each.steps[-1].at for each in customers) / 3600, 1),
        "problem": report.problem,
        "stalled": stalled,
        "daemon_exit_code": exit_code,
    }
    found["equal"] = _equal(found, wanted)
    return found


def _unanswered(customers: list[Customer]) -> int:
    """Count the customers whose last words nobody has answered, nor anything before: they wait to the end."""
    return sum(all(step.deed == "customer" for step in customer.steps) for customer in customers)


def _equal(found: dict[str, Any], wanted: Wanted) -> bool:
    """Say whether all is as it should be."""
    wrong = (
        *found["streams"].values(),
        *found["journal"].values(),
        found["messages"] - found["acknowledged"],
        found["tickets"] - found["tickets_expected"],
        found["delivery_number_gaps"],
        found["sequence_gaps"],
        found["kills"] - wanted.kills,
        found["problem"],
        found["stalled"],
        found["daemon_exit_code"],
    )
    return not any(wrong)
