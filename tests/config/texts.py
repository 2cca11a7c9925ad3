"""Configurations that are right, for tests to spoil."""

HASH = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$dGhpcyBpcyBub3QgYSByZWFsIGhhc2g"
KEYS = ["a" * 40, "b" * 40, "c" * 40, "d" * 40]

GOOD_DESK = f"""\
tenant = "flowers"

[departments.support]
name = "Support"

[departments.sales]
name = "Продажі"
offer_timeout_s = 20.5

[agents.anna]
name = "Anna"
password = "{HASH}"
departments = ["support", "sales"]
capacity = 6
languages = ["uk", "zh-Hans"]

[agents.boris]
name = "Boris"
password = "{HASH}"
departments = ["sales"]

[channels.website]
name = "The website"
kind = "web"
gateway = "web"
department = "support"

[gateways.web]
public_key = "{KEYS[0]}"

[consoles.desktop]
public_key = "{KEYS[1]}"

[policies]
presence_initial = "away"
welcome = "Hello"
"""


def line_of(text: str, part: str) -> int:
    """The line on which a part first occurs, from 1."""
    return text[: text.index(part)].count("\n") + 1
