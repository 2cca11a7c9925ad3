"""Who may send what, under which condition, and what answers it.

The daemon's own table of this is ``actors/authorization.py``, which this package may not import; a test holds
the two against each other.
"""

from __future__ import annotations

from typing import NamedTuple, get_args

from protocol.fields import Message
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
    SetPresence,
    Snapshot,
    Subscribe,
    Subscribed,
    Thread,
    Welcome,
)

Kind = type[Message]

ANYONE = "anyone"
OWN_CHANNEL = "the channel belongs to the gateway"
OWN_STREAM = "the stream belongs to the gateway's channel or to an agent logged in here"
AGENT_OF_TENANT = "the agent belongs to the console's tenant"
OWN_SESSION = "the agent is logged in on this connection"
OFFERED_OR_ASSIGNED = "logged in here, and the conversation is offered or assigned to the agent"
ASSIGNED = "logged in here, and the conversation is assigned to the agent"

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
    {**_EVERYBODY, CustomerMessage: OWN_CHANNEL, CustomerLeft: OWN_CHANNEL},
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
        SetPresence: OWN_SESSION,
        Accept: OFFERED_OR_ASSIGNED,
        Decline: OFFERED_OR_ASSIGNED,
        AgentMessage: ASSIGNED,
        End: ASSIGNED,
        ReadThread: OFFERED_OR_ASSIGNED,
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
    CustomerMessage: (Ack,),
    CustomerLeft: (Ack,),
    SetPresence: (Ack,),
    Accept: (Ack,),
    Decline: (Ack,),
    AgentMessage: (Ack,),
    End: (Ack,),
    ReadThread: (Thread,),
}

#: What the daemon sends unasked, to whom.
UNASKED: dict[str, tuple[Kind, ...]] = {
    "gateway": (Delivery, Gap, Goodbye),
    "console": (Snapshot, Delivery, Gap, Goodbye),
}

_ONLY_CONSOLE: tuple[Kind, ...] = (LoggedIn, Snapshot, Thread)


def senders(kind: Kind) -> list[Party]:
    """Return the parties that may send a message."""
    return [party for party in PARTIES if kind in party.may_send]


def receivers(kind: Kind) -> list[Party]:
    """Return the parties to which the daemon may send a message."""
    if kind not in get_args(FromDaemon):
        return []
    return [CONSOLE] if kind in _ONLY_CONSOLE else list(PARTIES)


def is_repeatable(kind: Kind) -> bool:
    """True when the daemon remembers the message's id: a repeat gets the first answer (G3)."""
    return kind is Logout or kind in (CustomerMessage, CustomerLeft, *get_args(AgentCommand))
