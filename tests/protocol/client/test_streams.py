"""Streams: every number once and in order, resumed after what the user has finished with."""

import math

import pytest
from hypothesis import given, strategies as st

from protocol.client.events import (
    Answered,
    Delivered,
    Disconnected,
    GapFound,
    HistoryChanged,
    SnapshotTaken,
    StreamEnded,
)
from protocol.client.standing import RECEIVED_DELAY_S
from protocol.errors import Code, LocalProtocolError
from protocol.messages import (
    Gap,
    Goodbye,
    LoggedIn,
    LoginWithToken,
    Received,
    Refused,
    Snapshot,
    Subscribe,
    Subscribed,
)
from tests.protocol.client.rig import ANNA, WEB, Rig, deliveries, delivery, only, welcome


@pytest.fixture
def rig() -> Rig:
    return Rig()


def numbers(rig: Rig) -> list[int]:
    return [event.delivery.number for event in rig.events(Delivered)]


def finish(rig: Rig, number: int, history: int = 0) -> list[object]:
    rig.client.finished(WEB, number, history, rig.now)
    return list(rig.hear())


def test_a_new_subscription_names_no_number(rig: Rig) -> None:
    rig.connect()
    rig.client.subscribe(rig.ids(), WEB)
    asked = only(Subscribe, rig.hear())
    assert (asked.stream, asked.after, asked.journal) == (WEB, None, "")
    rig.say(Subscribed(asked.id, WEB, 41))
    assert len(rig.events(Answered)) == 1


def test_a_user_who_keeps_numbers_begins_where_he_says(rig: Rig) -> None:
    rig.client.subscribe(rig.ids(), WEB, after=7, journal="journal-1")
    asked = only(Subscribe, rig.connect())
    assert (asked.after, asked.journal) == (7, "journal-1")


def test_deliveries_come_to_the_user_in_order(rig: Rig) -> None:
    rig.subscribed(after=10)
    rig.say(*deliveries(11, 15))
    assert numbers(rig) == [11, 12, 13, 14, 15]


def test_a_number_that_came_before_is_dropped(rig: Rig) -> None:
    rig.subscribed()
    rig.say(*deliveries(1, 3), delivery(2), delivery(3), delivery(4))
    assert numbers(rig) == [1, 2, 3, 4]


def test_the_stream_is_resumed_after_what_the_user_has_finished_with(rig: Rig) -> None:
    rig.subscribed()
    rig.say(*deliveries(1, 5))
    finish(rig, 3)
    rig.lose()
    asked = only(Subscribe, rig.connect())
    assert (asked.after, asked.journal) == (3, "journal-1")
    rig.say(Subscribed(asked.id, WEB, 3), *deliveries(4, 7))
    assert numbers(rig) == [1, 2, 3, 4, 5, 6, 7]


def test_a_hole_ends_the_connection_and_the_stream_is_resumed(rig: Rig) -> None:
    rig.subscribed()
    finish_frame = [*deliveries(1, 2), *deliveries(4, 5)]
    assert rig.daemon is not None
    for message in finish_frame:
        rig.daemon.send(message)
    rig.client.received(rig.daemon.take(rig.now) or b"", rig.now)
    assert numbers(rig) == [1, 2]
    assert "hole" in rig.events(Disconnected)[0].why
    asked = only(Subscribe, rig.connect())
    rig.say(Subscribed(asked.id, WEB, asked.after or 0), *deliveries(1, 6))
    assert numbers(rig) == [1, 2, 3, 4, 5, 6]


def test_a_delivery_is_received_when_the_user_has_finished_with_it_and_not_before(rig: Rig) -> None:
    rig.subscribed()
    assert rig.say(*deliveries(1, 3)) == []
    assert rig.wait(1.0) == []
    assert finish(rig, 3) == [Received(WEB, 3)]


def test_what_the_user_finishes_quickly_is_told_together(rig: Rig) -> None:
    rig.subscribed()
    rig.say(*deliveries(1, 20))
    assert [finish(rig, number) for number in range(1, 11)] == [[]] * 10
    assert rig.wait(RECEIVED_DELAY_S + 0.01) == [Received(WEB, 10)]


def test_a_quarter_of_the_window_is_told_at_once(rig: Rig) -> None:
    rig.subscribed()
    rig.say(*deliveries(1, 256))
    assert finish(rig, 63) == []
    assert finish(rig, 64) == [Received(WEB, 64)]


def test_the_last_word_of_a_closing_client_is_what_it_received(rig: Rig) -> None:
    rig.subscribed()
    rig.say(*deliveries(1, 20))
    finish(rig, 5)
    rig.client.stop(rig.now)
    assert rig.hear() == [Received(WEB, 5), Goodbye()]


def test_no_number_is_told_that_this_connection_has_not_carried(rig: Rig) -> None:
    rig.subscribed()
    rig.say(*deliveries(1, 5))
    rig.lose()
    rig.client.finished(WEB, 2, 0, rig.now)
    asked = only(Subscribe, rig.connect())
    rig.client.finished(WEB, 5, 0, rig.now)
    assert rig.say(Subscribed(asked.id, WEB, 2), delivery(3)) == [Received(WEB, 3)]
    assert rig.say(*deliveries(4, 5)) == [Received(WEB, 5)]


def test_a_gap_is_told_and_the_stream_goes_on_after_it(rig: Rig) -> None:
    rig.subscribed()
    rig.say(*deliveries(1, 3))
    rig.client.finished(WEB, 3, 0, rig.now)
    rig.lose()
    asked = only(Subscribe, rig.connect())
    rig.say(Gap(asked.id, WEB, 10), Subscribed(asked.id, WEB, 9), *deliveries(10, 11))
    assert rig.events(GapFound) == [GapFound(WEB, 10)]
    assert numbers(rig) == [1, 2, 3, 10, 11]


def test_a_gap_in_what_has_arrived_already_is_none_to_the_user(rig: Rig) -> None:
    rig.subscribed()
    rig.say(*deliveries(1, 9))
    rig.lose()
    asked = only(Subscribe, rig.connect())
    rig.say(Gap(asked.id, WEB, 5), *deliveries(5, 11))
    assert rig.events(GapFound) == []
    assert numbers(rig) == list(range(1, 12))


def test_numbers_left_out_without_a_word_are_told_as_a_gap(rig: Rig) -> None:
    rig.subscribed()
    rig.say(*deliveries(1, 3))
    rig.lose()
    rig.say(Subscribed(only(Subscribe, rig.connect()).id, WEB, 6), delivery(7))
    assert rig.events(GapFound) == [GapFound(WEB, 7)]
    assert numbers(rig) == [1, 2, 3, 7]


def test_a_changed_history_is_told_and_the_stream_begins_anew(rig: Rig) -> None:
    rig.subscribed()
    rig.say(*deliveries(1, 5))
    finish(rig, 4)
    rig.lose()
    asked = only(Subscribe, rig.connect(welcome("journal-2")))
    assert asked.journal == "journal-1"
    anew = only(Subscribe, rig.say(Refused(Code.HISTORY_CHANGED, id=asked.id)))
    assert (anew.after, anew.journal) == (None, "")
    assert anew.id != asked.id
    rig.say(Subscribed(anew.id, WEB, 0), *deliveries(1, 2))
    assert rig.events(HistoryChanged) == [HistoryChanged(WEB)]
    assert [(event.history, event.delivery.number) for event in rig.events(Delivered)][-2:] == [
        (1, 1),
        (1, 2),
    ]


def test_numbers_of_an_old_history_finish_nothing_in_the_new_one(rig: Rig) -> None:
    test_a_changed_history_is_told_and_the_stream_begins_anew(rig)
    assert finish(rig, 5, history=0) == []
    assert finish(rig, 2, history=1) == [Received(WEB, 2)]


def test_a_subscription_to_a_busy_daemon_is_asked_for_again(rig: Rig) -> None:
    rig.connect()
    rig.client.subscribe(rig.ids(), WEB)
    rig.say(Refused(Code.BUSY, id=only(Subscribe, rig.hear()).id, retry_after_s=1.0))
    assert only(Subscribe, rig.wait(1.0)).stream == WEB


def test_a_refused_subscription_fails_and_may_be_tried_again(rig: Rig) -> None:
    rig.connect()
    wanted = rig.ids()
    rig.client.subscribe(wanted, WEB)
    rig.say(Refused(Code.NOT_ALLOWED, "not yours", only(Subscribe, rig.hear()).id))
    assert rig.failures() == [(wanted, Code.NOT_ALLOWED)]
    assert rig.events(StreamEnded) == [StreamEnded(WEB, Code.NOT_ALLOWED, "not yours")]
    rig.client.subscribe(rig.ids(), WEB)


def test_a_stream_is_subscribed_once(rig: Rig) -> None:
    rig.subscribed()
    with pytest.raises(LocalProtocolError, match="OUT_OF_ORDER"):
        rig.client.subscribe(rig.ids(), WEB)


def test_a_subscription_that_was_answered_twice_goes_on_and_tells_again(rig: Rig) -> None:
    rig.connect()
    rig.client.subscribe(rig.ids(), WEB)
    asked = only(Subscribe, rig.hear())
    rig.say(Subscribed(asked.id, WEB, 0), *deliveries(1, 3))
    assert finish(rig, 3) == [Received(WEB, 3)]
    assert rig.say(Subscribed(asked.id, WEB, 0), *deliveries(1, 4))[-1] == Received(WEB, 3)
    assert numbers(rig) == [1, 2, 3, 4]


def test_a_snapshot_comes_before_the_deliveries_that_follow_it(rig: Rig) -> None:
    rig.connect()
    rig.logged_in()
    rig.client.subscribe(rig.ids(), ANNA)
    asked = only(Subscribe, rig.hear())
    snapshot = Snapshot(ANNA, 40, "online", [], [])
    rig.say(Subscribed(asked.id, ANNA, 40), snapshot, *deliveries(41, 42, ANNA))
    assert [type(event) for event in rig.events(SnapshotTaken | Delivered)] == [  # type: ignore[arg-type]
        SnapshotTaken,
        Delivered,
        Delivered,
    ]
    rig.lose()
    rig.connect()


def test_what_comes_in_a_frame_after_the_end_of_its_connection_begins_no_stream(rig: Rig) -> None:
    """Simulation, seed 86: the stream was taken for one that the next connection had, and never asked for."""
    rig.connect()
    rig.logged_in()
    rig.client.subscribe(rig.ids(), ANNA)
    asked = only(Subscribe, rig.hear())
    assert rig.daemon is not None
    for message in (
        Subscribed(asked.id, ANNA, 40),
        Refused(Code.OUT_OF_ORDER, "nothing with that number was sent"),
        Snapshot(ANNA, 40, "online", [], []),
    ):
        rig.daemon.send(message)
    frame = rig.daemon.take(rig.now)
    assert frame is not None
    rig.client.received(frame, rig.now)
    assert len(rig.events(Disconnected)) == 1
    assert rig.events(SnapshotTaken) == []
    login = only(LoginWithToken, rig.connect())
    again = rig.say(LoggedIn(login.id, "anna", "token-2", math.inf))
    assert only(Subscribe, again).stream == ANNA


@given(data=st.data())
def test_whatever_fails_every_number_comes_once_and_in_order(data: st.DataObject) -> None:
    """A daemon with 60 deliveries sends, repeats, skips and drops; a user finishes with what he likes."""
    rig, told, following = Rig(), 0, 1
    rig.subscribed()
    for _ in range(data.draw(st.integers(0, 60))):
        fate = data.draw(st.sampled_from(["send", "send", "repeat", "hole", "lose", "finish"]))
        said: list[object] = []
        if fate == "send":
            last = min(60, following + data.draw(st.integers(0, 9)))
            if following <= last:
                said += rig.say(*deliveries(following, last))
                following = last + 1
        elif fate == "repeat" and following > 1:
            said += rig.say(delivery(data.draw(st.integers(1, following - 1))))
        elif fate == "finish" and numbers(rig):
            rig.client.finished(WEB, data.draw(st.sampled_from(numbers(rig))), 0, rig.now)
            said += rig.hear()
        elif fate in ("hole", "lose"):
            if fate == "lose":
                rig.lose()
            else:
                rig.client.received(hole_after(rig, following), rig.now)
            asked = only(Subscribe, rig.connect())
            assert asked.after is not None
            assert asked.after >= told
            following = asked.after + 1
            said += rig.say(Subscribed(asked.id, WEB, asked.after))
        for message in said:
            assert isinstance(message, Received)
            assert told < message.number < following
            told = message.number
    assert numbers(rig) == list(range(1, len(numbers(rig)) + 1))


def hole_after(rig: Rig, following: int) -> bytes:
    """Return a frame that leaves a number out."""
    assert rig.daemon is not None
    rig.daemon.send(delivery(following + 1))
    return rig.daemon.take(rig.now) or b""
