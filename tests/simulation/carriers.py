"""What a gateway does with a message for a customer, and what it reports of it (G6): as the seed says."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random

from protocol.channels import DeliveryReport
from protocol.messages import Delivery
from protocol.news import AgentSaid
from protocol.teamwork import AutomaticReply
from tests.simulation.scheduler import Scheduler

#: What becomes of a message, and how often: what is reported of it, one after the other. Some gateways say
#: things twice, or in no order, and some nothing at all.
FATES = {
    ("sent", "delivered", "read"): 40,
    ("sent", "delivered"): 10,
    ("delivered", "sent"): 5,
    ("sent", "sent", "read", "delivered"): 5,
    ("retry",): 30,
    ("retry", "sent"): 2,
    ("sent", "failed"): 5,
    ("failed", "sent"): 5,
    (): 10,
}
#: How long it takes to know each of them.
BETWEEN_S = (0.0, 0.1, 2.0, 30.0)
#: When a message may be given again at the earliest; 0 leaves it to the daemon.
AGAIN_S = (0.0, 0.0, 5.0, 120.0)


class Carrier:
    """One gateway's way to its customers. It outlives the gateway's process, as providers do."""

    def __init__(
        self, scheduler: Scheduler, chance: Random, report: Callable[[str, str, int, str, float], None]
    ):
        self._scheduler = scheduler
        self._chance = chance
        self._report = report

    def given(self, channel: str, delivery: Delivery) -> None:
        """Carry something to a customer, if it is a message; what becomes of it is reported in a while."""
        if not isinstance(delivery.news, AgentSaid | AutomaticReply):
            return
        (fate,) = self._chance.choices(list(FATES), list(FATES.values()))
        late_s = 0.0
        for state in fate:
            late_s += self._chance.choice(BETWEEN_S)
            again_s = self._chance.choice(AGAIN_S) if state == "retry" else 0.0
            work = partial(self._report, channel, delivery.conversation, delivery.sequence, state, again_s)
            self._scheduler.later(late_s, work)


def report_of(
    ident: bytes, channel: str, talk: str, sequence: int, state: str, again_s: float
) -> DeliveryReport:
    """Return what a gateway tells the daemon of a message."""
    return DeliveryReport(ident, channel, talk, sequence, state, retry_after_s=again_s)
