"""What the demo makes of the reports, and how it looks."""

import io
from collections.abc import Iterator

import pytest
from rich.cells import cell_len
from rich.console import Console

from daemon.demo import summary
from daemon.demo.reports import AnyReport, Done, HasRead, Ready, Told, Wrote
from daemon.demo.scene import Scene, Stage
from daemon.demo.script import AGENT, CUSTOMER, load_script
from daemon.demo.view import Size, view
from protocol.content import Text
from protocol.messages import Delivery, News
from protocol.news import AgentSaid, Assigned, ConversationEnded, OfferEnded, OfferMade, PresenceChanged
from protocol.views import OfferView

BEGAN = 1_000.0
DEPARTMENTS = {"orders": "Orders and returns", "technical": "Technical help", "bookings": "Bookings"}
CHANNELS = {"web": "orders", "messenger": "technical", "site": "bookings", "wechat": "bookings"}
NAMES = {"olena": "Olena Kovalenko", "mei": "Li Mei"}
TALK = "conversation-1"
CONTACT = "chen-xiulan~run"


@pytest.fixture
def scene() -> Scene:
    return Scene(load_script(), CHANNELS, NAMES)


def told(who: str, sequence: int, news: News, at: float = BEGAN + 1) -> Told:
    contact = CONTACT if who == "gateway" else ""
    return Told(who, Delivery(f"stream/{who}", 1, at, news, TALK, sequence, contact))


def wrote(sequence: int = 2, text: str = "您好") -> Wrote:
    return Wrote("gateway", CUSTOMER, TALK, sequence, CONTACT, text, BEGAN)


def offered(who: str = "mei", sequence: int = 4) -> Told:
    offer = OfferView(TALK, f"offer-{sequence}", "bookings", "wechat", CONTACT, BEGAN + 9, BEGAN, "陈秀兰")
    return told(who, sequence, OfferMade(offer))


def ended_offer(who: str, sequence: int, outcome: str) -> Told:
    return told(who, sequence, OfferEnded("offer", outcome, "busy"))


def assigned(who: str, sequence: int = 5) -> Told:
    return told(who, sequence, Assigned("mei", "bookings", "wechat", CONTACT), BEGAN + 3)


def whole() -> Iterator[AnyReport]:
    yield wrote()
    yield offered()
    yield HasRead("mei", TALK, (2,))
    yield assigned("mei")
    yield assigned("gateway")
    yield Wrote("mei", AGENT, TALK, 6, CONTACT, "您好，陈女士。", BEGAN + 4)
    yield told("gateway", 6, AgentSaid("mei", Text("您好，陈女士。")), BEGAN + 4)
    yield told("gateway", 7, ConversationEnded("agent", CONTACT, "moved"), BEGAN + 5)
    yield Done("gateway")


def drawn(scene: Scene, size: Size, now: float = BEGAN + 2) -> list[str]:
    console = Console(width=size.width, height=size.height, file=io.StringIO(), force_terminal=False)
    with console.capture() as capture:
        console.print(view(scene, DEPARTMENTS, now, BEGAN, size))
    return capture.get().splitlines()


def test_a_customer_waits_is_offered_and_talks(scene: Scene) -> None:
    stages = []
    for report in whole():
        scene.take(report)
        stages.append(scene.talks[TALK].stage)
    assert list(dict.fromkeys(stages)) == [Stage.WAITING, Stage.OFFERED, Stage.TALKING, Stage.ENDED]
    assert scene.talks[TALK].waited_s == 3.0
    assert scene.settled


def test_an_offer_that_ends_late_does_not_undo_the_next_one(scene: Scene) -> None:
    for report in (wrote(), offered("mei", 4), offered("olena", 6), ended_offer("mei", 5, "declined")):
        scene.take(report)
    assert (scene.talks[TALK].stage, scene.talks[TALK].agent) == (Stage.OFFERED, "olena")
    assert "Li Mei declines 陈秀兰: busy" in [one.text for one in scene.happenings]


def test_while_it_is_transferred_the_owner_still_has_it(scene: Scene) -> None:
    offer = OfferView(
        TALK, "o6", "bookings", "wechat", CONTACT, BEGAN + 9, BEGAN, kind="transfer", from_agent="mei"
    )
    scene.take_all([wrote(), offered(), assigned("mei"), told("olena", 6, OfferMade(offer), BEGAN + 5)])
    talk = scene.talks[TALK]
    assert (talk.stage, talk.agent, talk.offers) == (Stage.TALKING, "mei", 2)
    scene.take(ended_offer("olena", 7, "declined"))
    assert (talk.stage, talk.agent) == (Stage.TALKING, "mei")
    scene.take(told("olena", 9, Assigned("olena", "bookings", "wechat", CONTACT), BEGAN + 8))
    assert (talk.agent, talk.waited_s) == ("olena", 3.0), "the customer has waited once"
    assert "Li Mei asks Olena Kovalenko to take over 陈秀兰" in [one.text for one in scene.happenings]


def test_a_customer_who_comes_again_is_offered_to_whom_is_known(scene: Scene) -> None:
    for report in whole():
        scene.take(report)
    assert scene.talks[TALK].agent == "mei"
    (again,) = [one for one in load_script().conversations if one.about == "gift wrap"]
    for number in range(2):
        report = Wrote("gateway", CUSTOMER, f"emma-{number}", 2, f"{again.contact}~run", "Hello", BEGAN)
        scene.take(report)
    assert [talk.dialogue.about for talk in scene.talks.values()][1:] == ["late parcel", "gift wrap"]
    assert "Emma Clarke writes again about: gift wrap (orders)" in [one.text for one in scene.happenings]
    scene.talks["emma-1"].served_before = "mei"
    offer = OfferView("emma-1", "o", "orders", "web", f"{again.contact}~run", BEGAN + 9, BEGAN)
    scene.take(Told("mei", Delivery("agent/mei", 1, BEGAN, OfferMade(offer), "emma-1", 4)))
    assert "Emma Clarke is offered to Li Mei, who knows the customer" in scene.happenings[-1].text


def test_what_a_colleague_hears_has_not_reached_the_customer_yet(scene: Scene) -> None:
    said = AgentSaid("mei", Text("您好"))
    scene.take_all([wrote(), Wrote("olena", AGENT, TALK, 6, CONTACT, "您好", BEGAN), told("mei", 6, said)])
    assert scene.under_way(AGENT) == [(TALK, 6)]
    scene.take(told("gateway", 6, said))
    assert not scene.under_way(AGENT)


def test_news_that_two_have_been_told_happens_once(scene: Scene) -> None:
    scene.take_all([wrote(), offered(), assigned("gateway"), assigned("mei")])
    assert [one.text for one in scene.happenings].count("Li Mei takes 陈秀兰") == 1


def test_reports_that_come_together_are_taken_in_order(scene: Scene) -> None:
    scene.take_all([assigned("gateway"), offered(), wrote()])
    assert [one.mark for one in scene.happenings] == ["+", "?", "="]


def test_who_has_left_before_an_answer_leaves_nothing_under_way(scene: Scene) -> None:
    left = told("gateway", 5, ConversationEnded("customer", CONTACT, "no answer"), BEGAN + 6)
    for report in (wrote(), left, Done("gateway")):
        scene.take(report)
    assert scene.settled
    found = summary.balance(scene, {CUSTOMER: {(TALK, 2): "您好"}, AGENT: {}}, CUSTOMER)
    assert (found.received, found.unread, found.lost) == (0, 1, 0)


def test_what_is_not_in_the_journal_or_was_not_received_is_lost(scene: Scene) -> None:
    for report in (wrote(), wrote(3, "在吗？"), HasRead("mei", TALK, (2,))):
        scene.take(report)
    found = summary.balance(scene, {CUSTOMER: {(TALK, 2): "您好", (TALK, 3): "other"}, AGENT: {}}, CUSTOMER)
    assert (found.sent, found.stored, found.received, found.lost) == (2, 1, 1, 2)


def test_agents_are_shown_as_they_have_logged_in_and_changed(scene: Scene) -> None:
    scene.take(Ready("mei", "online"))
    scene.take(Told("olena", Delivery("agent/olena", 1, BEGAN, PresenceChanged("not_answering"))))
    text = "\n".join(drawn(scene, Size(120, 40)))
    assert "● Li Mei  0 open" in text
    assert "● Olena Kovalenko  no answer" in text


@pytest.mark.parametrize("size", [Size(80, 24), Size(100, 30), Size(120, 40), Size(200, 60)])
@pytest.mark.parametrize("many", range(10))
def test_every_line_fills_the_terminal_whatever_its_script(scene: Scene, size: Size, many: int) -> None:
    for report in list(whole())[:many]:
        scene.take(report)
    lines = drawn(scene, size)
    assert len(lines) == size.height
    assert {cell_len(line) for line in lines} == {size.width}


def test_the_queue_shows_who_waits_where_and_for_how_long(scene: Scene) -> None:
    scene.take(wrote())
    lines = drawn(scene, Size(80, 24), BEGAN + 12)
    row = next(index for index, line in enumerate(lines) if "Bookings" in line)
    assert "陈秀兰" in lines[row + 1]
    assert "12 s" in lines[row + 1]


def test_an_offer_shows_to_whom_and_how_long_yet(scene: Scene) -> None:
    scene.take(wrote())
    scene.take(offered())
    text = "\n".join(drawn(scene, Size(80, 24), BEGAN + 2))
    assert "to mei" in text
    assert "7 s ▪▪▪▪▪▪▪·" in text


def test_a_terminal_that_is_too_small_is_told_so(scene: Scene) -> None:
    assert "needs 80 columns and 24 rows" in drawn(scene, Size(70, 24))[0]


def test_the_summary_fits_into_eighty_columns(scene: Scene) -> None:
    for report in whole():
        scene.take(report)
    console = Console(width=80, file=io.StringIO())
    with console.capture() as capture:
        console.print(summary.conversations_table(scene))
    row = next(line for line in capture.get().splitlines() if "陈秀兰" in line)
    assert "3.0 s" in row
    assert "1 + 1" in row
    assert "moved" in row
