"""The link: connecting, being let in, heartbeats, losing the daemon, and stopping for good."""

import pytest

from protocol.client.events import Connected, Disconnected, Stopped
from protocol.client.link import BACKOFF_S_MAX, BACKOFF_S_MIN, TABLE, Link, Step, backoff_s, reaction
from protocol.client.machine import OPENING_S_MAX
from protocol.errors import CATALOGUE, Code
from protocol.messages import Goodbye, Hello, Ping, Pong, Refused
from tests.protocol.client.rig import HEARTBEAT_S, LEASE_S, Rig, only, texts, welcome


@pytest.fixture
def rig() -> Rig:
    return Rig()


def test_every_state_but_the_last_can_be_stopped_and_nothing_leads_out_of_the_last() -> None:
    assert all((Step.STOP in TABLE[link]) is (link is not Link.STOPPED) for link in Link)
    assert TABLE[Link.STOPPED] == {}


def test_only_a_due_time_begins_a_connection_and_only_a_welcome_opens_it() -> None:
    leading_to = {
        target: [(link, step) for link in Link for step in Step if TABLE[link].get(step) is target]
        for target in Link
    }
    assert leading_to[Link.CONNECTING] == [(Link.WAITING, Step.DUE)]
    assert leading_to[Link.OPEN] == [(Link.GREETED, Step.WELCOMED)]


@pytest.mark.parametrize("code", [*Code, "FROM_THE_FUTURE"])
def test_a_refusal_that_is_not_definite_never_reaches_the_user_at_once(code: str) -> None:
    definite = code in CATALOGUE and CATALOGUE[Code(code)].definite
    told_at_once = reaction(code, 1).name == "TELL"
    assert told_at_once is (definite and code not in (Code.BUSY, Code.OUT_OF_ORDER))


@pytest.mark.parametrize("failures", range(1, 50))
def test_the_pause_stays_in_its_bounds_and_chance_spreads_it(failures: int) -> None:
    least, most = backoff_s(failures, 0.0), backoff_s(failures, 1.0)
    assert BACKOFF_S_MIN == least < most <= BACKOFF_S_MAX
    assert backoff_s(failures + 1, 1.0) >= most


def test_a_client_says_hello_first_and_is_open_after_welcome(rig: Rig) -> None:
    rig.connect()
    assert rig.client.link is Link.OPEN
    assert rig.events(Connected) == [Connected(welcome())]


def test_each_hello_names_the_same_process_and_a_later_attempt(rig: Rig) -> None:
    said = []
    for _ in range(2):
        rig.pass_time_until_connecting()
        said.append(only(Hello, rig.greet()))
        rig.lose()
    assert said[0].client == said[1].client != b""
    assert said[0].attempt < said[1].attempt


def test_a_client_that_has_been_quiet_for_a_heartbeat_pings(rig: Rig) -> None:
    rig.connect()
    assert rig.wait(HEARTBEAT_S - 0.1) == []
    assert rig.wait(0.2) == [Ping(1)]


def test_a_client_that_hears_nothing_pings_however_much_it_says(rig: Rig) -> None:
    rig.connect()
    said = []
    for turn in range(6):
        rig.customer_says("hello", contact=f"c{turn}")
        said += rig.hear() + rig.wait(1.0)
    assert only(Ping, said) == Ping(1)


def test_a_daemon_that_answers_pings_is_kept_for_ever(rig: Rig) -> None:
    rig.connect()
    for turn in range(1, 50):
        rig.wait(HEARTBEAT_S)
        rig.say(Pong(turn))
    assert rig.events(Disconnected) == []


def test_a_daemon_that_is_silent_for_the_lease_is_lost_and_a_new_connection_is_made(rig: Rig) -> None:
    rig.connect()
    rig.wait(LEASE_S)
    assert rig.client.link is Link.WAITING
    first = rig.client.attempt
    rig.connect()
    assert rig.client.attempt == first + 1


@pytest.mark.parametrize("greeted", [False, True])
def test_a_connection_that_does_not_open_in_time_is_given_up(rig: Rig, greeted: bool) -> None:
    rig.pass_time_until_connecting()
    if greeted:
        rig.greet()
    rig.now += OPENING_S_MAX
    rig.client.tick(rig.now)
    assert rig.client.link is Link.WAITING


def test_the_pause_grows_while_connections_fail_and_a_lasting_one_resets_it() -> None:
    rig = Rig(chance=lambda: 1.0)
    for _ in range(8):
        rig.pass_time_until_connecting()
        rig.client.lost(rig.now, "no connection could be made")
    pauses = [event.retry_in_s for event in rig.events(Disconnected)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == BACKOFF_S_MAX
    rig.connect()
    for turn in range(4):
        rig.wait(HEARTBEAT_S)
        rig.say(Pong(turn))
    rig.lose()
    assert rig.events(Disconnected)[-1].retry_in_s == pauses[0]


def test_a_daemon_that_drops_us_right_after_welcome_is_not_hammered() -> None:
    rig = Rig(chance=lambda: 1.0)
    for _ in range(8):
        rig.connect()
        rig.lose()
    assert rig.events(Disconnected)[-1].retry_in_s == BACKOFF_S_MAX


def test_a_frame_that_is_not_of_this_protocol_ends_the_connection(rig: Rig) -> None:
    rig.connect()
    rig.client.received(b"\xc1", rig.now)
    assert rig.client.link is Link.WAITING


def test_what_a_lost_connection_still_says_is_not_heard(rig: Rig) -> None:
    rig.connect()
    rig.lose()
    rig.client.received(b"\xc1", rig.now)
    assert len(rig.events(Disconnected)) == 1


def test_a_replaced_client_stops_and_never_connects_again(rig: Rig) -> None:
    rig.connect()
    rig.customer_says("hello")
    rig.say(Goodbye(Code.REPLACED, "newer"))
    assert rig.events(Stopped) == [Stopped(Code.REPLACED, "newer")]
    rig.client.tick(rig.now + 1e6)
    assert rig.client.link is Link.STOPPED
    assert rig.client.deadline is None
    assert rig.client.frames(rig.now) == []


def test_who_is_replaced_hears_it_in_a_frame_that_makes_him_give_the_connection_up_as_well(rig: Rig) -> None:
    """Else it came back, and drove out the client that has taken its place."""
    rig.connect()
    refused = Refused(Code.OUT_OF_ORDER, "nothing with that number was sent")
    rig.say(refused, Pong(1), Goodbye(Code.REPLACED, "newer"))
    assert len(rig.events(Disconnected)) == 1
    assert rig.events(Stopped) == [Stopped(Code.REPLACED, "newer")]
    assert (rig.client.link, rig.client.deadline) == (Link.STOPPED, None)


def test_who_is_replaced_hears_it_in_a_frame_that_was_read_with_the_one_that_makes_him_give_up(
    rig: Rig,
) -> None:
    """The driver reads all frames that have come before it hangs up: this may be the next one."""
    rig.connect()
    rig.say(Refused(Code.OUT_OF_ORDER, "nothing with that number was sent"))
    rig.say(Goodbye(Code.REPLACED, "newer"))
    assert rig.events(Stopped) == [Stopped(Code.REPLACED, "newer")]
    assert (rig.client.link, rig.client.deadline) == (Link.STOPPED, None)


def test_any_other_frame_that_was_read_with_the_one_that_makes_him_give_up_changes_nothing(rig: Rig) -> None:
    rig.connect()
    rig.say(Refused(Code.OUT_OF_ORDER, "nothing with that number was sent"))
    rig.say(Pong(1), Goodbye(Code.STOPPING))
    rig.client.received(b"no frame", rig.now)
    assert len(rig.events(Disconnected)) == 1
    rig.connect()
    assert rig.client.link is Link.OPEN


@pytest.mark.parametrize("code", ["bye", Code.STOPPING, Code.SILENT, Code.BAD_FRAME, "FROM_THE_FUTURE"])
def test_any_other_goodbye_is_followed_by_a_new_connection(rig: Rig, code: str) -> None:
    rig.connect()
    rig.customer_says("hello")
    rig.hear()
    rig.daemon.send(Goodbye(code))  # type: ignore[union-attr]
    rig.client.received(rig.daemon.take(rig.now), rig.now)  # type: ignore[union-attr,arg-type]
    assert texts(rig.connect()) == ["hello"]


@pytest.mark.parametrize("code", [Code.VERSION, Code.NOT_AUTHENTICATED, Code.NOT_ALLOWED])
@pytest.mark.parametrize("kind", [Refused, Goodbye])
def test_a_client_that_is_never_let_in_stops_and_says_why(
    rig: Rig, code: str, kind: type[Refused] | type[Goodbye]
) -> None:
    rig.pass_time_until_connecting()
    rig.greet()
    rig.say(kind(code=code, message="no"))
    assert rig.events(Stopped) == [Stopped(code, "no")]


def test_a_client_that_was_let_in_before_keeps_trying_when_its_key_is_refused(rig: Rig) -> None:
    rig.connect()
    rig.lose()
    rig.pass_time_until_connecting()
    rig.greet()
    rig.say(Refused(Code.NOT_AUTHENTICATED))
    assert rig.client.link is Link.WAITING


def test_a_busy_daemon_is_asked_again_when_it_says(rig: Rig) -> None:
    rig.pass_time_until_connecting()
    rig.greet()
    rig.say(Refused(Code.BUSY, retry_after_s=30.0))
    assert rig.client.deadline == rig.now + 30.0


def test_a_daemon_of_another_major_version_is_left_alone(rig: Rig) -> None:
    rig.connect(welcome(version="2.0"))
    assert [event.code for event in rig.events(Stopped)] == [Code.VERSION]


def test_a_closed_client_says_goodbye_last(rig: Rig) -> None:
    rig.connect()
    rig.client.stop(rig.now)
    assert rig.hear() == [Goodbye()]
    assert rig.events(Stopped) == [Stopped("bye", "")]
    assert rig.client.link is Link.STOPPED


def test_a_client_can_be_closed_before_it_ever_connects(rig: Rig) -> None:
    rig.client.stop(rig.now)
    assert rig.client.link is Link.STOPPED
    assert rig.client.frames(rig.now) == []
