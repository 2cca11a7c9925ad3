"""The shell of a tenant's dispatcher: keeps the view, holds the desk, tells conversations what to offer.

What agents ask of it is in ``asked.py``, what it asks of itself in ``auditor.py`` and ``shadow.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from actors import events
from actors.agent.machine import DeskChanged
from actors.conversation.actor import ConversationActor
from actors.conversation.orders import (
    AssignDirectly,
    Greet,
    MakeOffer,
    MoveTo,
    Reassign,
    TurnAway,
    WithdrawOffer,
)
from actors.conversation.state import Status
from actors.dispatcher import handover, withdrawal
from actors.dispatcher.asked import ASKED, OperatorSetsOrder, order_changed
from actors.dispatcher.audit import is_open
from actors.dispatcher.auditor import Auditor
from actors.dispatcher.decisions import Decision, Offer, OrderEnded, Overflow, TurnedAway
from actors.dispatcher.facts import RELEASED, AgentNews, HandOverAll, HandOverPlanned, OwnedBy, Report
from actors.dispatcher.figures import Figures
from actors.dispatcher.filling import fill, sort_anew, sorts
from actors.dispatcher.machine import View
from actors.dispatcher.removal import Removal
from actors.dispatcher.shadow import Shadow
from actors.journal import Address, SnapshotRow
from actors.runtime import System
from actors.shell import Shell
from actors.telling import Tick, Told
from config.desk import Desk, parse_desk

#: The most decisions that one look at the queues makes. Each look puts all who are fresh in order: few looks.
DECISIONS_AT_ONCE = 1_024
#: The most decisions of one turn; what is left is decided in the next one, which follows at once.
DECISIONS_PER_TURN = 4_096


class ApplyDesk(NamedTuple):
    """Bring a desk into force; the caller has checked it. ``source`` is ``file`` or ``apply``."""

    text: str
    digest: str
    source: str
    changes: list[str]


class ApplyShadow(NamedTuple):
    """Let a desk decide in the shadow; the caller has checked it. An empty text ends that."""

    text: str
    digest: str


class GoOn(NamedTuple):
    """The dispatcher to itself: there is more to decide."""


class OrderSet(Struct, array_like=True):
    """The order of a queue as it was set while running (D2)."""

    order: str
    until: str = ""
    backlog_before: float = 0.0


class DispatcherState(Struct, array_like=True):
    """What the dispatcher keeps: the desk in force, orders that were set, and the shadow's desk."""

    sequence: int = 0
    text: str = ""
    digest: str = ""
    #: The digest of the desk file that was last loaded from disk: tells whether the file has changed since.
    file_digest: str = ""
    orders: dict[str, OrderSet] = {}
    shadow_text: str = ""
    shadow_digest: str = ""
    #: Channels that have left the desk, while conversations of theirs may still be parked (F13).
    leaving: list[str] = []


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(DispatcherState)


class DispatcherActor(Shell):
    """One tenant's dispatcher."""

    kind = "dispatcher"

    def __init__(self, system: System, address: Address) -> None:
        super().__init__(system, address)
        self.state = DispatcherState()
        self.view = View(Desk(tenant=address[1]), "")
        self.figures = Figures()
        self.auditor = Auditor(self)
        self.removal = Removal(self)
        self.shadow: Shadow | None = None
        #: Who was told something since the inbox was last empty: what the view has of these is booked only.
        self.under_way: set[str] = set()
        #: Who was brought into memory since then: their reports are on the way.
        self._waking: set[str] = set()
        #: What was chosen for a ``take_next`` since then, by sender and id: sent twice, it is chosen once.
        self.chosen: dict[tuple[str, bytes], str] = {}
        self._decided: tuple[float, int, int] = (0.0, 0, 0)
        #: Everything was sorted anew since the inbox was last empty: reports in it go by the desk before.
        self._sorted_anew = False

    @property
    def desk(self) -> Desk:
        """The desk in force."""
        return self.system.desks[self.address[1]]

    def on_receive(self, message: Any) -> None:
        """Take in news and requests; what follows from them is decided when the inbox is worked through."""
        self.unsettled = True
        HANDLERS[type(message)](self, message)

    # News.

    def _take_report(self, report: Report) -> None:
        if report.woken:
            self.conversation(report.conversation).woken_as = None
        before = self.view.conversations.get(report.conversation)
        if before is not None and report.conversation in self.under_way:
            return  # Sent before it was told; it reports again, and the view has booked what it was told.
        if self._sorted_anew:
            report = self._by_desk_in_force(report)
        self.figures.take_report(before, report)
        self._take_in(report)
        if report.offered_to:
            self._withdraw_one(report)
        joining = report.members and set(report.members) - set(before.members if before is not None else ())
        for agent in sorted(joining or ()):
            self._uninvite(agent, (report.conversation,))
        if report.begun and before is None:
            self._greet(report)

    def _take_in(self, report: Report) -> None:
        self.view.take_report(report, self.system.now)
        self._shadow(lambda shadow: shadow.take(report, self.system.now))

    def _by_desk_in_force(self, report: Report) -> Report:
        actor = self.system.actors.get(("conversation", self.address[1], report.conversation))
        news = actor.announcement() if isinstance(actor, ConversationActor) else None
        return report._replace(kind=news.kind, weight=news.weight) if news is not None else report

    def _greet(self, report: Report) -> None:
        """Answer the customer's first message: is anybody there (D10)?"""
        department = self.view.department(report.department)
        now = self.system.now
        there = department.hours is None or department.hours.open_at(now)
        online = there and self.view.staffed(report.department, now)
        text = department.greeting_online if online else department.greeting_offline
        if text is not None:
            self.tell_conversation(report.conversation, Greet("online" if online else "offline", text))

    def _take_agent(self, news: AgentNews) -> None:
        now = self.system.now
        concerned = self.view.take_agent(news, now)
        self._shadow(lambda shadow: shadow.take(news, now))
        for agent in sorted(concerned):
            self._withdraw(agent)

    def _withdraw_one(self, report: Report) -> None:
        """Take an offer back that its agent cannot take; perhaps it was made while the agent was leaving."""
        actor = self.system.actors.get(("conversation", self.address[1], report.conversation))
        offer = actor.state.offer if isinstance(actor, ConversationActor) else None
        new = offer.kind == "new" if offer is not None else not report.assignee
        reason = withdrawal.of_offer(self.view, report, new=new)
        if reason is not None:
            self.tell_conversation(report.conversation, WithdrawOffer(report.offered_to, reason.value))

    def _withdraw(self, agent: str) -> None:
        """Take back what an agent is offered, or invited to, and can no longer take."""
        for conversation in sorted(self.view.agent(agent).offers):
            self._withdraw_one(self.view.conversations[conversation])
        self._uninvite(agent, sorted(self.view.agent(agent).joined))

    def _uninvite(self, agent: str, conversations: Iterable[str]) -> None:
        """Take back the invitations of an agent who cannot join; perhaps one was made as he was leaving."""
        gone = withdrawal.of_invitations(self.view, agent)
        if gone is not None:
            for conversation in conversations:
                self.tell_conversation(conversation, WithdrawOffer(agent, gone.value))

    def _pass_on(self, message: OwnedBy) -> None:
        for conversation in sorted(self.concerning(message.agent) | self.view.agent(message.agent).joined):
            self.tell_conversation(conversation, message.message)

    def concerning(self, agent: str) -> set[str]:
        """Return the agent's conversations, parked ones too.

        With those on offer: what was offered may have been accepted in this very turn.
        """
        known = self.view.agent(agent)
        conversations = known.owned | known.offers
        if known.parked:
            owned = self.system.store.owned(self.address[1], agent)
            conversations.update(each.id for each in owned)
        return conversations

    def _hand_over(self, asked: HandOverAll) -> None:
        """Move all conversations of an agent who leaves, each with its result, in this turn (A4)."""
        concerning = sorted(self.concerning(asked.agent))
        if self.in_doubt(concerning):
            self.again(asked)
            return
        owned = []
        for ident in concerning:
            state, report = self.conversation(ident).state, self.introduced(ident)
            if report is None or report.assignee != asked.agent or state.status is Status.WRAP_UP:
                continue  # What is only to be wrapped up is nobody else's.
            # The receiver's room is taken, whatever the style has released.
            kind, weight = self.sort_of(state.channel)
            whole = report._replace(kind=kind, weight=weight)
            owned.append(handover.Owned(whole, state.department, state.unanswered))
        results = handover.plan(self.view, asked, owned, self.system.now)
        for moved in results:
            if moved.outcome != "kept":
                order = Reassign(asked.agent, moved.to_agent, moved.to_department, asked.reason)
                self.tell_conversation(moved.conversation, order)
        self.system.tell(("agent", self.address[1], asked.agent), HandOverPlanned(results))

    def wakes(self, conversations: list[str]) -> bool:
        """Bring conversations that are parked into memory; True if any was. They report what they are."""
        system, tenant = self.system, self.address[1]
        addresses = [("conversation", tenant, ident) for ident in conversations]
        parked = [address for address in addresses if address not in system.actors]
        for address in parked:
            woken = system.wake(address)
            if woken.sequence() == 0:
                system.discard(woken)  # A place is booked for it, and it may not come about.
            self._waking.add(address[2])
        return not self._waking.isdisjoint(conversations)

    def in_doubt(self, conversations: list[str]) -> bool:
        """Say whether any has to answer first: it was woken, or told something and has not reported."""
        return self.wakes(conversations) or not self.under_way.isdisjoint(conversations)

    def again(self, message: Any) -> None:
        """Take a message up again in this turn, once those who were woken have reported."""
        self.system.tell(self.address, message)

    def conversation(self, ident: str) -> ConversationActor:
        """Return a conversation in memory, as it is at this moment."""
        actor = self.system.actors["conversation", self.address[1], ident]
        assert isinstance(actor, ConversationActor)
        return actor

    def introduced(self, ident: str) -> Report | None:
        """Return what a conversation says of itself, and see to it that the view knows it.

        Somebody else may have woken it in this turn; its report comes later in the same batch.
        """
        conversation = self.conversation(ident)
        report = conversation.announcement()
        if report is not None and is_open(report) and ident not in self.view.conversations:
            for known in filter(None, (conversation.woken_as, report)):
                self._take_in(known)
            conversation.woken_as = None
        return report

    def tell_conversation(self, conversation: str, message: Any) -> None:
        """Tell a conversation something. It reports afterwards, whatever comes of it."""
        self.under_way.add(conversation)
        self.system.tell(("conversation", self.address[1], conversation), message)

    # The desk, orders, the shadow.

    def _apply_desk(self, message: ApplyDesk) -> None:
        known = self.system.desks.get(self.address[1])
        before, channels = (known.agents, known.channels) if known is not None else ({}, {})
        self.take_in([events.DeskApplied(message.digest, message.text, message.source, message.changes)])
        for agent in sorted(before.keys() - self.desk.agents.keys()):
            self.system.tell(("agent", self.address[1], agent), DeskChanged())
        for agent in sorted(self.view.roster):
            self._withdraw(agent)
        if gone := frozenset(channels.keys() - self.desk.channels.keys()):
            self.removal.tell_those_in_memory(gone)

    def _operator_sets_order(self, message: OperatorSetsOrder) -> None:
        self.take_in([order_changed(message, "operator", self.system.now)])

    def _apply_shadow(self, message: ApplyShadow) -> None:
        self.take_in([events.ShadowApplied(message.digest, message.text)])
        self._raise_shadow()

    def _raise_shadow(self) -> None:
        """Begin anew with the shadow's desk, if there is one, and all facts."""
        self.shadow = None
        state = self.state
        if state.shadow_text:
            name = f"the shadow desk of {self.address[1]} in the journal"
            self.shadow = Shadow(parse_desk(state.shadow_text, name), state.shadow_digest)
            self._shadow(self._set_orders)
            self._shadow(lambda shadow: fill(self, shadow.view))
            now = self.system.now
            self._shadow(lambda shadow: shadow.view.take_turns(self.view, self.view.roster, now))

    def _shadow(self, act: Callable[[Shadow], object]) -> None:
        """Have the shadow do something, if there is one; when it fails it is switched off, no more."""
        if self.shadow is None:
            return
        try:
            act(self.shadow)
        except Exception as error:
            self.shadow = None
            self.figures.shadow_failures += 1
            self.system.observer.actor_failed(self.address, "the shadow policy", error)
            self.system.tell(self.address, ApplyShadow("", ""))

    def _set_aside(self, letter: events.SetAside) -> None:
        self.take_in([letter])

    def _look(self, _: Tick | GoOn) -> None:
        """A time has come, or there is more to decide: settling sees to it."""

    def order_of(self, department: str) -> str:
        """Return the order of a department's queue: as it was set while running, else the desk's (D2)."""
        chosen = self.state.orders.get(department)
        return chosen.order if chosen is not None else self.view.department(department).order

    # Decisions.

    def settle(self) -> None:
        """Decide all that is due: nobody waits for a poll."""
        now = self.system.now
        self._sorted_anew = False
        if not self.desk.departments:
            return
        more_at = self.removal.step_if_due(now)
        self.auditor.step_if_due(now)
        decisions = self.view.decide(now, DECISIONS_AT_ONCE)
        self._shadow(lambda shadow: shadow.compare(self.view, decisions, self.under_way, now))
        for decision in decisions:
            self.figures.decided(decision)
            self._carry_out(decision)
        self.under_way.clear()
        self._waking.clear()
        self.chosen.clear()
        again = self._again(len(decisions)) if self.view.pending else self.view.next_at
        self.deadline = min(at for at in (again, more_at, self.auditor.due_at) if at is not None)

    def _again(self, many: int) -> float | None:
        """There is more to decide: in this turn if it has not been long, else in the next one, at once."""
        now, head = self.system.now, self.system.head
        at, of, decided = self._decided
        decided = many + (decided if (at, of) == (now, head) else 0)
        self._decided = (now, head, decided)
        if decided >= DECISIONS_PER_TURN:
            return now
        self.system.tell(self.address, GoOn())
        return self.view.next_at

    def _carry_out(self, decision: Decision) -> None:
        match decision:
            case Offer():
                self.tell_conversation(decision.conversation, self._order_of(decision))
            case Overflow():
                move = MoveTo(decision.department, decision.reason.value)
                self.tell_conversation(decision.conversation, move)
            case TurnedAway():
                text = self.view.department(self._queue_of(decision.conversation)).turned_away
                self.tell_conversation(decision.conversation, TurnAway(decision.reason.value, text))
            case OrderEnded():
                self.take_in([events.OrderChanged(decision.department, "", "")])

    def _order_of(self, offer: Offer) -> MakeOffer | AssignDirectly:
        if offer.direct:
            return AssignDirectly(offer.agent, offer.why)
        timeout_s = self.view.department(self._queue_of(offer.conversation)).offer_timeout_s
        return MakeOffer(self.system.make_id(), offer.agent, self.system.now + timeout_s, offer.why)

    def _queue_of(self, conversation: str) -> str:
        report = self.view.conversations.get(conversation)
        return report.department if report is not None else ""

    def _carry_command(self, told: Told) -> None:
        if not self.answered_before(told) and not self.shut_out(told):
            ASKED[type(told.message)](self, told)

    # State.

    def audience(self, event: Any) -> tuple[str, ...]:
        """Whoever serves a queue learns that its order has changed."""
        if isinstance(event, events.OrderChanged):
            agents = self.desk.agents.items()
            return tuple(f"agent/{agent}" for agent, it in agents if event.department in it.departments)
        return ()

    def apply(self, event: Any, sequence: int, at: float) -> None:
        """Take an event into the state."""
        state = self.state
        state.sequence = sequence
        if isinstance(event, events.DeskApplied):
            state.text, state.digest = event.text, event.digest
            if event.source == "file":
                state.file_digest = event.digest
            before = self.system.desks.get(self.address[1])
            self._bring_into_force()
            self._note_leaving(before)
            for department in state.orders.keys() - self.desk.departments.keys():
                self._set_order(events.OrderChanged(department, "", ""), at)
        elif isinstance(event, events.OrderChanged):
            self._set_order(event, at)
        elif isinstance(event, events.ChannelCleared):
            state.leaving = [channel for channel in state.leaving if channel != event.channel]
        elif isinstance(event, events.ShadowApplied):
            state.shadow_text, state.shadow_digest = event.text, event.digest

    def _note_leaving(self, before: Desk | None) -> None:
        gone = {*self.state.leaving, *(before.channels if before is not None else ())}
        self.state.leaving = sorted(gone - self.desk.channels.keys())

    def _set_order(self, event: events.OrderChanged, at: float) -> None:
        department, order, until, before = event.department, event.order, event.until, event.backlog_before
        if order:
            self.state.orders[department] = OrderSet(order, until, before)
        else:
            self.state.orders.pop(department, None)
        self.view.set_order(department, order, until, before, at)
        self._shadow(lambda shadow: shadow.set_order(department, order, until, before, at))

    def _bring_into_force(self) -> None:
        tenant = self.address[1]
        before = self.system.desks.get(tenant)
        self.system.desks[tenant] = parse_desk(self.state.text, f"the desk of {tenant} in the journal")
        self.system.facts.clear()
        if before is not None and sorts(before) != sorts(self.desk):
            self._sorted_anew = True
            sort_anew(self, self.view)
            self._shadow(lambda shadow: sort_anew(self, shadow.view))
        self.view.set_desk(self.desk, self.state.digest, self.system.now)

    def sequence(self) -> int:
        """Return the newest sequence of the dispatcher's stream."""
        return self.state.sequence

    def freeze(self) -> SnapshotRow:
        """Return the state; dispatchers are always in memory."""
        return SnapshotRow(self.address, 0, _encoder.encode(self.state), live=True)

    def thaw(self, body: bytes) -> None:
        """Take over a snapshot."""
        self.state = _decoder.decode(body)
        if self.state.text:
            self._bring_into_force()

    def woken(self, *, from_parked: bool) -> None:
        """Fill the view: what is parked is counted in the store, who is in memory is asked, all in one go."""
        tenant = self.address[1]
        desk = self.system.desks.get(tenant) or Desk(tenant=tenant)
        self.view = View(desk, self.state.digest)
        self._set_orders(self.view)
        fill(self, self.view)
        self.view.restarted()
        self._raise_shadow()
        self.unsettled = True

    def sort_of(self, channel: str, holds: bool = True) -> tuple[str, int]:
        """Return the kind of a channel, and the weight of its conversations.

        What holds no capacity weighs nothing, and counts for no channel's limit (F5).
        """
        if not holds:
            return RELEASED
        settings = self.desk.channels.get(channel)
        return (settings.kind, settings.weight) if settings is not None else ("", 1)

    def _set_orders(self, of: View | Shadow) -> None:
        for department, it in self.state.orders.items():
            of.set_order(department, it.order, it.until, it.backlog_before, self.system.now)


#: What a dispatcher can be told: every one has its answer here.
HANDLERS: dict[type[Any], Callable[[DispatcherActor, Any], None]] = {
    Report: DispatcherActor._take_report,
    AgentNews: DispatcherActor._take_agent,
    OwnedBy: DispatcherActor._pass_on,
    HandOverAll: DispatcherActor._hand_over,
    Told: DispatcherActor._carry_command,
    ApplyDesk: DispatcherActor._apply_desk,
    ApplyShadow: DispatcherActor._apply_shadow,
    OperatorSetsOrder: DispatcherActor._operator_sets_order,
    events.SetAside: DispatcherActor._set_aside,
    Tick: DispatcherActor._look,
    GoOn: DispatcherActor._look,
}
