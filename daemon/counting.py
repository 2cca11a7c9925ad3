"""What the turns bring about and the dispatchers know, copied into the plain numbers of daemon/metrics.py.

The scraper's thread touches nothing of ours: everything here runs on the reactor's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from operator import attrgetter

from actors import events
from actors.journal import Entry
from config.desk import Desk
from daemon.metrics import Numbers, count

EVENT_OF = attrgetter("event")
#: What became of an offer, by the event that says so.
OUTCOMES = {
    events.Offered: "made",
    events.OfferDeclined: "declined",
    events.OfferExpired: "expired",
    events.OfferWithdrawn: "withdrawn",
}
#: What nearly every turn consists of, and nothing else.
WRITTEN = frozenset({events.CustomerWrote, events.AgentWrote})
#: What is looked at one by one.
SINGLE = frozenset({events.Assigned, events.TransferEnded})


def count_turn(numbers: Numbers, entries: Iterable[Entry], desks: Mapping[str, Desk]) -> None:
    """Count what a turn has brought about."""
    kinds = Counter(map(type, map(EVENT_OF, entries)))
    numbers.messages_customer += kinds[events.CustomerWrote]
    numbers.messages_agent += kinds[events.AgentWrote]
    if kinds.keys() <= WRITTEN:
        return
    for kind, outcome in OUTCOMES.items():
        numbers.offers[outcome] += kinds[kind]
    if not SINGLE.isdisjoint(kinds):
        for entry in entries:
            event = entry.event
            if isinstance(event, events.Assigned):
                _count_assigned(numbers, entry.at, event, desks[entry.tenant])
            elif isinstance(event, events.TransferEnded):
                count(numbers.transfers, event.outcome)


def _count_assigned(numbers: Numbers, at: float, event: events.Assigned, desk: Desk) -> None:
    count(numbers.assignments, event.how)
    if event.offer:
        numbers.offers["accepted"] += 1
    if event.from_agent:
        return  # The customer had somebody already.
    waited_s = at - event.since
    numbers.wait_seconds.observe(waited_s)
    department = desk.departments.get(event.department)
    if department is not None:
        count(numbers.answered, "true" if waited_s <= department.answer_within_s else "false")
