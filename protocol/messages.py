"""Every message of the wire, as typed structures.

A message travels as a msgpack map with its name under ``type``; a frame is one message or an array of them.
Unknown fields are ignored: a newer peer may add some. ``docs/protocol.md`` is written from these docstrings.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct, field

from protocol import channels, customers, history, life, media, teamwork
from protocol.content import Content, Outgoing
from protocol.fields import CommandId, Contact, Message, Name, Number, Reason, Stream
from protocol.news import (
    AgentSaid,
    Assigned,
    ConversationEnded,
    ConversationStarted,
    CustomerSaid,
    OfferEnded,
    OfferMade,
    PresenceChanged,
    Unassigned,
)
from protocol.views import ConversationView, InvitationView, OfferView

#: The version spoken here: a peer with the same major number is understood.
VERSION = "1.0"

# From both sides.


class Goodbye(Message, frozen=True, tag="goodbye"):
    """The sender ends the connection; ``code`` is one of the error catalogue, or ``bye``."""

    code: Name = "bye"
    message: Reason = ""


# From the client, about the connection.


class Hello(Message, frozen=True, tag="hello"):
    """The first message of a connection; on a plain listener ``name`` says who is there, with CURVE the key.

    ``client`` names the process and ``attempt`` counts its connections: late, after a newer one, it is void.
    """

    version: Name
    role: Name
    software: Name = "unnamed"
    name: Annotated[str, Meta(max_length=128)] = ""
    client: Annotated[bytes, Meta(max_length=16)] = b""
    attempt: Number = 0


class Ping(Message, frozen=True, tag="ping"):
    """Sent by a client that has sent, or heard, nothing for ``heartbeat_s``."""

    number: Number = 0


class Login(Message, frozen=True, tag="login"):
    """Open an agent's session on this connection with the agent's password."""

    id: CommandId
    agent: Name
    password: Annotated[str, Meta(max_length=1024)]


class LoginWithToken(Message, frozen=True, tag="login_with_token"):
    """Open an agent's session again, after a reconnect, with the token of an earlier login."""

    id: CommandId
    agent: Name
    token: Annotated[str, Meta(max_length=2048)]


class Logout(Message, frozen=True, tag="logout"):
    """Close the agent's session on this connection (A5)."""

    id: CommandId
    agent: Name


class Subscribe(Message, frozen=True, tag="subscribe"):
    """Ask for everything in ``stream`` after number ``after``.

    Without ``after`` the stream begins with a snapshot (agents), or where the last ``received`` left off
    (channels). A later ``subscribe`` of the same stream replaces this one.
    """

    id: CommandId
    stream: Stream
    after: Number | None = None
    journal: Annotated[str, Meta(max_length=64)] = ""
    window: Annotated[int, Meta(ge=1, le=65_536)] = 256


class Received(Message, frozen=True, tag="received"):
    """Everything in ``stream`` up to ``number`` is safe with the client; the daemon may send as many more."""

    stream: Stream
    number: Number


# From a gateway.


class CustomerMessage(Message, frozen=True, tag="customer_message"):
    """A customer has written in a channel of this gateway.

    ``department``, ``skills`` (with the least level) and ``priority`` count when the message begins a
    conversation, and go before the channel's own (a pre-chat form, say); a department that is not in the
    desk is passed over, for a customer is never lost for it. So do ``question`` and ``email`` (H11, J14).
    ``authenticated``: the gateway knows who it is; a web visitor who is not known is a live chat (F7).
    """

    id: CommandId
    channel: Name
    contact: Contact
    content: Content
    name: Annotated[str, Meta(max_length=256)] = ""
    language: Annotated[str, Meta(max_length=35)] = ""
    department: Annotated[str, Meta(max_length=128)] = ""
    skills: Annotated[dict[str, int], Meta(max_length=16)] = field(default_factory=dict)
    priority: Annotated[int, Meta(ge=0, le=9)] = 0
    question: Annotated[str, Meta(max_length=500)] = ""
    email: Annotated[str, Meta(max_length=320)] = ""
    authenticated: bool = False


class CustomerLeft(Message, frozen=True, tag="customer_left"):
    """The customer has ended the conversation, or has gone (F11): nothing more reaches either side.

    The agent may still have to wrap up; the customer's next message begins a new conversation.
    """

    id: CommandId
    channel: Name
    contact: Contact
    reason: Reason = ""


# From an agent; ``agent`` selects among the sessions that are open on the connection.


class SetPresence(Message, frozen=True, tag="set_presence"):
    """Choose the agent's presence (A1): ``online``, ``busy``, ``away``, or ``offline``, but logged in (A6).

    ``transfer_only`` takes what colleagues give and nothing new; ``finishing`` takes nothing any more.
    """

    id: CommandId
    agent: Name
    presence: Name


class Accept(Message, frozen=True, tag="accept"):
    """Take the conversation that was offered (E1)."""

    id: CommandId
    agent: Name
    conversation: Name
    offer: Name


class Decline(Message, frozen=True, tag="decline"):
    """Refuse the conversation that was offered."""

    id: CommandId
    agent: Name
    conversation: Name
    offer: Name
    reason: Reason = ""


class AgentMessage(Message, frozen=True, tag="agent_message"):
    """Write to the customer of a conversation that is assigned to this agent.

    A ``canned_reply`` or a ``card`` of the desk is sent as what it makes.
    """

    id: CommandId
    agent: Name
    conversation: Name
    content: Outgoing


class End(Message, frozen=True, tag="end"):
    """End a conversation that is assigned to this agent (F8), with a wrap-up reason (F12), or later (F10).

    What that means is the style's: it has ended, or it is solved and closes after a while (F2-F4).
    """

    id: CommandId
    agent: Name
    conversation: Name
    reason: Reason = ""
    after_s: Annotated[float, Meta(ge=0, le=86_400)] = 0
    notes: Annotated[str, Meta(max_length=10_000)] = ""


class ReadThread(Message, frozen=True, tag="read_thread"):
    """Ask for the thread of a conversation offered or assigned to this agent.

    The answer covers the sequences ``after + 1`` to ``after + limit``; the next page has ``after + limit``.
    """

    id: CommandId
    agent: Name
    conversation: Name
    after: Number = 0
    limit: Annotated[int, Meta(ge=1, le=500)] = 100


# From the daemon, about the connection.


class Welcome(Message, frozen=True, tag="welcome"):
    """The connection is open. ``journal`` names the history to which all numbers of this daemon belong.

    A client that sends more than ``frames_per_second``, or ``frame_burst`` at once, is refused with BUSY.
    """

    version: Name
    server: Name
    journal: Name
    heartbeat_s: float
    lease_s: float
    window: int
    frame_bytes: int
    frames_per_second: float = 200.0
    frame_burst: int = 400


class Pong(Message, frozen=True, tag="pong"):
    """The answer to ``ping``; it has passed through the daemon's reactor."""

    number: Number = 0


class Ack(Message, frozen=True, tag="ack"):
    """``id`` is in the journal and flushed (G1): at ``position``, and in ``conversation`` at ``sequence``.

    ``duplicate``: the same command had been accepted before; these are its first position and sequence (G3).
    """

    id: CommandId
    position: Number
    conversation: Annotated[str, Meta(max_length=128)] = ""
    sequence: Number = 0
    duplicate: bool = False


class Refused(Message, frozen=True, tag="refused"):
    """The command ``id`` was not carried out.

    ``code`` is one of the catalogue; if it is definite, nothing was stored. With ``WINDOW_CLOSED``
    ``window_rule`` names the rule, ``window_closes_at`` says when the reply window closes or has closed, and
    ``sends_left`` how many messages are left in it.
    """

    code: Name
    message: Annotated[str, Meta(max_length=1024)] = ""
    id: Annotated[bytes, Meta(max_length=16)] = b""
    retry_after_s: float = 0.0
    window_rule: Annotated[str, Meta(max_length=160)] = ""
    window_closes_at: float = 0.0
    sends_left: Number | None = None


class LoggedIn(Message, frozen=True, tag="logged_in"):
    """The agent's session is open on this connection. Each login brings a new token."""

    id: CommandId
    agent: Name
    token: str
    expires_at: float


class Subscribed(Message, frozen=True, tag="subscribed"):
    """Deliveries of ``stream`` follow, the first of them after number ``after``."""

    id: CommandId
    stream: Stream
    after: Number


class SessionEnded(Message, frozen=True, tag="session_ended"):
    """An agent's session on this connection is over, with its stream (B4); the connection goes on.

    Inactive, handed over, logged out by a supervisor, or the desk has changed. Only the password logs in.
    """

    agent: Name
    reason: Reason = ""


class Gap(Message, frozen=True, tag="gap"):
    """Deliveries before ``first_available`` that have not come will not come: they are no longer kept (G5).

    In an agent's stream a snapshot follows.
    """

    id: CommandId
    stream: Stream
    first_available: Number


class Snapshot(Message, frozen=True, tag="snapshot"):
    """The state of an agent as of ``number`` in the agent's stream; deliveries go on after it."""

    stream: Stream
    number: Number
    presence: Name
    offers: list[OfferView]
    conversations: list[ConversationView]
    invitations: list[InvitationView] = field(default_factory=list)


# What a delivery can say: protocol/news.py.

News = (
    CustomerSaid
    | AgentSaid
    | OfferMade
    | OfferEnded
    | Assigned
    | Unassigned
    | ConversationStarted
    | ConversationEnded
    | PresenceChanged
    | teamwork.LogoutWarning
    | teamwork.HandedOver
    | teamwork.TransferStarted
    | teamwork.TransferEnded
    | teamwork.InvitationMade
    | teamwork.InvitationEnded
    | teamwork.Joined
    | teamwork.Left
    | teamwork.FirstReplyMissed
    | teamwork.OrderChanged
    | teamwork.AutomaticReply
    | life.StatusChanged
    | life.EndScheduled
    | life.EndCancelled
    | life.Reopened
    | life.Interrupted
    | life.Noted
    | life.Tagged
    | life.Renamed
    | life.Rated
    | life.DoNotDisturbChanged
    | channels.WindowChanged
    | channels.DeliveryChanged
)


class Delivery(Message, frozen=True, tag="delivery"):
    """Number ``number`` of ``stream``: what happened at ``sequence`` of ``conversation``.

    For a channel, stream and number together are the delivery id: they stay the same however often it is sent
    (G6).
    """

    stream: Stream
    number: Number
    at: float
    news: News
    conversation: str = ""
    sequence: Number = 0
    contact: str = ""


class ThreadEntry(Struct, frozen=True, omit_defaults=True):
    """One entry of a conversation's thread."""

    sequence: int
    at: float
    news: News


class Thread(Message, frozen=True, tag="thread"):
    """The answer to ``read_thread``; sequences are missing where there is nothing to tell a reader.

    The page has everything up to sequence ``covered``: go on after it, until it is ``last``.
    """

    id: CommandId
    conversation: Name
    entries: list[ThreadEntry]
    last: Number
    covered: Number


VisitorCommand = customers.VisitorEntered | customers.VisitorViewed | customers.VisitorLeft
GatewayCommand = (
    CustomerMessage
    | CustomerLeft
    | life.CustomerRating
    | channels.CustomerActed
    | channels.DeliveryReport
    | VisitorCommand
)
#: Commands of agents about themselves.
PersonalCommand = SetPresence | teamwork.HandOver | teamwork.EndSession
#: Commands of agents that the dispatcher sees first, for it knows who has room.
DispatcherCommand = (
    teamwork.TakeNext
    | teamwork.Take
    | teamwork.SetOrder
    | teamwork.Transfer
    | teamwork.Invite
    | customers.InviteVisitor
)
#: Commands of agents to a conversation.
ConversationCommand = (
    Accept
    | Decline
    | AgentMessage
    | End
    | teamwork.CancelTransfer
    | teamwork.CancelInvitation
    | teamwork.Join
    | teamwork.RefuseInvitation
    | teamwork.Leave
    | teamwork.EndConference
    | life.SetStatus
    | life.CancelEnd
    | life.Reopen
    | life.AddNote
    | life.Tag
)
#: Commands of agents about the customer of a conversation.
CustomerCommand = customers.SetDoNotDisturb | customers.Block
AgentCommand = PersonalCommand | DispatcherCommand | ConversationCommand | CustomerCommand
#: Questions, which change nothing and are not journaled.
Question = (
    ReadThread
    | teamwork.ReadQueue
    | teamwork.ReadColleagues
    | teamwork.Explain
    | teamwork.WhyNot
    | teamwork.WhyIdle
    | teamwork.ReadPosition
    | customers.ReadCustomer
    | history.ReadHistory
    | history.ReadTickets
    | history.ReadTicket
    | history.SearchMessages
    | history.FindCustomers
    | history.ReadVisitors
    | customers.ReadAbuseList
)
Answer = (
    Thread
    | teamwork.WaitingList
    | teamwork.Colleagues
    | teamwork.Explanation
    | teamwork.Reasons
    | teamwork.Position
    | customers.CustomerView
    | history.History
    | history.Tickets
    | history.Ticket
    | history.FoundMessages
    | history.FoundCustomers
    | history.Visitors
    | customers.AbuseList
)
#: Requests about media, which change nothing in the journal either.
MediaRequest = media.UploadMedia | media.UploadChunk | media.FetchMedia
MediaAnswer = media.UploadState | media.MediaStored | media.MediaChunk
ConnectionMessage = (
    Hello | Ping | Login | LoginWithToken | Logout | Subscribe | Received | Goodbye | teamwork.StillHere
)
#: What is passed on at once, and neither answered nor kept.
Hint = customers.CustomerHint | customers.AgentHint
#: Everything a client may send.
FromClient = ConnectionMessage | GatewayCommand | AgentCommand | Question | MediaRequest | Hint
#: Everything the daemon may send.
FromDaemon = (
    Welcome
    | Pong
    | Ack
    | Refused
    | LoggedIn
    | SessionEnded
    | Subscribed
    | Gap
    | Snapshot
    | Delivery
    | customers.Hinted
    | Answer
    | MediaAnswer
    | Goodbye
)
