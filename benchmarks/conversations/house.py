"""The production runtime on the production store, in this process, without sockets: full of conversations.

Wired as daemon/bootstrap.py wires it, with its collector settings; every turn is a real commit. Time passes
for a house only while it works, by its own processor time: what comes by the clock, such as the auditor's
steps, then has the share that it has in a daemon with a core to itself, however busy the machine is.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from actors.agent.machine import SessionOpened
from actors.dispatcher.actor import ApplyDesk
from actors.journal import Address
from actors.runtime import System
from actors.telling import Told
from benchmarks.common import desk_text
from config.desk import desk_digest
from daemon.bootstrap import KINDS
from daemon.identifiers import Identifiers
from daemon.stores.sqlite import SQLiteStore
from protocol.content import Text
from protocol.messages import Accept, Ack, CustomerMessage

TENANT = "acme"
CHANNEL: Address = ("channel", TENANT, "web")
DISPATCHER: Address = ("dispatcher", TENANT, "")
#: What one agent may have at most (config/desk.py).
CAPACITY = 10_000
#: New customers in one turn.
NEWCOMERS = 1_000
#: Nobody counts as gone between two measurements on the same journal.
POLICIES = "[policies]\ngrace_s = 86400\n"
TEXT = "Good morning. My parcel should have come on Monday, and I still have not got it. What now?"


class LoudFailures:
    """A handler that raises ends the measurement."""

    def actor_failed(self, address: Address, message: object, error: BaseException) -> None:
        """Raise what the handler has raised."""
        raise error


class Found(NamedTuple):
    """How long a start took, in seconds."""

    opened: float
    recovered: float
    first_turn: float
    replayed: int


class House:
    """One tenant with as many agents as so many conversations need."""

    def __init__(self, folder: Path, conversations: int) -> None:
        self._store = SQLiteStore(folder / "journal.db")
        self.system = System(self._store, KINDS, LoudFailures(), Identifiers().make)
        self.agents = [f"a{number}" for number in range(1, conversations // CAPACITY + 3)]
        self._commands = count(time.time_ns())
        self._now = 0.0

    def start(self) -> Found:
        """Open the store, recover, run the first turn; say how long each took."""
        began = time.perf_counter()
        opened = self._store.open()
        at_open = time.perf_counter()
        self._now = time.time()
        replayed = self.system.recover(opened, self._now)
        at_recovered = time.perf_counter()
        self.turn()
        return Found(at_open - began, at_recovered - at_open, time.perf_counter() - at_recovered, replayed)

    def move_in(self) -> None:
        """Bring the desk into force and have every agent log in."""
        text = desk_text(len(self.agents), CAPACITY) + POLICIES
        self.turn((DISPATCHER, ApplyDesk(text, desk_digest(text), "file", [])))
        self.log_in()

    def log_in(self) -> None:
        """Have every agent log in, or come back after a start."""
        self.turn(*((("agent", TENANT, agent), SessionOpened()) for agent in self.agents))

    def turn(self, *told: tuple[Address, Any]) -> list[Any]:
        """Run one turn with a real commit; return the replies. Every consumer receives at once."""
        self.handle(*told)
        return self.commit()

    def handle(self, *told: tuple[Address, Any]) -> None:
        """The first half of a turn: tell and run."""
        with self._at_work() as system:
            system.begin(self._now)
            for address, message in told:
                system.tell(address, message)
            system.fire_timers()
            system.run()

    def commit(self) -> list[Any]:
        """The second half: seal, commit, release."""
        with self._at_work() as system:
            batch = system.seal()
            if batch is not None:
                self._store.commit(batch)
            replies, mailboxes = system.release(batch)
            for mailbox in dict.fromkeys(mailboxes):
                system.received(mailbox, mailbox.last)
        return [message for _, message in replies]

    @contextmanager
    def _at_work(self) -> Iterator[System]:
        """Let the house's time pass."""
        began = time.process_time()
        yield self.system
        self._now += time.process_time() - began

    def _id(self) -> bytes:
        return next(self._commands).to_bytes(16, "big")

    def customer_writes(self, contact: str) -> tuple[Address, Told]:
        """Return what a customer's message tells the channel."""
        return CHANNEL, Told(
            CustomerMessage(self._id(), "web", contact, Text(TEXT)), TENANT, "gateway/web", 1
        )

    def welcome(self, contacts: list[str]) -> list[str]:
        """Let new customers write and have them accepted; return the ids of their conversations."""
        acks = self.turn(*(self.customer_writes(contact) for contact in contacts))
        conversations = [ack.conversation for ack in acks if type(ack) is Ack]
        accepted = self.turn(*(self._accept(conversation) for conversation in conversations))
        good = sum(type(answer) is Ack for answer in accepted)
        assert good == len(conversations) == len(contacts), f"{good} of {len(contacts)} were accepted"
        return conversations

    def _accept(self, conversation: str) -> tuple[Address, Told]:
        address = ("conversation", TENANT, conversation)
        offer = self.system.actors[address].state.offer  # type: ignore[attr-defined]
        message = Accept(self._id(), offer.agent, conversation, offer.offer)
        return address, Told(message, TENANT, f"agent/{offer.agent}", 1)

    def fill(self, first: int, number: int, *, park: bool) -> None:
        """Let so many new customers come, a thousand a turn; with ``park`` they leave memory at once.

        Nothing is kept of them here: a list of ids was most of what a parked conversation seemed to cost.
        """
        for batch in batches(first, first + number):
            self.welcome(batch)
            if park:
                self.park_all()

    def park_all(self) -> None:
        """Let every conversation leave memory that may."""
        with self._at_work() as system:
            system.begin(self._now)
            system.run()
            system.park_idle(system.now, 1 << 40)
            system.run()
        self.commit()

    @property
    def live(self) -> int:
        """How many conversations are in memory."""
        return sum(address[0] == "conversation" for address in self.system.actors)


def contact(number: int) -> str:
    """Return the contact of a customer: as long as a provider's are."""
    return f"oAbCdEfGhIjKlMnOp{number:011d}"


def batches(first: int, last: int) -> Iterator[list[str]]:
    """Return the contacts from ``first`` up to ``last``, a turn's worth at a time."""
    for start in range(first, last, NEWCOMERS):
        yield [contact(number) for number in range(start, min(start + NEWCOMERS, last))]
