"""The archive's figures: how far behind it is, and the service levels by style (O6).

Only what is new is counted: an archive that is begun anew brings the whole past once more, and that
does not count.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from daemon.archive.feeding import Fed
from daemon.archive.projection import Observed
from daemon.metrics import LABELS_MAX, OTHER, Histogram

#: From a few seconds to a working day.
RESPONSE_EDGES_S = (5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3_600.0, 14_400.0, 28_800.0, 86_400.0)
#: From a minute to the 28 days after which a solved conversation closes in any case.
SOLVE_EDGES_S = (
    60.0,
    300.0,
    900.0,
    3_600.0,
    14_400.0,
    28_800.0,
    86_400.0,
    259_200.0,
    604_800.0,
    1_209_600.0,
    2_419_200.0,
)
Labels = tuple[str, ...]

#: Who ends conversations, as the metric's label; everybody else is `other`.
ENDED_BY = frozenset({"agent", "customer", "limit", "time", "desk"})


class Figures:
    """What is scraped about the archive. The reactor's thread writes, any thread may read."""

    def __init__(self) -> None:
        self.position = 0
        self.behind = 0
        self.behind_s = 0.0
        self.events = 0
        self.used_s = 0.0
        self.skipped = 0
        self.rebuilds = 0
        self.failures = 0
        #: By style.
        self.first_response: dict[str, Histogram] = {}
        self.solve: dict[str, Histogram] = {}
        #: By style, outcome and who has ended it.
        self.tickets: dict[Labels, int] = {}
        #: By style and score.
        self.ratings: dict[Labels, int] = {}
        #: Up to which position everything was counted.
        self._counted = 0

    def begin(self, head: int) -> None:
        """Count only what comes after this position."""
        self._counted = head

    def fed(self, fed: Fed) -> None:
        """Count what a step has brought."""
        self.position = fed.position
        self.events += fed.events
        self.used_s += fed.used_s
        self.skipped += fed.skipped
        self.rebuilds += fed.rebuilt
        self.failures += fed.failed
        for observed in fed.observed:
            if observed.position > self._counted:
                self._observe(observed)
        self._counted = max(self._counted, fed.position)

    def _observe(self, observed: Observed) -> None:
        style = observed.style
        match observed.what:
            case "first_response":
                _histogram(self.first_response, style, RESPONSE_EDGES_S).observe(observed.value)
            case "closed":
                if observed.outcome == "answered":
                    _histogram(self.solve, style, SOLVE_EDGES_S).observe(observed.value)
                by = observed.ended_by if observed.ended_by in ENDED_BY else OTHER
                _count(self.tickets, (style, observed.outcome, by))
            case "rated":
                _count(self.ratings, (style, str(int(observed.value))))


def _histogram(histograms: dict[str, Histogram], style: str, edges: tuple[float, ...]) -> Histogram:
    """Return a style's histogram; styles beyond the bound share one."""
    if style not in histograms and len(histograms) >= LABELS_MAX:
        style = OTHER
    return histograms.setdefault(style, Histogram(edges))


def _count(counts: dict[Labels, int], key: Labels) -> None:
    if key not in counts and len(counts) >= LABELS_MAX:
        key = (OTHER,) * len(key)
    counts[key] = counts.get(key, 0) + 1


GAUGES = (
    ("position", "switchboard_archive_position", "Position of the newest event in the archive."),
    ("behind", "switchboard_archive_behind_events", "Events of the journal that the archive does not have."),
    ("behind_s", "switchboard_archive_behind_seconds", "How long the oldest of them has waited."),
)
COUNTERS = (
    ("events", "switchboard_archive_events", "Events brought into the archive."),
    ("used_s", "switchboard_archive_feeding_seconds", "Processor time that feeding the archive has taken."),
    ("skipped", "switchboard_archive_skipped_events", "Events that could not be brought into the archive."),
    ("rebuilds", "switchboard_archive_rebuilds", "Times the archive was begun anew."),
    ("failures", "switchboard_archive_failures", "Steps of feeding that failed and are tried again."),
)
HISTOGRAMS = (
    (
        "first_response",
        "switchboard_first_response_duration_seconds",
        "How long customers waited for the first answer of an agent.",
    ),
    (
        "solve",
        "switchboard_solve_duration_seconds",
        "How long it took until conversations that are closed were solved for the last time.",
    ),
)


class FiguresCollector(Collector):
    """Shows the archive's figures to Prometheus."""

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        """Yield all families; called on the HTTP thread."""
        figures = self._figures
        for attribute, name, text in GAUGES:
            yield GaugeMetricFamily(name, text, value=float(getattr(figures, attribute)))
        for attribute, name, text in COUNTERS:
            yield CounterMetricFamily(name, text, value=float(getattr(figures, attribute)))
        for attribute, name, text in HISTOGRAMS:
            family = HistogramMetricFamily(name, text, labels=("style",))
            # Copied at one stroke: the reactor's thread may be adding to it.
            for style, histogram in sorted(dict(getattr(figures, attribute)).items()):
                family.add_metric([style], histogram.buckets(), histogram.total)
            yield family
        yield _counted(
            "switchboard_tickets",
            "Conversations that are closed, by style, what became of them, and who has ended them.",
            ("style", "outcome", "ended_by"),
            figures.tickets,
        )
        yield _counted(
            "switchboard_ratings",
            "Ratings of customers.",
            ("style", "score"),
            figures.ratings,
        )


def _counted(
    name: str, text: str, labels: tuple[str, ...], counts: Mapping[Labels, int]
) -> CounterMetricFamily:
    family = CounterMetricFamily(name, text, labels=labels)
    for key, many in sorted(dict(counts).items()):
        family.add_metric(key, many)
    return family
