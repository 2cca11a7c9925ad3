"""Who may send what: one table of principal, command, relation and permission. What is not in it is refused.

The relation says what must hold between the sender and what the command names; a permission of the agent's
role stands in for it, or is needed besides. What needs a conversation's state is checked by the conversation
itself, on the turn's own facts, with ``actors/permissions.py``; all else at the door.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple

from config.routing import Permission
from protocol.channels import CustomerActed, DeliveryReport
from protocol.customers import (
    AgentHint,
    Block,
    CustomerHint,
    InviteVisitor,
    ReadAbuseList,
    ReadCustomer,
    SetDoNotDisturb,
    VisitorEntered,
    VisitorLeft,
    VisitorViewed,
)
from protocol.history import (
    FindCustomers,
    ReadHistory,
    ReadTicket,
    ReadTickets,
    ReadVisitors,
    SearchMessages,
)
from protocol.life import AddNote, CancelEnd, CustomerRating, Reopen, SetStatus, Tag
from protocol.media import FetchMedia, UploadChunk, UploadMedia
from protocol.messages import (
    Accept,
    AgentMessage,
    CustomerLeft,
    CustomerMessage,
    Decline,
    End,
    Goodbye,
    Hello,
    Login,
    LoginWithToken,
    Logout,
    Ping,
    ReadThread,
    Received,
    SetPresence,
    Subscribe,
)
from protocol.teamwork import (
    CancelInvitation,
    CancelTransfer,
    EndConference,
    EndSession,
    Explain,
    HandOver,
    Invite,
    Join,
    Leave,
    ReadColleagues,
    ReadPosition,
    ReadQueue,
    RefuseInvitation,
    SetOrder,
    StillHere,
    Take,
    TakeNext,
    Transfer,
    WhyIdle,
    WhyNot,
)


class Principal(StrEnum):
    """Kinds of peers; which one a peer is follows from its key."""

    GATEWAY = "gateway"
    CONSOLE = "console"


class Relation(StrEnum):
    """What must hold between the sender and what the command names."""

    ANYONE = "anyone"
    OWN_CHANNEL = "the channel belongs to the gateway"
    OWN_CONVERSATION = "the channel belongs to the gateway, and the conversation to the channel"
    OWN_STREAM = "the stream belongs to the gateway's channel or to an agent logged in here"
    AGENT_OF_TENANT = "the agent belongs to the console's tenant"
    OWN_SESSION = "logged in here"
    OWN_TENANT = "the medium is of the gateway's own tenant"
    ABOUT_ONESELF = "logged in here, and it is about the agent"
    OWN_QUEUE = "logged in here, and the department is the agent's own or below"
    CAN_TAKE = "logged in here, and the conversation waits where the agent may take by hand"
    OFFERED = "logged in here, and the conversation is offered to the agent"
    ASSIGNED = "logged in here, and the conversation is assigned to the agent"
    ASKED_BY = "logged in here, and the agent has asked for it or is the assignee"
    INVITED = "logged in here, and the agent is invited to the conversation"
    MEMBER = "logged in here, and the agent is a member of the conversation"
    ASSIGNED_OR_MEMBER = "logged in here, and the agent is the assignee or a member of the conversation"
    IN_VIEW = "logged in here, and the agent is the assignee (after the end: the last), a member, or asked"
    IN_CONVERSATION = "logged in here; from others than the assignee and the members nothing is passed on"
    OWN_CHANNEL_AGENT = "logged in here, and the channel's department is the agent's own or below"
    SEES_CUSTOMER = (
        "logged in here, and the channel's department is the agent's own or below, or the agent is in the "
        "customer's open conversation"
    )
    HAD_OR_SERVES = "logged in here, and the agent had the conversation last or serves its department"
    COLLEAGUE = "logged in here, and the other agent is a colleague or below"
    IN_REACH = (
        "logged in here; shows what the agent has served, with `see_colleagues` what is of the own "
        "departments and below, with `search` everything"
    )


class Rule(NamedTuple):
    """The relation, and the permission over the other agent that stands in for it (``instead``).

    Where ``instead`` is false both must hold.
    """

    relation: Relation
    permission: Permission | None = None
    instead: bool = True

    @property
    def condition(self) -> str:
        """The rule in words, as the specification has it."""
        if self.permission is None:
            return self.relation.value
        return f"{self.relation.value}{', or' if self.instead else '; needs'} `{self.permission}`"


_ANYONE = Rule(Relation.ANYONE)
_OWN_STREAM = Rule(Relation.OWN_STREAM)
_OWN_CHANNEL = Rule(Relation.OWN_CHANNEL)
_OWN_SESSION = Rule(Relation.OWN_SESSION)
_OWN_TENANT = Rule(Relation.OWN_TENANT)
_OFFERED = Rule(Relation.OFFERED)
_INVITED = Rule(Relation.INVITED)
_EVERYBODY: dict[type[Any], Rule] = {
    Hello: _ANYONE,
    Ping: _ANYONE,
    Goodbye: _ANYONE,
    Subscribe: _OWN_STREAM,
    Received: _OWN_STREAM,
}

ALLOWED: dict[Principal, dict[type[Any], Rule]] = {
    Principal.GATEWAY: {
        **_EVERYBODY,
        CustomerMessage: _OWN_CHANNEL,
        CustomerLeft: _OWN_CHANNEL,
        CustomerRating: _OWN_CHANNEL,
        CustomerActed: _OWN_CHANNEL,
        DeliveryReport: Rule(Relation.OWN_CONVERSATION),
        ReadPosition: _OWN_CHANNEL,
        VisitorEntered: _OWN_CHANNEL,
        VisitorViewed: _OWN_CHANNEL,
        VisitorLeft: _OWN_CHANNEL,
        CustomerHint: _OWN_CHANNEL,
        UploadMedia: _OWN_TENANT,
        UploadChunk: _OWN_TENANT,
        FetchMedia: _OWN_TENANT,
    },
    Principal.CONSOLE: {
        **_EVERYBODY,
        Login: Rule(Relation.AGENT_OF_TENANT),
        LoginWithToken: Rule(Relation.AGENT_OF_TENANT),
        # About the agent.
        Logout: _OWN_SESSION,
        StillHere: _OWN_SESSION,
        SetPresence: _OWN_SESSION,
        HandOver: _OWN_SESSION,
        UploadMedia: _OWN_SESSION,
        UploadChunk: _OWN_SESSION,
        FetchMedia: _OWN_SESSION,
        EndSession: Rule(Relation.COLLEAGUE, "end_sessions", instead=False),
        # About queues.
        TakeNext: Rule(Relation.CAN_TAKE),
        Take: Rule(Relation.CAN_TAKE),
        SetOrder: Rule(Relation.OWN_QUEUE, "set_order", instead=False),
        # About a conversation.
        Accept: _OFFERED,
        Decline: _OFFERED,
        AgentMessage: Rule(Relation.ASSIGNED_OR_MEMBER, "help"),
        End: Rule(Relation.ASSIGNED, "end_for_others"),
        CancelEnd: Rule(Relation.ASSIGNED, "end_for_others"),
        SetStatus: Rule(Relation.ASSIGNED, "end_for_others"),
        Reopen: Rule(Relation.HAD_OR_SERVES, "transfer_for_others"),
        AddNote: Rule(Relation.IN_VIEW, "help"),
        Tag: Rule(Relation.IN_VIEW, "help"),
        Transfer: Rule(Relation.ASSIGNED, "transfer_for_others"),
        CancelTransfer: Rule(Relation.ASKED_BY, "transfer_for_others"),
        Invite: Rule(Relation.ASSIGNED_OR_MEMBER),
        CancelInvitation: Rule(Relation.ASKED_BY),
        Join: _INVITED,
        RefuseInvitation: _INVITED,
        Leave: Rule(Relation.MEMBER),
        EndConference: Rule(Relation.ASSIGNED, "end_for_others"),
        AgentHint: Rule(Relation.IN_CONVERSATION),
        SetDoNotDisturb: Rule(Relation.ASSIGNED, "manage_customers"),
        Block: Rule(Relation.ASSIGNED, "manage_customers"),
        InviteVisitor: Rule(Relation.OWN_CHANNEL_AGENT),
        # Questions.
        ReadThread: Rule(Relation.IN_VIEW, "help"),
        ReadQueue: Rule(Relation.OWN_QUEUE),
        ReadColleagues: Rule(Relation.OWN_SESSION, "see_colleagues", instead=False),
        Explain: Rule(Relation.ASSIGNED, "explain"),
        WhyNot: Rule(Relation.ABOUT_ONESELF, "explain"),
        WhyIdle: Rule(Relation.ABOUT_ONESELF, "explain"),
        ReadCustomer: Rule(Relation.SEES_CUSTOMER),
        ReadHistory: Rule(Relation.IN_VIEW, "search"),
        ReadTickets: Rule(Relation.IN_REACH),
        ReadTicket: Rule(Relation.IN_REACH),
        SearchMessages: Rule(Relation.IN_REACH),
        FindCustomers: Rule(Relation.IN_REACH),
        ReadVisitors: Rule(Relation.IN_REACH),
        ReadAbuseList: Rule(Relation.OWN_SESSION, "manage_customers", instead=False),
    },
}
