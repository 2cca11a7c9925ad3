"""How a conversation changes hands: every pair of a phase and a command has an answer; then in play."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from actors.conversation import transfer
from actors.conversation.changes import apply
from actors.conversation.machine import TABLE, decide
from actors.conversation.orders import (
    AssignDirectly,
    Claim,
    Expire,
    MakeOffer,
    MoveTo,
    OwnerGone,
    Reassign,
    Refusal,
    Release,
    TransferAsked,
    TurnAway,
    WithdrawOffer,
)
from actors.conversation.state import Conversation, Invitation, Offer, Status, Transfer
from actors.conversation.transfer import Phase, phase
from actors.dispatcher.reasons import Reason
from actors.events.base import Why
from config.desk import parse_desk
from protocol import teamwork
from protocol.errors import Code
from protocol.messages import Accept, Ack, CustomerLeft, CustomerMessage, Decline, End, Refused
from protocol.teamwork import CancelTransfer
from tests.actors.conversations import (
    COMMANDS,
    FACTS,
    ID,
    NOW,
    asked,
    assert_whole,
    conversation,
    outcome_of,
    told,
)
from tests.stage import Stage, desk_text

OWNED = {"assignee": "a1"}
STATES: dict[Phase, Conversation] = {
    Phase.NONE: conversation(Status.OPEN, 5, **OWNED),
    Phase.ASKED: conversation(
        Status.OPEN,
        7,
        **OWNED,
        offer=Offer("o1", "a2", NOW + 10, "transfer", "a1", "note"),
        transfer=Transfer("a1", "a2", "", NOW + 10, "note", 950.0),
    ),
    Phase.QUEUED: conversation(
        Status.OPEN, 6, **OWNED, transfer=Transfer("a1", "", "sales", NOW + 20, "note", 950.0)
    ),
    Phase.OFFERED: conversation(
        Status.OPEN,
        7,
        **OWNED,
        offer=Offer("o1", "a2", NOW + 10, "transfer", "a1", "note"),
        transfer=Transfer("a1", "", "sales", NOW + 20, "note", 950.0),
    ),
}
#: From a2, to whom it is offered, or from outside.
TOLD: dict[type[Any], Any] = {
    TransferAsked: asked("boss", "boss", ""),
    CancelTransfer: CancelTransfer(ID, "a1", "c1"),
    Accept: Accept(ID, "a2", "c1", "o1"),
    Decline: Decline(ID, "a2", "c1", "o1", "busy"),
    MakeOffer: MakeOffer("o2", "far", NOW + 30, Why()),
    AssignDirectly: AssignDirectly("far", Why()),
    Claim: Claim(told(teamwork.Take(ID, "far", "c1")), "far", Why()),
    WithdrawOffer: WithdrawOffer("a2", "away"),
    MoveTo: MoveTo("all", "queue_full"),
    TurnAway: TurnAway("queue_full", "Please write again later."),
    Expire: Expire(),
}
NOTHING: list[str] = []
GIVEN = ["TransferEnded", "Assigned"]
TAKEN_BACK = ["OfferWithdrawn", "TransferEnded"]
#: Written down once more, by hand. Nothing is due yet: what time does has tests of its own.
ANSWERS: dict[type[Any], tuple[Any, Any, Any, Any]] = {
    # in phase: NONE, ASKED, QUEUED, OFFERED
    TransferAsked: (
        ["TransferStarted", *GIVEN],
        [*TAKEN_BACK, "TransferStarted", *GIVEN],
        ["TransferEnded", "TransferStarted", *GIVEN],
        [*TAKEN_BACK, "TransferStarted", *GIVEN],
    ),
    CancelTransfer: (Code.OFFER_GONE, TAKEN_BACK, ["TransferEnded"], TAKEN_BACK),
    Accept: (Code.OFFER_GONE, GIVEN, Code.OFFER_GONE, GIVEN),
    Decline: (Code.OFFER_GONE, ["OfferDeclined", "TransferEnded"], Code.OFFER_GONE, ["OfferDeclined"]),
    MakeOffer: (NOTHING, NOTHING, ["Offered"], NOTHING),
    AssignDirectly: (NOTHING, NOTHING, GIVEN, NOTHING),
    # Who serves another department has not seen it wait (G15).
    Claim: (Code.NOT_ALLOWED, Code.NOT_ALLOWED, GIVEN, Code.TAKEN),
    WithdrawOffer: (NOTHING, TAKEN_BACK, NOTHING, ["OfferWithdrawn"]),
    MoveTo: (NOTHING, NOTHING, ["TransferEnded"], NOTHING),
    TurnAway: (NOTHING, NOTHING, ["TransferEnded"], NOTHING),
    Expire: (NOTHING, NOTHING, NOTHING, NOTHING),
}  # fmt: skip
PAIRS = [(at, command) for at in Phase for command in TOLD]


def test_every_phase_answers_every_command_that_is_left_to_it() -> None:
    left = {command for command, rule in TABLE[Status.OPEN].items() if rule is transfer.by_phase}
    left |= {WithdrawOffer, Expire}  # Those that concern more than the transfer.
    assert {at: set(rules) for at, rules in transfer.TABLE.items()} == dict.fromkeys(Phase, left)
    assert left == set(TOLD) == set(ANSWERS)


@pytest.mark.parametrize("at", Phase)
def test_the_examples_are_in_their_phases(at: Phase) -> None:
    assert phase(STATES[at]) is at
    assert_whole(STATES[at])


@pytest.mark.rule("G4", "G7")
@pytest.mark.parametrize(("at", "command"), PAIRS, ids=lambda part: getattr(part, "__name__", part))
def test_a_pair_has_the_answer_that_was_agreed(at: Phase, command: type[Any]) -> None:
    state = copy.deepcopy(STATES[at])
    outcome = decide(state, TOLD[command], FACTS)
    assert outcome_of(outcome) == ANSWERS[command][list(Phase).index(at)]
    assert state == STATES[at], "deciding changes nothing"
    if not isinstance(outcome, Refusal):
        for event in outcome:
            apply(state, event, state.sequence + 1, NOW)
        assert_whole(state)
        accepted = any(type(event).__name__ == "Assigned" for event in outcome)
        assert (state.assignee != "a1") == accepted, "the owner keeps it until somebody has it"


EVERYTHING = [(at, command) for at in Phase for command in COMMANDS]


@pytest.mark.parametrize(("at", "command"), EVERYTHING, ids=lambda part: getattr(part, "__name__", part))
def test_in_every_phase_there_is_an_answer_to_all_that_a_conversation_can_be_told(
    at: Phase, command: type[Any]
) -> None:
    state = copy.deepcopy(STATES[at])
    outcome = decide(state, COMMANDS[command], FACTS)
    if not isinstance(outcome, Refusal):
        for event in outcome:
            apply(state, event, state.sequence + 1, NOW)
        assert_whole(state)


#: What else may end a transfer, or outlive it.
INTERRUPTIONS: dict[str, tuple[Any, dict[Phase, Any]]] = {
    "the customer leaves": (
        CustomerLeft(ID, "web", "ann"),
        {Phase.ASKED: [*TAKEN_BACK, "Ended"], Phase.QUEUED: ["TransferEnded", "Ended"],
         Phase.OFFERED: [*TAKEN_BACK, "Ended"]},
    ),
    "the owner ends it": (
        End(ID, "a1", "c1"),
        {Phase.ASKED: [*TAKEN_BACK, "Ended"], Phase.QUEUED: ["TransferEnded", "Ended"],
         Phase.OFFERED: [*TAKEN_BACK, "Ended"]},
    ),
    "the owner hands all over": (
        Reassign("a1", "far", "", "away"),
        {Phase.ASKED: [*TAKEN_BACK, "Assigned"], Phase.QUEUED: ["TransferEnded", "Assigned"],
         Phase.OFFERED: [*TAKEN_BACK, "Assigned"]},
    ),
    "the owner is lost": (
        Release("a1", "gone"),
        {at: ["Released", "TransferEnded"] for at in Phase},
    ),
    "the owner is gone until the customer writes": (
        OwnerGone("a1", "gone"),
        {at: ["AssigneeGone"] for at in Phase},
    ),
    "the customer writes": (
        CustomerMessage(ID, "web", "ann", COMMANDS[CustomerMessage].content),
        {at: ["CustomerWrote"] for at in Phase},
    ),
}  # fmt: skip


@pytest.mark.parametrize("at", [Phase.ASKED, Phase.QUEUED, Phase.OFFERED])
@pytest.mark.parametrize("what", INTERRUPTIONS)
def test_what_comes_between_has_its_answer(what: str, at: Phase) -> None:
    """PEERS c17: every pair of a transfer and what may happen meanwhile."""
    command, answers = INTERRUPTIONS[what]
    state = copy.deepcopy(STATES[at])
    outcome = decide(state, command, FACTS)
    assert outcome_of(outcome) == answers[at]
    for event in outcome:  # type: ignore[union-attr]
        apply(state, event, state.sequence + 1, NOW)
    assert_whole(state)


@pytest.mark.rule("guarantee-G11")
@pytest.mark.parametrize(
    ("at", "status", "department", "entered"),
    [
        (Phase.ASKED, Status.OFFERED, "help", NOW),
        (Phase.QUEUED, Status.QUEUED, "sales", 950.0),
        (Phase.OFFERED, Status.OFFERED, "sales", 950.0),
    ],
)
def test_when_the_owner_is_lost_the_target_of_the_transfer_stands(
    at: Phase, status: Status, department: str, entered: float
) -> None:
    """Rocket.Chat PR #23404: nobody is left with two owners, or with none and no offer."""
    state = copy.deepcopy(STATES[at])
    for event in decide(state, Release("a1", "gone"), FACTS):  # type: ignore[union-attr]
        apply(state, event, state.sequence + 1, NOW)
    assert (state.status, state.department, state.entered) == (status, department, entered)
    assert state.since == 900.0
    assert state.offer == STATES[at].offer


@pytest.mark.rule("guarantee-G9")
@pytest.mark.parametrize(
    ("at", "late_s", "answer"),
    [
        (Phase.ASKED, 9.9, NOTHING),
        (Phase.ASKED, 10.0, ["OfferExpired", "TransferEnded"]),
        (Phase.QUEUED, 19.9, NOTHING),
        (Phase.QUEUED, 20.0, ["TransferEnded"]),
        (Phase.OFFERED, 9.9, NOTHING),
        (Phase.OFFERED, 10.0, ["OfferExpired"]),
        (Phase.OFFERED, 20.0, ["OfferExpired", "TransferEnded"]),
    ],
)
def test_time_ends_an_offer_and_a_transfer_and_not_before(at: Phase, late_s: float, answer: Any) -> None:
    facts = FACTS._replace(now=NOW + late_s)
    assert outcome_of(decide(STATES[at], Expire(), facts)) == answer


@pytest.mark.parametrize("command", [Decline(ID, "a2", "c1", "o1"), WithdrawOffer("a2", "away")])
def test_an_offer_out_of_the_queue_that_outlives_the_transfer_ends_it_when_it_comes_to_nothing(
    command: Any,
) -> None:
    state = copy.deepcopy(STATES[Phase.OFFERED])
    assert state.transfer is not None
    state.transfer.deadline_at = NOW - 1
    outcome = decide(state, command, FACTS)
    assert outcome_of(outcome)[1:] == ["TransferEnded"]
    assert outcome[1].outcome == "expired"  # type: ignore[index,union-attr]


@pytest.mark.rule("G6", "G8", "L2")
@pytest.mark.parametrize(
    ("agent", "to_agent", "answer"),
    [
        ("a1", "a2", ["TransferStarted", "Offered"]),
        ("a2", "a2", Code.NOT_ALLOWED),
        ("far", "a2", Code.NOT_ALLOWED),
        ("boss", "a2", ["TransferStarted", "Offered"]),
        ("boss", "boss", ["TransferStarted", *GIVEN]),
        ("nobody", "a2", Code.NOT_ALLOWED),
    ],
)
def test_only_the_assignee_and_supervisors_above_may_transfer(agent: str, to_agent: str, answer: Any) -> None:
    command = asked(agent, to_agent, "")
    assert outcome_of(decide(STATES[Phase.NONE], command, FACTS)) == answer


@pytest.mark.rule("G2", "G5")
@pytest.mark.parametrize(
    ("to_agent", "to_department", "answer"),
    [
        ("", "", Code.NOT_ALLOWED),
        ("nobody", "", Code.NOT_ALLOWED),
        ("", "nowhere", Code.NOT_ALLOWED),
        ("a1", "", Code.ALREADY_SO),
        ("far", "help", Code.NOT_ALLOWED),
        ("far", "sales", ["TransferStarted", "Offered"]),
        ("", "sales", ["TransferStarted"]),
        ("", "help", ["TransferStarted"]),
    ],
)
def test_a_transfer_names_somebody_who_can_have_it(to_agent: str, to_department: str, answer: Any) -> None:
    command = asked("a1", to_agent, to_department)
    assert outcome_of(decide(STATES[Phase.NONE], command, FACTS)) == answer


def test_the_dispatchers_refusal_is_passed_on_to_who_may_know_of_the_conversation() -> None:
    full = Refusal(Code.UNAVAILABLE, "no room")
    command = asked("a1", "a2", "")._replace(refusal=full)
    assert decide(STATES[Phase.NONE], command, FACTS) == full
    stranger = asked("far", "a2", "")._replace(refusal=full)
    assert outcome_of(decide(STATES[Phase.NONE], stranger, FACTS)) is Code.NOT_ALLOWED


@pytest.mark.parametrize("at", [Phase.ASKED, Phase.QUEUED, Phase.OFFERED])
def test_the_owner_cancels_before_asking_again(at: Phase) -> None:
    """One transfer at a time; a supervisor's goes first."""
    assert outcome_of(decide(STATES[at], asked("a1", "far", ""), FACTS)) is Code.UNDER_WAY
    boss = decide(STATES[at], asked("boss", "far", ""), FACTS)
    assert outcome_of(boss)[-2:] == ["TransferStarted", "Offered"]


@pytest.mark.rule("G2")
def test_a_colleague_in_a_named_department_has_it_in_that_department() -> None:
    state = copy.deepcopy(STATES[Phase.NONE])
    for event in decide(state, asked("a1", "far", "sales"), FACTS):  # type: ignore[union-attr]
        apply(state, event, state.sequence + 1, NOW)
    for event in decide(state, Accept(ID, "far", "c1", "o2"), FACTS):  # type: ignore[union-attr]
        apply(state, event, state.sequence + 1, NOW)
    assert (state.assignee, state.department, state.transfer) == ("far", "sales", None)


def test_a_supervisor_moves_who_waits_and_who_is_offered() -> None:
    """PEERS c9, Rocket.Chat#18200: a forced move that always works."""
    waits = conversation(Status.QUEUED, 3)
    offered = conversation(Status.OFFERED, 4, offer=Offer("o1", "a1", NOW + 10))
    moved = decide(waits, asked("boss", "", "sales"), FACTS)
    assert outcome_of(moved) == ["TransferStarted", "Queued"]
    assert moved[1].since == 900.0  # type: ignore[index,union-attr]
    moved = decide(offered, asked("boss", "", "sales"), FACTS)
    assert outcome_of(moved) == ["TransferStarted", "OfferWithdrawn", "Queued"]
    assert outcome_of(decide(waits, asked("boss", "a2", ""), FACTS)) == ["TransferStarted", "Offered"]
    assert outcome_of(decide(waits, asked("boss", "boss", ""), FACTS)) == ["TransferStarted", "Assigned"]
    for state in (waits, offered):
        for to_agent, to_department in (("", "sales"), ("a2", ""), ("boss", "")):
            after = copy.deepcopy(state)
            for event in decide(after, asked("boss", to_agent, to_department), FACTS):  # type: ignore[union-attr]
                apply(after, event, after.sequence + 1, NOW)
            assert_whole(after)
            assert after.since == 900.0


def test_who_was_asked_to_join_and_then_gets_it_is_not_asked_any_more() -> None:
    state = copy.deepcopy(STATES[Phase.ASKED])
    state.invitations = {"a2": Invitation("i1", "a1", NOW + 30)}
    outcome = decide(state, Accept(ID, "a2", "c1", "o1"), FACTS)
    assert outcome_of(outcome) == ["TransferEnded", "InvitationEnded", "Assigned"]
    for event in outcome:  # type: ignore[union-attr]
        apply(state, event, state.sequence + 1, NOW)
    assert_whole(state)
    assert state.assignee == "a2"


def test_a_supervisors_transfer_that_the_dispatcher_refuses_leaves_the_one_under_way_as_it_is() -> None:
    full = Refusal(Code.UNAVAILABLE, "no room")
    for at in (Phase.ASKED, Phase.QUEUED, Phase.OFFERED):
        assert decide(STATES[at], asked("boss", "far", "")._replace(refusal=full), FACTS) == full


def test_who_is_offered_a_conversation_already_is_not_offered_it_once_more() -> None:
    offered = conversation(Status.OFFERED, 4, offer=Offer("o1", "a1", NOW + 10))
    refusal = decide(offered, asked("boss", "a1", ""), FACTS)
    assert refusal == Refusal(Code.UNDER_WAY, "the conversation is offered to a1 already")


@pytest.mark.rule("guarantee-G9")
@pytest.mark.parametrize("at", [Phase.ASKED, Phase.OFFERED])
@pytest.mark.parametrize(("late_s", "taken"), [(10.0, True), (10.001, False)])
def test_an_offer_of_a_transfer_is_accepted_up_to_its_deadline(at: Phase, late_s: float, taken: bool) -> None:
    outcome = decide(STATES[at], Accept(ID, "a2", "c1", "o1"), FACTS._replace(now=NOW + late_s))
    passed = Refusal(Code.OFFER_GONE, "the offer's deadline has passed")
    assert outcome_of(outcome) == GIVEN if taken else outcome == passed


@pytest.mark.rule("guarantee-G7")
@pytest.mark.parametrize("order", [MakeOffer("o2", "a1", NOW + 30, Why()), AssignDirectly("a1", Why())])
def test_what_the_assignee_gives_away_is_not_given_back_by_the_queue(order: Any) -> None:
    assert outcome_of(decide(STATES[Phase.QUEUED], order, FACTS)) == NOTHING


def claim(agent: str, refusal: Refusal | None = None) -> Claim:
    return Claim(told(teamwork.Take(ID, agent, "c1")), agent, Why(), refusal)


@pytest.mark.rule("D6")
def test_who_takes_what_waits_in_a_transfer_hears_why_not() -> None:
    own = decide(STATES[Phase.QUEUED], claim("a1"), FACTS)
    assert own == Refusal(Code.ALREADY_SO, "the conversation is yours already")
    full = Refusal(Code.UNAVAILABLE, "no room")
    assert decide(STATES[Phase.QUEUED], claim("far", full), FACTS) == full


@pytest.mark.rule("D6", "guarantee-G15")
@pytest.mark.parametrize(
    ("agent", "answer"),
    [("a2", Code.TAKEN), ("wide", Code.TAKEN), ("far", Code.NOT_ALLOWED), ("nobody", Code.NOT_ALLOWED)],
)
def test_who_was_quicker_is_told_to_those_whose_ring_the_conversation_could_reach(
    agent: str, answer: Code
) -> None:
    text = desk_text(
        departments={
            "help": "",
            "sales": "",
            "night": "",
        },
        people={"far": 'departments = ["sales"]', "wide": 'departments = ["night"]'},
        extra='[[departments.help.rings]]\nafter_s = 60\ndepartments = ["night"]\n',
    )
    facts = FACTS._replace(desk=parse_desk(text, "desk.toml"))
    assert outcome_of(decide(STATES[Phase.NONE], claim(agent), facts)) is answer


# In play.


def office(policies: str = "", **more: str) -> Stage:
    """Return a stage with a1 and a2 in one department, ``far`` in another and ``boss`` over both."""
    return Stage(
        desk=desk_text(
            departments={"all": "", "help": 'parent = "all"', "sales": 'parent = "all"'},
            people={
                "far": 'departments = ["sales"]',
                "boss": 'departments = ["all"]\nrole = "supervisor"',
                **more,
            },
            policies=policies,
        )
    )


def owned(stage: Stage) -> str:
    """Have a1 talk with ann, and everybody else there."""
    stage.logs_in("a1")
    talk = stage.begin_conversation("ann", "a1")
    stage.logs_in("a2", "far", "boss")
    return talk


def refused(answer: Any) -> str:
    assert isinstance(answer, Refused), answer
    return answer.code


def news_since(stage: Stage, stream: str, before: int) -> list[str]:
    return stage.news_of(stream)[before:]


@pytest.mark.rule("G1", "G3", "G4", "G10")
def test_the_owner_keeps_it_until_the_colleague_has_accepted() -> None:
    """Rocket.Chat#3915, open since 2016: confirm or decline a forward."""
    stage = office()
    talk = owned(stage)
    marks = {name: len(stage.news_of(name)) for name in ("agent/a1", "agent/a2", "channel/web")}
    assert isinstance(stage.transfers("a1", talk, "a2", note="knows about tea"), Ack)
    offer = stage.mail["agent/a2"][-1].news.offer  # type: ignore[union-attr]
    assert (offer.kind, offer.from_agent, offer.note) == ("transfer", "a1", "knows about tea")
    assert isinstance(stage.says("a1", talk, "I am still here"), Ack)
    assert stage.writes("ann", "fine").conversation == talk
    assert refused(stage.says("a2", talk, "not yet mine")) == "NOT_ALLOWED"
    assert isinstance(stage.accepts("a2", talk), Ack)
    assert stage.state(talk).assignee == "a2"
    assert refused(stage.says("a1", talk, "no longer mine")) == "NOT_ALLOWED"
    assert isinstance(stage.says("a2", talk, "now I am"), Ack)
    assert news_since(stage, "agent/a1", marks["agent/a1"]) == [
        "TransferStarted", "CustomerSaid", "TransferEnded", "Unassigned",
    ]  # fmt: skip
    assert news_since(stage, "agent/a2", marks["agent/a2"]) == [
        "OfferMade", "AgentSaid", "CustomerSaid", "Assigned",
    ]  # fmt: skip
    assert news_since(stage, "channel/web", marks["channel/web"]) == ["AgentSaid", "Assigned", "AgentSaid"]
    taken_away = stage.mail["agent/a1"][-1].news
    assert (taken_away.agent, taken_away.to_agent) == ("a1", "a2")  # type: ignore[union-attr]


@pytest.mark.rule("G7")
@pytest.mark.parametrize("how", ["declined", "expired", "unavailable", "withdrawn"])
def test_a_transfer_that_comes_to_nothing_leaves_it_with_its_owner(how: str) -> None:
    """Twilio leaves such a conversation active without an agent; here the owner never loses it."""
    stage = office()
    talk = owned(stage)
    stage.transfers("a1", talk, "a2")
    if how == "declined":
        stage.declines("a2", talk)
    elif how == "expired":
        stage.pass_time(60.0)
    elif how == "unavailable":
        stage.chooses("a2", "away")
    else:
        stage.cancels("a1", talk)
    state = stage.state(talk)
    assert (state.assignee, state.offer, state.transfer) == ("a1", None, None)
    ended = stage.mail["agent/a1"][-1].news
    assert (type(ended).__name__, ended.outcome) == ("TransferEnded", how)  # type: ignore[union-attr]
    assert stage.news_of("agent/a2")[-1 if how != "expired" else -2] in ("OfferEnded", "PresenceChanged")
    assert isinstance(stage.says("a1", talk, "still here"), Ack)
    assert isinstance(stage.transfers("a1", talk, "a2" if how in ("declined", "withdrawn") else "boss"), Ack)


@pytest.mark.rule("E4", "A9", "G7")
def test_who_does_not_answer_a_transfer_gets_nothing_more_either() -> None:
    stage = office()
    talk = owned(stage)
    stage.transfers("a1", talk, "a2")
    stage.pass_time(60.0)
    assert "OfferEnded" in stage.news_of("agent/a2")
    changed = stage.mail["agent/a2"][-1].news
    assert changed.presence == "not_answering"  # type: ignore[union-attr]


@pytest.mark.rule("G5", "G4")
def test_a_transfer_to_a_department_goes_through_its_queue_and_the_owner_keeps_it_meanwhile() -> None:
    """Rocket.Chat PR #22043 and #23404: a full department neither loses the conversation nor shares it."""
    stage = office()
    talk = owned(stage)
    stage.chooses("far", "away")
    assert isinstance(stage.transfers("a1", talk, to_department="sales", note="wants to buy"), Ack)
    assert (stage.state(talk).assignee, stage.offered_to(talk)) == ("a1", "")
    stage.chooses("far", "online")
    assert (stage.state(talk).assignee, stage.offered_to(talk)) == ("a1", "far")
    offer = stage.mail["agent/far"][-1].news.offer  # type: ignore[union-attr]
    assert (offer.kind, offer.department, offer.from_agent, offer.note) == (
        "transfer", "sales", "a1", "wants to buy",
    )  # fmt: skip
    assert isinstance(stage.accepts("far", talk), Ack)
    assert (stage.state(talk).assignee, stage.state(talk).department) == ("far", "sales")


@pytest.mark.rule("G5", "G7")
def test_a_transfer_to_a_department_where_nobody_takes_it_ends_with_its_time() -> None:
    stage = office()
    talk = owned(stage)
    stage.chooses("far", "away")
    stage.transfers("a1", talk, to_department="sales")
    stage.pass_time(59.0)
    assert stage.state(talk).transfer is not None
    stage.pass_time(1.0)
    assert (stage.state(talk).assignee, stage.state(talk).transfer) == ("a1", None)
    assert stage.mail["agent/a1"][-1].news.outcome == "expired"  # type: ignore[union-attr]


@pytest.mark.rule("G1")
def test_where_the_policy_is_immediate_nobody_is_asked() -> None:
    stage = office('transfer_consent = "immediate"')
    talk = owned(stage)
    stage.transfers("a1", talk, "a2", note="yours")
    assert stage.state(talk).assignee == "a2"
    assert stage.news_of("agent/a1")[-1] == "Unassigned"
    assert stage.news_of("agent/a2")[-1] == "Assigned"
    stage.transfers("a2", talk, to_department="sales")
    assert (stage.state(talk).assignee, stage.offered_to(talk)) == ("", "far")
    assert stage.state(talk).department == "sales"


@pytest.mark.rule("G8")
def test_a_supervisor_transfers_for_others_also_to_herself() -> None:
    stage = office()
    talk = owned(stage)
    assert refused(stage.transfers("a2", talk, "a2")) == "NOT_ALLOWED"
    assert isinstance(stage.transfers("boss", talk, "boss"), Ack)
    assert stage.state(talk).assignee == "boss"
    assert stage.news_of("agent/a1")[-1] == "Unassigned"


@pytest.mark.rule("G8")
def test_a_supervisors_transfer_goes_before_the_owners_offer() -> None:
    stage = office()
    talk = owned(stage)
    stage.transfers("a1", talk, "a2")
    offer = stage.live_offer(talk)
    assert isinstance(stage.transfers("boss", talk, "far"), Ack)
    assert refused(stage.accepts("a2", talk, offer)) == "OFFER_GONE"
    assert isinstance(stage.accepts("far", talk), Ack)
    assert stage.state(talk).assignee == "far"


@pytest.mark.rule("G6")
def test_who_was_only_offered_a_conversation_cannot_give_it_away() -> None:
    stage = office()
    stage.logs_in("a1")
    talk = stage.begin_conversation("ann")
    assert stage.offered_to(talk) == "a1"
    assert refused(stage.transfers("a1", talk, "a2")) == "NOT_ALLOWED"
    assert refused(stage.invites("a1", talk, "a2")) == "NOT_ALLOWED"


@pytest.mark.rule("guarantee-G11", "guarantee-G7")
def test_the_owner_is_lost_while_a_colleague_is_asked_and_the_colleague_can_still_take_it() -> None:
    stage = office("grace_s = 10")
    talk = owned(stage)
    since = stage.state(talk).since
    stage.transfers("a1", talk, "a2")
    stage.loses("a1")
    stage.pass_time(10.0)
    state = stage.state(talk)
    assert (state.status, state.assignee, stage.offered_to(talk)) == (Status.OFFERED, "", "a2")
    assert isinstance(stage.accepts("a2", talk), Ack)
    assert (stage.state(talk).assignee, stage.state(talk).since) == ("a2", since)


@pytest.mark.rule("guarantee-G11")
def test_a_transfer_survives_a_restart_with_its_deadline() -> None:
    stage = office()
    talk = owned(stage)
    stage.transfers("a1", talk, to_department="sales")
    before = stage.state(talk)
    stage.clock.advance(5.0)
    stage.restart()
    assert stage.state(talk).transfer == before.transfer
    stage.pass_time(60.0)
    stage.pass_time(60.0)
    assert stage.state(talk).transfer is None


@pytest.mark.rule("F12")
def test_a_wrap_up_reason_that_the_desk_wants_is_wanted_when_it_is_transferred_too() -> None:
    stage = office('wrap_up_required = true\nwrap_up_reasons = ["solved", "passed on"]')
    talk = owned(stage)
    assert refused(stage.transfers("a1", talk, "a2")) == "WRAP_UP"
    message = teamwork.Transfer(stage.command_id(), "a1", talk, "a2", reason="passed on")
    assert isinstance(stage.says_to_desk("a1", message), Ack)


def test_what_a_transfer_waits_for_is_in_the_report() -> None:
    stage = office()
    talk = owned(stage)
    stage.chooses("far", "away")
    stage.transfers("a1", talk, to_department="sales")
    report = stage.dispatcher.view.conversations[talk]
    assert (report.assignee, report.waiting, report.department) == ("a1", True, "sales")
    assert report.transferring
    assert report.entered == stage.clock.now()
    assert report.since == stage.state(talk).since


def test_a_department_without_a_place_leaves_it_with_its_owner() -> None:
    stage = office()
    talk = owned(stage)
    stage.chooses("far", "away")
    stage.transfers("a1", talk, to_department="sales")
    stage.turn((("conversation", "acme", talk), TurnAway(Reason.QUEUE_FULL, "Please write again later.")))
    assert (stage.state(talk).assignee, stage.state(talk).transfer) == ("a1", None)
    ended = stage.mail["agent/a1"][-1].news
    assert (ended.outcome, ended.reason) == ("unavailable", "queue_full")  # type: ignore[union-attr]
    assert "AutomaticReply" not in stage.news_of("channel/web")


@pytest.mark.rule("G5", "D7")
def test_what_was_given_away_at_once_does_not_come_back_while_there_are_others() -> None:
    """A transfer is kept for nobody: the previous agent is the one who does not want it."""
    people = {"a1": 'departments = ["help", "sales"]', "a2": 'departments = ["sales"]'}
    desk = desk_text(departments={"sales": ""}, people=people, policies='transfer_consent = "immediate"')
    stage = Stage(desk=desk)
    stage.logs_in("a1")
    talk = stage.begin_conversation("ann", "a1")
    stage.logs_in("a2")
    stage.transfers("a1", talk, to_department="sales")
    assert stage.offered_to(talk) == "a2"
    # To the only one who is left it comes again, as to a sole decliner (E).
    stage.chooses("a2", "away")
    assert stage.offered_to(talk) == ""
    stage.pass_time(20)
    assert stage.offered_to(talk) == "a1"
