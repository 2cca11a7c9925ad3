"""A stage for plays without sockets: the production runtime on a virtual clock and a store of the test's
choice.

Somebody sends, the turn is run and committed, and what would have gone out is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from actors.agent.actor import AgentActor
from actors.agent.machine import LastSessionLost, SessionOpened
from actors.channel.actor import ChannelActor
from actors.clock import VirtualClock
from actors.conversation.actor import ConversationActor
from actors.conversation.machine import Conversation
from actors.conversation.view import delivery
from actors.dispatcher.actor import ApplyDesk, DispatcherActor
from actors.journal import Entry, Store, read_record
from actors.queries import conversation
from actors.runtime import System
from actors.telling import Told
from config.desk import desk_digest
from daemon.stores.memory import MemoryStore
from protocol.messages import (
    Accept,
    Ack,
    AgentMessage,
    CustomerLeft,
    CustomerMessage,
    Decline,
    Delivery,
    End,
    SetPresence,
    Text,
)

KINDS = {kind.kind: kind for kind in (AgentActor, ChannelActor, ConversationActor, DispatcherActor)}

HASH = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$K3Wmnb3bOXvdUxyXTEVNBBVyIKZmwYVbqRMDVRmzqhs"


def desk_text(agents: int = 2, capacity: int = 4, extra: str = "") -> str:
    """Return a desk with one department, a web channel and agents ``a1``, ``a2`` …"""
    people = "\n".join(
        f'[agents.a{number}]\nname = "Agent {number}"\npassword = "{HASH}"\ndepartments = ["help"]\n'
        f"capacity = {capacity}"
        for number in range(1, agents + 1)
    )
    return (
        'tenant = "acme"\n[departments.help]\nname = "Help"\noffer_timeout_s = 30\ndecline_pause_s = 20\n'
        f"{people}\n[gateways.web]\n[consoles.desk]\n"
        '[channels.web]\nkind = "web"\nname = "Web"\ngateway = "web"\ndepartment = "help"\n'
        f"{extra}"
    )


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
            system.tell_from_outside(address, message)
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
        for entry in self.system.deliveries(mailbox, sent, 1 << 30):
            sent += 1
            self.mail.setdefault(mailbox.stream, []).append(delivery(mailbox.stream, sent, entry))
        self._sent[mailbox.stream] = sent

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and what is due happen."""
        self.clock.advance(seconds)
        self.turn()

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

    # What people do.

    def writes(self, contact: str, text: str, ident: bytes = b"") -> Any:
        """A customer writes."""
        message = CustomerMessage(ident or self.command_id(), "web", contact, Text(text))
        return self.tell(("channel", "acme", "web"), message, "gateway/web")

    def leaves(self, contact: str) -> Any:
        """A customer leaves."""
        message = CustomerLeft(self.command_id(), "web", contact)
        return self.tell(("channel", "acme", "web"), message, "gateway/web")

    def logs_in(self, *agents: str) -> None:
        """Agents open their first session."""
        self.turn(*((("agent", "acme", agent), SessionOpened()) for agent in agents))

    def loses(self, agent: str) -> None:
        """An agent's last connection is lost."""
        self.turn((("agent", "acme", agent), LastSessionLost("test")))

    def chooses(self, agent: str, presence: str) -> Any:
        """An agent chooses a presence."""
        return self.tell(
            ("agent", "acme", agent), SetPresence(self.command_id(), agent, presence), f"agent/{agent}"
        )

    def accepts(self, agent: str, conversation: str, offer: str | None = None, ident: bytes = b"") -> Any:
        """An agent accepts the live offer of a conversation."""
        offer = offer or self.live_offer(conversation)
        message = Accept(ident or self.command_id(), agent, conversation, offer)
        return self.tell(("conversation", "acme", conversation), message, f"agent/{agent}")

    def declines(self, agent: str, conversation: str) -> Any:
        """An agent declines the live offer of a conversation."""
        message = Decline(self.command_id(), agent, conversation, self.live_offer(conversation))
        return self.tell(("conversation", "acme", conversation), message, f"agent/{agent}")

    def says(self, agent: str, conversation: str, text: str, ident: bytes = b"") -> Any:
        """An agent writes to the customer."""
        message = AgentMessage(ident or self.command_id(), agent, conversation, Text(text))
        return self.tell(("conversation", "acme", conversation), message, f"agent/{agent}")

    def ends(self, agent: str, conversation: str, reason: str = "") -> Any:
        """An agent ends a conversation."""
        message = End(self.command_id(), agent, conversation, reason)
        return self.tell(("conversation", "acme", conversation), message, f"agent/{agent}")

    # What can be seen.

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
