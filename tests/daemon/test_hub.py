"""The door: who is let in, who is kept out, and what a change of the desk ends."""

from __future__ import annotations

from typing import Any

import pytest

from actors.channel.actor import ChannelActor
from actors.dispatcher.actor import ApplyDesk
from config.desk import desk_digest
from daemon.places import STANDING_MAX
from protocol.codec import encode
from protocol.content import Text
from protocol.errors import Code
from protocol.messages import (
    Ack,
    CustomerLeft,
    CustomerMessage,
    Goodbye,
    Hello,
    LoggedIn,
    Login,
    Ping,
    Pong,
    Refused,
    SessionEnded,
    Snapshot,
    Subscribe,
    Subscribed,
    Welcome,
)
from tests.daemon.doors import Door, Frame
from tests.stage import HASH, desk_text

KEY = "K" * 40
PEER, OTHER = b"\0aaaa", b"\0bbbb"


def refusals(messages: list[Any]) -> list[str]:
    return [message.code for message in messages if isinstance(message, Refused)]


def secure_door() -> Door:
    desk = desk_text().replace("[gateways.web]", f'[gateways.web]\npublic_key = "{KEY}"')
    return Door(desk=desk, secure=True)


def writes(door: Door) -> CustomerMessage:
    return CustomerMessage(door.new_id(), "web", "ann", Text("hi"))


# Ended connections, bad frames.


def test_what_is_under_way_from_an_ended_connection_is_dropped_and_bans_nobody() -> None:
    door = secure_door()
    door.greets("gateway", PEER, KEY)
    door.listeners["gateway"].deaf.add(PEER)
    door.says("gateway", PEER, writes(door), key=KEY)
    assert len(door.hub) == 0
    door.listeners["gateway"].deaf.clear()
    for _ in range(10):
        assert door.says("gateway", PEER, writes(door), key=KEY) == []
    assert isinstance(door.greets("gateway", OTHER, KEY)[0], Welcome)


def test_after_a_minute_an_ended_connection_learns_that_it_has_not_said_hello() -> None:
    door = secure_door()
    door.greets("gateway", PEER, KEY)
    door.stage.clock.advance(16)
    door.system.begin(door.stage.clock.now())
    door.hub.check_leases()
    assert door.heard("gateway", PEER)[-1].code == Code.SILENT
    assert door.says("gateway", PEER, writes(door), key=KEY) == []
    door.stage.clock.advance(61)
    assert refusals(door.says("gateway", PEER, writes(door), key=KEY)) == [Code.OUT_OF_ORDER]


@pytest.mark.rule("guarantee-G5")
def test_a_hello_that_its_process_has_given_up_replaces_nothing_however_late_it_comes() -> None:
    """Simulation, seed 20: a stalled connection's hello came after that of the next; the client then heard
    REPLACED, meant for nobody, and stopped for good.
    """
    door = secure_door()

    def hello(client: bytes, attempt: int) -> Hello:
        return Hello("1.0", "gateway", "test", "web", client, attempt)

    assert isinstance(door.says("gateway", PEER, hello(b"one", 2), key=KEY)[0], Welcome)
    (late,) = door.says("gateway", OTHER, hello(b"one", 1), key=KEY)
    assert (type(late), late.code) == (Goodbye, Code.REPLACED)
    assert isinstance(door.says("gateway", PEER, writes(door), key=KEY)[0], Ack)
    assert isinstance(door.says("gateway", OTHER + b"2", hello(b"one", 3), key=KEY)[0], Welcome)
    assert door.heard("gateway", PEER)[-1].code == Code.REPLACED, "its own newer one replaces it at once"


@pytest.mark.rule("guarantee-G5")
def test_a_hello_of_another_process_replaces_nobody_until_that_process_says_something_else() -> None:
    """Simulation, seed 185: the hello of a dead process came after that of the next one, which lived, and was
    told REPLACED. Nobody can say which of two hellos is of the younger process; but the dead say no more.
    """
    door = secure_door()

    def hello(client: bytes) -> Hello:
        return Hello("1.0", "gateway", "test", "web", client, 1)

    door.says("gateway", PEER, hello(b"lives"), key=KEY)
    assert isinstance(door.says("gateway", OTHER, hello(b"is dead"), key=KEY)[0], Welcome)
    assert isinstance(door.says("gateway", PEER, writes(door), key=KEY)[0], Ack), "nobody has replaced it"
    third = b"\0third"
    assert isinstance(door.says("gateway", third, hello(b"follows"), key=KEY)[0], Welcome)
    assert len(door.hub) == 3
    assert isinstance(door.says("gateway", third, Ping(1), key=KEY)[0], Pong)
    assert len(door.hub) == 1
    assert [door.heard("gateway", each)[-1].code for each in (PEER, OTHER)] == [Code.REPLACED] * 2
    assert isinstance(door.says("gateway", third, writes(door), key=KEY)[0], Ack)


@pytest.mark.rule("guarantee-G3", "guarantee-G5")
def test_who_is_replaced_is_heard_up_to_that_moment_of_the_turn_and_nobody_who_came_later_is_over() -> None:
    """What comes in is taken in one go: the end of a connection counts for what else there is of it."""
    door = secure_door()
    later = b"\0later"
    for peer in (PEER, OTHER, later):
        door.greets("gateway", peer, KEY)
    before, after = writes(door), writes(door)
    says = ((PEER, before), (OTHER, Ping(1)), (PEER, after))
    door.takes("gateway", *((peer, Frame(encode([message]), KEY)) for peer, message in says))
    assert door.heard("gateway", PEER)[-1].code == Code.REPLACED
    assert [type(said) for said in door.heard("gateway", later)] == [Welcome]
    first, second = door.says("gateway", OTHER, before, after, key=KEY)
    assert (first.duplicate, second.duplicate) == (True, False)
    assert len(door.hub) == 2
    assert isinstance(door.says("gateway", later, Ping(1), key=KEY)[0], Pong)
    assert len(door.hub) == 1


def test_a_newcomer_that_leaves_again_has_replaced_nobody() -> None:
    door = secure_door()
    door.greets("gateway", PEER, KEY)
    door.greets("gateway", OTHER, KEY)
    door.says("gateway", OTHER, Goodbye(), key=KEY)
    assert len(door.hub) == 1
    assert isinstance(door.says("gateway", PEER, writes(door), key=KEY)[0], Ack)


def test_newcomers_that_say_nothing_do_not_pile_up() -> None:
    door = secure_door()
    for number in range(3 * STANDING_MAX):
        door.greets("gateway", b"\0%03d" % number, KEY)
    assert len(door.hub) == STANDING_MAX
    assert isinstance(door.says("gateway", b"\0" + b"000", writes(door), key=KEY)[0], Ack)


def test_a_peer_that_has_not_said_hello_is_told_so_and_not_banned() -> None:
    door = secure_door()
    for _ in range(10):
        assert refusals(door.says("gateway", PEER, writes(door), key=KEY)) == [Code.OUT_OF_ORDER]
    assert isinstance(door.greets("gateway", PEER, KEY)[0], Welcome)


def test_a_key_of_bad_frames_is_kept_out_for_a_minute_and_told_once() -> None:
    door = secure_door()
    door.greets("gateway", PEER, KEY)
    for _ in range(5):
        heard = door.says("gateway", PEER, raw=b"\xc1", key=KEY)
    assert isinstance(heard[-1], Goodbye)
    again = door.greets("gateway", OTHER, KEY)
    assert [(type(message), message.code) for message in again] == [(Goodbye, Code.BUSY)]
    assert door.greets("gateway", OTHER, KEY) == []
    door.stage.clock.advance(61)
    assert isinstance(door.greets("gateway", OTHER, KEY)[0], Welcome)


def test_on_a_plain_listener_bad_frames_end_this_connection_only() -> None:
    door = Door()
    door.greets("gateway", PEER)
    for _ in range(5):
        door.says("gateway", PEER, raw=b"\xc1", key="plain")
    assert door.says("gateway", PEER, writes(door), key="plain") == []
    assert isinstance(door.greets("gateway", OTHER, "plain")[0], Welcome)


# Customers whose conversation is in memory: the door tells it directly, as their channel would.


def test_two_customers_and_an_end_in_one_turn_come_out_as_through_the_channel() -> None:
    door = Door()
    door.greets("gateway", PEER)
    (first,) = door.says("gateway", PEER, writes(door))
    left = CustomerLeft(door.new_id(), "web", "ann")
    answers = door.says("gateway", PEER, writes(door), left, writes(door), writes(door))
    assert [type(answer) for answer in answers] == [Ack] * 4
    before, ended, begun, after = [answer.conversation for answer in answers]
    assert before == ended == first.conversation
    assert begun == after != first.conversation, "what comes after the end begins one new conversation"


def test_the_door_goes_by_the_table_of_a_channel_that_was_rebuilt(monkeypatch: pytest.MonkeyPatch) -> None:
    door = Door()
    door.greets("gateway", PEER)
    (first,) = door.says("gateway", PEER, writes(door))
    with monkeypatch.context() as patch:
        patch.setattr(ChannelActor, "on_receive", fail)
        bob = CustomerMessage(door.new_id(), "web", "bob", Text("hi"))
        assert refusals(door.says("gateway", PEER, bob)) == [Code.INTERNAL]
    bob = CustomerMessage(door.new_id(), "web", "bob", Text("hi"))
    (known, new) = door.says("gateway", PEER, writes(door), bob)
    assert known.conversation == first.conversation
    (again,) = door.says("gateway", PEER, CustomerMessage(door.new_id(), "web", "bob", Text("and?")))
    assert again.conversation == new.conversation != first.conversation


def fail(*_: Any) -> None:
    raise ValueError("no")


# Heavy messages.


def test_a_frame_full_of_logins_and_readings_is_carried_out_up_to_a_bound() -> None:
    door = Door()
    door.greets("console", PEER)
    reads = [Subscribe(door.new_id(), "agent/nobody", None, "", 1) for _ in range(1_000)]
    codes = refusals(door.says("console", PEER, *reads))
    assert codes.count(Code.NOT_ALLOWED) == 512
    assert codes.count(Code.BUSY) == 488
    door.stage.clock.advance(1.0)
    codes = refusals(door.says("console", PEER, *reads[:200]))
    assert (codes.count(Code.NOT_ALLOWED), codes.count(Code.BUSY)) == (100, 100)


def test_commands_in_one_frame_cost_one_frame() -> None:
    door = Door()
    door.greets("gateway", PEER)
    assert refusals(door.says("gateway", PEER, *[writes(door) for _ in range(1_000)])) == []


def test_repeated_subscriptions_in_one_frame_send_one_snapshot() -> None:
    door = Door()
    door.greets("console", PEER)
    door.logs_in(PEER, "a1")
    heard = door.says(
        "console", PEER, *[Subscribe(door.new_id(), "agent/a1", None, "", 10) for _ in range(50)]
    )
    assert sum(isinstance(message, Subscribed) for message in heard) == 50
    assert sum(isinstance(message, Snapshot) for message in heard) == 1


# A desk that changes.


def change(door: Door, desk: str) -> None:
    door.system.tell(("dispatcher", "acme", ""), ApplyDesk(desk, desk_digest(desk), "apply", []))
    door.turn()
    door.principals.refresh()
    door.hub.desk_changed("acme")
    door.turn()


def test_an_agent_who_leaves_the_desk_loses_the_session_and_nobody_else_does() -> None:
    door = Door()
    door.greets("console", PEER)
    door.logs_in(PEER, "a1", "a2")
    change(door, desk_text(agents=1))
    ended = [message for message in door.heard("console", PEER) if isinstance(message, SessionEnded)]
    assert [message.agent for message in ended] == ["a2"]
    assert "no longer in the desk" in ended[0].reason
    gone = door.says("console", PEER, Subscribe(door.new_id(), "agent/a2", None, "", 10))
    assert refusals(gone) == [Code.NOT_ALLOWED]
    stays = door.says("console", PEER, Subscribe(door.new_id(), "agent/a1", None, "", 10))
    assert isinstance(stays[0], Subscribed)


def test_a_new_password_ends_the_sessions_of_the_old_one() -> None:
    door = Door()
    door.greets("console", PEER)
    door.logs_in(PEER, "a1", "a2")
    change(door, desk_text().replace(HASH, HASH[:-1] + "w", 1))
    ended = [message for message in door.heard("console", PEER) if isinstance(message, SessionEnded)]
    assert [message.agent for message in ended] == ["a1"]


def test_a_password_that_was_changed_while_it_was_looked_at_is_wrong() -> None:
    door = Door()
    door.greets("console", PEER)
    door.says("console", PEER, Login(door.new_id(), "a1", "old"))
    change(door, desk_text().replace(HASH, HASH[:-1] + "w", 1))
    door.pool.answer(True)
    door.turn()
    heard = door.heard("console", PEER)
    assert refusals(heard) == [Code.NOT_AUTHENTICATED]
    assert not any(isinstance(message, LoggedIn) for message in heard)


def test_nobody_is_let_in_as_an_agent_who_has_left_the_desk_whatever_the_password_was() -> None:
    door = Door()
    door.greets("console", PEER)
    door.says("console", PEER, Login(door.new_id(), "a2", "right"), Login(door.new_id(), "nobody", "right"))
    change(door, desk_text(agents=1))
    for _ in range(2):
        door.pool.answer(True)
    door.turn()
    assert refusals(door.heard("console", PEER)) == [Code.NOT_AUTHENTICATED] * 2
    assert door.numbers.logins_failed == 2


@pytest.mark.parametrize("good", [True, False])
def test_who_has_hung_up_before_the_password_was_looked_at_gets_no_session_and_no_answer(good: bool) -> None:
    door = Door()
    door.greets("console", PEER)
    door.says("console", PEER, Login(door.new_id(), "a1", "right"))
    door.says("console", PEER, Goodbye())
    door.turn()
    before = list(door.heard("console", PEER))
    door.pool.answer(good)
    door.turn()
    assert door.heard("console", PEER) == before
    assert ("agent", "acme", "a1") not in door.system.actors
    assert door.numbers.logins_failed == (0 if good else 1), "a wrong password counts, heard or not"


# Guessing.


def test_where_too_many_passwords_wait_already_a_login_is_sent_away_and_not_counted_as_wrong(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    door = Door()
    door.greets("console", PEER)
    with monkeypatch.context() as patch:
        patch.setattr(door.pool, "verify", lambda *_: False)
        for _ in range(20):
            (busy,) = door.says("console", PEER, Login(door.new_id(), "a1", "right"))
            assert (busy.code, busy.message) == (Code.BUSY, "too many logins at once")
            assert busy.retry_after_s == 1.0
    assert isinstance(door.logs_in(PEER, "a1")[-1], LoggedIn)


def test_queued_guesses_do_not_get_round_the_back_off() -> None:
    door = Door()
    door.greets("console", PEER)
    guesses = [Login(door.new_id(), "a1", f"guess {number}") for number in range(20)]
    assert refusals(door.says("console", PEER, *guesses)) == [Code.BUSY] * 15
    for _ in range(5):
        door.pool.answer(False)
    assert refusals(door.says("console", PEER, Login(door.new_id(), "a1", "guess"))).count(Code.BUSY) == 1
    assert door.pool.waiting == []
