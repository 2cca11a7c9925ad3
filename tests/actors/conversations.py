"""Conversations and what they can be told, for the tests of their tables."""

from __future__ import annotations

from typing import Any

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
from actors.conversation.state import IN_HAND, Conversation, Facts, Status
from actors.events.base import Why
from actors.telling import Told
from config.desk import parse_desk
from protocol import teamwork
from protocol.channels import CustomerActed, DeliveryReport
from protocol.content import Text
from protocol.customers import InviteVisitor
from protocol.life import AddNote, CancelEnd, CustomerRating, Reopen, SetStatus, Tag
from protocol.messages import Accept, AgentMessage, CustomerLeft, CustomerMessage, Decline, End
from protocol.teamwork import (
    CancelInvitation,
    CancelTransfer,
    EndConference,
    Join,
    Leave,
    RefuseInvitation,
)
from tests.stage import desk_text

NOW = 1000.0
ID = bytes(16)
#: ``a1`` and ``a2`` serve the same department, ``boss`` the one above it, ``far`` another.
DESK = desk_text(
    departments={"help": 'parent = "all"', "all": "", "sales": ""},
    people={"boss": 'departments = ["all"]\nrole = "supervisor"', "far": 'departments = ["sales"]'},
)
#: Everybody is logged in, nobody keeps what is lost, and there are no media.
FACTS = Facts(NOW, parse_desk(DESK, "desk.toml"), lambda _: True, lambda _: False, lambda _: None)


def told(message: Any) -> Told:
    return Told(message, "acme", f"agent/{getattr(message, 'agent', '')}", "peer")


def asked(agent: str = "a1", to_agent: str = "", to_department: str = "sales", **more: Any) -> TransferAsked:
    message = teamwork.Transfer(ID, agent, "c1", to_agent, to_department, **more)
    return TransferAsked(told(message), None, "o2", NOW + 60)


WRITES = CustomerMessage(ID, "web", "ann", Text("hello"))
COMMANDS: dict[type[Any], Any] = {
    Begin: Begin(told(WRITES), "a2"),
    CustomerMessage: WRITES,
    CustomerLeft: CustomerLeft(ID, "web", "ann"),
    CustomerActed: CustomerActed(ID, "web", "ann", "follow"),
    DeliveryReport: DeliveryReport(ID, "web", "c1", 1, "sent"),
    AgentMessage: AgentMessage(ID, "a1", "c1", Text("hello")),
    Accept: Accept(ID, "a1", "c1", "o1"),
    Decline: Decline(ID, "a1", "c1", "o1"),
    End: End(ID, "a1", "c1"),
    CancelTransfer: CancelTransfer(ID, "a1", "c1"),
    CancelInvitation: CancelInvitation(ID, "a1", "c1", "a2"),
    Join: Join(ID, "a1", "c1", "i1"),
    RefuseInvitation: RefuseInvitation(ID, "a1", "c1", "i1"),
    Leave: Leave(ID, "a1", "c1"),
    EndConference: EndConference(ID, "a1", "c1"),
    MakeOffer: MakeOffer("o2", "a2", NOW + 30, Why()),
    AssignDirectly: AssignDirectly("a2", Why()),
    Claim: Claim(told(teamwork.Take(ID, "a2", "c1")), "a2", Why()),
    TransferAsked: asked(),
    InviteAsked: InviteAsked(told(teamwork.Invite(ID, "a1", "c1", "a2")), None, "i2", NOW + 60),
    WithdrawOffer: WithdrawOffer("a1", "gone"),
    Release: Release("a1", "gone"),
    Reassign: Reassign("a1", "a2", "", "away"),
    MoveTo: MoveTo("sales", "queue_full"),
    TurnAway: TurnAway("queue_full", "Please write again later."),
    Greet: Greet("online", "Hello!"),
    OwnerGone: OwnerGone("a1", "gone"),
    OwnerBack: OwnerBack("a1"),
    SetStatus: SetStatus(ID, "a1", "c1", "pending"),
    CancelEnd: CancelEnd(ID, "a1", "c1"),
    Reopen: Reopen(ID, "a1", "c1"),
    Reopening: Reopening(told(Reopen(ID, "a1", "c1"))),
    AddNote: AddNote(ID, "a1", "c1", "He is a regular."),
    Tag: Tag(ID, "a1", "c1", ["roses"]),
    CustomerRating: CustomerRating(ID, "web", "ann", 5),
    BeginProactively: BeginProactively(
        told(InviteVisitor(ID, "a1", "web", "ann", Text("Need help?"))), "c1", "a2", Known()
    ),
    Mute: Mute("a1"),
    Shut: Shut("a1"),
    Unmute: Unmute("a1"),
    ChannelGone: ChannelGone(),
    VisitChanged: VisitChanged("disconnect"),
    Expire: Expire(),
}


def conversation(status: Status, sequence: int, **fields: Any) -> Conversation:
    return Conversation(status, sequence, "web", "ann", department="help", since=900.0, **fields)


def outcome_of(outcome: Any) -> Any:
    return outcome.code if isinstance(outcome, Refusal) else [type(event).__name__ for event in outcome]


def assert_whole(state: Conversation) -> None:
    """What holds in every state: one place, one offer, no duties where there is nobody to have them (I6)."""
    in_hand = state.status in IN_HAND
    assert (in_hand or state.status in (Status.SOLVED, Status.WRAP_UP)) == bool(state.assignee)
    assert state.status is not Status.OFFERED or state.offer is not None
    if state.transfer is not None:
        assert in_hand, "a transfer without an owner"
        assert not state.transfer.to_agent or state.offer is not None, "nobody is asked any more"
    elif state.offer is not None:
        assert state.status is Status.OFFERED, "an offer that nobody knows of"
    if state.offer is not None:
        assert state.offer.agent != state.assignee
    if not in_hand:
        assert not state.members
        assert not state.invitations
        assert state.first_reply_by is None
        assert state.ending is None
    assert (state.closes_at is not None) <= (state.status in (Status.SOLVED, Status.WRAP_UP))
    assert state.status is not Status.SOLVED or state.closes_at is not None
    assert state.status is Status.MUTED or not state.muted_from
    assert state.assignee not in state.members
    assert not set(state.members) & set(state.invitations)
    assert len(set(state.members)) == len(state.members)
