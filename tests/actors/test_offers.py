"""What an offer shows, to whom it is made, and what accepting it changes: through all actors, as the agents
are told.
"""

from __future__ import annotations

from typing import Any

import pytest

from actors.conversation.actor import ThreadGrant
from actors.conversation.state import Status
from actors.conversation.view import deliveries
from actors.dispatcher import questions
from daemon.pages import thread_page
from protocol.content import Text
from protocol.messages import Ack, CustomerMessage, ReadThread, Refused
from protocol.news import CustomerSaid, OfferMade
from protocol.views import OfferView
from tests.stage import Stage, desk_text


def offers_of(stage: Stage, agent: str) -> list[OfferView]:
    """Return the offers that an agent was told of, in order."""
    mailbox = stage.system.mailbox("acme", f"agent/{agent}")
    told = deliveries(mailbox.stream, 1, mailbox.after(0, 1_000) or [])
    return [delivery.news.offer for delivery in told if isinstance(delivery.news, OfferMade)]


def reads(stage: Stage, agent: str, conversation: str) -> Any:
    """Return the page of the thread that an agent gets."""
    answer = stage.says_to_desk(agent, ReadThread(stage.command_id(), agent, conversation))
    if not isinstance(answer, ThreadGrant):
        return answer
    positions = stage.system.positions(("conversation", "acme", conversation), 0, 100)
    entries = [entry for entry in map(stage.system.entry_at, positions) if entry is not None]
    return thread_page(answer, entries)


@pytest.mark.rule("E2", "D9")
def test_an_offer_shows_the_customer_the_queue_and_all_that_was_said() -> None:
    stage = Stage(desk=desk_text())
    for text in ("My parcel is lost.", "It was due on Monday."):
        message = CustomerMessage(stage.command_id(), "web", "c-17", Text(text), "Olena Bondar")
        stage.turn(stage.from_gateway(message))
    came_at = stage.clock.now()
    stage.pass_time(10)
    stage.logs_in("a1")
    (offer,) = offers_of(stage, "a1")
    assert (offer.name, offer.contact, offer.department, offer.channel) == (
        "Olena Bondar",
        "c-17",
        "help",
        "web",
    )
    assert (offer.waiting_since, offer.deadline_at) == (came_at, stage.clock.now() + 30)
    thread = reads(stage, "a1", offer.conversation)
    said = [
        (entry.at, entry.news.content.text) for entry in thread.entries if type(entry.news) is CustomerSaid
    ]
    assert said == [(came_at, "My parcel is lost."), (came_at, "It was due on Monday.")]
    assert isinstance(reads(stage, "a2", offer.conversation), Refused), "to whom it is not offered"


@pytest.mark.rule("E3")
def test_the_clock_of_an_offer_counts_from_when_the_customer_came_whoever_had_it_before() -> None:
    stage = Stage(desk=desk_text(3))
    talk = stage.begin_conversation("ann")
    came_at = stage.state(talk).since
    stage.pass_time(40)
    stage.logs_in("a1")
    stage.pass_time(5)
    stage.declines("a1", talk)
    stage.logs_in("a2")
    stage.pass_time(31)
    assert stage.offered_to(talk) == "a1", "the second has let it run out, and the first is asked again"
    stage.pass_time(31)
    stage.restart()
    stage.logs_in("a3")
    assert stage.offered_to(talk) == "a3"
    assert [len(offers_of(stage, agent)) for agent in ("a1", "a2", "a3")] == [2, 1, 1]
    for agent in ("a1", "a2", "a3"):
        assert {offer.waiting_since for offer in offers_of(stage, agent)} == {came_at}


@pytest.mark.rule("E1", "E5")
def test_accepting_opens_the_conversation_and_nothing_before_it_does() -> None:
    stage = Stage(desk=desk_text(1))
    stage.logs_in("a1")
    talk = stage.begin_conversation("ann")
    assert stage.state(talk).status is Status.OFFERED
    stage.writes("ann", "Hello?")
    assert isinstance(reads(stage, "a1", talk).entries, list), "looking at it changes nothing"
    assert isinstance(stage.says("a1", talk, "Good morning!"), Refused)
    assert isinstance(stage.ends("a1", talk), Refused)
    assert stage.state(talk).status is Status.OFFERED
    assert isinstance(stage.accepts("a1", talk), Ack)
    assert (stage.state(talk).status, stage.state(talk).assignee) == (Status.OPEN, "a1")
    assert isinstance(stage.says("a1", talk, "Good morning!"), Ack)


@pytest.mark.rule("A12", "A8", "D8")
@pytest.mark.parametrize(("strategy", "chosen"), [("best_skill", "expert"), ("least_loaded", "idle")])
def test_availability_workload_and_skills_all_count(strategy: str, chosen: str) -> None:
    """``expert`` has work, ``idle`` knows less; ``gone`` and ``full`` know most; ``novice`` too little."""
    people = {
        "gone": "skills = { tea = 9 }",
        "full": "skills = { tea = 9 }\ncapacity = 1",
        "expert": "skills = { tea = 5 }\ncapacity = 3",
        "idle": "skills = { tea = 3 }",
        "novice": "skills = { tea = 1 }",
    }
    desk = desk_text(
        0,
        departments={"help": f'strategy = "{strategy}"'},
        people=people,
        channels={"tea": "skills = { tea = 3 }"},
    )
    stage = Stage(desk=desk)
    for agent in ("full", "expert"):
        stage.logs_in(agent)
        stage.begin_conversation(f"customer of {agent}", agent)
    stage.pass_time(60)
    stage.logs_in("gone", "idle", "novice")
    stage.chooses("gone", "away")
    talk = stage.writes("ann", channel="tea").conversation
    assert stage.offered_to(talk) == chosen
    why = next(
        entry.event.why
        for entry in stage.entries()
        if getattr(entry.event, "offer", "") == stage.live_offer(talk)
    )
    assert (why.considered, why.excluded) == (2, {"away": 1, "no_room": 1, "skill_missing": 1})


@pytest.mark.rule("G2", "G5", "A13")
def test_colleagues_are_shown_with_who_is_available_and_who_is_not_cannot_be_given_anything() -> None:
    stage = Stage(desk=desk_text(4, capacity=1))
    stage.logs_in("a1")
    talk = stage.begin_conversation("ann", "a1")
    stage.logs_in("a2", "a3")
    stage.chooses("a3", "away")
    shown, _ = questions.colleagues(stage.system, "acme", "a1", 10)
    assert {it.agent: (it.presence, it.available) for it in shown} == {
        "a2": ("online", True),
        "a3": ("away", False),
        "a4": ("offline", False),
    }
    for agent in ("a3", "a4"):
        assert isinstance(stage.transfers("a1", talk, agent), Refused)
    assert isinstance(stage.transfers("a1", talk, "a2"), Ack)
    assert stage.offered_to(talk) == "a2"
    shown, _ = questions.colleagues(stage.system, "acme", "a1", 10)
    assert not any(it.available for it in shown), "the room is booked as long as the offer lives"
