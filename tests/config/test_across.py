"""What only shows when departments, agents and channels are looked at together, each with its line."""

import pytest

from config.desk import parse_desk
from config.problems import ConfigurationError
from config.routing import Hours
from tests.config.texts import HASH, line_of

DESK = f"""\
tenant = "flowers"

[departments.sales]
name = "Sales"

[departments.support]
name = "Support"

[departments.night]
name = "Night"

[agents.anna]
name = "Anna"
password = "{HASH}"
departments = ["sales"]
languages = ["uk"]
skills = {{ billing = 3 }}

[channels.web]
name = "Web"
kind = "web"
gateway = "web"
department = "sales"

[gateways.web]
"""


def desk(**more: str) -> str:
    """The desk with lines put into its entries: `sales='parent = "night"'`."""
    text = DESK
    for name, lines in more.items():
        (table,) = [
            line for line in DESK.splitlines() if line.startswith("[") and line.endswith(f".{name}]")
        ][:1]
        text = text.replace(f"{table}\n", f"{table}\n{lines}\n")
    return text


def problems(text: str) -> list[str]:
    try:
        parse_desk(text, "desk.toml")
    except ConfigurationError as error:
        return [str(problem) for problem in error.problems]
    return []


def overflow(to: str) -> str:
    return f'at_limit = "overflow"\noverflow = "{to}"'


WRONG = {
    "a parent that is the department itself": (
        desk(sales='parent = "sales"'),
        'parent = "sales"',
        "departments.sales.parent: is the department itself",
    ),
    "parents in a circle": (
        desk(sales='parent = "support"', support='parent = "night"', night='parent = "sales"'),
        'parent = "support"',
        "departments.sales.parent: goes in a circle: sales -> support -> night -> sales",
    ),
    "a circle that a department outside of it leads to": (
        desk(sales='parent = "support"', support='parent = "night"', night='parent = "support"'),
        'parent = "night"',
        "departments.support.parent: goes in a circle: support -> night -> support",
    ),
    "a parent that is nowhere": (
        desk(sales='parent = "suport"'),
        'parent = "suport"',
        'departments.sales.parent: no department "suport". Did you mean "support"?',
    ),
    "an overflow to itself": (
        desk(sales=overflow("sales")),
        'overflow = "sales"',
        "departments.sales.overflow: is the department itself",
    ),
    "overflows in a circle": (
        desk(sales=overflow("night"), night=overflow("sales")),
        'overflow = "night"',
        "departments.sales.overflow: goes in a circle: sales -> night -> sales",
    ),
    "an overflow that is missing": (
        desk(sales='at_limit = "overflow"'),
        "[departments.sales]",
        'departments.sales.overflow: is missing; at_limit is "overflow"',
    ),
    "a ring that opens nothing": (
        desk(sales="rings = [{ after_s = 10 }]"),
        "rings",
        "departments.sales.rings[0]: opens nothing; it needs relax or departments",
    ),
    "a ring that names its own department": (
        desk(sales='rings = [{ after_s = 10, departments = ["sales", "night"] }]'),
        "rings",
        "departments.sales.rings[0].departments: names the department itself",
    ),
    "a ring that names a department that is nowhere": (
        desk(sales='rings = [{ after_s = 10, departments = ["nigth"] }]'),
        "rings",
        'departments.sales.rings[0].departments: no department "nigth". Did you mean "night"?',
    ),
    "rings that do not open one after the other": (
        desk(sales='rings = [{ after_s = 10, relax = ["skills"] }, { after_s = 10, relax = ["language"] }]'),
        "rings",
        "departments.sales.rings: must open one after the other, each with a greater after_s",
    ),
    "a queue that nobody would ever be answered from": (
        desk(sales='mode = "pull"\npick = "none"'),
        'pick = "none"',
        'departments.sales.pick: must be "any" or "next"; mode is "pull", so nobody would ever be answered',
    ),
    "a role that is nowhere": (
        desk(anna='role = "supervisr"'),
        "role",
        'agents.anna.role: no role "supervisr". Did you mean "supervisor"?',
    ),
    "a limit for no kind of channel": (
        desk(anna="limits = { wab = 2 }"),
        "limits",
        'got text "wab". Did you mean "web"?',
    ),
    "a conversation that is too heavy for everybody": (
        desk(web="weight = 5"),
        "weight",
        "channels.web.weight: is 5, but no agent who serves sales has more capacity than 4",
    ),
    "a skill that nobody there has": (
        desk(web="skills = { biling = 1 }"),
        "skills = { biling",
        'have none of it, and no ring drops it. Did you mean "billing"?',
    ),
    "a level that nobody there reaches": (
        desk(web="skills = { billing = 4 }"),
        "skills = { billing = 4",
        "needs 4, but the agents who serve sales have 3 at most, and no ring drops it",
    ),
    "a language that nobody there speaks": (
        desk(web='language = "zh-Hans"', sales='language = "required"'),
        'language = "zh-Hans"',
        'channels.web.language: no agent who serves sales speaks "zh-Hans", and no ring drops it',
    ),
    "a time zone that is mistyped": (
        desk(sales='hours = { timezone = "Europe/Kiyv" }'),
        "hours",
        'is no time zone of this system, like "Europe/Kyiv". Did you mean "Europe/Kyiv"?',
    ),
    "a warning after the logout": (
        DESK + "[policies]\ninactivity_logout_s = 60\n",
        "[policies]",
        "policies.inactivity_warning_s: must be less than inactivity_logout_s, which is 60",
    ),
}

RIGHT = {
    "a tree": desk(sales='parent = "night"', support='parent = "night"'),
    "an overflow that ends somewhere": desk(sales=overflow("night"), support=overflow("night")),
    "an overflow back to where nothing overflows": desk(sales=overflow("night"), night='overflow = "sales"'),
    "a ring that drops the skill": desk(
        web="skills = { refunds = 1 }", sales='rings = [{ after_s = 9, relax = ["skills"] }]'
    ),
    "a ring that drops the language": desk(
        web='language = "zh"', sales='language = "required"\nrings = [{ after_s = 9, relax = ["language"] }]'
    ),
    "a language that is not required": desk(web='language = "zh"'),
    "a skill that a ring's department has": desk(
        web="skills = { billing = 3 }\nweight = 4", sales='rings = [{ after_s = 9, departments = ["night"] }]'
    ),
    "a department where nobody works yet": DESK.replace('departments = ["sales"]', 'departments = ["night"]')
    + "[channels.heavy]\n"
    'name = "H"\nkind = "web"\ngateway = "web"\ndepartment = "support"\nweight = 9\nskills = { any = 9 }\n',
    "roles that exist without being written": desk(anna='role = "supervisor"'),
    "a role of the desk's own": desk(anna='role = "lead"') + '[roles.lead]\npermissions = ["help"]\n',
    "a warning before the logout": DESK + "[policies]\ninactivity_logout_s = 600\n",
}


@pytest.mark.parametrize("case", WRONG)
def test_it_is_named_with_its_line_and_what_is_wrong(case: str) -> None:
    text, near, words = WRONG[case]
    (found,) = problems(text)
    assert found.startswith(f"desk.toml:{line_of(text, near)}: ")
    assert words in found


@pytest.mark.parametrize("case", RIGHT)
def test_what_may_be_meant_is_let_pass(case: str) -> None:
    assert problems(RIGHT[case]) == []


def test_all_of_it_is_reported_at_once_beside_what_is_wrong_by_itself() -> None:
    text = desk(
        sales='parent = "night"\nnmae = 1', night='parent = "sales"', web="weight = 9", anna='role = "boss"'
    )
    assert [problem.split(": ")[1] for problem in problems(text)] == [
        "departments.sales.parent",
        "departments.sales.nmae",
        "agents.anna.role",
        "channels.web.weight",
    ]


@pytest.mark.rule("D10")
def test_hours_are_those_of_the_department_s_own_time_zone_and_day() -> None:
    hours = Hours(timezone="Europe/Kyiv", monday=("09:00-12:00", "13:00-24:00"))
    monday_0600_utc = 1_737_352_800.0  # 20 January 2025; Kyiv is two hours ahead.
    assert [hours.open_at(monday_0600_utc + hour * 3600) for hour in (0, 1, 3.99, 4, 5, 15.99, 16)] == [
        False,
        True,
        True,
        False,
        True,
        True,
        False,
    ]
