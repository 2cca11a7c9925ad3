"""Who else is in a conversation: every pair of a standing and a command has an answer; then in play."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from actors.conversation import conference
from actors.conversation.changes import apply
from actors.conversation.conference import LetGo, Standing, about, standing
from actors.conversation.machine import decide
from actors.conversation.orders import (
    Expire,
    InviteAsked,
    OwnerGone,
    Refusal,
    Release,
    WithdrawOffer,
)
from actors.conversation.state import Conversation, Invitation, Status
from actors.queries import agent_snapshot
from protocol import teamwork
from protocol.content import Text
from protocol.errors import Code
from protocol.messages import Ack, AgentMessage, CustomerLeft, Logout, ReadThread
from protocol.news import AgentSaid
from protocol.teamwork import CancelInvitation, EndConference, Invite, Join, Leave, RefuseInvitation
from tests.actors.conversations import (
    COMMANDS,
    FACTS,
    ID,
    NOW,
    assert_whole,
    conversation,
    outcome_of,
    told,
)
from tests.actors.test_transfer import office, owned, refused
from tests.stage import Stage, desk_text

#: The conversation is a1's; it is about a2.
STATES: dict[Standing, Conversation] = {
    Standing.NEITHER: conversation(Status.OPEN, 5, assignee="a1"),
    Standing.INVITED: conversation(
        Status.OPEN, 6, assignee="a1", invitations={"a2": Invitation("i1", "a1", NOW + 10)}
    ),
    Standing.MEMBER: conversation(Status.OPEN, 8, assignee="a1", members=("a2",)),
}
TOLD: dict[type[Any], Any] = {
    AgentMessage: AgentMessage(ID, "a2", "c1", Text("hello")),
    InviteAsked: InviteAsked(told(teamwork.Invite(ID, "a1", "c1", "a2", "come")), None, "i2", NOW + 60),
    CancelInvitation: CancelInvitation(ID, "a1", "c1", "a2"),
    Join: Join(ID, "a2", "c1", "i1"),
    RefuseInvitation: RefuseInvitation(ID, "a2", "c1", "i1", "no time"),
    Leave: Leave(ID, "a2", "c1"),
    WithdrawOffer: WithdrawOffer("a2", "away"),
    Release: Release("a2", "logged_out"),
    OwnerGone: OwnerGone("a2", "logged_out"),
    Expire: Expire(),
    LetGo: LetGo("ended"),
}
NOTHING: list[str] = []
#: Written down once more, by hand. Nothing is due yet.
ANSWERS: dict[type[Any], tuple[Any, Any, Any]] = {
    # as: NEITHER, INVITED, MEMBER
    AgentMessage: (Code.NOT_ALLOWED, Code.NOT_ALLOWED, ["AgentWrote"]),
    InviteAsked: (["Invited"], Code.UNDER_WAY, Code.ALREADY_SO),
    CancelInvitation: (Code.OFFER_GONE, ["InvitationEnded"], Code.OFFER_GONE),
    Join: (Code.OFFER_GONE, ["InvitationEnded", "MemberJoined"], Code.OFFER_GONE),
    RefuseInvitation: (Code.OFFER_GONE, ["InvitationEnded"], Code.OFFER_GONE),
    Leave: (Code.NOT_ALLOWED, Code.NOT_ALLOWED, ["MemberLeft"]),
    WithdrawOffer: (NOTHING, ["InvitationEnded"], NOTHING),
    Release: (NOTHING, ["InvitationEnded"], ["MemberLeft"]),
    OwnerGone: (NOTHING, ["InvitationEnded"], ["MemberLeft"]),
    Expire: (NOTHING, NOTHING, NOTHING),
    LetGo: (NOTHING, ["InvitationEnded"], ["MemberLeft"]),
}
PAIRS = [(at, command) for at in Standing for command in TOLD]


def test_every_standing_answers_every_command_about_an_agent() -> None:
    assert {at: set(rules) for at, rules in conference.TABLE.items()} == {at: set(TOLD) for at in Standing}
    assert set(ANSWERS) == set(TOLD)
    assert set(TOLD) - {LetGo} <= set(COMMANDS)


@pytest.mark.rule("G9", "G10", "E7")
@pytest.mark.parametrize(("at", "command"), PAIRS, ids=lambda part: getattr(part, "__name__", part))
def test_a_pair_has_the_answer_that_was_agreed(at: Standing, command: type[Any]) -> None:
    state = copy.deepcopy(STATES[at])
    assert standing(state, "a2") is at
    if command is LetGo:
        outcome = about(state, "a2", TOLD[command], FACTS)
    else:
        outcome = decide(state, TOLD[command], FACTS)
    assert outcome_of(outcome) == ANSWERS[command][list(Standing).index(at)]
    assert state == STATES[at], "deciding changes nothing"
    if not isinstance(outcome, Refusal):
        for event in outcome:
            apply(state, event, state.sequence + 1, NOW)
        assert_whole(state)
        assert state.assignee == "a1"


EVERYTHING = [(at, command) for at in Standing for command in COMMANDS]


@pytest.mark.parametrize(("at", "command"), EVERYTHING, ids=lambda part: getattr(part, "__name__", part))
def test_in_a_conference_there_is_an_answer_to_all_that_a_conversation_can_be_told(
    at: Standing, command: type[Any]
) -> None:
    state = copy.deepcopy(STATES[at])
    outcome = decide(state, COMMANDS[command], FACTS)
    if not isinstance(outcome, Refusal):
        for event in outcome:
            apply(state, event, state.sequence + 1, NOW)
        assert_whole(state)


@pytest.mark.rule("G10", "guarantee-G9")
@pytest.mark.parametrize(("late_s", "joined"), [(9.0, True), (10.0, True), (10.1, False)])
def test_an_invitation_counts_until_its_deadline(late_s: float, joined: bool) -> None:
    facts = FACTS._replace(now=NOW + late_s)
    outcome = decide(STATES[Standing.INVITED], TOLD[Join], facts)
    assert outcome_of(outcome) == (["InvitationEnded", "MemberJoined"] if joined else Code.OFFER_GONE)
    expired = decide(STATES[Standing.INVITED], Expire(), facts)
    assert outcome_of(expired) == (["InvitationEnded"] if late_s >= 10.0 else [])


@pytest.mark.parametrize("command", [Join, RefuseInvitation])
def test_an_answer_must_name_the_invitation(command: Any) -> None:
    outcome = decide(STATES[Standing.INVITED], command(ID, "a2", "c1", "i9"), FACTS)
    assert outcome_of(outcome) is Code.OFFER_GONE


@pytest.mark.rule("G9")
@pytest.mark.parametrize(
    ("agent", "invited", "answer"),
    [
        ("a1", "far", ["Invited"]),
        ("a2", "far", ["Invited"]),
        ("far", "far", Code.NOT_ALLOWED),
        ("a1", "a1", Code.ALREADY_SO),
        ("a1", "nobody", Code.NOT_ALLOWED),
    ],
)
def test_who_is_in_a_conversation_may_invite(agent: str, invited: str, answer: Any) -> None:
    wanted = InviteAsked(told(teamwork.Invite(ID, agent, "c1", invited)), None, "i2", NOW + 60)
    assert outcome_of(decide(STATES[Standing.MEMBER], wanted, FACTS)) == answer


def test_the_dispatchers_refusal_is_passed_on() -> None:
    away = Refusal(Code.UNAVAILABLE, "away")
    assert decide(STATES[Standing.NEITHER], TOLD[InviteAsked]._replace(refusal=away), FACTS) == away


def test_a_member_takes_back_only_own_invitations() -> None:
    state = copy.deepcopy(STATES[Standing.MEMBER])
    state.invitations = {"far": Invitation("i3", "a1", NOW + 10)}
    assert outcome_of(decide(state, CancelInvitation(ID, "a2", "c1", "far"), FACTS)) is Code.NOT_ALLOWED
    state.invitations = {"far": Invitation("i3", "a2", NOW + 10)}
    assert outcome_of(decide(state, CancelInvitation(ID, "a2", "c1", "far"), FACTS)) == ["InvitationEnded"]


@pytest.mark.rule("G10")
@pytest.mark.parametrize(
    ("agent", "answer"),
    [
        ("a1", ["MemberLeft", "ConferenceEnded"]),
        ("boss", ["MemberLeft", "ConferenceEnded"]),
        ("a2", Code.NOT_ALLOWED),
    ],
)
def test_the_assignee_or_a_supervisor_ends_the_conference(agent: str, answer: Any) -> None:
    assert outcome_of(decide(STATES[Standing.MEMBER], EndConference(ID, agent, "c1"), FACTS)) == answer


def test_the_assignee_cannot_leave() -> None:
    refusal = decide(STATES[Standing.MEMBER], Leave(ID, "a1", "c1"), FACTS)
    assert isinstance(refusal, Refusal)
    assert "transfer" in refusal.message


@pytest.mark.parametrize("at", [Standing.INVITED, Standing.MEMBER])
def test_nobody_stays_in_a_conversation_that_has_lost_its_assignee(at: Standing) -> None:
    state = copy.deepcopy(STATES[at])
    outcome = decide(state, Release("a1", "gone"), FACTS)
    assert outcome_of(outcome)[-1] == "Released"
    for event in outcome:  # type: ignore[union-attr]
        apply(state, event, state.sequence + 1, NOW)
    assert_whole(state)


@pytest.mark.parametrize("at", [Standing.INVITED, Standing.MEMBER])
def test_nobody_stays_in_a_conversation_that_has_ended(at: Standing) -> None:
    state = copy.deepcopy(STATES[at])
    outcome = decide(state, CustomerLeft(ID, "web", "ann"), FACTS)
    assert outcome_of(outcome) == ["Ended"] if at is Standing.MEMBER else ["InvitationEnded", "Ended"]
    for event in outcome:  # type: ignore[union-attr]
        apply(state, event, state.sequence + 1, NOW)
    assert_whole(state)


# In play.


@pytest.fixture
def stage() -> Stage:
    return office()


def conference_of(stage: Stage) -> str:
    """Have a1 talk with ann, and a2 in it."""
    talk = owned(stage)
    assert isinstance(stage.invites("a1", talk, "a2", "knows about tea"), Ack)
    assert isinstance(stage.joins("a2", talk), Ack)
    return talk


def reads(stage: Stage, agent: str, talk: str) -> Any:
    return stage.says_to_desk(agent, ReadThread(stage.command_id(), agent, talk))


@pytest.mark.rule("G3", "G9", "E7")
def test_the_inviter_sees_that_it_is_pending_and_then_ok(stage: Stage) -> None:
    talk = owned(stage)
    stage.invites("a1", talk, "a2", "knows about tea")
    view = stage.mail["agent/a2"][-1].news.invitation  # type: ignore[union-attr]
    assert (view.conversation, view.from_agent, view.note) == (talk, "a1", "knows about tea")
    snapshot = agent_snapshot(stage.system, "acme", "a2")
    assert snapshot.invitations == [view]
    assert refused(stage.says("a2", talk, "not in yet")) == "NOT_ALLOWED"
    assert refused(reads(stage, "a2", talk)) == "NOT_ALLOWED"
    stage.joins("a2", talk)
    ended = stage.mail["agent/a1"][-2].news
    assert (ended.outcome, ended.agent) == ("joined", "a2")  # type: ignore[union-attr]
    assert stage.news_of("agent/a1")[-1] == stage.news_of("agent/a2")[-1] == "Joined"
    assert type(reads(stage, "a2", talk)).__name__ == "ThreadGrant"
    snapshot = agent_snapshot(stage.system, "acme", "a2")
    assert [(it.conversation, it.assignee, it.members) for it in snapshot.conversations] == [
        (talk, "a1", ("a2",))
    ]
    assert snapshot.invitations == []


@pytest.mark.rule("E7", "G10")
@pytest.mark.parametrize("how", ["refused", "expired", "withdrawn"])
def test_the_inviter_sees_a_no(stage: Stage, how: str) -> None:
    talk = owned(stage)
    stage.invites("a1", talk, "a2")
    if how == "refused":
        stage.refuses("a2", talk, "lunch")
    elif how == "expired":
        stage.pass_time(60.0)
    else:
        stage.chooses("a2", "away")
    ended = stage.mail["agent/a1"][-1].news
    assert (ended.outcome, ended.agent) == (how, "a2")  # type: ignore[union-attr]
    assert stage.state(talk).invitations == {}
    assert refused(stage.joins("a2", talk)) == "OFFER_GONE"
    assert stage.system.actors["agent", "acme", "a2"].state.presence != "not_answering"  # type: ignore[attr-defined]


@pytest.mark.rule("G9", "G11")
def test_what_is_said_in_a_conference_comes_to_everybody_in_it_and_the_customer_sees_the_assignee(
    stage: Stage,
) -> None:
    talk = conference_of(stage)
    marks = {name: len(stage.mail.get(name, [])) for name in ("agent/a1", "agent/a2", "channel/web")}
    stage.writes("ann", "is it green?")
    stage.says("a1", talk, "it is")
    stage.says("a2", talk, "very green")
    said = {
        name: [
            (it.news.agent, it.news.author) if isinstance(it.news, AgentSaid) else type(it.news).__name__
            for it in stage.mail[name][mark:]
        ]
        for name, mark in marks.items()
    }
    assert said == {
        "agent/a1": ["CustomerSaid", ("a1", "a2")],
        "agent/a2": ["CustomerSaid", ("a1", "")],
        "channel/web": [("a1", ""), ("a1", "")],
    }
    wrote = [entry for entry in stage.entries() if type(entry.event).__name__ == "AgentWrote"]
    assert wrote[-1].event.author == "a2"  # type: ignore[union-attr]


@pytest.mark.rule("G9")
def test_members_take_no_capacity(stage: Stage) -> None:
    talk = conference_of(stage)
    assert stage.dispatcher.view.roster["a2"].used == 0
    assert stage.dispatcher.view.roster["a2"].joined == {talk}


@pytest.mark.rule("G10", "F12")
def test_the_end_of_a_conference_asks_for_the_reason_and_lets_all_go() -> None:
    stage = office('wrap_up_required = true\nwrap_up_reasons = ["helped"]')
    talk = conference_of(stage)
    stage.invites("a1", talk, "far")
    assert refused(stage.ends_conference("a1", talk)) == "WRAP_UP"
    assert refused(stage.ends_conference("a1", talk, "whatever")) == "WRAP_UP"
    assert isinstance(stage.ends_conference("a1", talk, "helped"), Ack)
    state = stage.state(talk)
    assert (state.assignee, state.members, state.invitations) == ("a1", (), {})
    assert stage.news_of("agent/a2")[-1] == "Left"
    assert stage.news_of("agent/far")[-1] == "InvitationEnded"
    assert refused(stage.says("a2", talk, "too late")) == "NOT_ALLOWED"
    assert refused(stage.ends_conference("a1", talk, "helped")) == "OFFER_GONE"


@pytest.mark.rule("G9")
def test_a_member_leaves_and_hears_nothing_more(stage: Stage) -> None:
    talk = conference_of(stage)
    assert isinstance(stage.goes_out("a2", talk), Ack)
    mark = len(stage.mail["agent/a2"])
    stage.writes("ann", "hello?")
    assert len(stage.mail["agent/a2"]) == mark
    assert stage.news_of("agent/a1")[-2:] == ["Left", "CustomerSaid"]
    assert refused(reads(stage, "a2", talk)) == "NOT_ALLOWED"


@pytest.mark.rule("guarantee-G11")
@pytest.mark.parametrize("how", ["logs out", "is lost"])
def test_a_member_who_is_gone_is_no_member_any_more(how: str) -> None:
    stage = office("grace_s = 10")
    talk = conference_of(stage)
    if how == "logs out":
        stage.logs_out("a2")
    else:
        stage.loses("a2")
        assert stage.state(talk).members == ("a2",)
        stage.pass_time(10.0)
    assert stage.state(talk).members == ()
    assert stage.state(talk).assignee == "a1"
    assert stage.news_of("agent/a1")[-1] == "Left"


@pytest.mark.rule("G9")
def test_members_are_let_go_and_told_when_the_conversation_ends(stage: Stage) -> None:
    talk = conference_of(stage)
    stage.leaves("ann")
    assert stage.news_of("agent/a2")[-1] == "ConversationEnded"
    assert stage.state(talk).members == ()
    assert stage.dispatcher.view.roster["a2"].joined == set()


@pytest.mark.rule("G4", "G9")
def test_a_member_can_become_the_owner_and_the_others_stay(stage: Stage) -> None:
    talk = conference_of(stage)
    stage.invites("a1", talk, "boss")
    stage.joins("boss", talk)
    stage.transfers("a1", talk, "a2")
    assert isinstance(stage.accepts("a2", talk), Ack)
    state = stage.state(talk)
    assert (state.assignee, state.members) == ("a2", ("boss",))
    assert stage.news_of("agent/boss")[-1] == "Assigned"
    assert stage.dispatcher.view.roster["a2"].joined == set()


def test_a_conference_stays_in_memory_and_survives_a_restart(stage: Stage) -> None:
    talk = conference_of(stage)
    stage.clock.advance(3600.0)
    stage.turn(park_idle_s=1.0)
    assert ("conversation", "acme", talk) in stage.system.actors
    stage.restart()
    assert stage.state(talk).members == ("a2",)
    assert stage.dispatcher.view.roster["a2"].joined == {talk}


# Help (G11, G12).


@pytest.mark.rule("G11", "L2", "guarantee-G15")
def test_a_supervisor_helps_in_the_assignees_name_and_nobody_else_does(stage: Stage) -> None:
    """Chatwoot#12079: who is not assigned does not write."""
    talk = owned(stage)
    assert refused(stage.says("a2", talk, "let me")) == "NOT_ALLOWED"
    assert refused(stage.says("far", talk, "let me")) == "NOT_ALLOWED"
    assert type(reads(stage, "boss", talk)).__name__ == "ThreadGrant"
    assert refused(reads(stage, "far", talk)) == "NOT_ALLOWED"
    assert isinstance(stage.says("boss", talk, "let me"), Ack)
    to_customer = stage.mail["channel/web"][-1].news
    assert (to_customer.agent, to_customer.author) == ("a1", "")  # type: ignore[union-attr]
    to_assignee = stage.mail["agent/a1"][-1].news
    assert (to_assignee.agent, to_assignee.author) == ("a1", "boss")  # type: ignore[union-attr]
    assert "boss" not in repr(stage.mail["channel/web"])


@pytest.mark.rule("G12", "L2")
def test_a_supervisor_ends_a_colleagues_conversation_also_one_that_nobody_has(stage: Stage) -> None:
    talk = owned(stage)
    waits = stage.begin_conversation("bob")
    for conversation_id in (talk, waits):
        assert refused(stage.ends("far", conversation_id)) == "NOT_ALLOWED"
        assert isinstance(stage.ends("boss", conversation_id, "done"), Ack)
        assert stage.state(conversation_id).status is Status.ENDED
    assert stage.news_of("agent/a1")[-1] in ("ConversationEnded", "OfferEnded")
    ended = [entry for entry in stage.entries() if type(entry.event).__name__ == "Ended"]
    assert [entry.sender for entry in ended] == ["agent/boss", "agent/boss"]


def test_help_is_bounded_like_the_assignees_own_words(stage: Stage) -> None:
    talk = owned(stage)
    assert refused(stage.says("boss", talk, "x" * 1001)) == "TOO_LARGE"
    assert refused(stage.says("far", talk, "x" * 1001)) == "NOT_ALLOWED"


@pytest.mark.rule("G10", "E7")
@pytest.mark.parametrize("reverse", [False, True])
def test_who_goes_in_the_turn_of_the_invitation_is_not_waited_for(reverse: bool) -> None:
    """The inviter sees a No at once, and not when the time is over."""
    stage = Stage(desk=desk_text())
    stage.logs_in("a1")
    talk = stage.begin_conversation("ann", "a1")
    stage.logs_in("a2")
    told = [
        stage.command("a1", Invite(stage.command_id(), "a1", talk, "a2")),
        stage.command("a2", Logout(stage.command_id(), "a2")),
    ]
    stage.turn(*(reversed(told) if reverse else told))
    assert stage.state(talk).invitations == {}
    assert stage.news_of("agent/a1")[-1] == "InvitationEnded"


@pytest.mark.rule("L2")
def test_a_supervisor_reads_what_ended_before_anybody_had_it(stage: Stage) -> None:
    """A missed chat is the department's; to all others it does not exist (G15)."""
    talk = stage.begin_conversation("ann")
    stage.leaves("ann")
    assert type(reads(stage, "boss", talk)).__name__ == "ThreadGrant"
    assert type(reads(stage, "a1", talk)).__name__ == "Refused"
