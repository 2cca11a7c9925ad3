"""One play from one seed: a safety phase with faults, then a liveness phase without."""

from __future__ import annotations

import gc
import time
import traceback
from functools import cache
from random import Random
from typing import Any, NamedTuple

import pytest

from actors import events, mailbox, runtime
from actors.customer.naming import channel_names
from actors.dispatcher import auditor
from actors.journal import JournalDamaged
from config.sections import Limits, Timing
from daemon import hub
from protocol.client import machine
from protocol.codec import client_codec, daemon_codec
from tests.actors.small import parse_desks_once, small_steps
from tests.simulation.checking import Checkers, Violation, violated
from tests.simulation.faults import Faults
from tests.simulation.links import Network
from tests.simulation.peers import Console, Gateway, Peer
from tests.simulation.people import People, describe
from tests.simulation.process import Process
from tests.simulation.scheduler import START, Scheduler
from tests.simulation.shop import CONSOLES, GATEWAYS, WEIGHTS, Shop
from tests.simulation.storage import SimulatedStore

#: How many things people do in a play, and how long they take on average between two of them.
OPERATIONS = 500
BETWEEN_S = 8.0
#: How many of them are done in the same moment as the one before.
TOGETHER = 0.65
#: How long everybody has to finish when the faults have stopped (I9).
LIVENESS_S = 900.0
#: How often everybody looks whether there is something to do then.
PART_S = 2.0
#: A play lasts so long for each operation at least: an hour for all that are usual.
OPERATION_S_MIN = 7.2
client_codec_once, daemon_codec_once = cache(client_codec), cache(daemon_codec)


class Result(NamedTuple):
    """What came of a play. ``hash`` is the journal's last; ``story`` has (seconds, who, what)."""

    seed: int
    violation: Violation | None
    operations: int
    simulated_s: float
    cpu_s: float
    hash: str
    events: int
    lives: int
    #: How many operations were asked for; a violation may have come before.
    asked: int
    #: What is told is a text, an event or a command: only ``in_brief`` makes it one, when somebody reads it.
    story: list[tuple[float, str, Any]]


class Play:
    """Everything in it, built from a seed."""

    def __init__(self, seed: int, operations: int) -> None:
        self.seed = seed
        self.operations = operations
        self.done = 0
        self.story: list[tuple[float, str, Any]] = []
        self.chance = Random(f"{seed} play")
        self.scheduler = Scheduler(Random(f"{seed} order"))
        self.network = Network(self.scheduler, Random(f"{seed} network"))
        self.store = SimulatedStore()
        self.shop = Shop(self.chance)
        self.checkers = Checkers(WEIGHTS, self.shop.windowed)
        heartbeat_s = self.chance.choice((40, 80))
        window, frames = self.chance.choice((3, 16, 256)), self.chance.choice((3, 512))
        self.process = Process(
            self.scheduler,
            self.network,
            self.store,
            self,
            Timing(heartbeat_s=heartbeat_s, lease_s=2.5 * heartbeat_s),
            Limits(window=window, drain_frames=frames),
            self.chance.choice((20.0, 200.0, 600.0)),
            Random(f"{seed} turns"),
        )
        peers = Random(f"{seed} peers")
        self.gateways = {
            name: Gateway(self.network, self.checkers, peers, name, channels, self.shop)
            for name, channels in GATEWAYS.items()
        }
        self.consoles = {name: Console(self.network, self.checkers, peers, name) for name in CONSOLES}
        self.peers: list[Peer] = [*self.gateways.values(), *self.consoles.values()]
        self.people = People(Random(f"{seed} people"), self.gateways, self.consoles, self.note)
        self.faults = Faults(
            Random(f"{seed} faults"), self.network, self.process, self.peers, self.shop, self.note
        )

    # What the process tells.

    def note(self, who: str, what: Any) -> None:
        """Something worth telling has happened."""
        self.story.append((self.scheduler.now() - START, who, what))

    def started(self, process: Process) -> None:
        """The process has come back."""
        self.checkers.restarted(process)
        self.note("daemon", f"starts, life {process.lives}, at position {process.system.head}")

    def died(self) -> None:
        """Somebody will have to start it again."""
        self.faults.process_died()

    def turned(self, process: Process) -> None:
        """A turn is over: the desk in force may be another, and everything is checked."""
        desk = process.system.desks["acme"]
        if desk is not self.checkers.desk:
            self.checkers.desk = desk
            # What a channel is called does not change with the desks of a play.
            self.checkers.oracle.names = self.checkers.oracle.names or channel_names(desk)
        before = len(self.checkers.oracle.entries)
        try:
            self.checkers.turned(process)
        finally:
            for entry in self.checkers.oracle.entries[before:]:
                self.story.append((entry.at - START, entry.id or entry.kind, entry.event))

    # The phases.

    def run(self) -> None:
        """Play it. Raises Violation."""
        self._open_the_shop()
        self.faults.begin()
        self._act()
        self.scheduler.run(self._all_is_acted, float("inf"))
        self.note("play", "faults stop; everybody does their part")
        self.faults.stop()
        self._do_your_part()
        if not self.scheduler.run(self._all_is_done, self.scheduler.now() + LIVENESS_S):
            raise Violation("I9", self._what_is_left())
        self.checkers.finished(self.process)
        for gateway in self.gateways.values():
            streams = [f"channel/{channel}" for channel in gateway.channels]
            self.checkers.handed(gateway.name, gateway.lives, gateway.handed, streams)

    def _open_the_shop(self) -> None:
        self.process.start()
        self.process.applies(self.shop.text(self.chance.choice((2, 3, 4))))
        self.scheduler.run(lambda: "acme" in self.process.system.desks, START + 10)
        for peer in self.peers:
            peer.step()
        for name, agents in CONSOLES.items():
            for agent in agents:
                self.consoles[name].logs_in(agent)

    def _act(self) -> None:
        if self.done < self.operations:
            self.people.act()
            self.done += 1
            together = self.chance.random() < TOGETHER
            wait_s = 0.0 if together else self.chance.expovariate((1 - TOGETHER) / BETWEEN_S)
            self.scheduler.later(wait_s, self._act)

    def _all_is_acted(self) -> bool:
        if self.done < self.operations:
            return False
        return self.scheduler.now() >= START + OPERATION_S_MIN * self.operations

    def _do_your_part(self) -> None:
        if not self._all_is_done():
            self.people.do_your_part()
            self.scheduler.later(PART_S, self._do_your_part)

    def _all_is_done(self) -> bool:
        if self.checkers.living.alive or not all(peer.quiet for peer in self.peers):
            return False
        return not any(self._behind())

    def _behind(self) -> list[str]:
        """Return the consumers that have not got everything."""
        mail = self.checkers.oracle.mail
        behind = [
            f"{gateway.name} of channel/{channel}"
            for gateway in self.gateways.values()
            for channel in gateway.channels
            if gateway.got.get(f"channel/{channel}", 0) < len(mail.get(f"channel/{channel}", ()))
        ]
        return behind + [
            f"{console.name} of agent/{agent}"
            for console in self.consoles.values()
            for agent in console.minds
            if console.wanted.get(f"agent/{agent}", 1) <= len(mail.get(f"agent/{agent}", ()))
        ]

    def _what_is_left(self) -> str:
        waiting = {peer.name: peer.machine.waiting for peer in self.peers if not peer.quiet}
        talks = {ident: thread.status for ident, thread in self.checkers.living.alive.items()}
        return f"not finished: conversations {talks}, peers {waiting}, behind {self._behind()}"


def in_brief(told: Any) -> str:
    """Return a part of a story to be read: a text as it is, what somebody does, or what has happened."""
    if isinstance(told, str):
        return told
    return _event_in_brief(told) if isinstance(told, events.AnyEvent) else describe(told)


def _event_in_brief(event: Any) -> str:
    kept = ("agent", "offer", "department", "reason", "how", "by", "presence", "outcome", "kind")
    facts = [f"{name} {value}" for name in kept if (value := getattr(event, name, ""))]
    if isinstance(event, events.CustomerWrote | events.AgentWrote):
        facts.append(event.content.text)
    return f"• {type(event).__name__} {', '.join(facts)}"


def play(seed: int, operations: int = OPERATIONS) -> Result:
    """Play a seed, and say what came of it; what that takes is counted with what it takes to clear away."""
    began = time.process_time()
    # What a play makes lives as long as it does: to look through it again and again finds nothing. It is
    # young altogether when it is over, so that one look at what is young finds all that it has left.
    collecting = gc.isenabled()
    gc.disable()
    try:
        result = _played(seed, operations)
    finally:
        if collecting:
            gc.enable()
    gc.collect(0)
    return result._replace(cpu_s=time.process_time() - began)


def _played(seed: int, operations: int) -> Result:
    violation: Violation | None = None
    with pytest.MonkeyPatch.context() as patch:
        parse_desks_once(patch)
        chance = Random(f"{seed} steps")
        small_steps(patch, chance.choice((0, 1, 10, 200, 20_000)), chance.choice((1, 2, 32)))
        # Making a codec takes milliseconds, and a play has a hundred connections.
        patch.setattr(hub, "client_codec", client_codec_once)
        patch.setattr(machine, "daemon_codec", daemon_codec_once)
        patch.setattr(mailbox, "RECENT", 8)
        patch.setattr(mailbox, "CROWDED", 16)
        patch.setattr(runtime, "CROWDED", 16)
        patch.setattr(auditor, "ROUND_S", chance.choice((60.0, 300.0, 900.0)))
        it = Play(seed, operations)
        try:
            it.run()
        except Violation as found:
            violation = found
        except AssertionError as error:
            violation = violated(error)
        except JournalDamaged as error:
            violation = Violation("I12" if "epoch" in str(error) else "I3", str(error))
        except Exception as error:  # Whatever the daemon did not survive.
            where = traceback.format_exc().splitlines()[-14:]
            it.story += [(it.scheduler.now() - START, "daemon", line) for line in where]
            violation = Violation("G14", f"the daemon has fallen over: {error!r}")
        finally:
            it.process.close()
    journal = it.store.record_at(len(it.checkers.oracle.entries))
    return Result(
        seed,
        violation,
        it.done,
        it.scheduler.now() - START,
        0.0,
        journal.hash.hex() if journal is not None else "",
        len(it.checkers.oracle.entries),
        it.process.lives,
        operations,
        it.story,
    )


def shortest(seed: int, failing: Result) -> Result:
    """Return the failing play with the fewest operations, by halving; each play begins as the whole does."""
    low, best = 0, failing
    while low < best.asked:
        middle = (low + best.asked) // 2
        found = play(seed, middle)
        if found.violation is None:
            low = middle + 1
        else:
            best = found
    return best
