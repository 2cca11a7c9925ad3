"""Peers: the SDK's machine (``protocol/client/machine.py``) over a simulated link, as its driver runs it."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

from protocol.client import events as happened
from protocol.client.events import (
    AgentLost,
    Answered,
    Delivered,
    Event,
    Failed,
    GapFound,
    HistoryChanged,
    SnapshotTaken,
    Stopped,
    StreamEnded,
)
from protocol.client.link import Link as LinkState
from protocol.client.machine import ClientMachine
from protocol.identifiers import CommandIds
from protocol.messages import VERSION, Delivery, Hello, LoggedIn, Snapshot
from tests.simulation.carriers import Carrier, report_of
from tests.simulation.checking import Checkers, Violation
from tests.simulation.links import Link, Network
from tests.simulation.minds import Mind
from tests.simulation.shop import Shop

#: A deadline that has come just now is looked at a moment later, as the driver does.
TICK_S = 0.001


class Peer:
    """A client process: a machine, its link, and what it was told."""

    role = ""

    def __init__(self, network: Network, checkers: Checkers, chance: Random, name: str) -> None:
        self.network = network
        self.checkers = checkers
        self.chance = chance
        self.name = name
        self.scheduler = network.scheduler
        self.ids = CommandIds(lambda: int(self.scheduler.now() * 1000), chance.randbytes)
        #: The consumer's finished-with is told late by such a peer.
        self.slow = chance.random() < 0.3
        self.link: Link | None = None
        self._attempt = 0
        self._timer_at: float | None = None
        #: How often it was started.
        self.lives = 0
        self.begin()

    def begin(self) -> None:
        """Start the client process: a new machine."""
        self.lives += 1
        hello = Hello(VERSION, self.role, "simulation", self.name)
        self.machine = ClientMachine(hello, self.ids, self.chance.random)
        #: By stream: the number that is next here.
        self.wanted: dict[str, int] = {}

    def dies(self) -> None:
        """The client process is killed; its operating system ends the connection."""
        if self.link is not None:
            self.link.close(what_was_sent_arrives=self.chance.random() < 0.5)
            self.link = None
        self._attempt = 0
        self._timer_at = None

    # The link.

    def connected(self, link: Link) -> None:
        """The connection is made."""
        if link is self.link:
            self.machine.connected(self.scheduler.now())
            self.step()

    def received(self, link: Link, frame: bytes) -> None:
        """A frame has come."""
        if link is self.link:
            self.machine.received(frame, self.scheduler.now())
            self.step()

    def lost(self, link: Link, why: str) -> None:
        """The connection is over."""
        if link is self.link:
            self.machine.lost(self.scheduler.now(), why)
            self.step()

    # The driver's turn.

    def step(self) -> None:
        """Do what the driver does in a turn."""
        now = self.scheduler.now()
        machine = self.machine
        machine.tick(now)
        while happenings := machine.events():
            for event in happenings:
                self.hear(event)
        state = machine.link
        if self.link is not None and (state is LinkState.WAITING or self._attempt != machine.attempt):
            self.link.close(what_was_sent_arrives=self.chance.random() < 0.5)
            self.link = None
        if state is LinkState.CONNECTING and self.link is None:
            self._attempt = machine.attempt
            self.link = self.network.open(self, self.role)
        if self.link is not None:
            for frame in machine.frames(now):
                self.link.to_daemon(frame)
        self._wake_at(machine.deadline, now)

    def _wake_at(self, deadline: float | None, now: float) -> None:
        if deadline is not None and deadline != float("inf"):
            due = max(deadline, now + TICK_S)
            if self._timer_at is None or not now < self._timer_at <= due:
                self._timer_at = due
                self.scheduler.at(due, self._tick, due)

    def _tick(self, due: float) -> None:
        if due == self._timer_at:
            self._timer_at = None
            deadline = self.machine.deadline
            if deadline is not None and deadline > due:
                # What it was set for has come meanwhile.
                self._wake_at(deadline, due)
            else:
                self.step()

    # What is heard.

    def hear(self, event: Event) -> None:
        """Take in what the machine tells its user."""
        match event:
            case Delivered():
                self._take(event)
            case Answered():
                self.outcome(event.id, event.answer, "")
            case Failed():
                self.outcome(event.id, None, event.code)
            case GapFound() | HistoryChanged():
                raise Violation("I4", f"{self.name} was told {event}, and nothing was thrown away")
            case Stopped():
                raise Violation("I17", f"{self.name} was told to stop: {event}")
            case happened.Disconnected() if "hole" in event.why and not (self.link and self.link.worn):
                raise Violation("I4", f"{self.name}: {event.why}")
            case _:
                pass

    def _take(self, event: Delivered) -> None:
        stream, number = event.stream, event.delivery.number
        wanted = self.wanted.get(stream, number)
        self.checkers.delivered(self.name, stream, number, wanted, event.delivery)
        self.wanted[stream] = number + 1
        self.hear_delivery(event.delivery)
        if self.slow and self.chance.random() < 0.5:
            late_s = 3 * self.chance.random()
            self.scheduler.later(late_s, self._finish, self.machine, stream, number, event.history)
        else:
            self.machine.finished(stream, number, event.history, self.scheduler.now())

    def _finish(self, machine: ClientMachine, stream: str, number: int, history: int) -> None:
        if machine is self.machine:
            machine.finished(stream, number, history, self.scheduler.now())
            self.step()

    def hear_delivery(self, delivery: Delivery) -> None:
        """Take in news."""

    def outcome(self, ident: bytes, answer: Any, code: str) -> None:
        """Take in what became of a request."""

    @property
    def repeats(self) -> bool:
        """True when the connection repeats single frames, which none of ZeroMQ's does."""
        return self.link is not None and self.link.up.wear[1] > 0

    @property
    def quiet(self) -> bool:
        """True when it is connected and waits for nothing."""
        return self.machine.link is LinkState.OPEN and not self.machine.waiting


class Gateway(Peer):
    """Carries customers' messages. What it has taken on survives its own death, as a good gateway's does."""

    role = "gateway"

    def __init__(
        self, network: Network, checkers: Checkers, chance: Random, name: str, channels: list[str], shop: Shop
    ) -> None:
        self.channels = channels
        #: The channels whose messages are followed on their way to the customer.
        self._followed = {channel for channel in channels if shop.receipts.get(channel, "none") != "none"}
        self._carrier = Carrier(network.scheduler, chance, self._reports)
        #: Without an answer, in order.
        self.pending: dict[bytes, Any] = {}
        #: By stream: up to where it has got everything, over all its lives.
        self.got: dict[str, int] = {}
        #: By stream and number: in how many lives it was handed on to the customer.
        self.handed: Counter[tuple[str, int]] = Counter()
        super().__init__(network, checkers, chance, name)

    def begin(self) -> None:
        """Start again: every command without an answer again, every stream where the daemon left off."""
        super().begin()
        for channel in self.channels:
            self.machine.subscribe(self.ids(), f"channel/{channel}", window=self.chance.choice((4, 64)))
        for command in self.pending.values():
            self.machine.command(command)

    def says(self, command: Any) -> None:
        """Take a customer's message on."""
        self.checkers.sent(f"gateway/{self.name}", command, self.name)
        self.pending[command.id] = command
        self.machine.command(command)
        self.step()

    def outcome(self, ident: bytes, answer: Any, code: str) -> None:
        """Take in what became of a request."""
        if self.pending.pop(ident, None) is None:
            return
        sender = f"gateway/{self.name}"
        if answer is not None:
            self.checkers.answered(sender, ident, answer)
        else:
            self.checkers.failed(sender, ident, code, repeats=self.repeats)

    def _take(self, event: Delivered) -> None:
        stream, number = event.stream, event.delivery.number
        got = self.got.get(stream, 0)
        if number > got + 1:
            raise Violation("I4", f"{self.name} has got {got} of {stream}, and then {number}")
        self.got[stream] = max(got, number)
        self.handed[stream, number] += 1
        super()._take(event)
        channel = stream.partition("/")[2]
        if number > got and channel in self._followed:
            self._carrier.given(channel, event.delivery)

    def _reports(self, *what: Any) -> None:
        self.says(report_of(self.ids(), *what))


class Console(Peer):
    """Carries agents' sessions."""

    role = "console"

    def begin(self) -> None:
        """Start again: nobody is logged in here."""
        super().begin()
        self.minds: dict[str, Mind] = {}
        self._logins: dict[bytes, str] = {}
        #: Commands without an answer, with their agents.
        self.pending: dict[bytes, str] = {}

    def dies(self) -> None:
        """Nobody waits for the answers any more."""
        for ident, agent in self.pending.items():
            self.checkers.abandoned(f"agent/{agent}", ident)
        super().dies()

    def logs_in(self, agent: str) -> None:
        """Somebody types a password."""
        ident = self.ids()
        self._logins[ident] = agent
        self.minds[agent] = Mind(agent)
        self.machine.login(ident, agent, "right")
        self.step()

    def says(self, command: Any) -> None:
        """An agent commands, or asks."""
        self.checkers.sent(f"agent/{command.agent}", command, f"{self.name} {self.lives}")
        self.pending[command.id] = command.agent
        self.machine.command(command)
        self.step()

    def waits(self, agent: str) -> bool:
        """True while a command of the agent has no answer."""
        return agent in self.pending.values()

    def hear(self, event: Event) -> None:
        """Take in what the machine tells its user."""
        match event:
            case SnapshotTaken():
                self._restart(event.stream, event.snapshot)
            case AgentLost():
                self._gone(event.agent)
            case StreamEnded():
                self._gone(event.stream.partition("/")[2])
            case _:
                super().hear(event)

    def _gone(self, agent: str) -> None:
        self.minds.pop(agent, None)
        self.wanted.pop(f"agent/{agent}", None)

    def _restart(self, stream: str, snapshot: Snapshot) -> None:
        mind = self.minds.get(stream.partition("/")[2])
        self.wanted[stream] = snapshot.number + 1
        self.checkers.snapshot_taken(self.name, stream, snapshot.number)
        if mind is not None:
            mind.restart(snapshot)

    def hear_delivery(self, delivery: Delivery) -> None:
        """Take in news."""
        mind = self.minds.get(delivery.stream.partition("/")[2])
        if mind is not None:
            mind.hear(delivery)

    def outcome(self, ident: bytes, answer: Any, code: str) -> None:
        """Take in what became of a request."""
        agent = self.pending.pop(ident, None)
        if agent is not None:
            if answer is not None:
                self.checkers.answered(f"agent/{agent}", ident, answer)
            else:
                self.checkers.failed(f"agent/{agent}", ident, code, repeats=self.repeats)
            return
        login = self._logins.pop(ident, None)
        if login is None:
            return
        if isinstance(answer, LoggedIn):
            self.machine.subscribe(self.ids(), f"agent/{login}", window=self.chance.choice((2, 64)))
        else:
            self._gone(login)
