"""The replay in time: what it reads, when agents end, how many tickets that makes, what it would notice."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest
from msgspec.structs import replace

from benchmarks.replay import tickets
from benchmarks.replay.realtime.performance import Wanted, expected_tickets, perform
from benchmarks.replay.realtime.player import Heard, Report, Said
from benchmarks.replay.realtime.script import Customer, Rules, Step, scripted
from benchmarks.replay.realtime.sources import has_times, load_customers
from benchmarks.replay.realtime.verdict import Journal, judged

HOUR_S = 3_600.0
RULES = Rules(quiet_s=600, longest_silence_s=6 * HOUR_S, close_after_s=HOUR_S, margin_s=300)


def turn(role: str, author: str, at: str | None, message: str) -> dict[str, str | None]:
    day = None if at is None else f"2020-04-01T{at}:00.000Z"
    return {"role": role, "author": author, "datetime": day, "message": message}


def twitter(folder: Path) -> Path:
    """Two threads of one customer, a bystander, and an answer that came a day later than the source knows."""
    threads = [
        (
            "10:00",
            "00:30:00.0",
            [turn("customer", "c1", "10:00", "hello"), turn("agent", "Acme", None, "yes?")],
        ),
        (
            "12:00",
            "00:05:00.0",
            [
                turn("customer", "c1", "12:00", "again"),
                turn("bystander", "b1", "12:10", "me too"),
                turn("agent", "Acme", None, "tomorrow"),
            ],
        ),
    ]
    lines = [
        json.dumps(
            {
                "session": "s",
                "company": "Acme",
                "started": f"2020-04-01T{at}:00.000Z",
                "duration": d,
                "turns": t,
            }
        )
        for at, d, t in threads
    ]
    (folder / "dialogues.jsonl.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    return folder


def irc(folder: Path) -> Path:
    """Two conversations that cross; the asker of one helps in the other."""
    raw = [
        "[10:00] <ann> how?",
        "=== bob [~bob@host] has joined #ubuntu",
        "[10:00] <bob> which one",
        "[10:00] <cem> and I?",
        "[10:01]  * ann does not know",
        "[10:02] <ann> cem: like this",
        "[10:40] <bob> ann: so",
        "[10:58] <ann> thanks",
    ]
    links = "0 0 -\n0 2 -\n3 3 -\n2 4 -\n3 5 -\n4 6 -\n6 7 -\n"
    with tarfile.open(folder / "irc-support.tar.gz", "w:gz") as archive:
        for name, text in (("x.raw.txt", "\n".join(raw)), ("x.annotation.txt", links)):
            info = tarfile.TarInfo(f"dev/{name}")
            info.size = len(text.encode())
            archive.addfile(info, io.BytesIO(text.encode()))
    return folder


def deeds(customer: Customer) -> str:
    return "".join(step.deed[0] for step in customer.steps)


def test_threads_are_customers_of_their_company_and_bystanders_stand_for_themselves(tmp_path: Path) -> None:
    assert has_times(twitter(tmp_path))
    found = {each.contact: each for each in load_customers(tmp_path)}
    assert {contact: deeds(each) for contact, each in found.items()} == {"acme/c1": "caca", "acme/b1": "c"}
    times = [step.at - found["acme/c1"].steps[0].at for step in found["acme/c1"].steps]
    assert times == [0, HOUR_S / 2, 2 * HOUR_S, 26 * HOUR_S + 300], (
        "the last answer is not before its question"
    )
    assert {step.who for step in found["acme/c1"].steps} == {"", "acme"}


def test_whoever_starts_a_conversation_on_irc_is_its_customer_and_the_others_are_agents(
    tmp_path: Path,
) -> None:
    found = {each.contact: each for each in load_customers(irc(tmp_path))}
    assert {contact: deeds(each) for contact, each in found.items()} == {"00/ann": "cacac", "00/cem": "ca"}
    assert [step.who for step in found["00/cem"].steps] == ["", "a2"], "a nickname can be both"
    assert [step.at for step in found["00/ann"].steps] == [0, 20, 60, 2400, 3480], "a minute is spread"
    assert len({step.text for each in found.values() for step in each.steps}) == 7


def test_agents_end_before_a_long_silence_of_the_customer_and_after_the_last_word(tmp_path: Path) -> None:
    by_contact = {each.contact: each for each in scripted(load_customers(irc(tmp_path)), RULES)}
    assert deeds(by_contact["00/ann"]) == "cacaec"
    assert deeds(by_contact["00/cem"]) == "cae"


def test_long_silences_are_cut_and_returns_near_the_close_are_put_off() -> None:
    steps = [Step(0, "customer"), Step(10, "agent"), Step(3500, "customer"), Step(90_000, "agent")]
    (customer,) = scripted([Customer("c", "web", steps)], RULES)
    assert [(step.at, step.deed) for step in customer.steps] == [
        (0, "customer"),
        (10, "agent"),
        (10, "end"),
        (10 + HOUR_S + 300, "customer"),
        (10 + 7 * HOUR_S + 300, "agent"),
        (10 + 7 * HOUR_S + 300, "end"),
    ]


@pytest.mark.parametrize(
    ("style", "wanted"), [("live_chat", 3), ("live_chat_with_return", 3), ("social_messaging", 2)]
)
def test_the_second_opinion_counts_a_ticket_for_each_return_after_the_close(
    tmp_path: Path, style: str, wanted: int, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "twitter").mkdir()
    twitter(tmp_path / "twitter")
    options = ["--data", str(tmp_path / "twitter"), "--style", style, "--margin-s", "60"]
    assert tickets.main(options) == 0
    assert int(capsys.readouterr().out) == wanted
    assert expected_tickets(tmp_path / "twitter", Wanted(style=style, speed=30)) == wanted


def words() -> tuple[list[Customer], Report, Journal]:
    """One customer, asked and answered once, with the agent in it."""
    steps = [Step(0, "customer", "", "one"), Step(1, "agent", "a1", "two"), Step(2, "customer", "", "three")]
    said = [Said("ann", 0, "c1", 2, ()), Said("ann", 1, "c1", 5, ("a1",)), Said("ann", 2, "c1", 6, ("a1",))]
    heard = [
        Heard("channel/web", 1, "ann", "c1", 5, "a1", "two"),
        Heard("agent/a1", 3, "", "c1", 6, "", "three"),
    ]
    journal = Journal(
        {"c1": [("c1", 2, "", "one"), ("c1", 5, "a1", "two"), ("c1", 6, "", "three")]}, {"c1": "ann"}
    )
    return [Customer("ann", "web", steps)], Report(said=said, heard=heard), journal


def found(customers: list[Customer], report: Report, journal: Journal) -> dict[str, int]:
    judgement = judged(customers, report, journal)
    return {f"{where} {name}": n for where, each in judgement.items() for name, n in each.items() if n}


def test_what_is_as_it_should_be_is_found_so() -> None:
    assert found(*words()) == {}


def test_words_that_are_lost_doubled_late_or_somebody_else_s_are_found() -> None:
    customers, report, journal = words()
    channel, agent = report.heard
    assert found(customers, replace(report, heard=[channel]), journal) == {"streams lost": 1}
    assert found(customers, replace(report, heard=[channel, agent, agent]), journal) == {
        "streams doubled": 1,
        "streams out_of_order": 1,
    }
    stray = replace(agent, stream="agent/a2")
    assert found(customers, replace(report, heard=[channel, agent, stray]), journal) == {"streams crossed": 1}
    wrong = replace(channel, contact="bob")
    assert found(customers, replace(report, heard=[wrong, agent]), journal) == {
        "streams lost": 1,
        "streams crossed": 1,
    }


def test_a_journal_that_is_not_the_script_is_found() -> None:
    customers, report, journal = words()
    one, two, three = journal.words["c1"]
    turned = Journal({"c1": [two, one, three]}, {"c1": "ann"})
    assert found(customers, report, turned) == {"journal out_of_order": 3}
    assert found(customers, report, Journal({"c1": [one, two]}, {"c1": "ann"})) == {"journal lost": 1}
    assert found(customers, report, Journal({"c1": [one, two, three]}, {"c1": "bob"})) == {
        "journal lost": 3,
        "journal crossed": 3,
    }


@pytest.mark.rule("F3", "F4", "guarantee-G4")
@pytest.mark.parametrize(("style", "kills"), [("live_chat", 0), ("social_messaging", 1)])
def test_a_replay_in_time_comes_to_the_tickets_that_its_style_says(
    tmp_path: Path, style: str, kills: int
) -> None:
    irc(tmp_path)
    folder = tmp_path / "daemon"
    folder.mkdir()
    seen = perform(tmp_path, Wanted(speed=1_200, style=style, kills=kills), folder)
    assert seen["equal"], seen
    assert seen["tickets"] == {"live_chat": 3, "social_messaging": 2}[style]
    assert (seen["customers"], seen["messages"], seen["kills"]) == (2, 7, kills)
