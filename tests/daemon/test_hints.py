"""Hints reach those who are in the conversation and listen; nobody else learns anything from them."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.connection import HINTS_AT_ONCE
from protocol.content import Text
from protocol.customers import AgentHint, CustomerHint, Hinted
from protocol.messages import Accept, Ack, CustomerMessage, End, SetPresence, Subscribe
from protocol.teamwork import Invite, Join, Transfer
from tests.daemon.doors import Door
from tests.stage import desk_text

WEB, DESK = b"\0webb", b"\0desk"
PEOPLE = ("a1", "a2", "a3")


class Scene:
    """All listen on one console; ann's conversation is a1's."""

    def __init__(self) -> None:
        self.door = door = Door(desk=desk_text(agents=3, extra="[gateways.other]"))
        door.greets("gateway", WEB)
        door.greets("console", DESK)
        door.logs_in(DESK, *PEOPLE)
        for agent in PEOPLE:
            door.says("console", DESK, Subscribe(door.new_id(), f"agent/{agent}"))
        door.says("gateway", WEB, Subscribe(door.new_id(), "channel/web"))
        for agent in ("a2", "a3"):
            door.says("console", DESK, SetPresence(door.new_id(), agent, "transfer_only"))
        self.talk = self.writes("ann")
        self.does(Accept(door.new_id(), "a1", self.talk, door.stage.live_offer(self.talk)))

    def writes(self, contact: str) -> str:
        message = CustomerMessage(self.door.new_id(), "web", contact, Text("hi"))
        (ack,) = (heard for heard in self.door.says("gateway", WEB, message) if isinstance(heard, Ack))
        return ack.conversation

    def does(self, message: Any) -> None:
        heard = self.door.says("console", DESK, message)
        assert any(isinstance(each, Ack) for each in heard), heard

    def hints(self, role: str, peer: bytes, *messages: Any) -> list[Hinted]:
        """Return what everybody was told in the turn of these messages; nothing else may be said."""
        peers = (("gateway", WEB), ("console", DESK))
        before = [len(self.door.heard(*each)) for each in peers]
        head = self.door.system.head
        self.door.says(role, peer, *messages)
        assert self.door.system.head == head, "hints are kept nowhere"
        return [
            heard for each, many in zip(peers, before, strict=True) for heard in self.door.heard(*each)[many:]
        ]

    def customer(self, hint: Any = "typing", contact: str = "ann", sequence: int = 0) -> list[Hinted]:
        return self.hints("gateway", WEB, CustomerHint("web", contact, hint, sequence))

    def agent(self, agent: str, hint: Any = "typing", sequence: int = 0) -> list[Hinted]:
        return self.hints("console", DESK, AgentHint(agent, self.talk, hint, sequence))

    def joins(self, agent: str) -> None:
        door = self.door
        self.does(Invite(door.new_id(), "a1", self.talk, agent))
        invitation = door.stage.state(self.talk).invitations[agent].invitation
        self.does(Join(door.new_id(), agent, self.talk, invitation))


def test_what_the_customer_does_reaches_the_assignee_and_the_members() -> None:
    scene = Scene()
    assert scene.customer() == [Hinted("agent/a1", scene.talk, "typing")]
    scene.joins("a2")
    assert scene.customer("read", sequence=2) == [
        Hinted(f"agent/{agent}", scene.talk, "read", 2) for agent in ("a1", "a2")
    ]


@pytest.mark.rule("G11")
def test_to_the_customer_it_is_always_the_assignee_who_types() -> None:
    scene = Scene()
    scene.joins("a2")
    assert scene.agent("a2") == [
        Hinted("channel/web", scene.talk, "typing", 0, "ann", "a1"),
        Hinted("agent/a1", scene.talk, "typing", 0, "", "a2"),
    ]


@pytest.mark.rule("guarantee-G15")
def test_neither_an_offer_nor_a_queue_shows_through_hints() -> None:
    scene = Scene()
    scene.does(Transfer(scene.door.new_id(), "a1", scene.talk, "a2"))
    assert scene.door.stage.offered_to(scene.talk) == "a2"
    assert scene.customer() == [Hinted("agent/a1", scene.talk, "typing")]
    assert scene.agent("a2") == [], "whoever it is offered to is not in it"
    scene.does(SetPresence(scene.door.new_id(), "a1", "transfer_only"))
    scene.writes("bob")
    assert scene.customer(contact="bob") == [], "who waits has nobody"
    assert scene.customer(contact="nobody") == []


@pytest.mark.rule("guarantee-G15")
def test_a_hint_that_may_not_be_passed_on_has_no_answer_at_all() -> None:
    scene = Scene()
    assert scene.agent("a3") == []
    assert scene.hints("console", DESK, AgentHint("a1", "no-such-id", "typing")) == []
    assert scene.hints("gateway", WEB, CustomerHint("elsewhere", "ann", "typing")) == []
    scene.does(End(scene.door.new_id(), "a1", scene.talk))
    assert scene.agent("a1") == []
    assert scene.customer() == []


def test_a_parked_conversation_is_found_for_a_hint_and_stays_parked() -> None:
    scene = Scene()
    scene.door.stage.clock.advance(1000)
    scene.door.system.begin(scene.door.stage.clock.now())
    scene.door.system.park_idle(scene.door.stage.clock.now() - 1)
    scene.door.turn()
    assert ("conversation", "acme", scene.talk) not in scene.door.system.actors
    assert scene.customer() == [Hinted("agent/a1", scene.talk, "typing")]
    assert [said.stream for said in scene.agent("a1")] == ["channel/web"]
    assert ("conversation", "acme", scene.talk) not in scene.door.system.actors


def test_more_hints_than_the_budget_are_dropped_and_it_fills_again() -> None:
    scene = Scene()
    hint = CustomerHint("web", "ann", "typing")
    heard = scene.hints("gateway", WEB, *[hint] * (HINTS_AT_ONCE + 20))
    assert len(heard) == HINTS_AT_ONCE
    assert scene.customer() == []
    scene.door.stage.clock.advance(1)
    assert len(scene.customer()) == 1
