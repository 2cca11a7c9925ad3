"""What Prometheus gets to see."""

import re

from prometheus_client.parser import text_string_to_metric_families

from daemon.metrics import LABELS_MAX, Histogram, Metrics, Numbers, build_facts, our_version

OWN = re.compile(r"switchboard_[a-z_]+")


def exposed(numbers: Numbers) -> dict[str, float]:
    text = Metrics(numbers).render()[0].decode()
    return {
        f"{sample.name}{sorted(sample.labels.values()) or ''}": sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("switchboard_")
    }


def test_every_number_is_exposed() -> None:
    numbers = Numbers()
    made = Numbers()
    skipped = {name for name in Numbers.__slots__ if not isinstance(getattr(made, name), int | float)}
    for place, name in enumerate(sorted(set(Numbers.__slots__) - skipped)):
        setattr(numbers, name, 1_000 + place)
    values = set(exposed(numbers).values())
    assert all(1_000 + place in values for place in range(len(Numbers.__slots__) - len(skipped)))


def test_labels_carry_codes_kinds_and_queues() -> None:
    numbers = Numbers()
    numbers.refused("BUSY")
    numbers.refused("BUSY")
    numbers.actors = {"conversation": 7}
    numbers.waiting = {("shop", "sales"): 3}
    found = exposed(numbers)
    assert found["switchboard_refusals_total['BUSY']"] == 2
    assert found["switchboard_actors['conversation']"] == 7
    assert found["switchboard_conversations_waiting['sales', 'shop']"] == 3


def test_labels_are_bounded_and_nothing_is_lost() -> None:
    numbers = Numbers()
    for place in range(LABELS_MAX + 100):
        numbers.refused(f"CODE{place}")
    numbers.waiting = {("shop", f"d{place}"): 1 for place in range(LABELS_MAX + 100)}
    found = exposed(numbers)
    refusals = [value for name, value in found.items() if name.startswith("switchboard_refusals")]
    waiting = [value for name, value in found.items() if "waiting" in name]
    assert len(refusals) <= LABELS_MAX + 1
    assert len(waiting) == LABELS_MAX + 1
    assert (sum(refusals), sum(waiting)) == (LABELS_MAX + 100, LABELS_MAX + 100)


def test_a_value_on_an_edge_belongs_to_the_bucket_below() -> None:
    histogram = Histogram((0.1, 1.0))
    for value in (0.05, 0.1, 0.5, 7.0):
        histogram.observe(value)
    assert histogram.buckets() == [("0.1", 2), ("1.0", 3), ("+Inf", 4)]
    assert histogram.total == 7.65


def test_histograms_are_exposed_with_sum_and_count() -> None:
    numbers = Numbers()
    numbers.commit_seconds.observe(0.002)
    found = exposed(numbers)
    assert found["switchboard_commit_duration_seconds_count"] == 1
    assert found["switchboard_commit_duration_seconds_sum"] == 0.002
    assert found["switchboard_commit_duration_seconds_bucket['0.002']"] == 1


def test_names_have_one_prefix_and_base_units_and_no_created_series() -> None:
    text = Metrics(Numbers()).render()[0].decode()
    names = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert not [name for name in names if name.endswith(("_created", "_ms", "_kb", "_milliseconds"))]
    ours = [name for name in names if name.startswith("switchboard_")]
    assert all(OWN.fullmatch(name) for name in ours)
    assert not {"process_start_time_seconds"} - names


def test_the_format_follows_what_the_scraper_accepts() -> None:
    body, content_type = Metrics(Numbers()).render("application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")


def test_the_build_is_told_with_its_versions() -> None:
    assert set(build_facts()) == {"version", "protocol", "python", "libzmq", "sqlite"}
    assert our_version()[0].isdigit()
