"""The four lists of visitors (C1-C5), from the site to the end of the conversation."""

from __future__ import annotations

from typing import Any

import pytest

from protocol.history import ReadVisitors, VisitorView
from tests.actors.test_customers import enters, goes, views
from tests.archives import Library
from tests.stage import Stage, desk_text

ID = bytes(16)
DESK = desk_text(
    departments={"help": "", "sales": ""},
    people={"a1": "", "seller": 'departments = ["sales"]', "boss": 'role = "supervisor"'},
    channels={"web": "", "shop": 'department = "sales"'},
    policies='timezone = "Europe/Kyiv"',
)
LISTS = ("online", "in_conversation", "talked", "left")


class Site:
    """A stage with visitors, and its archive."""

    def __init__(self) -> None:
        self.stage = Stage(desk=DESK)
        self.library = Library(self.stage)

    def visitors(self, view: Any, agent: str = "boss", **more: Any) -> list[VisitorView]:
        return list(self.library.asks(ReadVisitors(ID, agent, view, **more)).visitors)

    def lists(self, agent: str = "boss") -> dict[str, list[str]]:
        """Return who is in which list, the empty ones left out."""
        found = {view: [visitor.contact for visitor in self.visitors(view, agent)] for view in LISTS}
        return {view: contacts for view, contacts in found.items() if contacts}


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.mark.rule("C1", "C2", "C3", "C5")
def test_a_visitor_is_online_then_in_conversation_and_then_has_talked(site: Site) -> None:
    stage = site.stage
    enters(stage, "ann")
    assert site.lists() == {"online": ["ann"]}
    stage.logs_in("a1")
    talk = stage.writes("ann").conversation
    assert site.lists() == {"in_conversation": ["ann"]}
    stage.accepts("a1", talk)
    (visitor,) = site.visitors("in_conversation")
    assert (visitor.conversation, visitor.agent) == (talk, "a1")
    stage.ends("a1", talk)
    assert site.lists() == {"talked": ["ann"]}
    goes(stage, "ann")
    assert site.lists() == {"talked": ["ann"]}


@pytest.mark.rule("C1", "C4")
def test_a_visit_that_ends_without_a_word_is_in_the_left_list_also_for_one_who_was_there_before(
    site: Site,
) -> None:
    stage = site.stage
    enters(stage, "ann")
    goes(stage, "ann")
    assert site.lists() == {"left": ["ann"]}
    enters(stage, "ann")
    assert site.lists() == {"online": ["ann"]}
    stage.writes("ann")
    stage.leaves("ann")
    goes(stage, "ann")
    assert site.lists() == {"talked": ["ann"]}
    stage.pass_time(60)
    enters(stage, "ann")
    assert site.lists() == {"online": ["ann"], "talked": ["ann"]}
    goes(stage, "ann")
    assert site.lists() == {"left": ["ann"], "talked": ["ann"]}


@pytest.mark.rule("C5")
def test_talked_is_a_list_of_today_in_the_tenants_time_zone(site: Site) -> None:
    stage = site.stage
    # To 15 minutes before midnight in Kyiv, where it is summer.
    to_midnight = (-(stage.clock.now() + 3 * 3_600)) % 86_400
    stage.pass_time(to_midnight + 86_400 - 900)
    stage.writes("late")
    stage.leaves("late")
    stage.writes("over midnight")
    assert [visitor.contact for visitor in site.visitors("talked")] == ["late"]
    stage.pass_time(1_800)
    stage.leaves("over midnight")
    stage.writes("early")
    stage.leaves("early")
    assert [visitor.contact for visitor in site.visitors("talked")] == ["early"]


@pytest.mark.rule("C6", "C7")
def test_a_visitor_is_shown_with_the_present_page_and_what_the_gateway_has_told(site: Site) -> None:
    stage = site.stage
    began = stage.clock.now()
    enters(
        stage,
        "ann",
        "/shoes",
        title="Shoes",
        referrer="https://search.example",
        browser="Firefox",
        system="Linux",
        place="Lviv",
        language="uk",
        name="Ann",
        authenticated=True,
    )
    views(stage, "/boots", "ann")
    views(stage, "/cart", "ann")
    (visitor,) = site.visitors("online")
    assert (visitor.page, visitor.pages, visitor.since, visitor.until) == ("/cart", 3, began, 0.0)
    assert (visitor.browser, visitor.system, visitor.place, visitor.referrer) == (
        "Firefox",
        "Linux",
        "Lviv",
        "https://search.example",
    )
    assert (visitor.name, visitor.language, visitor.authenticated) == ("Ann", "uk", True)
    stage.pass_time(10)
    goes(stage, "ann")
    (visitor,) = site.visitors("left")
    assert visitor.until == began + 10


@pytest.mark.rule("C2", "guarantee-G15")
def test_visitors_are_shown_to_those_who_serve_the_channel(site: Site) -> None:
    enters(site.stage, "ann")
    enters(site.stage, "bob", channel="shop")
    assert site.lists("a1") == {"online": ["ann"]}
    assert site.lists("seller") == {"online": ["bob"]}
    assert site.lists("boss") == {"online": ["bob", "ann"]}
    assert [visitor.contact for visitor in site.visitors("online", in_channel="shop")] == ["bob"]


def test_the_lists_come_page_by_page(site: Site) -> None:
    for number in range(5):
        enters(site.stage, f"c{number}")
    found: list[str] = []
    before = 0
    while True:
        page = site.library.asks(ReadVisitors(ID, "boss", "online", before=before, limit=2))
        found += [visitor.contact for visitor in page.visitors]
        before = page.before
        if not before:
            break
    assert found == ["c4", "c3", "c2", "c1", "c0"]
