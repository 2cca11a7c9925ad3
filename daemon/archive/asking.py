"""Questions about the past at the door: who may ask, and the one way out of every answer.

Who may not, and who asks about what does not exist, gets the same answer (G15).
"""

from __future__ import annotations

import datetime as dt
import zoneinfo
from functools import lru_cache, partial
from typing import Any, Protocol

import structlog

from actors.masking import Masking
from actors.queries import conversation
from actors.runtime import System
from daemon.archive.answers import NotFound, Reading, answer
from daemon.archive.reading import NotThereYet, TooLong
from daemon.archive.scope import Scope, may_read_customer, scope_of
from daemon.connection import Connection
from daemon.outbound import Outbound
from protocol.errors import Code
from protocol.fields import Message
from protocol.history import HistoryQuestion, ReadHistory, ReadTicket
from protocol.messages import Refused

log = structlog.get_logger(__name__)

NO_CONVERSATION = "no conversation that this agent may ask about has that id"
TOO_MANY = "too many questions to the archive at once; ask again"
TOO_LONG = "the archive would take too long to answer; ask for less: a department, a customer, a span of time"
NOT_YET = "the archive is being made; ask again in a while"

_zone = lru_cache(maxsize=64)(zoneinfo.ZoneInfo)


class AsksArchive(Protocol):
    """Has a question answered off the reactor's thread."""

    def ask(self, make: Any, done: Any) -> bool:
        """Make something of the archive, and tell it on the reactor's thread; False: too many wait."""


def today_since(now: float, timezone: str) -> float:
    """Return when today has begun in a time zone, in seconds since 1970."""
    local = dt.datetime.fromtimestamp(now, _zone(timezone))
    return local.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()


class HistoryQuestions:
    """Takes questions about the past, and sends their answers."""

    def __init__(self, system: System, outbound: Outbound, archive: AsksArchive) -> None:
        self._system = system
        self._outbound = outbound
        self._archive = archive

    def take(self, connection: Connection, asked: HistoryQuestion) -> Refused | None:
        """Refuse a question, or have it answered later."""
        tenant = connection.tenant
        desk = self._system.desks[tenant]
        about = asked.conversation if isinstance(asked, ReadHistory) else getattr(asked, "customer_of", "")
        if about and not may_read_customer(desk, asked.agent, conversation(self._system, tenant, about)):
            return Refused(Code.NOT_ALLOWED.value, NO_CONVERSATION, asked.id)
        scope = scope_of(desk, tenant, asked.agent)
        since = today_since(self._system.now, desk.policies.timezone)
        masking = connection.masking
        make = partial(_make, scope=scope, since=since, asked=asked, masking=masking)
        if not self._archive.ask(make, partial(self._done, connection, asked, masking)):
            return Refused(Code.BUSY.value, TOO_MANY, asked.id, 1.0)
        return None

    def _done(
        self,
        connection: Connection,
        asked: HistoryQuestion,
        masking: Masking | None,
        made: Message | Exception,
    ) -> None:
        if isinstance(made, Exception):
            self._outbound.send(connection, _refusal(asked, made))
        else:
            self._outbound.send_seen(connection, made, masking)


def _make(
    reading: Reading, scope: Scope, since: float, asked: HistoryQuestion, masking: Masking | None
) -> Message:
    """Make the answer as the asker may see it. The one place where what is masked is masked."""
    made = answer(reading._replace(masking=masking), scope, since, asked)
    return made if masking is None else masking.message(made)


def _refusal(asked: HistoryQuestion, error: Exception) -> Refused:
    match error:
        case NotFound():
            assert isinstance(asked, ReadTicket)
            return Refused(Code.NOT_ALLOWED.value, NO_CONVERSATION, asked.id)
        case TooLong():
            return Refused(Code.BUSY.value, TOO_LONG, asked.id, 5.0)
        case NotThereYet():
            return Refused(Code.BUSY.value, NOT_YET, asked.id, 1.0)
    log.error("question.failed", question=type(asked).__name__, exc_info=error)
    return Refused(Code.INTERNAL.value, "the archive failed on this question", asked.id)
