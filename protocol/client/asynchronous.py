"""The asyncio client: the blocking client's verbs as coroutines, its streams as async iterators.

The same driver thread does the work; what it has to tell enters the event loop by ``call_soon_threadsafe``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from protocol.client.channels import Reports
from protocol.client.customers import Customers, Visitors
from protocol.client.driver import Driver, Item, OnEvent
from protocol.client.errors import ClientClosed
from protocol.client.events import Notice
from protocol.client.history import HistoryReader
from protocol.client.inbox import Handed
from protocol.client.keys import KeyPair
from protocol.client.life import Life
from protocol.client.media import ConsoleMedia, GatewayMedia
from protocol.client.pending import Pending
from protocol.client.teamwork import Teamwork, Work
from protocol.client.verbs import Asynchronous, Request
from protocol.messages import Ack, Delivery, LoggedIn, Logout, Snapshot

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


class AsyncClient(Asynchronous):
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

    async def _ask(self, request: Request[A]) -> A:
        await self._room.acquire()
        try:
            pending = self._driver.command(request.make, request.command_id)
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


class AsyncGatewayClient(AsyncClient, Visitors, Reports, GatewayMedia):
    """A channel gateway's connection to the daemon."""

    _role = "gateway"

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


class AsyncConsoleClient(AsyncClient, Customers, ConsoleMedia, HistoryReader, Life, Work, Teamwork):
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
        return await self._ask(Request(Logout, agent=agent))

    def still_here(self, agent: str) -> None:
        """Tell that something was clicked, so that the agent is not logged out for inactivity.

        Has no answer, and may be called on every click: it is sent every few seconds at most.
        """
        self._driver.still_here(agent)

    def events(self, agent: str, *, window: int = WINDOW) -> AsyncDeliveries[Delivery | Snapshot]:
        """Iterate over what happens to an agent: first a snapshot, then deliveries.

        Another snapshot may come later, after a gap or a changed history; it replaces all that was known.
        """
        return self._stream(f"agent/{agent}", window=window)
