"""What consoles are told of customers: who may ask, the lists of abuse, what channels are called."""

from __future__ import annotations

from typing import Any

import pytest

from actors.customer.naming import channel_name, made_up_name
from config.desk import parse_desk
from protocol.content import Text
from protocol.customers import (
    Block,
    ReadAbuseList,
    ReadCustomer,
    SetDoNotDisturb,
    VisitorEntered,
    VisitorViewed,
)
from protocol.messages import Accept, Ack, CustomerMessage, SetPresence, Subscribe
from protocol.teamwork import ReadQueue
from tests.daemon.doors import Door
from tests.stage import desk_text

WEB, DESK = b"\0webb", b"\0desk"
TEXT = desk_text(
    departments={"sales": ""},
    people={"boss": 'role = "supervisor"', "other": 'departments = ["sales"]\nrole = "supervisor"'},
    channels={
        "shop": "",
        "one": 'kind = "wechat-official-account"\nname = "Shop A"\ndepartment = "sales"',
        "two": 'kind = "wechat-official-account"\nname = "Shop B"',
        "app": 'kind = "sms"',
    },
)


class Scene:
    """ann looks at the site and talks with a1; a2 serves the department too, other does not."""

    def __init__(self) -> None:
        self.door = Door(desk=TEXT)
        self.door.greets("gateway", WEB)
        self.door.greets("console", DESK)
        self.door.logs_in(DESK, "a1", "a2", "boss", "other")
        for agent in ("a2", "boss", "other"):
            self.asks(SetPresence(self.new_id(), agent, "transfer_only"))
        self.says(
            VisitorEntered(
                self.new_id(), "web", "ann", "/", "Home", "/ad", "Ann", "uk", "Firefox", "Linux", "Lviv"
            )
        )
        self.says(VisitorViewed(self.new_id(), "web", "ann", "/boots", "Boots"))
        self.talk = self.writes("ann")
        self.asks(Accept(self.new_id(), "a1", self.talk, self.door.stage.live_offer(self.talk)))

    def new_id(self) -> bytes:
        return self.door.new_id()

    def says(self, message: Any) -> Any:
        heard = self.door.says("gateway", WEB, message)
        return next(each for each in heard if getattr(each, "id", None) == message.id)

    def writes(self, contact: str, channel: str = "web", name: str = "") -> str:
        ack = self.says(CustomerMessage(self.new_id(), channel, contact, Text("hi"), name))
        assert isinstance(ack, Ack)
        return ack.conversation

    def asks(self, message: Any) -> Any:
        heard = self.door.says("console", DESK, message)
        return next(each for each in heard if getattr(each, "id", None) == message.id)


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene()


@pytest.mark.rule("C6", "C7", "J3")
def test_who_serves_the_channel_sees_pages_browser_and_place(scene: Scene) -> None:
    view = scene.asks(ReadCustomer(scene.new_id(), "a2", "web", "ann"))
    assert (view.name, view.language, view.online, view.conversation) == ("Ann", "uk", True, scene.talk)
    assert [(page.page, page.title) for page in view.pages] == [("/", "Home"), ("/boots", "Boots")]
    assert (view.referrer, view.browser, view.system, view.place) == ("/ad", "Firefox", "Linux", "Lviv")
    assert view.channel_name == "Web chat (Web)", "there is a second one"
    same = scene.asks(ReadCustomer(scene.new_id(), "a1", conversation=scene.talk))
    assert (same.channel, same.contact, same.pages) == ("web", "ann", view.pages)


@pytest.mark.rule("J4")
def test_who_has_no_name_gets_one_that_stays_the_same(scene: Scene) -> None:
    first = scene.asks(ReadCustomer(scene.new_id(), "a2", "web", "stranger"))
    again = scene.asks(ReadCustomer(scene.new_id(), "a2", "web", "stranger"))
    assert first.name == again.name != ""
    assert not first.online
    desk = parse_desk(TEXT, "desk")
    assert made_up_name(desk, "one", "x").startswith("WeChat user ")
    assert made_up_name(desk, "web", "x", "Shanghai").startswith("Shanghai")
    names = {made_up_name(desk, "web", f"visitor {number}") for number in range(200)}
    assert len(names) > 190


@pytest.mark.rule("guarantee-G15")
def test_whoever_has_nothing_to_do_with_a_customer_learns_nothing(scene: Scene) -> None:
    answers = {
        (refused.code, refused.message)
        for refused in (
            scene.asks(ReadCustomer(scene.new_id(), "other", "web", "ann")),
            scene.asks(ReadCustomer(scene.new_id(), "other", "web", "nobody")),
            scene.asks(ReadCustomer(scene.new_id(), "other", conversation=scene.talk)),
            scene.asks(ReadCustomer(scene.new_id(), "other", conversation="no-such-id")),
            scene.asks(ReadCustomer(scene.new_id(), "other")),
        )
    }
    assert len(answers) == 1
    assert {code for code, _ in answers} == {"NOT_ALLOWED"}


@pytest.mark.rule("M2")
def test_the_list_of_the_blocked_comes_page_by_page_and_shows_ones_own_channels_only() -> None:
    scene = Scene()
    contacts = [f"c{number}" for number in range(5)]
    for contact in contacts:
        assert isinstance(scene.asks(Block(scene.new_id(), "boss", scene.writes(contact))), Ack)
    found, first = [], 0
    while True:
        page = scene.asks(ReadAbuseList(scene.new_id(), "boss", "blocked", first, 2))
        found += [(each.channel, each.contact, each.by) for each in page.customers]
        first = page.following
        if not first:
            break
    assert found == [("web", contact, "boss") for contact in contacts]
    assert scene.asks(ReadAbuseList(scene.new_id(), "boss", "do_not_disturb")).customers == []
    assert scene.asks(ReadAbuseList(scene.new_id(), "other", "blocked")).customers == []
    (listed,) = scene.asks(ReadAbuseList(scene.new_id(), "boss", "blocked", 4)).customers
    assert isinstance(scene.asks(Block(scene.new_id(), "boss", listed.conversation, on=False)), Ack)
    assert scene.asks(ReadAbuseList(scene.new_id(), "boss", "blocked", 4)).customers == []


@pytest.mark.rule("M1")
def test_who_is_on_a_list_is_called_there_as_in_the_conversation() -> None:
    scene = Scene()
    talk = scene.writes("bo", name="Bo")
    assert isinstance(scene.asks(SetDoNotDisturb(scene.new_id(), "boss", talk)), Ack)
    (listed,) = scene.asks(ReadAbuseList(scene.new_id(), "boss", "do_not_disturb")).customers
    assert (listed.contact, listed.name, listed.conversation) == ("bo", "Bo", talk)


@pytest.mark.rule("J3")
def test_the_accounts_name_is_shown_where_the_tenant_has_several_of_a_kind() -> None:
    desk = parse_desk(TEXT, "desk")
    assert [channel_name(desk, name) for name in ("one", "two", "app")] == [
        "WeChat (Shop A)",
        "WeChat (Shop B)",
        "SMS",
    ]
    scene = Scene()
    heard = scene.door.says("console", DESK, Subscribe(scene.new_id(), "agent/a1"))
    (snapshot,) = [each for each in heard if type(each).__name__ == "Snapshot"]
    assert [view.channel_name for view in snapshot.conversations] == ["Web chat (Web)"]
    scene.writes("bob", "two")
    heard = scene.door.heard("console", DESK)
    offers = [each.news.offer for each in heard if type(getattr(each, "news", None)).__name__ == "OfferMade"]
    assert [offer.channel_name for offer in offers] == ["WeChat (Shop B)"]
    scene.writes("cho", "one")
    waiting = scene.asks(ReadQueue(scene.new_id(), "other", "sales")).waiting
    assert [view.channel_name for view in waiting] == ["WeChat (Shop A)"]
