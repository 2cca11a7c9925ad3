"""What operators ask and order through the admin socket about a tenant's work: why, the order of a queue, a
shadow desk, how the queues and people are. On the reactor's thread only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, get_args

import msgspec

from actors.conversation.explanation import decisions
from actors.conversation.state import Conversation, Status
from actors.dispatcher import questions
from actors.dispatcher.actor import ApplyShadow, DispatcherActor
from actors.dispatcher.asked import OperatorSetsOrder
from actors.dispatcher.shadow import Shadow
from actors.journal import Entry
from actors.queries import conversation
from actors.runtime import System
from config.desk import Desk, desk_digest
from config.problems import did_you_mean, quoted
from config.routing import Order
from daemon.admin import Answer, Request, refusal
from daemon.archive.keeper import Archive
from daemon.desks import Desks
from daemon.orders import Later
from daemon.questions import positions_of
from daemon.reading import JournalReader

ORDERS: tuple[str, ...] = get_args(Order)
#: So many conversations whose ids begin alike are offered for one that was not found.
ALIKE_MAX = 3
ALIKE_LENGTH = 8

Carry = Callable[[], Answer | Later]


class NotFound(Exception):
    """What the operator has named does not exist, or is not clear."""


class Operating:
    """Carries out operators' requests about tenants."""

    def __init__(self, system: System, desks: Desks, reader: JournalReader, archive: Archive) -> None:
        self._system = system
        self._desks = desks
        self._reader = reader
        self._archive = archive
        self._plans: dict[str, Callable[[Request], Carry]] = {
            "explain": self._plan_explain,
            "order": self._plan_order,
            "shadow": self._plan_shadow,
            "archive": self._plan_archive,
        }

    def plan(self, request: Request) -> Carry:
        """Look at a request, and return what carries it out. Raises ConfigurationError for a wrong desk."""
        plan = self._plans.get(str(request.get("do")))
        if plan is None:
            return lambda: refusal(f"nobody knows how to do {request.get('do')!r}")
        try:
            return plan(request)
        except NotFound as error:
            unknown = _unknown(str(error))
            return lambda: unknown

    # Why.

    def _plan_explain(self, request: Request) -> Carry:
        agent = _word(request, "agent")
        if request.get("idle"):
            tenant = self._tenant_of_agent(request, agent)
            return lambda: self._why_idle(tenant, agent)
        tenant, ident, state = self._conversation(request)
        if agent:
            self._agent(tenant, agent)
            return lambda: self._why_not(tenant, ident, agent)
        return lambda: self._explain(tenant, ident, state)

    def _explain(self, tenant: str, ident: str, state: Conversation) -> Later:
        about = {
            "ok": True,
            "tenant": tenant,
            "conversation": ident,
            "status": state.status.value,
            "department": state.department,
            "assignee": state.assignee,
        }
        positions = positions_of(self._system, tenant, ident, state.sequence)

        def begin(tell: Callable[[Answer], None]) -> None:
            def done(found: list[Any] | Exception) -> None:
                if isinstance(found, Exception):
                    tell(refusal(f"the journal could not be read: {found}"))
                else:
                    tell({**about, "decisions": found})

            if not self._reader.fetch(positions, _decisions, done):
                tell(refusal("too many reads of the journal wait already; try again"))

        return Later(begin)

    def _why_not(self, tenant: str, ident: str, agent: str) -> Answer:
        reasons = questions.why_not(self._system, tenant, ident, agent)
        found = {"ok": True, "tenant": tenant, "conversation": ident, "agent": agent}
        return {**found, "reasons": msgspec.to_builtins(reasons)}

    def _why_idle(self, tenant: str, agent: str) -> Answer:
        reasons = questions.why_idle(self._system, tenant, agent)
        return {"ok": True, "tenant": tenant, "agent": agent, "reasons": msgspec.to_builtins(reasons)}

    def _tenant_of_agent(self, request: Request, agent: str) -> str:
        tenants = [tenant for tenant in self._tenants(request) if agent in self._system.desks[tenant].agents]
        if not tenants:
            known = [name for tenant in self._tenants(request) for name in self._system.desks[tenant].agents]
            raise NotFound(_nothing("agent", agent, known))
        if len(tenants) > 1:
            raise NotFound(f"several tenants have an agent {agent}: {', '.join(tenants)}; say --tenant")
        return tenants[0]

    # Orders.

    def _plan_order(self, request: Request) -> Carry:
        department, order = _word(request, "department"), request.get("order")
        tenant = self._tenant_with(request, department)
        if order is None:
            return lambda: self._show_order(tenant, department)
        if order not in ("", *ORDERS):
            hint = did_you_mean(str(order), ORDERS)
            raise NotFound(
                f"no order {quoted(str(order))}; there are {', '.join(ORDERS)}. {hint or ''}".rstrip()
            )
        until = "backlog" if request.get("until_backlog") else ""
        return lambda: self._set_order(tenant, OperatorSetsOrder(department, str(order), until))

    def _set_order(self, tenant: str, wanted: OperatorSetsOrder) -> Answer:
        self._system.tell(("dispatcher", tenant, ""), wanted)
        self._system.run()
        return self._show_order(tenant, wanted.department)

    def _show_order(self, tenant: str, department: str) -> Answer:
        dispatcher = self._dispatcher(tenant)
        changed = dispatcher.state.orders.get(department)
        return {
            "ok": True,
            "tenant": tenant,
            "department": department,
            "order": dispatcher.order_of(department),
            "of_desk": changed is None,
            "until": changed.until if changed is not None else "",
            "waiting": dispatcher.view.waiting_counts().get(department, 0),
        }

    # A shadow desk.

    def _plan_shadow(self, request: Request) -> Carry:
        text = request.get("text")
        if text is None:
            tenant = self._only_tenant(request)
            return lambda: self._cast_shadow(tenant, "", [])
        prepared = self._desks.prepare(str(text), str(request.get("file", "desk")))
        if prepared.tenant not in self._system.desks:
            raise NotFound(
                f"no tenant {prepared.tenant} has a desk in force that this one could be compared with"
            )
        return lambda: self._cast_shadow(prepared.tenant, str(text), prepared.changes)

    def _cast_shadow(self, tenant: str, text: str, changes: list[str]) -> Answer:
        message = ApplyShadow(text, desk_digest(text) if text else "")
        self._system.tell(("dispatcher", tenant, ""), message)
        self._system.run()
        return {"ok": True, "tenant": tenant, "shadow": bool(text), "changes": changes}

    # The archive.

    def _plan_archive(self, request: Request) -> Carry:
        return self._rebuild_archive if request.get("rebuild") else self._show_archive

    def _rebuild_archive(self) -> Answer:
        self._archive.rebuild()
        return {"ok": True}

    def _show_archive(self) -> Answer:
        return {"ok": True, **self._archive.status()}

    # How it stands.

    def status(self) -> dict[str, Any]:
        """Return queues, people, the audit and the shadow of every tenant."""
        return {tenant: self._status_of(tenant, desk) for tenant, desk in self._system.desks.items()}

    def _status_of(self, tenant: str, desk: Desk) -> dict[str, Any]:
        dispatcher = self._dispatcher(tenant)
        auditor, shadow = dispatcher.auditor, dispatcher.shadow
        return {
            "queues": dict(self._queues(dispatcher)),
            "agents": self._people(dispatcher, desk),
            "audit": {
                "rounds": auditor.rounds,
                "compared": auditor.compared,
                "violations": auditor.violations.total(),
            },
            "shadow": None if shadow is None else _shadow(shadow),
        }

    def _queues(self, dispatcher: DispatcherActor) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every department with somebody waiting in it, or with an order that is not the desk's."""
        counts, oldest = dispatcher.view.waiting_counts(), dispatcher.view.oldest_waits()
        for department in sorted({*counts, *dispatcher.state.orders}):
            waits_s = max(0.0, self._system.now - oldest[department]) if department in oldest else 0.0
            yield (
                department,
                {
                    "waiting": counts.get(department, 0),
                    "longest_s": round(waits_s),
                    "order": dispatcher.order_of(department),
                },
            )

    @staticmethod
    def _people(dispatcher: DispatcherActor, desk: Desk) -> dict[str, Any]:
        """Agents by presence, and their load: units in use of the units of those who are not offline."""
        roster = dispatcher.view.roster
        presences = Counter(
            str(roster[name].presence) if name in roster else "offline" for name in desk.agents
        )
        there = [name for name in desk.agents if name in roster and roster[name].presence != "offline"]
        used = sum(roster[name].used for name in there)
        return {**presences, "load": f"{used} of {sum(desk.agents[name].capacity for name in there)} units"}

    # Names.

    def _conversation(self, request: Request) -> tuple[str, str, Conversation]:
        ident = _word(request, "conversation")
        for tenant in self._tenants(request):
            state = conversation(self._system, tenant, ident)
            if state is not None and state.status is not Status.NEW:
                return tenant, ident, state
        alike = [
            name
            for kind, _, name in self._system.actors
            if kind == "conversation" and ident and name.startswith(ident[:ALIKE_LENGTH])
        ][:ALIKE_MAX]
        hint = f" Did you mean {' or '.join(alike)}?" if alike else " `switchboard tail` shows ids."
        raise NotFound(f"no conversation {quoted(ident)}.{hint}")

    def _tenants(self, request: Request) -> list[str]:
        wanted = request.get("tenant")
        if not wanted:
            return list(self._system.desks)
        if wanted not in self._system.desks:
            raise NotFound(_nothing("tenant", str(wanted), self._system.desks))
        return [str(wanted)]

    def _only_tenant(self, request: Request) -> str:
        tenants = self._tenants(request)
        if len(tenants) != 1:
            raise NotFound(f"there are several tenants: {', '.join(tenants)}; say --tenant")
        return tenants[0]

    def _tenant_with(self, request: Request, department: str) -> str:
        tenants = self._tenants(request)
        found = [tenant for tenant in tenants if department in self._system.desks[tenant].departments]
        if not found:
            known = [name for tenant in tenants for name in self._system.desks[tenant].departments]
            raise NotFound(_nothing("department", department, known))
        if len(found) > 1:
            raise NotFound(
                f"several tenants have a department {department}: {', '.join(found)}; say --tenant"
            )
        return found[0]

    def _agent(self, tenant: str, agent: str) -> None:
        agents = self._system.desks[tenant].agents
        if agent not in agents:
            raise NotFound(_nothing("agent", agent, agents))

    def _dispatcher(self, tenant: str) -> DispatcherActor:
        actor = self._system.actors["dispatcher", tenant, ""]
        assert isinstance(actor, DispatcherActor)
        return actor


def _shadow(shadow: Shadow) -> dict[str, Any]:
    compared = shadow.counts.total()
    agreement = f"{shadow.agreement:.1%}" if compared else "nothing compared yet"
    return {"desk": shadow.digest[:8], "agreement": agreement, **shadow.counts}


def _decisions(entries: list[Entry]) -> list[Any]:
    found: list[Any] = msgspec.to_builtins(decisions(entries))
    return found


def _unknown(error: str) -> Answer:
    """Refuse what is wrong in the request itself."""
    return {**refusal(error), "unknown": True}


def _word(request: Request, key: str) -> str:
    return str(request.get(key) or "")


def _nothing(kind: str, name: str, known: Any) -> str:
    hint = did_you_mean(name, known)
    return f"no {kind} {quoted(name)}. {hint or ''}".rstrip()
