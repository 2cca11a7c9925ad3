"""The conversation's table: every pair has an answer, and the right one; then in play."""

from __future__ import annotations

import copy
import inspect
import re
from types import ModuleType
from typing import Any, get_args

import msgspec
import pytest

from actors import authorization, events
from actors.conversation import actor as shell, orders
from actors.conversation.changes import apply
from actors.conversation.machine import TABLE, decide
from actors.conversation.orders import (
    AssignDirectly,
    Begin,
    BeginProactively,
    ChannelGone,
    Claim,
    Expire,
    Greet,
    InviteAsked,
    Known,
    MakeOffer,
    MoveTo,
    Mute,
    OwnerBack,
    OwnerGone,
    Reassign,
    Refusal,
    Release,
    Reopening,
    Shut,
    TransferAsked,
    TurnAway,
    Unmute,
    VisitChanged,
    WithdrawOffer,
)
from actors.conversation.state import Conversation, Offer, Status
from actors.events import AnyEvent
from actors.events.base import Why
from actors.telling import Told
from protocol import customers, life, messages, teamwork
from protocol.channels import CustomerActed, DeliveryReport
from protocol.content import Text
from protocol.errors import Code
from protocol.life import AddNote, CancelEnd, CustomerRating, Reopen, SetStatus, Tag
from protocol.messages import (
    Accept,
    Ack,
    AgentMessage,
    CustomerLeft,
    CustomerMessage,
    Decline,
    End,
    Logout,
    Refused,
    SetPresence,
)
from protocol.teamwork import (
    CancelInvitation,
    CancelTransfer,
    EndConference,
    Join,
    Leave,
    RefuseInvitation,
)
from tests.actors.conversations import (
    COMMANDS,
    FACTS,
    ID,
    NOW,
    assert_whole,
    conversation,
    outcome_of,
)
from tests.rules import ROOT
from tests.stage import Stage, desk_text

STATES: dict[Status, Conversation] = {
    Status.NEW: Conversation(),
    Status.QUEUED: conversation(Status.QUEUED, 3),
    Status.OFFERED: conversation(Status.OFFERED, 4, offer=Offer("o1", "a1", NOW + 10)),
    Status.OPEN: conversation(Status.OPEN, 5, assignee="a1"),
    Status.PENDING: conversation(Status.PENDING, 6, assignee="a1"),
    Status.ON_HOLD: conversation(Status.ON_HOLD, 6, assignee="a1"),
    Status.SOLVED: conversation(Status.SOLVED, 6, assignee="a1", closes_at=NOW + 60),
    Status.WRAP_UP: conversation(Status.WRAP_UP, 6, assignee="a1", closes_at=NOW + 60),
    Status.MUTED: conversation(Status.MUTED, 6, muted_from="a1", previous="a1"),
    Status.ENDED: conversation(Status.ENDED, 6, previous="a1"),
}

NOTHING: list[str] = []
BEGUN = ["Started", "CustomerWrote", "Queued"]
WROTE = ["CustomerWrote"]
IS_OPEN = ["CustomerWrote", "StatusSet"]
CAME_BACK = ["CustomerWrote", "Reopened"]
NOT_ALLOWED, GONE, CLOSED, TAKEN = Code.NOT_ALLOWED, Code.OFFER_GONE, Code.CLOSED, Code.TAKEN
ALREADY_SO = Code.ALREADY_SO
#: What each pair does: the events, or the code of the refusal. Written down once more, by hand.
ANSWERS: dict[type[Any], tuple[Any, ...]] = {
    # in status: NEW, QUEUED, OFFERED, OPEN, PENDING, ON_HOLD, SOLVED, WRAP_UP, MUTED, ENDED
    Begin: (BEGUN, WROTE, WROTE, WROTE, IS_OPEN, IS_OPEN, CAME_BACK, CLOSED, WROTE, CLOSED),
    CustomerMessage: (BEGUN, WROTE, WROTE, WROTE, IS_OPEN, IS_OPEN, CAME_BACK, CLOSED, WROTE, CLOSED),
    CustomerLeft: (NOT_ALLOWED, ["Ended"], ["OfferWithdrawn", "Ended"], *[["Ended"]] * 4, CLOSED, ["Ended"],
                   CLOSED),
    CustomerRating: (NOT_ALLOWED, *[["Rated"]] * 9),
    CustomerActed: (NOT_ALLOWED, *[["Triggered"]] * 6, CLOSED, ["Triggered"], CLOSED),
    DeliveryReport: (NOT_ALLOWED, *[NOTHING] * 9),
    AgentMessage: (*[NOT_ALLOWED] * 3, *[["AgentWrote"]] * 3, *[CLOSED] * 4),
    Accept: (GONE, GONE, ["Assigned"], *[GONE] * 7),
    Decline: (GONE, GONE, ["OfferDeclined"], *[GONE] * 7),
    End: (*[NOT_ALLOWED] * 3, *[["Ended"]] * 6, CLOSED),
    CancelEnd: (*[NOT_ALLOWED] * 3, *[GONE] * 3, *[CLOSED] * 4),
    SetStatus: (*[NOT_ALLOWED] * 3, ["StatusSet"], ALREADY_SO, ["StatusSet"], *[CLOSED] * 4),
    Reopen: (NOT_ALLOWED, *[ALREADY_SO] * 5, ["Reopened"], CLOSED, CLOSED, NOTHING),
    Reopening: (NOT_ALLOWED, *[ALREADY_SO] * 8, ["Reopened"]),
    AddNote: (*[NOT_ALLOWED] * 2, *[["NoteWritten"]] * 8),
    Tag: (*[NOT_ALLOWED] * 2, *[["Tagged"]] * 8),
    CancelTransfer: (*[NOT_ALLOWED] * 3, *[GONE] * 3, *[CLOSED] * 4),
    CancelInvitation: (*[NOT_ALLOWED] * 3, *[GONE] * 3, *[CLOSED] * 4),
    Join: (GONE,) * 10,
    RefuseInvitation: (GONE,) * 10,
    Leave: (*[NOT_ALLOWED] * 6, *[CLOSED] * 4),
    EndConference: (*[NOT_ALLOWED] * 3, *[GONE] * 3, *[CLOSED] * 4),
    MakeOffer: (NOTHING, ["Offered"], *[NOTHING] * 8),
    AssignDirectly: (NOTHING, ["Assigned"], *[NOTHING] * 8),
    Claim: (NOT_ALLOWED, ["Assigned"], *[TAKEN] * 4, CLOSED, TAKEN, CLOSED, CLOSED),
    TransferAsked: (*[NOT_ALLOWED] * 3, *[["TransferStarted"]] * 3, *[CLOSED] * 4),
    InviteAsked: (*[NOT_ALLOWED] * 3, *[["Invited"]] * 3, *[CLOSED] * 4),
    WithdrawOffer: (NOTHING, NOTHING, ["OfferWithdrawn"], *[NOTHING] * 7),
    Release: (*[NOTHING] * 3, ["Released"], *[NOTHING] * 3, ["Ended"], NOTHING, NOTHING),
    Reassign: (*[NOTHING] * 3, *[["Assigned"]] * 3, NOTHING, ["Ended"], NOTHING, NOTHING),
    MoveTo: (NOTHING, ["Queued"], *[NOTHING] * 8),
    TurnAway: (NOTHING, ["Greeted", "Ended"], *[NOTHING] * 8),
    Greet: (NOTHING, *[["Greeted"]] * 5, *[NOTHING] * 4),
    OwnerGone: (*[NOTHING] * 3, *[["AssigneeGone"]] * 3, NOTHING, ["Ended"], NOTHING, NOTHING),
    OwnerBack: (NOTHING,) * 10,
    BeginProactively: (["Started", "Assigned", "AgentWrote"], *[ALREADY_SO] * 9),
    Shut: (NOTHING, ["Ended"], ["OfferWithdrawn", "Ended"], *[["Ended"]] * 4, NOTHING, ["Ended"], NOTHING),
    Mute: (NOTHING, ["Muted"], ["OfferWithdrawn", "Muted"], *[["Muted"]] * 4, *[NOTHING] * 3),
    Unmute: (*[NOTHING] * 8, ["Unmuted"], NOTHING),
    ChannelGone: (NOTHING,) * 10,
    VisitChanged: (NOTHING, *[["Triggered"]] * 6, NOTHING, ["Triggered"], NOTHING),
    Expire: (NOTHING,) * 10,
}  # fmt: skip

PAIRS = [(status, command) for status in Status for command in COMMANDS]


def made_in(module: ModuleType) -> set[type[Any]]:
    """Compute the named tuples of a module."""
    values = vars(module).values()
    made = {value for value in values if inspect.isclass(value) and value.__module__ == module.__name__}
    return {kind for kind in made if issubclass(kind, tuple)}


def wire_commands() -> set[type[Any]]:
    """Compute what clients may tell a conversation: what the hub brings to it, or to its channel."""
    told = {*get_args(messages.ConversationCommand), *get_args(messages.GatewayCommand)}
    return told - {*get_args(messages.VisitorCommand)}


def test_every_status_answers_every_command_that_a_conversation_can_be_told() -> None:
    commands = (made_in(orders) - {Refusal, Known}) | wire_commands()
    assert commands == set(COMMANDS), "a new command needs an answer here"
    assert {status: set(rules) for status, rules in TABLE.items()} == dict.fromkeys(Status, commands)


def test_what_brings_another_actors_command_is_known_to_the_shell() -> None:
    assert {kind for kind in made_in(orders) if "told" in kind._fields} == shell.WITH_COMMAND
    through_the_dispatcher = {Claim: teamwork.Take, TransferAsked: teamwork.Transfer}
    through_the_dispatcher |= {InviteAsked: teamwork.Invite, BeginProactively: customers.InviteVisitor}
    assert life.Reopen in get_args(messages.ConversationCommand), "Reopening comes back from the channel"
    assert set(through_the_dispatcher.values()) <= set(get_args(messages.DispatcherCommand))


def test_every_command_of_an_agent_may_be_sent_by_somebody() -> None:
    allowed = {command for table in authorization.ALLOWED.values() for command in table}
    assert wire_commands() <= allowed


@pytest.mark.parametrize(("status", "command"), PAIRS, ids=lambda part: getattr(part, "__name__", part))
def test_a_pair_has_the_answer_that_was_agreed(status: Status, command: type[Any]) -> None:
    outcome = decide(copy.deepcopy(STATES[status]), COMMANDS[command], FACTS)
    assert outcome_of(outcome) == ANSWERS[command][list(Status).index(status)]


@pytest.mark.rule("F1")
def test_the_page_on_conversations_has_every_status_in_the_order_of_life() -> None:
    page = (ROOT / "docs" / "conversations.md").read_text(encoding="utf-8")
    table = page.split("## Statuses")[1].split("## What agents can do")[0]
    assert re.findall(r"^\| `([a-z_]+)` \|", table, re.MULTILINE) == [status.value for status in Status]


@pytest.mark.parametrize("command", [AgentMessage, End])
def test_an_ended_conversation_of_somebody_else_looks_like_none(command: type[Any]) -> None:
    state = copy.deepcopy(STATES[Status.ENDED])
    state.previous = "a2"
    assert outcome_of(decide(state, COMMANDS[command], FACTS)) == Code.NOT_ALLOWED


@pytest.mark.parametrize(("status", "command"), PAIRS, ids=lambda part: getattr(part, "__name__", part))
def test_deciding_changes_nothing(status: Status, command: type[Any]) -> None:
    state = copy.deepcopy(STATES[status])
    decide(state, COMMANDS[command], FACTS)
    assert state == STATES[status]


@pytest.mark.parametrize(("status", "command"), PAIRS, ids=lambda part: getattr(part, "__name__", part))
def test_what_was_decided_can_be_applied_in_the_same_state(status: Status, command: type[Any]) -> None:
    state = copy.deepcopy(STATES[status])
    outcome = decide(state, COMMANDS[command], FACTS)
    if not isinstance(outcome, Refusal):
        for event in outcome:
            apply(state, event, state.sequence + 1, NOW)
        assert_whole(state)


EXAMPLES: dict[str, Any] = {
    type(event).__name__: event
    for event in (
        events.Started("web", "ann", "help"),
        events.Queued("help", NOW, "new"),
        events.CustomerWrote("ann", Text("x")),
        events.AgentWrote("a1", "ann", Text("x")),
        events.Greeted("online", "Hello!", "ann"),
        events.Offered("o1", "a1", NOW + 30, "help", "web", "ann", "", NOW, Why()),
        events.OfferDeclined("o1", "a1"),
        events.OfferExpired("o1", "a1"),
        events.OfferWithdrawn("o1", "a1", "gone"),
        events.Assigned("o1", "a1", "help", "web", "ann", NOW),
        events.Released("a1", "help", NOW, "gone"),
        events.Ended("agent", "ann"),
        events.TransferStarted("a1", "a1", "a2", "", NOW + 30),
        events.TransferEnded("a1", "declined"),
        events.Invited("i1", "a2", "a1", NOW + 30, "help", "web", "ann"),
        events.InvitationEnded("i1", "a2", "a1", "refused"),
        events.MemberJoined("a2", "i1"),
        events.MemberLeft("a2"),
        events.ConferenceEnded("a1"),
        events.FirstReplyMissed("a1", NOW),
        events.AssigneeGone("a1"),
        events.AssigneeBack("a1"),
        events.Solved("a1", "answered", NOW + 60, "", "ann"),
        events.StatusSet("pending", "a1"),
        events.Reopened("customer", "a1", "reply", "ann"),
        events.EndScheduled("a1", NOW + 60),
        events.EndCancelled("customer"),
        events.Interrupted("customer", "ann"),
        events.Muted("a1", "a1"),
        events.Unmuted("a1", "a1"),
        events.NoteWritten("a1", "x"),
        events.Tagged("a1", ["x"], ["y"]),
        events.Renamed("Ann"),
        events.Rated(5, "x", "ann", "web"),
        events.GreetingLeftOut("online", "web", "last_one"),
        events.Triggered("follow", "ann", events.Ledger("w/follow", NOW + 60, sends_left=3)),
        events.WindowLapsed("web", events.Ledger("w/message", NOW, lapsed=True)),
        events.DeliveryReported(2, "queued", retry_at=NOW + 2, holds=True),
        events.SentAgain(2, "a1", "ann", Text("x"), 2, NOW + 300),
    )
}
#: What stands in the streams of agents, of the dispatcher and of customers.
OTHERS = {
    "SetAside", "LoggedIn", "PresenceChosen", "LeaseLost", "LeaseRegained", "LoggedOut", "DeskApplied",
    "InactivityWarned", "ActiveAgain", "HandOverBegun", "HandedOver", "ShadowApplied", "OrderChanged",
    "Healed", "ChannelCleared", "VisitBegun", "PageViewed", "VisitEnded", "Acted", "DoNotDisturbSet",
    "Blocked",
}  # fmt: skip


@pytest.mark.parametrize("status", Status)
def test_every_event_of_a_conversation_can_be_applied_in_every_state(status: Status) -> None:
    assert {kind.__name__ for kind in get_args(AnyEvent)} - OTHERS == set(EXAMPLES)
    for event in EXAMPLES.values():
        state = copy.deepcopy(STATES[status])
        apply(state, event, 99, NOW)
        assert state.sequence == 99
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=Conversation) == state


@pytest.mark.rule("guarantee-G7")
@pytest.mark.parametrize("command", [Accept, Decline])
@pytest.mark.parametrize(
    ("agent", "offer"), [("a1", "o2"), ("a2", "o1"), ("a2", "o2"), ("", "o1"), ("a1", "")]
)
def test_an_answer_must_name_the_offer_and_come_from_its_agent(command: Any, agent: str, offer: str) -> None:
    outcome = decide(STATES[Status.OFFERED], command(ID, agent, "c1", offer), FACTS)
    assert outcome_of(outcome) is Code.OFFER_GONE


@pytest.mark.rule("E4", "guarantee-G9")
@pytest.mark.parametrize(("late_s", "accepted"), [(-1.0, True), (0.0, True), (0.001, False), (60.0, False)])
def test_an_accept_counts_until_the_deadline_and_not_after(late_s: float, accepted: bool) -> None:
    facts = FACTS._replace(now=NOW + 10 + late_s)
    outcome = decide(STATES[Status.OFFERED], COMMANDS[Accept], facts)
    assert outcome_of(outcome) == (["Assigned"] if accepted else Code.OFFER_GONE)


@pytest.mark.rule("guarantee-G9")
@pytest.mark.parametrize(("late_s", "expired"), [(-0.001, False), (0.0, True), (60.0, True)])
def test_an_offer_expires_at_its_deadline_and_not_before(late_s: float, expired: bool) -> None:
    outcome = decide(STATES[Status.OFFERED], Expire(), FACTS._replace(now=NOW + 10 + late_s))
    assert outcome_of(outcome) == (["OfferExpired"] if expired else [])


@pytest.mark.rule("H2")
@pytest.mark.parametrize(("length", "allowed"), [(1, True), (1000, True), (1001, False)])
def test_an_agents_text_has_at_most_the_length_of_the_desk(length: int, allowed: bool) -> None:
    outcome = decide(STATES[Status.OPEN], AgentMessage(ID, "a1", "c1", Text("x" * length)), FACTS)
    assert outcome_of(outcome) == (["AgentWrote"] if allowed else Code.TOO_LARGE)


@pytest.mark.rule("guarantee-G15", "F9")
@pytest.mark.parametrize("command", [AgentMessage(ID, "a2", "c1", Text("x")), End(ID, "a2", "c1")])
def test_who_is_not_the_assignee_hears_the_same_as_for_a_conversation_that_does_not_exist(
    command: Any,
) -> None:
    assert decide(STATES[Status.OPEN], command, FACTS) == decide(STATES[Status.NEW], command, FACTS)


@pytest.mark.parametrize(("command", "status"), [(WithdrawOffer, Status.OFFERED), (Release, Status.OPEN)])
def test_news_about_somebody_else_changes_nothing(command: Any, status: Status) -> None:
    assert decide(STATES[status], command("a2", "gone"), FACTS) == []


# In play.


@pytest.fixture
def stage() -> Stage:
    return Stage()


def refused(answer: Any) -> str:
    assert isinstance(answer, Refused), answer
    return answer.code


@pytest.mark.rule("C3", "E1", "D6", "D12", "F8", "F9")
def test_a_customer_writes_an_agent_accepts_they_talk_and_it_ends(stage: Stage) -> None:
    stage.logs_in("a1")
    talk = stage.writes("ann", "hello").conversation
    assert stage.offered_to(talk) == "a1"
    assert refused(stage.says("a1", talk, "hello")) == "NOT_ALLOWED"
    assert isinstance(stage.accepts("a1", talk), Ack)
    assert isinstance(stage.says("a1", talk, "hello, Ann"), Ack)
    assert stage.writes("ann", "I have a question").conversation == talk
    assert isinstance(stage.ends("a1", talk, "answered"), Ack)
    assert refused(stage.says("a1", talk, "one more thing")) == "CLOSED"
    assert refused(stage.ends("a1", talk)) == "CLOSED"
    assert stage.news_of("agent/a1") == [
        "PresenceChanged", "OfferMade", "Assigned", "CustomerSaid", "ConversationEnded",
    ]  # fmt: skip
    assert stage.news_of("channel/web") == ["Assigned", "AgentSaid", "ConversationEnded"]


@pytest.mark.rule("F2")
def test_a_customer_who_returns_after_the_end_begins_a_new_conversation(stage: Stage) -> None:
    stage.logs_in("a1")
    first = stage.begin_conversation("ann", "a1")
    stage.ends("a1", first)
    second = stage.begin_conversation("ann", "a1")
    assert second != first


@pytest.mark.rule("guarantee-G7", "D6")
def test_two_agents_accept_the_same_offer_and_only_the_one_it_was_made_to_gets_it(stage: Stage) -> None:
    stage.logs_in("a1", "a2")
    talk = stage.begin_conversation("ann")
    offer, to = stage.live_offer(talk), stage.offered_to(talk)
    other = "a2" if to == "a1" else "a1"
    assert refused(stage.accepts(other, talk, offer)) == "OFFER_GONE"
    assert isinstance(stage.accepts(to, talk, offer), Ack)
    assert refused(stage.accepts(to, talk, offer)) == "OFFER_GONE"
    assert stage.state(talk).assignee == to


@pytest.mark.rule("E4", "A9", "guarantee-G9")
def test_an_offer_that_nobody_answers_goes_to_the_next_and_the_agent_gets_no_more(stage: Stage) -> None:
    stage.logs_in("a1", "a2")
    talk = stage.begin_conversation("ann")
    first, offer = stage.offered_to(talk), stage.live_offer(talk)
    stage.pass_time(30.0)
    second = stage.offered_to(talk)
    assert second not in ("", first)
    assert refused(stage.accepts(first, talk, offer)) == "OFFER_GONE"
    stage.pass_time(30.0)
    assert stage.offered_to(talk) == ""
    stage.pass_time(3600.0)
    assert stage.offered_to(talk) == "", "who has not answered gets nothing before he says that he is back"
    stage.chooses(first, "online")
    assert stage.offered_to(talk) == first


@pytest.mark.rule("F11", "guarantee-G7")
def test_a_customer_who_leaves_while_offered_takes_the_offer_along(stage: Stage) -> None:
    stage.logs_in("a1")
    talk = stage.begin_conversation("ann")
    offer = stage.live_offer(talk)
    assert isinstance(stage.leaves("ann"), Ack)
    assert refused(stage.accepts("a1", talk, offer)) == "OFFER_GONE"
    assert "OfferEnded" in stage.news_of("agent/a1")
    assert refused(stage.leaves("ann")) == "CLOSED"
    assert stage.offered_to(stage.begin_conversation("bob")) == "a1", "the room is free again"


def test_a_decliner_is_asked_again_only_after_the_pause_and_only_if_nobody_else_is_there(
    stage: Stage,
) -> None:
    stage.logs_in("a1")
    talk = stage.begin_conversation("ann")
    stage.declines("a1", talk)
    assert stage.offered_to(talk) == ""
    stage.pass_time(19.0)
    assert stage.offered_to(talk) == ""
    stage.pass_time(1.0)
    assert stage.offered_to(talk) == "a1"
    stage.declines("a1", talk)
    stage.logs_in("a2")
    assert stage.offered_to(talk) == "a2"


@pytest.mark.rule("guarantee-G11", "D11")
def test_an_agent_who_is_gone_gives_everything_back_with_its_waiting_time(stage: Stage) -> None:
    stage.logs_in("a1")
    talk = stage.begin_conversation("ann", "a1")
    since = stage.state(talk).since
    waiting = stage.begin_conversation("bob")
    stage.loses("a1")
    assert stage.offered_to(waiting) == ""
    assert stage.state(talk).assignee == "a1"
    stage.pass_time(60.0)
    assert (stage.state(talk).status, stage.state(talk).since) == (Status.QUEUED, since)
    stage.logs_in("a2")
    assert stage.offered_to(talk) == stage.offered_to(waiting) == "a2"


@pytest.mark.rule("guarantee-G11")
def test_accepting_and_logging_out_in_one_breath_leaves_no_conversation_behind(stage: Stage) -> None:
    stage.logs_in("a1")
    talk = stage.begin_conversation("ann")
    agent, conversation = ("agent", "acme", "a1"), ("conversation", "acme", talk)
    commands = [
        (agent, SetPresence(stage.command_id(), "a1", "online")),
        (conversation, Accept(stage.command_id(), "a1", talk, stage.live_offer(talk))),
        (agent, Logout(stage.command_id(), "a1")),
    ]
    stage.turn(*((to, Told(command, "acme", "agent/a1", "peer")) for to, command in commands))
    assert [type(reply) for reply in stage.replies] == [Ack, Ack, Ack]
    assert (stage.state(talk).status, stage.state(talk).assignee) == (Status.QUEUED, "")


@pytest.mark.rule("guarantee-G10")
def test_room_in_one_queue_is_room_in_every_queue_that_the_agent_serves() -> None:
    sales = (
        '[departments.sales]\nname = "Sales"\n'
        '[channels.shop]\nkind = "web"\nname = "Shop"\ngateway = "web"\ndepartment = "sales"\n'
    )
    desk = desk_text(agents=1, capacity=1, extra=sales).replace('["help"]', '["help", "sales"]')
    stage = Stage(desk=desk)
    stage.logs_in("a1")
    helped = stage.begin_conversation("ann", "a1")
    message = CustomerMessage(stage.command_id(), "shop", "bob", Text("how much?"))
    (ack,) = stage.turn((("channel", "acme", "shop"), Told(message, "acme", "gateway/web", "peer")))
    assert stage.offered_to(ack.conversation) == ""
    stage.ends("a1", helped)
    assert stage.offered_to(ack.conversation) == "a1"


@pytest.mark.rule("guarantee-G4")
def test_folding_the_events_of_a_thread_gives_the_state_that_lives(stage: Stage) -> None:
    stage.logs_in("a1", "a2")
    talk = stage.begin_conversation("ann")
    stage.declines(stage.offered_to(talk), talk)
    stage.accepts(stage.offered_to(talk), talk)
    stage.writes("ann", "hello?")
    for _ in range(2):
        folded = Conversation()
        for entry in stage.entries():
            if entry.kind == "conversation" and entry.id == talk:
                apply(folded, entry.event, entry.sequence, entry.at)
        assert folded == stage.state(talk)
        stage.ends(stage.state(talk).assignee, talk)
