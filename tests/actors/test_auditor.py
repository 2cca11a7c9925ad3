"""The auditor, shown to work: each kind of fault is planted in the dispatcher's view, found, healed, and the
conversation is served.
"""

from collections import Counter
from collections.abc import Callable

import pytest

from actors import events
from actors.conversation.actor import ConversationActor
from actors.dispatcher import auditor, questions
from actors.dispatcher.facts import Report
from actors.dispatcher.machine import View
from actors.scheduled import ScheduledActor
from actors.telling import Told
from tests.stage import Stage, desk_text

Plant = Callable[[View, str], None]


@pytest.fixture
def stage() -> Stage:
    return Stage(desk=desk_text(capacity=2, departments={"sales": ""}))


def healed(stage: Stage) -> list[events.Healed]:
    return [entry.event for entry in stage.entries() if isinstance(entry.event, events.Healed)]


def audited(stage: Stage) -> list[str]:
    """Let the auditor go once round, and return the kinds of what it has healed."""
    before = len(healed(stage))
    stage.pass_time(auditor.ROUND_S)
    return [event.violation for event in healed(stage)[before:]]


def lose(view: View, ident: str) -> None:
    view.take_report(view.conversations[ident]._replace(waiting=False, offered_to="", assignee=""), 0.0)


def give_to_another(view: View, ident: str) -> None:
    view.take_report(view.conversations[ident]._replace(assignee="a2"), 0.0)


def book_twice(view: View, ident: str) -> None:
    view.agent("a2").owned.add(ident)


def drift(view: View, _: str) -> None:
    view.agent("a1").used += 1


def miscount_the_parked(view: View, _: str) -> None:
    view.park("a1", "web", 1, 1)


def think_away(view: View, _: str) -> None:
    view.agent("a1").presence = "away"


@pytest.mark.parametrize(
    ("plant", "kind"),
    [
        (lose, "lost"),
        (give_to_another, "wrong_owner"),
        (book_twice, "doubled"),
        (drift, "drifted_counter"),
        (miscount_the_parked, "drifted_counter"),
        (think_away, "wrong_presence"),
    ],
)
def test_a_fault_about_an_agents_work_is_found_and_healed(stage: Stage, plant: Plant, kind: str) -> None:
    stage.logs_in("a1")
    ident = stage.begin_conversation("ann", "a1")
    assert audited(stage) == []
    plant(stage.dispatcher.view, ident)
    assert kind in audited(stage)
    assert stage.dispatcher.auditor.violations[kind] == 1
    assert audited(stage) == [], "healed once, it is right"
    known = stage.dispatcher.view.agent("a1")
    assert (known.owned, known.used, known.available) == ({ident}, 1, True)
    assert stage.dispatcher.view.agent("a2").owned == set()
    second, third = stage.begin_conversation("bob"), stage.begin_conversation("cho")
    assert (stage.offered_to(second), stage.offered_to(third)) == ("a1", ""), "two is what a1 can take"


def forget(view: View, ident: str) -> None:
    view.take_report(view.conversations[ident]._replace(waiting=False), 0.0)


def send_elsewhere(view: View, ident: str) -> None:
    view.take_report(view.conversations[ident]._replace(department="sales"), 0.0)


def dream_an_offer(view: View, ident: str) -> None:
    view.take_report(view.conversations[ident]._replace(waiting=False, offered_to="a2"), 0.0)


def dream_an_owner(view: View, ident: str) -> None:
    view.take_report(view.conversations[ident]._replace(waiting=False, assignee="a2"), 0.0)


@pytest.mark.parametrize(
    ("plant", "kind"),
    [
        (forget, "lost"),
        (send_elsewhere, "wrong_place"),
        (dream_an_offer, "stale_offer"),
        (dream_an_owner, "wrong_owner"),
    ],
)
def test_somebody_who_waits_in_vain_is_found_and_served(stage: Stage, plant: Plant, kind: str) -> None:
    ident = stage.begin_conversation("ann")
    plant(stage.dispatcher.view, ident)
    stage.logs_in("a1")
    assert audited(stage) == [kind]
    assert stage.offered_to(ident) == "a1"
    assert audited(stage) == []


def test_somebody_who_has_left_is_no_ghost_in_the_queue(stage: Stage) -> None:
    ident = stage.begin_conversation("ann")
    report = stage.dispatcher.view.conversations[ident]
    stage.leaves("ann")
    stage.dispatcher.view.take_report(report, 0.0)
    assert audited(stage) == ["ghost"]
    stage.logs_in("a1")
    assert ident not in stage.dispatcher.view.conversations


def test_what_is_healed_is_written_down_with_what_was_found_and_expected(stage: Stage) -> None:
    ident = stage.begin_conversation("ann")
    dream_an_offer(stage.dispatcher.view, ident)
    audited(stage)
    (event,) = healed(stage)
    assert event == events.Healed("stale_offer", ident, "offered to a2", "waits in help")


def test_a_round_is_made_in_bounded_steps(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auditor, "STEP", 2)
    monkeypatch.setattr(auditor, "AGENT_COST", 1)
    stage.pass_time(60.0)
    for contact in ("ann", "bob", "cho", "dee"):
        stage.begin_conversation(contact)
    steps = list[int]()
    for _ in range(2):  # One may be under way.
        rounds = stage.dispatcher.auditor.rounds
        stage.pass_time(auditor.ROUND_S)
        steps.append(0)
        while stage.dispatcher.auditor.rounds == rounds:
            stage.pass_time(auditor.STEP_S)
            steps[-1] += 1
            assert steps[-1] < 10
    assert steps[-1] >= 2, "four conversations and two agents, two at a time"
    assert stage.dispatcher.auditor.compared == 4


def test_a_step_that_one_agents_many_parked_conversations_make_dear_is_followed_by_a_longer_pause(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the auditor takes of the time stays the same, however many an agent has."""
    stage.logs_in("a1")
    stage.begin_conversation("ann", "a1")
    stage.clock.advance(100.0)
    stage.turn(park_idle_s=50.0)
    monkeypatch.setattr(auditor, "PARKED_COST", 100 * auditor.STEP)
    pauses = list[float]()
    rounds = stage.dispatcher.auditor.rounds
    for _ in range(60):
        stage.pass_time(1.0)
        pauses.append(stage.dispatcher.auditor.due_at - stage.clock.now())
    assert auditor.ROUND_S < max(pauses) <= 101 * auditor.STEP_S
    assert stage.dispatcher.auditor.rounds > rounds, "and the round ends all the same"


def test_parked_work_is_counted_from_the_store(stage: Stage) -> None:
    stage.logs_in("a1")
    stage.begin_conversation("ann", "a1")
    stage.clock.advance(100.0)
    stage.turn(park_idle_s=50.0)
    assert stage.dispatcher.view.agent("a1").parked == 1
    assert audited(stage) == []
    stage.dispatcher.view.agent("a1").parked = 0
    assert audited(stage) == ["drifted_counter"]
    known = stage.dispatcher.view.agent("a1")
    assert known.parked == 1
    known.parked_as, known.used = Counter({("web", 3): 1}), 3
    assert audited(stage) == ["drifted_counter"], "as many, but not of that weight"
    assert (known.used, known.parked_as) == (1, Counter({("web", 1): 1}))


def test_a_conversation_that_is_in_no_place_by_its_own_word_is_written_down_once(stage: Stage) -> None:
    stage.logs_in("a1")
    ident = stage.begin_conversation("ann", "a1")
    stage.state(ident).assignee = ""
    assert audited(stage).count("not_in_one_place") == 1
    assert "not_in_one_place" not in audited(stage)
    stage.state(ident).assignee = "a1"
    audited(stage)
    assert stage.dispatcher.view.agent("a1").owned == {ident}


def test_a_conversation_out_of_action_is_nobodys_and_no_violation(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    ident = stage.begin_conversation("ann")
    healthy = ConversationActor.on_receive

    def fails(self: ConversationActor, message: object) -> None:
        if isinstance(message, Told):
            raise ZeroDivisionError("always")
        healthy(self, message)

    monkeypatch.setattr(ConversationActor, "on_receive", fails)
    monkeypatch.setattr(ConversationActor, "on_batch", ScheduledActor.on_batch)
    for _ in range(4):
        stage.writes("ann")
        stage.clock.advance(2.0)
    stage.failures.seen.clear()
    assert ("conversation", "acme", ident) in stage.system.supervisor.out
    assert audited(stage) == []
    assert questions.why_not(stage.system, "acme", ident, "a1")[0].code == "out_of_action"


def test_a_conversation_of_which_only_the_dispatcher_knows_is_a_ghost(stage: Stage) -> None:
    dream = Report("never-begun", True, "help", 1.0, "", "", {}, entered=1.0)
    stage.dispatcher.view.take_report(dream, stage.clock.now())
    assert audited(stage) == ["ghost"]
    assert "never-begun" not in stage.dispatcher.view.conversations


def test_who_is_being_parked_while_a_round_is_due_is_not_taken_for_lost(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.logs_in("a1")
    ident = stage.begin_conversation("ann", "a1")
    stage.clock.advance(60.0)
    leaves = ConversationActor.parked

    def leaves_as_a_round_falls_due(self: ConversationActor) -> None:
        stage.dispatcher.auditor.due_at = 0.0
        leaves(self)

    monkeypatch.setattr(ConversationActor, "parked", leaves_as_a_round_falls_due)
    stage.turn(park_idle_s=1.0)
    assert ("conversation", "acme", ident) not in stage.system.actors
    assert audited(stage) == []
    assert not [entry for entry in stage.entries() if type(entry.event).__name__ == "Healed"]


def test_who_was_woken_for_a_transfer_while_a_round_is_due_is_not_taken_for_lost(stage: Stage) -> None:
    """Simulation, seed 82: the agent's books were "healed" by a unit too few."""
    stage.logs_in("a1", "a2")
    ident = stage.begin_conversation("ann", "a1")
    stage.clock.advance(60.0)
    stage.turn(park_idle_s=1.0)
    assert ("conversation", "acme", ident) not in stage.system.actors
    stage.dispatcher.auditor.due_at = 0.0
    stage.transfers("a1", ident, to_department="sales")
    assert stage.dispatcher.view.agent("a1").used == 1
    assert audited(stage) == []
    assert not healed(stage)
