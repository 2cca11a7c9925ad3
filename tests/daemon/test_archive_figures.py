"""The archive's figures: service levels by style (O6), counted once and only when they are new."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from daemon.archive.feeding import Fed
from daemon.archive.figures import Figures, FiguresCollector
from daemon.archive.projection import Observed
from daemon.metrics import LABELS_MAX
from tests.archives import Library
from tests.stage import Stage, desk_text

DESK = desk_text(channels={"web": "", "back": 'kind = "messenger"\nstyle = "live_chat_with_return"'})


def exposed(figures: Figures) -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(FiguresCollector(figures))
    return {
        f"{sample.name}{sorted(sample.labels.values())}": sample.value
        for family in registry.collect()
        for sample in family.samples
    }


@pytest.mark.rule("O5", "O6")
def test_first_response_time_to_solve_outcome_and_rating_are_counted_by_style() -> None:
    stage = Stage(desk=DESK)
    library = Library(stage)
    stage.logs_in("a1")
    for channel in ("web", "back"):
        talk = stage.writes("ann", channel=channel).conversation
        stage.accepts("a1", talk)
        stage.pass_time(20)
        stage.says("a1", talk, "Hi")
        stage.says("a1", talk, "It is done.")
        stage.pass_time(40)
        stage.ends("a1", talk)
        stage.rates("ann", 5, channel=channel)
    missed = stage.writes("bob").conversation
    stage.accepts("a1", missed)
    stage.leaves("bob")
    figures = Figures()
    figures.fed(library.feed())
    found = exposed(figures)
    for style in ("live_chat", "live_chat_with_return"):
        assert found[f"switchboard_first_response_duration_seconds_count['{style}']"] == 1
        assert found[f"switchboard_first_response_duration_seconds_sum['{style}']"] == 20
        assert found[f"switchboard_ratings_total['5', '{style}']"] == 1
    assert found["switchboard_solve_duration_seconds_sum['live_chat']"] == 60
    assert found["switchboard_tickets_total['agent', 'answered', 'live_chat']"] == 1
    assert found["switchboard_tickets_total['customer', 'live_chat', 'missed']"] == 1
    assert "switchboard_solve_duration_seconds_sum['live_chat_with_return']" not in found
    stage.pass_time(3_601)
    figures.fed(library.feed())
    found = exposed(figures)
    assert found["switchboard_solve_duration_seconds_sum['live_chat_with_return']"] == 60
    assert found["switchboard_tickets_total['agent', 'answered', 'live_chat_with_return']"] == 1


def test_what_was_before_the_start_and_what_is_brought_in_once_more_is_not_counted() -> None:
    figures = Figures()
    figures.begin(10)
    observed = tuple(Observed(position, "first_response", "live_chat", 5.0) for position in (9, 10, 11, 12))
    figures.fed(Fed(12, 4, observed=observed))
    figures.fed(Fed(0, there=False))
    figures.fed(Fed(12, 4, observed=observed, rebuilt=True))
    found = exposed(figures)
    assert found["switchboard_first_response_duration_seconds_count['live_chat']"] == 2
    assert found["switchboard_archive_rebuilds_total[]"] == 1


def test_styles_beyond_the_bound_are_counted_together() -> None:
    figures = Figures()
    many = LABELS_MAX + 50
    for place in range(many):
        observed = (
            Observed(place + 1, "first_response", f"s{place}", 1.0),
            Observed(place + 1, "closed", f"s{place}", 1.0, "answered", "nobody we know"),
            Observed(place + 1, "rated", f"s{place}", 3.0),
        )
        figures.fed(Fed(place + 1, observed=observed))
    for counted in (figures.first_response, figures.solve, figures.tickets, figures.ratings):
        assert len(counted) == LABELS_MAX + 1
    assert sum(figures.ratings.values()) == sum(figures.tickets.values()) == many
    assert sum(sum(histogram.counts) for histogram in figures.solve.values()) == many
