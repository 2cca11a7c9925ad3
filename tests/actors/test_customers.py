"""Customers of a channel account in play: visits, and one conversation however parallel the input is."""

from __future__ import annotations

from typing import Any

import pytest

from actors.customer.actor import CustomerActor
from actors.customer.address import customer_address
from actors.customer.machine import Customer
from actors.queries import customer
from actors.telling import Told
from protocol.content import Text
from protocol.customers import VisitorEntered, VisitorLeft, VisitorViewed
from protocol.life import Reopen
from protocol.messages import Ack, CustomerLeft, CustomerMessage, End
from tests.actors.oracle import Oracle
from tests.stage import Stage, desk_text

#: Two accounts of one kind, whose visitors are gone after an hour of silence.
DESK = desk_text(channels={"web": "visit_timeout_s = 3600", "shop": ""})


def visitor(stage: Stage, message: Any) -> tuple[Any, Told]:
    """Return what a gateway says of a visitor with the address to which the hub sends it."""
    address = customer_address("acme", message.channel, message.contact)
    return address, Told(message, "acme", "gateway/web", "peer")


def enters(stage: Stage, contact: str = "ann", page: str = "/", channel: str = "web", **more: Any) -> Any:
    (answer,) = stage.turn(visitor(stage, VisitorEntered(stage.command_id(), channel, contact, page, **more)))
    return answer


def views(stage: Stage, page: str, contact: str = "ann") -> Any:
    (answer,) = stage.turn(visitor(stage, VisitorViewed(stage.command_id(), "web", contact, page)))
    return answer


def goes(stage: Stage, contact: str = "ann") -> Any:
    (answer,) = stage.turn(visitor(stage, VisitorLeft(stage.command_id(), "web", contact)))
    return answer


def known(stage: Stage, contact: str = "ann", channel: str = "web") -> Customer:
    return customer(stage.system, "acme", channel, contact)


def pages(stage: Stage, contact: str = "ann") -> list[str]:
    visit = known(stage, contact).visit
    return [page.page for page in visit.pages] if visit is not None else []


def message(stage: Stage, contact: str = "ann", text: str = "hello", channel: str = "web") -> Any:
    return stage.from_gateway(CustomerMessage(stage.command_id(), channel, contact, Text(text)))


def texts(stage: Stage, conversation: str) -> list[str]:
    return [
        entry.event.content.text  # type: ignore[union-attr]
        for entry in stage.entries()
        if entry.id == conversation and type(entry.event).__name__ == "CustomerWrote"
    ]


# Visits.


@pytest.mark.rule("C1", "C2", "C6")
def test_a_visit_is_known_from_its_first_page_to_its_last_and_afterwards() -> None:
    stage = Stage(desk=DESK)
    assert isinstance(enters(stage, place="Lviv", browser="Firefox", system="Linux"), Ack)
    assert isinstance(views(stage, "/boots"), Ack)
    state = known(stage)
    assert state.online
    assert state.visit is not None
    assert (state.visit.place, state.visit.browser, state.visit.system) == ("Lviv", "Firefox", "Linux")
    assert pages(stage) == ["/", "/boots"]
    assert isinstance(goes(stage), Ack)
    assert not known(stage).online
    assert pages(stage) == ["/", "/boots"]


@pytest.mark.rule("C3", "C4")
def test_a_visit_and_a_conversation_are_two_things_and_neither_ends_the_other() -> None:
    """C3: from the first word on the visitor is in conversation; C4: who leaves without one never spoke."""
    stage = Stage(desk=DESK)
    stage.logs_in("a1")
    enters(stage)
    assert [entry.kind for entry in stage.entries() if entry.id.endswith("ann")] == ["customer"]
    talk = stage.begin_conversation("ann", "a1")
    goes(stage)
    assert stage.state(talk).status == "open"
    enters(stage)
    stage.ends("a1", talk)
    assert known(stage).online


def test_a_gateway_that_comes_back_may_tell_everything_again_and_nothing_is_written() -> None:
    stage = Stage(desk=DESK)
    contacts = [f"visitor-{number}" for number in range(20)]
    for contact in contacts:
        enters(stage, contact)
    head = stage.system.head
    for contact in contacts:
        answer = enters(stage, contact)
        assert isinstance(answer, Ack)
        assert answer.position == head
    assert stage.system.head == head


@pytest.mark.parametrize("between", ["nothing", "restart", "desk"])
def test_a_visitor_of_whom_nobody_says_anything_any_more_is_gone_after_the_channels_time(
    between: str,
) -> None:
    stage = Stage(desk=DESK)
    enters(stage)
    stage.pass_time(3599)
    assert known(stage).online
    if between == "restart":
        # What was said before is not known any more: the time begins anew.
        stage.restart()
        stage.pass_time(3599)
        assert known(stage).online
    elif between == "desk":
        stage.applies(desk_text(channels={"web": "visit_timeout_s = 7200", "shop": ""}))
        stage.pass_time(1)
        assert known(stage).online
        stage.pass_time(3599)
    stage.pass_time(1)
    assert not known(stage).online
    assert [type(entry.event).__name__ for entry in stage.entries()][-1] == "VisitEnded"


@pytest.mark.parametrize("said", ["entered", "viewed"])
def test_whatever_is_said_of_a_visitor_shows_that_he_is_there(said: str) -> None:
    stage = Stage(desk=DESK)
    enters(stage)
    stage.pass_time(3000)
    _ = enters(stage) if said == "entered" else views(stage, "/b")
    stage.pass_time(3000)
    assert known(stage).online
    stage.pass_time(600)
    assert not known(stage).online


@pytest.mark.rule("C6", "C7")
def test_what_is_known_survives_a_restart_and_parking(steps: Any) -> None:
    steps(0, 1)
    stage = Stage(desk=DESK)
    enters(stage, name="Ann", place="Lviv")
    views(stage, "/boots")
    before = known(stage)
    stage.restart()
    assert known(stage) == before
    goes(stage)
    stage.clock.advance(10)
    stage.turn(park_idle_s=0.0)
    assert customer_address("acme", "web", "ann") not in stage.system.actors
    assert (known(stage).name, pages(stage)) == ("Ann", ["/", "/boots"])
    stage.restart()
    assert customer_address("acme", "web", "ann") not in stage.system.actors, "who is gone costs no memory"
    assert (known(stage).name, pages(stage)) == ("Ann", ["/", "/boots"])


def test_who_is_online_is_in_memory_after_a_restart_so_that_the_visit_can_end(steps: Any) -> None:
    steps(0, 1)
    stage = Stage(desk=DESK)
    enters(stage)
    for number in range(10):
        stage.writes(f"other {number}")
    stage.turn(park_idle_s=0.0)
    stage.restart()
    stage.pass_time(3600)
    assert not known(stage).online


def test_customers_of_whom_nothing_is_known_cost_nothing() -> None:
    """Nothing in the journal, nothing in memory after the turn, no row."""
    stage = Stage(desk=DESK)
    stage.writes("ann")
    assert [entry for entry in stage.entries() if entry.kind == "customer"] == []
    assert [actor for actor in stage.system.actors.values() if isinstance(actor, CustomerActor)] == []
    assert stage.store.snapshot(customer_address("acme", "web", "ann")) is None


# A conversation that begins.


@pytest.mark.rule("J2")
def test_a_conversation_takes_name_and_language_from_the_visit_where_the_message_has_none() -> None:
    stage = Stage(desk=DESK)
    enters(stage, name="Ann", language="uk")
    talk = stage.begin_conversation("ann")
    assert (stage.state(talk).name, stage.state(talk).language) == ("Ann", "uk")
    assert (stage.writes("ann").conversation, stage.leaves("ann").conversation) == (talk, talk)
    said = CustomerMessage(stage.command_id(), "web", "ann", Text("hi"), "Anna", "en")
    again = stage.tell(("channel", "acme", "web"), said, "gateway/web").conversation
    assert (stage.state(again).name, stage.state(again).language) == ("Anna", "en")


@pytest.mark.rule("J2")
def test_two_customers_of_one_name_are_two_and_a_changed_name_is_the_same_customer() -> None:
    stage = Stage(desk=DESK)
    enters(stage, "ann", name="Lee")
    enters(stage, "bob", name="Lee")
    first, second = stage.begin_conversation("ann"), stage.begin_conversation("bob")
    assert first != second
    enters(stage, "ann", name="Bruce")
    assert stage.writes("ann").conversation == first


@pytest.mark.rule("J3", "D6")
def test_accounts_of_one_channel_are_apart_though_the_contact_is_the_same() -> None:
    stage = Stage(desk=DESK)
    enters(stage, "ann", channel="shop", name="Shopper")
    web, shop = stage.writes("ann"), stage.writes("ann", channel="shop")
    assert web.conversation != shop.conversation
    assert (known(stage).name, known(stage, channel="shop").name) == ("", "Shopper")
    assert (stage.state(web.conversation).name, stage.state(shop.conversation).name) == ("", "Shopper")
    assert stage.writes("ann").conversation == web.conversation


@pytest.mark.rule("D6")
@pytest.mark.parametrize("many", [2, 7, 50])
def test_many_first_messages_in_one_turn_begin_one_conversation_in_their_order(many: int) -> None:
    """PEERS c10: two webhooks at once made two conversations."""
    stage = Stage(desk=DESK)
    stage.turn(*(message(stage, text=str(number)) for number in range(many)))
    acks = stage.replies
    assert len({ack.conversation for ack in acks}) == 1
    assert texts(stage, acks[0].conversation) == [str(number) for number in range(many)]
    assert len({ack.sequence for ack in acks}) == many


@pytest.mark.rule("D6")
def test_first_messages_of_many_customers_mixed_in_one_turn_stay_apart() -> None:
    stage = Stage(desk=DESK)
    names = [f"c{number}" for number in range(10)]
    stage.turn(*(message(stage, name, f"{name} {turn}") for turn in range(5) for name in names))
    talks = {ack.conversation for ack in stage.replies}
    assert len(talks) == len(names)
    for talk in talks:
        contact = stage.state(talk).contact
        assert texts(stage, talk) == [f"{contact} {turn}" for turn in range(5)]


@pytest.mark.rule("D6", "guarantee-G3")
def test_two_gateway_processes_and_duplicates_in_the_first_turn_begin_one_conversation() -> None:
    stage = Stage(desk=DESK)
    address, first = message(stage, text="one")
    other = Told(first.message, "acme", "gateway/elsewhere", "peer")
    again = Told(
        CustomerMessage(first.message.id, "web", "ann", Text("not one")), "acme", "gateway/web", "peer"
    )
    stage.turn(*((address, told) for told in (first, first, other, again)))
    mine, duplicate, elsewhere, reused = stage.replies
    assert (mine.duplicate, duplicate.duplicate, elsewhere.duplicate) == (False, True, False)
    assert mine.conversation == duplicate.conversation == elsewhere.conversation
    assert reused.code == "ID_REUSED"


@pytest.mark.rule("D6")
def test_a_first_message_under_a_used_id_does_not_split_what_comes_after_it() -> None:
    """The refused one and the good one were told to the same conversation, which the channel then forgot."""
    stage = Stage(desk=DESK)
    _, used = message(stage, "bob")
    stage.turn((("channel", "acme", "web"), used))
    bad = CustomerMessage(used.message.id, "web", "ann", Text("x"))
    stage.turn(stage.from_gateway(bad), message(stage, "ann", "good"))
    refused, good = stage.replies
    assert (refused.code, isinstance(good, Ack)) == ("ID_REUSED", True)
    assert stage.writes("ann", "and more").conversation == good.conversation


@pytest.mark.rule("D6")
def test_a_customer_who_writes_and_leaves_and_writes_in_one_turn_has_two_conversations_one_open() -> None:
    stage = Stage(desk=DESK)
    left = stage.from_gateway(CustomerLeft(stage.command_id(), "web", "ann"))
    stage.turn(message(stage, text="one"), left, message(stage, text="two"), message(stage, text="three"))
    assert [type(reply) for reply in stage.replies] == [Ack] * 4
    oracle = Oracle()
    oracle.read(stage.store)
    assert len(oracle.open_threads("ann")) == 1
    assert [texts(stage, talk) for talk in sorted(oracle.threads)] == [["one"], ["two", "three"]]


@pytest.mark.rule("D6")
@pytest.mark.parametrize("between", ["nothing", "restart", "parked", "parked and restarted"])
def test_one_that_was_ended_in_the_same_turn_is_followed_by_one_new_one(between: str, steps: Any) -> None:
    steps(0, 1)
    stage = Stage(desk=DESK)
    stage.logs_in("a1")
    talk = stage.begin_conversation("ann", "a1")
    if "parked" in between:
        stage.clock.advance(1)
        stage.turn(park_idle_s=0.0)
    if "restart" in between:
        stage.restart()
    stage.clock.advance(1)
    end = stage.command("a1", End(stage.command_id(), "a1", talk))
    stage.turn(end, message(stage, text="two"), message(stage, text="three"))
    oracle = Oracle()
    oracle.read(stage.store)
    (after,) = oracle.open_threads("ann")
    assert after != talk
    assert texts(stage, after) == ["two", "three"]
    assert stage.writes("ann").conversation == after


@pytest.mark.rule("D6", "F14")
@pytest.mark.parametrize("writes", [False, True])
def test_one_that_is_ended_and_reopened_in_one_turn_stays_the_only_one(writes: bool) -> None:
    """The news of its end came to the channel after the wish to reopen it, and had the last word."""
    stage = Stage(desk=DESK)
    stage.logs_in("a1")
    talk = stage.begin_conversation("ann", "a1")
    end = stage.command("a1", End(stage.command_id(), "a1", talk))
    reopen = stage.command("a1", Reopen(stage.command_id(), "a1", talk))
    said = [(("conversation", "acme", talk), message(stage, text="two")[1])] if writes else []
    stage.turn(end, reopen, *said)
    assert [type(reply) for reply in stage.replies] == [Ack] * (2 + writes)
    assert stage.writes("ann", "three").conversation == talk
    oracle = Oracle()
    oracle.read(stage.store)
    assert oracle.open_threads("ann") == [talk]


@pytest.mark.rule("D6")
def test_what_the_first_turn_began_is_found_again_after_a_crash(steps: Any) -> None:
    steps(0, 1)
    stage = Stage(desk=DESK)
    stage.turn(message(stage, text="one"), message(stage, text="two"))
    talk = stage.replies[0].conversation
    for _ in range(3):
        stage.restart()
        assert stage.writes("ann").conversation == talk
