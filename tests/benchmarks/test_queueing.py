"""The comparison on an arrival log counts what it claims to count, and drives the production dispatcher.

All logs here are made up; the real one is not in the repository, and the last test is skipped without it.
"""

from __future__ import annotations

import gzip
import random
from pathlib import Path

import pytest

from benchmarks.queueing.__main__ import as_text, main
from benchmarks.queueing.arrivals import LogFailed, read_month, read_rows
from benchmarks.queueing.comparing import OURS, WITHOUT_PREVIOUS, WORLDS, compare, drive_over
from benchmarks.queueing.facts import Call, Facts, Patience, Shift, facts_of, shifts_of, skills_of
from benchmarks.queueing.figures import figures_of, gini, overtakings, percentile
from benchmarks.queueing.floor import Floor
from benchmarks.queueing.rules import RULES, FewestOpen, Polled, Pool, Rotation, Sweep
from benchmarks.queueing.simulation import Outcome, simulate

#: Where the log is beside a checkout, if it is.
REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "anonymous-bank"
HEADER = "vru+line\tcall_id\t...\r\n"
NAMES = ("ada", "bo", "cy")


def clock(seconds: int) -> str:
    return f"{seconds // 3600 % 24}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def row(
    call: int, at: int, outcome: str, waited_s: int = 0, service_s: int = 0, server: str = "", **other: str
) -> str:
    """A row of a log; ``other`` is customer, priority, kind, date."""
    begins = at + 5 + waited_s if outcome == "AGENT" else 0
    fields = [
        *("AA0101", str(call), other.get("customer", "0"), other.get("priority", "0")),
        *(other.get("kind", "PS"), other.get("date", "990104"), clock(at), clock(at + 5), "5"),
        *(clock(at + 5), clock(at + 5 + waited_s), str(waited_s), outcome),
        *(clock(begins), clock(begins + service_s), str(service_s), server or "NO_SERVER"),
    ]
    return "\t".join(fields) + "\r\n"


def made_up_log(calls: int, seed: int = 1) -> list[str]:
    """Three agents, a customer about every 25 s, services of about a minute."""
    chance = random.Random(seed)
    lines, at = [HEADER], 8 * 3600
    for call in range(calls):
        at += chance.randrange(50)
        kind, priority = chance.choice(("PS", "PS", "NW")), chance.choice("012")
        extra = {"kind": kind, "priority": priority, "customer": str(chance.randrange(40))}
        if chance.random() < 0.1:
            lines.append(row(call, at, "HANG", 1 + chance.randrange(200), **extra))
        else:
            service_s = chance.randrange(120)
            agent = NAMES[call % 3].upper()
            lines.append(row(call, at, "AGENT", chance.randrange(60), service_s, agent, **extra))
    return lines


def facts(*calls: tuple[float, int, int], agents: int = 1, **other: int) -> Facts:
    """Calls as (when, patience, service), and agents who are always there."""
    made = [
        Call(at, f"{place:03d}", "", other.get("priority", 0), "ps", patience_s, service_s)
        for place, (at, patience_s, service_s) in enumerate(calls)
    ]
    names = NAMES[:agents]
    return Facts(
        made, [Shift(0.0, 10_000.0, name) for name in names], dict.fromkeys(names, frozenset({"ps"}))
    )


def waits(outcomes: list[Outcome]) -> list[float]:
    return [outcome.waited_s for outcome in outcomes]


def test_only_who_wanted_an_agent_is_a_call() -> None:
    lines = [
        HEADER,
        row(3, 100, "AGENT", 7, 60, "ADA", customer="42", priority="2", kind="IN"),
        row(2, 50, "HANG", 9),
        row(4, 200, "HANG", 0),
        row(5, 300, "PHANTOM", 5),
        "\r\n",
    ]
    left, answered = read_rows(lines)
    assert (left.served, left.waited_s, left.customer, left.priority) == (False, 9, "", 0)
    assert (answered.customer, answered.priority, answered.skill, answered.server) == ("42", 1, "in", "ada")
    assert answered.began_at - answered.at == 12


def test_a_service_that_begins_after_midnight_is_the_next_day() -> None:
    (answered,) = read_rows([HEADER, row(1, 24 * 3600 - 3, "AGENT", 10, 60, "ADA")])
    assert answered.began_at - answered.at == 15


def test_a_row_that_is_cut_is_named() -> None:
    with pytest.raises(LogFailed, match="line 2"):
        read_rows([HEADER, "AA0101\t1\t0\r\n"])


def test_patience_takes_into_account_who_was_answered_before_it_ended() -> None:
    # 2 of 4 hang up after 10 s; one is answered after 20 s; the last one hangs up after 30 s.
    patience = Patience([(10, False), (10, False), (20, True), (30, False)])
    assert [patience.share(waited_s) for waited_s in (9, 10, 29, 30)] == [1.0, 0.5, 0.5, 0.0]
    assert patience.longer_than(0, 0.4) == 10
    assert patience.longer_than(0, 0.6) == 30
    assert patience.longer_than(10, 0.0) == 30, "who has waited 10 s does not leave after 10 s"
    assert Patience([(5, False), (50, True)]).longer_than(5, 0.9) == 50, "as long as anybody has waited"


def test_an_agent_is_on_shift_but_for_long_gaps() -> None:
    lines = [row(n, at, "AGENT", 0, 60, "ADA") for n, at in enumerate((0, 600, 4_000))]
    found = shifts_of(read_rows([HEADER, *lines]), 900)
    assert [shift.ends - shift.begins for shift in found] == [660, 60]


def test_an_agent_has_the_skills_that_the_agent_has_used_often_enough() -> None:
    kinds = ["PS"] * 198 + ["NW"] * 2 + ["IN"]
    lines = [row(n, n * 10, "AGENT", 0, 5, "ADA", kind=kind) for n, kind in enumerate(kinds)]
    assert skills_of(read_rows([HEADER, *lines])) == {"ada": {"ps"}}
    assert skills_of(read_rows([HEADER, *lines[100:]])) == {"ada": {"ps", "nw"}}


def test_overtaking_is_to_be_answered_while_an_equal_who_came_before_still_waits() -> None:
    world = facts((0, 99, 1), (1, 99, 1), (2, 99, 1))
    first_last = [Outcome(30, "ada"), Outcome(2, "ada"), Outcome(10, "ada")]
    assert overtakings(world, first_last) == (1, 2)
    assert overtakings(world, [Outcome(30, ""), Outcome(2, "ada"), Outcome(99, "")]) == (1, 1)
    assert overtakings(world, [Outcome(3, "ada"), Outcome(2, "ada"), Outcome(1, "ada")]) == (0, 0)
    others = world._replace(calls=[world.calls[0]._replace(priority=1), *world.calls[1:]])
    assert overtakings(others, first_last) == (0, 0), "they are no equals"


def test_the_figures_of_a_table_made_by_hand() -> None:
    world = facts((0, 99, 3600), (0, 99, 1800), (5, 30, 60), agents=2)
    calls = [call._replace(customer="x") for call in world.calls]
    found = figures_of(world._replace(calls=calls), [Outcome(0, "ada"), Outcome(25, "bo"), Outcome(30, "")])
    assert (found["mean_wait_s"], found["mean_wait_served_s"], found["p90_wait_s"]) == (18.33, 12.5, 30)
    assert (found["within_20s"], found["abandoned"], found["continuity"]) == (0.3333, 0.3333, 0.0)
    assert gini([1.0, 1.0]) == 0
    assert gini([0.0, 1.0]) == 0.5
    assert percentile([float(n) for n in range(1, 11)], 0.9) == 9


def test_a_pool_serves_the_first_and_leaves_nobody_idle() -> None:
    assert waits(simulate(facts((0, 99, 10), (1, 99, 10), (2, 5, 10), (3, 99, 10)), Pool)) == [0, 9, 5, 17]


def test_a_list_that_is_polled_waits_for_the_poll() -> None:
    assert waits(simulate(facts((1, 99, 3), (7, 99, 3), (7, 99, 3)), Polled)) == [4, 3, 8]


def test_a_sweep_lets_later_arrivals_pass_who_found_nobody() -> None:
    """chatwoot/chatwoot#10583: the fifth passes the fourth."""
    world = facts((1, 9_999, 100), (2, 9_999, 100), (200, 9_999, 50))
    outcomes = simulate(world, Sweep)
    assert waits(outcomes) == [0, 898, 0]
    assert overtakings(world, outcomes) == (1, 1)


def test_rotation_makes_a_customer_wait_for_a_busy_agent_beside_a_free_one() -> None:
    world = facts((1, 99, 50), (2, 99, 1), (5, 99, 1), agents=2)
    assert waits(simulate(world, Rotation)) == [0, 0, 46]
    assert waits(simulate(world, FewestOpen)) == [0, 0, 0]


def test_the_line_of_an_agent_who_goes_is_given_out_anew() -> None:
    world = facts((1, 99, 50), (2, 99, 50), (5, 99, 1), agents=2)
    shifts = [Shift(0.0, 10.0, "ada"), Shift(0.0, 100.0, "bo")]
    assert simulate(world._replace(shifts=shifts), Rotation)[2] == Outcome(47, "bo")


@pytest.mark.rule("D1")
def test_the_dispatcher_wastes_no_second_and_nobody_equal_is_overtaken() -> None:
    rows = read_rows(made_up_log(400))
    world = facts_of(rows, every_skill=True)
    plain = world._replace(
        calls=[call._replace(priority=0) for call in world.calls],
        shifts=[Shift(world.calls[0].at - 10, world.calls[-1].at + 10_000, name) for name in NAMES],
    )
    outcomes = Floor(plain).run()
    # With everybody always there, who serves whom does not matter to first come, first served: to the second.
    assert waits(outcomes) == waits(simulate(plain, Pool))
    assert overtakings(plain, outcomes) == (0, 0)


def test_the_dispatcher_serves_everybody_once_when_agents_come_and_go() -> None:
    world = facts_of(read_rows(made_up_log(400)), every_skill=True, break_s=60)
    assert len(world.shifts) > 20
    found = drive_over(world, "")
    assert found["overtakings"] == 0
    assert 0 < found["abandoned"] < 1


def test_a_month_is_compared_and_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with gzip.open(tmp_path / "january.txt.gz", "wt", newline="") as log:
        log.write("".join(made_up_log(120)))
    found = compare(tmp_path, "january", 900, 1, variants=True)
    assert found["policies"].keys() == {OURS, WITHOUT_PREVIOUS, *RULES}
    wanted = {"mean_wait_s", "p90_wait_s", "within_20s", "abandoned", "overtakings", "continuity", "fairness"}
    for world in WORLDS:
        for figures in found["worlds"][world]["policies"].values():
            assert wanted <= figures.keys()
    assert found["calls"] == 120
    assert found["bound_mean_wait_s"] > 0
    assert found["met"]["overtakings"]
    assert OURS in as_text(found)
    assert main(["--data", str(tmp_path), "--month", "may"]) == 2
    assert "may.txt.gz cannot be read" in capsys.readouterr().err


@pytest.mark.skipif(not REAL.is_dir(), reason="the log is not part of the repository")
def test_the_beginning_of_the_real_log_is_served_in_order() -> None:
    world = facts_of(read_month(REAL, "january")[:1_500], every_skill=True)
    found = drive_over(world, "")
    polled = figures_of(world, simulate(world, Polled))
    assert found["overtakings"] == 0
    assert found["mean_wait_s"] < polled["mean_wait_s"]
