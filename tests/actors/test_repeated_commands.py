"""One id of one sender has one effect (G3): sent again, with other content, after a restart, after it has
left memory, in one turn, with ids that do not grow.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, get_args

import msgspec
import pytest

from actors import authorization
from actors.customer.address import customer_address
from actors.telling import Told
from protocol import messages
from protocol.channels import CustomerActed, DeliveryReport
from protocol.content import Text
from protocol.customers import (
    Block,
    InviteVisitor,
    SetDoNotDisturb,
    VisitorEntered,
    VisitorLeft,
    VisitorViewed,
)
from protocol.life import AddNote, CancelEnd, CustomerRating, Reopen, SetStatus, Tag
from protocol.messages import (
    Accept,
    Ack,
    AgentMessage,
    CustomerLeft,
    CustomerMessage,
    Decline,
    End,
    Logout,
    Refused,
    SetPresence,
)
from protocol.teamwork import (
    CancelInvitation,
    CancelTransfer,
    EndConference,
    EndSession,
    HandOver,
    Invite,
    Join,
    Leave,
    RefuseInvitation,
    SetOrder,
    Take,
    TakeNext,
    Transfer,
)
from tests.actors.oracle import Oracle
from tests.stage import Stage, desk_text

pytestmark = pytest.mark.rule("guarantee-G3")

#: What changes nothing in the journal, or belongs to the connection; but a logout is journaled.
WITHOUT_EFFECT = {
    *get_args(messages.ConnectionMessage),
    *get_args(messages.Question),
    *get_args(messages.Hint),
    *get_args(messages.MediaRequest),
}

#: Two who help, one of whom serves a pool where nothing is offered as well, and their supervisor.
DESK = desk_text(
    departments={"pool": 'mode = "pull"'},
    people={"a1": 'departments = ["help", "pool"]', "boss": 'role = "supervisor"\ndepartments = ["help"]'},
    channels={"shop": "", "counter": 'department = "pool"', "letters": 'receipts = "read"'},
)

Address = tuple[str, str, str]
Scene = Callable[[Stage], tuple[Address, Any, str]]


def customer_message(stage: Stage) -> tuple[Address, Any, str]:
    text = Text("hello")
    command = CustomerMessage(stage.command_id(), "web", "ann", text, "Ann", "en", "pool", {"tea": 2}, 3)
    return ("channel", "acme", "web"), command, "gateway/web"


def customer_left(stage: Stage) -> tuple[Address, Any, str]:
    stage.writes("ann", "hello")
    return ("channel", "acme", "web"), CustomerLeft(stage.command_id(), "web", "ann", "bored"), "gateway/web"


def of_visitor(stage: Stage, command: Any) -> tuple[Address, Any, str]:
    """Return what a gateway says of a visitor with the address to which the hub sends it."""
    return customer_address("acme", command.channel, command.contact), command, "gateway/web"


def visitor_entered(stage: Stage) -> tuple[Address, Any, str]:
    said = ("/boots", "Boots", "/", "Ann", "en", "Firefox", "Linux", "Lviv")
    return of_visitor(stage, VisitorEntered(stage.command_id(), "web", "ann", *said))


def visitor_viewed(stage: Stage) -> tuple[Address, Any, str]:
    return of_visitor(stage, VisitorViewed(stage.command_id(), "web", "ann", "/boots", "Boots"))


def visitor_left(stage: Stage) -> tuple[Address, Any, str]:
    entered = VisitorEntered(stage.command_id(), "web", "ann")
    assert isinstance(play(stage, of_visitor(stage, entered)), Ack)
    return of_visitor(stage, VisitorLeft(stage.command_id(), "web", "ann"))


def customer_acted(stage: Stage) -> tuple[Address, Any, str]:
    stage.writes("ann", "hello")
    command = CustomerActed(stage.command_id(), "web", "ann", "scan")
    return ("channel", "acme", "web"), command, "gateway/web"


def delivery_report(stage: Stage) -> tuple[Address, Any, str]:
    stage.logs_in("a1")
    talk = stage.writes("ann", "hello", channel="letters").conversation
    stage.accepts("a1", talk)
    sequence = stage.says("a1", talk, "hello").sequence
    command = DeliveryReport(stage.command_id(), "letters", talk, sequence, "sent", "0", "went", "m1", 1.0)
    return ("conversation", "acme", talk), command, "gateway/web"


def of_agent(stage: Stage, command: Any) -> tuple[Address, Any, str]:
    """Return a command with the address to which the hub sends it."""
    address, told = stage.command(command.agent, command)
    return address, command, told.sender


def offered(stage: Stage) -> str:
    stage.logs_in("a1")
    return stage.begin_conversation("ann")


def accept(stage: Stage) -> tuple[Address, Any, str]:
    talk = offered(stage)
    return of_agent(stage, Accept(stage.command_id(), "a1", talk, stage.live_offer(talk)))


def decline(stage: Stage) -> tuple[Address, Any, str]:
    talk = offered(stage)
    return of_agent(stage, Decline(stage.command_id(), "a1", talk, stage.live_offer(talk), "busy"))


def owned(stage: Stage) -> str:
    """Have a1 talk with ann, and a colleague there."""
    talk = offered(stage)
    stage.accepts("a1", talk)
    stage.logs_in("a2")
    return talk


def agent_message(stage: Stage) -> tuple[Address, Any, str]:
    return of_agent(stage, AgentMessage(stage.command_id(), "a1", owned(stage), Text("hello")))


def end(stage: Stage) -> tuple[Address, Any, str]:
    return of_agent(stage, End(stage.command_id(), "a1", owned(stage), "done"))


def cancel_end(stage: Stage) -> tuple[Address, Any, str]:
    talk = owned(stage)
    assert isinstance(stage.ends("a1", talk, after_s=60), Ack)
    return of_agent(stage, CancelEnd(stage.command_id(), "a1", talk))


def set_status(stage: Stage) -> tuple[Address, Any, str]:
    return of_agent(stage, SetStatus(stage.command_id(), "a1", owned(stage), "pending"))


def reopen(stage: Stage) -> tuple[Address, Any, str]:
    talk = owned(stage)
    assert isinstance(stage.ends("a1", talk), Ack)
    return of_agent(stage, Reopen(stage.command_id(), "a2", talk))


def add_note(stage: Stage) -> tuple[Address, Any, str]:
    return of_agent(stage, AddNote(stage.command_id(), "a1", owned(stage), "a regular"))


def tag(stage: Stage) -> tuple[Address, Any, str]:
    return of_agent(stage, Tag(stage.command_id(), "a1", owned(stage), ["roses"], ["tulips"]))


def customer_rating(stage: Stage) -> tuple[Address, Any, str]:
    stage.ends("a1", owned(stage))
    command = CustomerRating(stage.command_id(), "web", "ann", 4, "quick")
    return ("channel", "acme", "web"), command, "gateway/web"


def waiting(stage: Stage) -> str:
    """Have somebody wait where nothing is offered, and an agent who could take it."""
    stage.logs_in("a1")
    message = CustomerMessage(stage.command_id(), "counter", "ann", Text("hello"))
    ack = stage.tell(("channel", "acme", "counter"), message, "gateway/web")
    assert isinstance(ack, Ack)
    return ack.conversation


def take(stage: Stage) -> tuple[Address, Any, str]:
    return of_agent(stage, Take(stage.command_id(), "a1", waiting(stage)))


def take_next(stage: Stage) -> tuple[Address, Any, str]:
    waiting(stage)
    return of_agent(stage, TakeNext(stage.command_id(), "a1", "pool"))


def transfer(stage: Stage) -> tuple[Address, Any, str]:
    talk = owned(stage)
    return of_agent(stage, Transfer(stage.command_id(), "a1", talk, "a2", "help", "note", "reason"))


def cancel_transfer(stage: Stage) -> tuple[Address, Any, str]:
    talk = owned(stage)
    assert isinstance(stage.transfers("a1", talk, "a2"), Ack)
    return of_agent(stage, CancelTransfer(stage.command_id(), "a1", talk))


def invite(stage: Stage) -> tuple[Address, Any, str]:
    return of_agent(stage, Invite(stage.command_id(), "a1", owned(stage), "a2", "come, please"))


def invited(stage: Stage) -> str:
    talk = owned(stage)
    assert isinstance(stage.invites("a1", talk, "a2"), Ack)
    return talk


def cancel_invitation(stage: Stage) -> tuple[Address, Any, str]:
    return of_agent(stage, CancelInvitation(stage.command_id(), "a1", invited(stage), "a2"))


def join(stage: Stage) -> tuple[Address, Any, str]:
    talk = invited(stage)
    return of_agent(stage, Join(stage.command_id(), "a2", talk, stage.invitation("a2", talk)))


def refuse_invitation(stage: Stage) -> tuple[Address, Any, str]:
    talk = invited(stage)
    invitation = stage.invitation("a2", talk)
    return of_agent(stage, RefuseInvitation(stage.command_id(), "a2", talk, invitation, "no time"))


def leave(stage: Stage) -> tuple[Address, Any, str]:
    talk = invited(stage)
    assert isinstance(stage.joins("a2", talk), Ack)
    return of_agent(stage, Leave(stage.command_id(), "a2", talk))


def end_conference(stage: Stage) -> tuple[Address, Any, str]:
    talk = invited(stage)
    assert isinstance(stage.joins("a2", talk), Ack)
    return of_agent(stage, EndConference(stage.command_id(), "a1", talk, "helped"))


def set_presence(stage: Stage) -> tuple[Address, Any, str]:
    stage.logs_in("a1")
    return of_agent(stage, SetPresence(stage.command_id(), "a1", "busy"))


def logout(stage: Stage) -> tuple[Address, Any, str]:
    stage.logs_in("a1")
    return of_agent(stage, Logout(stage.command_id(), "a1"))


def hand_over(stage: Stage) -> tuple[Address, Any, str]:
    owned(stage)
    return of_agent(stage, HandOver(stage.command_id(), "a1", "offline", "a2"))


def end_session(stage: Stage) -> tuple[Address, Any, str]:
    stage.logs_in("a1", "boss")
    return of_agent(stage, EndSession(stage.command_id(), "boss", "a1", "gone home"))


def set_order(stage: Stage) -> tuple[Address, Any, str]:
    stage.logs_in("boss")
    return of_agent(stage, SetOrder(stage.command_id(), "boss", "help", "newest", "backlog"))


def invite_visitor(stage: Stage) -> tuple[Address, Any, str]:
    stage.logs_in("a1")
    entered = VisitorEntered(stage.command_id(), "web", "ann")
    assert isinstance(play(stage, of_visitor(stage, entered)), Ack)
    return of_agent(stage, InviteVisitor(stage.command_id(), "a1", "web", "ann", Text("Need help?")))


def do_not_disturb(stage: Stage) -> tuple[Address, Any, str]:
    return of_agent(stage, SetDoNotDisturb(stage.command_id(), "a1", owned(stage)))


def block(stage: Stage) -> tuple[Address, Any, str]:
    return of_agent(stage, Block(stage.command_id(), "a1", owned(stage)))


SCENES: dict[type[Any], Scene] = {
    InviteVisitor: invite_visitor,
    SetDoNotDisturb: do_not_disturb,
    Block: block,
    CustomerMessage: customer_message,
    CustomerLeft: customer_left,
    CustomerActed: customer_acted,
    DeliveryReport: delivery_report,
    VisitorEntered: visitor_entered,
    VisitorViewed: visitor_viewed,
    VisitorLeft: visitor_left,
    Accept: accept,
    Decline: decline,
    AgentMessage: agent_message,
    End: end,
    CancelEnd: cancel_end,
    SetStatus: set_status,
    Reopen: reopen,
    AddNote: add_note,
    Tag: tag,
    CustomerRating: customer_rating,
    Take: take,
    TakeNext: take_next,
    Transfer: transfer,
    CancelTransfer: cancel_transfer,
    Invite: invite,
    CancelInvitation: cancel_invitation,
    Join: join,
    RefuseInvitation: refuse_invitation,
    Leave: leave,
    EndConference: end_conference,
    SetPresence: set_presence,
    Logout: logout,
    HandOver: hand_over,
    EndSession: end_session,
    SetOrder: set_order,
}

#: Where a command goes is not content: the id of the conversation or agent is the address it is told to.
ADDRESS = {"id", "agent", "conversation", "of_agent"}
OTHERS = {
    "content": Text("something else"),
    "presence": "away",
    "channel": "shop",
    "after_s": 5.0,
    "status": "on_hold",
    "add": ["lilies"],
    "remove": [],
    "score": 5,
    "skills": {"tea": 3},
    "priority": 4,
    "authenticated": True,
    "on": False,
    "trigger": "follow",
    "sequence": 1,
    "state": "read",
    "retry_after_s": 2.0,
}
FIELDS = [(kind, name) for kind in SCENES for name in kind.__struct_fields__ if name not in ADDRESS]


def test_every_command_with_an_effect_has_a_scene() -> None:
    allowed = {command for table in authorization.ALLOWED.values() for command in table}
    assert set(SCENES) == allowed - (WITHOUT_EFFECT - {Logout})


def play(stage: Stage, scene: tuple[Address, Any, str]) -> Any:
    address, command, sender = scene
    return stage.tell(address, command, sender)


@pytest.mark.parametrize("kind", SCENES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("between", ["nothing", "restart", "parked", "restart and parked"])
def test_a_repeated_command_gets_its_first_answer(
    steps: Callable[[int, int], None], kind: type[Any], between: str
) -> None:
    steps(0, 1)
    stage = Stage(desk=DESK)
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


@pytest.mark.parametrize(("kind", "field"), FIELDS)
def test_the_same_id_with_other_content_is_refused(kind: type[Any], field: str) -> None:
    stage = Stage(desk=DESK)
    address, command, sender = SCENES[kind](stage)
    assert isinstance(stage.tell(address, command, sender), Ack)
    other = msgspec.structs.replace(command, **{field: OTHERS.get(field, "other")})
    if field == "channel" and kind is not DeliveryReport:
        address = ("channel", "acme", "shop")
    head = stage.system.head
    answer = stage.tell(address, other, sender)
    assert isinstance(answer, Refused)
    assert answer.code == "ID_REUSED"
    assert stage.system.head == head


@pytest.mark.parametrize("kind", SCENES, ids=lambda kind: kind.__name__)
def test_a_command_that_comes_twice_in_one_turn_is_carried_out_once(kind: type[Any]) -> None:
    stage = Stage(desk=DESK)
    address, command, sender = SCENES[kind](stage)
    told = Told(command, "acme", sender, "peer")
    stage.turn((address, told), (address, told))
    first, again = stage.replies
    assert (first.duplicate, again.duplicate) == (False, True)
    assert (first.position, first.sequence) == (again.position, again.sequence)
    Oracle().read(stage.store)


def test_what_a_later_message_says_of_its_customer_is_not_kept_and_not_compared() -> None:
    """Names change at any time (J2); a gateway that sends a message again sends today's."""
    stage = Stage()
    stage.writes("ann", "hello")
    second = CustomerMessage(stage.command_id(), "web", "ann", Text("anybody there?"), "Ann")
    address = ("channel", "acme", "web")
    assert isinstance(stage.tell(address, second, "gateway/web"), Ack)
    again = stage.tell(address, msgspec.structs.replace(second, name="Anna"), "gateway/web")
    assert isinstance(again, Ack)
    assert again.duplicate


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


@pytest.mark.parametrize(
    "other", [End(b"", "a1", "", "done", 30.0), End(b"", "a1", "", "done"), End(b"", "a1", "", "else", 60.0)]
)
def test_an_end_that_was_to_come_later_is_the_same_with_the_same_delay_and_reason_only(other: End) -> None:
    stage = Stage(desk=DESK)
    talk = owned(stage)
    command = End(stage.command_id(), "a1", talk, "done", 60.0)
    first = stage.says_to_desk("a1", command)
    assert isinstance(first, Ack)
    assert stage.says_to_desk("a1", command) == msgspec.structs.replace(first, duplicate=True)
    answer = stage.says_to_desk("a1", msgspec.structs.replace(other, id=command.id, conversation=talk))
    assert answer.code == "ID_REUSED"


@pytest.mark.parametrize("open_now", [False, True])
def test_an_act_is_the_same_whether_or_not_the_customer_had_a_conversation(open_now: bool) -> None:
    stage = Stage(desk=DESK)
    if open_now:
        stage.writes("ann", "hello")
    command = CustomerActed(stage.command_id(), "web", "ann", "scan")
    scene = (("channel", "acme", "web"), command, "gateway/web")
    first = play(stage, scene)
    assert isinstance(first, Ack)
    assert play(stage, scene) == msgspec.structs.replace(first, duplicate=True)
    for other in (
        msgspec.structs.replace(command, trigger="follow"),
        msgspec.structs.replace(command, contact="bob"),
        CustomerMessage(command.id, "web", "ann", Text("hello")),
    ):
        answer = stage.tell(scene[0], other, scene[2])
        assert answer.code == "ID_REUSED", other


@pytest.mark.timeout(20)
@pytest.mark.parametrize("restart", [False, True])
def test_ids_that_do_not_grow_are_remembered_all_the_same(
    steps: Callable[[int, int], None], restart: bool
) -> None:
    steps(4, 3)
    stage = Stage()
    idents = [
        uuid.UUID(int=(number * 0x9E3779B97F4A7C15F39CC0605CEDC835) % (1 << 128)).bytes
        for number in range(1, 50)
    ]
    assert idents.index(max(idents)) < 45, "the greatest is not among the last that are written"
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


def test_a_late_repeat_of_an_ended_session_does_not_end_the_next_login() -> None:
    """There was nothing to end any more: that is remembered as well."""
    stage = Stage(desk=DESK)
    stage.logs_in("boss", "a1")
    stage.logs_out("a1")
    command = EndSession(stage.command_id(), "boss", "a1")
    first = stage.says_to_desk("boss", command)
    stage.logs_in("a1")
    for restart in (False, True):
        if restart:
            stage.restart()
        again = stage.says_to_desk("boss", command)
        assert (again.position, again.duplicate) == (first.position, True)
        assert stage.lease("a1").epoch == 2
