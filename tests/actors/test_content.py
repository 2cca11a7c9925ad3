"""What agents may send, what it becomes, and what the customer sees of whoever sends it (H2-H5, H7, H8)."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given, strategies as st

from actors.conversation.content import in_language, same_content
from actors.conversation.limits import rules_of
from actors.conversation.machine import decide
from actors.conversation.orders import Refusal
from actors.conversation.state import Status
from actors.events.conversation import AgentWrote, Assigned
from actors.media import Medium
from actors.queries import agent_snapshot
from config.desk import parse_desk
from config.messages import KNOWN, ChannelKind
from protocol.content import CannedReply, Card, Image, LinkCard, MiniProgramCard, Outgoing, Text, Voice
from protocol.errors import Code
from protocol.messages import Ack, AgentMessage, CustomerMessage, Refused
from protocol.news import AgentSaid, CustomerSaid
from tests.actors.conversations import FACTS, ID, conversation
from tests.stage import Stage, desk_text

JPEG, PNG, GIF, AMR, LARGE = (f"{number:064x}" for number in range(1, 6))
MEDIA = {
    JPEG: Medium("image", "image/jpeg", 2_097_152, 640, 480),
    PNG: Medium("image", "image/png", 1_000, 32, 32),
    GIF: Medium("image", "image/gif", 1_000, 32, 32),
    AMR: Medium("voice", "audio/amr", 5_000),
    LARGE: Medium("image", "image/png", 2_097_153, 8_000, 8_000),
}
EXTRA = """
[replies.hours]
title = "Opening hours"
texts.en = "We are open from 9 to 17."
texts.zh-Hans = "我们的营业时间是9点到17点。"
texts.uk = "Ми працюємо з 9 до 17."

[replies.parcel]
title = "Parcel"
texts.en = "Dear <customer_name>,\\n\\nyour order <order> is on its way.\\n<agent_name>"

[cards.sale]
kind = "link"
url = "https://shop.example/sale"
image = "0000000000000000000000000000000000000000000000000000000000000002"
texts.en = { title = "Spring sale", text = "Everything must go." }
texts.uk = { title = "Весняний розпродаж", url = "https://shop.example/uk/sale" }

[cards.order]
kind = "mini_program"
application = "wx123"
page = "pages/order"
texts.zh = { title = "订单" }
texts.en = { title = "Your order" }
"""
CHANNELS = {
    "wechat": 'kind = "wechat-official-account"',
    "messenger": 'kind = "messenger"',
    "sms": 'kind = "sms"',
    "narrow": "text_length_max = 20",
    "thin": "text_bytes_max = 20",
    "light": 'contents = ["image"]\nimage_bytes_max = 999',
}


def desk(policies: str = "", people: dict[str, str] | None = None) -> str:
    return desk_text(channels=CHANNELS, policies=policies, people=people, extra=EXTRA)


def sends(content: Outgoing, channel: str = "web", policies: str = "", **fields: Any) -> Any:
    """Return what becomes of a content: what the customer gets, or the refusal."""
    parsed = parse_desk(desk(policies), "desk.toml")
    facts = FACTS._replace(desk=parsed, rules=rules_of(parsed), media=MEDIA.get)
    state = conversation(Status.OPEN, 3, assignee="a1", **fields)
    state.channel = channel
    outcome = decide(state, AgentMessage(ID, "a1", "c1", content), facts)
    if isinstance(outcome, Refusal):
        return outcome
    (event,) = outcome
    assert isinstance(event, AgentWrote)
    return event.content


def refused(code: Code, *words: str, outcome: Any) -> bool:
    assert isinstance(outcome, Refusal), outcome
    assert outcome.code is code
    return all(word in outcome.message for word in words)


@pytest.fixture
def stage() -> Stage:
    """A customer who writes Ukrainian, and an agent who has the conversation."""
    return with_conversation(Stage(desk=desk()))


def with_conversation(stage: Stage) -> Stage:
    stage.system.media = lambda _, media: MEDIA.get(media)
    stage.logs_in("a1")
    hello = CustomerMessage(stage.command_id(), "web", "ann", Text("hello"), "Ann", "uk")
    stage.tell(("channel", "acme", "web"), hello, "gateway/web")
    stage.accepts("a1", the_conversation(stage))
    return stage


def the_conversation(stage: Stage) -> str:
    return next(entry.id for entry in stage.entries() if entry.kind == "conversation")


def sent(stage: Stage, content: Outgoing, ident: bytes = b"") -> Any:
    command = AgentMessage(ident or stage.command_id(), "a1", the_conversation(stage), content)
    return stage.says_to_desk("a1", command)


def heard(stage: Stage, channel: str = "web") -> list[AgentSaid]:
    mail = stage.mail[f"channel/{channel}"]
    return [delivered.news for delivered in mail if isinstance(delivered.news, AgentSaid)]


# Texts.


@pytest.mark.rule("H2")
@pytest.mark.parametrize(
    ("channel", "text", "fits"),
    [
        ("web", "x" * 1000, True),
        ("web", "x" * 1001, False),
        ("web", "界" * 1000, True),
        ("narrow", "x" * 20, True),
        ("narrow", "x" * 21, False),
        ("thin", "界" * 6, True),
        ("thin", "界" * 7, False),
        ("thin", "x" * 20, True),
        ("thin", "x" * 21, False),
        ("wechat", "界" * 682, True),
        ("wechat", "界" * 683, False),
    ],
)
def test_a_text_may_be_as_long_as_desk_and_channel_allow_and_no_longer(
    channel: str, text: str, fits: bool
) -> None:
    outcome = sends(Text(text), channel)
    assert outcome == Text(text) if fits else outcome.code is Code.TOO_LARGE


@pytest.mark.rule("H2")
def test_the_refusal_of_a_long_text_names_the_limit_that_it_breaks() -> None:
    assert refused(Code.TOO_LARGE, "1001 characters", "the desk allows 1000", outcome=sends(Text("x" * 1001)))
    outcome = sends(Text("x" * 2500), "messenger", "text_length_max = 3000")
    assert refused(Code.TOO_LARGE, "2500 characters", "messenger", "2000", outcome=outcome)
    outcome = sends(Text("界" * 900), "wechat")
    assert refused(Code.TOO_LARGE, "2700 bytes", "wechat-official-account", "2048", outcome=outcome)


@pytest.mark.rule("H2")
@given(st.text(min_size=1, max_size=60), st.sampled_from(["web", "narrow", "thin", "gone"]))
def test_the_short_cut_for_short_texts_never_lets_a_long_one_pass(text: str, channel: str) -> None:
    fits = (channel != "narrow" or len(text) <= 20) and (channel != "thin" or len(text.encode()) <= 20)
    assert isinstance(sends(Text(text), channel), Text) == fits


@pytest.mark.rule("H3")
@pytest.mark.parametrize("text", ["I <3 tea", "a > b", "<customer_name>"])
def test_reserved_characters_are_refused_where_the_desk_says_so_and_else_are_plain_text(text: str) -> None:
    assert sends(Text(text)) == Text(text)
    outcome = sends(Text(text), policies='reserved_characters = "refuse"')
    assert refused(Code.CONTENT, "placeholders", outcome=outcome)
    assert sends(Text("plain"), policies='reserved_characters = "refuse"') == Text("plain")


@pytest.mark.rule("H4")
def test_line_breaks_reach_the_customer_as_they_were_written(stage: Stage) -> None:
    text = "\n\nDear Ann,\n\n\nyours\n \n"
    assert isinstance(sent(stage, Text(text, "hours")), Ack)
    assert heard(stage)[-1].content == Text(text, "hours")


# Canned replies.


@pytest.mark.rule("H3", "H4")
def test_placeholders_are_filled_from_customer_agent_and_arguments() -> None:
    text = "Dear Ann,\n\nyour order 48213 is on its way.\nAgent 1"
    asked = CannedReply("parcel", arguments={"order": "48213"})
    assert sends(asked, name="Ann") == Text(text, "parcel")
    asked = CannedReply("parcel", arguments={"order": "<order>", "customer_name": "Ms Smith"})
    assert sends(asked).text.startswith("Dear Ms Smith,\n\nyour order <order> is")


@pytest.mark.rule("H3")
def test_a_placeholder_that_nothing_fills_is_refused_by_its_name() -> None:
    outcome = sends(CannedReply("parcel"))
    assert refused(Code.CONTENT, "<customer_name>, <order>", "arguments", outcome=outcome)
    asked = CannedReply("parcel", arguments={"order": ""})
    assert refused(Code.CONTENT, "<order>", outcome=sends(asked, name="Ann"))


@pytest.mark.rule("H2", "H3")
def test_what_a_canned_reply_makes_is_held_to_the_same_limits() -> None:
    asked = CannedReply("parcel", arguments={"order": "9" * 1000})
    assert refused(Code.TOO_LARGE, "1000", outcome=sends(asked, name="Ann"))
    asked = CannedReply("parcel", arguments={"order": "<b>"})
    outcome = sends(asked, name="Ann", policies='reserved_characters = "refuse"')
    assert refused(Code.CONTENT, outcome=outcome)


@pytest.mark.parametrize(
    ("spoken", "wanted", "text"),
    [
        ("uk", "", "Ми працюємо з 9 до 17."),
        ("uk-UA", "", "Ми працюємо з 9 до 17."),
        ("zh_CN", "", "我们的营业时间是9点到17点。"),
        ("zh-hans-CN", "", "我们的营业时间是9点到17点。"),
        ("fr", "", "We are open from 9 to 17."),
        ("", "", "We are open from 9 to 17."),
        ("uk", "zh", "我们的营业时间是9点到17点。"),
    ],
)
def test_a_canned_reply_speaks_the_customers_language_or_the_one_that_was_asked_for(
    spoken: str, wanted: str, text: str
) -> None:
    assert sends(CannedReply("hours", wanted), language=spoken) == Text(text, "hours")


def test_a_language_that_was_asked_for_and_is_not_there_is_refused_with_those_that_are() -> None:
    outcome = sends(CannedReply("hours", "fr"))
    assert refused(Code.CONTENT, "'fr'", "en, zh-Hans, uk", outcome=outcome)


def test_without_the_desks_own_language_the_first_one_is_taken() -> None:
    assert sends(CannedReply("hours"), policies='language = "uk"').text.startswith("Ми")
    assert sends(CannedReply("hours"), policies='language = "fr"').text.startswith("We")


@given(st.dictionaries(st.sampled_from(["en", "zh", "zh-Hant", "uk"]), st.text(), min_size=1), st.text())
def test_there_is_always_a_text_where_no_language_was_asked_for(texts: dict[str, str], spoken: str) -> None:
    assert in_language(texts, "", spoken, "en") is not None


# Cards.


@pytest.mark.rule("H7")
def test_a_card_in_a_language_that_it_does_not_have_is_refused_with_those_that_it_has() -> None:
    outcome = sends(Card("sale", "fr"))
    assert refused(Code.CONTENT, "card", "'sale'", "'fr'", "en, uk", outcome=outcome)


@pytest.mark.rule("H7")
def test_a_card_comes_in_the_customers_language(stage: Stage) -> None:
    assert isinstance(sent(stage, Card("sale")), Ack)
    assert heard(stage)[-1].content == LinkCard(
        "Весняний розпродаж", "https://shop.example/uk/sale", "", PNG, "", "sale"
    )
    assert sends(Card("sale"), language="en-GB") == LinkCard(
        "Spring sale", "https://shop.example/sale", "Everything must go.", PNG, "", "sale"
    )


@pytest.mark.rule("H7")
def test_a_mini_program_card_goes_where_the_channel_has_mini_programs() -> None:
    assert sends(Card("order"), "wechat", language="zh-CN") == MiniProgramCard(
        "订单", "wx123", "pages/order", "", "", "order"
    )
    outcome = sends(Card("order"), "messenger")
    assert refused(Code.CONTENT, "messenger", "image, voice, link_card", outcome=outcome)


@pytest.mark.rule("H7")
@pytest.mark.parametrize("content", [Card("none"), CannedReply("none")])
def test_what_the_desk_does_not_have_cannot_be_sent(content: Outgoing) -> None:
    assert refused(Code.NOT_ALLOWED, "none", outcome=sends(content))


@pytest.mark.rule("H7")
@pytest.mark.parametrize("url", ["javascript:alert(1)", "file:///etc/passwd", " https://x", "HTTPS://x"])
def test_a_link_that_a_console_sends_leads_to_the_web_and_nowhere_else(url: str) -> None:
    assert refused(Code.CONTENT, "https://", outcome=sends(LinkCard("Here", url)))
    assert isinstance(sends(LinkCard("Here", "https://x")), LinkCard)


# Media.


@pytest.mark.rule("H5")
@pytest.mark.parametrize("media", [JPEG, PNG])
def test_a_picture_is_delivered_with_what_it_really_is(media: str) -> None:
    claimed = Image(media, "photo.exe", "application/x-executable", 1, 1, 1)
    known = MEDIA[media]
    assert sends(claimed) == Image(
        media, "photo.exe", known.media_type, known.size_bytes, known.width, known.height
    )


@pytest.mark.rule("H5")
def test_a_picture_of_another_type_or_too_large_is_refused_with_the_limit() -> None:
    assert refused(Code.CONTENT, "image/gif", "image/jpeg, image/png", outcome=sends(Image(GIF)))
    assert refused(Code.TOO_LARGE, "2097153", "2097152", outcome=sends(Image(LARGE)))
    assert refused(Code.TOO_LARGE, "1000 bytes", "takes 999", outcome=sends(Image(PNG), "light"))
    assert isinstance(sends(Image(GIF), policies='image_types = ["image/gif"]'), Image)
    assert refused(Code.TOO_LARGE, "500", outcome=sends(Image(PNG), policies="image_bytes_max = 500"))


@pytest.mark.rule("H6")
def test_a_voice_message_is_held_to_its_own_limits() -> None:
    assert sends(Voice(AMR, 4.5)) == Voice(AMR, 4.5, "audio/amr", 5_000)
    assert refused(Code.TOO_LARGE, outcome=sends(Voice(AMR), policies="voice_bytes_max = 4_999"))
    outcome = sends(Voice(AMR), policies='voice_types = ["audio/mpeg"]')
    assert refused(Code.CONTENT, "audio/amr", outcome=outcome)


@pytest.mark.rule("H5")
@pytest.mark.parametrize("content", [Image(AMR), Voice(PNG), LinkCard("x", "https://x", image=AMR)])
def test_a_medium_of_another_kind_is_refused(content: Outgoing) -> None:
    assert refused(Code.CONTENT, "which is no", outcome=sends(content))


@pytest.mark.rule("H5")
@pytest.mark.parametrize(
    "content", [Image("f" * 64), Voice("f" * 64), LinkCard("x", "https://x", image="f" * 64)]
)
def test_a_medium_that_the_tenant_does_not_have_cannot_be_referred_to(content: Any, stage: Stage) -> None:
    assert refused(Code.NOT_ALLOWED, "f" * 64, outcome=sends(content))
    before = stage.system.head
    answer = stage.tell(
        ("channel", "acme", "web"),
        CustomerMessage(stage.command_id(), "web", "new", content),
        "gateway/web",
    )
    assert isinstance(answer, Refused)
    assert answer.code == Code.NOT_ALLOWED
    assert stage.system.head == before
    assert isinstance(stage.writes("new"), Ack), "the customer begins with what can be stored"


@pytest.mark.parametrize("channel", ["sms", "light"])
def test_a_content_that_the_channel_does_not_take_is_refused_before_the_provider_does(channel: str) -> None:
    outcome = sends(Voice(AMR), channel)
    assert refused(Code.CONTENT, f"channel {channel} does not take voice", outcome=outcome)


def test_every_kind_of_channel_is_known() -> None:
    assert set(KNOWN) == set(get_args(ChannelKind))


@pytest.mark.rule("H5")
def test_what_a_customer_sends_is_taken_whatever_agents_may_send(stage: Stage) -> None:
    said = [Image(GIF), Image(LARGE), Voice(AMR, 2.0), MiniProgramCard("Order", "wx1", "p")]
    for content in said:
        message = CustomerMessage(stage.command_id(), "web", "ann", content)
        assert isinstance(stage.tell(("channel", "acme", "web"), message, "gateway/web"), Ack)
    heard = [told.news.content for told in stage.mail["agent/a1"] if isinstance(told.news, CustomerSaid)]
    assert heard[-4:] == [
        Image(GIF, "", "image/gif", 1_000, 32, 32),
        Image(LARGE, "", "image/png", 2_097_153, 8_000, 8_000),
        Voice(AMR, 2.0, "audio/amr", 5_000),
        MiniProgramCard("Order", "wx1", "p"),
    ]


# The same command again.


@pytest.mark.rule("guarantee-G3")
@pytest.mark.parametrize(
    ("content", "other"),
    [
        (CannedReply("parcel", "en", {"order": "1"}), CannedReply("parcel", "en", {"order": "2"})),
        (CannedReply("hours"), CannedReply("hours", "uk")),
        (CannedReply("hours"), Text("Ми працюємо з 9 до 17.", "hours")),
        (Card("sale"), Card("sale", "uk")),
        (Image(JPEG, "a.jpg"), Image(JPEG, "b.jpg")),
        (Image(JPEG), Image(PNG)),
        (Voice(AMR, 1.0), Voice(AMR, 2.0)),
    ],
)
def test_a_repeated_message_is_known_by_what_was_asked_not_by_what_it_became(
    stage: Stage, content: Outgoing, other: Outgoing
) -> None:
    ident = stage.command_id()
    first = sent(stage, content, ident)
    # By then the desk has other words, and the medium is not even there.
    stage.applies(desk().replace("Ми працюємо", "Ми не працюємо").replace("on its way", "lost"))
    stage.restart()
    again = sent(stage, content, ident)
    assert (again.position, again.sequence, again.duplicate) == (first.position, first.sequence, True)
    answer = sent(stage, other, ident)
    assert isinstance(answer, Refused)
    assert answer.code == Code.ID_REUSED


@pytest.mark.rule("guarantee-G3")
def test_a_customers_picture_sent_again_is_the_same_message(stage: Stage) -> None:
    message = CustomerMessage(stage.command_id(), "web", "bob", Image(JPEG, "a.jpg", "image/png", 7))
    address = ("channel", "acme", "web")
    first = stage.tell(address, message, "gateway/web")
    again = stage.tell(address, message, "gateway/web")
    assert (again.position, again.duplicate) == (first.position, True)


def test_what_the_daemon_fills_in_makes_no_difference_and_everything_else_does() -> None:
    assert same_content(Image(JPEG), Image(JPEG, "", "image/jpeg", 5, 6, 7))
    assert not same_content(Image(JPEG), Image(PNG, "", "image/jpeg", 5, 6, 7))
    assert not same_content(Image(JPEG), Voice(JPEG))
    assert not same_content(CannedReply("x"), Text("x", "x"))


# Who the customer sees.


@pytest.mark.rule("H8")
def test_the_customer_sees_the_agent_as_the_desk_says_and_colleagues_see_who_it_is() -> None:
    stage = with_conversation(Stage(desk=desk(people={"a1": 'shown_as = "Olha"', "boss": BOSS})))
    sent(stage, Text("Hi"))
    assert heard(stage)[-1] == AgentSaid("a1", Text("Hi"), "", "Olha")
    stage.logs_in("boss")
    stage.says("boss", the_conversation(stage), "and from me")
    assert heard(stage)[-1] == AgentSaid("a1", Text("and from me"), "", "Olha")
    (told,) = [each.news for each in stage.mail["agent/a1"] if isinstance(each.news, AgentSaid)]
    assert told == AgentSaid("a1", Text("and from me"), "boss")
    assigned = [entry.event for entry in stage.entries() if isinstance(entry.event, Assigned)]
    assert [event.shown_as for event in assigned] == ["Olha"]


BOSS = 'role = "supervisor"'


@pytest.mark.rule("H8")
def test_a_new_name_counts_from_the_next_message_on(stage: Stage) -> None:
    sent(stage, Text("one"))
    stage.applies(desk(people={"a1": 'shown_as = "Olha"'}))
    sent(stage, Text("two"))
    sent(stage, CannedReply("parcel", arguments={"order": "7", "customer_name": "Ann"}))
    assert [said.shown_as for said in heard(stage)] == ["", "Olha", "Olha"]
    assert heard(stage)[-1].content.text.endswith("\nOlha")  # type: ignore[union-attr]


# The header of the agent's window.


@pytest.mark.rule("H11")
def test_question_start_name_and_e_mail_are_in_the_agents_view() -> None:
    stage = Stage(desk=desk())
    stage.logs_in("a1")
    began = stage.clock.now()
    message = CustomerMessage(
        stage.command_id(),
        "web",
        "ann",
        Text("hello"),
        "Ann",
        question="Where is my parcel?",
        email="ann@example.org",
    )
    stage.tell(("channel", "acme", "web"), message, "gateway/web")
    stage.accepts("a1", the_conversation(stage))
    stage.restart()
    (view,) = agent_snapshot(stage.system, "acme", "a1").conversations
    assert (view.question, view.name, view.email) == ("Where is my parcel?", "Ann", "ann@example.org")
    assert view.started_at == pytest.approx(began, abs=1.0)
