"""Handlers that failed: logged and counted, for the supervisor has put it right already."""

from __future__ import annotations

import structlog

from actors.journal import Address
from daemon.metrics import Numbers

log = structlog.get_logger("daemon")


class Failures:
    """Reports failed handlers."""

    def __init__(self, numbers: Numbers) -> None:
        self._numbers = numbers

    def actor_failed(self, address: Address, message: object, error: BaseException) -> None:
        """Log and count; never the message itself, it may hold what a customer wrote, and no customer's name
        in a channel, which may be a phone number.
        """
        self._numbers.actor_failures += 1
        self._numbers.dead_letters += 1
        log.error(
            "actor.failed",
            actor="/".join(_without_contact(address)),
            message_kind=type(getattr(message, "message", message)).__name__,
            error=type(error).__name__,
            exc_info=error,
        )


def _without_contact(address: Address) -> Address:
    kind, tenant, ident = address
    return (kind, tenant, ident.partition("/")[0]) if kind == "customer" else address
