"""The verbs of teamwork: each sends its message, keeps its place, and gives back its answer."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any, get_args

import pytest

from protocol.channels import CustomerActed, DeliveryReport
from protocol.client import AsyncConsoleClient, AsyncGatewayClient, ConsoleClient, GatewayClient
from protocol.client.events import Answered
from protocol.client.machine import STILL_HERE_S
from protocol.client.outstanding import lane_of
from protocol.client.pending import Pending
from protocol.client.verbs import Request
from protocol.content import Text
from protocol.customers import (
    Block,
    InviteVisitor,
    ReadAbuseList,
    ReadCustomer,
    SetDoNotDisturb,
    VisitorEntered,
    VisitorLeft,
    VisitorViewed,
)
from protocol.fields import Message
from protocol.history import (
    FindCustomers,
    ReadHistory,
    ReadTicket,
    ReadTickets,
    ReadVisitors,
    SearchMessages,
)
from protocol.life import AddNote, CancelEnd, CustomerRating, Reopen, SetStatus, Tag
from protocol.messages import (
    AgentCommand,
    AgentMessage,
    Answer,
    CustomerMessage,
    Delivery,
    End,
    GatewayCommand,
    Logout,
    Question,
    SetPresence,
)
from protocol.news import AgentSaid
from protocol.teamwork import (
    CancelInvitation,
    CancelTransfer,
    EndConference,
    EndSession,
    Explain,
    HandOver,
    Invite,
    Join,
    Leave,
    ReadColleagues,
    ReadPosition,
    ReadQueue,
    RefuseInvitation,
    SetOrder,
    StillHere,
    Take,
    TakeNext,
    Transfer,
    WhyIdle,
    WhyNot,
)
from protocol.views import InvitationView
from tests.protocol.client.rig import Rig, only, texts
from tests.protocol.examples import smallest

ID = bytes(16)
INVITATION = InvitationView("k1", "i1", "help", "web", "c1", "wei", 0.0)
COMMANDS: tuple[type[Message], ...] = (
    *get_args(GatewayCommand),
    *get_args(AgentCommand),
    *get_args(Question),
    Logout,
)

CONSOLE: list[tuple[Callable[[Any], Any], Message]] = [
    (lambda c: c.hand_over("anna", "away", to_agent="wei"), HandOver(ID, "anna", "away", "wei")),
    (lambda c: c.end_session("anna", "wei", "gone"), EndSession(ID, "anna", "wei", "gone")),
    (lambda c: c.take_next("anna"), TakeNext(ID, "anna")),
    (lambda c: c.take("anna", "k1"), Take(ID, "anna", "k1")),
    (lambda c: c.read_queue("anna", "help", 5), ReadQueue(ID, "anna", "help", 5)),
    (
        lambda c: c.set_order("anna", "help", "newest", "backlog"),
        SetOrder(ID, "anna", "help", "newest", "backlog"),
    ),
    (
        lambda c: c.transfer("anna", "k1", to_department="sales", note="n", reason="r"),
        Transfer(ID, "anna", "k1", "", "sales", "n", "r"),
    ),
    (lambda c: c.cancel_transfer("anna", "k1"), CancelTransfer(ID, "anna", "k1")),
    (lambda c: c.invite("anna", "k1", "wei", "n"), Invite(ID, "anna", "k1", "wei", "n")),
    (lambda c: c.cancel_invitation("anna", "k1", "wei"), CancelInvitation(ID, "anna", "k1", "wei")),
    (lambda c: c.join("anna", INVITATION), Join(ID, "anna", "k1", "i1")),
    (
        lambda c: c.refuse_invitation("anna", INVITATION, "busy"),
        RefuseInvitation(ID, "anna", "k1", "i1", "busy"),
    ),
    (lambda c: c.leave("anna", "k1"), Leave(ID, "anna", "k1")),
    (lambda c: c.end_conference("anna", "k1", "done"), EndConference(ID, "anna", "k1", "done")),
    (lambda c: c.read_colleagues("anna"), ReadColleagues(ID, "anna")),
    (lambda c: c.explain("anna", "k1"), Explain(ID, "anna", "k1")),
    (lambda c: c.why_not("anna", "k1"), WhyNot(ID, "anna", "k1", "anna")),
    (lambda c: c.why_not("anna", "k1", "wei"), WhyNot(ID, "anna", "k1", "wei")),
    (lambda c: c.why_idle("anna"), WhyIdle(ID, "anna", "anna")),
    (lambda c: c.why_idle("anna", "wei"), WhyIdle(ID, "anna", "wei")),
    (
        lambda c: c.read_history("anna", "k1", before=7, since=1.5, limit=20),
        ReadHistory(ID, "anna", "k1", 7, 1.5, 20),
    ),
    (
        lambda c: c.read_tickets("anna", "missed", tag="vip", before=7, limit=20),
        ReadTickets(ID, "anna", "missed", tag="vip", before=7, limit=20),
    ),
    (lambda c: c.read_ticket("anna", "k1", after=7, limit=20), ReadTicket(ID, "anna", "k1", 7, 20)),
    (
        lambda c: c.search_messages("anna", "late parcel", customer_of="k1", before=7, limit=20),
        SearchMessages(ID, "anna", "late parcel", customer_of="k1", before=7, limit=20),
    ),
    (
        lambda c: c.find_customers("anna", "Ann", of_contact="c1", in_channel="web", before=7, limit=20),
        FindCustomers(ID, "anna", "Ann", "c1", "web", 7, 20),
    ),
    (
        lambda c: c.read_visitors("anna", "left", in_channel="web", before=7, limit=20),
        ReadVisitors(ID, "anna", "left", "web", 7, 20),
    ),
]
CONSOLE += [
    (lambda c: c.end("anna", "k1", "done"), End(ID, "anna", "k1", "done")),
    (lambda c: c.end("anna", "k1", "done", after_s=30, notes="n"), End(ID, "anna", "k1", "done", 30, "n")),
    (lambda c: c.cancel_end("anna", "k1"), CancelEnd(ID, "anna", "k1")),
    (lambda c: c.set_status("anna", "k1", "pending"), SetStatus(ID, "anna", "k1", "pending")),
    (lambda c: c.reopen("anna", "k1"), Reopen(ID, "anna", "k1")),
    (lambda c: c.add_note("anna", "k1", "n"), AddNote(ID, "anna", "k1", "n")),
    (lambda c: c.tag("anna", "k1", ["a"], ["b"]), Tag(ID, "anna", "k1", ["a"], ["b"])),
]
SAID = Delivery("channel/web", 7, 1.0, AgentSaid("anna", Text("hello")), "k1", 4, "c1")
CONSOLE += [
    (lambda c: c.read_customer("anna", "web", "c1"), ReadCustomer(ID, "anna", "web", "c1")),
    (lambda c: c.read_customer("anna", conversation="k1"), ReadCustomer(ID, "anna", conversation="k1")),
    (lambda c: c.invite_visitor("anna", "web", "c1", "x"), InviteVisitor(ID, "anna", "web", "c1", Text("x"))),
    (lambda c: c.do_not_disturb("anna", "k1"), SetDoNotDisturb(ID, "anna", "k1")),
    (lambda c: c.block("anna", "k1", on=False), Block(ID, "anna", "k1", False)),
    (lambda c: c.read_abuse_list("anna", "blocked", 5, 9), ReadAbuseList(ID, "anna", "blocked", 5, 9)),
]
GATEWAY: list[tuple[Callable[[Any], Any], Message]] = [
    (
        lambda c: c.visitor_entered("web", "c1", "/", "Home", place="Lviv", authenticated=True),
        VisitorEntered(ID, "web", "c1", "/", "Home", place="Lviv", authenticated=True),
    ),
    (lambda c: c.visitor_viewed("web", "c1", "/b", "B"), VisitorViewed(ID, "web", "c1", "/b", "B")),
    (lambda c: c.visitor_left("web", "c1"), VisitorLeft(ID, "web", "c1")),
    (lambda c: c.read_position("web", "c1"), ReadPosition(ID, "web", "c1")),
    (lambda c: c.customer_rating("web", "c1", 4, "ok"), CustomerRating(ID, "web", "c1", 4, "ok")),
    (lambda c: c.customer_acted("web", "c1", "scan"), CustomerActed(ID, "web", "c1", "scan")),
    (
        lambda c: c.report_delivery(SAID, "failed", code="45015", reason="over", provider_id="m1"),
        DeliveryReport(ID, "web", "k1", 4, "failed", "45015", "over", "m1"),
    ),
    (
        lambda c: c.report_delivery(SAID, "retry", retry_after_s=2.5),
        DeliveryReport(ID, "web", "k1", 4, "retry", retry_after_s=2.5),
    ),
    (
        lambda c: c.customer_message("web", "c1", "hi", department="sales", skills={"vip": 2}, priority=3),
        CustomerMessage(ID, "web", "c1", Text("hi"), "", "", "sales", {"vip": 2}, 3),
    ),
]


def blocking(kind: type[Any]) -> Any:
    """Make a client without a driver that gives back the message it would send."""

    class Bare(kind):  # type: ignore[misc]
        _driver = None

        def __init__(self) -> None: ...

        def _send(self, request: Request[Any]) -> Pending[Any]:
            pending: Pending[Any] = Pending(ID)
            pending.future.set_result(request.make(id=ID))
            return pending

    return Bare()


def asynchronous(kind: type[Any]) -> Any:
    """Do the same with coroutines."""

    class Bare(kind):  # type: ignore[misc]
        def __init__(self) -> None: ...

        async def _ask(self, request: Request[Any]) -> Any:
            return request.make(id=ID)

    return Bare()


@pytest.mark.parametrize(("call", "wanted"), CONSOLE, ids=lambda value: getattr(type(value), "__name__", ""))
def test_each_verb_of_a_console_sends_its_message(call: Callable[[Any], Any], wanted: Message) -> None:
    assert call(blocking(ConsoleClient)) == wanted
    assert call(blocking(ConsoleClient).without_waiting).result() == wanted
    assert asyncio.run(call(asynchronous(AsyncConsoleClient))) == wanted


@pytest.mark.parametrize(("call", "wanted"), GATEWAY, ids=lambda value: getattr(type(value), "__name__", ""))
def test_each_verb_of_a_gateway_sends_its_message(call: Callable[[Any], Any], wanted: Message) -> None:
    assert call(blocking(GatewayClient)) == wanted
    assert call(blocking(GatewayClient).without_waiting).result() == wanted
    assert asyncio.run(call(asynchronous(AsyncGatewayClient))) == wanted


@pytest.mark.parametrize(
    ("one", "other"), [(ConsoleClient, AsyncConsoleClient), (GatewayClient, AsyncGatewayClient)]
)
def test_both_clients_have_the_same_verbs_with_the_same_arguments(one: type[Any], other: type[Any]) -> None:
    def verbs(kind: type[Any]) -> dict[str, set[str]]:
        found = inspect.getmembers(kind, inspect.isfunction)
        return {name: set(inspect.signature(verb).parameters) for name, verb in found if name[0] != "_"}

    assert verbs(one) == verbs(other)


# Lanes.


@pytest.mark.parametrize("kind", COMMANDS)
def test_whatever_names_a_conversation_keeps_its_order_with_all_else_about_it(kind: type[Message]) -> None:
    message: Any = smallest(kind)
    lane = lane_of(message)
    fields = kind.__struct_fields__
    if kind is DeliveryReport:
        assert lane == lane_of(DeliveryReport(ID, message.channel, message.conversation, 2, "read"))
        assert lane != lane_of(DeliveryReport(ID, message.channel, "other", 2, "read"))
    elif "conversation" in fields:
        assert lane == lane_of(AgentMessage(ID, message.agent, message.conversation, Text("x")))
    elif "channel" in fields:
        assert lane == lane_of(CustomerMessage(ID, message.channel, message.contact, Text("x")))
    elif kind in get_args(Question):
        assert lane != lane_of(SetPresence(ID, message.agent, "online"))
    else:
        assert lane == lane_of(SetPresence(ID, message.agent, "online"))


def test_a_transfer_is_not_overtaken_by_what_is_written_after_it() -> None:
    rig = Rig()
    rig.connect()
    rig.logged_in()
    rig.client.command(Transfer(rig.ids(), "anna", "k1", "wei"))
    rig.agent_says("goodbye")
    rig.agent_says("elsewhere", conversation="k2")
    said = rig.hear()
    assert only(Transfer, said).to_agent == "wei"
    assert texts(said) == ["elsewhere"]


# Answers.


@pytest.mark.parametrize("kind", get_args(Answer))
def test_every_kind_of_answer_answers_its_question(kind: type[Message]) -> None:
    rig = Rig()
    rig.connect()
    rig.logged_in()
    question = ReadColleagues(rig.ids(), "anna")
    rig.client.command(question)
    rig.hear()
    answer: Any = smallest(kind)
    rig.say(
        type(answer)(
            **{**{name: getattr(answer, name) for name in kind.__struct_fields__}, "id": question.id}
        )
    )
    assert rig.events(Answered)[-1].id == question.id
    assert rig.client.waiting == 0


# Signs of life.


@pytest.mark.rule("B3")
def test_a_sign_of_life_is_sent_every_few_seconds_at_most() -> None:
    rig = Rig()
    rig.connect()
    rig.client.still_here("anna", rig.now)
    assert not [message for message in rig.hear() if isinstance(message, StillHere)]
    rig.logged_in()
    sent = 0
    for _ in range(10):
        rig.client.still_here("anna", rig.now)
        sent += sum(isinstance(message, StillHere) for message in rig.hear())
        rig.now += STILL_HERE_S / 5
    assert sent == 2
