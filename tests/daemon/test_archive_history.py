"""The history of a customer, the search for what was said, customers by name: at the door, and behind it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from actors.masking import Masking
from daemon.archive import answers
from daemon.archive.answers import QUESTION_LENGTH_MAX
from daemon.archive.asking import NOT_YET, TOO_LONG, TOO_MANY, HistoryQuestions, today_since
from daemon.archive.reading import NotThereYet, TooLong
from protocol.content import Image, LinkCard
from protocol.errors import Code
from protocol.history import (
    FindCustomers,
    FoundMessages,
    History,
    ReadHistory,
    ReadTickets,
    SearchMessages,
    Tickets,
)
from protocol.messages import AgentMessage, CustomerMessage, Refused
from protocol.teamwork import Invite, Transfer
from tests.archives import Library
from tests.daemon.test_archive_words import ATTACKS
from tests.daemon.test_authorization import DESK, WEB, Scene, desk
from tests.stage import Stage, desk_text

ID = bytes(16)
DAY_S = 86_400
MASKED = "[policies]\nmask_personal = true\nmask_payment = true\n"


@pytest.fixture
def stage() -> Stage:
    stage = Stage(desk=desk_text(people={"a1": "", "boss": 'role = "supervisor"'}))
    stage.logs_in("a1")
    return stage


@pytest.fixture
def library(stage: Stage) -> Library:
    return Library(stage)


def texts(found: Any) -> list[str]:
    return [each.content.text for each in found.said]


def chats(stage: Stage, contact: str, *lines: str) -> str:
    """A customer has a conversation, with an answer to each line, and it ends."""
    talk: str = stage.writes(contact, lines[0]).conversation
    stage.accepts("a1", talk)
    for line in lines[1:]:
        stage.says("a1", talk, line)
    stage.ends("a1", talk)
    return talk


# History.


@pytest.mark.rule("N1")
def test_everything_a_customer_ever_said_is_read_back_page_by_page_through_all_conversations(
    stage: Stage, library: Library
) -> None:
    first = chats(stage, "ann", "one", "two")
    chats(stage, "bob", "another customer's")
    stage.pass_time(30 * DAY_S)
    second = chats(stage, "ann", "three", "four", "five")
    pages: list[list[str]] = []
    before = 0
    while True:
        page = library.asks(ReadHistory(ID, "boss", second, before=before, limit=2))
        assert isinstance(page, History)
        pages.append(texts(page))
        before = page.before
        if not before:
            break
    assert pages == [["four", "five"], ["two", "three"], ["one"]]
    whole = library.asks(ReadHistory(ID, "boss", second))
    assert [ticket.conversation for ticket in whole.tickets] == [first, second]
    assert [each.sequence for each in whole.said] == sorted(each.sequence for each in whole.said[:2]) + [
        each.sequence for each in whole.said[2:]
    ]


@pytest.mark.rule("N2")
def test_the_last_24_hours_are_a_question_of_since(stage: Stage, library: Library) -> None:
    chats(stage, "ann", "long ago")
    stage.pass_time(2 * DAY_S)
    chats(stage, "ann", "yesterday")
    stage.pass_time(DAY_S / 2)
    talk = chats(stage, "ann", "now")
    since = stage.clock.now() - DAY_S
    assert texts(library.asks(ReadHistory(ID, "boss", talk, since=since))) == ["yesterday", "now"]
    assert texts(library.asks(ReadHistory(ID, "boss", talk))) == ["long ago", "yesterday", "now"]
    assert texts(library.asks(ReadHistory(ID, "boss", talk, since=stage.clock.now() + 1))) == []


def test_the_same_key_in_another_channel_is_another_customer() -> None:
    stage = Stage(desk=desk_text(people={"a1": 'role = "supervisor"'}, channels={"web": "", "shop": ""}))
    stage.writes("ann", "in the web")
    talk = stage.writes("ann", "in the shop", channel="shop").conversation
    assert texts(Library(stage).asks(ReadHistory(ID, "a1", talk))) == ["in the shop"]


def test_an_answer_stays_within_its_bytes_and_the_next_page_goes_on(
    stage: Stage, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "ANSWER_BYTES_MAX", 250)
    talk = chats(stage, "ann", *(f"{number}" + "x" * 100 for number in range(5)))
    first = library.asks(ReadHistory(ID, "boss", talk))
    second = library.asks(ReadHistory(ID, "boss", talk, before=first.before))
    assert [text[0] for text in (*texts(second), *texts(first))] == ["1", "2", "3", "4"]
    monkeypatch.setattr(answers, "ANSWER_BYTES_MAX", 1)
    assert len(library.asks(ReadHistory(ID, "boss", talk)).said) == 1


# Search.


@pytest.mark.rule("N1", "N3")
def test_a_search_finds_words_and_phrases_in_three_scripts_the_newest_first(
    stage: Stage, library: Library
) -> None:
    chats(stage, "ann", "The parcel is late", "We are sorry about the late parcel")
    chats(stage, "bob", "我要退款，包裹没到", "好的，马上退款")
    chats(stage, "cid", "Де моє замовлення? М’ята й чай", "Ваше замо́влення в дорозі")

    def finds(query: str, **more: Any) -> list[str]:
        found = library.asks(SearchMessages(ID, "boss", query, **more))
        assert isinstance(found, FoundMessages)
        assert {each.conversation for each in found.said} == {t.conversation for t in found.tickets}
        return texts(found)

    assert finds("late parcel") == ["We are sorry about the late parcel", "The parcel is late"]
    assert finds('"late parcel"') == ["We are sorry about the late parcel"]
    assert finds("退款") == ["好的，马上退款", "我要退款，包裹没到"]
    assert finds("包") == ["我要退款，包裹没到"]
    assert finds("замовлення") == ["Ваше замо́влення в дорозі", "Де моє замовлення? М’ята й чай"]
    assert finds("м'ята") == ["Де моє замовлення? М’ята й чай"]
    assert finds("late", of_contact="bob") == finds("parcel 退款") == finds("") == []


@pytest.mark.rule("N3")
def test_a_search_can_be_bounded_by_tag_customer_and_time(stage: Stage, library: Library) -> None:
    first = chats(stage, "ann", "the word")
    stage.tags("a1", first, ["vip"])
    at = stage.pass_time(100) or stage.clock.now()
    second = chats(stage, "bob", "the word too")

    def finds(**more: Any) -> list[str]:
        return texts(library.asks(SearchMessages(ID, "boss", "word", **more)))

    assert finds(tag="vip") == finds(customer_of=first) == finds(until=at) == ["the word"]
    assert finds(customer_of=second) == finds(since=at) == ["the word too"]
    assert finds(since=at + 1) == finds(customer_of="nothing") == finds(department="sales") == []
    assert finds(in_channel="web", of_agent="a1", department="help") == ["the word too", "the word"]


def test_a_search_comes_page_by_page(stage: Stage, library: Library) -> None:
    chats(stage, "ann", *(f"word {number}" for number in range(5)))
    first = library.asks(SearchMessages(ID, "boss", "word", limit=3))
    second = library.asks(SearchMessages(ID, "boss", "word", limit=3, before=first.before))
    assert texts(first) + texts(second) == [f"word {number}" for number in (4, 3, 2, 1, 0)]
    assert second.before == 0


def test_what_can_be_read_on_a_card_is_found_and_what_cannot_be_read_is_in_the_history(
    stage: Stage, library: Library
) -> None:
    talk = stage.writes("ann", "hello").conversation
    stage.accepts("a1", talk)
    card = LinkCard("Summer sale", "https://shop.example", "Everything must go")
    stage.says_to_desk("a1", AgentMessage(stage.command_id(), "a1", talk, card))
    assert len(library.asks(SearchMessages(ID, "boss", "must sale")).said) == 1
    said = library.asks(ReadHistory(ID, "boss", talk)).said
    assert [type(each.content).__name__ for each in said] == ["Text", "LinkCard"]
    assert answers.spoken(Image("0" * 64)) == ""


@pytest.mark.parametrize("query", ATTACKS)
def test_an_attack_in_a_query_is_answered_like_any_other(stage: Stage, library: Library, query: str) -> None:
    chats(stage, "ann", "hello")
    assert texts(library.asks(SearchMessages(ID, "boss", query))) == []
    assert library.asks(FindCustomers(ID, "boss", query)).customers == []
    for name in ("tag", "department", "of_agent", "in_channel", "of_contact"):
        asked = {name: query}
        assert texts(library.asks(SearchMessages(ID, "boss", "hello", **asked))) == []
        assert library.asks(ReadTickets(ID, "boss", **asked)).tickets == []


@given(st.text(max_size=40))
def test_no_query_raises(query: str) -> None:
    stage = Stage()
    library = Library(stage)
    library.asks(SearchMessages(ID, "a1", query))
    library.asks(FindCustomers(ID, "a1", query))


# Customers.


@pytest.mark.rule("N3", "J2")
def test_a_customer_is_found_by_the_exact_name_also_by_an_earlier_one(stage: Stage, library: Library) -> None:
    def writes(contact: str, name: str) -> Any:
        _, told = stage.from_gateway(
            CustomerMessage(stage.command_id(), "web", contact, answers.Text("hi"), name)
        )
        return stage.tell(("channel", "acme", "web"), told.message, told.sender)

    talk = writes("c1", "Олена Петренко").conversation
    writes("c2", "Олена")
    writes("c3", "Олена Петренко")
    stage.accepts("a1", talk)
    stage.tags("a1", talk, ["vip"])
    stage.ends("a1", talk)
    writes("c1", "Lena")

    def finds(name: str) -> list[str]:
        return [found.contact for found in library.asks(FindCustomers(ID, "boss", name)).customers]

    assert finds("олена петренко") == ["c3", "c1"]
    assert finds("Олена") == ["c2"]
    assert finds("Петренко") == finds("") == []
    (found,) = library.asks(FindCustomers(ID, "boss", "Lena")).customers
    assert (found.contact, found.tags, found.conversations, found.conversation != talk) == (
        "c1",
        ("vip",),
        2,
        True,
    )


# At the door.


@pytest.mark.rule("N1", "N4", "guarantee-G15")
def test_who_is_in_a_conversation_reads_its_customers_past_and_nobody_else_does() -> None:
    scene = Scene(("transfer_for_others", "help"))
    past = scene.library
    door = scene.door
    assert past
    for agent, good in (("owner", True), ("peer", False), ("boss", False), ("other", False)):
        answer = scene.does(ReadHistory(door.new_id(), agent, scene.talk))
        assert isinstance(answer, History if good else Refused), agent
        answer = scene.does(ReadTickets(door.new_id(), agent, customer_of=scene.talk))
        assert isinstance(answer, Tickets if good else Refused), agent
    assert isinstance(scene.does(Invite(door.new_id(), "owner", scene.talk, "peer")), object)
    assert isinstance(scene.does(ReadHistory(door.new_id(), "peer", scene.talk)), History)
    scene.does(Transfer(door.new_id(), "owner", scene.talk, "other"))
    assert isinstance(scene.does(ReadHistory(door.new_id(), "other", scene.talk)), History)
    assert isinstance(scene.does(ReadHistory(door.new_id(), "owner", scene.over)), Refused)


def test_no_gateway_asks_about_the_past() -> None:
    scene = Scene()
    answer = scene.does(ReadTickets(scene.door.new_id(), "owner"), WEB)
    assert (answer.code, isinstance(answer, Refused)) == (Code.NOT_ALLOWED, True)


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (TooLong(), Code.BUSY, TOO_LONG),
        (NotThereYet(), Code.BUSY, NOT_YET),
        (ValueError("a fault of ours"), Code.INTERNAL, "the archive failed on this question"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused_with_what_to_do(
    error: Exception, code: Code, text: str
) -> None:
    scene = Scene()

    class Failing:
        def ask(self, make: Any, done: Any) -> bool:
            done(error)
            return True

    door = scene.door
    door.outbound.questions.past = HistoryQuestions(door.system, door.outbound, Failing())
    answer = scene.does(ReadTickets(door.new_id(), "owner"))
    assert (answer.code, answer.message) == (code, text)


def test_with_too_many_questions_waiting_the_next_is_busy() -> None:
    scene = Scene()
    scene.library.full = True
    answer = scene.does(ReadTickets(scene.door.new_id(), "owner"), DESK)
    assert (answer.code, answer.message) == (Code.BUSY, TOO_MANY)


@pytest.mark.rule("C5")
def test_today_begins_at_midnight_in_the_tenants_time_zone() -> None:
    noon = 1_700_000_000.0 - 1_700_000_000.0 % DAY_S + DAY_S / 2
    assert today_since(noon, "UTC") == noon - DAY_S / 2
    assert today_since(noon, "Asia/Shanghai") == noon - DAY_S / 2 - 8 * 3_600
    assert today_since(noon, "America/Los_Angeles") == noon - 4 * 3_600


@pytest.mark.rule("M3", "M4", "M5", "M7")
def test_an_answer_is_masked_as_the_desk_wants_it_when_it_leaves() -> None:
    scene = Scene()
    door = scene.door
    card, phone = "4111 1111 1111 1111", "+447966197542"
    talk = scene.begins(phone)
    scene.does(AgentMessage(door.new_id(), "boss", scene.talk, answers.Text(f"yours: {card} {phone}")))
    seen = scene.does(SearchMessages(door.new_id(), "boss", "4111"))
    assert card in repr(seen)
    door.stage.applies(desk().replace("[gateways.web]", MASKED + "[gateways.web]"))
    door.hub.desk_changed("acme")
    asked = (
        SearchMessages(door.new_id(), "boss", "yours"),
        ReadHistory(door.new_id(), "boss", talk),
        ReadTickets(door.new_id(), "boss"),
        FindCustomers(door.new_id(), "boss", of_contact=phone),
    )
    for question in asked:
        seen = repr(scene.does(question))
        assert "Refused" not in seen
        assert ("4111" not in seen, "966197542" not in seen, "*" in seen) == (True, True, True), question


@pytest.mark.rule("M3", "M4", "M5")
@pytest.mark.parametrize("limit", [1, 2, 50])
def test_a_search_does_not_say_of_what_is_masked_whether_it_is_this(limit: int) -> None:
    scene = Scene()
    door = scene.door
    hidden = "card 4111 1111 1111 1111, melissa.winterbottom@gmail.com, call +447966197542"
    for text in (hidden, "4111 is where I live", hidden, hidden, "melissa sends her love"):
        scene.does(AgentMessage(door.new_id(), "boss", scene.talk, answers.Text(text)))

    def finds(query: str) -> tuple[list[str], int]:
        seen = scene.does(SearchMessages(door.new_id(), "boss", query, limit=limit))
        return texts(seen), seen.before

    assert finds('"4111 1111 1111 1111"')[0] == [hidden] * min(limit, 3)
    door.stage.applies(desk().replace("[gateways.web]", MASKED + "[gateways.web]"))
    door.hub.desk_changed("acme")
    for query in ('"4111 1111 1111 1111"', "1111", "447966197542", "44796*", "winterbottom", "melissa.w*"):
        assert finds(query) == ([], 0), query
    assert finds("4111")[0] == ["4111 is where I live"]
    assert finds("melissa")[0] == ["melissa sends her love"]
    found, before = finds("card gmail")
    assert len(found) == min(limit, 3)
    assert (before > 0) == (limit < 3)


class Late:
    """Answers when the test says so."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self.waiting: list[Any] = []

    def ask(self, make: Any, done: Any) -> bool:
        return self.library.ask(make, self.waiting.append) and bool(self.waiting.append(done)) is False


def test_an_answer_that_was_made_before_masking_was_switched_on_is_masked_all_the_same() -> None:
    scene = Scene()
    door = scene.door
    scene.does(AgentMessage(door.new_id(), "boss", scene.talk, answers.Text("4111 1111 1111 1111")))
    late = Late(scene.library)
    door.outbound.questions.past = HistoryQuestions(door.system, door.outbound, late)
    assert scene.does(SearchMessages(door.new_id(), "boss", "4111")) is None
    made, done = late.waiting
    assert "4111 1111" in repr(made)
    door.stage.applies(desk().replace("[gateways.web]", MASKED + "[gateways.web]"))
    door.hub.desk_changed("acme")
    done(made)
    door.turn()
    seen = repr(door.heard("console", DESK)[-1])
    assert ("FoundMessages" in seen, "4111 1111" in seen) == (True, False)


@pytest.mark.rule("M3")
@pytest.mark.parametrize("canary", ["4111 1111 1111 1111", "melissa.winterbottom@gmail.com", "+447966197542"])
def test_what_a_list_shows_of_a_long_question_is_masked_before_it_is_cut(canary: str) -> None:
    scene = Scene()
    door = scene.door
    door.stage.applies(desk().replace("[gateways.web]", MASKED + "[gateways.web]"))
    door.hub.desk_changed("acme")
    for place in range(len(canary)):
        said = "x" * (QUESTION_LENGTH_MAX - 2 - place) + f" {canary} and much more"
        door.says("gateway", WEB, CustomerMessage(door.new_id(), "web", f"c{place}", answers.Text(said)))
        (ticket,) = scene.does(ReadTickets(door.new_id(), "boss", limit=1)).tickets
        seen = Masking(payment=True, personal=True).text(said)
        assert ticket.question == seen[: QUESTION_LENGTH_MAX - 1] + "…"
