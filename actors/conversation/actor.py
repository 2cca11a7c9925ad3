"""The shell of a conversation:

gather facts, decide, record, apply; then report to the dispatcher what has changed.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import msgspec

from actors.agent.machine import OfferUnanswered
from actors.channel.machine import Bounced, Bound, Closed, Forget, Left, ReopenWanted, ended_key
from actors.conversation import outbox, transfer
from actors.conversation.changes import TIMES, apply
from actors.conversation.labels import may_label
from actors.conversation.limits import rules_of
from actors.conversation.machine import TABLE, decide
from actors.conversation.orders import (
    Begin,
    BeginProactively,
    ChannelGone,
    Claim,
    Expire,
    InviteAsked,
    Refusal,
    Reopening,
    TransferAsked,
)
from actors.conversation.state import (
    BINDING,
    IN_HAND,
    NOBODYS,
    OVER,
    Conversation,
    Facts,
    Outcome,
    Status,
    may_act,
    not_yours,
)
from actors.conversation.styles import style_of
from actors.conversation.view import audience, hearers
from actors.conversation.window import lapsed
from actors.customer.address import customer_address
from actors.dispatcher.facts import RELEASED, Report, nobodys
from actors.events import AnyEvent
from actors.events.conversation import AgentWrote, FirstReplyMissed, OfferExpired
from actors.journal import Address, SnapshotRow
from actors.permissions import supervisors
from actors.runtime import System
from actors.shell import Shell
from actors.telling import Tick, Told
from protocol.channels import CustomerActed, DeliveryReport
from protocol.customers import InviteVisitor
from protocol.life import Reopen
from protocol.messages import Ack, CustomerMessage, ReadThread, Refused

#: Orders that have a client's command in them.
WITH_COMMAND = frozenset({Begin, BeginProactively, Claim, TransferAsked, InviteAsked, Reopening})
#: Statuses whose deadlines are waited for in the store (``SnapshotRow.wake_at``), and cost no memory.
SLEEPS = frozenset({Status.SOLVED, Status.MUTED, Status.ENDED})


class ThreadGrant(NamedTuple):
    """The agent may read the thread; whoever runs the turn answers with it after the flush."""

    id: bytes
    conversation: str
    after: int
    limit: int
    last: int


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Conversation)


class ConversationActor(Shell):
    """One conversation."""

    kind = "conversation"

    def __init__(self, system: System, address: Address) -> None:
        super().__init__(system, address)
        self.state = Conversation()
        #: Who hears what the customer and the assignee write; None when that is to be found out anew.
        self._hearers: dict[type[Any], tuple[str, ...]] | None = None
        #: The dispatcher was told of this conversation.
        self._known = False
        #: The channel was told that it has ended.
        self._end_told = False
        #: The last message that was to begin it.
        self._first: CustomerMessage | InviteVisitor | None = None
        #: As what the dispatcher has counted it while it was parked; None: as what it is.
        self._counted_as: tuple[str, int] | None = None
        #: What it said when it was woken: the dispatcher counts it as parked until it takes this in.
        self.woken_as: Report | None = None
        #: The channel was told that nothing has begun here.
        self._given_up = False
        #: Its first message has come in this turn.
        self._begun = False

    def on_receive(self, message: Any) -> None:
        """Carry out a command of a client, or an order of another actor."""
        self._carry_out([message])

    def _carry_out(self, messages: list[Any]) -> None:
        """The hot path: nearly every message that anybody writes is one event, and goes straight through."""
        system, state = self.system, self.state
        facts: Facts | None = system.facts.get(self.address[1])
        record, now = system.record, system.now
        for told in messages:
            if type(told) is not Told:
                self._carry_out_other(told)
                continue
            command = told.message
            recent = told.recent or system.commands.of(told.tenant, told.sender)
            ident = command.id
            if (ident <= recent.newest or ident in recent.positions) and self.answered_before(told):
                continue
            session = told.session
            if session is not None and session.epoch != session.lease.epoch:
                self.shut_out(told)
                continue
            rule = TABLE[state.status].get(type(command))
            if rule is None:
                self._carry_out_apart(told)
                continue
            if facts is None:
                facts = self._facts()
            outcome = rule(state, command, facts)
            if isinstance(outcome, Refusal):
                self._refused(told, outcome)
            elif len(outcome) == 1:
                event, sequence = outcome[0], state.sequence + 1
                hears = (self._hearers or self._find_hearers()).get(type(event))
                if hears is None or (type(event) is AgentWrote and event.author):
                    hears = audience(state, event)
                record(self, event, sequence, hears, told)
                changed = apply(state, event, sequence, now)
                if changed:
                    self._note(changed)
            elif outcome:
                self.take_in(outcome, told)
            else:
                self._without_effect(told)

    on_batch = _carry_out

    def _without_effect(self, told: Told) -> None:
        """Whether one that has ended may be taken up again is for the channel to say: it comes back. What a
        gateway reports and is known already changes nothing, and is acknowledged.
        """
        if type(told.message) is Reopen:
            self._tell_end()  # Perhaps it has ended in this very turn: that is older than the wish.
            self.system.tell(self._channel(), ReopenWanted(told, self.state.contact))
            return
        assert type(told.message) is DeliveryReport, "all other commands have an event, or a refusal"
        at = self.system.head + len(self.system.entries)
        self.system.reply(told, Ack(told.message.id, at, self.address[2], self.state.sequence))

    def _carry_out_other(self, message: Any) -> None:
        """Carry out what another actor, or the clock, asks for."""
        kind = type(message)
        if kind is Tick:
            self._expire()
        elif kind in WITH_COMMAND:
            self._carry_out_order(message)
        else:
            outcome = decide(self.state, message, self._facts())
            assert not isinstance(outcome, Refusal), "nobody waits for the answer of an order"
            self.take_in(outcome)
            # Whoever gave the order has reckoned with it: tell what has become of it, be it nothing.
            self.unsettled = True

    def _note(self, changed: int) -> None:
        """More has changed than that somebody has written."""
        if changed is TIMES:
            self._rearm()
        else:
            self.unsettled, self._hearers = True, None

    def _carry_out_order(
        self, order: Begin | BeginProactively | Claim | TransferAsked | InviteAsked | Reopening
    ) -> None:
        """An order that has a client's command in it, which is answered from here."""
        told = order.told
        self.unsettled = True
        if type(order) is Begin and self._given_up:
            # Sent before the channel has heard that: it begins another one.
            self.system.tell(("channel", self.address[1], told.message.channel), told)
            return
        if not self.answered_before(told) and not self.shut_out(told):
            outcome: Outcome = decide(self.state, order, self._facts())
            if isinstance(outcome, Refusal):
                self._refused(told, outcome)
            else:
                self._begun = type(order) is Begin
                self.take_in(outcome, told)
        if type(order) in (Begin, BeginProactively):
            self._first = told.message
        elif self.state.status is Status.ENDED and type(order) is Reopening:
            # It was refused after all, and the channel has bound the customer to it.
            self.system.tell(self._channel(), Closed(self.state.contact, self.address[2], self.left()))

    def _expire(self) -> None:
        """Carry out all that is due, one thing after the other."""
        command, facts = Expire(), self._facts()
        while outcome := decide(self.state, command, facts):
            assert not isinstance(outcome, Refusal), "time is never refused"
            self.take_in(outcome)
            self._tell_unanswered(outcome)
        if lapse := lapsed(self.state, self.system.now):
            self.take_in(lapse)
        self._watch_outbox()
        self.unsettled = True

    def _watch_outbox(self) -> None:
        """Give to the gateway again whatever is due, and note what nobody has reported on."""
        state, now = self.state, self.system.now
        if not state.outbox:
            return
        for sequence in outbox.due(state.outbox, now):
            written = self.system.read_stream(self.address, sequence - 1, 1)
            event = written[0].event if written else None
            self.take_in([outbox.again(state, sequence, event, self._facts())])
        if late := outbox.overdue(state.outbox, now):
            self.take_in(late)

    def _rearm(self) -> None:
        """See to it that the next deadline is not missed; whether there is an earlier one is seen then."""
        due, set_for = self.state.deadline(), self.deadline_set
        if due is not None and (set_for is None or due < set_for):
            self.deadline = self.deadline_set = due
            self.system.timers.set(self.address, due)

    def _carry_out_apart(self, told: Told) -> None:
        """What is no row of the table: reading changes nothing, abuse is about the customer."""
        if type(told.message) is ReadThread:
            self._grant_thread(told)
            return
        state, wanted = self.state, told.message
        if state.status is not Status.NEW and may_act(
            state, wanted.agent, "manage_customers", self._facts().desk
        ):
            address = customer_address(self.address[1], state.channel, state.contact)
            self.system.tell(address, told)
        else:
            refusal = not_yours()
            self.system.refuse(told, refusal.code, refusal.message)

    def _grant_thread(self, told: Told) -> None:
        wanted, state = told.message, self.state
        if not wanted.agent or not self._may_read(wanted.agent):
            refusal = not_yours()
            self.system.refuse(told, refusal.code, refusal.message)
            return
        grant = ThreadGrant(wanted.id, wanted.conversation, wanted.after, wanted.limit, state.sequence)
        self.system.reply(told, grant)

    def _may_read(self, agent: str) -> bool:
        """Who is in the conversation or is offered it; who had it last when it ended; who may help them."""
        return self.state.status is not Status.NEW and may_label(self.state, agent, self._facts().desk)

    def _find_hearers(self) -> dict[type[Any], tuple[str, ...]]:
        self._hearers = found = hearers(self.state)
        return found

    def _facts(self) -> Facts:
        """Return what decisions may know in this turn: the same for all conversations of the tenant."""
        system, tenant = self.system, self.address[1]
        facts: Facts | None = system.facts.get(tenant)
        if facts is None:
            desk, rules = system.desks[tenant], system.rules.get(tenant)
            if rules is None or rules.desk is not desk:
                rules = system.rules[tenant] = rules_of(desk)
            leases = system.leases
            facts = system.facts[tenant] = Facts(
                system.now,
                desk,
                partial(leases.there, tenant),
                partial(leases.keeps, tenant),
                partial(system.media, tenant),
                rules,
            )
        return facts

    def _refused(self, told: Told, refusal: Refusal) -> None:
        state, system = self.state, self.system
        if state.status in OVER and type(told.message) in (CustomerMessage, CustomerActed):
            # A customer's message is not refused because its conversation has just ended: it begins another.
            system.tell(self._channel(), Bounced(self.address[2], told, self.left()))
        elif refusal.window_rule:
            code, text, rule, closes_at, left = refusal
            system.reply(told, Refused(code.value, text, told.message.id, 0.0, rule, closes_at, left))
            channel = self._facts().desk.channels[state.channel]
            system.window_refusals[channel.kind, rule] += 1
        else:
            system.refuse(told, refusal.code, refusal.message)

    def _tell_unanswered(self, outcome: list[AnyEvent]) -> None:
        for event in outcome:
            if isinstance(event, OfferExpired):
                self.system.tell(("agent", self.address[1], event.agent), OfferUnanswered(event.offer))

    def _channel(self) -> Address:
        return ("channel", self.address[1], self.state.channel)

    def audience(self, event: AnyEvent) -> tuple[str, ...]:
        """Return who must learn of an event."""
        streams = audience(self.state, event)
        if type(event) is FirstReplyMissed:
            # Whoever could give the conversation to somebody else.
            who = supervisors(self._facts().desk, "transfer_for_others", (self.state.department,))
            streams = tuple(dict.fromkeys((*streams, *(f"agent/{agent}" for agent in who))))
        return streams

    def settle(self) -> None:
        """Report to the dispatcher when anything it goes by has changed."""
        state = self.state
        if state.status is Status.NEW:
            # Somebody has guessed an id, or what should have begun it was refused: there is no such
            # conversation. Not before all is heard: a second message may have begun it.
            if self._first is not None:
                self._given_up = True
                channel = ("channel", self.address[1], self._first.channel)
                self.system.tell(channel, Forget(self._first.contact, self.address[2]))
            # The dispatcher may have booked a place for it, or have given it an order.
            nobody = nobodys(self.address[2], "", self.system.now)
            self.system.tell(("dispatcher", self.address[1], ""), nobody)
            self.system.discard(self)
            return
        self.deadline = state.deadline()
        self._report()
        self._tell_end()

    def _tell_end(self) -> None:
        """The next message of the customer begins a new conversation, and this one's agent comes first."""
        state = self.state
        if state.status in BINDING:
            self._end_told = False
        elif not self._end_told:
            self._end_told = True
            self.system.tell(self._channel(), Closed(state.contact, self.address[2], self.left()))

    def left(self) -> Left:
        """Return what it leaves to the customer's next conversation, once it is over."""
        return Left(self.state.served_by(), self.state.window, self.state.over_at)

    def announcement(self, *, parked: bool = False, woken: bool = False) -> Report | None:
        """Return all that routing goes by."""
        state = self.state
        if state.status in NOBODYS and not self._known:
            return None
        out = self.address in self.system.supervisor.out
        under_way = transfer.phase(state)
        waiting = state.status is Status.QUEUED or under_way is transfer.Phase.QUEUED
        department, entered = state.department, state.entered
        if state.transfer is not None:
            department, entered = state.transfer.to_department or department, state.transfer.entered
        kind, weight = self._sort()
        return Report(
            self.address[2],
            waiting and not out,
            department,
            state.since,
            state.offer.agent if state.offer else "",
            state.assignee if state.status not in NOBODYS else "",
            state.declined,
            parked,
            woken,
            entered,
            state.priority,
            tuple(sorted(state.skills.items())),
            state.language,
            kind,
            weight,
            state.previous or state.served_before,
            under_way is not transfer.Phase.NONE,
            (*state.members, *state.invitations),
            self._begun and not state.greeted,
            self._counted_as if woken else None,
        )

    def _sort(self) -> tuple[str, int]:
        """Return the kind of its channel, and how many units of an agent's capacity it takes."""
        return self._sort_if(self._holds())

    def _sort_if(self, holds: bool) -> tuple[str, int]:
        if not holds:
            return RELEASED
        channel = self.system.desks[self.address[1]].channels.get(self.state.channel)
        return (channel.kind, channel.weight) if channel is not None else ("", 1)

    def _holds(self) -> bool:
        """Say whether it takes capacity: not while it waits for somebody and the style says so (F5), but
        again as soon as it is on its way to another agent.
        """
        state = self.state
        if state.status is Status.OPEN or state.transfer is not None:
            return True
        return state.status.value not in style_of(state.style, self._facts().desk).releases

    def _report(self, *, parked: bool = False, woken: bool = False) -> None:
        self._known = True
        report = self.announcement(parked=parked, woken=woken)
        if woken:
            self.woken_as = report
        self._begun = False
        self.system.tell(("dispatcher", self.address[1], ""), report)

    def put_out(self) -> None:
        """Nothing is offered any more."""
        self._report()

    def apply(self, event: Any, sequence: int, at: float) -> None:
        """Take an event into the state."""
        changed = apply(self.state, event, sequence, at)
        if changed:
            self.unsettled = True
            if changed is not TIMES:
                self._hearers = None

    def sequence(self) -> int:
        """Return the newest sequence of the conversation."""
        return self.state.sequence

    def freeze(self) -> SnapshotRow:
        """Return the state:

        live while the dispatcher or a deadline has to find it in memory; found by its contact, under one key
        while the customer's messages belong to it and under another afterwards.
        """
        state = self.state
        over, channel, contact = state.status in OVER, state.channel, state.contact
        lookup = ended_key(channel, contact) if over else f"{channel}/{contact}"
        parks = self.may_park()
        return SnapshotRow(
            self.address,
            0,
            _encoder.encode(state),
            live=not parks,
            lookup=None if state.status is Status.NEW else lookup,
            owner=(state.assignee or None) if state.status not in NOBODYS else None,
            holds=self._holds(),
            wake_at=state.deadline() if parks else None,
            over_at=state.over_at if over else None,
        )

    def thaw(self, body: bytes) -> None:
        """Take over a snapshot."""
        self.state, self._hearers = _decoder.decode(body), None

    def woken(self, *, from_parked: bool) -> None:
        """Announce the conversation to its channel and its dispatcher."""
        state = self.state
        self.deadline = state.deadline()
        if state.status is Status.NEW:
            return
        if state.status not in BINDING:
            # One that was parked is found in the store.
            self._end_told = from_parked
            if not from_parked:
                self._tell_end()
        else:
            self.system.tell(self._channel(), Bound(state.contact, self.address[2]))
            if from_parked and state.channel not in self.system.desks[self.address[1]].channels:
                self.system.tell_first(self, ChannelGone())
        if from_parked and state.status in IN_HAND and state.status is not Status.OPEN:
            # Its style may release something else since then, and the row says what was counted.
            row = self.system.store.snapshot(self.address)
            self._counted_as = self._sort_if(row is None or row.holds)
        if state.status not in NOBODYS:
            self._report(woken=from_parked)

    def may_park(self) -> bool:
        """Who is with an agent, or with nobody, may leave memory; who waits for anybody may not, nor who has
        a time to wait for with an agent. What has not begun leaves with its turn, and nothing of it is kept.
        """
        state = self.state
        if state.status in IN_HAND:
            if state.members or state.pressing() is not None:
                return False
        elif state.status not in SLEEPS:
            return False
        # Whose time has come is looked for among those in memory: the store's list may be past it.
        due = state.deadline()
        return due is None or due > self.system.now

    def parked(self) -> None:
        """Let channel and dispatcher forget the conversation; it is found again by its contact or id."""
        state = self.state
        self.system.tell(self._channel(), Forget(state.contact, self.address[2]))
        if state.status in IN_HAND:
            self._report(parked=True)
