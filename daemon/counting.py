"""What the turns bring about and the dispatchers know, copied into the plain numbers of daemon/metrics.py.

The scraper's thread touches nothing of ours: everything here runs on the reactor's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from operator import attrgetter

from actors import events
from actors.dispatcher.actor import DispatcherActor
from actors.dispatcher.audit import Kind
from actors.events import AnyEvent
from actors.events.conversation import AgentWrote, CustomerWrote
from actors.journal import Entry
from actors.runtime import System
from config.desk import Desk
from daemon.metrics import OTHER, Numbers, count

EVENT_OF = attrgetter("event")
#: What became of an offer, by the event that says so.
OUTCOMES = {
    events.Offered: "made",
    events.OfferDeclined: "declined",
    events.OfferExpired: "expired",
    events.OfferWithdrawn: "withdrawn",
}
#: Who is not there: their capacity does not count.
AWAY = frozenset({"away", "offline"})
#: What is looked at one by one.
SINGLE = frozenset(
    {
        events.Assigned,
        events.TransferEnded,
        events.DeliveryReported,
        events.SentAgain,
        events.GreetingLeftOut,
        events.WindowLapsed,
    }
)


def count_turn(numbers: Numbers, entries: Iterable[Entry], desks: Mapping[str, Desk]) -> None:
    """Count what a turn has brought about."""
    found = list(map(type, map(EVENT_OF, entries)))
    from_customers, from_agents = found.count(CustomerWrote), found.count(AgentWrote)
    numbers.messages_customer += from_customers
    numbers.messages_agent += from_agents
    if from_customers + from_agents == len(found):
        return  # The hot path: nearly every turn is nothing else.
    for kind in found:
        if kind in OUTCOMES:
            numbers.offers[OUTCOMES[kind]] += 1
    if not SINGLE.isdisjoint(found):
        for entry in entries:
            event = entry.event
            if isinstance(event, events.Assigned):
                _count_assigned(numbers, entry.at, event, desks[entry.tenant])
            elif isinstance(event, events.TransferEnded):
                count(numbers.transfers, event.outcome)
            else:
                _count_sending(numbers, event, desks[entry.tenant])


def _count_sending(numbers: Numbers, event: AnyEvent, desk: Desk) -> None:
    """Count what becomes of messages on their way to customers, and of what may be sent to them."""
    if isinstance(event, events.DeliveryReported):
        count(numbers.deliveries, "retry" if event.retry_at else event.state)
    elif isinstance(event, events.SentAgain):
        count(numbers.deliveries, "sent_again")
    elif isinstance(event, events.GreetingLeftOut):
        count(numbers.greetings_left_out, _kind(event.channel, desk))
    elif isinstance(event, events.WindowLapsed):
        count(numbers.windows_lapsed, _kind(event.channel, desk))


def _kind(channel: str, desk: Desk) -> str:
    settings = desk.channels.get(channel)
    return settings.kind if settings is not None else OTHER


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


def sample_dispatchers(numbers: Numbers, system: System) -> None:
    """Copy what the dispatchers know: queues, people, capacity, the audit, the shadow policies."""
    found = _Sums()
    for tenant in system.desks:
        dispatcher = system.actors.get(("dispatcher", tenant, ""))
        if isinstance(dispatcher, DispatcherActor):
            found.add(tenant, dispatcher, system.now)
    numbers.window_refusals = dict(system.window_refusals)
    numbers.agents, numbers.waiting, numbers.oldest_wait = (
        dict(found.agents),
        found.waiting,
        found.oldest_wait,
    )
    numbers.capacity, numbers.capacity_used = found.capacity, found.capacity_used
    numbers.beyond_capacity = found.beyond_capacity
    numbers.abandoned, numbers.turned_away = found.abandoned, found.turned_away
    numbers.overtaken_offers, numbers.shadow_failures = found.overtaken_offers, found.shadow_failures
    numbers.audit_violations = dict(found.violations)
    numbers.audit_conversations, numbers.audit_rounds = found.compared, found.rounds
    numbers.audit_last_run_at = min(found.finished_at, default=0.0)
    numbers.shadow_decisions, numbers.shadow_agreement = dict(found.shadow_decisions), found.agreement
    numbers.shadows = len(found.agreement)


class _Sums:
    """The sums over all tenants."""

    def __init__(self) -> None:
        self.agents: Counter[str] = Counter()
        self.waiting: dict[tuple[str, str], int] = {}
        self.oldest_wait: dict[tuple[str, str], float] = {}
        self.capacity = self.capacity_used = self.beyond_capacity = 0
        self.overtaken_offers = self.shadow_failures = 0
        self.abandoned: dict[tuple[str, str], int] = {}
        self.turned_away: dict[tuple[str, str], int] = {}
        self.violations: Counter[str] = Counter(dict.fromkeys(map(str, Kind), 0))
        self.compared = self.rounds = 0
        #: When each tenant's last round ended; the oldest is shown, so that no stopped one can hide.
        self.finished_at: list[float] = []
        self.shadow_decisions: Counter[str] = Counter()
        self.agreement: dict[str, float] = {}

    def add(self, tenant: str, dispatcher: DispatcherActor, now: float) -> None:
        """Add one tenant's."""
        view, figures, auditor = dispatcher.view, dispatcher.figures, dispatcher.auditor
        for department, many in view.waiting_counts().items():
            self.waiting[tenant, department] = many
        for department, since in view.oldest_waits().items():
            self.oldest_wait[tenant, department] = max(0.0, now - since)
        for agent, known in view.roster.items():
            self.agents[str(known.presence)] += 1
            self.capacity_used += known.used
            settings = view.desk.agents.get(agent)
            self.beyond_capacity += settings is not None and known.used > settings.capacity
            if settings is not None and known.reachable and known.presence not in AWAY:
                self.capacity += settings.capacity
        for counts, by_department in (
            (figures.abandoned, self.abandoned),
            (figures.turned_away, self.turned_away),
        ):
            by_department.update({(tenant, department): many for department, many in counts.items()})
        self.overtaken_offers += figures.overtaken_offers
        self.shadow_failures += figures.shadow_failures
        self.violations.update(auditor.violations)
        self.compared += auditor.compared
        self.rounds += auditor.rounds
        self.finished_at.append(auditor.finished_at)
        if dispatcher.shadow is not None:
            self.shadow_decisions.update(dispatcher.shadow.counts)
            self.agreement[tenant] = dispatcher.shadow.agreement
