"""Questions of agents and gateways, answered at the door after the turn."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from actors.journal import Entry
from daemon import questions as asking
from daemon.connection import HEAVY_AT_ONCE
from daemon.pages import EXPLAINED_DECISIONS
from daemon.questions import COLLEAGUES_MAX, Questions
from protocol.content import Text
from protocol.errors import Code
from protocol.messages import Accept, CustomerMessage, Decline, Ping, Pong, Refused, SetPresence
from protocol.teamwork import (
    Colleagues,
    Explain,
    Explanation,
    Position,
    ReadColleagues,
    ReadPosition,
    ReadQueue,
    Reasons,
    Take,
    WaitingList,
    WhyIdle,
    WhyNot,
)
from protocol.views import ColleagueView
from tests.daemon.test_authorization import DESK, OTHERS, WEB, Scene, desk


class SyncReader:
    """Reads the journal at once, in the test's own thread."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    def read(self, connection: Any, ident: bytes, positions: list[int], make: Any) -> None:
        entries: list[Entry] = []
        for position in positions:
            entry = self.scene.door.system.entry_at(position)
            assert entry is not None
            entries.append(entry)
        self.scene.door.outbound.send(connection, make(entries))


@pytest.fixture
def scene() -> Scene:
    scene = Scene()
    scene.door.outbound.questions.reader = SyncReader(scene)
    return scene


def asks(scene: Scene, message: Any, peer: bytes = DESK) -> Any:
    return scene.does(message, peer)


@pytest.mark.rule("D4", "D5", "D9")
def test_the_list_of_those_who_wait_is_the_departments_and_says_how_many_there_are(scene: Scene) -> None:
    late = scene.begins("cid")
    found = asks(scene, ReadQueue(scene.door.new_id(), "owner", "help", 1))
    assert isinstance(found, WaitingList)
    assert [view.conversation for view in found.waiting] == [scene.waits]
    assert (found.total, found.order, found.waiting[0].contact) == (2, "longest_wait", "bob")
    whole = asks(scene, ReadQueue(scene.door.new_id(), "owner", "help"))
    assert [view.conversation for view in whole.waiting] == [scene.waits, late]


@pytest.mark.rule("D5")
def test_a_hidden_list_is_shown_to_those_who_may_explain_and_to_nobody_else() -> None:
    scene = Scene()
    hidden = desk().replace('name = "Help"', 'name = "Help"\nlisted = false')
    scene.door.stage.applies(hidden)
    refused = asks(scene, ReadQueue(scene.door.new_id(), "owner", "help"))
    assert (refused.code, "does not show" in refused.message) == (Code.NOT_ALLOWED, True)
    assert isinstance(asks(scene, ReadQueue(scene.door.new_id(), "boss", "help")), WaitingList)


@pytest.mark.rule("A10", "L1")
def test_colleagues_are_those_of_ones_departments_and_below_with_state_and_load(scene: Scene) -> None:
    found = asks(scene, ReadColleagues(scene.door.new_id(), "boss"))
    assert isinstance(found, Colleagues)
    views = {view.agent: view for view in found.colleagues}
    assert set(views) == {"owner", "peer", "other"}
    assert (views["owner"].presence, views["owner"].used, views["owner"].conversations) == (
        "transfer_only",
        1,
        1,
    )
    below = asks(scene, ReadColleagues(scene.door.new_id(), "other"))
    assert below.colleagues == []


@pytest.mark.rule("guarantee-G15")
def test_why_not_tells_whoever_serves_the_queue_and_nobody_else(scene: Scene) -> None:
    found = asks(scene, WhyNot(scene.door.new_id(), "owner", scene.waits, "owner"))
    assert isinstance(found, Reasons)
    assert "transfer_only" in {reason.code for reason in found.reasons}
    assert all(reason.sentence for reason in found.reasons)


def test_an_idle_agent_learns_all_that_is_in_the_way(scene: Scene) -> None:
    scene.door.says("console", DESK, SetPresence(scene.door.new_id(), "peer", "away"))
    found = asks(scene, WhyIdle(scene.door.new_id(), "peer", "peer"))
    assert "away" in {reason.code for reason in found.reasons}


def test_an_explanation_has_every_decision_and_what_came_of_it(scene: Scene) -> None:
    door = scene.door
    door.says("console", DESK, SetPresence(door.new_id(), "owner", "online"))
    offer = door.stage.live_offer(scene.waits)
    asks(scene, Decline(door.new_id(), "owner", scene.waits, offer))
    found = asks(scene, Explain(door.new_id(), "boss", scene.waits))
    assert isinstance(found, Explanation)
    made = [(decision.agent, decision.outcome) for decision in found.decisions if decision.agent]
    assert made == [("owner", "declined")]
    (offered,) = [decision for decision in found.decisions if decision.agent]
    assert offered.trigger
    assert offered.policy
    (accepted,) = [
        (decision.agent, decision.outcome)
        for decision in asks(scene, Explain(door.new_id(), "owner", scene.talk)).decisions
        if decision.agent
    ]
    assert accepted == ("owner", "accepted")


def test_a_customers_place_is_told_to_the_channels_gateway(scene: Scene) -> None:
    scene.begins("cid")
    found = asks(scene, ReadPosition(scene.door.new_id(), "web", "cid"), WEB)
    assert isinstance(found, Position)
    assert (found.waiting, found.place, found.department) == (True, 2, "help")
    for contact in ("ann", "nobody"):
        assert asks(scene, ReadPosition(scene.door.new_id(), "web", contact), WEB).waiting is False


def test_an_answer_reckons_with_all_that_came_before_it_in_the_same_frame(scene: Scene) -> None:
    door = scene.door
    ident = door.new_id()
    heard = door.says(
        "gateway",
        WEB,
        CustomerMessage(door.new_id(), "web", "dan", Text("hi")),
        ReadPosition(ident, "web", "dan"),
    )
    (position,) = [message for message in heard if isinstance(message, Position)]
    assert position.waiting


# What it costs.


def test_questions_have_a_budget_and_what_is_beyond_is_busy(scene: Scene) -> None:
    door = scene.door
    asked = [WhyIdle(door.new_id(), "owner", "owner") for _ in range(HEAVY_AT_ONCE + 10)]
    heard = door.says("console", DESK, *asked)
    busy = [message for message in heard if isinstance(message, Refused)]
    assert {message.code for message in busy} == {Code.BUSY}
    assert len(busy) >= 10
    door.stage.clock.advance(60)
    assert isinstance(asks(scene, WhyIdle(door.new_id(), "owner", "owner")), Reasons)


def test_an_answer_of_many_rows_costs_more_than_one_of_few(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = ColleagueView("a", "A", ("help",), "online", True, True, 0, 4, 0, 0)
    monkeypatch.setattr(asking.questions, "colleagues", lambda *asked: ([view] * asked[-1], 9_999))
    found = asks(scene, ReadColleagues(scene.door.new_id(), "boss"))
    assert (len(found.colleagues), found.total) == (COLLEAGUES_MAX, 9_999)
    for _ in range(HEAVY_AT_ONCE * asking.ROWS_PER_HEAVY // COLLEAGUES_MAX + 1):
        answer = asks(scene, ReadColleagues(scene.door.new_id(), "boss"))
    assert answer.code == Code.BUSY


def test_of_long_questions_in_one_frame_only_as_many_are_answered_as_the_budget_has(scene: Scene) -> None:
    """They were all let in before the first one's answer showed what they cost."""
    door, moments = scene.door, count(0.0, 0.25)
    door.outbound.questions = asking.Questions(door.system, moments.__next__)
    asked = [WhyIdle(door.new_id(), "owner", "owner") for _ in range(100)]
    heard = door.says("console", DESK, *asked)
    assert [message.id for message in heard] == [message.id for message in asked], "each has its answer"
    answered = [message for message in heard if isinstance(message, Reasons)]
    busy = [message for message in heard if isinstance(message, Refused)]
    assert (len(answered), len(busy)) == (2, 98), "412 of the budget are left, and each costs 250"
    assert {message.code for message in busy} == {Code.BUSY}
    assert isinstance(door.says("console", OTHERS, Ping(1))[0], Pong)
    door.stage.clock.advance(1)
    assert isinstance(asks(scene, WhyIdle(door.new_id(), "owner", "owner")), Reasons)


def test_a_question_that_takes_long_uses_up_what_its_asker_may_ask_for_a_moment(scene: Scene) -> None:
    door = scene.door
    door.outbound.questions = Questions(door.system, count(0.0, 0.6).__next__)
    queue = ReadQueue(door.new_id(), "owner", "help")
    assert isinstance(asks(scene, queue), WaitingList)
    assert asks(scene, queue).code == Code.BUSY
    door.stage.clock.advance(1)
    assert isinstance(asks(scene, queue), WaitingList)


def test_an_explanation_is_bounded() -> None:
    assert EXPLAINED_DECISIONS * 400 < 262_144


def test_a_fault_in_answering_is_the_questions_alone(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Any:
        raise RuntimeError("a fault")

    monkeypatch.setattr(asking.questions, "why_idle", fail)
    assert asks(scene, WhyIdle(scene.door.new_id(), "owner", "owner")).code == Code.INTERNAL
    assert isinstance(asks(scene, ReadQueue(scene.door.new_id(), "owner", "help")), WaitingList)


def test_nothing_is_journaled_for_a_question(scene: Scene) -> None:
    head = scene.door.system.head
    asks(scene, ReadQueue(scene.door.new_id(), "owner", "help"))
    asks(scene, Explain(scene.door.new_id(), "owner", scene.talk))
    assert scene.door.system.head == head


@pytest.mark.rule("D6")
def test_who_takes_by_hand_wins_alone(scene: Scene) -> None:
    door = scene.door
    door.says("console", DESK, SetPresence(door.new_id(), "peer", "online"))
    offer = door.stage.live_offer(scene.waits)
    assert not isinstance(asks(scene, Accept(door.new_id(), "peer", scene.waits, offer)), Refused)
    late = asks(scene, Take(door.new_id(), "owner", scene.waits))
    assert (late.code, "peer" in late.message) == (Code.TAKEN, True)
