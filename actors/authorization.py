"""Who may send what: one table of principal, command and relation. What is not in it is not allowed.

The relation says what must hold between the sender and what the command names; the two that need a
conversation's state are checked by the conversation itself, on the turn's own facts.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

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


class Principal(StrEnum):
    """Kinds of peers; which one a peer is follows from its key."""

    GATEWAY = "gateway"
    CONSOLE = "console"


class Relation(StrEnum):
    """What must hold between the sender and what the command names."""

    ANYONE = "anyone"
    OWN_CHANNEL = "the channel belongs to the gateway"
    OWN_STREAM = "the stream belongs to the gateway's channel or to an agent logged in here"
    AGENT_OF_TENANT = "the agent belongs to the console's tenant"
    OWN_SESSION = "the agent is logged in on this connection"
    OFFERED_OR_ASSIGNED = "logged in here, and the conversation is offered or assigned to the agent"
    ASSIGNED = "logged in here, and the conversation is assigned to the agent"


ALLOWED: dict[Principal, dict[type[Any], Relation]] = {
    Principal.GATEWAY: {
        Hello: Relation.ANYONE,
        Ping: Relation.ANYONE,
        Goodbye: Relation.ANYONE,
        Subscribe: Relation.OWN_STREAM,
        Received: Relation.OWN_STREAM,
        CustomerMessage: Relation.OWN_CHANNEL,
        CustomerLeft: Relation.OWN_CHANNEL,
    },
    Principal.CONSOLE: {
        Hello: Relation.ANYONE,
        Ping: Relation.ANYONE,
        Goodbye: Relation.ANYONE,
        Login: Relation.AGENT_OF_TENANT,
        LoginWithToken: Relation.AGENT_OF_TENANT,
        Logout: Relation.OWN_SESSION,
        Subscribe: Relation.OWN_STREAM,
        Received: Relation.OWN_STREAM,
        SetPresence: Relation.OWN_SESSION,
        Accept: Relation.OFFERED_OR_ASSIGNED,
        Decline: Relation.OFFERED_OR_ASSIGNED,
        AgentMessage: Relation.ASSIGNED,
        End: Relation.ASSIGNED,
        ReadThread: Relation.OFFERED_OR_ASSIGNED,
    },
}
