"""Waking and parking, the order of what is told, and supervision: what fails is undone, and fails alone."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from actors import queries, runtime
from actors.channel.actor import ChannelActor
from actors.conversation.actor import ConversationActor
from actors.dispatcher.actor import DispatcherActor
from actors.events.dispatcher import SetAside
from actors.runtime import System
from actors.scheduled import ScheduledActor
from actors.supervision import TooManyFailures
from protocol.content import Text
from protocol.messages import Ack, AgentMessage, CustomerMessage, Refused
from tests.actors.oracle import Oracle, crashed, journal_only, projection, recovered
from tests.stage import Stage

POISON = "poison"


@pytest.fixture
def stage() -> Stage:
    return Stage()


def poisoned(patch: pytest.MonkeyPatch, kind: type[Any], error: BaseException, *, late: bool) -> None:
    """Let a kind of actor fail on a message that says "poison"; ``late``: once it has done its work."""
    healthy = kind.on_receive

    def on_receive(self: Any, message: Any) -> Any:
        told = getattr(message, "told", message)
        bad = getattr(getattr(getattr(told, "message", None), "content", None), "text", "") == POISON
        if bad and not late:
            raise error
        answer = healthy(self, message)
        if bad:
            raise error
        return answer

    patch.setattr(kind, "on_receive", on_receive)
    patch.setattr(kind, "on_batch", ScheduledActor.on_batch)


ERRORS = [ValueError("no"), SystemExit(3), KeyboardInterrupt(), GeneratorExit()]


@pytest.mark.rule("guarantee-G14")
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("late", [False, True])
def test_a_poison_message_is_set_aside_and_only_its_sender_hears_of_it(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, error: BaseException, late: bool
) -> None:
    stage.logs_in("a1")
    talk, other = stage.begin_conversation("ann", "a1"), stage.begin_conversation("bob", "a1")
    before, entries = copy.deepcopy(stage.state(talk)), len(list(stage.entries()))
    mail = len(stage.mail["agent/a1"])
    poisoned(monkeypatch, ConversationActor, error, late=late)
    answer = stage.writes("ann", POISON)
    assert isinstance(answer, Refused)
    assert answer.code == "INTERNAL"
    assert stage.state(talk) == before
    *_, letter = stage.entries()
    assert len(list(stage.entries())) == entries + 1
    assert isinstance(letter.event, SetAside), "the command is kept, with the reason"
    assert (letter.kind, letter.event.actor) == ("dispatcher", f"conversation/acme/{talk}")
    assert POISON.encode() in letter.event.command
    assert len(stage.mail["agent/a1"]) == mail
    assert [(address[2], raised) for address, _, raised in stage.failures.seen] == [(talk, error)]
    assert stage.writes("ann", "and this?").conversation == talk
    assert stage.writes("bob", "and I?").conversation == other
    assert isinstance(stage.says("a1", talk, "all is well"), Ack)


@pytest.mark.rule("guarantee-G14", "guarantee-G3")
@pytest.mark.parametrize("late", [False, True])
def test_what_came_in_the_same_turn_as_the_poison_is_carried_out_once(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, late: bool
) -> None:
    talk = stage.begin_conversation("ann")
    poisoned(monkeypatch, ConversationActor, ValueError("no"), late=late)
    texts = ["one", "two", POISON, "three"]
    idents = [stage.command_id() for _ in texts]
    channel = ("channel", "acme", "web")
    stage.turn(
        *(
            (
                channel,
                runtime.Told(CustomerMessage(ident, "web", "ann", Text(text)), "acme", "gateway/web", "peer"),
            )
            for ident, text in zip(idents, texts, strict=True)
        )
    )
    assert {reply.id: type(reply) for reply in stage.replies} == dict(
        zip(idents, [Ack, Ack, Refused, Ack], strict=True)
    )
    oracle = Oracle()
    oracle.read(stage.store)
    assert [entry.event.content.text for entry in oracle.entries if entry.command][1:] == [
        "one",
        "two",
        "three",
    ]  # type: ignore[union-attr]
    assert stage.state(talk).sequence == oracle.sequences["conversation", "acme", talk]
    assert projection(recovered(crashed(stage.store)), oracle) == projection(stage.system, oracle)
    again = stage.writes("ann", "instead of the poison", idents[2])
    assert isinstance(again, Ack)
    assert not again.duplicate, "what was undone is new"


@pytest.mark.rule("D6")
@pytest.mark.parametrize("late", [False, True])
def test_a_channel_that_was_rebuilt_still_knows_its_customers_and_has_told_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, late: bool
) -> None:
    talk = stage.begin_conversation("ann")
    poisoned(monkeypatch, ChannelActor, ValueError("no"), late=late)
    assert stage.writes("bob", POISON).code == "INTERNAL"
    assert stage.writes("ann", "still me").conversation == talk
    # What the channel had told somebody before it failed was never told.
    idents = {entry.id for entry in stage.entries() if entry.kind == "conversation"}
    assert idents == {talk}
    assert stage.writes("bob", "hello").conversation not in idents


@pytest.mark.rule("guarantee-G8", "guarantee-G10")
def test_a_dispatcher_that_was_rebuilt_knows_who_waits_and_who_is_free(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.logs_in("a1")
    owned, parked = stage.begin_conversation("ann", "a1"), stage.begin_conversation("bob", "a1")
    stage.clock.advance(10.0)
    stage.turn(park_idle_s=5.0)
    assert ("conversation", "acme", parked) not in stage.system.actors
    stage.writes("ann", "wakes up")
    waiting = stage.begin_conversation("cho")
    healthy = DispatcherActor.on_receive

    def once(self: Any, message: Any) -> None:
        monkeypatch.setattr(DispatcherActor, "on_receive", healthy)
        raise ValueError("no")

    monkeypatch.setattr(DispatcherActor, "on_receive", once)
    stage.turn((("dispatcher", "acme", ""), "anything"))
    view = stage.system.actors["dispatcher", "acme", ""].view  # type: ignore[attr-defined]
    assert view.agent("a1").used == 3
    assert stage.offered_to(waiting) == "a1"
    assert stage.state(owned).assignee == "a1"
    last = stage.begin_conversation("dee")
    assert stage.offered_to(last) == "a1"
    assert stage.offered_to(stage.begin_conversation("eva")) == "", "the capacity is four"


@pytest.mark.rule("guarantee-G14")
def test_a_conversation_that_always_fails_is_put_out_of_action_alone(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    sick, well = stage.begin_conversation("ann"), stage.begin_conversation("bob")
    with monkeypatch.context() as patch:
        receive = ConversationActor.on_receive

        def fail(actor: ConversationActor, message: Any) -> None:
            if actor.address[2] == sick:
                raise ValueError("no")
            receive(actor, message)

        patch.setattr(ConversationActor, "on_receive", fail)
        patch.setattr(ConversationActor, "on_batch", ScheduledActor.on_batch)
        stage.logs_in("a1")
        stage.logs_in("a2")
        for _ in range(5):
            assert stage.writes("ann", "anybody?").code == "INTERNAL"
            stage.pass_time(1)
    assert stage.offered_to(well) == "a1"
    assert isinstance(stage.writes("bob", "go on"), Ack)
    assert stage.system.supervisor.out == {("conversation", "acme", sick)}
    stage.restart()
    stage.logs_in("a1", "a2")
    assert stage.offered_to(sick) != "", "the next start tries again"


@pytest.mark.rule("guarantee-G14")
def test_failures_of_more_than_three_actors_in_five_seconds_stop_the_process_and_commit_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    poisoned(monkeypatch, ConversationActor, ValueError("no"), late=True)
    for contact in ("ann", "bob", "cy"):
        assert stage.writes(contact, POISON).code == "INTERNAL"
    head = stage.system.head
    with pytest.raises(TooManyFailures):
        stage.writes("dee", POISON)
    assert sum(record.size for record in stage.store.records(0)) == head


@pytest.mark.rule("guarantee-G14")
def test_failures_far_apart_do_not_stop_the_process(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.begin_conversation("ann")
    poisoned(monkeypatch, ConversationActor, ValueError("no"), late=False)
    for _ in range(12):
        assert stage.writes("ann", POISON).code == "INTERNAL"
        stage.pass_time(2.0)


@pytest.mark.rule("guarantee-G14")
def test_a_turn_that_does_not_end_stops_the_process(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "MESSAGES_PER_TURN", 100)
    address = ("channel", "acme", "web")
    monkeypatch.setattr(ChannelActor, "on_receive", lambda self, message: self.system.tell(address, message))
    with pytest.raises(RuntimeError, match="does not end"):
        stage.turn((address, "ping"))


def test_messages_to_one_actor_are_handled_in_the_order_in_which_they_were_told(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    web, shop = ("channel", "acme", "web"), ("channel", "acme", "shop")

    def pass_on(self: Any, message: Any) -> None:
        seen.append((self.address[2], message))
        if self.address == web:
            self.system.tell(shop, f"{message}, first")
            self.system.tell(shop, f"{message}, second")

    monkeypatch.setattr(ChannelActor, "on_receive", pass_on)
    stage.turn((web, "a"), (shop, "b"), (web, "c"))
    assert [message for where, message in seen if where == "web"] == ["a", "c"]
    assert [message for where, message in seen if where == "shop"] == [
        "b", "a, first", "a, second", "c, first", "c, second",
    ]  # fmt: skip


# Parking.


@pytest.mark.rule("guarantee-G13")
def test_an_idle_conversation_leaves_memory_and_comes_back_as_it_was(stage: Stage) -> None:
    stage.logs_in("a1")
    talk = stage.begin_conversation("ann", "a1")
    state, address = stage.state(talk), ("conversation", "acme", talk)
    stage.clock.advance(700.0)
    stage.turn(park_idle_s=600.0)
    assert address not in stage.system.actors
    assert stage.state(talk) == state
    assert stage.writes("ann", "hello again").conversation == talk
    assert address in stage.system.actors
    assert stage.news_of("agent/a1")[-1] == "CustomerSaid"


@pytest.mark.rule("guarantee-G13")
def test_who_waits_or_was_just_told_something_stays_in_memory(stage: Stage) -> None:
    stage.logs_in("a1")
    fresh = stage.begin_conversation("ann", "a1")
    stage.clock.advance(700.0)
    waiting = stage.begin_conversation("bob")
    stage.says("a1", fresh, "hello")
    stage.turn(park_idle_s=600.0)
    assert {("conversation", "acme", ident) for ident in (fresh, waiting)} <= stage.system.actors.keys()


@pytest.mark.rule("guarantee-G8")
def test_a_parked_conversation_still_takes_its_agents_room(stage: Stage) -> None:
    stage.logs_in("a1")
    for contact in ("ann", "bob", "cho", "dee"):
        stage.begin_conversation(contact, "a1")
    stage.clock.advance(10.0)
    stage.turn(park_idle_s=5.0)
    waiting = stage.begin_conversation("eva")
    assert stage.offered_to(waiting) == ""
    stage.leaves("bob")
    assert stage.offered_to(waiting) == "a1"


@pytest.mark.rule("guarantee-G15", "guarantee-G13")
def test_a_guessed_id_leaves_nothing_behind(stage: Stage) -> None:
    stage.logs_in("a1")
    head = stage.system.head
    assert stage.says("a1", "guessed", "hello").code == "NOT_ALLOWED"
    assert stage.accepts("a1", "guessed", "offer").code == "OFFER_GONE"
    assert ("conversation", "acme", "guessed") not in stage.system.actors
    assert queries.conversation(stage.system, "acme", "guessed") is None
    assert stage.system.head == head


@pytest.mark.rule("guarantee-G15", "guarantee-G13")
def test_a_guessed_id_leaves_nothing_in_the_store_where_all_that_is_idle_is_parked_in_its_turn(
    stage: Stage,
) -> None:
    stage.logs_in("a1")
    address = ("conversation", "acme", "guessed")
    told = stage.command("a1", AgentMessage(stage.command_id(), "a1", "guessed", Text("hello")))
    (answer,) = stage.turn(told, park_idle_s=0.0)
    assert answer.code == "NOT_ALLOWED"
    assert address not in stage.system.actors
    assert stage.store.snapshot(address) is None


# What is written behind.


@pytest.mark.rule("guarantee-G5")
@pytest.mark.parametrize(("lag", "step"), [(0, 1), (1, 1), (7, 2), (7, 32), (20_000, 32)])
def test_three_roads_lead_to_one_state_whatever_was_written_by_then(
    steps: Callable[[int, int], None], lag: int, step: int
) -> None:
    steps(lag, step)
    stage, oracle = Stage(), Oracle()
    stage.logs_in("a1", "a2")
    for number in range(12):
        talk = stage.begin_conversation(f"customer-{number % 5}")
        agent = stage.offered_to(talk)
        if agent:
            stage.accepts(agent, talk)
            stage.says(agent, talk, "hello")
        if number % 3 == 2 and agent:
            stage.ends(agent, talk)
        if number % 4 == 3:
            stage.turn(park_idle_s=0.0)
        oracle.read(stage.store)
        live = projection(stage.system, oracle)
        assert projection(recovered(crashed(stage.store)), oracle) == live
        assert projection(recovered(journal_only(stage.store)), oracle) == live


@pytest.mark.rule("guarantee-G5")
def test_numbers_in_mailboxes_survive_a_lag_that_ends_in_the_middle_of_a_turn(
    steps: Callable[[int, int], None],
) -> None:
    """The low water once passed a mailbox that was noted after a later change of another actor."""
    steps(1, 1)
    stage, oracle = Stage(), Oracle()
    stage.begin_conversation("ann")
    stage.logs_in("a1")
    oracle.read(stage.store)
    assert projection(recovered(crashed(stage.store)), oracle) == projection(stage.system, oracle)


def test_after_everything_was_written_a_start_replays_nothing(stage: Stage) -> None:
    stage.begin_conversation("ann")
    stage.system.begin(stage.clock.now())
    batch = stage.system.seal(tidy=True)
    assert batch is not None
    stage.store.commit(batch)
    stage.system.release(batch)
    assert stage.system.write_behind.behind == 0
    fresh: System = recovered(crashed(stage.store))
    stage.restart()
    assert stage.replayed == 0
    assert fresh.head == batch.low_water.snapshots
