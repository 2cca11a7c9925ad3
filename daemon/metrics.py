"""Metrics: plain numbers that the reactor's thread counts, and the collector that shows them to Prometheus.

Counting costs an addition. Everything else happens on an HTTP thread when somebody asks.
"""

from __future__ import annotations

import platform
import sqlite3
import tomllib
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from itertools import accumulate
from pathlib import Path
from typing import Any, TypeVar

import zmq
from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector, disable_created_metrics
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from protocol.messages import VERSION

DISTRIBUTION = "switchboardd"

#: A label has at most this many values; what comes beyond is counted together as `other`.
LABELS_MAX = 500
OTHER = "other"

OFFER_OUTCOMES = ("made", "accepted", "declined", "expired", "withdrawn")
ASSIGNED_HOW = ("accepted", "taken", "direct", "transferred", "handed_over")

COMMIT_EDGES_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
#: Edges at 20, 30 and 60 s: the usual targets for an answer.
WAIT_EDGES_S = (1.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)

FamilyT = TypeVar("FamilyT", CounterMetricFamily, GaugeMetricFamily)


class Histogram:
    """Counts values by bucket; an edge belongs to the bucket below it."""

    __slots__ = ("counts", "edges", "total")

    def __init__(self, edges: tuple[float, ...]) -> None:
        self.edges = edges
        self.counts = [0] * (len(edges) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.edges, value)] += 1
        self.total += value

    def buckets(self) -> list[tuple[str, float]]:
        """Return (edge, how many up to it) as Prometheus wants them."""
        edges = [*self.edges, float("inf")]
        return [(_edge(edge), count) for edge, count in zip(edges, accumulate(self.counts), strict=True)]


def count(counts: dict[str, int], name: str, many: int = 1) -> None:
    """Count something by a name; names beyond the bound are counted together."""
    if name not in counts and len(counts) >= LABELS_MAX:
        name = OTHER
    counts[name] = counts.get(name, 0) + many


class Numbers:
    """What the daemon counts. The reactor's thread writes, any thread may read."""

    __slots__ = (
        "abandoned",
        "acks",
        "actor_failures",
        "actors",
        "agents",
        "answered",
        "assignments",
        "audit_conversations",
        "audit_last_run_at",
        "audit_rounds",
        "audit_violations",
        "bad_frames",
        "beyond_capacity",
        "bytes_journaled",
        "capacity",
        "capacity_used",
        "commit_seconds",
        "commits",
        "config_last_reload_at",
        "config_last_reload_successful",
        "connections",
        "dead_letters",
        "deliveries",
        "events",
        "frames_in",
        "frames_out",
        "greetings_left_out",
        "handshakes_refused",
        "journal_position",
        "logins_failed",
        "media",
        "media_bytes",
        "media_removed",
        "media_uploads",
        "messages_agent",
        "messages_customer",
        "offers",
        "oldest_wait",
        "overtaken_offers",
        "refusals",
        "shadow_agreement",
        "shadow_decisions",
        "shadow_failures",
        "shadows",
        "transfers",
        "turned_away",
        "turns",
        "wait_seconds",
        "waiting",
        "wal_bytes",
        "window_refusals",
        "windows_lapsed",
        "write_behind_rows",
    )

    def __init__(self) -> None:
        self.frames_in = 0
        self.frames_out = 0
        self.bad_frames = 0
        self.messages_customer = 0
        self.messages_agent = 0
        self.acks = 0
        self.refusals: dict[str, int] = {}
        self.handshakes_refused = 0
        self.logins_failed = 0
        self.turns = 0
        self.events = 0
        self.commits = 0
        self.commit_seconds = Histogram(COMMIT_EDGES_S)
        self.bytes_journaled = 0
        self.wait_seconds = Histogram(WAIT_EDGES_S)
        # Counted from the journal's events, by daemon/counting.py.
        self.offers: dict[str, int] = dict.fromkeys(OFFER_OUTCOMES, 0)
        self.assignments: dict[str, int] = dict.fromkeys(ASSIGNED_HOW, 0)
        self.transfers: dict[str, int] = {}
        #: By whether it was within the department's ``answer_within_s``.
        self.answered: dict[str, int] = {"true": 0, "false": 0}
        self.actor_failures = 0
        self.dead_letters = 0
        # Gauges. Whole tables are put here new, so that a reader never meets one that is changing.
        self.actors: dict[str, int] = {}
        #: By tenant and department.
        self.waiting: dict[tuple[str, str], int] = {}
        self.oldest_wait: dict[tuple[str, str], float] = {}
        self.agents: dict[str, int] = {}
        self.capacity = 0
        self.capacity_used = 0
        self.beyond_capacity = 0
        # Counted by the dispatchers, and copied together.
        self.abandoned: dict[tuple[str, str], int] = {}
        self.turned_away: dict[tuple[str, str], int] = {}
        self.overtaken_offers = 0
        self.audit_violations: dict[str, int] = {}
        self.audit_conversations = 0
        self.audit_rounds = 0
        self.audit_last_run_at = 0.0
        self.shadow_decisions: dict[str, int] = {}
        self.shadow_failures = 0
        #: The share of agreement, for each tenant that has a shadow policy.
        self.shadow_agreement: dict[str, float] = {}
        self.shadows = 0
        self.connections: dict[str, int] = {}
        self.journal_position = 0
        self.write_behind_rows = 0
        self.wal_bytes = 0
        self.media = 0
        self.media_bytes = 0
        self.media_uploads = 0
        self.media_removed = 0
        self.config_last_reload_successful = 1
        self.config_last_reload_at = 0.0
        self.deliveries: dict[str, int] = {}
        self.greetings_left_out: dict[str, int] = {}
        self.windows_lapsed: dict[str, int] = {}
        #: By kind of channel and rule; counted by the conversations, and copied together.
        self.window_refusals: dict[tuple[str, str], int] = {}

    def refused(self, code: str) -> None:
        """Count a refusal; the code is one of the catalogue."""
        count(self.refusals, str(code))


# Attribute of Numbers, name without prefix, help. Prometheus adds `_total` to a counter.
COUNTERS = (
    ("frames_in", "frames_received", "Frames taken from the sockets."),
    ("frames_out", "frames_sent", "Frames given to the sockets."),
    ("bad_frames", "bad_frames", "Frames that could not be decoded or broke the protocol."),
    ("messages_customer", "customer_messages", "Messages of customers accepted."),
    ("messages_agent", "agent_messages", "Messages of agents accepted."),
    ("acks", "acks", "Commands acknowledged."),
    ("handshakes_refused", "handshakes_refused", "Connections refused for their key or their hello."),
    ("logins_failed", "logins_failed", "Logins refused."),
    ("turns", "turns", "Turns of the reactor that had work."),
    ("events", "events", "Events written to the journal."),
    ("commits", "commits", "Transactions committed."),
    ("bytes_journaled", "journal_written_bytes", "Bytes of records written to the journal."),
    ("actor_failures", "actor_failures", "Handlers that raised; their actor was rebuilt."),
    ("dead_letters", "dead_letters", "Messages set aside because their handler raised."),
    ("overtaken_offers", "overtaken_offers", "Offers to customers whom too many later ones had passed."),
    ("audit_rounds", "audit_rounds", "Times the auditor has been through everything."),
    ("shadow_failures", "shadow_failures", "Shadow policies that raised and were switched off."),
    ("media_removed", "media_removed", "Media taken away because no message referred to them."),
)
GAUGES = (
    ("journal_position", "journal_position", "Position of the newest event in the journal."),
    ("write_behind_rows", "write_behind_rows", "Rows of derived tables that wait to be written."),
    ("media", "media", "Media that are stored."),
    ("media_bytes", "media_bytes", "Size of all media that are stored."),
    ("media_uploads", "media_uploads", "Uploads of media that are under way."),
    ("wal_bytes", "wal_bytes", "Size of the store's write-ahead log."),
    ("config_last_reload_successful", "config_last_reload_successful", "1 if the last reload was taken."),
    ("capacity", "capacity_units", "Units of capacity of all agents who are reachable and not away."),
    ("capacity_used", "capacity_used_units", "Units of capacity in use, by work and by live offers."),
    (
        "beyond_capacity",
        "agents_beyond_capacity",
        "Agents with more work than capacity, by replies (F5) or by policy.",
    ),
    ("audit_conversations", "audit_conversations", "Conversations that the auditor's last round compared."),
    (
        "audit_last_run_at",
        "audit_last_run_timestamp_seconds",
        "When the auditor last finished a round, in seconds since 1970.",
    ),
    ("shadows", "shadow_policies", "Tenants with a shadow policy."),
    (
        "config_last_reload_at",
        "config_last_reload_success_timestamp_seconds",
        "When a reload was last taken, in seconds since 1970.",
    ),
)
COUNTED_BY_LABEL = (
    ("deliveries", "deliveries", "Messages to customers, by what has become of them.", ("state",)),
    (
        "window_refusals",
        "window_refusals",
        "Messages refused because the channel's reply window is closed or used up.",
        ("kind", "rule"),
    ),
    (
        "windows_lapsed",
        "windows_lapsed",
        "Reply windows that have closed on a customer who waited for an answer.",
        ("kind",),
    ),
    (
        "greetings_left_out",
        "greetings_left_out",
        "Automatic answers left out to spare the reply window's last message.",
        ("kind",),
    ),
    ("refusals", "refusals", "Refusals.", ("code",)),
    ("offers", "offers", "Offers to agents, by what became of them; `made` counts all.", ("outcome",)),
    ("assignments", "assignments", "Conversations that an agent has got, by how.", ("how",)),
    ("transfers", "transfers", "Transfers that are over, by what became of them.", ("outcome",)),
    (
        "answered",
        "conversations_answered",
        "Customers who got an agent, by whether it was within the department's target.",
        ("within_target",),
    ),
    (
        "abandoned",
        "conversations_abandoned",
        "Customers who left while they waited.",
        ("tenant", "department"),
    ),
    ("turned_away", "conversations_turned_away", "Waiting customers sent away.", ("tenant", "department")),
    ("audit_violations", "audit_violations", "Differences that the auditor found and healed.", ("kind",)),
    ("shadow_decisions", "shadow_decisions", "Decisions compared with the shadow policy's.", ("outcome",)),
)
BY_LABEL = (
    ("actors", "actors", "Actors in memory.", ("kind",)),
    ("waiting", "conversations_waiting", "Conversations that wait for an agent.", ("tenant", "department")),
    (
        "oldest_wait",
        "oldest_wait_seconds",
        "How long the longest waiting conversation has waited.",
        ("tenant", "department"),
    ),
    ("agents", "agents", "Agents by presence.", ("presence",)),
    (
        "shadow_agreement",
        "shadow_agreement_ratio",
        "Share of decisions in which the shadow policy agrees.",
        ("tenant",),
    ),
    ("connections", "connections", "Connections by role.", ("role",)),
)
HISTOGRAMS = (
    ("commit_seconds", "commit_duration_seconds", "How long a commit took, flush included."),
    ("wait_seconds", "wait_duration_seconds", "How long a conversation waited until an agent took it."),
)


class NumbersCollector(Collector):
    """Shows Numbers to Prometheus."""

    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers

    def collect(self) -> Iterator[Metric]:
        """Yield all families; called on the HTTP thread."""
        numbers = self._numbers
        for attribute, name, text in COUNTERS:
            yield CounterMetricFamily(_named(name), text, value=getattr(numbers, attribute))
        for attribute, name, text, labels in COUNTED_BY_LABEL:
            counted = CounterMetricFamily(_named(name), text, labels=labels)
            yield _labelled(counted, getattr(numbers, attribute))
        for attribute, name, text in GAUGES:
            yield GaugeMetricFamily(_named(name), text, value=float(getattr(numbers, attribute)))
        for attribute, name, text, labels in BY_LABEL:
            family = GaugeMetricFamily(_named(name), text, labels=labels)
            yield _labelled(family, getattr(numbers, attribute))
        for attribute, name, text in HISTOGRAMS:
            yield _histogram(_named(name), text, getattr(numbers, attribute))
        yield InfoMetricFamily(_named("build"), "What is running.", value=build_facts())


class Metrics:
    """A registry of our own: our numbers, this process's, and the garbage collector's."""

    def __init__(self, numbers: Numbers, *others: Collector) -> None:
        # The extra series would double the count and say nothing.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        for collector in (NumbersCollector(numbers), *others):
            self._registry.register(collector)
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def render(self, accept: str = "") -> tuple[bytes, str]:
        """Return everything in the format that fits an Accept header best, and that format's content type."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type


def build_facts() -> dict[str, str]:
    """Say what is running: our version, the protocol's, and what decides most about our behaviour."""
    return {
        "version": our_version(),
        "protocol": VERSION,
        "python": platform.python_version(),
        "libzmq": zmq.zmq_version(),
        "sqlite": sqlite3.sqlite_version,
    }


def our_version() -> str:
    """Return the installed version, or from a checkout what pyproject.toml says."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        path = Path(__file__).resolve().parent.parent / "pyproject.toml"
        if not path.is_file():
            return "unknown"
        return f"{tomllib.loads(path.read_text(encoding='utf-8'))['project']['version']}+checkout"


def _edge(value: float) -> str:
    text: str = floatToGoString(value)  # type: ignore[no-untyped-call]
    return text


def _named(name: str) -> str:
    return f"switchboard_{name}"


def _histogram(name: str, text: str, histogram: Histogram) -> HistogramMetricFamily:
    family = HistogramMetricFamily(name, text)
    family.add_metric([], histogram.buckets(), histogram.total)
    return family


def _labelled(family: FamilyT, values: Mapping[Any, float]) -> FamilyT:
    for labels, value in _bounded(values):
        family.add_metric(labels, value)
    return family


def _bounded(values: Mapping[Any, float]) -> Iterator[tuple[tuple[str, ...], float]]:
    """Yield labels and values; those beyond the bound together, under `other`."""
    # Copied at one stroke: the reactor's thread may be adding to it.
    items = sorted(dict(values).items())
    for key, value in items[:LABELS_MAX]:
        yield _labels(key), value
    if len(items) > LABELS_MAX:
        labels = _labels(items[0][0])
        yield (OTHER,) * len(labels), sum(value for _, value in items[LABELS_MAX:])


def _labels(key: str | tuple[str, ...]) -> tuple[str, ...]:
    return (key,) if isinstance(key, str) else key
