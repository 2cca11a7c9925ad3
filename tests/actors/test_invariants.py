"""A tenant in play: customers and agents do what they like, time passes, the process dies; the invariants of
GUARANTEES section 4 hold after every turn.

The journal is read by a second opinion (tests/actors/oracle.py, second_opinion.py) that shares no code with
the actors.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, get_args

import pytest
from hypothesis import Phase, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from actors.agent.machine import SessionOpened
from actors.dispatcher import audit
from actors.dispatcher.actor import ApplyDesk, ApplyShadow
from actors.telling import Told
from config.desk import desk_digest
from config.routing import Order
from protocol.content import Text
from protocol.life import AddNote, CancelEnd, CustomerRating, Reopen, SetStatus, Tag
from protocol.messages import (
    Accept,
    Ack,
    AgentMessage,
    CustomerLeft,
    CustomerMessage,
    Decline,
    End,
    Logout,
    Refused,
    SetPresence,
)
from protocol.teamwork import (
    CancelInvitation,
    CancelTransfer,
    EndConference,
    HandOver,
    InvitationMade,
    Invite,
    Join,
    Leave,
    RefuseInvitation,
    SetOrder,
    Take,
    TakeNext,
    Transfer,
)
from tests.actors.oracle import Oracle, crashed, journal_only, projection, recovered
from tests.actors.second_opinion import Opinion
from tests.actors.small import parse_desks_once, parse_once, small_steps
from tests.stage import Stage, desk_text

GRACE_S = 60
CONTACTS = st.sampled_from(["ann", "bob", "cho", "dee"])
WEIGHTS = {"web": 1, "app": 1, "mail": 2}
CHANNELS = st.sampled_from(sorted(WEIGHTS))
#: Who serves what: an agent of two departments, a skilled one, and one who may do more.
PEOPLE = {
    "a1": 'departments = ["help", "sales"]',
    "a2": "skills = { wine = 5 }",
    "a3": 'departments = ["sales"]\nskills = { wine = 2 }',
    "boss": 'departments = ["help", "sales"]\nrole = "supervisor"',
}
AGENTS = st.sampled_from(sorted(PEOPLE))
DEPARTMENT_NAMES = ("help", "sales")
DEPARTMENTS = st.sampled_from(DEPARTMENT_NAMES)
PRESENCES = st.sampled_from(["online", "online", "busy", "away", "transfer_only", "finishing", "offline"])
MODES = st.sampled_from(["push", "push", "direct", "pull"])
RING = "rings = [{ after_s = 45, relax = ['skills'], departments = ['sales'] }]"

WORK = ("accept", "accept", "accept", "decline", "say", "end", "presence", "take", "next", "status", "status")
LIFE = ("later", "call off", "reopen", "note", "tag")
TEAM = ("transfer", "cancel", "invite", "join", "out", "hand_over", "order")

Telling = tuple[tuple[str, str, str], Any]


def desk_of(capacity: int, mode: str = "push", order: str = "longest_wait", *, without: str = "") -> str:
    """Return the desk of the play: two departments of different kinds, three channels of different weight.

    ``without`` is an agent who has left.
    """
    wraps_up = "wrap_up_required = true\nwrap_up_timeout_s = 45" if mode != "pull" else ""
    return desk_text(
        agents=0,
        capacity=capacity,
        departments={
            "help": f"{RING}\noverflow = 'sales'\nat_limit = 'overflow'\nwait_max_s = 300",
            "sales": f"mode = '{mode}'\norder = '{order}'\novertaken_max = 0\nprevious_agent_window_s = 7",
        },
        people={agent: lines for agent, lines in PEOPLE.items() if agent != without},
        channels={
            "app": "department = 'sales'\npriority = 2\nkind = 'sms'\nstyle = 'live_chat_with_return'",
            "mail": "kind = 'sms'\nweight = 2\nskills = { wine = 3 }\nstyle = 'social_messaging'",
        },
        policies=f"grace_s = {GRACE_S}\nbusy_fallback = 'never'\n{wraps_up}",
    )


class Tenant(RuleBasedStateMachine):
    """Everything that can be done to a tenant; every rule is one turn."""

    @initialize(
        lag=st.sampled_from([0, 1, 3, 10, 20_000]),
        step=st.sampled_from([1, 2, 32]),
        capacity=st.integers(2, 4),
        mode=MODES,
        order=st.sampled_from(get_args(Order)),
        shadow=st.booleans(),
        people=st.sets(AGENTS),
    )
    def open_the_desk(
        self, lag: int, step: int, capacity: int, mode: str, order: str, shadow: bool, people: set[str]
    ) -> None:
        self.patch = pytest.MonkeyPatch()
        small_steps(self.patch, lag, step)
        parse_desks_once(self.patch)
        self.mode, self.order = mode, order
        text = desk_of(capacity, mode, order)
        self.desk = parse_once(text, "the play")
        self.stage = Stage(desk=text)
        self.oracle = Oracle(weights=WEIGHTS, releases=frozenset({"social_messaging"}))
        self.logged_in: dict[str, None] = {}
        self.sent: list[tuple[Telling, Any]] = []
        self.used_before: dict[str, int] = {}
        self.waited_before: dict[str, float] = {}
        self.orders_before: dict[str, str] = {}
        #: A shadow that was once of another desk has seen another history: who has passed whom.
        self.shadow_is_the_same = True
        if shadow:
            self.stage.turn((("dispatcher", "acme", ""), ApplyShadow(text, desk_digest(text))))
        self.check()
        for agent in sorted(people):
            self.an_agent_logs_in(agent)

    def teardown(self) -> None:
        if hasattr(self, "patch"):
            self.patch.undo()

    # What can be told. Each makes one message; a rule tells one, or several in one turn.

    def write(self, channel: str, contact: str) -> Telling:
        ident = self.stage.command_id()
        return self.stage.from_gateway(CustomerMessage(ident, channel, contact, Text(f"says {ident.hex()}")))

    def leave(self, channel: str, contact: str) -> Telling:
        return self.stage.from_gateway(CustomerLeft(self.stage.command_id(), channel, contact))

    def offered_now(self) -> list[tuple[str, str]]:
        threads = self.oracle.threads.items() if hasattr(self, "oracle") else ()
        live = [(ident, offer.agent) for ident, thread in threads for offer in thread.offers]
        return [(ident, agent) for ident, agent in live if agent in self.logged_in]

    def owned_now(self) -> list[tuple[str, str]]:
        threads = self.oracle.threads.items() if hasattr(self, "oracle") else ()
        owned = [(ident, agent) for ident, thread in threads for agent in thread.assignees]
        return [(ident, agent) for ident, agent in owned if agent in self.logged_in]

    def set_apart_now(self) -> list[str]:
        threads = self.oracle.threads.items() if hasattr(self, "oracle") else ()
        return [
            ident for ident, thread in threads if thread.status not in ("new", "queued", "offered", "open")
        ]

    def answer(
        self, agent: str, data: st.DataObject, kind: type[Accept] | type[Decline], about: str = ""
    ) -> Any:
        """Mostly the agent's own live offer, sometimes somebody else's; or that of the conversation."""
        threads = self.oracle.threads.items()
        live = [(ident, offer) for ident, thread in threads for offer in thread.offers]
        live = [item for item in live if item[0] == about] or live
        mine = [item for item in live if item[1].agent == agent] or live
        ident, offer = data.draw(st.sampled_from(mine)) if mine else ("nothing", None)
        return kind(self.stage.command_id(), agent, ident, offer.offer if offer else "no-offer")

    def owned_or_any(self, agent: str, data: st.DataObject) -> str:
        threads = self.oracle.threads
        mine = [ident for ident, thread in threads.items() if thread.assignees == [agent]]
        return data.draw(st.sampled_from(mine or sorted(threads) or ["nothing"]))

    def waiting_or_any(self, data: st.DataObject) -> str:
        waiting = sorted(ident for ident, _ in self.oracle.waiting())
        return data.draw(st.sampled_from(waiting or sorted(self.oracle.threads) or ["nothing"]))

    def invited(self, agent: str, data: st.DataObject) -> tuple[str, str]:
        made = [
            (delivered.conversation, delivered.news.invitation.invitation)
            for delivered in self.stage.mail.get(f"agent/{agent}", [])
            if isinstance(delivered.news, InvitationMade)
        ]
        return data.draw(st.sampled_from(made[-3:])) if made else ("nothing", "none")

    def anything(self, data: st.DataObject) -> Telling:
        """Draw one message that a hub would let through."""
        customers = ["write", "write", "leave", "rate"]
        kind = data.draw(st.sampled_from(customers + ([*WORK, *TEAM, *LIFE] if self.logged_in else [])))
        if kind == "write":
            return self.write(data.draw(CHANNELS), data.draw(CONTACTS))
        if kind == "leave":
            return self.leave(data.draw(CHANNELS), data.draw(CONTACTS))
        if kind == "rate":
            who = (data.draw(CHANNELS), data.draw(CONTACTS))
            return self.stage.from_gateway(CustomerRating(self.stage.command_id(), *who, 4))
        agent = data.draw(st.sampled_from(sorted(self.logged_in)))
        make = self.work if kind in WORK else self.life if kind in LIFE else self.teamwork
        return self.stage.command(agent, make(kind, agent, data))

    def life(self, kind: str, agent: str, data: st.DataObject) -> Any:
        ident, threads = self.stage.command_id(), sorted(self.oracle.threads) or ["nothing"]
        match kind:
            case "reopen":
                over = [it for it in threads if it in self.oracle.threads and self.is_over(it)]
                return Reopen(ident, agent, data.draw(st.sampled_from(over or threads)))
            case "later":
                after_s = data.draw(st.sampled_from([5.0, 40.0]))
                return End(ident, agent, self.owned_or_any(agent, data), "done", after_s)
            case "call off":
                return CancelEnd(ident, agent, self.owned_or_any(agent, data))
            case "note":
                return AddNote(ident, agent, self.owned_or_any(agent, data), "note")
        return Tag(ident, agent, self.owned_or_any(agent, data), [data.draw(st.sampled_from("ab"))], ["a"])

    def is_over(self, ident: str) -> bool:
        return self.oracle.threads[ident].status in ("ended", "solved")

    def work(self, kind: str, agent: str, data: st.DataObject) -> Any:
        ident = self.stage.command_id()
        match kind:
            case "accept":
                return self.answer(agent, data, Accept)
            case "decline":
                return self.answer(agent, data, Decline)
            case "presence":
                return SetPresence(ident, agent, data.draw(PRESENCES))
            case "take":
                return Take(ident, agent, self.waiting_or_any(data))
            case "next":
                return TakeNext(ident, agent, data.draw(st.sampled_from(["", "help", "sales"])))
            case "say":
                return AgentMessage(ident, agent, self.owned_or_any(agent, data), Text("yes?"))
            case "status":
                status: Any = data.draw(st.sampled_from(["open", "pending", "pending", "on_hold"]))
                return SetStatus(ident, agent, self.owned_or_any(agent, data), status)
        return End(ident, agent, self.owned_or_any(agent, data), "done")

    def teamwork(self, kind: str, agent: str, data: st.DataObject) -> Any:
        ident, thread = self.stage.command_id(), self.owned_or_any(agent, data)
        if kind == "transfer":
            to = data.draw(st.sampled_from(["agent", "department"]))
            if to == "agent":
                return Transfer(ident, agent, thread, to_agent=data.draw(AGENTS), reason="done")
            return Transfer(ident, agent, thread, to_department=data.draw(DEPARTMENTS), reason="done")
        if kind == "cancel":
            kinds = st.sampled_from([CancelTransfer, EndConference, Leave])
            cancel = data.draw(kinds)(ident, agent, thread)
            return EndConference(ident, agent, thread, "done") if type(cancel) is EndConference else cancel
        if kind == "invite":
            return Invite(ident, agent, thread, data.draw(AGENTS))
        if kind == "join":
            return Join(ident, agent, *self.invited(agent, data))
        if kind == "out":
            if data.draw(st.booleans()):
                return RefuseInvitation(ident, agent, *self.invited(agent, data))
            return CancelInvitation(ident, agent, thread, data.draw(AGENTS))
        if kind == "hand_over":
            presence: Any = data.draw(st.sampled_from(["away", "offline"]))
            if presence == "offline":
                # The last thing that the hub lets an agent say.
                self.logged_in.pop(agent)
            to = data.draw(st.sampled_from(["", "help", "sales", *PEOPLE]))
            return HandOver(ident, agent, presence, *(("", to) if to in ("help", "sales") else (to, "")))
        order: Any = data.draw(st.sampled_from(["", *get_args(Order)]))
        until: Any = data.draw(st.sampled_from(["", "backlog"]))
        return SetOrder(ident, agent, data.draw(DEPARTMENTS), order, until)

    def play(self, *telling: Telling, park_idle_s: float | None = None) -> None:
        """Run one turn and look at every answer."""
        replies = self.stage.turn(*telling, park_idle_s=park_idle_s)
        commands = [told for _, told in telling if isinstance(told, Told)]
        answered = sorted(reply.id for reply in replies)
        assert answered == sorted(told.message.id for told in commands), "I17: one answer to each command"
        self.check()
        self._replies_agree_with_the_journal(replies, {told.message.id: told for told in commands})
        by_id = {reply.id: reply for reply in replies}
        self.sent += [(one, by_id[one[1].message.id]) for one in telling if isinstance(one[1], Told)]

    def _replies_agree_with_the_journal(self, replies: list[Any], commands: dict[bytes, Told]) -> None:
        """I1 and I18: an acknowledged command is in the journal, a refused one is not."""
        for reply in replies:
            told = commands[reply.id]
            position = self.oracle.commands.get(("acme", told.sender, reply.id))
            if isinstance(reply, Ack):
                entry = self.oracle.entries[reply.position - 1]
                if position is None:  # Nothing had to change, so nothing was kept.
                    assert isinstance(told.message, Logout)
                    continue
                assert reply.position == position
                conversation = entry.id if entry.kind == "conversation" else ""
                assert (conversation, entry.sequence) == (reply.conversation, reply.sequence)
            else:
                assert isinstance(reply, Refused)
                assert position is None or reply.code == "ID_REUSED"

    # What people do.

    @rule(channel=CHANNELS, contact=CONTACTS)
    def a_customer_writes(self, channel: str, contact: str) -> None:
        self.play(self.write(channel, contact))

    @rule(data=st.data())
    def somebody_does_something(self, data: st.DataObject) -> None:
        self.play(self.anything(data))

    @rule(data=st.data(), many=st.integers(2, 5), logout=st.booleans())
    def several_things_come_in_one_turn(self, data: st.DataObject, many: int, logout: bool) -> None:
        telling = [self.anything(data) for _ in range(many)]
        if logout and self.logged_in:
            # The last thing that the hub lets an agent say.
            agent = data.draw(st.sampled_from(sorted(self.logged_in)))
            telling.append(self.stage.command(agent, Logout(self.stage.command_id(), agent)))
            del self.logged_in[agent]
        self.play(*telling)

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def a_command_is_sent_again(self, data: st.DataObject) -> None:
        telling, first = data.draw(st.sampled_from(self.sent[-20:]))
        agent = telling[1].sender.removeprefix("agent/")
        if agent in PEOPLE and agent not in self.logged_in:
            return
        known = ("acme", telling[1].sender, telling[1].message.id) in self.oracle.commands
        head = self.stage.system.head
        self.play(telling)
        if known:
            assert self.stage.system.head == head, "G3: a repeated command had an effect"
            (again,) = self.stage.replies
            if isinstance(first, Ack):
                assert (again.position, again.conversation) == (first.position, first.conversation)
                assert again.duplicate

    @precondition(lambda self: self.offered_now())
    @rule(data=st.data())
    def an_offer_is_accepted(self, data: st.DataObject) -> None:
        ident, agent = data.draw(st.sampled_from(self.offered_now()))
        self.play(self.stage.command(agent, self.answer(agent, data, Accept, ident)))

    @precondition(lambda self: self.offered_now())
    @rule(data=st.data())
    def everybody_accepts_at_once(self, data: st.DataObject) -> None:
        found = self.offered_now()
        self.play(
            *(self.stage.command(agent, self.answer(agent, data, Accept, ident)) for ident, agent in found)
        )

    @precondition(lambda self: self.owned_now())
    @rule(data=st.data(), many=st.integers(1, 3))
    def owners_do_something_with_what_they_have(self, data: st.DataObject, many: int) -> None:
        telling = []
        for _ in range(many):
            owned = self.owned_now()
            if owned:
                _, agent = data.draw(st.sampled_from(owned))
                kind = data.draw(st.sampled_from([*TEAM, *LIFE, "transfer", "say", "end", "status"]))
                make = self.teamwork if kind in TEAM else self.life if kind in LIFE else self.work
                telling.append(self.stage.command(agent, make(kind, agent, data)))
        self.play(*telling)

    @precondition(lambda self: self.owned_now())
    @rule(data=st.data(), kind=st.sampled_from(["pending", "on_hold", "end", "later", "leave", "note"]))
    def an_owner_moves_it_along(self, data: st.DataObject, kind: str) -> None:
        ident, agent = data.draw(st.sampled_from(self.owned_now()))
        thread, command = self.oracle.threads[ident], self.stage.command_id()
        match kind:
            case "pending" | "on_hold":
                status: Any = kind
                message: Any = SetStatus(command, agent, ident, status)
            case "end":
                message = End(command, agent, ident, "done")
            case "later":
                message = End(command, agent, ident, "done", 20.0)
            case "leave":
                self.play(self.leave(thread.channel, thread.contact))
                return
            case _:
                message = AddNote(command, agent, ident, "note")
        self.play(self.stage.command(agent, message))

    @precondition(lambda self: self.set_apart_now())
    @rule(
        data=st.data(),
        by=st.sampled_from(["reply", "reply", "reply", "history", "leave"]),
        park=st.booleans(),
    )
    def somebody_takes_it_up_again(self, data: st.DataObject, by: str, park: bool) -> None:
        ident = data.draw(st.sampled_from(self.set_apart_now()))
        thread = self.oracle.threads[ident]
        if park:
            self.play(park_idle_s=0.0)
        if by == "reply":
            self.play(self.write(thread.channel, thread.contact))
        elif by == "leave":
            self.play(self.leave(thread.channel, thread.contact))
        elif self.logged_in:
            agent = data.draw(st.sampled_from(sorted(self.logged_in)))
            self.play(self.stage.command(agent, Reopen(self.stage.command_id(), agent, ident)))

    @rule(agent=AGENTS)
    def an_agent_logs_in(self, agent: str) -> None:
        if agent not in self.desk.agents:
            return
        self.logged_in[agent] = None
        self.play((("agent", "acme", agent), SessionOpened()))

    @rule(seconds=st.sampled_from([0.0, 0.5, 5.0, 20.0, 30.0, 60.0, 61.0, 3700.0]), park=st.booleans())
    def time_passes(self, seconds: float, park: bool) -> None:
        self.stage.clock.advance(seconds)
        self.play(park_idle_s=seconds / 2 if park else None)

    @rule(data=st.data())
    def something_rare_happens(self, data: st.DataObject) -> None:
        kinds = ["park", "restart", "desk"] + (["lose", "log out"] if self.logged_in else [])
        kind = data.draw(st.sampled_from(kinds))
        if kind == "park":
            self.play(park_idle_s=0.0)
        elif kind == "restart":
            self._the_process_dies_and_comes_back()
        elif kind == "desk":
            order, left = data.draw(st.sampled_from(get_args(Order))), data.draw(st.just("") | AGENTS)
            text = desk_of(data.draw(st.integers(2, 4)), self.mode, order, without=left)
            self.logged_in.pop(left, None)
            self.desk = parse_once(text, "the play")
            self.shadow_is_the_same = False
            self.play((("dispatcher", "acme", ""), ApplyDesk(text, desk_digest(text), "apply", [])))
        else:
            agent = data.draw(st.sampled_from(sorted(self.logged_in)))
            del self.logged_in[agent]
            out = self.stage.command(agent, Logout(self.stage.command_id(), agent))
            self.play(self.stage.losing(agent) if kind == "lose" else out)

    def _the_process_dies_and_comes_back(self) -> None:
        received = {name: box.received for (_, _, name), box in self.stage.system.mailboxes.items()}
        self.stage.restart()
        shadow = self.stage.dispatcher.shadow
        self.shadow_is_the_same = shadow is not None and shadow.desk == self.desk
        self.logged_in.clear()
        for name, number in received.items():
            assert self.stage.system.mailbox("acme", name).received <= number
        self.check()

    # What must hold after every turn.

    def check(self) -> None:
        """Read what the turn has written, then compare it with what the actors hold."""
        offered = self.oracle.head
        self.oracle.read(self.stage.store)
        assert self.stage.failures.seen == [], "a handler has raised"
        self._equals_keep_their_order(self.oracle.entries[offered:])
        self._capacity_is_kept(self.oracle.entries[offered:])
        self._who_can_be_served_is_offered()
        self._nobody_waits_for_somebody_gone()
        self._the_auditor_finds_nothing()
        self.waited_before = {ident: thread.since for ident, thread in self.oracle.waiting()}

    def _capacity_is_kept(self, fresh: list[Any]) -> None:
        """I7: nobody gets more than there is room for; but what comes back to its agent comes (F5, F11)."""
        used, back = self.oracle.used(), Counter[str]()
        for entry in fresh:
            thread, event = self.oracle.threads.get(entry.id), entry.event
            name = type(event).__name__
            if thread is None or name not in ("StatusSet", "Reopened", "Interrupted", "TransferStarted"):
                continue
            for agent in {*thread.assignees, getattr(event, "agent", "")}:
                back[agent] += WEIGHTS[thread.channel]
        for agent, it in self.desk.agents.items():
            allowed = max(it.capacity, self.used_before.get(agent, 0)) + back[agent]
            assert used[agent] <= allowed, f"I7: {agent} has too much"
            found = self.stage.dispatcher.view.agent(agent).used
            assert found == used[agent], f"I7: the roster of {agent} is not what a recount finds"
        self.used_before = dict(used)

    def _who_can_be_served_is_offered(self) -> None:
        """G10: no waiting conversation is left undecided with an agent who could take it."""
        opinion = Opinion(self.desk, self.oracle, self.stage.clock.now())
        assert list(opinion.left_undecided()) == [], "G10: they wait, and there is room"

    def _equals_keep_their_order(self, fresh: list[Any]) -> None:
        """I10: whoever waited before the turn and still does was not overtaken by an equal who came later.

        Who had the turn before that equal, and lost it again, was not: the agent proved to be gone.
        """
        now = self.stage.clock.now()
        opinion = Opinion(self.desk, self.oracle, now)
        still = dict(self.oracle.waiting())
        orders = self._orders_in_force(fresh)
        for entry in fresh:
            event = entry.event
            if type(event).__name__ in ("Offered", "Assigned"):
                still.pop(entry.id, None)
            if type(event).__name__ != "Offered" or event.kind != "new":
                continue
            for ident in self.waited_before.keys() & still.keys():
                thread = still[ident]
                if thread.transfer is not None or self.waited_before[ident] != thread.since:
                    continue
                equal = (thread.channel, thread.wanted_in) == (event.channel, event.department)
                if not equal or thread.since >= event.since or "newest" in orders[event.department]:
                    continue
                # A ring opens by how long one has stood in this queue: perhaps not yet for this one.
                able = opinion.serves(event.agent, thread) and opinion.skilled(event.agent, thread)
                excused = event.agent in thread.declined or opinion.kept(thread) or not able
                served = self.oracle.threads[entry.id].served
                assert excused or served, f"I10: {ident} was overtaken by {entry.id}"

    def _orders_in_force(self, fresh: list[Any]) -> dict[str, set[str]]:
        """Return by which orders decisions were made in the turn: an order may end by one of them (D2)."""
        orders = {name: {self.orders_before.get(name, ""), self._order_of(name)} for name in DEPARTMENT_NAMES}
        for entry in fresh:
            if type(entry.event).__name__ == "OrderChanged":
                orders[entry.event.department].add(entry.event.order)
        self.orders_before = {name: self._order_of(name) for name in orders}
        return orders

    def _order_of(self, department: str) -> str:
        chosen = self.oracle.orders.get(department)
        return chosen.order if chosen and chosen.order else self.desk.departments[department].order

    def _nobody_waits_for_somebody_gone(self) -> None:
        """G11: who is not reachable has no live offer, who is logged out has no conversation."""
        for ident, thread in self.oracle.threads.items():
            for offer in thread.offers:
                agent = offer.agent
                assert self.oracle.reachable.get(agent), f"G11: {ident} is offered to {agent}, gone"
                allowed = ("online", "busy", "transfer_only") if offer.kind == "transfer" else ("online",)
                assert self.oracle.presence[agent] in allowed, f"A8: {ident}"
                assert offer.deadline_at > self.stage.clock.now(), "I8: an offer outlives its deadline"
            for agent in thread.assignees:
                # What waits for somebody stays until the customer replies (D11).
                there = self.oracle.presence[agent] != "offline" or thread.status in ("pending", "on_hold")
                assert there, f"G11: {agent} has {ident} and is gone"

    def _the_auditor_finds_nothing(self) -> None:
        """Nothing has drifted: neither a conversation's place, nor an agent's books."""
        dispatcher, system = self.stage.dispatcher, self.stage.system
        for ident in self.oracle.threads:
            actor = system.actors.get(("conversation", "acme", ident))
            truth = actor.announcement() if actor is not None else None
            assert audit.of_conversation(dispatcher.view, ident, truth) is None
        for agent in PEOPLE:
            actor = system.actors.get(("agent", "acme", agent))
            news = actor.announcement() if actor is not None else None
            parked_as = dispatcher.auditor.parked_as(agent)
            assert audit.of_agent(dispatcher.view, agent, news, parked_as) is None
        assert not dispatcher.auditor.violations

    @invariant()
    def a_shadow_of_the_same_desk_agrees(self) -> None:
        """The shadow sees the same facts; so the same policy decides the same."""
        if hasattr(self, "oracle") and self.shadow_is_the_same and self.stage.dispatcher.shadow is not None:
            counts = self.stage.dispatcher.shadow.counts
            assert counts.total() == counts["agree"], counts

    @invariant()
    def each_customer_has_one_open_conversation_in_a_channel(self) -> None:
        if not hasattr(self, "oracle"):
            return
        started = [entry for entry in self.oracle.entries if type(entry.event).__name__ == "Started"]
        open_now = [
            (entry.event.channel, entry.event.contact)  # type: ignore[union-attr]
            for entry in started
            if self.oracle.threads[entry.id].status not in ("ended", "wrap_up")
        ]
        assert len(set(open_now)) == len(open_now), f"D6: {open_now}"

    @invariant()
    def every_consumer_got_what_the_journal_says(self) -> None:
        """I4."""
        if hasattr(self, "oracle"):
            assert self.stage.mail == self.oracle.mail

    @invariant()
    def a_crash_now_would_change_nothing(self) -> None:
        """I11: live = tables and tail = replay from zero."""
        if not hasattr(self, "oracle"):
            return
        live = projection(self.stage.system, self.oracle)
        assert projection(recovered(crashed(self.stage.store)), self.oracle) == live
        assert projection(recovered(journal_only(self.stage.store)), self.oracle) == live


TestTenant = Tenant.TestCase
TestTenant.settings = settings(
    max_examples=40, stateful_step_count=40, phases=[Phase.explicit, Phase.generate, Phase.shrink]
)
TestTenant.pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.rule(
        "A8", "D1", "D3", "D4", "D6", "D8", "D12", "E4", "F9", "G1", "G4", "G7",
        "guarantee-G3", "guarantee-G4", "guarantee-G5", "guarantee-G7", "guarantee-G8", "guarantee-G9",
        "guarantee-G10", "guarantee-G11",
    )
]  # fmt: skip
