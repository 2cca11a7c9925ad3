"""The blocking client: every verb waits for its answer, every stream is an iterator. Threads may share it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from protocol.client.channels import Reports
from protocol.client.customers import Customers, Visitors
from protocol.client.driver import Driver, Item, OnEvent
from protocol.client.errors import ClientClosed
from protocol.client.history import HistoryReader
from protocol.client.inbox import Handed
from protocol.client.keys import KeyPair
from protocol.client.life import Life
from protocol.client.media import ConsoleMedia, GatewayMedia
from protocol.client.pending import Pending
from protocol.client.teamwork import Teamwork, Work
from protocol.client.verbs import Blocking, Deferring, Request
from protocol.messages import Ack, Delivery, LoggedIn, Logout, Snapshot

#: How many commands may be without an answer; the next one waits.
IN_FLIGHT_MAX = 1_000
#: How many deliveries may be with the client that the user has not finished with.
WINDOW = 256

T = TypeVar("T", Delivery, Delivery | Snapshot)
A = TypeVar("A")


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


class BlockingClient(Blocking):
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

    def _ask(self, request: Request[A]) -> A:
        return self._send(request).result()

    def _send(self, request: Request[A]) -> Pending[A]:
        if self._driver.in_own_thread:
            raise RuntimeError("on_event runs in the client's own thread: no command can be sent from there")
        self._room.acquire()
        try:
            pending = self._driver.command(request.make, request.command_id)
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


class WithoutWaiting(Deferring):
    """A blocking client that does not wait: its verbs give what is pending."""

    def __init__(self, client: BlockingClient) -> None:
        self._driver = client._driver
        self._client = client

    def _ask(self, request: Request[A]) -> Pending[A]:
        return self._client._send(request)


class GatewayWithoutWaiting(WithoutWaiting, Visitors, Reports):
    """A gateway that has many commands under way at once, from one thread."""


class ConsoleWithoutWaiting(WithoutWaiting, Customers, HistoryReader, Life, Work, Teamwork):
    """A console that has many commands under way at once, from one thread."""


class GatewayClient(BlockingClient, Visitors, Reports, GatewayMedia):
    """A channel gateway's connection to the daemon."""

    _role = "gateway"

    @property
    def without_waiting(self) -> GatewayWithoutWaiting:
        """The same verbs, which return at once; wait for their answers with ``result()``."""
        return GatewayWithoutWaiting(self)

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


class ConsoleClient(BlockingClient, Customers, ConsoleMedia, HistoryReader, Life, Work, Teamwork):
    """A console's connection to the daemon; it may carry the sessions of many agents."""

    _role = "console"

    @property
    def without_waiting(self) -> ConsoleWithoutWaiting:
        """The same verbs, which return at once; wait for their answers with ``result()``."""
        return ConsoleWithoutWaiting(self)

    def login(self, agent: str, password: str) -> LoggedIn:
        """Open an agent's session. The password is kept, to log in again should the token have expired."""
        return self._driver.login(agent, password, None).result()

    def login_with_token(self, agent: str, token: str) -> LoggedIn:
        """Open an agent's session with the token of an earlier login."""
        return self._driver.login(agent, None, token).result()

    def logout(self, agent: str) -> Ack:
        """Close an agent's session; its stream of events ends."""
        return self._ask(Request(Logout, agent=agent))

    def still_here(self, agent: str) -> None:
        """Tell that something was clicked, so that the agent is not logged out for inactivity.

        Has no answer, and may be called on every click: it is sent every few seconds at most.
        """
        self._driver.still_here(agent)

    def events(self, agent: str, *, window: int = WINDOW) -> Deliveries[Delivery | Snapshot]:
        """Iterate over what happens to an agent: first a snapshot, then deliveries.

        Another snapshot may come later, after a gap or a changed history; it replaces all that was known.
        """
        return self._subscribe(f"agent/{agent}", window=window)
