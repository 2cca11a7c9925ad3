"""What Prometheus gets to see."""

import re

from prometheus_client.parser import text_string_to_metric_families

from actors.dispatcher.actor import ApplyShadow
from actors.dispatcher.audit import Kind
from actors.dispatcher.auditor import ROUND_S
from config.desk import desk_digest
from daemon.counting import count_turn, sample_dispatchers
from daemon.metrics import LABELS_MAX, Histogram, Metrics, Numbers, build_facts, our_version
from protocol.channels import DeliveryReport
from tests.stage import Stage, desk_text

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


def test_what_the_dispatchers_know_is_copied_with_bounded_labels() -> None:
    stage = Stage(desk=desk_text(agents=2, capacity=2, departments={"help": "answer_within_s = 20"}))
    stage.turn((("dispatcher", "acme", ""), ApplyShadow(desk_text(), desk_digest(desk_text()))))
    stage.begin_conversation("ann")
    left = stage.begin_conversation("bob")
    assert stage.state(left).status == "queued"
    stage.leaves("bob")
    stage.pass_time(12.0)
    numbers = Numbers()
    sample_dispatchers(numbers, stage.system)
    found = exposed(numbers)
    assert found["switchboard_conversations_waiting['acme', 'help']"] == 1
    assert found["switchboard_oldest_wait_seconds['acme', 'help']"] == 12.0
    assert found["switchboard_conversations_abandoned_total['acme', 'help']"] == 1
    assert (found["switchboard_capacity_units"], found["switchboard_capacity_used_units"]) == (0, 0)
    assert found["switchboard_shadow_policies"] == 1
    stage.logs_in("a1")
    stage.pass_time(ROUND_S)
    sample_dispatchers(numbers, stage.system)
    found = exposed(numbers)
    assert (found["switchboard_capacity_units"], found["switchboard_capacity_used_units"]) == (2, 1)
    assert found["switchboard_agents['online']"] == 1
    assert found["switchboard_audit_conversations"] == 1
    assert found["switchboard_audit_rounds_total"] >= 1
    assert found["switchboard_audit_last_run_timestamp_seconds"] == stage.clock.now()
    assert {name for name in found if "audit_violations_total" in name} == {
        f"switchboard_audit_violations_total['{kind}']" for kind in Kind
    }
    assert found["switchboard_shadow_decisions_total['agree']"] == 1
    assert found["switchboard_shadow_agreement_ratio['acme']"] == 1.0


def test_offers_assignments_and_answers_are_counted_by_what_became_of_them() -> None:
    stage = Stage(desk=desk_text(agents=1, capacity=2, departments={"help": "answer_within_s = 20"}))
    late = stage.begin_conversation("ann")
    stage.pass_time(25.0)
    stage.logs_in("a1")
    stage.accepts("a1", late)
    soon = stage.begin_conversation("bob")
    stage.declines("a1", soon)
    stage.pass_time(20.0)
    stage.accepts("a1", soon)
    numbers = Numbers()
    count_turn(numbers, list(stage.entries()), stage.system.desks)
    assert numbers.offers == {"made": 3, "accepted": 2, "declined": 1, "expired": 0, "withdrawn": 0}
    assert numbers.assignments["accepted"] == 2
    assert numbers.answered == {"true": 1, "false": 1}
    assert sum(numbers.wait_seconds.counts) == 2
    assert numbers.messages_customer == 2


def test_what_becomes_of_messages_and_which_windows_close_is_counted() -> None:
    channels = {"one": 'kind = "wechat-mini-program"\nwindow = "one"\nreceipts = "sent"'}
    window = '[windows.one]\nname = "One"\nrules = [{ trigger = "message", sends = 1, duration_s = 60 }]\n'
    stage = Stage(
        desk=desk_text(departments={"help": 'greeting_online = "Hi!"'}, channels=channels, extra=window)
    )
    numbers = Numbers()
    stage.logs_in("a1")
    talk = stage.writes("ann", channel="one").conversation
    stage.accepts("a1", talk)
    sequence = stage.says("a1", talk, "hello").sequence
    assert stage.says("a1", talk, "too many").code == "WINDOW_CLOSED"
    report = DeliveryReport(stage.command_id(), "one", talk, sequence, "retry", retry_after_s=5.0)
    stage.tell(("conversation", "acme", talk), report, "gateway/web")
    stage.pass_time(5)
    stage.writes("ann", "hello?", channel="one")
    stage.pass_time(400)
    count_turn(numbers, list(stage.entries()), stage.system.desks)
    sample_dispatchers(numbers, stage.system)
    found = exposed(numbers)
    kind = "wechat-mini-program"
    assert found[f"switchboard_window_refusals_total['one/message', '{kind}']"] == 1
    assert found[f"switchboard_windows_lapsed_total['{kind}']"] == 1
    assert found[f"switchboard_greetings_left_out_total['{kind}']"] == 1
    counts = {state: found[f"switchboard_deliveries_total['{state}']"] for state in numbers.deliveries}
    assert counts == {"retry": 1, "sent_again": 1, "unknown": 1}
