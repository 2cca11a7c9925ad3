"""A tenant in play: customers and agents do what they like, time passes, the process dies; the invariants of
GUARANTEES section 4 hold after every turn.

The journal is read by a second opinion (tests/actors/oracle.py) that shares no code with the actors.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from actors.agent.machine import LastSessionLost, SessionOpened
from actors.dispatcher.actor import ApplyDesk, DispatcherActor
from actors.telling import Told
from config.desk import desk_digest
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
    Text,
)
from tests.actors.oracle import Oracle, Thread, crashed, journal_only, projection, recovered
from tests.actors.small import parse_desks_once, small_steps
from tests.stage import HASH, Stage

#: Two departments that share an agent, and one who serves both.
DEPARTMENTS = {"a1": ("help", "sales"), "a2": ("help",), "a3": ("sales",)}
DEPARTMENT_OF_CHANNEL = {"web": "help", "app": "sales"}
OFFER_TIMEOUT_S, DECLINE_PAUSE_S, GRACE_S = 30, 20, 60

CONTACTS = st.sampled_from(["ann", "bob", "cho", "dee"])
CHANNELS = st.sampled_from(sorted(DEPARTMENT_OF_CHANNEL))
AGENTS = st.sampled_from(sorted(DEPARTMENTS))
PRESENCES = st.sampled_from(["online", "busy", "away"])

Telling = tuple[tuple[str, str, str], Any]


def desk_of(capacity: int) -> str:
    """Return the desk of the play."""
    agents = "\n".join(
        f'[agents.{agent}]\nname = "{agent}"\npassword = "{HASH}"\ncapacity = {capacity}\n'
        f"departments = [{', '.join(repr(name) for name in names)}]"
        for agent, names in DEPARTMENTS.items()
    )
    departments = "\n".join(
        f'[departments.{name}]\nname = "{name}"\noffer_timeout_s = {OFFER_TIMEOUT_S}\n'
        f"decline_pause_s = {DECLINE_PAUSE_S}"
        for name in ("help", "sales")
    )
    channels = "\n".join(
        f'[channels.{channel}]\nkind = "web"\nname = "{channel}"\ngateway = "web"\n'
        f'department = "{department}"'
        for channel, department in DEPARTMENT_OF_CHANNEL.items()
    )
    return (
        f'tenant = "acme"\n{departments}\n{agents}\n[gateways.web]\n[consoles.desk]\n{channels}\n'
        f"[policies]\ngrace_s = {GRACE_S}\nbusy_fallback = 'never'\n"
    )


class Tenant(RuleBasedStateMachine):
    """Everything that can be done to a tenant; every rule is one turn."""

    @initialize(
        lag=st.sampled_from([0, 1, 3, 10, 20_000]),
        step=st.sampled_from([1, 2, 32]),
        capacity=st.integers(1, 2),
    )
    def open_the_desk(self, lag: int, step: int, capacity: int) -> None:
        self.patch = pytest.MonkeyPatch()
        small_steps(self.patch, lag, step)
        parse_desks_once(self.patch)
        self.capacity = capacity
        self.stage = Stage(desk=desk_of(capacity))
        self.oracle = Oracle()
        self.logged_in: dict[str, None] = {}
        self.sent: list[tuple[Telling, Any]] = []
        self.used_before: dict[str, int] = {}
        self.waited_before: dict[str, Thread] = {}
        self.check()

    def teardown(self) -> None:
        if hasattr(self, "patch"):
            self.patch.undo()

    # What can be told. Each makes one message; a rule tells one, or several in one turn.

    def write(self, channel: str, contact: str) -> Telling:
        ident = self.stage.command_id()
        message = CustomerMessage(ident, channel, contact, Text(f"says {ident.hex()}"))
        return ("channel", "acme", channel), Told(message, "acme", "gateway/web", "gateway")

    def leave(self, channel: str, contact: str) -> Telling:
        message = CustomerLeft(self.stage.command_id(), channel, contact)
        return ("channel", "acme", channel), Told(message, "acme", "gateway/web", "gateway")

    def ask(self, agent: str, message: Any) -> Telling:
        if isinstance(message, SetPresence | Logout):
            address = ("agent", "acme", agent)
        else:
            address = ("conversation", "acme", message.conversation)
        return address, Told(message, "acme", f"agent/{agent}", "console")

    def answer(self, agent: str, data: st.DataObject, kind: type[Accept] | type[Decline]) -> Telling:
        """Mostly the agent's own live offer, sometimes somebody else's."""
        threads = self.oracle.threads.items()
        live = [(ident, offer) for ident, thread in threads for offer in thread.offers]
        mine = [item for item in live if item[1].agent == agent] or live
        ident, offer = data.draw(st.sampled_from(mine)) if mine else ("nothing", None)
        message = kind(self.stage.command_id(), agent, ident, offer.offer if offer else "no-offer")
        return self.ask(agent, message)

    def owned_or_any(self, agent: str, data: st.DataObject) -> str:
        threads = self.oracle.threads
        mine = [ident for ident, thread in threads.items() if thread.assignees == [agent]]
        return data.draw(st.sampled_from(mine or sorted(threads) or ["nothing"]))

    def anything(self, data: st.DataObject) -> Telling:
        """Draw one message that a hub would let through."""
        kinds = ["write", "write", "leave"]
        if self.logged_in:
            kinds += ["accept", "accept", "accept", "decline", "say", "end", "presence"]
        kind = data.draw(st.sampled_from(kinds))
        if kind == "write":
            return self.write(data.draw(CHANNELS), data.draw(CONTACTS))
        if kind == "leave":
            return self.leave(data.draw(CHANNELS), data.draw(CONTACTS))
        agent = data.draw(st.sampled_from(sorted(self.logged_in)))
        if kind == "accept":
            return self.answer(agent, data, Accept)
        if kind == "decline":
            return self.answer(agent, data, Decline)
        ident = self.stage.command_id()
        if kind == "presence":
            return self.ask(agent, SetPresence(ident, agent, data.draw(PRESENCES)))
        thread = self.owned_or_any(agent, data)
        if kind == "say":
            return self.ask(agent, AgentMessage(ident, agent, thread, Text("yes?")))
        return self.ask(agent, End(ident, agent, thread))

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
            telling.append(self.ask(agent, Logout(self.stage.command_id(), agent)))
            del self.logged_in[agent]
        self.play(*telling)

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def a_command_is_sent_again(self, data: st.DataObject) -> None:
        telling, first = data.draw(st.sampled_from(self.sent[-20:]))
        agent = telling[1].sender.removeprefix("agent/")
        if agent in DEPARTMENTS and agent not in self.logged_in:
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

    @rule(agent=AGENTS)
    def an_agent_logs_in(self, agent: str) -> None:
        self.logged_in[agent] = None
        self.play((("agent", "acme", agent), SessionOpened()))

    @precondition(lambda self: self.logged_in)
    @rule(data=st.data())
    def an_agent_loses_the_connection(self, data: st.DataObject) -> None:
        agent = data.draw(st.sampled_from(sorted(self.logged_in)))
        del self.logged_in[agent]
        self.play(
            (
                ("agent", "acme", agent),
                LastSessionLost("the line is dead", self.stage.lease(agent).epoch),
            )
        )

    @precondition(lambda self: self.logged_in)
    @rule(data=st.data())
    def an_agent_logs_out(self, data: st.DataObject) -> None:
        agent = data.draw(st.sampled_from(sorted(self.logged_in)))
        del self.logged_in[agent]
        self.play(self.ask(agent, Logout(self.stage.command_id(), agent)))

    @rule(seconds=st.sampled_from([0.0, 0.5, 5.0, 20.0, 30.0, 60.0, 61.0]), park=st.booleans())
    def time_passes(self, seconds: float, park: bool) -> None:
        self.stage.clock.advance(seconds)
        self.play(park_idle_s=seconds / 2 if park else None)

    @rule()
    def what_is_idle_is_parked(self) -> None:
        self.play(park_idle_s=0.0)

    @rule(capacity=st.integers(1, 3))
    def the_desk_changes(self, capacity: int) -> None:
        self.capacity = capacity
        text = desk_of(capacity)
        self.play((("dispatcher", "acme", ""), ApplyDesk(text, desk_digest(text), "apply", [])))

    @rule()
    def the_process_dies_and_comes_back(self) -> None:
        received = {name: box.received for (_, _, name), box in self.stage.system.mailboxes.items()}
        self.stage.restart()
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
        self._offers_keep_order(self.oracle.entries[offered:])
        self._capacity_is_kept()
        self._who_can_be_served_is_offered()
        self._nobody_waits_for_somebody_gone()
        self.waited_before = {ident: Thread(since=t.since) for ident, t in self.oracle.waiting()}

    def _capacity_is_kept(self) -> None:
        """I7."""
        used = self.oracle.used()
        view = self._dispatcher().view
        for agent in DEPARTMENTS:
            assert used[agent] <= max(self.capacity, self.used_before.get(agent, 0)), (
                f"I7: {agent} has too much"
            )
            assert view.agent(agent).used == used[agent], (
                f"I7: the roster of {agent} is not what a recount finds"
            )
        self.used_before = dict(used)

    def _dispatcher(self) -> DispatcherActor:
        dispatcher = self.stage.system.actors["dispatcher", "acme", ""]
        assert isinstance(dispatcher, DispatcherActor)
        return dispatcher

    def _free(self, department: str) -> list[str]:
        used = self.oracle.used()
        return [
            agent
            for agent, serves in DEPARTMENTS.items()
            if department in serves and used[agent] < self.capacity
            if self.oracle.presence.get(agent) == "online" and self.oracle.reachable.get(agent)
        ]

    def _who_can_be_served_is_offered(self) -> None:
        """G10."""
        now = self.stage.clock.now()
        for ident, thread in self.oracle.waiting():
            for agent in self._free(thread.department):
                declined = thread.declined.get(agent)
                assert declined is not None, f"G10: {ident} waits, and {agent} has room"
                assert declined + DECLINE_PAUSE_S > now, f"G10: {ident} waits, {agent}'s pause is over"

    def _offers_keep_order(self, fresh: list[Any]) -> None:
        """I10: whoever waited before the turn and still does was not overtaken by a later arrival."""
        still = dict(self.oracle.waiting())
        for entry in fresh:
            if type(entry.event).__name__ != "Offered":
                continue
            for ident in self.waited_before.keys() & still.keys():
                thread = still[ident]
                overtaken = thread.department == entry.event.department and thread.since < entry.event.since
                if overtaken and self.waited_before[ident].since == thread.since:
                    assert entry.event.agent in thread.declined, f"I10: {ident} was overtaken by {entry.id}"

    def _nobody_waits_for_somebody_gone(self) -> None:
        """G11: who is not reachable has no live offer, who is logged out has no conversation."""
        for ident, thread in self.oracle.threads.items():
            for offer in thread.offers:
                assert self.oracle.reachable.get(offer.agent), (
                    f"G11: {ident} is offered to {offer.agent}, gone"
                )
                assert self.oracle.presence[offer.agent] == "online", f"A8: {ident}"
                assert offer.deadline_at > self.stage.clock.now(), "I8: an offer outlives its deadline"
            for agent in thread.assignees:
                assert self.oracle.presence[agent] != "offline", (
                    f"G11: {ident} stays with {agent}, who has left"
                )

    @invariant()
    def each_customer_has_one_open_conversation_in_a_channel(self) -> None:
        if not hasattr(self, "oracle"):
            return
        started = [entry for entry in self.oracle.entries if type(entry.event).__name__ == "Started"]
        open_now = [
            (entry.event.channel, entry.event.contact)  # type: ignore[union-attr]
            for entry in started
            if self.oracle.threads[entry.id].status != "ended"
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
    max_examples=150, stateful_step_count=40, phases=[Phase.explicit, Phase.generate, Phase.shrink]
)
TestTenant.pytestmark = [
    pytest.mark.rule(
        "A8", "D1", "D6", "D12", "E4", "F9",
        "guarantee-G3", "guarantee-G4", "guarantee-G5", "guarantee-G7", "guarantee-G8", "guarantee-G9",
        "guarantee-G10", "guarantee-G11",
    )
]  # fmt: skip
