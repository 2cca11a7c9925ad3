"""The blocking client: every verb waits for its answer, every stream is an iterator. Threads may share it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Generic, Literal, Self, TypeVar, overload

from protocol.client.channels import Reports
from protocol.client.customers import Customers, Visitors
from protocol.client.driver import Driver, Item, OnEvent
from protocol.client.errors import ClientClosed
from protocol.client.history import HistoryReader
from protocol.client.inbox import Handed
from protocol.client.keys import KeyPair
from protocol.client.life import LifeVerbs
from protocol.client.media import ConsoleMedia, GatewayMedia
from protocol.client.outstanding import Command
from protocol.client.pending import Pending
from protocol.content import Content, Outgoing, as_content
from protocol.life import CustomerRating
from protocol.messages import (
    Accept,
    Ack,
    AgentMessage,
    CustomerLeft,
    CustomerMessage,
    Decline,
    Delivery,
    LoggedIn,
    Logout,
    ReadThread,
    SetPresence,
    Snapshot,
    Thread,
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
    Take,
    TakeNext,
    Transfer,
    WaitingList,
    WhyIdle,
    WhyNot,
)
from protocol.views import InvitationView, OfferView

#: How many commands may be without an answer; the next one waits.
IN_FLIGHT_MAX = 1_000
#: How many deliveries may be with the client that the user has not finished with.
WINDOW = 256

T = TypeVar("T", Delivery, Delivery | Snapshot)


class Deliveries(Generic[T]):
    """A stream of deliveries, for one thread; it ends when the client is closed or the agent logs out."""

    def __init__(self, driver: Driver, stream: str, automatic: bool) -> None:
        self._items: SimpleQueue[Item | Exception] = SimpleQueue()
        self._handed = Handed(driver, stream, automatic)
        self.ended = False

    def put(self, item: Item | Exception) -> None:
        """Take what comes in the driver's thread."""
        self.ended = self.ended or isinstance(item, Exception)
        self._items.put(item)

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        self._handed.move_on()
        item = self._items.get()
        if isinstance(item, Exception):
            self._items.put(item)
            if isinstance(item, ClientClosed):
                raise StopIteration
            raise item
        return self._handed.hand(item)  # type: ignore[return-value]

    def received(self, delivery: T) -> None:
        """This delivery and all before it are finished with; needed only when ``automatic`` is off."""
        if isinstance(delivery, Delivery):
            self._handed.received(delivery)


class Client:
    """What gateways and consoles have in common."""

    _role: str

    def __init__(
        self,
        address: str,
        *,
        name: str = "",
        keys: KeyPair | None = None,
        server_key: str | None = None,
        on_event: OnEvent | None = None,
        in_flight_max: int = IN_FLIGHT_MAX,
    ) -> None:
        self._driver = Driver(address, self._role, name, keys, server_key, on_event)
        self._room = threading.BoundedSemaphore(in_flight_max)
        self._streams: dict[str, Deliveries[Any]] = {}
        self._streams_lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self, timeout_s: float = 5.0) -> None:
        """Wait so long for the answers that are still to come, then say goodbye to the daemon."""
        self._driver.close(timeout_s)

    def _send(self, make: Callable[..., Command], command_id: bytes | None = None) -> Pending[Any]:
        if self._driver.in_own_thread:
            raise RuntimeError("on_event runs in the client's own thread: no command can be sent from there")
        self._room.acquire()
        try:
            pending = self._driver.command(make, command_id)
        except BaseException:
            self._room.release()
            raise
        pending.on_done(self._room.release)
        return pending

    def _subscribe(
        self,
        stream: str,
        after: int | None = None,
        journal: str = "",
        window: int = WINDOW,
        automatic: bool = True,
    ) -> Deliveries[Any]:
        with self._streams_lock:
            if stream in self._streams and not self._streams[stream].ended:
                return self._streams[stream]
            deliveries: Deliveries[Any] = Deliveries(self._driver, stream, automatic)
            self._driver.subscribe(stream, deliveries.put, after, journal, window).result()
            self._streams[stream] = deliveries
            return deliveries


class GatewayClient(Client, Visitors, Reports, GatewayMedia):
    """A channel gateway's connection to the daemon."""

    _role = "gateway"

    @overload
    def customer_message(
        self,
        channel: str,
        contact: str,
        text: str | Content,
        name: str = "",
        language: str = "",
        *,
        department: str = "",
        skills: Mapping[str, int] | None = None,
        priority: int = 0,
        question: str = "",
        email: str = "",
        authenticated: bool = False,
        wait: Literal[True] = True,
        command_id: bytes | None = None,
    ) -> Ack: ...

    @overload
    def customer_message(
        self,
        channel: str,
        contact: str,
        text: str | Content,
        name: str = "",
        language: str = "",
        *,
        department: str = "",
        skills: Mapping[str, int] | None = None,
        priority: int = 0,
        question: str = "",
        email: str = "",
        authenticated: bool = False,
        wait: Literal[False],
        command_id: bytes | None = None,
    ) -> Pending[Ack]: ...

    def customer_message(
        self,
        channel: str,
        contact: str,
        text: str | Content,
        name: str = "",
        language: str = "",
        *,
        department: str = "",
        skills: Mapping[str, int] | None = None,
        priority: int = 0,
        question: str = "",
        email: str = "",
        authenticated: bool = False,
        wait: bool = True,
        command_id: bytes | None = None,
    ) -> Ack | Pending[Ack]:
        """Hand over what a customer has written; return when it is stored.

        ``department``, ``skills`` (with the least level), ``priority``, ``question`` and ``email`` count when
        the message begins a conversation. A gateway whose channel may tell it the same message twice derives
        ``command_id`` from the channel's own id.
        """
        pending: Pending[Ack] = self._send(
            partial(
                CustomerMessage,
                channel=channel,
                contact=contact,
                content=as_content(text),
                name=name,
                language=language,
                department=department,
                skills=dict(skills or {}),
                priority=priority,
                question=question,
                email=email,
                authenticated=authenticated,
            ),
            command_id,
        )
        return pending.result() if wait else pending

    def customer_left(self, channel: str, contact: str, reason: str = "") -> Ack:
        """Tell that the customer has ended the conversation, or has gone."""
        ack: Ack = self._send(partial(CustomerLeft, channel=channel, contact=contact, reason=reason)).result()
        return ack

    def customer_rating(self, channel: str, contact: str, score: int, comment: str = "") -> Ack:
        """Tell how the customer rates the open conversation, or else the last one: 1 to 5, 5 is best."""
        rating = partial(CustomerRating, channel=channel, contact=contact, score=score, comment=comment)
        ack: Ack = self._send(rating).result()
        return ack

    def read_position(self, channel: str, contact: str) -> Position:
        """Read a customer's place in the queue, and an estimate of the wait."""
        position: Position = self._send(partial(ReadPosition, channel=channel, contact=contact)).result()
        return position

    def subscribe(
        self,
        channel: str,
        *,
        after: int | None = None,
        journal: str = "",
        window: int = WINDOW,
        automatic: bool = True,
    ) -> None:
        """Ask for a channel's deliveries; they wait in ``deliveries``.

        Without ``after`` they begin where the last ``received`` left off, which is right unless the gateway
        keeps the numbers itself (then ``journal`` is the one from ``welcome``).
        """
        self._subscribe(f"channel/{channel}", after, journal, window, automatic)

    def deliveries(self, channel: str) -> Deliveries[Delivery]:
        """Iterate over a channel's deliveries. One counts as received when the next is asked for."""
        return self._subscribe(f"channel/{channel}")


class ConsoleClient(Client, Customers, ConsoleMedia, HistoryReader, LifeVerbs[Ack]):
    """A console's connection to the daemon; it may carry the sessions of many agents."""

    _role = "console"

    def login(self, agent: str, password: str) -> LoggedIn:
        """Open an agent's session. The password is kept, to log in again should the token have expired."""
        return self._driver.login(agent, password, None).result()

    def login_with_token(self, agent: str, token: str) -> LoggedIn:
        """Open an agent's session with the token of an earlier login."""
        return self._driver.login(agent, None, token).result()

    def logout(self, agent: str) -> Ack:
        """Close an agent's session; its stream of events ends."""
        return self._ask(Logout, agent=agent)

    def set_presence(self, agent: str, presence: str) -> Ack:
        """Choose the presence: ``online``, ``busy``, ``away``, ``transfer_only`` or ``finishing``."""
        return self._ask(SetPresence, agent=agent, presence=presence)

    def accept(self, agent: str, offer: OfferView) -> Ack:
        """Take the conversation that was offered to the agent."""
        return self._ask(Accept, agent=agent, conversation=offer.conversation, offer=offer.offer)

    def decline(self, agent: str, offer: OfferView, reason: str = "") -> Ack:
        """Refuse the conversation that was offered to the agent."""
        return self._ask(
            Decline, agent=agent, conversation=offer.conversation, offer=offer.offer, reason=reason
        )

    def say(self, agent: str, conversation: str, text: str | Outgoing) -> Ack:
        """Write to the customer of a conversation: a text, or any content, canned reply or card."""
        return self._ask(AgentMessage, agent=agent, conversation=conversation, content=as_content(text))

    def read_thread(self, agent: str, conversation: str, after: int = 0, limit: int = 100) -> Thread:
        """Read a conversation's entries after a sequence."""
        make = partial(ReadThread, agent=agent, conversation=conversation, after=after, limit=limit)
        thread: Thread = self._send(make).result()
        return thread

    def still_here(self, agent: str) -> None:
        """Tell that something was clicked, so that the agent is not logged out for inactivity.

        Has no answer, and may be called on every click: it is sent every few seconds at most.
        """
        self._driver.still_here(agent)

    def hand_over(self, agent: str, presence: str, *, to_agent: str = "", to_department: str = "") -> Ack:
        """Go ``away`` or ``offline`` and give all own conversations away, in one transaction.

        To a colleague, to a department's queue, or, with neither, each to its own queue. The news
        ``handed_over`` has what became of each.
        """
        return self._ask(
            HandOver, agent=agent, presence=presence, to_agent=to_agent, to_department=to_department
        )

    def end_session(self, agent: str, of_agent: str, reason: str = "") -> Ack:
        """End all sessions of a colleague who has walked away; needs the permission ``end_sessions``."""
        return self._ask(EndSession, agent=agent, of_agent=of_agent, reason=reason)

    def take_next(self, agent: str, department: str = "") -> Ack:
        """Take the waiting conversation whose turn it is; the ack names it.

        Raises CommandRefused with UNAVAILABLE when nobody waits whom the agent could take.
        """
        return self._ask(TakeNext, agent=agent, department=department)

    def take(self, agent: str, conversation: str) -> Ack:
        """Take this waiting conversation. Raises CommandRefused with TAKEN when somebody was quicker."""
        return self._ask(Take, agent=agent, conversation=conversation)

    def read_queue(self, agent: str, department: str, limit: int = 100) -> WaitingList:
        """Read who waits in a department's queue, in its order."""
        make = partial(ReadQueue, agent=agent, department=department, limit=limit)
        waiting: WaitingList = self._send(make).result()
        return waiting

    def set_order(self, agent: str, department: str, order: str, until: str = "") -> Ack:
        """Change the order of a department's queue; an empty order is the desk's again.

        ``until`` = ``backlog``: until the turn of somebody who waits already. Needs the permission
        ``set_order``.
        """
        return self._ask(SetOrder, agent=agent, department=department, order=order, until=until)

    def transfer(
        self,
        agent: str,
        conversation: str,
        *,
        to_agent: str = "",
        to_department: str = "",
        note: str = "",
        reason: str = "",
    ) -> Ack:
        """Give a conversation to a colleague or to a department's queue.

        It stays the assignee's until somebody has accepted; the news ``transfer_ended`` tells the outcome.
        """
        return self._ask(
            Transfer,
            agent=agent,
            conversation=conversation,
            to_agent=to_agent,
            to_department=to_department,
            note=note,
            reason=reason,
        )

    def cancel_transfer(self, agent: str, conversation: str) -> Ack:
        """Take back a transfer that nobody has accepted yet."""
        return self._ask(CancelTransfer, agent=agent, conversation=conversation)

    def invite(self, agent: str, conversation: str, invited: str, note: str = "") -> Ack:
        """Ask a colleague to join a conversation; the news ``invitation_ended`` has the answer."""
        return self._ask(Invite, agent=agent, conversation=conversation, invited=invited, note=note)

    def cancel_invitation(self, agent: str, conversation: str, invited: str) -> Ack:
        """Take an invitation back."""
        return self._ask(CancelInvitation, agent=agent, conversation=conversation, invited=invited)

    def join(self, agent: str, invitation: InvitationView) -> Ack:
        """Accept an invitation: the agent is a member of the conversation from now on."""
        return self._ask(
            Join, agent=agent, conversation=invitation.conversation, invitation=invitation.invitation
        )

    def refuse_invitation(self, agent: str, invitation: InvitationView, reason: str = "") -> Ack:
        """Refuse an invitation."""
        return self._ask(
            RefuseInvitation,
            agent=agent,
            conversation=invitation.conversation,
            invitation=invitation.invitation,
            reason=reason,
        )

    def leave(self, agent: str, conversation: str) -> Ack:
        """Leave a conversation that the agent has joined."""
        return self._ask(Leave, agent=agent, conversation=conversation)

    def end_conference(self, agent: str, conversation: str, reason: str = "") -> Ack:
        """Let all members and invitations go; the assignee stays."""
        return self._ask(EndConference, agent=agent, conversation=conversation, reason=reason)

    def read_colleagues(self, agent: str) -> Colleagues:
        """Read the agents of one's own departments and those below, with state and load."""
        colleagues: Colleagues = self._send(partial(ReadColleagues, agent=agent)).result()
        return colleagues

    def explain(self, agent: str, conversation: str) -> Explanation:
        """Read why a conversation was offered and assigned as it was."""
        explanation: Explanation = self._send(
            partial(Explain, agent=agent, conversation=conversation)
        ).result()
        return explanation

    def why_not(self, agent: str, conversation: str, of_agent: str = "") -> Reasons:
        """Read why a waiting conversation does not come to an agent; without ``of_agent``, to oneself."""
        make = partial(WhyNot, agent=agent, conversation=conversation, of_agent=of_agent or agent)
        reasons: Reasons = self._send(make).result()
        return reasons

    def why_idle(self, agent: str, of_agent: str = "") -> Reasons:
        """Read why an agent gets nothing; without ``of_agent``, oneself."""
        reasons: Reasons = self._send(partial(WhyIdle, agent=agent, of_agent=of_agent or agent)).result()
        return reasons

    def events(self, agent: str, *, window: int = WINDOW) -> Deliveries[Delivery | Snapshot]:
        """Iterate over what happens to an agent: first a snapshot, then deliveries.

        Another snapshot may come later, after a gap or a changed history; it replaces all that was known.
        """
        return self._subscribe(f"agent/{agent}", window=window)

    def _ask(self, kind: Callable[..., Command], **fields: Any) -> Ack:
        ack: Ack = self._send(partial(kind, **fields)).result()
        return ack
