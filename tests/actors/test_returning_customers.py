"""How a conversation begins: with what customer and channel say, and who served the customer before (D7)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from actors import events
from actors.channel.machine import Bindings, Left
from actors.journal import Store
from actors.telling import Told
from daemon.stores.memory import MemoryStore
from daemon.stores.sqlite import SQLiteStore
from protocol.content import Text
from protocol.life import CustomerRating
from protocol.messages import Ack, CustomerMessage, End, Refused
from tests.actors.oracle import crashed, recovered
from tests.stage import Stage, desk_text

DESK = desk_text(
    departments={"sales": ""},
    people={"a1": "skills = {tea = 9, coffee = 9}", "far": 'departments = ["sales"]'},
    channels={"web": 'priority = 2\nlanguage = "uk"\nskills = {tea = 2, coffee = 1}\nweight = 3'},
)


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made: Store = MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path / "journal.db")
    yield made
    made.close()


def begins(stage: Stage, **said: Any) -> tuple[events.Started, events.Queued]:
    """Have ann begin a conversation; return what was recorded of it."""
    message = CustomerMessage(stage.command_id(), "web", "ann", Text("hello"), **said)
    ack = stage.tell(("channel", "acme", "web"), message, "gateway/web")
    assert isinstance(ack, Ack)
    found = [entry.event for entry in stage.entries() if entry.id == ack.conversation]
    assert isinstance(found[0], events.Started)
    assert isinstance(found[2], events.Queued)
    return found[0], found[2]


def restart(stage: Stage) -> None:
    stage.store.close()
    stage.restart()


def previous_of(stage: Stage, talk: str) -> str:
    return next(
        entry.event.previous
        for entry in stage.entries()
        if entry.id == talk and isinstance(entry.event, events.Started)
    )


def talks(stage: Stage, contact: str, agent: str) -> str:
    """Have an agent talk with a customer until it ends."""
    talk = stage.begin_conversation(contact, agent)
    assert isinstance(stage.ends(agent, talk), Ack)
    return talk


@pytest.mark.rule("D8")
def test_what_nobody_says_is_the_channels() -> None:
    started, queued = begins(Stage(desk=DESK))
    assert (started.department, started.priority, started.language) == ("help", 2, "uk")
    assert started.skills == {"tea": 2, "coffee": 1}
    assert (queued.department, queued.reason) == ("help", "arrival")


@pytest.mark.rule("D8")
def test_what_the_customer_says_goes_before_the_channels() -> None:
    stage = Stage(desk=DESK)
    started, queued = begins(
        stage, department="sales", skills={"tea": 4, "milk": 99}, priority=7, language="en", name="Ann"
    )
    assert (started.department, started.priority, started.language, started.name) == ("sales", 7, "en", "Ann")
    assert started.skills == {"tea": 4, "coffee": 1, "milk": 10}, "more than 10 nobody could have"
    assert (queued.department, queued.reason) == ("sales", "arrival")


def test_a_department_that_is_not_in_the_desk_is_passed_over_and_it_is_said() -> None:
    started, queued = begins(Stage(desk=DESK), department="nowhere")
    assert started.department == "help"
    assert (queued.department, queued.reason) == ("help", "unknown_department")


def test_routing_is_told_all_that_it_goes_by() -> None:
    stage = Stage(desk=DESK)
    begins(stage, skills={"milk": 1})
    (report,) = stage.dispatcher.view.conversations.values()
    now = stage.clock.now()
    assert (report.waiting, report.department, report.since, report.entered) == (True, "help", now, now)
    assert (report.priority, report.language, report.kind, report.weight) == (2, "uk", "web", 3)
    assert report.skills == (("coffee", 1), ("milk", 1), ("tea", 2))
    assert (report.previous, report.transferring, report.members) == ("", False, ())


# Who served the customer before.


@pytest.mark.rule("D7")
@pytest.mark.parametrize(
    "between", ["nothing", "restart", "parked", "restart and parked", "parked and restart"]
)
def test_a_returning_customers_previous_agent_is_known(store: Store, between: str) -> None:
    stage = Stage(store)
    stage.logs_in("a1")
    talks(stage, "ann", "a1")
    for what in between.split(" and "):
        if what == "restart":
            restart(stage)
        elif what == "parked":
            stage.clock.advance(1.0)
            stage.turn(park_idle_s=0.0)
            kinds = {address[0] for address in stage.system.actors}
            assert "conversation" not in kinds
    talk = stage.begin_conversation("ann")
    assert previous_of(stage, talk) == "a1"
    assert stage.dispatcher.view.conversations[talk].previous == "a1"
    assert previous_of(stage, stage.begin_conversation("bob")) == ""


@pytest.mark.rule("D7")
@pytest.mark.parametrize("parked", [False, True])
def test_the_newest_of_many_conversations_counts(store: Store, parked: bool) -> None:
    stage = Stage(store)
    agents = ["a1", "a2"] * 3
    for agent in agents:
        stage.logs_in(agent)
        talks(stage, "ann", agent)
        stage.logs_out(agent)
        if parked:
            stage.clock.advance(1.0)
            stage.turn(park_idle_s=0.0)
    assert previous_of(stage, stage.begin_conversation("ann")) == agents[-1]


@pytest.mark.rule("D7")
def test_a_missed_chat_between_does_not_make_the_customer_new() -> None:
    stage = Stage()
    stage.logs_in("a1")
    talks(stage, "ann", "a1")
    stage.logs_out("a1")
    missed = stage.begin_conversation("ann")
    assert isinstance(stage.leaves("ann"), Ack)
    assert stage.state(missed).previous == ""
    assert previous_of(stage, stage.begin_conversation("ann")) == "a1"


@pytest.mark.rule("D7")
def test_an_old_conversation_that_is_looked_at_again_does_not_become_the_newest(store: Store) -> None:
    stage = Stage(store)
    talked = []
    for agent in ("a1", "a2"):
        stage.logs_in(agent)
        talked.append(talks(stage, "ann", agent))
        stage.logs_out(agent)
    stage.clock.advance(1.0)
    stage.turn(park_idle_s=0.0)
    assert isinstance(stage.says("a1", talked[0], "one more thing"), Refused)
    assert ("conversation", "acme", talked[0]) in stage.system.actors
    assert previous_of(stage, stage.begin_conversation("ann")) == "a2"
    stage.leaves("ann")
    stage.clock.advance(1.0)
    stage.turn(park_idle_s=0.0)
    assert previous_of(stage, stage.begin_conversation("ann")) == "a2"


@pytest.mark.rule("D7", "F14")
@pytest.mark.parametrize("between", ["nothing", "parked", "restart", "looked at again"])
def test_the_last_conversation_is_the_one_that_was_over_last_not_the_newest(
    store: Store, between: str
) -> None:
    """An old one was taken up again out of the history, and ended after the newer one."""
    stage = Stage(store)
    talked = []
    for agent in ("a1", "a2"):
        stage.logs_in(agent)
        talked.append(talks(stage, "ann", agent))
        stage.logs_out(agent)
        stage.pass_time(1.0)
    stage.logs_in("a1")
    assert isinstance(stage.reopens("a1", talked[0]), Ack)
    stage.pass_time(1.0)
    assert isinstance(stage.ends("a1", talked[0]), Ack)
    if between != "nothing":
        stage.clock.advance(1.0)
        stage.turn(park_idle_s=0.0)
    if between == "restart":
        restart(stage)
    elif between == "looked at again":
        assert isinstance(stage.says("a2", talked[1], "one more thing"), Refused)
        assert ("conversation", "acme", talked[1]) in stage.system.actors
    rated = CustomerRating(stage.command_id(), "web", "ann", 5)
    answer = stage.tell(("channel", "acme", "web"), rated, "gateway/web")
    assert isinstance(answer, Ack)
    assert answer.conversation == talked[0]
    assert previous_of(stage, stage.begin_conversation("ann")) == "a1"


@pytest.mark.rule("D7")
def test_who_returns_in_the_turn_in_which_the_conversation_ends_has_a_previous_agent_too() -> None:
    stage = Stage()
    stage.logs_in("a1")
    talk = stage.begin_conversation("ann", "a1")
    end = End(stage.command_id(), "a1", talk)
    again = CustomerMessage(stage.command_id(), "web", "ann", Text("wait"))
    stage.turn(
        stage.command("a1", end),
        (("channel", "acme", "web"), Told(again, "acme", "gateway/web", "peer")),
    )
    acks = [reply for reply in stage.replies if isinstance(reply, Ack) and reply.id == again.id]
    assert acks[0].conversation != talk
    assert previous_of(stage, acks[0].conversation) == "a1"


@pytest.mark.rule("guarantee-G3")
@pytest.mark.parametrize("between", ["nothing", "restart", "parked"])
def test_the_first_message_sent_again_after_the_end_begins_nothing(store: Store, between: str) -> None:
    stage = Stage(store)
    stage.logs_in("a1")
    ident = stage.command_id()
    first = stage.writes("ann", "hello", ident)
    stage.accepts("a1", first.conversation)
    stage.ends("a1", first.conversation)
    if between == "restart":
        restart(stage)
    elif between == "parked":
        stage.clock.advance(1.0)
        stage.turn(park_idle_s=0.0)
    again = stage.writes("ann", "hello", ident)
    assert (again.conversation, again.position, again.duplicate) == (first.conversation, first.position, True)
    assert stage.writes("ann", "really new").conversation != first.conversation


def test_a_crash_finds_the_same_previous_agent() -> None:
    store = MemoryStore()
    stage = Stage(store)
    stage.logs_in("a1")
    talks(stage, "ann", "a1")
    system = recovered(crashed(store))
    system.begin(stage.clock.now())
    message = CustomerMessage(stage.command_id(), "web", "ann", Text("hello"))
    system.tell(("channel", "acme", "web"), Told(message, "acme", "gateway/web", "peer"))
    system.run()
    started = [entry.event for entry in system.entries if isinstance(entry.event, events.Started)]
    assert [event.previous for event in started] == ["a1"]


def test_a_channel_that_is_rebuilt_knows_who_served_whom(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    stage.logs_in("a1")
    talks(stage, "ann", "a1")
    open_talk = stage.begin_conversation("bob")
    channel = stage.system.actors["channel", "acme", "web"]
    rebuilt = stage.system._replace(channel)
    assert rebuilt is not channel
    assert stage.writes("bob", "hello?").conversation == open_talk
    assert previous_of(stage, stage.begin_conversation("ann")) == "a1"


def test_bindings_keep_no_more_than_what_is_in_memory() -> None:
    bindings = Bindings()
    bindings.bind("ann", "c1")
    bindings.close("ann", "c1", Left("a1", None, 2.0))
    last = bindings.last("ann")
    assert last is not None
    assert (bindings.find("ann"), last.left.agent, len(bindings)) == (None, "a1", 0)
    bindings.close("ann", "c3", Left("a0", None, 1.0))
    assert bindings.last("ann") == last, "c3 was over before"
    bindings.close("ann", "c0", Left("a2", None, 2.0))
    assert bindings.last("ann") == last, "of the same time the greater id counts"
    bindings.forget("ann", "c0")
    assert bindings.last("ann") == last
    bindings.forget("ann", "c1")
    assert bindings.last("ann") is None
