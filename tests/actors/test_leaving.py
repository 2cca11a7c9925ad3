"""An agent goes: away, home, for good, or without a word; and what becomes of the conversations."""

from __future__ import annotations

from typing import Any

import pytest

from actors import events
from actors.agent.machine import LastSessionLost
from actors.lease import Session
from actors.telling import Told
from protocol.content import Text
from protocol.messages import Accept, Ack, CustomerMessage, Logout, Refused, SetPresence
from protocol.news import PresenceChanged
from protocol.teamwork import EndSession, HandedOver, HandOver, Take, Transfer
from tests.actors.oracle import Oracle
from tests.stage import Stage, desk_text


def stage_of(
    policies: str = "", *, departments: dict[str, str] | None = None, capacity: int = 4, **people: str
) -> Stage:
    """Return a stage with agents a1 to a3 and a supervisor, in two departments."""
    everybody = {"a1": "", "a2": "", "a3": "", "boss": 'role = "supervisor"', **people}
    rooms = {"help": "", "sales": "", **(departments or {})}
    return Stage(desk=desk_text(people=everybody, departments=rooms, policies=policies, capacity=capacity))


def talks(stage: Stage, agent: str, *contacts: str) -> list[str]:
    """Have an agent who is alone there take a conversation of each contact, and answer."""
    own = [stage.begin_conversation(contact, agent) for contact in contacts]
    for ident in own:
        stage.says(agent, ident, "How can I help?")
    return own


def results(stage: Stage, agent: str) -> list[tuple[str, str, str]]:
    """Return the newest result that the agent was told: conversation, outcome, to whom or where."""
    told = [got.news for got in stage.mail[f"agent/{agent}"] if isinstance(got.news, HandedOver)]
    return [
        (moved.conversation, moved.outcome, moved.to_agent or moved.to_department)
        for moved in told[-1].results
    ]


def assignees(stage: Stage, ids: list[str]) -> list[str]:
    return [stage.state(ident).assignee for ident in ids]


# Handing over.


@pytest.mark.rule("A4", "A13", "A10")
@pytest.mark.parametrize("presence", ["away", "offline"])
def test_all_own_conversations_go_to_the_chosen_colleague_in_one_transaction(presence: str) -> None:
    """Also those that are out of memory."""
    stage = stage_of()
    stage.logs_in("a1")
    own = talks(stage, "a1", "ann", "bob", "cho")
    stage.turn(park_idle_s=0.0)
    stage.logs_in("a2")
    records = len(list(stage.store.records(0)))
    assert isinstance(stage.hands_over("a1", presence, "a2"), Ack)
    assert len(list(stage.store.records(0))) == records + 1
    assert assignees(stage, own) == ["a2"] * 3
    assert results(stage, "a1") == [(ident, "assigned", "a2") for ident in own]
    changed = [got.news for got in stage.mail["agent/a1"] if isinstance(got.news, PresenceChanged)]
    assert changed[-1] == PresenceChanged(presence, "handed over")
    assert stage.lease("a1").epoch == (1 if presence == "away" else 0)


@pytest.mark.rule("A4")
@pytest.mark.parametrize(("to_department", "queue"), [("sales", "sales"), ("", "help")])
def test_they_go_to_a_department_or_each_to_its_own_queue(to_department: str, queue: str) -> None:
    stage = stage_of()
    stage.logs_in("a1")
    own = talks(stage, "a1", "ann", "bob")
    since = [stage.state(ident).since for ident in own]
    stage.clock.advance(100)
    stage.hands_over("a1", "away", "", to_department)
    assert results(stage, "a1") == [(ident, "queued", queue) for ident in own]
    assert [stage.state(ident).department for ident in own] == [queue] * 2
    assert [stage.state(ident).since for ident in own] == since


@pytest.mark.rule("A4")
@pytest.mark.parametrize(
    ("policy", "presence", "outcomes"),
    [
        ("queue", "away", ["assigned", "queued", "queued"]),
        ("keep", "away", ["assigned", "kept", "kept"]),
        # Nothing stays with somebody who is not there (PEERS c1).
        ("keep", "offline", ["assigned", "queued", "queued"]),
    ],
)
def test_what_the_colleague_has_no_room_for_goes_by_the_policy(
    policy: str, presence: str, outcomes: list[str]
) -> None:
    """PEERS c1, c14: Rocket.Chat#22043: a full colleague must not lose the chat, nor get two owners."""
    stage = stage_of(f'hand_over_refused = "{policy}"', a2="capacity = 1")
    stage.logs_in("a1")
    own = talks(stage, "a1", "ann", "bob", "cho")
    stage.logs_in("a2")
    stage.hands_over("a1", presence, "a2")
    assert [outcome for _, outcome, _ in results(stage, "a1")] == outcomes
    for ident, (_, outcome, to) in zip(own, results(stage, "a1"), strict=True):
        state = stage.state(ident)
        assert state.assignee == {"assigned": "a2", "queued": "", "kept": "a1"}[outcome], to


@pytest.mark.rule("A4")
@pytest.mark.parametrize("policy", ["queue", "keep"])
def test_a_colleague_who_is_not_there_gets_nothing(policy: str) -> None:
    stage = stage_of(f'hand_over_refused = "{policy}"')
    stage.logs_in("a1")
    own = talks(stage, "a1", "ann")
    stage.hands_over("a1", "away", "a2")
    assert assignees(stage, own) == ["a1" if policy == "keep" else ""]


@pytest.mark.parametrize(
    ("to_agent", "to_department"), [("a1", ""), ("nobody", ""), ("", "nowhere"), ("a2", "sales")]
)
def test_a_hand_over_that_cannot_be_changes_nothing(to_agent: str, to_department: str) -> None:
    stage = stage_of()
    stage.logs_in("a1", "a2")
    own = talks(stage, "a1", "ann")
    head = stage.system.head
    assert isinstance(stage.hands_over("a1", "offline", to_agent, to_department), Refused)
    assert stage.system.head == head
    assert assignees(stage, own) == ["a1"]


def test_with_nothing_to_hand_over_the_result_is_empty() -> None:
    stage = stage_of()
    stage.logs_in("a1")
    stage.hands_over("a1", "offline")
    assert results(stage, "a1") == []
    assert not stage.lease("a1").epoch


@pytest.mark.rule("guarantee-G3")
@pytest.mark.parametrize("between", ["nothing", "restart"])
def test_a_repeated_hand_over_gets_its_first_answer_and_moves_nothing(between: str) -> None:
    stage = stage_of()
    stage.logs_in("a1")
    own = talks(stage, "a1", "ann")
    stage.logs_in("a2")
    command = HandOver(stage.command_id(), "a1", "away", "a2")
    first = stage.says_to_desk("a1", command)
    if between == "restart":
        stage.restart()
    head = stage.system.head
    again = stage.says_to_desk("a1", command)
    assert (again.position, again.duplicate) == (first.position, True)
    other = stage.says_to_desk("a1", HandOver(command.id, "a1", "away", "a3"))
    assert other.code == "ID_REUSED"
    assert stage.system.head == head
    assert assignees(stage, own) == ["a2"]


def test_a_colleague_who_vanishes_in_the_same_turn_loses_nothing() -> None:
    """PEERS d7: nothing is lost if the colleague vanishes midway: it waits, or comes back to the queue."""
    for order in (0, 1):
        stage = stage_of("grace_s = 60")
        stage.logs_in("a1")
        own = talks(stage, "a1", "ann", "bob")
        stage.logs_in("a2")
        command = stage.command("a1", HandOver(stage.command_id(), "a1", "away", "a2"))
        leaves = stage.command("a2", HandOver(stage.command_id(), "a2", "offline"))
        stage.turn(*((command, leaves) if order == 0 else (leaves, command)))
        assert stage.failures.seen == []
        assert assignees(stage, own) == ["", ""], order
        stage.logs_in("a3")
        assert {stage.offered_to(ident) for ident in own} == {"a3"}


# Going without a hand-over.


@pytest.mark.rule("D11", "A11", "D12")
@pytest.mark.parametrize("policy", ["queue", "on_reply", "keep"])
@pytest.mark.parametrize("leaving", ["away", "logged out", "gone", "offline"])
def test_who_goes_leaves_the_conversations_as_the_policy_says(policy: str, leaving: str) -> None:
    """PEERS c1: chatwoot#7204, #4158, #9587; Rocket.Chat#20965: glued to an agent who went offline."""
    which = "when_away" if leaving == "away" else "when_lost"
    stage = stage_of(f'{which} = "{policy}"')
    stage.logs_in("a1")
    own = talks(stage, "a1", "ann", "bob")
    stage.turn(park_idle_s=0.0)
    go(stage, "a1", leaving)
    stage.logs_in("a2")
    if policy == "queue":
        assert {stage.offered_to(ident) for ident in own} == {"a2"}
        return
    assert assignees(stage, own) == ["a1", "a1"]
    stage.writes("ann", "anybody there?")
    assert stage.offered_to(own[0]) == ("a2" if policy == "on_reply" else "")
    # Whoever has not written stays with the agent, who is there again.
    if leaving in ("away", "offline"):
        stage.chooses("a1", "online")
    else:
        stage.logs_in("a1")
    stage.writes("bob", "hello")
    assert stage.state(own[1]).assignee == "a1"
    assert stage.offered_to(own[1]) == ""


def test_who_went_away_and_then_home_is_back_with_the_next_login_all_the_same() -> None:
    """What the conversations were told holds until the agent is back, whichever policy came last."""
    stage = stage_of('when_away = "on_reply"\nwhen_lost = "keep"')
    stage.logs_in("a1")
    own = talks(stage, "a1", "ann", "bob")
    stage.chooses("a1", "away")
    stage.logs_out("a1")
    stage.logs_in("a2")
    stage.writes("ann", "anybody there?")
    assert stage.offered_to(own[0]) == "a2"
    stage.logs_in("a1")
    stage.writes("bob", "hello")
    assert (stage.state(own[1]).assignee, stage.offered_to(own[1])) == ("a1", "")


def test_what_is_kept_by_one_who_hands_over_and_is_away_goes_by_the_policy_for_the_absent() -> None:
    stage = stage_of('hand_over_refused = "keep"\nwhen_away = "on_reply"')
    stage.logs_in("a1")
    own = talks(stage, "a1", "ann", "bob")
    stage.hands_over("a1", "away", "a2")
    assert [outcome for _, outcome, _ in results(stage, "a1")] == ["kept", "kept"]
    stage.logs_in("a3")
    stage.writes("ann", "anybody there?")
    assert stage.offered_to(own[0]) == "a3"
    stage.chooses("a1", "online")
    stage.writes("bob", "hello")
    assert (stage.state(own[1]).assignee, stage.offered_to(own[1])) == ("a1", "")


def go(stage: Stage, agent: str, how: str) -> None:
    """Have an agent go."""
    if how in ("away", "offline"):
        assert isinstance(stage.chooses(agent, how), Ack)
    elif how == "logged out":
        stage.logs_out(agent)
    else:
        stage.loses(agent)
        stage.pass_time(60.0)


@pytest.mark.parametrize("policy", ["queue", "on_reply", "keep"])
def test_a_conference_goes_on_without_a_member_who_is_gone(policy: str) -> None:
    stage = stage_of(f'when_lost = "{policy}"')
    stage.logs_in("a1")
    (talk,) = talks(stage, "a1", "ann")
    stage.logs_in("a2")
    stage.invites("a1", talk, "a2")
    assert isinstance(stage.joins("a2", talk), Ack)
    stage.logs_out("a2")
    assert tuple(stage.state(talk).members) == ()
    assert stage.state(talk).assignee == "a1"


@pytest.mark.rule("A9", "E4")
@pytest.mark.parametrize("kind", ["new", "transfer"])
def test_an_offer_that_is_not_answered_makes_the_agent_not_answering_until_set_back_by_hand(
    kind: str,
) -> None:
    stage = stage_of()
    stage.logs_in("a1")
    if kind == "transfer":
        (talk,) = talks(stage, "a1", "ann")
        stage.logs_in("a2")
        stage.transfers("a1", talk, "a2")
    else:
        stage.chooses("a1", "away")
        talk = stage.begin_conversation("ann")
        stage.logs_in("a2")
    assert stage.offered_to(talk) == "a2"
    stage.pass_time(61.0)
    told = [got.news for got in stage.mail["agent/a2"] if isinstance(got.news, PresenceChanged)]
    assert told[-1] == PresenceChanged("not_answering", "an offer was not answered")
    stage.writes("bob", "hello")
    stage.pass_time(600.0)
    # A second device, a line that was lost for a moment: neither makes the agent available.
    stage.loses("a2")
    stage.logs_in("a2")
    assert stage.dispatcher.view.agent("a2").presence == "not_answering"
    assert stage.dispatcher.view.agent("a2").offers == set()
    stage.chooses("a2", "online")
    assert stage.dispatcher.view.agent("a2").offers != set()


@pytest.mark.rule("A1", "A8")
@pytest.mark.parametrize(
    ("presence", "new", "transfer"),
    [
        ("online", True, True),
        ("away", False, False),
        ("offline", False, False),
        ("transfer_only", False, True),
        ("finishing", False, False),
    ],
)
def test_what_each_presence_takes(presence: str, new: bool, transfer: bool) -> None:
    stage = stage_of('busy_fallback = "never"')
    stage.logs_in("a1")
    (talk,) = talks(stage, "a1", "ann")
    stage.chooses("a1", "finishing")
    stage.logs_in("a2")
    stage.chooses("a2", presence)
    waiting = stage.begin_conversation("bob")
    assert (stage.offered_to(waiting) == "a2") == new
    stage.transfers("a1", talk, "a2")
    assert (stage.offered_to(talk) == "a2") == transfer


# Vanishing around an offer (N6).


def the_line_dies(stage: Stage, agent: str) -> tuple[Any, Any]:
    return ("agent", "acme", agent), LastSessionLost("the line is dead", stage.lease(agent).epoch)


def with_session(stage: Stage, agent: str, message: Any) -> tuple[Any, Told]:
    """Return a command as the hub tells it: with the session, whose lease may be over when it is handled."""
    address, told = stage.command(agent, message)
    session = Session(stage.lease(agent))
    return address, Told(told.message, told.tenant, told.sender, told.reply_to, None, session)


def everything_is_somewhere(stage: Stage, ident: str) -> None:
    """Nothing is with somebody who is gone, and whoever comes next is offered it."""
    assert stage.failures.seen == []
    Oracle().read(stage.store)
    state = stage.state(ident)
    assert (state.assignee, stage.offered_to(ident)) == ("", "")
    stage.logs_in("a3")
    assert stage.offered_to(ident) == "a3"


@pytest.mark.rule("guarantee-G7", "guarantee-G10", "guarantee-G11")
@pytest.mark.parametrize("first", ["customer", "agent"])
def test_n6_the_agent_vanishes_before_the_offer_arrives(first: str) -> None:
    """The customer's message and the loss come in one turn: whatever is first, nothing is offered."""
    stage = stage_of()
    stage.logs_in("a1")
    from_customer = (("channel", "acme", "web"), customer(stage))
    loss = the_line_dies(stage, "a1")
    stage.turn(*((from_customer, loss) if first == "customer" else (loss, from_customer)))
    (ident,) = [entry.id for entry in stage.entries() if isinstance(entry.event, events.Started)]
    everything_is_somewhere(stage, ident)


def customer(stage: Stage) -> Told:

    return Told(CustomerMessage(stage.command_id(), "web", "ann", Text("hi")), "acme", "gateway/web", "peer")


@pytest.mark.rule("guarantee-G9", "guarantee-G11")
def test_n6_the_agent_vanishes_while_the_offer_is_out() -> None:
    stage = stage_of()
    stage.logs_in("a1")
    ident = stage.begin_conversation("ann")
    assert stage.offered_to(ident) == "a1"
    stage.turn(the_line_dies(stage, "a1"))
    everything_is_somewhere(stage, ident)


@pytest.mark.rule("guarantee-G7", "guarantee-G11")
@pytest.mark.parametrize("end", ["logout", "supervisor", "grace"])
@pytest.mark.parametrize("accept_first", [True, False])
def test_n6_the_agent_vanishes_after_the_accept_was_sent_and_before_its_commit(
    end: str, accept_first: bool
) -> None:
    """In one turn, in either order: the accept wins and is taken back, or it is refused; never kept."""
    stage = stage_of()
    stage.logs_in("a1", "boss")
    stage.chooses("boss", "away")
    ident = stage.begin_conversation("ann")
    assert stage.offered_to(ident) == "a1"
    accept = with_session(stage, "a1", Accept(stage.command_id(), "a1", ident, stage.live_offer(ident)))
    over = ending(stage, end)
    stage.turn(*((accept, over) if accept_first else (over, accept)))
    if end == "grace":
        # The loss alone takes nothing away; the grace does.
        assert stage.state(ident).assignee == "a1"
        stage.pass_time(60.0)
    everything_is_somewhere(stage, ident)


def ending(stage: Stage, how: str) -> tuple[Any, Any]:

    if how == "logout":
        return with_session(stage, "a1", Logout(stage.command_id(), "a1"))
    if how == "supervisor":
        return stage.command("boss", EndSession(stage.command_id(), "boss", "a1"))
    return the_line_dies(stage, "a1")


@pytest.mark.rule("guarantee-G7", "guarantee-G11")
@pytest.mark.parametrize("kind", ["take", "transfer"])
@pytest.mark.parametrize("command_first", [True, False])
def test_n6_who_takes_or_is_given_something_in_the_turn_of_the_end_does_not_keep_it(
    kind: str, command_first: bool
) -> None:
    """The command goes by the dispatcher first, and the end overtakes it on the way to the conversation."""
    stage = stage_of('transfer_consent = "immediate"', departments={"help": 'mode = "pull"'})
    stage.logs_in("a2", "boss")
    ident = stage.begin_conversation("ann")
    if kind == "transfer":
        assert isinstance(stage.takes("a2", ident), Ack)
    stage.logs_in("a1")
    command = with_session(stage, "a1", Take(stage.command_id(), "a1", ident))
    if kind == "transfer":
        command = with_session(stage, "a2", Transfer(stage.command_id(), "a2", ident, "a1"))
    over = ending(stage, "supervisor")
    stage.turn(*((command, over) if command_first else (over, command)))
    assert stage.failures.seen == []
    assert stage.state(ident).assignee != "a1"


@pytest.mark.rule("guarantee-G1", "guarantee-G11")
def test_n6_the_agent_vanishes_after_the_commit_and_before_the_reply() -> None:
    """The accept is in the journal: back within the grace the repeated accept gets its answer."""
    stage = stage_of()
    stage.logs_in("a1")
    ident = stage.begin_conversation("ann")
    accept = Accept(stage.command_id(), "a1", ident, stage.live_offer(ident))
    first = stage.says_to_desk("a1", accept)
    stage.turn(the_line_dies(stage, "a1"))
    stage.restart()
    stage.logs_in("a1")
    again = stage.says_to_desk("a1", accept)
    assert (again.position, again.duplicate) == (first.position, True)
    assert stage.state(ident).assignee == "a1"


@pytest.mark.rule("guarantee-G11")
def test_a_late_command_of_a_login_that_is_over_changes_nothing_in_the_next_one() -> None:
    """PEERS c1: the epoch of the lease grows with each login; a session of an earlier one stays dead."""
    stage = stage_of()
    stage.logs_in("a1")
    late = with_session(stage, "a1", SetPresence(stage.command_id(), "a1", "away"))
    stage.logs_out("a1")
    stage.logs_in("a1")
    (refused,) = stage.turn(late)
    assert isinstance(refused, Refused)
    assert refused.code == "NOT_AUTHENTICATED"
    assert stage.dispatcher.view.agent("a1").presence == "online"


@pytest.mark.rule("D11")
@pytest.mark.parametrize("when", ["before", "in_the_grace", "in_one_turn", "in_one_turn_reversed"])
def test_nobody_has_to_write_twice_to_get_an_answer(when: str) -> None:
    """PEERS c1: whoever has written to one who then is gone waits for somebody else, whatever came first."""
    stage = stage_of('when_lost = "on_reply"')
    stage.logs_in("a1")
    (talk,) = talks(stage, "a1", "ann")
    stage.logs_in("a2")
    if when == "before":
        stage.writes("ann", "are you there?")
        stage.logs_out("a1")
    elif when == "in_the_grace":
        stage.loses("a1")
        stage.pass_time(30)
        stage.writes("ann", "are you there?")
        stage.pass_time(31)
    else:
        wrote = stage.from_gateway(CustomerMessage(stage.command_id(), "web", "ann", Text("there?")))
        goes = stage.command("a1", Logout(stage.command_id(), "a1"))
        stage.turn(*((wrote, goes) if when == "in_one_turn" else (goes, wrote)))
    assert stage.offered_to(talk) == "a2"


@pytest.mark.rule("A4", "D11")
def test_what_a_hand_over_would_keep_is_queued_where_the_customer_has_no_answer() -> None:
    stage = stage_of('hand_over_refused = "keep"\nwhen_lost = "on_reply"')
    stage.logs_in("a1")
    own = talks(stage, "a1", "ann", "bob")
    stage.writes("ann", "are you there?")
    stage.hands_over("a1", "offline", "a2")
    assert dict(zip(own, ["queued", "kept"], strict=True)) == {
        ident: outcome for ident, outcome, _ in results(stage, "a1")
    }
    assert assignees(stage, own) == ["", "a1"]
