"""The answer that is still to come."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

A = TypeVar("A")


class Pending(Generic[A]):
    """A request without an answer yet. It survives lost connections, whether or not anybody waits."""

    __slots__ = ("future", "id")

    def __init__(self, identifier: bytes) -> None:
        self.id = identifier
        self.future: Future[A] = Future()
        # A command that is on its way cannot be called back.
        self.future.set_running_or_notify_cancel()

    def done(self) -> bool:
        """True when there is an answer or a refusal."""
        return self.future.done()

    def result(self, timeout_s: float | None = None) -> A:
        """Wait for the answer.

        Raises CommandRefused when it was refused, ConnectionLost when the client has stopped, and
        TimeoutError, after which the command still goes on.
        """
        return self.future.result(timeout_s)

    def on_done(self, call: Callable[[], None]) -> None:
        """Have something called, from any thread, when the answer is there."""
        self.future.add_done_callback(lambda _: call())
