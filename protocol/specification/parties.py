"""Who may send what, under which condition, and what answers it.

The daemon's own table of this is ``actors/authorization.py``, which this package may not import; a test holds
the two against each other.
"""

from __future__ import annotations

from typing import NamedTuple, get_args

from protocol.channels import CustomerActed, DeliveryReport
from protocol.customers import (
    AbuseList,
    AgentHint,
    Block,
    CustomerHint,
    CustomerView,
    Hinted,
    InviteVisitor,
    ReadAbuseList,
    ReadCustomer,
    SetDoNotDisturb,
    VisitorEntered,
    VisitorLeft,
    VisitorViewed,
)
from protocol.fields import Message
from protocol.history import (
    FindCustomers,
    FoundCustomers,
    FoundMessages,
    History,
    ReadHistory,
    ReadTicket,
    ReadTickets,
    ReadVisitors,
    SearchMessages,
    Ticket,
    Tickets,
    Visitors,
)
from protocol.life import AddNote, CancelEnd, CustomerRating, Reopen, SetStatus, Tag
from protocol.media import FetchMedia, MediaChunk, MediaStored, UploadChunk, UploadMedia, UploadState
from protocol.messages import (
    Accept,
    Ack,
    AgentCommand,
    AgentMessage,
    CustomerLeft,
    CustomerMessage,
    Decline,
    Delivery,
    End,
    FromDaemon,
    Gap,
    GatewayCommand,
    Goodbye,
    Hello,
    LoggedIn,
    Login,
    LoginWithToken,
    Logout,
    Ping,
    Pong,
    ReadThread,
    Received,
    SessionEnded,
    SetPresence,
    Snapshot,
    Subscribe,
    Subscribed,
    Thread,
    Welcome,
)
from protocol.teamwork import (
    CancelInvitation,
    CancelTransfer,
    Colleagues,
    EndConference,
    EndSession,
    Explain,
    Explanation,
    HandOver,
    Invite,
    Join,
    Leave,
    Position,
    ReadColleagues,
    ReadPosition,
    ReadQueue,
    Reasons,
    RefuseInvitation,
    SetOrder,
    StillHere,
    Take,
    TakeNext,
    Transfer,
    WaitingList,
    WhyIdle,
    WhyNot,
)

Kind = type[Message]

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


def _or(condition: str, permission: str) -> str:
    """The agent's role may stand in for the condition."""
    return f"{condition}, or `{permission}`"


def _and(condition: str, permission: str) -> str:
    """The condition holds, and the agent's role allows it too."""
    return f"{condition}; needs `{permission}`"


_EVERYBODY: dict[Kind, str] = {
    Hello: ANYONE,
    Ping: ANYONE,
    Goodbye: ANYONE,
    Subscribe: OWN_STREAM,
    Received: OWN_STREAM,
}


class Party(NamedTuple):
    """One kind of client, its socket, and what it may send under which condition."""

    role: str
    socket: str
    address: str
    what: str
    may_send: dict[Kind, str]


GATEWAY = Party(
    "gateway",
    "gateways",
    "127.0.0.1:5570",
    "Channel gateways: they carry what customers write, and bring the answers back.",
    {
        **_EVERYBODY,
        CustomerMessage: OWN_CHANNEL,
        CustomerLeft: OWN_CHANNEL,
        CustomerRating: OWN_CHANNEL,
        CustomerActed: OWN_CHANNEL,
        DeliveryReport: OWN_CONVERSATION,
        ReadPosition: OWN_CHANNEL,
        VisitorEntered: OWN_CHANNEL,
        VisitorViewed: OWN_CHANNEL,
        VisitorLeft: OWN_CHANNEL,
        CustomerHint: OWN_CHANNEL,
        UploadMedia: OWN_TENANT,
        UploadChunk: OWN_TENANT,
        FetchMedia: OWN_TENANT,
    },
)
CONSOLE = Party(
    "console",
    "consoles",
    "127.0.0.1:5571",
    "Agent consoles, and the servers of web consoles: one connection may carry many agents.",
    {
        **_EVERYBODY,
        Login: AGENT_OF_TENANT,
        LoginWithToken: AGENT_OF_TENANT,
        Logout: OWN_SESSION,
        StillHere: OWN_SESSION,
        SetPresence: OWN_SESSION,
        HandOver: OWN_SESSION,
        UploadMedia: OWN_SESSION,
        UploadChunk: OWN_SESSION,
        FetchMedia: OWN_SESSION,
        EndSession: _and(COLLEAGUE, "end_sessions"),
        TakeNext: CAN_TAKE,
        Take: CAN_TAKE,
        SetOrder: _and(OWN_QUEUE, "set_order"),
        Accept: OFFERED,
        Decline: OFFERED,
        AgentMessage: _or(ASSIGNED_OR_MEMBER, "help"),
        End: _or(ASSIGNED, "end_for_others"),
        CancelEnd: _or(ASSIGNED, "end_for_others"),
        SetStatus: _or(ASSIGNED, "end_for_others"),
        Reopen: _or(HAD_OR_SERVES, "transfer_for_others"),
        AddNote: _or(IN_VIEW, "help"),
        Tag: _or(IN_VIEW, "help"),
        Transfer: _or(ASSIGNED, "transfer_for_others"),
        CancelTransfer: _or(ASKED_BY, "transfer_for_others"),
        Invite: ASSIGNED_OR_MEMBER,
        CancelInvitation: ASKED_BY,
        Join: INVITED,
        RefuseInvitation: INVITED,
        Leave: MEMBER,
        EndConference: _or(ASSIGNED, "end_for_others"),
        AgentHint: IN_CONVERSATION,
        SetDoNotDisturb: _or(ASSIGNED, "manage_customers"),
        Block: _or(ASSIGNED, "manage_customers"),
        InviteVisitor: OWN_CHANNEL_AGENT,
        ReadThread: _or(IN_VIEW, "help"),
        ReadQueue: OWN_QUEUE,
        ReadColleagues: _and(OWN_SESSION, "see_colleagues"),
        Explain: _or(ASSIGNED, "explain"),
        WhyNot: _or(ABOUT_ONESELF, "explain"),
        WhyIdle: _or(ABOUT_ONESELF, "explain"),
        ReadCustomer: SEES_CUSTOMER,
        ReadHistory: _or(IN_VIEW, "search"),
        ReadTickets: IN_REACH,
        ReadTicket: IN_REACH,
        SearchMessages: IN_REACH,
        FindCustomers: IN_REACH,
        ReadVisitors: IN_REACH,
        ReadAbuseList: _and(OWN_SESSION, "manage_customers"),
    },
)
PARTIES = (GATEWAY, CONSOLE)

#: What answers a message when it is carried out; a missing one has no answer. ``refused`` may stand in for
#: any of these but ``welcome`` (there it is ``goodbye``).
ANSWERS: dict[Kind, tuple[Kind, ...]] = {
    Hello: (Welcome, Goodbye),
    Ping: (Pong,),
    Login: (LoggedIn,),
    LoginWithToken: (LoggedIn,),
    Subscribe: (Subscribed,),
    Logout: (Ack,),
    **dict.fromkeys((*get_args(GatewayCommand), *get_args(AgentCommand)), (Ack,)),
    ReadThread: (Thread,),
    ReadQueue: (WaitingList,),
    ReadColleagues: (Colleagues,),
    Explain: (Explanation,),
    WhyNot: (Reasons,),
    WhyIdle: (Reasons,),
    ReadPosition: (Position,),
    UploadMedia: (UploadState, MediaStored),
    UploadChunk: (UploadState, MediaStored),
    FetchMedia: (MediaChunk,),
    ReadCustomer: (CustomerView,),
    ReadHistory: (History,),
    ReadTickets: (Tickets,),
    ReadTicket: (Ticket,),
    SearchMessages: (FoundMessages,),
    FindCustomers: (FoundCustomers,),
    ReadVisitors: (Visitors,),
    ReadAbuseList: (AbuseList,),
}

#: What the daemon sends unasked, to whom.
UNASKED: dict[str, tuple[Kind, ...]] = {
    "gateway": (Delivery, Hinted, Gap, Goodbye),
    "console": (Snapshot, Delivery, Hinted, Gap, SessionEnded, Goodbye),
}

_ONLY: dict[Kind, Party] = {
    **dict.fromkeys((LoggedIn, SessionEnded, Snapshot), CONSOLE),
    **dict.fromkeys((Thread, WaitingList, Colleagues, Explanation, Reasons), CONSOLE),
    CustomerView: CONSOLE,
    **dict.fromkeys((History, Tickets, Ticket, FoundMessages, FoundCustomers, Visitors), CONSOLE),
    AbuseList: CONSOLE,
    Position: GATEWAY,
}


def senders(kind: Kind) -> list[Party]:
    """Return the parties that may send a message."""
    return [party for party in PARTIES if kind in party.may_send]


def receivers(kind: Kind) -> list[Party]:
    """Return the parties to which the daemon may send a message."""
    if kind not in get_args(FromDaemon):
        return []
    return [_ONLY[kind]] if kind in _ONLY else list(PARTIES)


def is_repeatable(kind: Kind) -> bool:
    """True when the daemon remembers the message's id: a repeat gets the first answer (G3)."""
    return kind is Logout or kind in (*get_args(GatewayCommand), *get_args(AgentCommand))
