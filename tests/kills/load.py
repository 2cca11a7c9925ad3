"""People who talk while the daemon is killed: customers without a pause, and an agent who answers some."""

from __future__ import annotations

import threading
import time
from collections import deque
from contextlib import suppress
from itertools import count
from random import Random
from typing import Any, NamedTuple

from protocol.errors import CommandRefused
from protocol.messages import Ack, Delivery
from protocol.news import CustomerSaid, OfferMade
from tests.plays.theatre import House

#: Each has one message on its way at a time, as the SDK keeps their order.
CONTACTS = [f"customer-{number}" for number in range(96)]
IN_FLIGHT = 192
#: How long an answer may take, kills and restarts included.
PATIENCE_S = 60.0
ANSWERED_SHARE = 0.05
#: How long the pump looks away when everything is on its way.
BREATH_S = 0.002


class Sent(NamedTuple):
    """A message without an answer yet."""

    contact: str
    text: str
    pending: Any


class Customers:
    """Write without a pause, and keep what was acknowledged: contact, text and acknowledgement, in order."""

    def __init__(self, house: House, chance: Random) -> None:
        self._gateway = house.gateway()
        self._chance = chance
        self._numbers = count(1)
        self._under_way: deque[Sent] = deque()
        self.sent: dict[str, list[str]] = {contact: [] for contact in CONTACTS}
        self.acknowledged: list[tuple[str, str, Ack]] = []
        self.hears = self._gateway.hears

    def write_until(self, moment: float) -> None:
        """Keep the daemon busy until then."""
        while time.monotonic() < moment:
            if len(self._under_way) >= IN_FLIGHT:
                self._take(min(BREATH_S, max(0.0, moment - time.monotonic())))
                continue
            contact = self._chance.choice(CONTACTS)
            text = f"{contact} says {next(self._numbers)}"
            pending = self._gateway.client.without_waiting.customer_message("web", contact, text)
            self._under_way.append(Sent(contact, text, pending))
            self.sent[contact].append(text)
            self._take(0.0)

    def _take(self, wait_s: float) -> None:
        """Take the answers that have come, the oldest first."""
        while self._under_way:
            oldest = self._under_way[0]
            try:
                ack = oldest.pending.result(wait_s)
            except TimeoutError:
                return
            self._under_way.popleft()
            self.acknowledged.append((oldest.contact, oldest.text, ack))
            wait_s = 0.0

    def finish(self) -> None:
        """Wait for the answers that are still to come."""
        while self._under_way:
            oldest = self._under_way.popleft()
            self.acknowledged.append((oldest.contact, oldest.text, oldest.pending.result(PATIENCE_S)))

    @property
    def numbers(self) -> list[int]:
        """The numbers of what came for the customers, in order."""
        return self.hears.numbers


class Agent:
    """Accepts all, answers some, in a thread of its own."""

    def __init__(self, house: House, name: str, chance: Random) -> None:
        self._agent = house.console().agent(name)
        self._chance = chance
        self.answers: list[str] = []
        self.error: BaseException | None = None
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        try:
            while not self._ends.is_set():
                try:
                    item = self._agent.ear.next(0.2)
                except AssertionError:
                    continue
                if isinstance(item, Delivery):
                    self._hear(item)
        except BaseException as error:
            self.error = error

    def _hear(self, item: Delivery) -> None:
        match item.news:
            case OfferMade():
                # It may have run out while the daemon was dead; then it comes again.
                with suppress(CommandRefused):
                    self._agent.accepts(item.news.offer)
            case CustomerSaid() if self._chance.random() < ANSWERED_SHARE:
                text = f"answer {len(self.answers) + 1}"
                with suppress(CommandRefused):
                    self._agent.says(item.conversation, text)
                    self.answers.append(text)

    def finish(self) -> None:
        """Let the agent go, when everything is said."""
        self._ends.set()
        self._thread.join(PATIENCE_S)

    @property
    def numbers(self) -> list[int]:
        """The numbers of what the agent was told, in order."""
        return self._agent.ear.numbers
