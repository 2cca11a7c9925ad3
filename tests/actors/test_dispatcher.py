"""What a dispatcher does beside matching: taking by hand, orders, greetings, limits, hand-over, questions."""

import inspect
from typing import Any

import pytest

from actors import events
from actors.dispatcher import actor as dispatcher_actor, asked, facts, questions
from actors.dispatcher.actor import HANDLERS
from actors.dispatcher.asked import ASKED
from actors.dispatcher.reasons import Reason
from actors.telling import Tick, Told
from protocol.messages import Ack, Refused
from protocol.teamwork import SetOrder
from tests.stage import TO_DISPATCHER, Stage, desk_text

PULL = 'mode = "pull"'
SUPERVISOR = 'role = "supervisor"'


def staged(**options: Any) -> Stage:
    """Return a stage on which everybody has logged in."""
    stage = Stage(desk=desk_text(**options))
    stage.logs_in(*stage.dispatcher.desk.agents)
    return stage


def test_everything_that_a_dispatcher_can_be_told_has_an_answer() -> None:
    told = {it for _, it in inspect.getmembers(facts, inspect.isclass) if it.__module__ == facts.__name__}
    told -= {facts.HandOverPlanned}  # The answer to an agent.
    for module in (dispatcher_actor, asked):
        told |= {
            it
            for _, it in inspect.getmembers(module, inspect.isclass)
            if it.__module__ == module.__name__ and issubclass(it, tuple)
        }
    assert told | {Told, Tick, events.SetAside} == set(HANDLERS), "a new message needs a handler"
    assert set(TO_DISPATCHER) == set(ASKED), "a new command to the dispatcher needs an answer"


# By hand.


@pytest.mark.rule("D3")
def test_the_next_is_the_one_whose_turn_it_is() -> None:
    stage = staged(agents=1, departments={"help": PULL})
    first = stage.begin_conversation("ann")
    stage.clock.advance(1.0)
    second = stage.begin_conversation("bob")
    assert stage.takes_next("a1").conversation == first
    assert stage.takes_next("a1").conversation == second
    answer = stage.takes_next("a1")
    assert (answer.code, Reason.NOBODY_WAITS in answer.message) == ("UNAVAILABLE", True)


@pytest.mark.rule("D4", "guarantee-G3")
def test_any_customer_of_the_list_can_be_taken_and_taking_twice_is_taking_once() -> None:
    stage = staged(agents=1, departments={"help": PULL})
    stage.begin_conversation("ann")
    second = stage.begin_conversation("bob")
    ident = stage.command_id()
    assert isinstance(stage.takes("a1", second, ident), Ack)
    again = stage.takes("a1", second, ident)
    assert (again.conversation, again.duplicate) == (second, True)
    assert stage.dispatcher.view.agent("a1").used == 1
    assert [it.event.how for it in stage.entries() if isinstance(it.event, events.Assigned)] == ["taken"]


@pytest.mark.rule("D5")
def test_where_the_list_is_hidden_only_the_next_can_be_taken() -> None:
    stage = staged(agents=1, departments={"help": f"{PULL}\nlisted = false"})
    first, second = stage.begin_conversation("ann"), stage.begin_conversation("bob")
    answer = stage.takes("a1", second)
    assert (answer.code, Reason.PICKING_NOT_ALLOWED in answer.message) == ("NOT_ALLOWED", True)
    assert stage.takes_next("a1").conversation == first


@pytest.mark.rule("D3", "D4")
def test_a_department_can_forbid_picking() -> None:
    stage = staged(agents=1, departments={"help": 'pick = "none"'})
    ident = stage.begin_conversation("ann")
    stage.declines("a1", ident)
    for answer in (stage.takes("a1", ident), stage.takes_next("a1", "help")):
        assert isinstance(answer, Refused)
        assert Reason.PICKING_NOT_ALLOWED in answer.message
    assert stage.dispatcher.view.agent("a1").used == 0


@pytest.mark.rule("D4", "guarantee-G15")
def test_who_does_not_serve_the_department_cannot_tell_its_customers_from_none() -> None:
    people = {"s1": 'departments = ["sales"]'}
    stage = staged(agents=1, departments={"help": PULL, "sales": PULL}, people=people)
    ident = stage.begin_conversation("ann")
    answer, other = stage.takes("s1", ident), stage.takes("s1", "no-such-id")
    assert (answer.code, answer.message) == (other.code, other.message) == ("NOT_ALLOWED", answer.message)


@pytest.mark.rule("guarantee-G8")
def test_taking_by_hand_keeps_to_the_capacity() -> None:
    stage = staged(agents=1, capacity=1, departments={"help": PULL})
    first, second = stage.begin_conversation("ann"), stage.begin_conversation("bob")
    assert isinstance(stage.takes("a1", first), Ack)
    answer = stage.takes("a1", second)
    assert (answer.code, Reason.NO_ROOM in answer.message) == ("UNAVAILABLE", True)


# The order of a queue.


@pytest.mark.rule("D2")
def test_the_newest_go_first_until_the_turn_of_the_nights_backlog() -> None:
    stage = staged(agents=0, people={"a1": "capacity = 1", "boss": SUPERVISOR})
    stage.chooses("a1", "away")
    stage.chooses("boss", "away")
    night = [stage.begin_conversation(contact) for contact in ("ann", "bob")]
    stage.clock.advance(3_600.0)
    assert isinstance(stage.sets_order("boss", "help", "newest", "backlog"), Ack)
    stage.clock.advance(1.0)
    fresh = stage.begin_conversation("cho")
    stage.restart()
    stage.logs_in("a1", "boss")
    stage.chooses("boss", "away")
    stage.chooses("a1", "online")
    served = []
    for _ in range(3):
        (ident,) = [it for it in (*night, fresh) if stage.offered_to(it)]
        served.append(ident)
        stage.accepts("a1", ident)
        stage.ends("a1", ident)
    assert served == [fresh, *night], "then the longest wait again"
    changed = [it.event for it in stage.entries() if isinstance(it.event, events.OrderChanged)]
    assert [(it.order, it.by) for it in changed] == [("newest", "boss"), ("", "")]
    assert stage.dispatcher.order_of("help") == "longest_wait"
    assert "OrderChanged" in stage.news_of("agent/a1")


@pytest.mark.rule("D1", "D2")
def test_an_order_that_was_set_survives_a_restart_and_can_be_taken_back() -> None:
    stage = staged(agents=1, people={"boss": SUPERVISOR})
    stage.sets_order("boss", "help", "newest")
    stage.restart()
    assert stage.dispatcher.order_of("help") == "newest"
    stage.logs_in("boss")
    stage.chooses("boss", "away")
    first = stage.begin_conversation("ann")
    stage.clock.advance(1.0)
    second = stage.begin_conversation("bob")
    waiting = questions.waiting_list(stage.system, "acme", "help", 10)
    assert ([it.conversation for it in waiting.waiting], waiting.order) == ([second, first], "newest")
    stage.sets_order("boss", "help", "")
    waiting = questions.waiting_list(stage.system, "acme", "help", 10)
    assert ([it.conversation for it in waiting.waiting], waiting.order) == ([first, second], "longest_wait")


@pytest.mark.rule("D2", "guarantee-G3")
def test_taking_an_order_back_twice_is_taking_it_back_once() -> None:
    stage = staged(agents=1, people={"boss": SUPERVISOR})
    message = SetOrder(stage.command_id(), "boss", "help", "", "backlog")
    assert isinstance(stage.says_to_desk("boss", message), Ack)
    assert stage.says_to_desk("boss", message).duplicate


@pytest.mark.rule("D2", "L3")
def test_only_who_has_the_permission_sets_an_order() -> None:
    stage = staged(agents=1, departments={"sales": ""}, people={"boss": SUPERVISOR})
    assert stage.sets_order("a1", "help", "newest").code == "NOT_ALLOWED"
    assert stage.sets_order("boss", "nowhere", "newest").code == "NOT_ALLOWED"
    assert stage.sets_order("boss", "sales", "newest").code == "NOT_ALLOWED", "not a department of hers"
    assert isinstance(stage.sets_order("boss", "help", "newest"), Ack)


# Greetings.

GREETINGS = 'greeting_online = "Here!"\ngreeting_offline = "Not here."'


def greetings(stage: Stage) -> list[tuple[str, str]]:
    """Return kind and text of every automatic reply that the channel got."""
    mail = stage.mail.get("channel/web", [])
    return [(it.news.kind, it.news.text) for it in mail if type(it.news).__name__ == "AutomaticReply"]


@pytest.mark.rule("D10")
def test_the_first_message_is_answered_by_whether_somebody_is_there_and_only_once() -> None:
    stage = Stage(desk=desk_text(agents=1, departments={"help": GREETINGS}))
    stage.writes("ann")
    stage.writes("ann", "hello?")
    stage.logs_in("a1")
    stage.writes("bob")
    stage.restart()
    stage.logs_in("a1")
    stage.writes("ann", "still there?")
    stage.writes("bob", "me too")
    assert greetings(stage) == [("offline", "Not here."), ("online", "Here!")]


@pytest.mark.rule("D10")
def test_outside_the_hours_nobody_is_there() -> None:
    closed = '[departments.help.hours]\ntimezone = "UTC"\n'
    stage = Stage(desk=desk_text(agents=1, departments={"help": GREETINGS}, extra=closed))
    stage.logs_in("a1")
    stage.writes("ann")
    assert greetings(stage) == [("offline", "Not here.")]


@pytest.mark.rule("D10")
def test_without_a_text_nothing_is_said() -> None:
    stage = staged(agents=1)
    ident = stage.begin_conversation("ann")
    assert greetings(stage) == []
    assert "Greeted" not in stage.events_of(ident)


# Limits.


@pytest.mark.rule("D1")
def test_beyond_the_limit_a_customer_is_moved_with_the_waiting_time() -> None:
    limits = 'wait_max_s = 100\nat_limit = "overflow"\noverflow = "sales"'
    stage = Stage(desk=desk_text(agents=1, departments={"help": limits, "sales": ""}))
    ident = stage.begin_conversation("ann")
    stage.pass_time(99.0)
    assert stage.state(ident).department == "help"
    stage.pass_time(1.0)
    state = stage.state(ident)
    assert (state.status, state.department, state.since) == ("queued", "sales", 1e9)
    queued = [it.event for it in stage.entries() if isinstance(it.event, events.Queued)]
    assert queued[-1].reason == Reason.WAITED_TOO_LONG


def test_beyond_the_limit_a_customer_is_sent_away_with_a_word_and_counted_as_such() -> None:
    limits = 'waiting_max = 1\nat_limit = "end"\nturned_away = "Sorry."'
    stage = Stage(desk=desk_text(agents=1, departments={"help": limits}))
    first, second = stage.begin_conversation("ann"), stage.begin_conversation("bob")
    assert (stage.state(first).status, stage.state(second).status) == ("queued", "ended")
    assert greetings(stage) == [("turned_away", "Sorry.")]
    figures = stage.dispatcher.figures
    assert (figures.turned_away, figures.abandoned) == ({"help": 1}, {})
    stage.leaves("ann")
    assert (figures.turned_away, figures.abandoned) == ({"help": 1}, {"help": 1})


# Hand-overs.


def results(stage: Stage) -> list[events.Moved]:
    """Return what the journal says of the last hand-over."""
    found = [it.event for it in stage.entries() if isinstance(it.event, events.HandedOver)]
    return found[-1].results


@pytest.mark.rule("A4")
def test_a_hand_over_moves_what_the_colleague_has_room_for_and_queues_the_rest() -> None:
    stage = staged(agents=1, capacity=3, people={"a2": "capacity = 2"})
    stage.chooses("a2", "transfer_only")
    idents = []
    for contact in ("ann", "bob", "cho"):
        idents.append(stage.begin_conversation(contact, "a1"))
        stage.clock.advance(1.0)
    stage.hands_over("a1", "away", "a2")
    assert [stage.state(ident).assignee for ident in idents] == ["a2", "a2", ""]
    assert stage.state(idents[2]).status == "queued"
    assert results(stage) == [
        events.Moved(idents[0], "assigned", "a2"),
        events.Moved(idents[1], "assigned", "a2"),
        events.Moved(idents[2], "queued", "", "help", Reason.NO_ROOM),
    ]
    assert stage.state(idents[2]).since == 1e9 + 2.0, "with the waiting time"


@pytest.mark.rule("A4")
def test_what_nobody_takes_is_kept_where_the_policy_says_so() -> None:
    stage = staged(agents=2, policies='hand_over_refused = "keep"')
    ident = stage.begin_conversation("ann")
    agent = stage.offered_to(ident)
    stage.accepts(agent, ident)
    other = "a2" if agent == "a1" else "a1"
    stage.chooses(other, "away")
    stage.hands_over(agent, "away", other)
    assert results(stage) == [events.Moved(ident, "kept", agent, "", Reason.AWAY)]
    assert stage.state(ident).assignee == agent


@pytest.mark.rule("A4", "A5")
def test_parked_conversations_are_handed_over_too_in_the_same_turn() -> None:
    stage = staged(agents=2)
    ident = stage.begin_conversation("ann")
    agent = stage.offered_to(ident)
    stage.accepts(agent, ident)
    other = "a2" if agent == "a1" else "a1"
    stage.clock.advance(100.0)
    stage.turn(park_idle_s=50.0)
    assert ("conversation", "acme", ident) not in stage.system.actors
    head = stage.system.head
    stage.hands_over(agent, "away", other)
    assert stage.state(ident).assignee == other
    kinds = [type(it.event).__name__ for it in list(stage.entries())[head:]]
    assert {"HandOverBegun", "Assigned", "HandedOver"} <= set(kinds)
    view = stage.dispatcher.view
    assert (view.agent(agent).used, view.agent(other).used) == (0, 1)


@pytest.mark.rule("A4")
def test_a_hand_over_to_a_department_or_to_nobody_goes_to_the_queues() -> None:
    stage = staged(agents=1, departments={"sales": ""})
    first = stage.begin_conversation("ann", "a1")
    stage.hands_over("a1", "away", to_department="sales")
    assert (stage.state(first).status, stage.state(first).department) == ("queued", "sales")
    stage.chooses("a1", "online")
    second = stage.begin_conversation("bob", "a1")
    stage.hands_over("a1", "away")
    assert results(stage) == [events.Moved(second, "queued", "", "help")]


# Questions.


@pytest.mark.rule("D4", "D9")
def test_the_waiting_list_is_in_order_and_says_who_they_are() -> None:
    stage = Stage(desk=desk_text(agents=1))
    idents = []
    for contact in ("ann", "bob", "cho"):
        idents.append(stage.begin_conversation(contact))
        stage.clock.advance(1.0)
    found = questions.waiting_list(stage.system, "acme", "help", 2)
    assert [(it.conversation, it.contact, it.place) for it in found.waiting] == [
        (idents[0], "ann", 1),
        (idents[1], "bob", 2),
    ]
    assert (found.total, found.order, found.waiting[0].channel) == (3, "longest_wait", "web")


def test_a_customer_learns_the_place_in_the_queue() -> None:
    """chatwoot/chatwoot#10059: customers want position and wait."""
    stage = Stage(desk=desk_text(agents=1, capacity=1))
    stage.begin_conversation("ann")
    stage.clock.advance(1.0)
    stage.begin_conversation("bob")
    assert questions.position(stage.system, "acme", "web", "bob")[:2] == (True, 2)
    stage.logs_in("a1")
    assert questions.position(stage.system, "acme", "web", "ann")[:2] == (True, 1), "being offered"
    assert questions.position(stage.system, "acme", "web", "bob")[:2] == (True, 1)
    assert questions.position(stage.system, "acme", "web", "nobody") == (False, 0, 0.0, "")
    assert questions.position(stage.system, "acme", "nowhere", "ann") == (False, 0, 0.0, "")


@pytest.mark.rule("A10", "L1")
def test_colleagues_are_those_of_the_same_department_and_below_with_state_and_load() -> None:
    departments = {"help": "", "wine": 'parent = "help"', "port": 'parent = "wine"', "sales": ""}
    people = {
        "boss": "",
        "w1": 'departments = ["wine"]',
        "p1": 'departments = ["port"]\ncapacity = 2',
        "s1": 'departments = ["sales"]',
    }
    stage = Stage(desk=desk_text(agents=0, departments=departments, people=people,
                                 channels={"port": 'department = "port"'}))  # fmt: skip
    stage.logs_in("p1", "w1")
    ident = stage.writes("ann", channel="port").conversation
    stage.accepts("p1", ident)
    stage.chooses("w1", "busy")
    seen, total = questions.colleagues(stage.system, "acme", "boss", 10)
    found = {it.agent: it for it in seen}
    assert total == len(found)
    assert list(found) == ["w1", "p1"]
    p1 = found["p1"]
    assert (p1.presence, p1.used, p1.capacity, p1.conversations, p1.offers) == ("online", 1, 2, 1, 0)
    assert (p1.available, found["w1"].presence, found["w1"].available) == (True, "busy", False)
    assert questions.colleagues(stage.system, "acme", "boss", 1) == (seen[:1], total)
    assert [it.agent for it in questions.colleagues(stage.system, "acme", "w1", 10)[0]] == ["p1"]
    assert questions.colleagues(stage.system, "acme", "p1", 10) == ([], 0)


def test_why_not_and_why_idle_name_what_stands_in_the_way() -> None:
    stage = Stage(desk=desk_text(agents=2, capacity=1))
    stage.logs_in("a1")
    stage.begin_conversation("ann", "a1")
    ident = stage.begin_conversation("bob")
    codes = [it.code for it in questions.why_not(stage.system, "acme", ident, "a1")]
    assert codes == [Reason.NO_ROOM]
    offline = [it.code for it in questions.why_not(stage.system, "acme", ident, "a2")]
    assert Reason.OFFLINE in offline
    assert all(it.sentence for it in questions.why_idle(stage.system, "acme", "a2"))
    assert Reason.OFFLINE in [it.code for it in questions.why_idle(stage.system, "acme", "a2")]
    stage.leaves("bob")
    assert [it.code for it in questions.why_not(stage.system, "acme", ident, "a1")] == [Reason.ENDED]


@pytest.mark.rule("guarantee-G8")
def test_a_channel_that_weighs_more_from_now_on_is_booked_anew_at_once() -> None:
    """What is owned, waits, and is parked: live as after a restart, and nothing for the auditor to heal."""
    stage = staged(agents=1, capacity=5)
    stage.logs_in("a1")
    stage.begin_conversation("ann", "a1")
    stage.clock.advance(100.0)
    stage.turn(park_idle_s=50.0)
    stage.begin_conversation("bob", "a1")
    stage.chooses("a1", "finishing")
    waiting = stage.begin_conversation("cho")
    known = stage.dispatcher.view.agent("a1")
    assert (known.parked, known.used) == (1, 2)
    stage.applies(desk_text(agents=1, capacity=5, channels={"web": "weight = 2"}))
    assert (known.parked, known.used) == (1, 4)
    stage.chooses("a1", "online")
    assert stage.offered_to(waiting) == "", "two are needed, and one is left"
    stage.pass_time(30.0)
    assert not stage.dispatcher.auditor.violations
    stage.restart()
    assert stage.dispatcher.view.agent("a1").used == 4


@pytest.mark.rule("A3")
def test_what_a_busy_agent_is_offered_as_the_only_one_goes_to_the_next_who_is_there() -> None:
    stage = Stage(desk=desk_text(policies='busy_fallback = "only_one"'))
    stage.logs_in("a1")
    stage.chooses("a1", "busy")
    ident = stage.begin_conversation("ann")
    assert stage.offered_to(ident) == "a1"
    stage.logs_in("a2")
    assert stage.offered_to(ident) == "a2"
    assert stage.dispatcher.view.agent("a1").used == 0
