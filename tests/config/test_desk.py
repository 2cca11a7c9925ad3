import hashlib
import tomllib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, strategies as st

from config.desk import Desk, Policies, desk_digest, desk_schema, load_desk, parse_desk
from config.problems import ConfigurationError, Problem
from tests.config.texts import GOOD_DESK, HASH, KEYS, line_of

FILE = "desk.toml"

MANY_PROBLEMS = f"""\
tenant = "Flower Shop"
colour = "red"

[departments.support]
name = ""
offer_timeout_s = -1
decline_pause_s = nan

[departments.sales]
nmae = "Sales"

[agents.anna]
name = "Anna"
password = "correct horse"
departments = [
    "sales",
    "suport",
]
capacity = "4"

[agents."Bo ris"]
name = "Boris"
password = "{HASH}"
departments = []

[agents.clara]
name = "Clara"
password = 7
departments = ["sales", "sales"]
languages = ["english please"]

[channels.website]
name = "Website"
kind = "webb"
gateway = "wen"
department = "support"

[gateways.web]
public_key = "{KEYS[0]}"

[gateways.short]
public_key = "abc"

[gateways.huge]
public_key = "{"#" * 40}"

[consoles.desktop]
public_key = "{KEYS[0]}"

[policies]
presence_initial = "onlin"
grace_s = true
beyond_capacity = 1
text_length_max = 0
welcome = []
"""

# Each problem of the text above: its line, its key, and words of what is said.
EXPECTED = [
    (1, "tenant", 'must be a slug: up to 63 of a-z, 0-9 and inner hyphens, got text "Flower Shop"'),
    (2, "colour", "no such setting"),
    (5, "departments.support.name", "must not be empty"),
    (6, "departments.support.offer_timeout_s", "must be more than 0, got -1"),
    (7, "departments.support.decline_pause_s", "expected a finite number, got nan"),
    (9, "departments.sales.name", "is missing"),
    (10, "departments.sales.nmae", 'no such setting. Did you mean "name"?'),
    (14, "agents.anna.password", "must be an argon2id hash"),
    (17, "agents.anna.departments", 'no department "suport". Did you mean "support"?'),
    (19, "agents.anna.capacity", 'expected a whole number, got text "4"'),
    (21, 'agents."Bo ris"', "must be an id"),
    (24, 'agents."Bo ris".departments', "must not be empty"),
    (28, "agents.clara.password", "expected text"),
    (30, "agents.clara.languages[0]", "must be a language tag"),
    (34, "channels.website.kind", 'got text "webb". Did you mean "web"?'),
    (35, "channels.website.gateway", 'no gateway "wen". Did you mean "web"?'),
    (42, "gateways.short.public_key", "must be a public key"),
    (45, "gateways.huge.public_key", "is not a public key"),
    (48, "consoles.desktop.public_key", f"the same public_key as gateways.web.public_key ({FILE}:39)"),
    (51, "policies.presence_initial", 'Did you mean "online"?'),
    (52, "policies.grace_s", "expected a number, got true"),
    (53, "policies.beyond_capacity", "expected true or false, got 1"),
    (54, "policies.text_length_max", "must be at least 1, got 0"),
    (55, "policies.welcome", "expected text, got a list"),
]


def problems_of(text: str) -> tuple[Problem, ...]:
    with pytest.raises(ConfigurationError) as caught:
        parse_desk(text, FILE)
    return caught.value.problems


def only_problem_of(text: str) -> str:
    (problem,) = problems_of(text)
    return str(problem)


def test_a_good_desk_is_read_with_its_defaults() -> None:
    desk = parse_desk(GOOD_DESK, FILE)
    assert desk.tenant == "flowers"
    assert desk.departments["support"].offer_timeout_s == 30
    assert desk.departments["sales"].offer_timeout_s == 20.5
    assert desk.agents["anna"].departments == ("support", "sales")
    assert desk.agents["boris"].capacity == 4
    assert desk.channels["website"].kind == "web"
    assert desk.policies == Policies(presence_initial="away", welcome="Hello")


def test_every_problem_is_reported_together_each_with_its_line() -> None:
    problems = problems_of(MANY_PROBLEMS)
    assert [(problem.line, problem.where) for problem in problems] == [
        (line, key) for line, key, _ in EXPECTED
    ]
    for problem, (_, _, words) in zip(problems, EXPECTED, strict=True):
        assert words in str(problem)


def test_a_problem_reads_like_a_compiler_s() -> None:
    text = GOOD_DESK.replace('departments = ["sales"]', 'departments = ["sale"]')
    line = line_of(text, '["sale"]')
    expected = f'desk.toml:{line}: agents.boris.departments: no department "sale". Did you mean "sales"?'
    assert only_problem_of(text) == expected


def test_a_password_is_never_quoted_in_a_problem() -> None:
    assert "correct horse" not in str(ConfigurationError(problems_of(MANY_PROBLEMS)))


def test_a_wrong_department_does_not_hide_that_a_reference_to_it_is_right() -> None:
    text = GOOD_DESK.replace('name = "Support"', "name = 1")
    assert "departments.support.name: expected text" in only_problem_of(text)


def test_rules_between_settings_are_checked_when_each_one_alone_is_right() -> None:
    twice = GOOD_DESK.replace('["support", "sales"]', '["sales", "sales"]')
    assert "agents.anna.departments: names the same one twice" in only_problem_of(twice)
    long = GOOD_DESK.replace('welcome = "Hello"', 'text_length_max = 4\nwelcome = "Hello"')
    assert "policies.welcome: has 5 characters, but text_length_max is 4" in only_problem_of(long)


def test_a_hash_with_something_behind_it_is_refused() -> None:
    text = GOOD_DESK.replace(
        f'name = "Boris"\npassword = "{HASH}"', f'name = "Boris"\npassword = "{HASH}\\n"'
    )
    assert "agents.boris.password: must be an argon2id hash" in only_problem_of(text)


def test_a_table_where_a_value_should_be_and_the_other_way_round() -> None:
    problems = [str(problem) for problem in problems_of("agents = 3\n[tenant]\nx = 1\n[policies.welcome]\n")]
    assert problems == [
        "desk.toml:1: agents: expected a table, got 3",
        "desk.toml:2: tenant: expected text, got a table",
        "desk.toml:4: policies.welcome: expected text, got a table",
    ]


def test_an_empty_file_misses_only_the_tenant() -> None:
    assert only_problem_of("") == "desk.toml: tenant: is missing"


def test_a_peer_may_have_no_key_as_far_as_the_desk_alone_can_tell() -> None:
    desk = parse_desk('tenant = "t"\n[gateways.web]\n', FILE)
    assert desk.gateways["web"].public_key is None


def test_a_desk_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        parse_desk(GOOD_DESK, FILE).tenant = "other"  # type: ignore[misc]


def test_a_desk_is_loaded_from_a_file_even_one_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.write_text("\ufeff" + GOOD_DESK, encoding="utf-8")
    assert load_desk(path) == parse_desk(GOOD_DESK, FILE)


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        load_desk(tmp_path / "absent.toml")
    with pytest.raises(ConfigurationError, match="cannot be read: Is a directory"):
        load_desk(tmp_path)
    path = tmp_path / FILE
    path.write_bytes(b'tenant = "t"\n# \xff\n')
    with pytest.raises(ConfigurationError, match=":2: is not UTF-8 text"):
        load_desk(path)


def test_the_digest_is_the_sha_256_of_the_text() -> None:
    assert desk_digest("tenant") == hashlib.sha256(b"tenant").hexdigest()


def test_the_schema_knows_every_section_and_no_other_key() -> None:
    schema = desk_schema()["$defs"]["Desk"]
    assert set(schema["properties"]) == set(Desk.__struct_fields__)
    assert schema["additionalProperties"] is False


LINES = GOOD_DESK.split("\n")
REPLACEMENTS = [
    "1",
    "-1",
    "nan",
    "[]",
    "{}",
    '""',
    "[[1]]",
    "1979-05-27",
    "{ a = 1 }",
    "9" * 400,
    '"\\ud7ff"',
]


@st.composite
def mutated_desks(draw: st.DrawFn) -> str:
    """A good desk with a few lines dropped, doubled, renamed, or given another value."""
    lines = list(LINES)
    for _ in range(draw(st.integers(1, 4))):
        index = draw(st.integers(0, len(lines) - 1))
        key, equals, value = lines[index].partition(" = ")
        match draw(st.sampled_from(["drop", "double", "rename", "replace", "cut"])):
            case "drop":
                lines[index] = ""
            case "double":
                lines.insert(index, lines[index])
            case "rename":
                lines[index] = draw(st.text("abs.[]\"'é", max_size=6)) + key[2:] + equals + value
            case "replace" if equals:
                lines[index] = key + equals + draw(st.sampled_from(REPLACEMENTS))
            case _:
                lines[index] = lines[index][: draw(st.integers(0, 20))]
    return "\n".join(lines)


@given(mutated_desks())
def test_a_spoilt_desk_is_read_or_refused_but_never_breaks_the_reader(text: str) -> None:
    try:
        desk = parse_desk(text, FILE)
    except ConfigurationError:
        return
    # What the checker lets through, msgspec's own validation lets through as well.
    assert msgspec.convert(tomllib.loads(text), Desk) == desk
