"""Commands: resent under the same ids and in the same order until there is an answer."""

import pytest
from hypothesis import given, strategies as st

from protocol.client.events import Answered
from protocol.client.link import INTERNAL_RETRIES_MAX, Link
from protocol.content import Text
from protocol.errors import Code, LocalProtocolError
from protocol.fields import Message
from protocol.messages import CustomerMessage, Received, Refused, Subscribe
from tests.protocol.client.rig import WEB, Rig, ack, deliveries, only, texts, welcome


@pytest.fixture
def rig() -> Rig:
    return Rig()


def id_of(said: list[Message]) -> bytes:
    return only(CustomerMessage, said).id


def test_a_command_given_before_the_connection_leaves_after_welcome(rig: Rig) -> None:
    wanted = rig.customer_says("hello")
    assert id_of(rig.connect()) == wanted


def test_an_ack_answers_its_command_once(rig: Rig) -> None:
    rig.connect()
    wanted = rig.customer_says("hello")
    rig.hear()
    rig.say(ack(wanted), ack(wanted, duplicate=True))
    assert rig.events(Answered) == [Answered(wanted, ack(wanted))]
    assert rig.client.waiting == 0


def test_a_lost_ack_leads_to_the_same_id_on_the_next_connection(rig: Rig) -> None:
    rig.connect()
    wanted = rig.customer_says("hello")
    assert id_of(rig.hear()) == wanted
    rig.lose()
    again = rig.connect()
    assert (id_of(again), texts(again)) == (wanted, ["hello"])
    rig.say(ack(wanted, duplicate=True))
    rig.lose()
    assert texts(rig.connect()) == []


def test_unanswered_commands_are_resent_in_the_order_they_were_given(rig: Rig) -> None:
    rig.connect()
    ids = [rig.customer_says(f"text {number}", contact=f"c{number}") for number in range(20)]
    rig.hear()
    rig.say(ack(ids[3]), ack(ids[7]))
    rig.lose()
    ids.append(rig.customer_says("text 20", contact="c20"))
    assert texts(rig.connect()) == [f"text {number}" for number in range(21) if number not in (3, 7)]


def test_a_customers_messages_go_one_after_the_other(rig: Rig) -> None:
    rig.connect()
    ids = [rig.customer_says(text) for text in ("one", "two", "three")]
    assert texts(rig.hear()) == ["one"]
    assert texts(rig.say(ack(ids[0]))) == ["two"]
    rig.lose()
    assert texts(rig.connect()) == ["two"]
    assert texts(rig.say(ack(ids[1], duplicate=True))) == ["three"]


def test_a_busy_daemon_gets_the_same_id_again_when_it_says_and_nothing_overtakes(rig: Rig) -> None:
    rig.connect()
    first, second = rig.customer_says("one"), rig.customer_says("two")
    rig.hear()
    rig.say(Refused(Code.BUSY, id=first, retry_after_s=2.0))
    assert texts(rig.wait(1.9)) == []
    again = rig.wait(0.2)
    assert (id_of(again), texts(again)) == (first, ["one"])
    assert id_of(rig.say(ack(first))) == second


def test_one_busy_conversation_does_not_hold_up_another(rig: Rig) -> None:
    rig.connect()
    first = rig.customer_says("one", contact="c1")
    rig.hear()
    rig.say(Refused(Code.BUSY, id=first, retry_after_s=2.0))
    rig.customer_says("two", contact="c2")
    assert texts(rig.hear()) == ["two"]


def test_the_time_that_a_busy_daemon_asked_for_holds_over_a_reconnect(rig: Rig) -> None:
    rig.connect()
    first = rig.customer_says("one")
    rig.hear()
    rig.say(Refused(Code.BUSY, id=first, retry_after_s=3.0))
    rig.lose()
    assert texts(rig.connect()) == []
    assert texts(rig.wait(3.0)) == ["one"]


def test_a_command_that_the_daemon_fails_on_is_tried_three_times_more_and_then_told(rig: Rig) -> None:
    rig.connect()
    wanted, tries = rig.customer_says("poison"), 0
    while texts(rig.hear() + rig.wait(2.0)):
        tries += 1
        rig.say(Refused(Code.INTERNAL, id=wanted))
    assert tries == 1 + INTERNAL_RETRIES_MAX
    assert rig.failures() == [(wanted, Code.INTERNAL)]


@pytest.mark.parametrize("code", [Code.STOPPING, Code.SILENT])
def test_a_command_refused_by_a_daemon_on_its_way_out_is_resent_however_often(rig: Rig, code: str) -> None:
    rig.connect()
    wanted = rig.customer_says("hello")
    for _ in range(10):
        assert texts(rig.hear() + rig.wait(2.0)) == ["hello"]
        rig.say(Refused(code, id=wanted))
    assert rig.failures() == []


@pytest.mark.parametrize("code", [Code.CLOSED, Code.OFFER_GONE, Code.NOT_ALLOWED, Code.QUOTA, Code.ID_REUSED])
def test_a_definite_refusal_is_told_and_the_next_command_goes(rig: Rig, code: str) -> None:
    rig.connect()
    first = rig.customer_says("one")
    rig.customer_says("two")
    rig.hear()
    assert texts(rig.say(Refused(code, "because", first))) == ["two"]
    assert rig.failures() == [(first, code)]


def test_a_daemon_that_has_forgotten_our_hello_gets_a_new_one(rig: Rig) -> None:
    rig.connect()
    wanted = rig.customer_says("hello")
    rig.hear()
    rig.client.received(b"\x83\xa4type\xa7refused\xa4code\xacOUT_OF_ORDER\xa2id\xc4\x10" + wanted, rig.now)
    assert rig.client.link is Link.WAITING
    assert id_of(rig.connect()) == wanted


def test_a_refusal_that_names_nothing_puts_all_in_doubt_and_begins_anew(rig: Rig) -> None:
    rig.connect()
    rig.customer_says("hello")
    rig.hear()
    rig.client.received(b"\x82\xa4type\xa7refused\xa4code\xa9BAD_FRAME", rig.now)
    assert texts(rig.connect()) == ["hello"]


@pytest.mark.parametrize("text", ["", "a" * 65_537, "lone surrogate \ud800"])
def test_a_command_that_the_wire_forbids_never_leaves(rig: Rig, text: str) -> None:
    rig.connect()
    with pytest.raises(LocalProtocolError):
        rig.customer_says(text)
    assert rig.hear() == []
    assert rig.client.waiting == 0


def test_an_id_that_is_under_way_cannot_be_given_again(rig: Rig) -> None:
    command = CustomerMessage(rig.ids(), "web", "c1", Text("hello"))
    rig.client.command(command)
    with pytest.raises(LocalProtocolError, match="ID_REUSED"):
        rig.client.command(command)


def test_frames_stay_within_what_the_daemon_takes(rig: Rig) -> None:
    rig.connect(welcome(frame_bytes=10_000))
    sent = [f"{number} " + "x" * 1_500 for number in range(100)]
    for number, text in enumerate(sent):
        rig.customer_says(text, contact=f"c{number}")
    frames = rig.client.frames(rig.now)
    assert max(map(len, frames)) <= 10_000
    assert len(frames) < 50
    assert rig.daemon is not None
    heard = [message for frame in frames for message in rig.daemon.receive(frame, rig.now)]
    assert texts(heard) == sent


def test_a_frame_that_was_dropped_unread_is_followed_by_everything_again_after_a_pause(rig: Rig) -> None:
    rig.subscribed()
    rig.say(*deliveries(1, 3))
    rig.client.finished(WEB, 3, 0, rig.now)
    ids = [rig.customer_says("one", "c1"), rig.customer_says("two", "c2")]
    rig.hear()
    assert rig.say(Refused(Code.BUSY, retry_after_s=1.0)) == []
    rig.customer_says("three", "c3")
    assert rig.wait(0.9) == []
    again = rig.wait(0.2)
    assert [message.id for message in again if isinstance(message, CustomerMessage)][:2] == ids
    assert texts(again) == ["one", "two", "three"]
    assert only(Received, again) == Received(WEB, 3)


def test_a_subscription_that_was_dropped_unread_is_asked_for_again(rig: Rig) -> None:
    rig.connect()
    rig.client.subscribe(rig.ids(), WEB)
    asked = only(Subscribe, rig.hear())
    rig.say(Refused(Code.BUSY, retry_after_s=1.0))
    assert rig.wait(1.0) == [asked]


def test_a_busy_user_stays_within_the_frames_that_the_daemon_takes(rig: Rig) -> None:
    rig.connect()
    frames = 0
    for number in range(4_000):  # Four seconds, a thousand messages a second.
        rig.customer_says(str(number), contact=f"c{number}")
        rig.client.tick(rig.now)
        assert rig.daemon is not None
        for frame in rig.client.frames(rig.now):
            frames += 1
            rig.say(*[ack(message.id) for message in rig.daemon.receive(frame, rig.now)])  # type: ignore[attr-defined]
        rig.now += 0.001
    assert frames <= 4 * 180 + 300 + 1
    assert texts(rig.wait(0.1))[-1] == "3999"


def test_more_commands_than_a_frame_may_hold_go_in_several(rig: Rig) -> None:
    rig.connect()
    for number in range(3_000):
        rig.customer_says(str(number), contact=f"c{number}")
    assert texts(rig.hear()) == [str(number) for number in range(3_000)]


def test_a_command_too_large_for_this_daemon_is_told_and_holds_nothing_up(rig: Rig) -> None:
    large = rig.customer_says("x" * 5_000)
    rig.customer_says("small")
    assert texts(rig.connect(welcome(frame_bytes=4_096))) == ["small"]
    assert rig.failures() == [(large, Code.TOO_LARGE)]


@given(data=st.data())
def test_whatever_fails_each_customer_is_heard_whole_and_in_order(data: st.DataObject) -> None:
    """The daemon stores what comes first of each id; it is busy, loses acks and connections as it likes."""
    rig, stored, seen = Rig(), [], set()
    rig.connect()
    wanted = [(f"c{number % 3}", f"text {number}") for number in range(12)]
    for contact, text in wanted:
        rig.customer_says(text, contact)
    said = rig.hear()
    for step in range(400):
        if not rig.client.waiting:
            break
        fate = data.draw(
            st.sampled_from(["ack", "ack", "busy", "lose", "lose the ack"]) if step < 300 else st.just("ack")
        )
        commands = [message for message in said if isinstance(message, CustomerMessage)]
        for command in commands:
            if fate in ("ack", "lose the ack") and command.id not in seen:
                seen.add(command.id)
                stored.append((command.contact, command.content.text))
        if fate in ("lose", "lose the ack"):
            rig.lose()
            said = rig.connect()
        elif commands and fate == "ack":
            said = rig.say(*[ack(command.id) for command in commands])
        elif commands:
            said = rig.say(*[Refused(Code.BUSY, id=command.id, retry_after_s=0.5) for command in commands])
        else:
            said = rig.wait(1.0)
            if rig.client.link is not Link.OPEN:
                said = rig.connect()
    assert sorted(stored) == sorted(wanted)
    for contact in ("c0", "c1", "c2"):
        assert [s for s in stored if s[0] == contact] == [w for w in wanted if w[0] == contact]
