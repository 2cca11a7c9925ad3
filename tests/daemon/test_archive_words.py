"""Texts as words, and queries as expressions: Chinese, Ukrainian, accents, and attacks."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

import pytest
from hypothesis import given, strategies as st

from daemon.archive import words
from daemon.archive.words import (
    TERMS_MAX,
    WORD_LENGTH_MAX,
    expression,
    folded,
    indexed,
    name_key,
    stands_in,
)

TEXTS = (
    "我要退款，谢谢你们",
    "Мені потрібна м’ята, її колір і розмір",
    "Café déjà-vu: I don't know A-12345",
    "Це замо́влення для мийки; ще одне",
    "東京タワーの写真を送ってください",
    "주문을 취소해 주세요 😀",
)


@pytest.fixture
def index() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE VIRTUAL TABLE word USING fts5 (place, text, content = '', tokenize = 'ascii')")
    for number, text in enumerate(TEXTS):
        connection.execute(
            "INSERT INTO word (rowid, place, text) VALUES (?, 't61 c1', ?)", (number, indexed(text))
        )
    yield connection
    connection.close()


def found(index: sqlite3.Connection, query: str) -> list[int]:
    wanted = expression(query)
    if not wanted:
        return []
    rows = index.execute("SELECT rowid FROM word WHERE word MATCH ? ORDER BY rowid", (wanted,))
    return [number for (number,) in rows]


@pytest.mark.rule("N3")
@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("退款", 0),
        ("款", 0),
        ("谢谢你们", 0),
        ("м'ята", 1),
        ("М’ЯТА", 1),
        ("їй*", None),
        ("її", 1),
        ("cafe", 2),
        ("CAFÉ", 2),
        ('"déjà vu"', 2),
        ("dont", 2),
        ("don’t", 2),
        ("a-12345", 2),
        ("замовлення", 3),
        ("замов*", 3),
        ("ще замовлення", 3),
        ("タワー", 4),
        ("写真", 4),
        ("주문", 5),
        ("😀", 5),
    ],
)
def test_a_search_finds_what_people_mean_in_every_script(
    index: sqlite3.Connection, query: str, text: int | None
) -> None:
    assert found(index, query) == ([] if text is None else [text])


@pytest.mark.rule("N3")
@pytest.mark.parametrize("query", ['"vu déjà"', "款退", "і́ї", "мии", '"замовлення мийки"', "замов"])
def test_a_search_finds_nothing_else(index: sqlite3.Connection, query: str) -> None:
    assert found(index, query) == []


def test_a_letter_with_a_mark_of_its_own_is_another_letter_and_an_accent_is_none() -> None:
    assert folded("Мій Їжак, йод, ўсё, замо́вник") == "мій їжак, йод, ўсе, замовник"
    assert folded("Ångström ÉCOLE ǆ ﬁ Ａ１") == "angstrom ecole dz fi a1"
    assert folded("ไม่เป็นไร") == "ไม่เป็นไร"


@given(st.text(alphabet=st.characters(max_codepoint=127)))
def test_the_quick_way_for_plain_letters_gives_the_same_words(text: str) -> None:
    assert words.words(text) == [word[:WORD_LENGTH_MAX] for word in words._words(text)]


def test_a_long_word_is_cut_and_a_long_query_bounded() -> None:
    assert [len(word) for word in words.words("x" * 10_000)] == [WORD_LENGTH_MAX]
    assert [len(word) for word in words.words("є" * 10_000)] == [WORD_LENGTH_MAX]
    assert [len(word) for word in words.words("ﬃ" * 30)] == [WORD_LENGTH_MAX], "it grows as it is folded"
    assert expression("a " * 10_000).count("text :") == TERMS_MAX


ATTACKS = (
    '"',
    '""',
    '" OR "1"="1',
    "'; DROP TABLE word; --",
    "text : x",
    "NEAR(a b, 2)",
    "a AND NOT b OR (c",
    "^a + b",
    "{place text} : x",
    "*",
    "**",
    "-place : t61",
    "\x00",
    "a\x00b",
    "\ufffe\uffff",
    "Ṱ̺̺̕o͞ ̷i̲̬͇̪͙n̝̗͕v̟̜̘̦͟o̶̙̰̠kè͚̮̺̪̹̱̤",
    "‮test‮",
    "<script>alert(1)</script>",
    "田中さんにあげて下さい",
    "ﺍﻼﺘﺣﺍﺩ",
    "%s%n${jndi:ldap://x}",
    "\\",
)


@pytest.mark.parametrize("query", ATTACKS)
def test_an_attack_is_searched_for_and_nothing_else_happens(index: sqlite3.Connection, query: str) -> None:
    found(index, query)
    index.execute("INSERT INTO word (rowid, place, text) VALUES (99, 't61 c1', ?)", (indexed(query),))
    wanted = expression(query)
    assert found(index, query) == ([99] if wanted else [])


@given(st.text(max_size=60))
def test_whatever_is_written_is_found_by_what_was_written(text: str) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE VIRTUAL TABLE word USING fts5 (place, text, content = '', tokenize = 'ascii')")
    connection.execute("INSERT INTO word (rowid, place, text) VALUES (1, 'x', ?)", (indexed(text),))
    wanted = expression(text)
    hits = (
        connection.execute("SELECT rowid FROM word WHERE word MATCH ?", (wanted,)).fetchall()
        if wanted
        else []
    )
    connection.close()
    assert hits == ([(1,)] if wanted else [])


ANY = st.text(st.sampled_from("ab1 \"*'-款é"), max_size=12)


@given(ANY, ANY)
def test_what_stands_in_a_text_is_what_the_index_finds_in_it(query: str, text: str) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE VIRTUAL TABLE word USING fts5 (place, text, content = '', tokenize = 'ascii')")
    connection.execute("INSERT INTO word (rowid, place, text) VALUES (1, 'x', ?)", (indexed(text),))
    hits = found(connection, query)
    connection.close()
    if expression(query):
        assert stands_in(query, text) == (hits == [1])


@pytest.mark.rule("N3")
def test_names_are_exact_but_for_case_width_and_the_spaces_around() -> None:
    assert name_key("  Олена ПЕТРЕНКО ") == name_key("олена петренко")
    assert name_key("Ａｎｎ") == name_key("ann")
    assert name_key("Ann") != name_key("Anna")
