"""Exports: what is in them, that nothing in a spreadsheet runs, and that nothing is lost on the way."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

from daemon.archive import export
from daemon.archive.export import CUSTOMER_KEYS, FORMULA, KINDS, Span, cell, text_of, write_csv, write_jsonl
from daemon.archive.file import read_only
from daemon.commands.main import run
from daemon.exits import Exit
from daemon.stores.sqlite import JOURNAL_FILE, SQLiteStore
from tests.archives import Library
from tests.stage import Stage, desk_text

EVER = Span("", 0.0, float("inf"))


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = Stage(SQLiteStore(tmp_path / JOURNAL_FILE))
    stage.logs_in("a1")
    return stage


@pytest.fixture
def library(stage: Stage, tmp_path: Path) -> Library:
    return Library(stage, tmp_path)


def exported(library: Library, kind: str, span: Span = EVER) -> list[dict[str, Any]]:
    library.feed()
    archive = read_only(library.path)
    try:
        return list(KINDS[kind][1](archive, library.entries, span))
    finally:
        archive.close()


def chats(stage: Stage, contact: str, text: str, *tags: str) -> str:
    talk: str = stage.writes(contact, text).conversation
    stage.accepts("a1", talk)
    stage.says("a1", talk, "Hi")
    stage.tags("a1", talk, tags)
    stage.ends("a1", talk)
    return talk


@pytest.mark.rule("O1", "O2")
def test_tickets_are_exported_with_fixed_keys_in_order_of_their_beginning(
    stage: Stage, library: Library
) -> None:
    first = chats(stage, "ann", "hello " * 100, "vip")
    second = stage.writes("bob").conversation
    rows = exported(library, "tickets")
    assert [row["conversation"] for row in rows] == [first, second]
    assert all(tuple(row) == export.TICKET_KEYS for row in rows)
    assert (rows[0]["question"], rows[0]["tags"], rows[0]["status"]) == ("hello " * 100, ["vip"], "closed")
    assert rows[0]["started_at"].endswith("Z")
    assert (rows[1]["closed_at"], rows[1]["first_response_s"], rows[1]["missed"]) == (None, None, False)


@pytest.mark.rule("O4")
def test_the_customer_report_of_a_span_has_the_customers_of_then_with_the_tags_of_then(
    stage: Stage, library: Library
) -> None:
    chats(stage, "ann", "long ago", "old")
    stage.pass_time(1_000)
    since = stage.clock.now()
    chats(stage, "ann", "one", "vip", "退款")
    chats(stage, "ann", "two", "vip")
    chats(stage, "bob", "three")
    stage.pass_time(1_000)
    until = stage.clock.now()
    chats(stage, "cid", "later", "new")
    rows = exported(library, "customers", Span("acme", since, until))
    assert [(row["contact"], row["conversations"], row["tags"]) for row in rows] == [
        ("ann", 2, ["vip", "退款"]),
        ("bob", 1, []),
    ]
    assert all(tuple(row) == CUSTOMER_KEYS for row in rows)
    assert exported(library, "customers", Span("another", since, until)) == []


def test_messages_of_a_span_are_exported_in_order_with_what_is_not_text(
    stage: Stage, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "ROWS_AT_ONCE", 2)
    chats(stage, "ann", "one")
    stage.pass_time(100)
    since = stage.clock.now()
    talk = chats(stage, "bob", "two")
    stage.notes("a1", talk, "a note")
    rows = exported(library, "messages", Span("acme", since, float("inf")))
    assert [(row["by"], row["text"], row["contact"]) for row in rows] == [
        ("customer", "two", "bob"),
        ("agent", "Hi", "bob"),
        ("note", "a note", "bob"),
    ]
    (plain, *_) = export.plain(rows)
    assert plain["content"] == {"type": "text", "text": "two"}
    assert len(exported(library, "messages")) == 5
    assert len(exported(library, "tickets")) == len(exported(library, "customers")) == 2


# Formulas.


@pytest.mark.rule("O5")
@pytest.mark.parametrize("start", [*FORMULA, " =", "\u3000＝", "\u00a0@"])
def test_no_cell_begins_like_a_formula(start: str) -> None:
    text = f"{start}HYPERLINK(A1)"
    assert cell(text) == f"'{text}"
    assert text_of(cell(text)) == text


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_what_is_written_as_csv_is_read_back_to_the_character(texts: list[str]) -> None:
    file = io.StringIO(newline="")
    keys = tuple(f"k{number}" for number in range(len(texts)))
    assert write_csv([dict(zip(keys, texts, strict=True))], keys, file) == 1
    heading, row = csv.reader(io.StringIO(file.getvalue(), newline=""))
    assert tuple(heading) == keys
    assert [text_of(each) for each in row] == texts
    assert not [each for each in row if each.lstrip(" ").startswith(FORMULA[:-1])]


@pytest.mark.rule("O5")
@given(st.lists(st.text(st.sampled_from("a;\t\r\n \"'=+-@＝,\u3000")), min_size=1, max_size=4))
@example(["hi;=1+1"])
@example(["hi\n=1+1"])
@example(['hi; "=1+1'])
def test_no_cell_is_a_formula_for_whoever_divides_by_semicolons_or_tabs(texts: list[str]) -> None:
    """As spreadsheets do where cents follow a comma; quotation marks within a cell are text then."""
    file = io.StringIO(newline="")
    row = {"key": "a", **{f"k{number}": text for number, text in enumerate(texts)}, "list": texts}
    write_csv([row], tuple(row), file)
    cells = re.split(r"[;\t\r\n]", file.getvalue())
    assert not [each for each in cells if each.lstrip(' "\u00a0\u3000').startswith(tuple("=+-@＝＋－＠"))]
    _, read = csv.reader(io.StringIO(file.getvalue(), newline=""))
    assert [text_of(each) for each in read[1:-1]] == texts
    assert json.loads(read[-1]) == texts


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_what_is_written_as_json_is_read_back_to_the_character(texts: list[str]) -> None:
    file = io.StringIO()
    write_jsonl([{"texts": texts}], ("texts",), file)
    line, end = file.getvalue().split("\n")
    assert (json.loads(line), end) == ({"texts": texts}, "")


# The command.


def test_the_command_writes_a_new_file_and_never_over_one(
    stage: Stage, library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chats(stage, "ann", "=1+1", "vip")
    library.feed()
    stage.writes("bob")
    journal, output = str(tmp_path / JOURNAL_FILE), tmp_path / "tickets.csv"
    arguments = ["export", "tickets", "--journal", journal, "--format", "csv", "--output", str(output)]
    assert run(arguments) == Exit.OK
    said = capsys.readouterr().err
    assert "1 tickets" in said
    assert "lacks the newest" in said
    assert output.stat().st_mode & 0o777 == 0o600
    (row,) = csv.DictReader(io.StringIO(output.read_text(encoding="utf-8"), newline=""))
    assert (row["question"], row["tags"]) == ("'=1+1", '["vip"]')
    before = output.read_bytes()
    assert run(arguments) == Exit.CANNOT_CREATE
    assert output.read_bytes() == before
    assert "is not overwritten" in capsys.readouterr().err


def test_the_command_prints_lines_of_json_and_takes_days_as_whole_days(
    stage: Stage, library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chats(stage, "ann", "hello")
    library.feed()
    capsys.readouterr()
    base = ["export", "messages", "--journal", str(tmp_path / JOURNAL_FILE)]
    # The virtual clock begins on 2001-09-09 at 01:46 UTC, which is still the day before in Los Angeles.
    for given_, many in (
        (["--from", "2001-09-09", "--to", "2001-09-09"], 2),
        (["--from", "2001-09-10"], 0),
        (["--to", "2001-09-08"], 0),
        (["--to", "2001-09-08", "--timezone", "America/Los_Angeles"], 2),
        (["--from", "2001-09-09T01:00", "--to", "2001-09-09T01:30"], 0),
        (["--tenant", "acme"], 2),
    ):
        assert run([*base, *given_]) == Exit.OK
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == many, given_
        assert all(json.loads(line)["tenant"] == "acme" for line in lines)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--from", "yesterday"], "is no date and no time"),
        (["--from", "2026-11-02", "--to", "2026-11-01"], "is not before"),
        (["--from", "2026-11-02", "--timezone", "Kyiv"], "no such time zone"),
        (["--timezone", "Europe/Kiyv"], "no such time zone"),
    ],
)
def test_what_is_wrong_with_a_span_is_said(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert run(["export", "tickets", "--journal", str(tmp_path / JOURNAL_FILE), *arguments]) == Exit.USAGE
    assert said in capsys.readouterr().err


def test_an_archive_that_cannot_be_read_or_is_made_just_now_is_no_fault_of_ours(
    stage: Stage, library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    commands = (["archive"], ["export", "tickets"])
    journal = ["--journal", str(tmp_path / JOURNAL_FILE)]
    stage.writes("ann")
    library.path.write_bytes(b"")  # As the daemon has made it, before there are tables.
    assert [run([*command, *journal]) for command in commands] == [Exit.TEMPORARY] * 2
    library.path.write_bytes(b"no database" * 1000)
    capsys.readouterr()
    assert [run([*command, *journal]) for command in commands] == [Exit.DATA] * 2
    assert capsys.readouterr().err.count("switchboard archive --rebuild") == 2


def test_a_tenant_that_is_not_there_is_no_empty_export(
    stage: Stage, library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.writes("ann")
    library.feed()
    command = ["export", "tickets", "--journal", str(tmp_path / JOURNAL_FILE), "--tenant"]
    assert run([*command, "acme"]) == Exit.OK
    assert run([*command, "acne"]) == Exit.USAGE
    assert 'no tenant "acne". Did you mean "acme"?' in capsys.readouterr().err


def test_without_an_archive_the_command_says_how_to_make_one_and_that_makes_it(
    stage: Stage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = ["--journal", str(tmp_path / JOURNAL_FILE)]
    stage.writes("ann")
    assert run(["export", "tickets", *journal]) == Exit.UNAVAILABLE
    assert run(["archive", *journal]) == Exit.UNAVAILABLE
    assert "switchboard archive --rebuild" in capsys.readouterr().err
    # The stage's store holds the journal, as a running daemon would.
    assert run(["archive", "--rebuild", *journal]) == Exit.UNAVAILABLE
    assert "another daemon holds" in capsys.readouterr().err
    stage.store.close()
    assert run(["archive", "--rebuild", *journal]) == Exit.OK
    assert run(["archive", *journal]) == Exit.OK
    assert "0 events behind" in capsys.readouterr().out
    assert run(["export", "tickets", *journal]) == Exit.OK
    assert json.loads(capsys.readouterr().out)["contact"] == "ann"


@pytest.mark.rule("M3", "M4", "M5", "M7")
def test_what_the_desk_masks_is_masked_in_exports_unless_it_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[str] = []
    monkeypatch.setattr("syslog.syslog", lambda _, text: logged.append(text))
    desk = desk_text(policies="mask_personal = true\nmask_payment = true")
    stage = Stage(SQLiteStore(tmp_path / JOURNAL_FILE), desk)
    stage.logs_in("a1")
    talk = chats(
        stage, "+447966197542", "write to melissa@gmail.com, card 4111 1111 1111 1111", "melissa@gmail.com"
    )
    stage.notes("a1", talk, "call +447966197542")
    Library(stage, tmp_path).feed()
    capsys.readouterr()
    canaries = ("447966197542", "melissa", "4111")
    for kind in KINDS:
        for form in ("jsonl", "csv"):
            command = ["export", kind, "--journal", str(tmp_path / JOURNAL_FILE), "--format", form]
            assert run(command) == Exit.OK
            seen = capsys.readouterr().out
            assert [canary for canary in canaries if canary in seen] == [], (kind, seen)
            assert "*********7542" in seen
            assert logged == []
            assert run([*command, "--unmasked"]) == Exit.OK
            assert "447966197542" in capsys.readouterr().out
            (line,) = logged
            assert f"unmasked export of {kind}" in line
            logged.clear()
