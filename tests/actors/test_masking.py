"""What agents see of names, identifiers and whole messages with masking on (M3, M6, M7)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_args

import msgspec
import pytest
from msgspec import Struct
from msgspec.structs import replace

from actors.masking import KEPT, Masking, hide, mask_email, mask_phone, masking_of
from config.desk import Policies
from protocol.channels import DeliveryReport
from protocol.codec import encode
from protocol.content import Content, Text
from protocol.messages import Answer, CustomerMessage, Delivery, FromDaemon, GatewayCommand, News, Snapshot
from protocol.news import Assigned, CustomerSaid
from tests.canary_texts import CANARIES as BIRDS, filled, seen_in
from tests.protocol.examples import KINDS
from tests.stage import Stage, desk_text

EVERYTHING = Masking(payment=True, personal=True)
PERSONAL = Masking(payment=False, personal=True)
CARD, PHONE, EMAIL = "4111 1111 1111 1111", "+44 7966 197542", "melissa@gmail.com"
CANARIES = (CARD, PHONE, EMAIL)
CANARY = " ".join(CANARIES)


@pytest.mark.rule("M4", "M5")
def test_the_three_examples_are_exact() -> None:
    assert mask_phone("+ 1 (123) 456 7890") == "**********7890"
    assert mask_phone("+447966197542") == "*********7542"
    assert mask_email("melissa@gmail.com") == "m******@gmail.com"


@pytest.mark.rule("M3")
def test_of_payment_data_nothing_stays() -> None:
    assert hide("DE89 3704 0044 0532 0130 00") == "*" * 22


@pytest.mark.rule("M7")
@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("Ann", "Ann"),
        ("+ 1 (123) 456 7890", "**********7890"),
        ("447966197542", "********7542"),
        ("5551234", "***1234"),
        (" 0501234567 ", "******4567"),
        ("melissa@gmail.com", "m******@gmail.com"),
        ("Ann +447966197542", "Ann *********7542"),
        ("447966197542@c.us", "4***********@c.us"),
        ("oVi2x5EXAMPLE_openid_1234567", "oVi2x5EXAMPLE_openid_1234567"),
        ("Agent 007", "Agent 007"),
        ("123456", "123456"),
    ],
)
def test_a_name_or_an_identifier_is_masked_if_it_is_a_phone_number_or_an_address(
    name: str, seen: str
) -> None:
    assert PERSONAL.whole(name) == seen


def test_a_name_stays_where_personal_data_is_not_masked() -> None:
    assert Masking(payment=True, personal=False).whole("+447966197542") == "+447966197542"


@pytest.mark.rule("M3")
def test_masking_is_off_until_a_desk_switches_it_on() -> None:
    assert masking_of(Policies()) is None
    payment, personal = masking_of(Policies(mask_payment=True)), masking_of(Policies(mask_personal=True))
    assert payment is not None
    assert personal is not None
    assert payment.text(CANARY) != personal.text(CANARY)
    assert masking_of(Policies(mask_payment=True)) is payment


def test_a_message_without_anything_to_hide_is_the_same_message() -> None:
    told = Delivery("agent/a1", 1, 1.0, CustomerSaid(Text("hello")), "c1", 1)
    assert EVERYTHING.message(told) is told


@pytest.mark.rule("M6", "M7")
def test_a_delivery_is_masked_in_text_name_and_contact_and_nowhere_else() -> None:
    told = Delivery(
        "agent/a1", 1, 1.0, Assigned("a1", "help", "web", "447966197542", "447966197542"), "c1", 1
    )
    seen = EVERYTHING.message(told)
    assert seen == Delivery(
        "agent/a1", 1, 1.0, Assigned("a1", "help", "web", "********7542", "********7542"), "c1", 1
    )


def texts(value: Any, field: str = "") -> Iterator[tuple[str, str]]:
    """Return every text in a value, with the name of the field that it stands in."""
    if isinstance(value, str):
        yield field, value
    elif isinstance(value, Struct):
        for name in value.__struct_fields__:
            yield from texts(getattr(value, name), name)
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from texts(key, field)
            yield from texts(each, field)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from texts(each, field)


@pytest.mark.rule("M3", "M6")
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind in get_args(FromDaemon)])
def test_every_text_of_every_message_to_an_agent_is_masked_unless_the_desk_has_named_it(kind: Any) -> None:
    made = [*filled(kind, CANARY)]
    assert made
    for message in made:
        seen = texts(EVERYTHING.message(message))
        for (field, text), (_, written) in zip(seen, texts(message), strict=True):
            if field in KEPT:
                assert text == written
            else:
                assert not any(canary in text for canary in CANARIES), f"{field} shows {text}"


@pytest.mark.rule("M3", "M6")
def test_nothing_that_people_fill_in_as_they_like_is_left_as_it_was() -> None:
    free = (
        "text title name contact email question note notes reason comment page referrer place browser system"
    )
    assert KEPT.isdisjoint({*free.split(), "language", "url", "code", "tags", "added", "removed", "query"})


def test_the_messages_above_have_all_kinds_of_news_and_content_in_them() -> None:
    made = [*filled(Delivery, CANARY)]
    assert {type(each.news) for each in made} == set(get_args(News))
    contents = {type(each.news.content) for each in made if isinstance(each.news, CustomerSaid)}
    assert contents == set(get_args(Content) or [Content])
    assert {Snapshot, *get_args(Answer)} <= set(KINDS)


def test_a_masked_message_can_still_be_sent() -> None:
    for kind in get_args(FromDaemon):
        for message in filled(kind, CANARY):
            seen = EVERYTHING.message(message)
            assert msgspec.msgpack.decode(msgspec.msgpack.encode(seen), type=kind)


@pytest.mark.rule("M3", "M6")
@pytest.mark.parametrize("switched_on", [False, True])
def test_what_gateways_say_reaches_agents_without_a_canary(switched_on: bool) -> None:
    on = "mask_payment = true\nmask_personal = true" if switched_on else ""
    stage = Stage(desk=desk_text(agents=1, capacity=100, policies=on))
    stage.logs_in("a1")
    for contact in BIRDS.values():
        for kind in get_args(GatewayCommand):
            for message in filled(kind, channel="web", contact=contact, skills={}):
                stage.turn(stage.from_gateway(replace(message, id=stage.command_id())))
        begun = stage.turn(
            stage.from_gateway(CustomerMessage(stage.command_id(), "web", contact, Text("hello")))
        )[0]
        if stage.state(begun.conversation).offer is not None:
            stage.accepts("a1", begun.conversation)
        of = {"channel": "web", "conversation": begun.conversation, "sequence": 1, "state": "failed"}
        for message in filled(DeliveryReport, **of):
            stage.turn(stage.from_gateway(replace(message, id=stage.command_id())))
    assert not stage.failures.seen
    mail = [seen_in(encode([told])) for told in stage.mail["agent/a1"]]
    assert len(mail) > len(BIRDS)
    assert any(mail) != switched_on
    assert any(seen_in(encode([told])) for told in stage.mail["channel/web"])
