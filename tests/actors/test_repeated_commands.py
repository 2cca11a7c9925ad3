"""One id of one sender has one effect (G3): sent again, with other content, after a restart, after it has
left memory, in one turn, with ids that do not grow.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from actors import authorization
from actors.telling import Told
from protocol.messages import (
    Accept,
    Ack,
    AgentMessage,
    CustomerLeft,
    CustomerMessage,
    Decline,
    End,
    Goodbye,
    Hello,
    Login,
    LoginWithToken,
    Logout,
    Ping,
    ReadThread,
    Received,
    Refused,
    SetPresence,
    Subscribe,
    Text,
)
from tests.actors.oracle import Oracle
from tests.stage import Stage, desk_text

pytestmark = pytest.mark.rule("guarantee-G3")

#: What changes nothing in the journal, or belongs to the connection.
WITHOUT_EFFECT = {Goodbye, Hello, Login, LoginWithToken, Ping, ReadThread, Received, Subscribe}

Address = tuple[str, str, str]
Scene = Callable[[Stage], tuple[Address, Any, str]]


def customer_message(stage: Stage) -> tuple[Address, Any, str]:
    command = CustomerMessage(stage.command_id(), "web", "ann", Text("hello"), "Ann", "en")
    return ("channel", "acme", "web"), command, "gateway/web"


def customer_left(stage: Stage) -> tuple[Address, Any, str]:
    stage.writes("ann", "hello")
    return ("channel", "acme", "web"), CustomerLeft(stage.command_id(), "web", "ann", "bored"), "gateway/web"


def offered(stage: Stage) -> tuple[Address, str]:
    stage.logs_in("a1")
    talk = stage.begin_conversation("ann")
    return ("conversation", "acme", talk), talk


def accept(stage: Stage) -> tuple[Address, Any, str]:
    address, talk = offered(stage)
    return address, Accept(stage.command_id(), "a1", talk, stage.live_offer(talk)), "agent/a1"


def decline(stage: Stage) -> tuple[Address, Any, str]:
    address, talk = offered(stage)
    return address, Decline(stage.command_id(), "a1", talk, stage.live_offer(talk), "busy"), "agent/a1"


def agent_message(stage: Stage) -> tuple[Address, Any, str]:
    address, talk = offered(stage)
    stage.accepts("a1", talk)
    return address, AgentMessage(stage.command_id(), "a1", talk, Text("hello")), "agent/a1"


def end(stage: Stage) -> tuple[Address, Any, str]:
    address, talk = offered(stage)
    stage.accepts("a1", talk)
    return address, End(stage.command_id(), "a1", talk, "done"), "agent/a1"


def set_presence(stage: Stage) -> tuple[Address, Any, str]:
    stage.logs_in("a1")
    return ("agent", "acme", "a1"), SetPresence(stage.command_id(), "a1", "busy"), "agent/a1"


def logout(stage: Stage) -> tuple[Address, Any, str]:
    stage.logs_in("a1")
    return ("agent", "acme", "a1"), Logout(stage.command_id(), "a1"), "agent/a1"


SCENES: dict[type[Any], Scene] = {
    CustomerMessage: customer_message,
    CustomerLeft: customer_left,
    Accept: accept,
    Decline: decline,
    AgentMessage: agent_message,
    End: end,
    SetPresence: set_presence,
    Logout: logout,
}

#: Where a command goes is not content: the id of the conversation or agent is the address it is told to.
ADDRESS = {"id", "agent", "conversation"}
OTHERS = {"content": Text("something else"), "presence": "away", "channel": "shop"}
FIELDS = [(kind, name) for kind in SCENES for name in kind.__struct_fields__ if name not in ADDRESS]
UNNOTICED = {
    (CustomerMessage, "name"): "the name stands in Started only",
    (CustomerMessage, "language"): "the language stands in Started only",
}


def test_every_command_with_an_effect_has_a_scene() -> None:
    allowed = {command for table in authorization.ALLOWED.values() for command in table}
    assert set(SCENES) == allowed - WITHOUT_EFFECT


def play(stage: Stage, scene: tuple[Address, Any, str]) -> Any:
    address, command, sender = scene
    return stage.tell(address, command, sender)


@pytest.mark.parametrize("kind", SCENES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("between", ["nothing", "restart", "parked", "restart and parked"])
def test_a_repeated_command_gets_its_first_answer(
    steps: Callable[[int, int], None], kind: type[Any], between: str
) -> None:
    steps(0, 1)
    stage = Stage()
    scene = SCENES[kind](stage)
    first = play(stage, scene)
    assert isinstance(first, Ack)
    if "restart" in between:
        stage.restart()
    if "parked" in between:
        stage.clock.advance(1.0)
        stage.turn(park_idle_s=0.0)
    head = stage.system.head
    again = play(stage, scene)
    assert again == msgspec.structs.replace(first, duplicate=True)
    assert stage.system.head == head


@pytest.mark.parametrize(
    ("kind", "field"),
    [
        pytest.param(
            kind,
            field,
            id=f"{kind.__name__}.{field}",
            marks=[pytest.mark.xfail(strict=True, reason=UNNOTICED[kind, field])]
            if (kind, field) in UNNOTICED
            else [],
        )
        for kind, field in FIELDS
    ],
)
def test_the_same_id_with_other_content_is_refused(kind: type[Any], field: str) -> None:
    shop = '[channels.shop]\nkind = "web"\nname = "Shop"\ngateway = "web"\ndepartment = "help"\n'
    stage = Stage(desk=desk_text(extra=shop))
    address, command, sender = SCENES[kind](stage)
    assert isinstance(stage.tell(address, command, sender), Ack)
    other = msgspec.structs.replace(command, **{field: OTHERS.get(field, "other")})
    if field == "channel":
        address = ("channel", "acme", "shop")
    head = stage.system.head
    answer = stage.tell(address, other, sender)
    assert isinstance(answer, Refused)
    assert answer.code == "ID_REUSED"
    assert stage.system.head == head


@pytest.mark.parametrize("kind", SCENES, ids=lambda kind: kind.__name__)
def test_a_command_that_comes_twice_in_one_turn_is_carried_out_once(kind: type[Any]) -> None:
    stage = Stage()
    address, command, sender = SCENES[kind](stage)
    told = Told(command, "acme", sender, "peer")
    stage.turn((address, told), (address, told))
    first, again = stage.replies
    assert (first.duplicate, again.duplicate) == (False, True)
    assert (first.position, first.sequence) == (again.position, again.sequence)
    Oracle().read(stage.store)


def test_two_customers_under_one_id_in_one_turn_are_one_message_and_one_refusal() -> None:
    stage = Stage()
    ident = stage.command_id()
    channel = ("channel", "acme", "web")
    stage.turn(
        *(
            (channel, Told(CustomerMessage(ident, "web", who, Text("hello")), "acme", "gateway/web", "peer"))
            for who in ("ann", "bob")
        )
    )
    assert sorted(type(reply).__name__ for reply in stage.replies) == ["Ack", "Refused"]
    assert isinstance(stage.writes("bob", "now really"), Ack)
    Oracle().read(stage.store)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("restart", [False, True])
def test_ids_that_do_not_grow_are_remembered_all_the_same(
    steps: Callable[[int, int], None], restart: bool
) -> None:
    steps(4, 3)
    stage = Stage()
    idents = [
        uuid.UUID(int=(number * 0x9E3779B97F4A7C15F39CC0605CEDC835) % (1 << 128)).bytes
        for number in range(1, 60)
    ]
    first = {ident: stage.writes(f"customer-{ident[0] % 5}", ident.hex(), ident) for ident in idents}
    if restart:
        stage.restart()
    head = stage.system.head
    for ident, answer in first.items():
        again = stage.writes(f"customer-{ident[0] % 5}", ident.hex(), ident)
        assert again == msgspec.structs.replace(answer, duplicate=True)
        other = stage.writes(f"customer-{ident[0] % 5}", "else", ident)
        assert other.code == "ID_REUSED"
    assert stage.system.head == head


def test_the_same_id_of_two_senders_are_two_commands() -> None:
    stage = Stage()
    stage.logs_in("a1", "a2")
    ident = stage.command_id()
    for agent in ("a1", "a2"):
        answer = stage.tell(("agent", "acme", agent), SetPresence(ident, agent, "busy"), f"agent/{agent}")
        assert isinstance(answer, Ack)
        assert not answer.duplicate
