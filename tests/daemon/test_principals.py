"""Who a peer is: by its key, and where there are no keys by the name that it gives, if only one has it."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from actors.authorization import ALLOWED, Principal
from config.desk import parse_desk
from config.routing import Permission
from daemon.principals import Principals, Who
from protocol.messages import AgentMessage, Goodbye
from protocol.teamwork import EndSession
from tests.daemon.doors import FakeListener
from tests.stage import desk_text

pytestmark = pytest.mark.rule("guarantee-G15")

WEB, DESK, PROBE = "W" * 40, "D" * 40, "P" * 40


def everybody() -> Principals:
    """Two tenants, both with a gateway ``web`` and a console ``desk``; only those of ``acme`` have keys."""
    text = desk_text().replace("[gateways.web]", f'[gateways.web]\npublic_key = "{WEB}"')
    text = text.replace("[consoles.desk]", f'[consoles.desk]\npublic_key = "{DESK}"')
    rival = desk_text().replace('"acme"', '"rival"') + "\n[gateways.only]\n"
    found = Principals({"acme": parse_desk(text, "a.toml"), "rival": parse_desk(rival, "r.toml")})
    found.refresh()
    found.probe_key = PROBE
    return found


@pytest.mark.parametrize(
    ("role", "key", "let_in"),
    [
        ("gateway", WEB, True),
        ("console", DESK, True),
        ("gateway", DESK, False),
        ("console", WEB, False),
        ("gateway", "X" * 40, False),
        ("gateway", "", False),
        ("gateway", PROBE, True),
        ("console", PROBE, True),
    ],
)
def test_only_a_key_of_this_door_shakes_hands_with_it(role: str, key: str, let_in: bool) -> None:
    assert everybody().may_connect(role, key, secure=True) is let_in


def test_without_a_self_test_no_key_at_all_is_not_its_key() -> None:
    found = Principals({})
    assert not found.may_connect("gateway", found.probe_key, secure=True)


@pytest.mark.parametrize(("key", "let_in"), [("", True), (WEB, False)])
def test_on_a_plain_listener_nobody_comes_with_a_key(key: str, let_in: bool) -> None:
    assert everybody().may_connect("gateway", key, secure=False) is let_in


def found(name: str, key: str = "", *, secure: bool = False) -> Who | None:
    listener: Any = FakeListener("gateway", secure=secure)
    return everybody().find(listener, key, name)


def test_a_name_counts_where_there_are_no_keys_and_only_while_it_is_nobody_elses() -> None:
    assert found("only") == Who(Principal.GATEWAY, "rival", "only")
    assert found("web") is None, "both tenants have one"
    assert found("acme:web") == Who(Principal.GATEWAY, "acme", "web")
    assert found("rival:web") == Who(Principal.GATEWAY, "rival", "web")
    assert found("nobody") is None


def test_with_keys_the_name_counts_for_nothing() -> None:
    assert found("rival:web", WEB, secure=True) == Who(Principal.GATEWAY, "acme", "web")
    assert found("acme:web", DESK, secure=True) is None
    assert found("acme:web", PROBE, secure=True) is None, "the self-test is nobody behind the door"


def test_who_has_left_the_desk_is_nobody_after_the_next_look() -> None:
    desks = {"acme": parse_desk(desk_text(), "a.toml")}
    principals = Principals(desks)
    principals.refresh()
    listener: Any = FakeListener("gateway")
    assert principals.find(listener, "", "web") is not None
    del desks["acme"]
    principals.refresh()
    assert principals.find(listener, "", "web") is None


@pytest.mark.parametrize(
    ("principal", "kind", "condition"),
    [
        (Principal.GATEWAY, Goodbye, "anyone"),
        (
            Principal.CONSOLE,
            AgentMessage,
            "logged in here, and the agent is the assignee or a member of the conversation, or `help`",
        ),
        (
            Principal.CONSOLE,
            EndSession,
            "logged in here, and the other agent is a colleague or below; needs `end_sessions`",
        ),
    ],
)
def test_a_rule_says_whether_the_permission_stands_in_for_the_relation_or_is_needed_besides(
    principal: Principal, kind: type[Any], condition: str
) -> None:
    assert ALLOWED[principal][kind].condition == condition


def test_a_permission_that_is_asked_for_is_one_that_a_role_can_have() -> None:
    asked = {rule.permission for rules in ALLOWED.values() for rule in rules.values()} - {None}
    assert asked <= set(get_args(Permission))
