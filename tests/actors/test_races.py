"""Races, each in both orders and in one turn: whatever comes first, a conversation is in exactly one place,
nobody is given more than there is room for, and everybody gets an answer.

Accepting against everything else, agents who vanish, and what the peers' trackers tell of.
"""

from collections import Counter
from typing import Any

import pytest

from actors import events
from actors.dispatcher.reasons import Reason
from protocol.content import Text
from protocol.messages import (
    Accept,
    Ack,
    CustomerLeft,
    CustomerMessage as Written,
    Decline,
    Logout,
    Refused,
    SetPresence,
)
from protocol.teamwork import CancelInvitation, HandOver, Take, TakeNext, Transfer
from tests.actors.oracle import Oracle
from tests.stage import Stage, desk_text

BOTH = pytest.mark.parametrize("reverse", [False, True], ids=["as_said", "reversed"])
SUPERVISOR = 'role = "supervisor"'


def staged(**options: Any) -> Stage:
    """Return a stage on which everybody has logged in."""
    stage = Stage(desk=desk_text(**options))
    stage.logs_in(*stage.dispatcher.desk.agents)
    return stage


def race(stage: Stage, reverse: bool, *commands: tuple[Any, Any]) -> dict[bytes, Any]:
    """Run one turn with all commands; return the answers by the commands' ids, one for each."""
    told = list(reversed(commands)) if reverse else list(commands)
    answers = stage.turn(*told)
    assert len(answers) == len(commands), "I17: one answer to each command"
    in_one_place(stage)
    return {answer.id: answer for answer in answers}


def in_one_place(stage: Stage) -> None:
    """I6 and I7: by a second opinion each conversation is in one place, and the view knows it."""
    oracle = Oracle()
    oracle.read(stage.store)
    used = oracle.used()
    view = stage.dispatcher.view
    for agent in stage.dispatcher.desk.agents:
        assert view.agent(agent).used == used[agent], f"I7: {agent}"
    assert stage.failures.seen == []


def customer(stage: Stage, contact: str) -> tuple[Any, Any]:
    """Return a customer's message, to be told in a turn with others."""
    message = Written(stage.command_id(), "web", contact, Text("hello"))
    return stage.from_gateway(message)


def leaving(stage: Stage, contact: str) -> tuple[Any, Any]:
    """Return a customer's leaving, to be told in a turn with others."""
    return stage.from_gateway(CustomerLeft(stage.command_id(), "web", contact))


def accepting(stage: Stage, agent: str, ident: str) -> tuple[Any, Any]:
    """Return an agent's acceptance of the live offer."""
    return stage.command(agent, Accept(stage.command_id(), agent, ident, stage.live_offer(ident)))


# N7: accept against everything else.


@pytest.mark.rule("E4", "guarantee-G7", "guarantee-G9")
@BOTH
def test_an_accept_in_the_very_millisecond_of_the_deadline_is_in_time_or_expired_never_both(
    reverse: bool,
) -> None:
    stage = staged(agents=1)
    ident = stage.begin_conversation("ann")
    accept = accepting(stage, "a1", ident)
    stage.clock.advance(30.0)
    if reverse:
        stage.turn()  # The deadline comes first.
    (answer,) = race(stage, False, accept).values()
    if reverse:
        assert answer.code == "OFFER_GONE"
        assert "Assigned" not in stage.events_of(ident)
        assert stage.dispatcher.view.agent("a1").presence == "not_answering"
    else:
        assert isinstance(answer, Ack)
        assert "OfferExpired" not in stage.events_of(ident)
        assert stage.dispatcher.view.agent("a1").presence == "online"


@pytest.mark.rule("guarantee-G7", "guarantee-G9")
@BOTH
def test_an_accept_against_the_agents_going_away_is_a_conversation_or_a_refusal(reverse: bool) -> None:
    stage = staged(agents=2)
    ident = stage.begin_conversation("ann")
    agent = stage.offered_to(ident)
    accept = accepting(stage, agent, ident)
    away = stage.command(agent, SetPresence(stage.command_id(), agent, "away"))
    answer = race(stage, reverse, accept, away)[accept[1].message.id]
    if isinstance(answer, Ack):
        assert stage.state(ident).assignee == agent
    else:
        assert answer.code == "OFFER_GONE"
        assert stage.offered_to(ident) not in ("", agent), "somebody else is asked in the same turn"


@pytest.mark.rule("guarantee-G7", "guarantee-G9")
@BOTH
def test_an_accept_against_the_agents_logging_out_leaves_nobody_with_somebody_gone(reverse: bool) -> None:
    stage = staged(agents=2)
    ident = stage.begin_conversation("ann")
    agent = stage.offered_to(ident)
    other = "a2" if agent == "a1" else "a1"
    out = stage.command(agent, Logout(stage.command_id(), agent))
    race(stage, reverse, accepting(stage, agent, ident), out)
    assert (stage.state(ident).assignee, stage.offered_to(ident)) == ("", other)


@pytest.mark.rule("guarantee-G7")
@BOTH
def test_an_accept_against_the_customers_leaving_ends_in_a_conversation_that_is_over(reverse: bool) -> None:
    stage = staged(agents=1)
    ident = stage.begin_conversation("ann")
    race(stage, reverse, accepting(stage, "a1", ident), leaving(stage, "ann"))
    assert stage.state(ident).status == "ended"
    assert stage.dispatcher.view.agent("a1").used == 0
    news = stage.news_of("agent/a1")
    assert news[-1] in ("ConversationEnded", "OfferEnded"), "the agent's console knows that it is over"


@pytest.mark.rule("D6", "guarantee-G7")
@BOTH
def test_a_second_accept_does_not_make_a_second_owner(reverse: bool) -> None:
    stage = staged(agents=2)
    ident = stage.begin_conversation("ann")
    agent = stage.offered_to(ident)
    other = "a2" if agent == "a1" else "a1"
    mine, again = accepting(stage, agent, ident), accepting(stage, agent, ident)
    theirs = accepting(stage, other, ident)
    answers = race(stage, reverse, mine, theirs, again)
    winners = [answer for answer in answers.values() if isinstance(answer, Ack)]
    assert len(winners) == 1
    assert stage.state(ident).assignee == agent
    assert stage.events_of(ident).count("Assigned") == 1


@pytest.mark.rule("G8", "guarantee-G7")
@BOTH
def test_an_accept_against_a_supervisors_transfer_leaves_one_owner(reverse: bool) -> None:
    stage = staged(agents=2, people={"boss": SUPERVISOR + "\ncapacity = 1"})
    stage.chooses("boss", "transfer_only")
    ident = stage.begin_conversation("ann")
    agent = stage.offered_to(ident)
    other = "a2" if agent == "a1" else "a1"
    moved = stage.command("boss", Transfer(stage.command_id(), "boss", ident, other))
    race(stage, reverse, accepting(stage, agent, ident), moved)
    state = stage.state(ident)
    owners = {state.assignee, stage.offered_to(ident)} - {""}
    assert owners
    assert owners <= {agent, other}
    if stage.offered_to(ident):
        assert stage.accepts(stage.offered_to(ident), ident)
    assert stage.state(ident).assignee
    in_one_place(stage)


@pytest.mark.rule("E4", "guarantee-G7")
@BOTH
def test_a_decline_against_an_accept_of_the_same_offer_has_one_effect(reverse: bool) -> None:
    stage = staged(agents=1)
    ident = stage.begin_conversation("ann")
    decline = stage.command("a1", Decline(stage.command_id(), "a1", ident, stage.live_offer(ident)))
    answers = race(stage, reverse, accepting(stage, "a1", ident), decline)
    assert Counter(type(answer) for answer in answers.values()) == {Ack: 1, Refused: 1}
    assert bool(stage.state(ident).assignee) is not reverse


# N6: the agent vanishes.


@pytest.mark.rule("guarantee-G7", "guarantee-G10", "guarantee-G11")
@pytest.mark.parametrize("moment", ["before the offer", "during the offer", "with the accept", "after it"])
def test_an_agent_vanishes_and_the_customer_gets_another(moment: str) -> None:
    stage = staged(agents=2)
    if moment == "before the offer":
        stage.loses("a1")
        ident = stage.begin_conversation("ann")
        assert stage.offered_to(ident) == "a2"
        return
    stage.chooses("a2", "away")
    ident = stage.begin_conversation("ann")
    assert stage.offered_to(ident) == "a1"
    stage.chooses("a2", "online")
    accept = accepting(stage, "a1", ident)
    if moment == "during the offer":
        stage.loses("a1")
        assert stage.offered_to(ident) == "a2", "withdrawn and offered to another, in the same turn"
        return
    if moment == "with the accept":
        stage.turn(accept, stage.losing("a1"))
    else:
        stage.turn(accept)
        stage.loses("a1")
    assert stage.state(ident).assignee == "a1", "within the grace it is still the agent's"
    stage.pass_time(61.0)
    assert (stage.state(ident).assignee, stage.offered_to(ident)) == ("", "a2")
    in_one_place(stage)


# c3: two agents, one customer.


@pytest.mark.rule("D4", "D6", "guarantee-G7")
@BOTH
def test_two_agents_take_one_customer_and_the_loser_is_told_who_was_quicker(reverse: bool) -> None:
    """RocketChat/Rocket.Chat#22206, fazer-ai/chatwoot#359, asterisk/asterisk#176."""
    stage = staged(agents=2, departments={"help": 'mode = "pull"'})
    ident = stage.begin_conversation("ann")
    takes = [stage.command(agent, Take(stage.command_id(), agent, ident)) for agent in ("a1", "a2")]
    answers = race(stage, reverse, *takes)
    winner, loser = ("a2", "a1") if reverse else ("a1", "a2")
    by_agent = {told.message.agent: answers[told.message.id] for _, told in takes}
    assert isinstance(by_agent[winner], Ack)
    assert by_agent[loser].code == "TAKEN"
    assert winner in by_agent[loser].message
    assert stage.state(ident).assignee == winner


@pytest.mark.rule("D3", "D6", "guarantee-G7")
@BOTH
def test_two_agents_who_ask_for_the_next_get_different_customers(reverse: bool) -> None:
    """RocketChat/Rocket.Chat#22206: a single inquiry taken by several agents."""
    stage = staged(agents=2, departments={"help": 'mode = "pull"'})
    first, second = stage.begin_conversation("ann"), stage.begin_conversation("bob")
    nexts = [stage.command(agent, TakeNext(stage.command_id(), agent)) for agent in ("a1", "a2")]
    answers = race(stage, reverse, *nexts)
    assert all(isinstance(answer, Ack) for answer in answers.values())
    assert {stage.state(first).assignee, stage.state(second).assignee} == {"a1", "a2"}


@pytest.mark.rule("D6", "guarantee-G7")
@BOTH
def test_taking_by_hand_what_is_being_accepted_makes_one_owner(reverse: bool) -> None:
    """fazer-ai/chatwoot#359: contested pairs within ten seconds."""
    stage = staged(agents=2)
    ident = stage.begin_conversation("ann")
    agent = stage.offered_to(ident)
    other = "a2" if agent == "a1" else "a1"
    take = stage.command(other, Take(stage.command_id(), other, ident))
    answers = race(stage, reverse, accepting(stage, agent, ident), take)
    assert answers[take[1].message.id].code == "TAKEN"
    assert stage.state(ident).assignee == agent


@pytest.mark.rule("D6", "guarantee-G8")
@BOTH
def test_taking_what_is_ones_own_and_parked_while_the_customer_writes_counts_it_once(reverse: bool) -> None:
    stage = staged(agents=1)
    ident = stage.begin_conversation("ann", "a1")
    stage.clock.advance(100.0)
    stage.turn(park_idle_s=50.0)
    take = stage.command("a1", Take(stage.command_id(), "a1", ident))
    answers = race(stage, reverse, customer(stage, "ann"), take)
    assert answers[take[1].message.id].code == "ALREADY_SO"
    assert stage.dispatcher.view.agent("a1").used == 1


# c4: the limit under concurrency.


@pytest.mark.rule("guarantee-G8")
def test_four_customers_in_one_turn_do_not_fill_an_agent_of_three() -> None:
    """RocketChat/Rocket.Chat#37776, #19352: limit three, four chats given."""
    stage = staged(agents=1, capacity=3)
    stage.turn(*(customer(stage, contact) for contact in ("ann", "bob", "cho", "dee")))
    assert stage.dispatcher.view.agent("a1").used == 3
    assert sum(stage.dispatcher.view.waiting_counts().values()) == 1
    in_one_place(stage)


@pytest.mark.rule("D3", "guarantee-G8")
def test_asking_for_the_next_five_times_in_one_turn_gives_what_there_is_room_for() -> None:
    """RocketChat/Rocket.Chat#18217: the limit of simultaneous chats is exceeded."""
    stage = staged(agents=1, capacity=3, departments={"help": 'mode = "pull"'})
    for contact in ("ann", "bob", "cho", "dee", "eva"):
        stage.begin_conversation(contact)
    nexts = [stage.command("a1", TakeNext(stage.command_id(), "a1")) for _ in range(5)]
    answers = race(stage, False, *nexts)
    assert Counter(type(answer) for answer in answers.values()) == {Ack: 3, Refused: 2}
    assert {it.code for it in answers.values() if isinstance(it, Refused)} == {"UNAVAILABLE"}
    assert stage.dispatcher.view.agent("a1").used == 3


@pytest.mark.rule("G1", "guarantee-G8")
@BOTH
def test_two_transfers_in_one_turn_do_not_share_one_place(reverse: bool) -> None:
    """RocketChat/Rocket.Chat#37776: a race condition in the assignment of agents."""
    stage = staged(agents=1, people={"a2": "capacity = 1"})
    stage.chooses("a2", "transfer_only")
    first, second = stage.begin_conversation("ann", "a1"), stage.begin_conversation("bob", "a1")
    moves = [stage.command("a1", Transfer(stage.command_id(), "a1", it, "a2")) for it in (first, second)]
    answers = race(stage, reverse, *moves)
    assert Counter(type(answer) for answer in answers.values()) == {Ack: 1, Refused: 1}
    (refused,) = [it for it in answers.values() if isinstance(it, Refused)]
    assert (refused.code, Reason.NO_ROOM in refused.message) == ("UNAVAILABLE", True)
    assert sorted((stage.offered_to(first), stage.offered_to(second))) == ["", "a2"]
    assert stage.state(first).assignee == stage.state(second).assignee == "a1"


@pytest.mark.rule("G1", "guarantee-G8")
def test_a_report_that_was_on_its_way_does_not_undo_what_was_booked_since() -> None:
    """RocketChat/Rocket.Chat#37776: the last one to write wins, and the limit is lost."""
    stage = staged(agents=1, people={"a2": "capacity = 1", "a3": ""})
    stage.chooses("a2", "transfer_only")
    stage.chooses("a3", "transfer_only")
    second, first = stage.begin_conversation("bob", "a1"), stage.begin_conversation("ann", "a1")
    stage.clock.advance(100.0)
    stage.invites("a1", first, "a3")
    stage.turn(park_idle_s=50.0)
    assert ("conversation", "acme", second) not in stage.system.actors
    uninvite = stage.command("a1", CancelInvitation(stage.command_id(), "a1", first, "a3"))
    moves = [stage.command("a1", Transfer(stage.command_id(), "a1", it, "a2")) for it in (first, second)]
    answers = race(stage, False, uninvite, *moves)
    assert Counter(type(answer) for answer in answers.values()) == {Ack: 2, Refused: 1}
    assert (stage.offered_to(first), stage.offered_to(second)) == ("a2", "")


@pytest.mark.rule("G1", "guarantee-G8")
@BOTH
def test_a_transfer_and_a_new_customer_do_not_share_one_place(reverse: bool) -> None:
    """RocketChat/Rocket.Chat#21839, #35722: limits evaluated wrongly."""
    stage = staged(agents=1, capacity=1)
    stage.applies(desk_text(agents=1, capacity=1, people={"a2": "capacity = 1"}))
    ident = stage.begin_conversation("ann", "a1")
    stage.logs_in("a2")
    move = stage.command("a1", Transfer(stage.command_id(), "a1", ident, "a2"))
    race(stage, reverse, move, customer(stage, "bob"))
    assert stage.dispatcher.view.agent("a2").used == 1


# c14: the transfer to a full department.


@pytest.mark.rule("G5", "G7", "guarantee-G7")
def test_a_transfer_to_a_full_department_keeps_its_one_owner_until_there_is_room() -> None:
    """RocketChat/Rocket.Chat#22043, #23404: the chat is lost, or two agents have it."""
    stage = staged(
        agents=1,
        departments={"sales": ""},
        people={"s1": 'departments = ["sales"]\ncapacity = 1'},
        channels={"shop": 'department = "sales"'},
        policies="transfer_timeout_s = 600",
    )
    shop = stage.writes("zoe", channel="shop").conversation
    stage.accepts("s1", shop)
    ident = stage.begin_conversation("ann", "a1")
    assert isinstance(stage.transfers("a1", ident, to_department="sales"), Ack)
    assert (stage.state(ident).assignee, stage.offered_to(ident)) == ("a1", "")
    assert isinstance(stage.says("a1", ident, "one moment"), Ack), "the owner still answers"
    stage.ends("s1", shop)
    assert (stage.state(ident).assignee, stage.offered_to(ident)) == ("a1", "s1")
    stage.accepts("s1", ident)
    assert stage.state(ident).assignee == "s1"
    assert stage.says("a1", ident, "am I still here?").code == "NOT_ALLOWED"
    in_one_place(stage)


@pytest.mark.rule("G7", "guarantee-G7")
def test_a_transfer_that_nobody_takes_leaves_the_conversation_with_its_owner() -> None:
    """RocketChat/Rocket.Chat#13008: a forwarded chat is lost with an offline department."""
    stage = staged(agents=1, departments={"sales": ""}, policies="transfer_timeout_s = 60")
    ident = stage.begin_conversation("ann", "a1")
    stage.transfers("a1", ident, to_department="sales")
    stage.pass_time(61.0)
    assert (stage.state(ident).assignee, stage.state(ident).transfer) == ("a1", None)
    assert "TransferEnded" in stage.news_of("agent/a1")
    in_one_place(stage)


@pytest.mark.rule("A4", "guarantee-G7", "guarantee-G11")
@BOTH
def test_a_hand_over_to_a_colleague_who_vanishes_in_the_same_turn_loses_nothing(reverse: bool) -> None:
    stage = staged(agents=2)
    stage.chooses("a2", "transfer_only")
    idents = [stage.begin_conversation(contact, "a1") for contact in ("ann", "bob")]
    over = stage.command("a1", HandOver(stage.command_id(), "a1", "away", "a2"))
    out = stage.command("a2", Logout(stage.command_id(), "a2"))
    race(stage, reverse, over, out)
    for ident in idents:
        state = stage.state(ident)
        assert (state.assignee, state.status) == ("", "queued"), "back in the queue, with the waiting time"
    stage.logs_in("a2")
    assert {stage.offered_to(ident) for ident in idents} == {"a2"}


@pytest.mark.rule("guarantee-G11")
def test_a_refused_transfer_does_not_hide_an_offer_to_somebody_who_leaves_in_the_same_turn() -> None:
    stage = staged(agents=2)
    stage.chooses("a2", "away")
    ident = stage.begin_conversation("ann")
    assert stage.offered_to(ident) == "a1"
    stage.chooses("a2", "transfer_only")
    move = stage.command("a2", Transfer(stage.command_id(), "a2", ident, "a2"))
    answers = race(stage, False, move, stage.command("a1", Logout(stage.command_id(), "a1")))
    assert answers[move[1].message.id].code == "NOT_ALLOWED"
    assert stage.offered_to(ident) == ""


@pytest.mark.rule("G1", "guarantee-G8")
def test_two_transfers_of_one_parked_conversation_in_one_turn_count_it_once() -> None:
    stage = staged(agents=2, departments={"sales": ""})
    stage.chooses("a2", "transfer_only")
    ident = stage.begin_conversation("ann", "a1")
    stage.clock.advance(100.0)
    stage.turn(park_idle_s=50.0)
    first = Transfer(stage.command_id(), "a1", ident, to_department="sales")
    second = Transfer(stage.command_id(), "a1", ident, "a2")
    answers = race(stage, False, stage.command("a1", first), stage.command("a1", second))
    assert Counter(type(answer) for answer in answers.values()) == {Ack: 1, Refused: 1}


# c16: head-of-line blocking.


@pytest.mark.rule("D8", "guarantee-G10")
def test_a_customer_whom_nobody_can_serve_does_not_hold_up_the_next() -> None:
    """freeswitch#1216: one unusable member halts the distribution."""
    stage = staged(
        agents=1, channels={"vip": "skills = { wine = 5 }"}, people={"expert": "skills = { wine = 9 }"}
    )
    stage.chooses("expert", "away")
    special = stage.writes("ann", channel="vip").conversation
    plain = stage.begin_conversation("bob")
    assert (stage.offered_to(special), stage.offered_to(plain)) == ("", "a1")
    reasons = [reason for reason, _ in stage.dispatcher.view.why_not(special, "a1", stage.clock.now())]
    assert reasons == [Reason.SKILL_MISSING], "why it was passed over can be asked for"


@pytest.mark.rule("D1", "guarantee-G10")
def test_who_comes_back_to_the_queue_stands_where_the_waiting_time_puts_him() -> None:
    """RocketChat/Rocket.Chat#34192: re-queueing never worked, since the sort key did not change."""
    stage = staged(agents=1, capacity=1, policies="grace_s = 10")
    first = stage.begin_conversation("ann", "a1")
    stage.clock.advance(5.0)
    second = stage.begin_conversation("bob")
    stage.loses("a1")
    stage.pass_time(11.0)
    assert stage.state(first).status == "queued"
    stage.logs_in("a1")
    assert (stage.offered_to(first), stage.offered_to(second)) == ("a1", "")


# c17: the agent's state changes during an offer.


@pytest.mark.rule("A8", "E4", "guarantee-G9")
@pytest.mark.parametrize("presence", ["busy", "away", "transfer_only", "finishing"])
def test_a_change_of_presence_withdraws_the_offer_and_makes_one_other(presence: str) -> None:
    """freeswitch#800: offer, cancel, offer, in a fast loop."""
    stage = staged(agents=2)
    ident = stage.begin_conversation("ann")
    agent = stage.offered_to(ident)
    stage.chooses(agent, presence)
    assert stage.offered_to(ident) not in ("", agent)
    made = stage.events_of(ident)
    assert (made.count("Offered"), made.count("OfferWithdrawn")) == (2, 1)
    for _ in range(5):
        stage.pass_time(1.0)
    assert stage.events_of(ident) == made, "nothing goes on by itself"


@pytest.mark.rule("A8", "E4", "guarantee-G9")
def test_an_agent_who_goes_to_and_fro_is_offered_once_each_time() -> None:
    """freeswitch#800: offer, cancel, offer, in a fast loop."""
    stage = staged(agents=1)
    ident = stage.begin_conversation("ann")
    for _ in range(3):
        stage.chooses("a1", "away")
        assert stage.offered_to(ident) == ""
        stage.chooses("a1", "online")
        assert stage.offered_to(ident) == "a1"
    assert stage.events_of(ident).count("Offered") == 4
    assert stage.dispatcher.view.agent("a1").used == 1


@pytest.mark.rule("E4", "guarantee-G10")
def test_who_was_offered_to_somebody_who_proves_to_be_gone_is_served_first_all_the_same() -> None:
    """Found by test_invariants.py: after a standstill an offer expires in the turn in which a ring opens for
    two equals. The first is offered first, and is first again when both offers have to be taken back.
    """
    ring = "rings = [{ after_s = 45, departments = ['sales'] }]"
    channels = {"web": 'department = "help"', "app": 'department = "sales"'}
    stage = staged(agents=0, departments={"help": ring, "sales": ""}, capacity=3, channels=channels,
                   people={"a1": 'departments = ["sales"]', "a2": 'departments = ["sales"]'})  # fmt: skip
    stage.chooses("a2", "away")
    stage.writes("zoe", channel="app")
    first = stage.begin_conversation("ann")
    stage.pass_time(20.0)
    second = stage.begin_conversation("bob")
    stage.pass_time(60.0)
    assert (stage.offered_to(first), stage.offered_to(second)) == ("", "")
    stage.chooses("a2", "online")
    offered = [it.id for it in stage.entries() if isinstance(it.event, events.Offered)]
    assert [ident for ident in offered if ident in (first, second)] in ([first, second], [first, second] * 2)
    in_one_place(stage)


@pytest.mark.rule("A3", "E4")
def test_the_only_one_who_is_there_keeps_the_offer_when_busy() -> None:
    stage = staged(agents=2)
    stage.chooses("a2", "away")
    ident = stage.begin_conversation("ann")
    stage.chooses("a1", "busy")
    assert stage.offered_to(ident) == "a1", "nobody else is there"
    assert stage.events_of(ident).count("Offered") == 1
    stage.chooses("a2", "online")
    stage.chooses("a1", "busy")
    assert stage.offered_to(ident) in ("a1", "a2")
    in_one_place(stage)


@pytest.mark.rule("E4", "guarantee-G10")
def test_a_sole_decliner_is_asked_again_after_the_pause_and_not_before() -> None:
    """A peer's knowledge base (PEERS c17, S3): a sole agent who declined is never asked again."""
    stage = staged(agents=1)
    ident = stage.begin_conversation("ann")
    stage.declines("a1", ident)
    assert stage.offered_to(ident) == ""
    stage.pass_time(19.0)
    assert stage.offered_to(ident) == ""
    stage.pass_time(1.0)
    assert stage.offered_to(ident) == "a1"
    offers = [it.event for it in stage.entries() if isinstance(it.event, events.Offered)]
    assert Reason.ASKED_AGAIN in (offers[-1].why.choice, offers[-1].why.rule, offers[-1].why.tie_break)


@pytest.mark.rule("E4", "guarantee-G10")
def test_who_has_declined_is_not_asked_while_there_is_another() -> None:
    """freeswitch#800: the one who said no is asked again at once."""
    stage = staged(agents=2)
    ident = stage.begin_conversation("ann")
    first = stage.offered_to(ident)
    stage.declines(first, ident)
    assert stage.offered_to(ident) not in ("", first)


@pytest.mark.rule("E4")
def test_nothing_is_offered_of_a_customer_who_has_left() -> None:
    """freeswitch#2529: a zombie call after the caller has gone."""
    stage = staged(agents=1)
    ident = stage.begin_conversation("ann")
    offer = stage.live_offer(ident)
    stage.leaves("ann")
    assert "OfferEnded" in stage.news_of("agent/a1")
    assert stage.accepts("a1", ident, offer).code in ("CLOSED", "OFFER_GONE", "NOT_ALLOWED")
    assert stage.dispatcher.view.agent("a1").used == 0
    stage.pass_time(31.0)
    assert stage.dispatcher.view.agent("a1").presence == "online", "nobody is blamed for it"


@pytest.mark.parametrize("by", ["a1", "boss"])
def test_what_was_taken_and_given_away_in_one_turn_is_not_forgotten_when_its_owner_goes(by: str) -> None:
    """PEERS c1: the transfer's booking had hidden the claim, and nobody told the conversation."""
    people = {"a1": "", "a2": "", "boss": SUPERVISOR}
    policies = 'when_away = "queue"'
    stage = staged(departments={"help": "mode = 'pull'"}, people=people, policies=policies)
    talk = stage.begin_conversation("ann")
    stage.turn(
        stage.command("a1", Take(stage.command_id(), "a1", talk)),
        stage.command(by, Transfer(stage.command_id(), by, talk, "a2")),
        stage.command("a1", SetPresence(stage.command_id(), "a1", "away")),
    )
    in_one_place(stage)
    assert (stage.state(talk).assignee, stage.offered_to(talk)) == ("", "a2")


@pytest.mark.rule("A4")
@BOTH
def test_a_hand_over_takes_along_what_is_taken_in_the_same_turn(reverse: bool) -> None:
    stage = staged(departments={"help": "mode = 'pull'"})
    talk = stage.begin_conversation("ann")
    race(
        stage,
        reverse,
        stage.command("a1", Take(stage.command_id(), "a1", talk)),
        stage.command("a1", HandOver(stage.command_id(), "a1", "away", "a2")),
    )
    assert stage.state(talk).assignee == "a2"
