"""What travels through the runtime beside the actors' own messages, and what it reports to whoever runs
it.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from msgspec import Struct

from actors.commands import Recent
from actors.journal import Address
from actors.lease import Session


class Told(Struct, frozen=True, gc=False):
    """A client's command on its way to an actor: the message, who sent it, and where its answer goes."""

    message: Any
    tenant: str
    sender: str
    reply_to: Any
    #: The sender's recent commands, if whoever made this has them at hand.
    recent: Recent | None = None
    #: An agent's session; once its lease is over the command is refused by whoever gets it.
    session: Session | None = None


def command_in(message: object) -> Told | None:
    """Return the client's command that a message is, or has in it: who sent it waits for an answer."""
    told = getattr(message, "told", message)
    return told if isinstance(told, Told) else None


class Tick(NamedTuple):
    """The deadline that an actor had asked for has come."""

    now: float


class Observer(Protocol):
    """What the runtime reports to whoever runs it: for logs and metrics."""

    def actor_failed(self, address: Address, message: object, error: BaseException) -> None:
        """A handler has raised; the message was set aside and the actor rebuilt."""
