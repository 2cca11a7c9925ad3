"""The single figures, each taken in a process of its own."""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.conversations.house import House, contact
from benchmarks.conversations.process import resident_bytes, threads
from daemon.memory import settle_garbage_collector

#: Parked before memory is counted: by then SQLite's page cache (of one size, however many there are) is full.
WARM = 150_000
#: How many are woken, stopped or written to in one measurement, and how often it is repeated.
WAKES = 5_000
STOPS = 500
ROUNDS = 15
#: A round of messages takes some twentieths of a second; a median over many keeps the machine's noise out.
MESSAGE_ROUNDS = 45
MESSAGES = 4_000
MESSAGES_A_TURN = 50
SMALL = 1_000
#: More positions than the tables may be behind: after these the write-behind is in its steady state.
STEADY = 30_000

Result = dict[str, Any]


def live(folder: Path, number: int) -> Result:
    """Resident bytes of a live conversation, everything that comes with it included."""
    house = House(folder, number)
    house.start()
    house.move_in()
    settle_garbage_collector()
    before, threads_before = resident_bytes(), threads()
    house.fill(0, number, park=False)
    after = resident_bytes()
    assert house.live == number
    return {
        "live_bytes": round((after - before) / number),
        "resident_mb": round(after / 1e6, 1),
        "threads": [threads_before, threads()],
    }


def build(folder: Path, number: int) -> Result:
    """Build so many parked conversations by real events; what memory grew by meanwhile is theirs."""
    house = House(folder, number + SMALL)
    house.start()
    house.move_in()
    settle_garbage_collector()
    warm = min(WARM, number // 2)
    house.fill(0, warm, park=True)
    before, threads_before, began = resident_bytes(), threads(), time.monotonic()
    house.fill(warm, number - warm, park=True)
    seconds, after = time.monotonic() - began, resident_bytes()
    assert house.live == 0
    return {
        "parked_bytes": round((after - before) / (number - warm), 1),
        "resident_mb": round(after / 1e6, 1),
        "threads": [threads_before, threads()],
        "build_s": round(seconds, 1),
        "conversations_per_second": round((number - warm) / seconds),
        "journal_mb": round((folder / "journal.db").stat().st_size / 1e6),
    }


def start(folder: Path, number: int) -> Result:
    """Start where the builder was cut off, with a tail of the journal to replay."""
    house = House(folder, number + SMALL)
    found = house.start()
    return {
        "cold_start_s": round(found.opened + found.recovered + found.first_turn, 3),
        "open_s": round(found.opened, 3),
        "recover_s": round(found.recovered, 3),
        "first_turn_s": round(found.first_turn, 3),
        "replayed": found.replayed,
        "live_after": house.live,
        "resident_mb": round(resident_bytes() / 1e6, 1),
    }


def wake(folder: Path, number: int) -> Result:
    """Wake parked conversations, each by its customer's message in a turn of its own."""
    house = House(folder, number + SMALL)
    house.start()
    house.log_in()
    house.park_all()
    settle_garbage_collector()
    chosen = random.Random(1).sample(range(number), min(2 * WAKES, number // 2))
    handled, whole = [], []
    for each in chosen:
        told, before = house.customer_writes(contact(each)), len(house.system.actors)
        began = time.perf_counter()
        house.handle(told)
        ran = time.perf_counter()
        house.commit()
        handled.append(ran - began)
        whole.append(time.perf_counter() - began)
        assert len(house.system.actors) == before + 1
    warm = len(chosen) // 2
    return {
        "wake_p99_ms": percentile(handled[warm:], 99),
        "wake_p50_ms": percentile(handled[warm:], 50),
        "wake_first_p99_ms": percentile(handled[:warm], 99),
        "wake_with_commit_p99_ms": percentile(whole[warm:], 99),
        "wake_max_ms": percentile(handled[warm:], 100),
    }


def percentile(seconds: list[float], share: int) -> float:
    """Return a percentile in milliseconds."""
    ordered = sorted(seconds)
    return round(ordered[min(len(ordered) - 1, len(ordered) * share // 100)] * 1000, 3)


def stop(folder: Path, number: int) -> Result:
    """Look an actor up, and stop it: CPU for each, among a thousand and among many.

    Stopped as the daemon stops them: found idle, frozen, committed, dropped. Others take their place.
    """
    houses = {SMALL: House(folder / "small", SMALL), number: House(folder / "large", number)}
    for size, house in houses.items():
        house.start()
        house.move_in()
        house.fill(0, size, park=False)
    settle_garbage_collector()
    costs: dict[int, list[float]] = {size: [] for size in houses}
    lookups: dict[int, list[float]] = {size: [] for size in houses}
    for place in range(ROUNDS):
        for size, house in houses.items():
            lookups[size].append(_look_up(house, place))
            costs[size].append(_stop(house))
            house.fill(size + place * STOPS, STOPS, park=False)
            assert house.live == size
    return _grown(costs, "stop") | _grown(lookups, "look_up")


def _look_up(house: House, seed: int) -> float:
    actors = house.system.actors
    chosen = random.Random(seed).sample(list(actors), STOPS)
    began = time.process_time_ns()
    for address in chosen:
        assert actors[address] is not None
    return (time.process_time_ns() - began) / STOPS / 1000


def _stop(house: House) -> float:
    system, stopped, before = house.system, 0, house.live
    began = time.process_time_ns()
    house.handle()
    while stopped < STOPS:
        stopped += system.park_idle(system.now, STOPS - stopped)
    house.commit()
    spent = time.process_time_ns() - began
    assert house.live == before - STOPS
    return spent / STOPS / 1000


def message(folder: Path, number: int) -> Result:
    """CPU of a customer's message to one of a thousand live conversations, alone and with so many parked.

    The desk is the same, agent for agent: fifty messages to a hundred agents are more deliveries than to two,
    and that is a matter of agents, not of conversations.
    """
    small, large = House(folder / "small", number + SMALL), House(folder, number + SMALL)
    small.start()
    small.move_in()
    large.start()
    large.log_in()
    large.park_all()
    houses = {SMALL: small, number: large}
    for house in houses.values():
        house.fill(number, SMALL, park=False)
        assert house.live == SMALL
    settle_garbage_collector()
    for house in houses.values():
        _write(house, number, STEADY)
    costs: dict[int, list[float]] = {size: [] for size in houses}
    for place in range(MESSAGE_ROUNDS):
        order = list(houses) if place % 2 else list(reversed(houses))
        for size in order:
            costs[size].append(_write(houses[size], number, MESSAGES))
    return _grown(costs, "message")


def _write(house: House, first: int, number: int) -> float:
    chance = random.Random(number)
    told = [house.customer_writes(contact(first + chance.randrange(SMALL))) for _ in range(number)]
    began = time.process_time_ns()
    for place in range(0, number, MESSAGES_A_TURN):
        house.turn(*told[place : place + MESSAGES_A_TURN])
    return (time.process_time_ns() - began) / number / 1000


def _grown(costs: dict[int, list[float]], name: str) -> Result:
    """The growth is the median over rounds of one round's quotient: noise of the machine hits both alike.

    What comes in few of the rounds, as the auditor does, is seen in the growth of all of them together.
    """
    (_, few), (_, many) = costs.items()
    quotients = [large / small for small, large in zip(few, many, strict=True)]
    return {
        f"{name}_cost_growth": round(statistics.median(quotients), 3),
        f"{name}_cost_growth_quartiles": [round(each, 3) for each in statistics.quantiles(quotients, n=4)],
        f"{name}_cost_growth_in_all": round(sum(many) / sum(few), 3),
        f"{name}_us": {str(size): round(statistics.median(each), 2) for size, each in costs.items()},
    }


FIGURES = {each.__name__: each for each in (live, build, start, wake, stop, message)}


def main() -> None:
    """Take one figure and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("figure", choices=FIGURES)
    parser.add_argument("folder", type=Path)
    parser.add_argument("number", type=int)
    options = parser.parse_args()
    json.dump(FIGURES[options.figure](options.folder, options.number), sys.stdout)
    sys.stdout.flush()
    # No goodbye to the store, so that the next start has a tail of the journal to replay, as after a crash.
    os._exit(0)


if __name__ == "__main__":
    main()
