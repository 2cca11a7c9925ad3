"""A stage for plays without sockets: the production runtime on a virtual clock and a store of the test's
choice.

Somebody sends, the turn is run and committed, and what would have gone out is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from actors.agent.actor import AgentActor
from actors.agent.machine import LastSessionLost, SessionOpened, SignOfLife
from actors.channel.actor import ChannelActor
from actors.clock import VirtualClock
from actors.conversation.actor import ConversationActor
from actors.conversation.state import Conversation
from actors.conversation.view import deliveries
from actors.customer.actor import CustomerActor
from actors.dispatcher.actor import ApplyDesk, DispatcherActor
from actors.journal import Entry, Store, read_record
from actors.lease import Lease
from actors.masking import masking_of
from actors.queries import conversation
from actors.runtime import System
from actors.telling import Told
from config.desk import desk_digest
from daemon.stores.memory import MemoryStore
from protocol.channels import DeliveryReport
from protocol.content import Text
from protocol.customers import InviteVisitor
from protocol.life import AddNote, CancelEnd, CustomerRating, Reopen, SetStatus, Tag
from protocol.messages import (
    Accept,
    Ack,
    AgentMessage,
    CustomerLeft,
    CustomerMessage,
    Decline,
    Delivery,
    End,
    Logout,
    SetPresence,
    VisitorCommand,
)
from protocol.teamwork import (
    CancelInvitation,
    CancelTransfer,
    EndConference,
    EndSession,
    HandOver,
    InvitationMade,
    Invite,
    Join,
    Leave,
    RefuseInvitation,
    SetOrder,
    Take,
    TakeNext,
    Transfer,
)

KINDS = {
    kind.kind: kind for kind in (AgentActor, ChannelActor, ConversationActor, CustomerActor, DispatcherActor)
}

HASH = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$K3Wmnb3bOXvdUxyXTEVNBBVyIKZmwYVbqRMDVRmzqhs"


#: Who carries a command out, where it is not the conversation that it names.
TO_DISPATCHER = (Take, TakeNext, SetOrder, Transfer, Invite, InviteVisitor)
TO_CUSTOMER = get_args(VisitorCommand)
TO_AGENT = (SetPresence, Logout, HandOver, EndSession)


def desk_text(
    agents: int = 2,
    capacity: int = 4,
    extra: str = "",
    *,
    departments: Mapping[str, str] | None = None,
    people: Mapping[str, str] | None = None,
    channels: Mapping[str, str] | None = None,
    policies: str = "",
) -> str:
    """Return a desk with the department ``help``, a web channel and agents ``a1``, ``a2`` … who serve it.

    ``departments``, ``people`` and ``channels`` have more lines of TOML for those, by id; other departments,
    agents and channels are added. A line given there stands instead of the usual one.
    """
    tables = []
    for ident, lines in {"help": "", **(departments or {})}.items():
        usual = {"name": f'"{ident.title()}"', "offer_timeout_s": "30", "decline_pause_s": "20"}
        tables.append(_table(f"departments.{ident}", usual, lines))
    ids = [f"a{number}" for number in range(1, agents + 1)]
    for ident, lines in (dict.fromkeys(ids, "") | dict(people or {})).items():
        name = f'"Agent {ident.removeprefix("a")}"'
        usual = {"name": name, "password": f'"{HASH}"', "departments": '["help"]', "capacity": str(capacity)}
        tables.append(_table(f"agents.{ident}", usual, lines))
    for ident, lines in {"web": "", **(channels or {})}.items():
        usual = {"kind": '"web"', "name": f'"{ident.title()}"', "gateway": '"web"', "department": '"help"'}
        tables.append(_table(f"channels.{ident}", usual, lines))
    tables.append("[gateways.web]\n[consoles.desk]")
    if policies:
        tables.append(f"[policies]\n{policies}")
    return "\n".join(['tenant = "acme"', *tables, extra])


def _table(header: str, usual: Mapping[str, str], lines: str) -> str:
    given = {line.partition("=")[0].strip() for line in lines.splitlines()}
    kept = [f"{key} = {value}" for key, value in usual.items() if key not in given]
    return "\n".join([f"[{header}]", *kept, lines])


class Failures:
    """Keeps what failed."""

    def __init__(self) -> None:
        self.seen: list[tuple[Any, object, BaseException]] = []

    def actor_failed(self, address: Any, message: object, error: BaseException) -> None:
        self.seen.append((address, message, error))


class Stage:
    """One tenant, ``acme``; every verb is one turn."""

    def __init__(self, store: Store | None = None, desk: str | None = None) -> None:
        self.store: Any = store if store is not None else MemoryStore()
        self.clock = VirtualClock()
        self.failures = Failures()
        self.replies: list[Any] = []
        self.mail: dict[str, list[Delivery]] = {}
        self._ids = iter(range(1, 1 << 30))
        self._commands = iter(range(1, 1 << 30))
        self._sent: dict[str, int] = {}
        self.start()
        if self.system.head == 0:
            text = desk if desk is not None else desk_text()
            self.turn((("dispatcher", "acme", ""), ApplyDesk(text, desk_digest(text), "file", [])))

    def start(self) -> None:
        """Start the system from its store, as after a crash."""
        self.system = System(self.store, KINDS, self.failures, lambda: f"id-{next(self._ids):06d}")
        self.replayed = self.system.recover(self.store.open(), self.clock.now())
        self.turn()

    def turn(self, *told: tuple[Any, Any], park_idle_s: float | None = None) -> list[Any]:
        """Run one turn with these messages; return the replies that went out after the flush.

        With ``park_idle_s`` park what was idle for so long, at the point of the turn where the reactor does.
        """
        system = self.system
        system.begin(self.clock.now())
        for address, message in told:
            system.tell(address, message)
        if park_idle_s is not None:
            system.run()
            system.park_idle(self.clock.now() - park_idle_s)
            system.run()
        system.fire_timers()
        system.run()
        batch = system.seal()
        if batch is not None:
            self.store.commit(batch)
        replies, mailboxes = system.release(batch)
        for mailbox in dict.fromkeys(mailboxes):
            self._deliver(mailbox)
        self.replies = [message for _, message in replies]
        return self.replies

    def _deliver(self, mailbox: Any) -> None:
        sent = self._sent.get(mailbox.stream, 0)
        entries = self.system.deliveries(mailbox, sent, 1 << 30)
        to_agent = mailbox.stream.startswith("agent/")
        masking = masking_of(self.system.desks["acme"].policies) if to_agent else None
        self.mail.setdefault(mailbox.stream, []).extend(
            deliveries(mailbox.stream, sent + 1, entries, masking)
        )
        self._sent[mailbox.stream] = sent + len(entries)

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and what is due happen."""
        self.clock.advance(seconds)
        self.turn()

    def parks(self) -> None:
        """Let everybody leave memory who may."""
        self.clock.advance(1.0)
        self.turn(park_idle_s=0.0)

    def in_memory(self, conversation: str) -> bool:
        """Say whether a conversation is in memory."""
        return ("conversation", "acme", conversation) in self.system.actors

    def restart(self) -> None:
        """Lose all memory and come back from the store."""
        self.start()

    def command_id(self) -> bytes:
        """Return a new command id; they grow."""
        return next(self._commands).to_bytes(16, "big")

    def tell(self, address: Any, message: Any, sender: str) -> Any:
        """Send one command in a turn of its own and return its answer."""
        answers = self.turn((address, Told(message, "acme", sender, "peer")))
        return answers[0] if answers else None

    def command(self, agent: str, message: Any) -> tuple[Any, Told]:
        """Return an agent's command with the address to which the hub sends it: for several in one turn."""
        if isinstance(message, TO_DISPATCHER):
            address = ("dispatcher", "acme", "")
        elif isinstance(message, EndSession):
            address = ("agent", "acme", message.of_agent)
        elif isinstance(message, TO_AGENT):
            address = ("agent", "acme", agent)
        else:
            address = ("conversation", "acme", message.conversation)
        return address, Told(message, "acme", f"agent/{agent}", "peer")

    def says_to_desk(self, agent: str, message: Any) -> Any:
        """Send an agent's command in a turn of its own and return its answer.

        What the hub does beside it, to note a sign of life and to end dead sessions, is not played here.
        """
        address, told = self.command(agent, message)
        return self.tell(address, told.message, told.sender)

    # What people do.

    def from_gateway(self, message: Any) -> tuple[Any, Told]:
        """Return a gateway's message with the address to which the hub sends it: for several in one turn."""
        told = Told(message, "acme", "gateway/web", "peer")
        if isinstance(message, DeliveryReport):
            return ("conversation", "acme", message.conversation), told
        if isinstance(message, TO_CUSTOMER):
            return ("customer", "acme", f"{message.channel}/{message.contact}"), told
        return ("channel", "acme", message.channel), told

    def writes(self, contact: str, text: str = "hello", ident: bytes = b"", channel: str = "web") -> Any:
        """A customer writes."""
        address, told = self.from_gateway(
            CustomerMessage(ident or self.command_id(), channel, contact, Text(text))
        )
        return self.tell(address, told.message, told.sender)

    def leaves(self, contact: str, channel: str = "web") -> Any:
        """A customer leaves."""
        address, told = self.from_gateway(CustomerLeft(self.command_id(), channel, contact))
        return self.tell(address, told.message, told.sender)

    def logs_in(self, *agents: str) -> None:
        """Agents open their first session."""
        self.turn(*((("agent", "acme", agent), SessionOpened()) for agent in agents))

    def losing(self, agent: str) -> tuple[Any, Any]:
        """Return the loss of an agent's last connection, to be told in a turn with others."""
        return ("agent", "acme", agent), LastSessionLost("test", self.lease(agent).epoch)

    def loses(self, agent: str) -> None:
        """An agent's last connection is lost."""
        self.turn(self.losing(agent))

    def chooses(self, agent: str, presence: str) -> Any:
        """An agent chooses a presence."""
        return self.says_to_desk(agent, SetPresence(self.command_id(), agent, presence))

    def accepts(self, agent: str, conversation: str, offer: str | None = None, ident: bytes = b"") -> Any:
        """An agent accepts the live offer of a conversation."""
        offer = offer or self.live_offer(conversation)
        return self.says_to_desk(agent, Accept(ident or self.command_id(), agent, conversation, offer))

    def declines(self, agent: str, conversation: str) -> Any:
        """An agent declines the live offer of a conversation."""
        message = Decline(self.command_id(), agent, conversation, self.live_offer(conversation))
        return self.says_to_desk(agent, message)

    def says(self, agent: str, conversation: str, text: str, ident: bytes = b"") -> Any:
        """An agent writes to the customer."""
        return self.says_to_desk(
            agent, AgentMessage(ident or self.command_id(), agent, conversation, Text(text))
        )

    def ends(
        self, agent: str, conversation: str, reason: str = "", after_s: float = 0, notes: str = ""
    ) -> Any:
        """An agent ends a conversation, now or later (F10)."""
        message = End(self.command_id(), agent, conversation, reason, after_s, notes)
        return self.says_to_desk(agent, message)

    def cancels_end(self, agent: str, conversation: str) -> Any:
        """An agent takes an end back that was to come later (F10)."""
        return self.says_to_desk(agent, CancelEnd(self.command_id(), agent, conversation))

    def sets_status(self, agent: str, conversation: str, status: Any) -> Any:
        """An agent says what a conversation waits for (F1)."""
        return self.says_to_desk(agent, SetStatus(self.command_id(), agent, conversation, status))

    def reopens(self, agent: str, conversation: str) -> Any:
        """An agent opens a conversation again (F14)."""
        return self.says_to_desk(agent, Reopen(self.command_id(), agent, conversation))

    def notes(self, agent: str, conversation: str, text: str) -> Any:
        """An agent writes something down for the others."""
        return self.says_to_desk(agent, AddNote(self.command_id(), agent, conversation, text))

    def tags(self, agent: str, conversation: str, add: Any = (), remove: Any = ()) -> Any:
        """An agent puts tags on a conversation, or takes them off."""
        return self.says_to_desk(agent, Tag(self.command_id(), agent, conversation, [*add], [*remove]))

    def rates(self, contact: str, score: int, comment: str = "", channel: str = "web") -> Any:
        """A customer says how it was (O5)."""
        rating = CustomerRating(self.command_id(), channel, contact, score, comment)
        address, told = self.from_gateway(rating)
        return self.tell(address, told.message, told.sender)

    def takes(self, agent: str, conversation: str, ident: bytes = b"") -> Any:
        """An agent takes a waiting conversation by hand (D4)."""
        return self.says_to_desk(agent, Take(ident or self.command_id(), agent, conversation))

    def takes_next(self, agent: str, department: str = "", ident: bytes = b"") -> Any:
        """An agent takes the next of those who wait (D3)."""
        return self.says_to_desk(agent, TakeNext(ident or self.command_id(), agent, department))

    def sets_order(self, agent: str, department: str, order: Any, until: Any = "") -> Any:
        """An agent changes the order of a queue (D2)."""
        return self.says_to_desk(agent, SetOrder(self.command_id(), agent, department, order, until))

    def transfers(
        self, agent: str, conversation: str, to_agent: str = "", to_department: str = "", note: str = ""
    ) -> Any:
        """An agent transfers a conversation to a colleague or to a department's queue (G1-G8)."""
        message = Transfer(self.command_id(), agent, conversation, to_agent, to_department, note)
        return self.says_to_desk(agent, message)

    def cancels(self, agent: str, conversation: str, invited: str = "") -> Any:
        """An agent takes a transfer back or, with ``invited``, an invitation."""
        if invited:
            message: Any = CancelInvitation(self.command_id(), agent, conversation, invited)
        else:
            message = CancelTransfer(self.command_id(), agent, conversation)
        return self.says_to_desk(agent, message)

    def invites(self, agent: str, conversation: str, invited: str, note: str = "") -> Any:
        """An agent asks a colleague to join (G9)."""
        return self.says_to_desk(agent, Invite(self.command_id(), agent, conversation, invited, note))

    def joins(self, agent: str, conversation: str) -> Any:
        """An agent accepts the newest invitation to a conversation."""
        invitation = self.invitation(agent, conversation)
        return self.says_to_desk(agent, Join(self.command_id(), agent, conversation, invitation))

    def refuses(self, agent: str, conversation: str, reason: str = "") -> Any:
        """An agent refuses the newest invitation to a conversation."""
        invitation = self.invitation(agent, conversation)
        message = RefuseInvitation(self.command_id(), agent, conversation, invitation, reason)
        return self.says_to_desk(agent, message)

    def goes_out(self, agent: str, conversation: str) -> Any:
        """A member leaves a conversation."""
        return self.says_to_desk(agent, Leave(self.command_id(), agent, conversation))

    def ends_conference(self, agent: str, conversation: str, reason: str = "") -> Any:
        """All members and invitations are let go (G10)."""
        return self.says_to_desk(agent, EndConference(self.command_id(), agent, conversation, reason))

    def hands_over(
        self, agent: str, presence: Any = "away", to_agent: str = "", to_department: str = ""
    ) -> Any:
        """An agent goes, and hands all conversations over (A4)."""
        message = HandOver(self.command_id(), agent, presence, to_agent, to_department)
        return self.says_to_desk(agent, message)

    def ends_session(self, agent: str, of_agent: str, reason: str = "") -> Any:
        """A supervisor ends all sessions of another agent (PEERS c7)."""
        return self.says_to_desk(agent, EndSession(self.command_id(), agent, of_agent, reason))

    def still_here(self, agent: str) -> None:
        """Something was clicked in the agent's console (B3)."""
        self.turn((("agent", "acme", agent), SignOfLife()))

    def logs_out(self, agent: str) -> Any:
        """An agent logs out."""
        return self.says_to_desk(agent, Logout(self.command_id(), agent))

    def applies(self, text: str) -> None:
        """A desk is brought into force while running."""
        self.turn((("dispatcher", "acme", ""), ApplyDesk(text, desk_digest(text), "apply", [])))

    # What can be seen.

    def lease(self, agent: str) -> Lease:
        """Return an agent's lease."""
        return self.system.leases["agent", "acme", agent]

    @property
    def dispatcher(self) -> DispatcherActor:
        """The tenant's dispatcher."""
        actor = self.system.actors["dispatcher", "acme", ""]
        assert isinstance(actor, DispatcherActor)
        return actor

    def invitation(self, agent: str, conversation: str) -> str:
        """Return the id of the newest invitation of an agent to a conversation."""
        made = [
            delivered.news.invitation.invitation
            for delivered in self.mail.get(f"agent/{agent}", [])
            if isinstance(delivered.news, InvitationMade) and delivered.conversation == conversation
        ]
        return made[-1] if made else "none"

    def events_of(self, conversation: str) -> list[str]:
        """Return the kinds of events of a conversation, in order."""
        return [type(entry.event).__name__ for entry in self.entries() if entry.id == conversation]

    def state(self, ident: str) -> Conversation:
        """Return the state of a conversation."""
        found = conversation(self.system, "acme", ident)
        assert found is not None, f"there is no conversation {ident}"
        return found

    def live_offer(self, ident: str) -> str:
        """Return the id of the conversation's live offer."""
        offer = self.state(ident).offer
        return offer.offer if offer else "none"

    def offered_to(self, ident: str) -> str:
        """Return to whom the conversation is offered."""
        offer = self.state(ident).offer
        return offer.agent if offer else ""

    def news_of(self, stream: str) -> list[str]:
        """Return the kinds of news that a consumer got, in order."""
        return [type(delivered.news).__name__ for delivered in self.mail.get(stream, [])]

    def entries(self) -> Iterator[Entry]:
        """Return all events in the journal."""
        for record in self.store.records(0):
            yield from read_record(record)

    def begin_conversation(self, contact: str, agent: str = "") -> str:
        """Have a customer write and, with ``agent``, have that agent accept; return the conversation's id."""
        ack = self.writes(contact, "hello")
        assert isinstance(ack, Ack)
        if agent:
            assert self.offered_to(ack.conversation) == agent
            accepted = self.accepts(agent, ack.conversation)
            assert isinstance(accepted, Ack)
        return ack.conversation
