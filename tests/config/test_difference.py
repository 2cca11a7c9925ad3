from config.desk import Desk, parse_desk
from config.difference import Change, difference
from tests.config.texts import GOOD_DESK, HASH, KEYS


def desk(text: str = GOOD_DESK) -> Desk:
    return parse_desk(text, "desk.toml")


def said(old: Desk | None, new: Desk) -> list[str]:
    return [str(change) for change in difference(old, new)]


def test_a_desk_does_not_differ_from_itself() -> None:
    assert difference(desk(), desk()) == []


def test_writing_a_default_out_is_no_difference() -> None:
    written_out = GOOD_DESK.replace('name = "Support"', 'name = "Support"\noffer_timeout_s = 30')
    assert difference(desk(), desk(written_out)) == []


def test_a_changed_setting_is_said_with_both_values() -> None:
    new = desk(GOOD_DESK.replace("capacity = 6", "capacity = 4").replace('welcome = "Hello"\n', ""))
    assert difference(desk(), new) == [
        Change("changed", "agents.anna.capacity", "6", "4"),
        Change("changed", "policies.welcome", '"Hello"', "none"),
    ]
    assert said(desk(), new) == ["~ agents.anna.capacity: 6 -> 4", '~ policies.welcome: "Hello" -> none']


def test_added_and_removed_entries_are_said_in_one_line_each() -> None:
    smaller = desk(
        GOOD_DESK.replace(f'[consoles.desktop]\npublic_key = "{KEYS[1]}"\n', "[consoles.tablet]\n")
    )
    assert said(desk(), smaller) == [
        f'- consoles.desktop: public_key "{KEYS[1]}"',
        "+ consoles.tablet",
    ]


def test_a_password_that_changes_is_never_shown() -> None:
    (change,) = difference(desk(), desk(GOOD_DESK.replace(HASH, HASH + "x", 1)))
    assert (change.kind, change.before, change.after) == ("changed", None, None)
    assert str(change) == "~ agents.anna: password changed"


def test_a_first_desk_is_added_whole_and_without_passwords() -> None:
    lines = said(None, desk())
    assert lines[0] == '+ tenant: "flowers"'
    assert '+ agents.boris: name "Boris", departments ["sales"]' in lines
    assert '~ policies.presence_initial: "online" -> "away"' in lines
    assert "argon2id" not in "\n".join(lines)


def test_another_tenant_is_a_difference() -> None:
    new = desk(GOOD_DESK.replace('tenant = "flowers"', 'tenant = "books"'))
    assert said(desk(), new) == ['~ tenant: "flowers" -> "books"']


NESTED = GOOD_DESK.replace(
    'name = "Support"\n',
    'name = "Support"\nrings = [{ after_s = 30, departments = ["sales"] }]\n'
    '[departments.support.hours]\ntimezone = "Europe/Kyiv"\nmonday = ["09:00-17:30"]\n',
).replace("capacity = 6", "capacity = 6\nskills = { billing = 3 }\nlimits = { web = 2 }")


def test_what_stands_in_tables_and_lists_is_said_where_it_is() -> None:
    assert said(desk(), desk(NESTED)) == [
        '+ departments.support.rings[0]: { after_s = 30, departments = ["sales"] }',
        '+ departments.support.hours: { timezone = "Europe/Kyiv", monday = ["09:00-17:30"] }',
        "+ agents.anna.skills.billing: 3",
        "+ agents.anna.limits.web: 2",
    ]
    later = NESTED.replace("after_s = 30", "after_s = 45").replace("09:00", "08:00")
    assert said(desk(NESTED), desk(later.replace("billing = 3", "billing = 5, refunds = 1"))) == [
        "~ departments.support.rings[0].after_s: 30 -> 45",
        '~ departments.support.hours.monday: ["09:00-17:30"] -> ["08:00-17:30"]',
        "~ agents.anna.skills.billing: 3 -> 5",
        "+ agents.anna.skills.refunds: 1",
    ]
    assert said(desk(NESTED), desk())[0].startswith("- departments.support.rings[0]: {")


def test_an_entry_that_is_new_says_only_what_was_chosen() -> None:
    new = desk(GOOD_DESK.replace("[gateways.web]", '[departments.night]\nname = "Night"\n\n[gateways.web]'))
    assert said(desk(), new) == ['+ departments.night: name "Night"']
