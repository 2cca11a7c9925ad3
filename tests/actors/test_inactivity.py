"""The logout for inactivity (B1-B4), with the hub before the actors."""

from __future__ import annotations

import pytest

from protocol.content import Text
from protocol.errors import Code
from protocol.messages import AgentMessage, Delivery, Refused, SessionEnded, SetPresence, Snapshot, Subscribe
from protocol.news import PresenceChanged
from protocol.teamwork import LogoutWarning, ReadColleagues, StillHere
from tests.office import DESKTOP, INACTIVE, KEYS, PHONE, Office, only


@pytest.mark.rule("B1", "B2", "B4")
def test_who_sends_and_clicks_nothing_is_warned_a_minute_before_and_then_logged_out_everywhere() -> None:
    office = Office(INACTIVE)
    for peer in (PHONE, DESKTOP):
        office.logs_in(peer, "a1")
    start = office.door.stage.clock.now()
    office.passes(539)
    assert office.news(PHONE, LogoutWarning) == []
    office.passes(1)
    for peer in (PHONE, DESKTOP):
        assert office.news(peer, LogoutWarning) == [LogoutWarning(start + 600)]
    office.passes(59)
    assert office.reachable("a1")
    office.passes(1)
    assert not office.agent("a1").logged_in
    for peer in (PHONE, DESKTOP):
        why = "nothing was sent or clicked for 600 s"
        assert office.heard(peer, SessionEnded) == [SessionEnded("a1", why)]
        assert office.news(peer, PresenceChanged)[-1].presence == "offline"


@pytest.mark.rule("B4")
def test_after_the_logout_nothing_comes_until_the_next_login() -> None:
    office = Office(INACTIVE)
    office.logs_in(PHONE, "a1")
    talk = office.talk(PHONE, "a1")
    office.passes(540)
    office.passes(60)
    before = len(office.heard(PHONE, Delivery))
    waiting = office.writes("bob")
    office.writes("ann")
    assert len(office.heard(PHONE, Delivery)) == before
    refused = only(office.says(PHONE, Subscribe(office.new_id(), "agent/a1", None, "", 10)), Refused)
    assert refused.code == Code.NOT_ALLOWED
    office.logs_in(PHONE, "a1")
    snapshot = office.heard(PHONE, Snapshot)[-1]
    assert {offer.conversation for offer in snapshot.offers} == {talk, waiting}


@pytest.mark.rule("B3")
@pytest.mark.parametrize("how", ["click", "message", "presence", "question"])
def test_a_click_or_any_command_after_the_warning_begins_the_time_anew(how: str) -> None:
    office = Office(INACTIVE)
    for peer in (PHONE, DESKTOP):
        office.logs_in(peer, "a1")
    talk = office.talk(PHONE, "a1")
    office.passes(570)
    sign = {
        "click": StillHere("a1"),
        "message": AgentMessage(office.new_id(), "a1", talk, Text("yes")),
        "presence": SetPresence(office.new_id(), "a1", "online"),
        "question": ReadColleagues(office.new_id(), "a1"),
    }[how]
    office.says(PHONE, sign)
    # The other console learns that the warning is over.
    assert office.news(DESKTOP, LogoutWarning)[-1] == LogoutWarning(0.0)
    office.passes(539)
    assert len(office.entries("InactivityWarned")) == 1
    office.passes(1)
    assert len(office.entries("InactivityWarned")) == 2
    assert office.reachable("a1")


@pytest.mark.rule("B1")
def test_what_is_clicked_and_sent_costs_no_event_and_no_timer() -> None:
    office = Office(INACTIVE)
    office.logs_in(PHONE, "a1")
    head, timers = office.door.system.head, len(office.door.system.timers._heap)
    for _ in range(50):
        office.door.stage.clock.advance(11)
        office.says(PHONE, StillHere("a1"))
    assert office.door.system.head == head
    assert len(office.door.system.timers._heap) == timers
    office.passes(539)
    assert office.entries("InactivityWarned") == []
    office.passes(1)
    assert len(office.entries("InactivityWarned")) == 1


def test_a_click_in_the_turn_of_the_logout_counts_and_one_of_a_dead_session_does_not() -> None:
    office = Office(INACTIVE)
    office.logs_in(PHONE, "a1")
    office.passes(540)
    office.door.stage.clock.advance(60)
    # Drained before the timers of the turn, as the reactor does.
    office.says(PHONE, StillHere("a1"))
    office.passes(0)
    assert office.reachable("a1")
    office.passes(540)
    office.passes(60)
    assert not office.agent("a1").logged_in
    assert only(office.says(PHONE, StillHere("a1")), Refused).code == Code.NOT_AUTHENTICATED
    assert not office.agent("a1").logged_in


def test_a_console_that_connects_again_by_itself_is_no_sign_of_life() -> None:
    """PEERS c7: else a flickering line would keep a ghost alive for ever."""
    office = Office(INACTIVE)
    token = office.logs_in(PHONE, "a1")
    for _ in range(9):
        office.goes(PHONE)
        office.passes(30)
        office.door.stage.clock.advance(35)
        office.door.greets("console", PHONE, KEYS[PHONE])
        office.comes_back(PHONE, token)
    # 585 s after the login: the warning is overdue, and comes with its whole time as soon as it can.
    office.passes(0)
    warned = office.entries("InactivityWarned")
    assert len(warned) == 1
    office.passes(60)
    assert not office.agent("a1").logged_in


def test_a_restart_counts_as_a_sign_of_life() -> None:
    office = Office(INACTIVE)
    office.logs_in(PHONE, "a1")
    office.passes(540)
    stage = office.door.stage
    stage.restart()
    stage.logs_in("a1")
    assert [type(e).__name__ for e in office.entries("ActiveAgain")] == ["ActiveAgain"]
    stage.pass_time(539)
    assert len(office.entries("InactivityWarned")) == 1
    stage.pass_time(1)
    assert len(office.entries("InactivityWarned")) == 2
    stage.pass_time(60)
    assert not stage.lease("a1").epoch


def test_a_period_that_is_set_while_agents_are_there_applies_to_them() -> None:
    office = Office()
    office.logs_in(PHONE, "a1")
    office.passes(3000)
    desk = office.desk.replace("presence_initial", f"{INACTIVE}\npresence_initial")
    office.door.stage.applies(desk)
    office.door.hub.desk_changed("acme")
    office.turn()
    office.passes(0)
    assert len(office.entries("InactivityWarned")) == 1
