"""Questions of peers, answered after the flush from what the actors hold then. Nothing is changed.

Who may ask is said by ``actors/authorization.py``. Whoever may not, and whoever asks about what does not
exist, gets the same answer (G15).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, Protocol

import structlog

from actors.conversation.state import Conversation, Status
from actors.customer.actor import BLOCKED, DO_NOT_DISTURB
from actors.customer.view import abuse_view, customer_view
from actors.dispatcher import questions
from actors.journal import Entry
from actors.permissions import has, knows_of, may, may_in, sees
from actors.queries import conversation, customer, open_conversation
from actors.runtime import System
from config.desk import Desk
from daemon.connection import Connection
from daemon.pages import EXPLAINED_SEQUENCES, explanation
from protocol.customers import AbuseList, ReadAbuseList, ReadCustomer
from protocol.errors import Code
from protocol.fields import Message
from protocol.history import HistoryQuestion
from protocol.messages import Refused
from protocol.teamwork import (
    Colleagues,
    Explain,
    Position,
    ReadColleagues,
    ReadPosition,
    ReadQueue,
    Reasons,
    WaitingList,
    WhyIdle,
    WhyNot,
)

#: The most agents that an answer has; the first in the desk's order.
COLLEAGUES_MAX = 2_000
#: So many rows of an answer, and so long on the reactor's thread, cost the asker as much as one heavy
#: message: so one connection's questions have a tenth of the reactor's time, after a burst of half a second.
ROWS_PER_HEAVY = 20
SECONDS_PER_HEAVY = 0.001

log = structlog.get_logger(__name__)

TOO_MUCH = "the answers to earlier questions were long; ask again later"
NO_CONVERSATION = "no conversation that this agent may ask about has that id"
NO_AGENT = "no colleague that this agent may ask about has that id"
NO_CUSTOMER = "no customer that this agent may ask about has that channel and contact"
NO_DEPARTMENT = "no department that this agent may ask about has that id"


class Asked(NamedTuple):
    """A question, to be answered when the turn is flushed."""

    message: Any


class Reader(Protocol):
    """Reads the journal off the reactor's thread."""

    def read(
        self,
        connection: Connection,
        ident: bytes,
        positions: list[int],
        make: Callable[[list[Entry]], Message],
    ) -> None:
        """Answer the question ``ident`` with what is made of the events at these positions."""


class Past(Protocol):
    """Answers questions about the past, off the reactor's thread."""

    def take(self, connection: Connection, asked: Any) -> Refused | None:
        """Refuse a question, or have it answered later."""


class Denied(Exception):
    """The asker may not know that, or there is nothing to be known."""


class Questions:
    """Answers each kind of question. Between turns only."""

    def __init__(self, system: System, timer: Callable[[], float] = time.perf_counter) -> None:
        self._system = system
        self._timer = timer
        self.reader: Reader | None = None
        self.past: Past | None = None
        self._answers: dict[type[Any], Callable[[str, Any], Message]] = {
            ReadQueue: self._waiting_list,
            ReadColleagues: self._colleagues,
            WhyNot: self._why_not,
            WhyIdle: self._why_idle,
            ReadPosition: self._position,
            ReadCustomer: self._customer,
            ReadAbuseList: self._abuse_list,
        }

    def answer(self, connection: Connection, asked: Asked) -> Message | None:
        """Answer, or refuse; None: the answer comes when the journal was read.

        What it costs is known afterwards: so of many questions in one frame the first may use up the budget.
        """
        if connection.heavy.overdrawn(self._system.now):
            return Refused(Code.BUSY.value, TOO_MUCH, asked.message.id, 1.0)
        began = self._timer()
        answer = self._answer(connection, asked.message)
        took_s = self._timer() - began
        cost = max(_rows(answer) / ROWS_PER_HEAVY, took_s / SECONDS_PER_HEAVY)
        # One was paid when the question came in.
        connection.heavy.charge(max(0.0, cost - 1.0))
        return answer

    def _answer(self, connection: Connection, message: Any) -> Message | None:
        tenant = connection.tenant
        try:
            if type(message) is Explain:
                self._explain(connection, message)
                return None
            if isinstance(message, HistoryQuestion):
                assert self.past is not None
                connection.heavy.charge(message.limit / ROWS_PER_HEAVY)
                return self.past.take(connection, message)
            return self._answers[type(message)](tenant, message)
        except Denied as denied:
            return Refused(Code.NOT_ALLOWED.value, str(denied), message.id)
        except Exception:
            # A question changes nothing, so nobody else has to suffer for a fault in answering it.
            log.exception("question.failed", question=type(message).__name__, tenant=tenant)
            return Refused(Code.INTERNAL.value, "the daemon failed on this question", message.id)

    def _desk(self, tenant: str) -> Desk:
        return self._system.desks[tenant]

    def _waiting_list(self, tenant: str, message: ReadQueue) -> Message:
        desk, agent, department = self._desk(tenant), message.agent, message.department
        settings = desk.departments.get(department)
        if settings is None or not sees(desk, agent, department):
            raise Denied(NO_DEPARTMENT)
        if not settings.listed and not may_in(desk, agent, "explain", department):
            raise Denied("this department does not show who waits; take the next")
        found = questions.waiting_list(self._system, tenant, department, message.limit)
        return WaitingList(message.id, department, found.waiting, found.total, found.order)

    def _colleagues(self, tenant: str, message: ReadColleagues) -> Message:
        if not has(self._desk(tenant), message.agent, "see_colleagues"):
            raise Denied("the agent's role does not have the permission see_colleagues")
        found, total = questions.colleagues(self._system, tenant, message.agent, COLLEAGUES_MAX)
        return Colleagues(message.id, found, total)

    def _explain(self, connection: Connection, message: Explain) -> None:
        tenant, ident = connection.tenant, message.conversation
        state = conversation(self._system, tenant, ident)
        if state is None or not self._may_explain(self._desk(tenant), message.agent, state):
            raise Denied(NO_CONVERSATION)
        positions = positions_of(self._system, tenant, ident, state.sequence)
        assert self.reader is not None
        connection.heavy.charge(len(positions) / ROWS_PER_HEAVY)
        self.reader.read(connection, message.id, positions, partial(explanation, message.id, ident))

    @staticmethod
    def _may_explain(desk: Desk, agent: str, state: Conversation) -> bool:
        ended = state.status is Status.ENDED
        last = state.assignee or (state.previous if ended else "")
        return (
            last == agent
            or may_in(desk, agent, "explain", state.department)
            or (last != "" and may(desk, agent, "explain", last))
        )

    def _why_not(self, tenant: str, message: WhyNot) -> Message:
        desk, agent, of_agent = self._desk(tenant), message.agent, message.of_agent
        if of_agent != agent and not may(desk, agent, "explain", of_agent):
            raise Denied(NO_AGENT)
        state = conversation(self._system, tenant, message.conversation)
        if state is None or not knows_of(desk, agent, state.department):
            raise Denied(NO_CONVERSATION)
        return Reasons(message.id, questions.why_not(self._system, tenant, message.conversation, of_agent))

    def _why_idle(self, tenant: str, message: WhyIdle) -> Message:
        agent, of_agent = message.agent, message.of_agent
        if of_agent != agent and not may(self._desk(tenant), agent, "explain", of_agent):
            raise Denied(NO_AGENT)
        return Reasons(message.id, questions.why_idle(self._system, tenant, of_agent))

    def _position(self, tenant: str, message: ReadPosition) -> Message:
        found = questions.position(self._system, tenant, message.channel, message.contact)
        return Position(message.id, *found)

    def _customer(self, tenant: str, message: ReadCustomer) -> Message:
        """Answer to those whose customer it is, and to those who serve the channel's department (C7)."""
        system, desk, agent = self._system, self._desk(tenant), message.agent
        channel, contact, ident = message.channel, message.contact, message.conversation
        if not ident:
            ident = open_conversation(system, tenant, channel, contact) or ""
        state = conversation(system, tenant, ident) if ident else None
        if state is None or state.status is Status.NEW:
            ident, own = "", False
        else:
            channel, contact = state.channel, state.contact
            last = state.assignee or (state.previous if state.status is Status.ENDED else "")
            own = agent == last or agent in state.members
        if not (own or _serves(desk, agent, channel)):
            raise Denied(NO_CUSTOMER)
        if state is not None and not own and not sees(desk, agent, state.department):
            ident, state = "", None
        name = state.name if state is not None else ""
        known = customer(system, tenant, channel, contact)
        return customer_view(message.id, channel, contact, known, desk, ident, name)

    def _abuse_list(self, tenant: str, message: ReadAbuseList) -> Message:
        """Answer with those of the channels that the agent answers for; the store has them in order."""
        system, desk, agent = self._system, self._desk(tenant), message.agent
        if not has(desk, agent, "manage_customers"):
            raise Denied("the agent's role does not have the permission manage_customers")
        key = BLOCKED if message.kind == "blocked" else DO_NOT_DISTURB
        filed = system.store.filed(tenant, key, message.first, message.limit)
        found = []
        for ident in filed:
            channel, _, contact = ident.partition("/")
            if _serves(desk, agent, channel):
                known = customer(system, tenant, channel, contact)
                mark = known.blocked if message.kind == "blocked" else known.do_not_disturb
                if mark is not None:  # The list in the store may be a turn older.
                    state = None if known.name else conversation(system, tenant, mark.conversation)
                    name = state.name if state is not None else ""
                    found.append(abuse_view(channel, contact, known, desk, mark, name))
        following = message.first + len(filed) if len(filed) == message.limit else 0
        return AbuseList(message.id, message.kind, found, following)


def _serves(desk: Desk, agent: str, channel: str) -> bool:
    settings = desk.channels.get(channel)
    return settings is not None and sees(desk, agent, settings.department)


def positions_of(system: System, tenant: str, ident: str, last: int) -> list[int]:
    """Return where in the journal the newest events of a conversation are, as many as are explained."""
    after = max(0, last - EXPLAINED_SEQUENCES)
    return system.positions(("conversation", tenant, ident), after, EXPLAINED_SEQUENCES)


def _rows(answer: Message | None) -> int:
    """Count what an answer has many of."""
    if answer is None:
        return 0
    return sum(
        len(value)
        for value in (getattr(answer, name) for name in answer.__struct_fields__)
        if isinstance(value, list)
    )
