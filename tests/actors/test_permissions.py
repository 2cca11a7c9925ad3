"""What a role lets an agent do to the work of others: the tree decides over whom (L1-L3)."""

from __future__ import annotations

import pytest

from actors.permissions import has, knows_of, may, may_in, oversees, sees, supervisors
from config.desk import parse_desk
from tests.stage import desk_text

#: north and south are below all; a circle cannot be: the desk is checked for it.
DESK = parse_desk(
    desk_text(
        agents=0,
        departments={
            "help": 'parent = "north"',
            "all": "",
            "north": 'parent = "all"',
            "south": 'parent = "all"',
        },
        people={
            "chief": 'departments = ["all"]\nrole = "supervisor"',
            "lead": 'departments = ["north"]\nrole = "supervisor"',
            "north1": 'departments = ["north"]',
            "help1": 'departments = ["help"]',
            "south1": 'departments = ["south", "help"]',
            "helper": 'departments = ["north"]\nrole = "helper"',
        },
        extra='[roles.helper]\npermissions = ["help"]\n',
    ),
    "desk.toml",
)


@pytest.mark.rule("L1")
@pytest.mark.parametrize(
    ("agent", "over", "is_so"),
    [
        ("chief", "south1", True),
        ("chief", "lead", True),
        ("lead", "help1", True),
        ("lead", "south1", True),
        ("lead", "chief", False),
        ("help1", "north1", False),
        ("help1", "south1", True),
        ("north1", "lead", True),
        ("nobody", "lead", False),
        ("lead", "nobody", False),
    ],
)
def test_colleagues_are_those_of_the_same_departments_and_below(agent: str, over: str, is_so: bool) -> None:
    assert oversees(DESK, agent, over) is is_so
    assert may(DESK, agent, "transfer_for_others", over) is (is_so and agent in ("chief", "lead"))


@pytest.mark.rule("L2", "L3")
@pytest.mark.parametrize(
    ("agent", "permission", "given"),
    [
        ("chief", "transfer_for_others", True),
        ("helper", "help", True),
        ("helper", "transfer_for_others", False),
        ("north1", "see_colleagues", True),
        ("north1", "help", False),
        ("nobody", "see_colleagues", False),
    ],
)
def test_a_permission_is_the_roles_and_nobody_has_one_without(
    agent: str, permission: str, given: bool
) -> None:
    assert has(DESK, agent, permission) is given  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("department", "given"),
    [("all", False), ("north", True), ("help", True), ("south", False), ("no", False)],
)
def test_what_waits_is_overseen_by_its_department(department: str, given: bool) -> None:
    assert may_in(DESK, "lead", "end_for_others", department) is given


def test_the_supervisors_of_a_department_are_its_own_and_those_above() -> None:
    assert supervisors(DESK, "transfer_for_others", ["help"]) == ("lead", "chief")
    assert supervisors(DESK, "transfer_for_others", ["south"]) == ("chief",)
    assert supervisors(DESK, "help", ["north"]) == ("lead", "helper", "chief")
    assert supervisors(DESK, "help", []) == ()
    other = parse_desk(desk_text(people={"a1": 'role = "supervisor"'}), "desk.toml")
    assert supervisors(other, "help", ["help"]) == ("a1",), "each desk has its own"


@pytest.mark.rule("guarantee-G15")
@pytest.mark.parametrize(
    ("agent", "department", "seen", "known"),
    [
        ("lead", "north", True, True),
        ("lead", "help", True, True),
        ("lead", "south", False, True),
        ("south1", "north", False, False),
        ("lead", "nowhere", False, False),
        ("nobody", "north", False, False),
    ],
)
def test_a_queue_is_known_to_those_it_could_come_to_and_to_nobody_else(
    agent: str, department: str, seen: bool, known: bool
) -> None:
    """The rings of ``south`` reach ``north``: what waits in the one may be offered in the other."""
    text = desk_text(
        agents=0,
        departments={"help": 'parent = "north"', "north": "", "south": ""},
        people={"lead": 'departments = ["north"]', "south1": 'departments = ["south"]'},
        extra='[[departments.south.rings]]\nafter_s = 60\ndepartments = ["north"]\n',
    )
    desk = parse_desk(text, "desk.toml")
    assert (sees(desk, agent, department), knows_of(desk, agent, department)) == (seen, known)
