"""Verbs: written once, answered in the way of the client that has them.

A verb's function returns what to ask of the daemon. A blocking client waits for the answer, an asyncio client
gives a coroutine that brings it, and ``without_waiting`` gives the pending answer itself::

    class Visitors(Client):
        @verb
        def visitor_left(self, channel: str, contact: str) -> Request[Ack]:
            return Request(VisitorLeft, channel=channel, contact=contact)

    gateway.visitor_left("web", "ann")                   # an Ack
    await async_gateway.visitor_left("web", "ann")       # an Ack
    gateway.without_waiting.visitor_left("web", "ann")   # a Pending[Ack]
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from functools import partial, wraps
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from protocol.client.driver import Driver
from protocol.client.outstanding import Command
from protocol.client.pending import Pending
from protocol.errors import CommandRefused

P = ParamSpec("P")
A = TypeVar("A")


class Request(Generic[A]):
    """A command that lacks at most its id; ``A`` is the type of its answer."""

    __slots__ = ("command_id", "make")

    def __init__(
        self, kind: Callable[..., Command], command_id: bytes | None = None, /, **fields: Any
    ) -> None:
        self.make: Callable[..., Command] = partial(kind, **fields)
        self.command_id = command_id


#: Takes the answer to each request, or the refusal it met, and gives the next request; returns an ``A``.
Steps = Generator[Request[Any], Any, A]


class Client:
    """What has verbs."""

    _driver: Driver


class Blocking(Client):
    """A client whose verbs wait."""

    def _ask(self, request: Request[A]) -> A:
        """Send, and wait for the answer. Raises CommandRefused."""
        raise NotImplementedError

    def _go_through(self, steps: Steps[A]) -> A:
        walk = _Walk(steps)
        while (request := walk.step()) is not None:
            try:
                walk.answer = self._ask(request)
            except CommandRefused as refused:
                walk.answer = refused
        return walk.outcome


class Asynchronous(Client):
    """A client whose verbs are coroutines."""

    async def _ask(self, request: Request[A]) -> A:
        """Send, and wait for the answer. Raises CommandRefused."""
        raise NotImplementedError

    async def _go_through(self, steps: Steps[A]) -> A:
        walk = _Walk(steps)
        # A step may read a file or hash it, which would hold up the loop.
        while (request := await asyncio.to_thread(walk.step)) is not None:
            try:
                walk.answer = await self._ask(request)
            except CommandRefused as refused:
                walk.answer = refused
        return walk.outcome


class Deferring(Client):
    """A face of a client whose verbs give what is pending."""

    def _ask(self, request: Request[A]) -> Pending[A]:
        """Send."""
        raise NotImplementedError


class _Walk(Generic[A]):
    """The way through some steps: the last answer, and in the end the outcome."""

    answer: Any = None
    outcome: A

    def __init__(self, steps: Steps[A]) -> None:
        self._steps = steps

    def step(self) -> Request[Any] | None:
        """Return the next request; None when the outcome is there."""
        try:
            return self._steps.send(self.answer)
        except StopIteration as end:
            self.outcome = end.value
            return None


class Verb(Generic[P, A]):
    """A method; it only tells the type checker that the answer comes in the way of the client's class."""

    def __init__(self, method: Callable[..., Any]) -> None:
        self._method: Any = method

    @overload
    def __get__(self, client: Blocking, owner: type) -> Callable[P, A]: ...

    @overload
    def __get__(self, client: Asynchronous, owner: type) -> Callable[P, Coroutine[Any, Any, A]]: ...

    @overload
    def __get__(self, client: Deferring, owner: type) -> Callable[P, Pending[A]]: ...

    @overload
    def __get__(self, client: None, owner: type) -> Callable[..., Any]: ...

    def __get__(self, client: Client | None, owner: type) -> Callable[..., Any]:
        method: Callable[..., Any] = self._method.__get__(client, owner)
        return method


def verb(function: Callable[Concatenate[Any, P], Request[A]]) -> Verb[P, A]:
    """Make a verb of a function that returns one request."""

    @wraps(function)
    def method(client: Any, *args: P.args, **kwargs: P.kwargs) -> Any:
        return client._ask(function(client, *args, **kwargs))

    return Verb(method)


def dialogue(function: Callable[Concatenate[Any, P], Steps[A]]) -> Verb[P, A]:
    """Make a verb of a function whose next request follows from the last answer; none can be left pending."""

    @wraps(function)
    def method(client: Any, *args: P.args, **kwargs: P.kwargs) -> Any:
        return client._go_through(function(client, *args, **kwargs))

    return Verb(method)
