"""The blocking client: every verb waits for its answer, every stream is an iterator. Threads may share it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from queue import SimpleQueue
from types import TracebackType
from typing import Any, Generic, Literal, Self, TypeVar, overload

from protocol.client.driver import Driver, Item, OnEvent
from protocol.client.errors import ClientClosed
from protocol.client.inbox import Handed
from protocol.client.keys import KeyPair
from protocol.client.outstanding import Command
from protocol.client.pending import Pending
from protocol.messages import (
    Accept,
    Ack,
    AgentMessage,
    CustomerLeft,
    CustomerMessage,
    Decline,
    Delivery,
    End,
    LoggedIn,
    Logout,
    ReadThread,
    SetPresence,
    Snapshot,
    Text,
    Thread,
)
from protocol.views import OfferView

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


class GatewayClient(Client):
    """A channel gateway's connection to the daemon."""

    _role = "gateway"

    @overload
    def customer_message(
        self,
        channel: str,
        contact: str,
        text: str,
        name: str = "",
        language: str = "",
        *,
        wait: Literal[True] = True,
        command_id: bytes | None = None,
    ) -> Ack: ...

    @overload
    def customer_message(
        self,
        channel: str,
        contact: str,
        text: str,
        name: str = "",
        language: str = "",
        *,
        wait: Literal[False],
        command_id: bytes | None = None,
    ) -> Pending[Ack]: ...

    def customer_message(
        self,
        channel: str,
        contact: str,
        text: str,
        name: str = "",
        language: str = "",
        *,
        wait: bool = True,
        command_id: bytes | None = None,
    ) -> Ack | Pending[Ack]:
        """Hand over what a customer has written; return when it is stored.

        A gateway whose channel may tell it the same message twice derives ``command_id`` from the channel's
        own id.
        """
        pending: Pending[Ack] = self._send(
            partial(
                CustomerMessage,
                channel=channel,
                contact=contact,
                content=Text(text),
                name=name,
                language=language,
            ),
            command_id,
        )
        return pending.result() if wait else pending

    def customer_left(self, channel: str, contact: str, reason: str = "") -> Ack:
        """Tell that the customer has ended the conversation, or has gone."""
        ack: Ack = self._send(partial(CustomerLeft, channel=channel, contact=contact, reason=reason)).result()
        return ack

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


class ConsoleClient(Client):
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
        """Choose the agent's presence: ``online``, ``busy`` or ``away``."""
        return self._ask(SetPresence, agent=agent, presence=presence)

    def accept(self, agent: str, offer: OfferView) -> Ack:
        """Take the conversation that was offered to the agent."""
        return self._ask(Accept, agent=agent, conversation=offer.conversation, offer=offer.offer)

    def decline(self, agent: str, offer: OfferView, reason: str = "") -> Ack:
        """Refuse the conversation that was offered to the agent."""
        return self._ask(
            Decline, agent=agent, conversation=offer.conversation, offer=offer.offer, reason=reason
        )

    def say(self, agent: str, conversation: str, text: str) -> Ack:
        """Write to the customer of a conversation."""
        return self._ask(AgentMessage, agent=agent, conversation=conversation, content=Text(text))

    def end(self, agent: str, conversation: str, reason: str = "") -> Ack:
        """End a conversation, with a wrap-up reason."""
        return self._ask(End, agent=agent, conversation=conversation, reason=reason)

    def read_thread(self, agent: str, conversation: str, after: int = 0, limit: int = 100) -> Thread:
        """Read a conversation's entries after a sequence."""
        make = partial(ReadThread, agent=agent, conversation=conversation, after=after, limit=limit)
        thread: Thread = self._send(make).result()
        return thread

    def events(self, agent: str, *, window: int = WINDOW) -> Deliveries[Delivery | Snapshot]:
        """Iterate over what happens to an agent: first a snapshot, then deliveries.

        Another snapshot may come later, after a gap or a changed history; it replaces all that was known.
        """
        return self._subscribe(f"agent/{agent}", window=window)

    def _ask(self, kind: Callable[..., Command], **fields: Any) -> Ack:
        ack: Ack = self._send(partial(kind, **fields)).result()
        return ack
