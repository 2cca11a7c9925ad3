"""The asyncio client: the blocking client's verbs as coroutines, its streams as async iterators.

The same driver thread does the work; what it has to tell enters the event loop by ``call_soon_threadsafe``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from functools import partial
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from protocol.client.channels import AsyncReports
from protocol.client.customers import AsyncCustomers, AsyncVisitors
from protocol.client.driver import Driver, Item, OnEvent
from protocol.client.errors import ClientClosed
from protocol.client.events import Notice
from protocol.client.history import AsyncHistoryReader
from protocol.client.inbox import Handed
from protocol.client.keys import KeyPair
from protocol.client.life import LifeVerbs
from protocol.client.media import AsyncConsoleMedia, AsyncGatewayMedia
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
A = TypeVar("A")


class _Loop:
    """The event loop, as the driver's thread may use it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    def call(self, what: Callable[..., object], *args: object) -> None:
        """Have something called in the loop; a loop that is closed has nobody left to tell."""
        try:
            self._loop.call_soon_threadsafe(what, *args)
        except RuntimeError:
            if not self._loop.is_closed():
                raise


class AsyncDeliveries(Generic[T]):
    """A stream of deliveries, for one task; it ends when the client is closed or the agent logs out."""

    def __init__(self, driver: Driver, stream: str, automatic: bool, loop: _Loop) -> None:
        self._items: asyncio.Queue[Item | Exception] = asyncio.Queue()
        self._handed = Handed(driver, stream, automatic)
        self._loop = loop
        self.ended = False
        self.opening: Callable[[], Any] | None = None

    def put(self, item: Item | Exception) -> None:
        """Take what comes in the driver's thread."""
        self.ended = self.ended or isinstance(item, Exception)
        self._loop.call(self._items.put_nowait, item)

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        if self.opening is not None:
            await self.opening()
        self._handed.move_on()
        item = await self._items.get()
        if isinstance(item, Exception):
            self._items.put_nowait(item)
            if isinstance(item, ClientClosed):
                raise StopAsyncIteration
            raise item
        return self._handed.hand(item)  # type: ignore[return-value]

    def received(self, delivery: T) -> None:
        """This delivery and all before it are finished with; needed only when ``automatic`` is off."""
        if isinstance(delivery, Delivery):
            self._handed.received(delivery)


class AsyncClient:
    """What gateways and consoles have in common. Made in a running event loop, and used there only."""

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
        self._loop = _Loop(asyncio.get_running_loop())
        self._on_event = on_event
        tell = self._tell if on_event is not None else None
        self._driver = Driver(address, self._role, name, keys, server_key, tell)
        self._room = asyncio.BoundedSemaphore(in_flight_max)
        self._streams: dict[str, AsyncDeliveries[Any]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self, timeout_s: float = 5.0) -> None:
        """Wait so long for the answers that are still to come, then say goodbye to the daemon."""
        await asyncio.to_thread(self._driver.close, timeout_s)

    def _tell(self, event: Notice) -> None:
        assert self._on_event is not None
        self._loop.call(self._on_event, event)

    async def _send(self, make: Callable[..., Command], command_id: bytes | None = None) -> Any:
        await self._room.acquire()
        try:
            pending = self._driver.command(make, command_id)
        except BaseException:
            self._room.release()
            raise
        # Room is free when the answer is there, which may be after a cancelled caller has gone.
        pending.on_done(lambda: self._loop.call(self._room.release))
        return await self._wait(pending)

    async def _wait(self, pending: Pending[A]) -> A:
        return await asyncio.wrap_future(pending.future)

    def _stream(
        self,
        stream: str,
        after: int | None = None,
        journal: str = "",
        window: int = WINDOW,
        automatic: bool = True,
    ) -> AsyncDeliveries[Any]:
        if stream in self._streams and not self._streams[stream].ended:
            return self._streams[stream]
        deliveries: AsyncDeliveries[Any] = AsyncDeliveries(self._driver, stream, automatic, self._loop)
        self._streams[stream] = deliveries
        asked: Pending[Any] | None = None

        async def opening() -> None:
            nonlocal asked
            if asked is None:
                asked = self._driver.subscribe(stream, deliveries.put, after, journal, window)
            try:
                await self._wait(asked)
            except Exception:
                deliveries.ended = True
                raise
            deliveries.opening = None

        deliveries.opening = opening
        return deliveries


class AsyncGatewayClient(AsyncClient, AsyncVisitors, AsyncReports, AsyncGatewayMedia):
    """A channel gateway's connection to the daemon."""

    _role = "gateway"

    async def customer_message(
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
        command_id: bytes | None = None,
    ) -> Ack:
        """Hand over what a customer has written; return when it is stored.

        ``department``, ``skills`` (with the least level), ``priority``, ``question`` and ``email`` count when
        the message begins a conversation. A gateway whose channel may tell it the same message twice derives
        ``command_id`` from the channel's own id.
        """
        make = partial(
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
        )
        ack: Ack = await self._send(make, command_id)
        return ack

    async def customer_left(self, channel: str, contact: str, reason: str = "") -> Ack:
        """Tell that the customer has ended the conversation, or has gone."""
        ack: Ack = await self._send(partial(CustomerLeft, channel=channel, contact=contact, reason=reason))
        return ack

    async def customer_rating(self, channel: str, contact: str, score: int, comment: str = "") -> Ack:
        """Tell how the customer rates the open conversation, or else the last one: 1 to 5, 5 is best."""
        rating = partial(CustomerRating, channel=channel, contact=contact, score=score, comment=comment)
        ack: Ack = await self._send(rating)
        return ack

    async def read_position(self, channel: str, contact: str) -> Position:
        """Read a customer's place in the queue, and an estimate of the wait."""
        position: Position = await self._send(partial(ReadPosition, channel=channel, contact=contact))
        return position

    async def subscribe(
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
        deliveries = self._stream(f"channel/{channel}", after, journal, window, automatic)
        if deliveries.opening is not None:
            await deliveries.opening()

    def deliveries(self, channel: str) -> AsyncDeliveries[Delivery]:
        """Iterate over a channel's deliveries. One counts as received when the next is asked for."""
        return self._stream(f"channel/{channel}")


class AsyncConsoleClient(
    AsyncClient, AsyncCustomers, AsyncConsoleMedia, AsyncHistoryReader, LifeVerbs[Coroutine[Any, Any, Ack]]
):
    """A console's connection to the daemon; it may carry the sessions of many agents."""

    _role = "console"

    async def login(self, agent: str, password: str) -> LoggedIn:
        """Open an agent's session. The password is kept, to log in again should the token have expired."""
        return await self._wait(self._driver.login(agent, password, None))

    async def login_with_token(self, agent: str, token: str) -> LoggedIn:
        """Open an agent's session with the token of an earlier login."""
        return await self._wait(self._driver.login(agent, None, token))

    async def logout(self, agent: str) -> Ack:
        """Close an agent's session; its stream of events ends."""
        return await self._ask(Logout, agent=agent)

    async def set_presence(self, agent: str, presence: str) -> Ack:
        """Choose the presence: ``online``, ``busy``, ``away``, ``transfer_only`` or ``finishing``."""
        return await self._ask(SetPresence, agent=agent, presence=presence)

    async def accept(self, agent: str, offer: OfferView) -> Ack:
        """Take the conversation that was offered to the agent."""
        return await self._ask(Accept, agent=agent, conversation=offer.conversation, offer=offer.offer)

    async def decline(self, agent: str, offer: OfferView, reason: str = "") -> Ack:
        """Refuse the conversation that was offered to the agent."""
        return await self._ask(
            Decline, agent=agent, conversation=offer.conversation, offer=offer.offer, reason=reason
        )

    async def say(self, agent: str, conversation: str, text: str | Outgoing) -> Ack:
        """Write to the customer of a conversation: a text, or any content, canned reply or card."""
        return await self._ask(AgentMessage, agent=agent, conversation=conversation, content=as_content(text))

    async def read_thread(self, agent: str, conversation: str, after: int = 0, limit: int = 100) -> Thread:
        """Read a conversation's entries after a sequence."""
        make = partial(ReadThread, agent=agent, conversation=conversation, after=after, limit=limit)
        thread: Thread = await self._send(make)
        return thread

    def still_here(self, agent: str) -> None:
        """Tell that something was clicked, so that the agent is not logged out for inactivity.

        Has no answer, and may be called on every click: it is sent every few seconds at most.
        """
        self._driver.still_here(agent)

    async def hand_over(
        self, agent: str, presence: str, *, to_agent: str = "", to_department: str = ""
    ) -> Ack:
        """Go ``away`` or ``offline`` and give all own conversations away, in one transaction.

        To a colleague, to a department's queue, or, with neither, each to its own queue. The news
        ``handed_over`` has what became of each.
        """
        return await self._ask(
            HandOver, agent=agent, presence=presence, to_agent=to_agent, to_department=to_department
        )

    async def end_session(self, agent: str, of_agent: str, reason: str = "") -> Ack:
        """End all sessions of a colleague who has walked away; needs the permission ``end_sessions``."""
        return await self._ask(EndSession, agent=agent, of_agent=of_agent, reason=reason)

    async def take_next(self, agent: str, department: str = "") -> Ack:
        """Take the waiting conversation whose turn it is; the ack names it.

        Raises CommandRefused with UNAVAILABLE when nobody waits whom the agent could take.
        """
        return await self._ask(TakeNext, agent=agent, department=department)

    async def take(self, agent: str, conversation: str) -> Ack:
        """Take this waiting conversation. Raises CommandRefused with TAKEN when somebody was quicker."""
        return await self._ask(Take, agent=agent, conversation=conversation)

    async def read_queue(self, agent: str, department: str, limit: int = 100) -> WaitingList:
        """Read who waits in a department's queue, in its order."""
        make = partial(ReadQueue, agent=agent, department=department, limit=limit)
        waiting: WaitingList = await self._send(make)
        return waiting

    async def set_order(self, agent: str, department: str, order: str, until: str = "") -> Ack:
        """Change the order of a department's queue; an empty order is the desk's again.

        ``until`` = ``backlog``: until the turn of somebody who waits already. Needs the permission
        ``set_order``.
        """
        return await self._ask(SetOrder, agent=agent, department=department, order=order, until=until)

    async def transfer(
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
        return await self._ask(
            Transfer,
            agent=agent,
            conversation=conversation,
            to_agent=to_agent,
            to_department=to_department,
            note=note,
            reason=reason,
        )

    async def cancel_transfer(self, agent: str, conversation: str) -> Ack:
        """Take back a transfer that nobody has accepted yet."""
        return await self._ask(CancelTransfer, agent=agent, conversation=conversation)

    async def invite(self, agent: str, conversation: str, invited: str, note: str = "") -> Ack:
        """Ask a colleague to join a conversation; the news ``invitation_ended`` has the answer."""
        return await self._ask(Invite, agent=agent, conversation=conversation, invited=invited, note=note)

    async def cancel_invitation(self, agent: str, conversation: str, invited: str) -> Ack:
        """Take an invitation back."""
        return await self._ask(CancelInvitation, agent=agent, conversation=conversation, invited=invited)

    async def join(self, agent: str, invitation: InvitationView) -> Ack:
        """Accept an invitation: the agent is a member of the conversation from now on."""
        return await self._ask(
            Join, agent=agent, conversation=invitation.conversation, invitation=invitation.invitation
        )

    async def refuse_invitation(self, agent: str, invitation: InvitationView, reason: str = "") -> Ack:
        """Refuse an invitation."""
        return await self._ask(
            RefuseInvitation,
            agent=agent,
            conversation=invitation.conversation,
            invitation=invitation.invitation,
            reason=reason,
        )

    async def leave(self, agent: str, conversation: str) -> Ack:
        """Leave a conversation that the agent has joined."""
        return await self._ask(Leave, agent=agent, conversation=conversation)

    async def end_conference(self, agent: str, conversation: str, reason: str = "") -> Ack:
        """Let all members and invitations go; the assignee stays."""
        return await self._ask(EndConference, agent=agent, conversation=conversation, reason=reason)

    async def read_colleagues(self, agent: str) -> Colleagues:
        """Read the agents of one's own departments and those below, with state and load."""
        colleagues: Colleagues = await self._send(partial(ReadColleagues, agent=agent))
        return colleagues

    async def explain(self, agent: str, conversation: str) -> Explanation:
        """Read why a conversation was offered and assigned as it was."""
        explanation: Explanation = await self._send(partial(Explain, agent=agent, conversation=conversation))
        return explanation

    async def why_not(self, agent: str, conversation: str, of_agent: str = "") -> Reasons:
        """Read why a waiting conversation does not come to an agent; without ``of_agent``, to oneself."""
        make = partial(WhyNot, agent=agent, conversation=conversation, of_agent=of_agent or agent)
        reasons: Reasons = await self._send(make)
        return reasons

    async def why_idle(self, agent: str, of_agent: str = "") -> Reasons:
        """Read why an agent gets nothing; without ``of_agent``, oneself."""
        reasons: Reasons = await self._send(partial(WhyIdle, agent=agent, of_agent=of_agent or agent))
        return reasons

    def events(self, agent: str, *, window: int = WINDOW) -> AsyncDeliveries[Delivery | Snapshot]:
        """Iterate over what happens to an agent: first a snapshot, then deliveries.

        Another snapshot may come later, after a gap or a changed history; it replaces all that was known.
        """
        return self._stream(f"agent/{agent}", window=window)

    async def _ask(self, kind: Callable[..., Command], **fields: Any) -> Ack:
        ack: Ack = await self._send(partial(kind, **fields))
        return ack
