"""Canned replies, cards, and what a channel takes, as the desk file has them."""

from __future__ import annotations

import inspect
import re
from typing import get_args

import msgspec
import pytest

from config.desk import Desk, parse_desk
from config.difference import difference
from config.messages import TEXT_LENGTH_MAX, ImageType, VoiceType
from config.problems import ConfigurationError
from daemon.media import sniffing
from protocol.content import Text
from tests.config.texts import GOOD_DESK

MORE = """
[replies.hours]
title = "Opening hours"
texts.en = "Dear <customer_name>, we are open."
texts.zh-Hans = "我们营业。"

[cards.sale]
kind = "link"
url = "https://shop.example/sale"
texts.en = { title = "Sale" }

[cards.order]
kind = "mini_program"
application = "wx1"
texts.zh = { title = "订单", page = "pages/order" }
"""


def desk(more: str = MORE) -> Desk:
    return parse_desk(GOOD_DESK + more, "desk.toml")


def problems(more: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        desk(more)
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.rule("H7")
def test_replies_and_cards_have_texts_by_language() -> None:
    found = desk()
    assert found.replies["hours"].texts["zh-Hans"] == "我们营业。"
    assert found.cards["sale"].texts["en"].title == "Sale"
    assert found.cards["order"].texts["zh"].page == "pages/order"


@pytest.mark.rule("H3")
@pytest.mark.parametrize("text", ["a < b", "Dear <Customer>", "5 > 3", "<customer name>", "<>"])
def test_a_reserved_character_that_marks_no_placeholder_is_a_mistake(text: str) -> None:
    (problem,) = problems(MORE.replace("Dear <customer_name>, we are open.", text))
    assert "desk.toml:" in problem
    assert "replies.hours.texts" in problem
    assert "no placeholder" in problem


@pytest.mark.rule("H2")
def test_a_reply_that_could_never_be_sent_is_a_mistake() -> None:
    (problem,) = problems(MORE.replace("我们营业。", "我" * 1001))
    line = (GOOD_DESK + MORE).split("texts.zh-Hans")[0].count("\n") + 1
    assert problem.startswith(f"desk.toml:{line}: replies.hours.texts.zh-Hans: has 1001 characters")
    assert "text_length_max is 1000" in problem


@pytest.mark.rule("H7")
@pytest.mark.parametrize(
    ("old", "new", "where", "what"),
    [
        ('url = "https://shop.example/sale"\n', "", "cards.sale.url", "is missing, and the texts in en"),
        ('application = "wx1"\n', "", "cards.order.application", "is missing"),
        (', page = "pages/order"', "", "cards.order.page", "is missing, and the texts in zh"),
        ('kind = "link"\n', 'kind = "link"\npage = "p"\n', "cards.sale.page", "does not belong"),
        ('kind = "link"\n', 'kind = "link"\napplication = "x"\n', "cards.sale.application", "belongs to"),
        ('url = "https://', 'url = "javascript:', "cards.sale.url", "must be an address that begins with"),
        ('kind = "link"\n', 'kind = "link"\nimage = "cat.png"\n', "cards.sale.image", "64 hexadecimal"),
        ('texts.en = { title = "Sale" }', "texts = {}", "cards.sale.texts", "must not be empty"),
        ("texts.zh-Hans", 'texts."zh Hans"', "replies.hours.texts", "a language tag like"),
    ],
)
def test_a_mistake_in_a_card_or_reply_is_named_with_its_place(
    old: str, new: str, where: str, what: str
) -> None:
    assert old in MORE
    found = problems(MORE.replace(old, new))
    assert any(where in problem and what in problem for problem in found), found


def test_a_changed_text_is_told_by_its_language() -> None:
    after = desk(MORE.replace('{ title = "Sale" }', '{ title = "Summer sale" }').replace("营业", "休息"))
    assert [str(change) for change in difference(desk(), after)] == [
        '~ replies.hours.texts.zh-Hans: "我们营业。" -> "我们休息。"',
        '~ cards.sale.texts.en.title: "Sale" -> "Summer sale"',
    ]


@pytest.mark.rule("H5", "H6")
@pytest.mark.parametrize(
    ("setting", "what"),
    [
        ('image_types = ["image/pgn"]', 'Did you mean "image/png"?'),
        ('image_types = ["audio/mpeg"]', "policies.image_types[0]: must be one of"),
        ('voice_types = ["audio/mp3"]', "policies.voice_types[0]: must be one of"),
        ("text_length_max = 65537", "policies.text_length_max: must be at most 65536"),
    ],
)
def test_what_no_message_could_ever_be_is_a_mistake(setting: str, what: str) -> None:
    key = setting.partition(" ")[0]
    text = "\n".join(line for line in GOOD_DESK.splitlines() if not line.startswith(f"{key} "))
    assert text.count("[policies]") == 1
    with pytest.raises(ConfigurationError) as caught:
        parse_desk(text.replace("[policies]", f"[policies]\n{setting}"), "desk.toml")
    (problem,) = caught.value.problems
    assert what in str(problem)


def test_a_desk_may_allow_every_type_that_the_daemon_knows() -> None:
    assert {*get_args(ImageType), *get_args(VoiceType)} == set(
        re.findall(r'"((?:image|audio)/[a-z0-9-]+)"', inspect.getsource(sniffing))
    )


def test_a_text_that_the_desk_allows_fits_into_a_message() -> None:
    field = next(field for field in msgspec.structs.fields(Text) if field.name == "text")
    assert field.type.__metadata__[0].max_length == TEXT_LENGTH_MAX
