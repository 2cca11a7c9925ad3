"""The arithmetic of the soak: what grows is seen, what comes and goes is not."""

from __future__ import annotations

import pytest

from benchmarks.soak.running import complaints
from benchmarks.soak.sampling import Sample, after_warm_up, growth, slope_per_hour


def samples(rss_mib: list[float], descriptors: list[int] | None = None) -> list[Sample]:
    """Return samples of every ten seconds."""
    open_files = descriptors or [60] * len(rss_mib)
    return [
        Sample(10.0 * number, rss, rss - 16, 9, many, 1.0, 1.0, 2.0)
        for number, (rss, many) in enumerate(zip(rss_mib, open_files, strict=True))
    ]


def figures(**other: object) -> dict[str, object]:
    usual = {
        "void": None,
        "lost": 0,
        "doubled": 0,
        "exit_code": 0,
        "threads_growth": 0,
        "descriptors_growth": 0,
        "rss_slope_mib_per_h": 0.4,
    }
    return {**usual, **other}


def test_a_leak_is_seen_as_mebibytes_an_hour() -> None:
    assert slope_per_hour(samples([80 + 10 * number / 360 for number in range(100)]), "rss_mib") == (
        pytest.approx(10)
    )


def test_bursts_that_come_and_go_are_no_growth() -> None:
    steady = samples([80.0, 81.0, 80.5, 81.5] * 90)
    slope = slope_per_hour(steady, "rss_mib")
    assert slope is not None
    assert abs(slope) < 0.5
    assert growth(samples([80.0] * 9, [60, 64, 61, 60, 70, 60, 60, 66, 61]), "descriptors") == 0


def test_descriptors_that_are_never_given_back_are_growth() -> None:
    assert growth(samples([80.0] * 9, [60, 61, 61, 62, 62, 63, 63, 64, 64]), "descriptors") == 3


def test_what_grows_before_the_warm_up_is_over_does_not_count() -> None:
    grown = samples([50.0, 60.0, 70.0, 80.0, 80.0, 80.0, 80.0])
    assert slope_per_hour(after_warm_up(grown, 30.0), "rss_mib") == pytest.approx(0)


def test_too_few_samples_say_nothing() -> None:
    assert slope_per_hour(samples([80.0, 81.0]), "rss_mib") is None
    assert complaints(figures(rss_slope_mib_per_h=None)) != []


@pytest.mark.parametrize(
    "wrong",
    [
        {"void": "a message came twice"},
        {"lost": 1},
        {"doubled": 1},
        {"exit_code": 70},
        {"threads_growth": 1},
        {"descriptors_growth": 2},
        {"rss_slope_mib_per_h": 1.0},
    ],
)
def test_every_requirement_is_complained_about(wrong: dict[str, object]) -> None:
    assert complaints(figures()) == []
    assert len(complaints(figures(**wrong))) == 1
