import tomllib
from typing import Any

import pytest
from hypothesis import given, strategies as st

from config.problems import ConfigurationError
from config.scanning import KeyPath, dotted, key_lines
from config.source import Place, parse_source

CONFUSING = '''\
# [not.a.header] and key = 1
top = 1 # [nor.this]
text = """
[inside.a.string]
key = "no" \\""" still inside
two quotes before the end"""""
literal = \'\'\'
[again]
it's # not a comment\'\'\'
dotted.inner . deepest = "x"
"quoted.key" = 'a # b = c'
"\\u0041nna" = 1979-05-27 07:32:00

[ outer . "in ner" ]
list = [
  1, # one
  "]", [2,
  3],
]
inline = { a = 1, b.c = [ { d = 2 } ], "e}" = "}" }

[[tables]]
name = "first"
[tables.below]
x = 1
[[tables.nested]]
[[tables.nested]]
y = 2
[[tables]]
name = "second"
[tables.below]
x = 3
'''

EXPECTED: dict[KeyPath, int] = {
    ("top",): 2,
    ("text",): 3,
    ("literal",): 7,
    ("dotted",): 10,
    ("dotted", "inner", "deepest"): 10,
    ("quoted.key",): 11,
    ("Anna",): 12,
    ("outer",): 14,
    ("outer", "in ner"): 14,
    ("outer", "in ner", "list"): 15,
    ("outer", "in ner", "list", 0): 16,
    ("outer", "in ner", "list", 1): 17,
    ("outer", "in ner", "list", 2, 1): 18,
    ("outer", "in ner", "inline", "b", "c", 0, "d"): 20,
    ("outer", "in ner", "inline", "e}"): 20,
    ("tables",): 22,
    ("tables", 0, "name"): 23,
    ("tables", 0, "below", "x"): 25,
    ("tables", 0, "nested", 1, "y"): 28,
    ("tables", 1): 29,
    ("tables", 1, "name"): 30,
    ("tables", 1, "below", "x"): 32,
}


def paths_in(value: Any, path: KeyPath = ()) -> set[KeyPath]:
    """Every path in what tomllib read."""
    found = {path} if path else set()
    pairs: Any = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, inner in pairs:
        found |= paths_in(inner, (*path, key))
    return found


@pytest.mark.parametrize(("path", "line"), EXPECTED.items(), ids=[dotted(path) for path in EXPECTED])
def test_each_key_of_a_confusing_text_is_found_on_its_line(path: KeyPath, line: int) -> None:
    assert key_lines(CONFUSING)[path] == line


def test_the_scanner_finds_exactly_the_keys_that_tomllib_finds() -> None:
    assert set(key_lines(CONFUSING)) == paths_in(tomllib.loads(CONFUSING))


NAMES = st.sampled_from(["a", "b", '"c.d"', "'e f'", '"\\u0067"', "a.b", "b . a"])
STRINGS = st.sampled_from(
    ['"x"', "'y'", '"""m\n[z]\n"""', "'''\nq = 1'''", '"\\""', '""', '""""""', '"""a"""""']
)
VALUES = st.recursive(
    STRINGS | st.sampled_from(["1", "true", "-1.5e3", "1979-05-27 07:32:00"]),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: "[ # [c]\n" + ",\n".join(items) + "\n]")
        | inner.map(lambda value: "{ a = " + value + ', "b" = 1 }')
    ),
    max_leaves=6,
)
STATEMENTS = (
    st.builds("{} = {}".format, NAMES, VALUES)
    | NAMES.map("[{}]".format)
    | NAMES.map("[[{}]]".format)
    | st.just("# a = 1")
)


@given(st.lists(STATEMENTS, max_size=8).map("\n".join))
def test_whatever_tomllib_accepts_the_scanner_follows(text: str) -> None:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    assert set(key_lines(text)) == paths_in(data)


def test_a_path_is_written_as_toml_would_write_it() -> None:
    assert dotted(("listen", "gateways", "address")) == "listen.gateways.address"
    assert dotted(("desks", 1)) == "desks[1]"
    assert dotted(("agents", "a.b\n")) == 'agents."a.b\\n"'


def test_windows_line_ends_do_not_move_the_lines() -> None:
    source = parse_source('a = """\r\nx\r\n"""\r\nb = 1\r\n', "x.toml")
    assert source.places[("b",)] == Place("x.toml", 4)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a = 1\nb = = 2\n", 2),
        ("a = 1\na = 2\n", 2),
        ("a = 1\n[b\n", 2),
        ('a = 1\nb = "no end', 2),
        ("a = " + "9" * 5000, None),
        ("a = " + "[" * 100_000, None),
    ],
)
def test_a_text_that_is_not_toml_is_a_problem_with_its_line(text: str, line: int | None) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_source(text, "x.toml")
    (problem,) = caught.value.problems
    assert (problem.file, problem.line) == ("x.toml", line)
    assert str(problem).startswith("x.toml")
