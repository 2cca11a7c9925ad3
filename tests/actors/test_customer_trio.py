"""Channel, customer and conversation together against a model of a few lines: who is there, who is on a list,
and which conversation is open. Everything may come in one turn, twice, and after a restart.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from actors.conversation.state import BINDING, Status
from actors.customer.address import customer_address
from actors.dispatcher import audit
from actors.queries import conversation, customer, open_conversation
from actors.telling import Told
from protocol.content import Text
from protocol.customers import Block, InviteVisitor, SetDoNotDisturb, VisitorEntered, VisitorLeft
from protocol.life import Reopen
from protocol.messages import Ack, CustomerLeft, CustomerMessage, End
from tests.actors.small import small_steps
from tests.stage import Stage, desk_text

CONTACTS = st.sampled_from(["ann", "bob"])
CHANNELS = st.sampled_from(["web", "shop"])
KINDS = st.sampled_from(
    ["write", "write", "write", "leave", "enter", "go", "end", "mute", "block", "invite", "reopen"]
)
DESK = desk_text(
    capacity=50,
    departments={"help": "mode = 'pull'"},
    people={"boss": 'role = "supervisor"'},
    channels={"shop": ""},
)
Key = tuple[str, str]


@dataclass
class Known:
    """What the model knows of a customer of an account."""

    online: bool = False
    muted: bool = False
    blocked: bool = False
    said: list[str] = field(default_factory=list)


class Trio(RuleBasedStateMachine):
    """One agent who may do everything, two customers, two accounts."""

    @initialize(lag=st.sampled_from([0, 3, 20_000]), step=st.sampled_from([1, 32]))
    def open_up(self, lag: int, step: int) -> None:
        self.patch = pytest.MonkeyPatch()
        small_steps(self.patch, lag, step)
        self.stage = Stage(desk=DESK)
        self.stage.logs_in("boss")
        self.known: dict[Key, Known] = {}
        self.texts = iter(range(1 << 30))
        self.sent: list[tuple[Any, Told]] = []

    def teardown(self) -> None:
        if hasattr(self, "patch"):
            self.patch.undo()

    # What can be said.

    def of(self, key: Key) -> Known:
        return self.known.setdefault(key, Known())

    def some_conversation(self, key: Key) -> str:
        """Return the newest conversation of the customer, open or not."""
        mine = [
            entry.id
            for entry in self.stage.entries()
            if type(entry.event).__name__ == "Started" and (entry.event.channel, entry.event.contact) == key  # type: ignore[union-attr]
        ]
        return mine[-1] if mine else "none"

    def make(self, kind: str, key: Key, on: bool) -> tuple[Any, Told]:
        stage, (channel, contact) = self.stage, key
        ident = stage.command_id()
        if kind == "write":
            return stage.from_gateway(CustomerMessage(ident, channel, contact, Text(f"{next(self.texts)}")))
        if kind == "leave":
            return stage.from_gateway(CustomerLeft(ident, channel, contact))
        if kind in ("enter", "go"):
            made = VisitorEntered if kind == "enter" else VisitorLeft
            told = Told(made(ident, channel, contact), "acme", "gateway/web", "peer")
            return customer_address("acme", channel, contact), told
        talk = self.some_conversation(key)
        commands: dict[str, Any] = {
            "end": lambda: End(ident, "boss", talk),
            "mute": lambda: SetDoNotDisturb(ident, "boss", talk, on),
            "block": lambda: Block(ident, "boss", talk, on),
            "reopen": lambda: Reopen(ident, "boss", talk),
            "invite": lambda: InviteVisitor(ident, "boss", channel, contact, Text(f"{next(self.texts)}")),
        }
        return stage.command("boss", commands[kind]())

    # What happens.

    @rule(telling=st.lists(st.tuples(KINDS, CHANNELS, CONTACTS, st.booleans()), min_size=1, max_size=8))
    def a_turn(self, telling: list[tuple[str, str, str, bool]]) -> None:
        self.play([self.make(kind, (channel, contact), on) for kind, channel, contact, on in telling])

    @rule(channel=CHANNELS, contact=CONTACTS, many=st.integers(2, 6))
    def a_burst_of_one_customer(self, channel: str, contact: str, many: int) -> None:
        self.play([self.make("write", (channel, contact), True) for _ in range(many)])

    @rule(data=st.data(), twice=st.booleans())
    def something_is_sent_again(self, data: st.DataObject, twice: bool) -> None:
        if self.sent:
            again = data.draw(st.sampled_from(self.sent[-20:]))
            self.play([again] * (2 if twice else 1))

    @rule(park=st.booleans(), restart=st.booleans())
    def time_passes(self, park: bool, restart: bool) -> None:
        self.stage.clock.advance(1)
        self.stage.turn(park_idle_s=0.5 if park else None)
        if restart:
            self.stage.restart()

    def play(self, telling: list[tuple[Any, Told]]) -> None:
        stage, head = self.stage, self.stage.system.head
        stage.turn(*telling)
        replies = stage.replies
        assert sorted(reply.id for reply in replies) == sorted(told.message.id for _, told in telling), (
            "one answer to each command"
        )
        assert stage.failures.seen == []
        self.sent += telling
        self.learn(head)
        stored = {(entry.sender, entry.command) for entry in stage.entries() if entry.command}
        by_id = {told.message.id: told for _, told in telling}
        for reply in replies:
            told = by_id[reply.id]
            if isinstance(reply, Ack):
                nothing_to_keep = isinstance(told.message, VisitorEntered | VisitorLeft)
                assert nothing_to_keep or (told.sender, reply.id) in stored
            else:
                assert reply.code == "ID_REUSED" or (told.sender, reply.id) not in stored

    def learn(self, head: int) -> None:
        """Take what the journal says into the model."""
        for entry in list(self.stage.entries())[head:]:
            event: Any = entry.event
            name = type(event).__name__
            if entry.kind == "customer":
                channel, _, contact = entry.id.partition("/")
                it = self.of((channel, contact))
                if name in ("VisitBegun", "VisitEnded"):
                    it.online = name == "VisitBegun"
                elif name == "DoNotDisturbSet":
                    assert it.muted != event.on
                    it.muted = event.on
                elif name == "Blocked":
                    assert it.blocked != event.on
                    it.blocked = event.on
            elif name == "Started":
                it = self.of((event.channel, event.contact))
                assert not it.blocked, "M2: a conversation has begun"
                assert event.origin == "" or (it.online and not it.muted)

    # What must hold.

    @invariant()
    def there_is_one_open_conversation_at_most(self) -> None:
        if not hasattr(self, "stage"):
            return
        system = self.stage.system
        started = [entry for entry in self.stage.entries() if type(entry.event).__name__ == "Started"]
        for key, it in self.known.items():
            mine = [
                entry.id
                for entry in started
                if (entry.event.channel, entry.event.contact) == key  # type: ignore[union-attr]
            ]
            found = {ident: conversation(system, "acme", ident) for ident in mine}
            binding = [ident for ident, state in found.items() if state and state.status in BINDING]
            assert len(binding) <= 1, f"D6: {key} has {binding}"
            assert open_conversation(system, "acme", *key) == (binding[0] if binding else None)
            if binding:
                state = found[binding[0]]
                assert state is not None
                assert not it.blocked, f"M2: {key} is blocked and has {binding}"
                assert (state.status is Status.MUTED) == it.muted, f"M1: {key}"
            seen = customer(system, "acme", *key)
            assert (seen.online, seen.do_not_disturb is not None, seen.blocked is not None) == (
                it.online,
                it.muted,
                it.blocked,
            )

    @invariant()
    def lists_are_what_the_store_has_filed(self) -> None:
        if hasattr(self, "stage"):
            store = self.stage.store
            blocked = sorted("/".join(key) for key, it in self.known.items() if it.blocked)
            muted = sorted("/".join(key) for key, it in self.known.items() if it.muted and not it.blocked)
            assert store.filed("acme", "//blocked", 0, 100) == blocked
            assert store.filed("acme", "//do_not_disturb", 0, 100) == muted

    @invariant()
    def nothing_reaches_an_agent_from_who_is_muted(self) -> None:
        if not hasattr(self, "stage"):
            return
        muted: set[str] = set()
        for entry in self.stage.entries():
            name = type(entry.event).__name__
            if name == "Muted":
                muted.add(entry.id)
            elif name == "Unmuted":
                muted.discard(entry.id)
            elif name == "CustomerWrote" and entry.id in muted:
                assert entry.audience == (), "M1"

    @invariant()
    def what_a_customer_says_is_in_his_conversations_in_order(self) -> None:
        if not hasattr(self, "stage"):
            return
        said: dict[Key, list[int]] = {}
        where: dict[str, Key] = {}
        for entry in self.stage.entries():
            event: Any = entry.event
            if type(event).__name__ == "Started":
                where[entry.id] = (event.channel, event.contact)
            elif type(event).__name__ == "CustomerWrote":
                said.setdefault(where[entry.id], []).append(int(event.content.text))
        for key, numbers in said.items():
            assert numbers == sorted(set(numbers)), f"G4: {key}"

    @invariant()
    def the_dispatchers_books_are_right(self) -> None:
        if not hasattr(self, "stage"):
            return
        view, system = self.stage.dispatcher.view, self.stage.system
        for (kind, _, ident), actor in system.actors.items():
            if kind == "conversation":
                assert audit.of_conversation(view, ident, actor.announcement()) is None
        assert set(view.conversations) <= {address[2] for address in system.actors}
        assert not self.stage.dispatcher.auditor.violations


TestTrio = Trio.TestCase
TestTrio.settings = settings(max_examples=25, stateful_step_count=20)
TestTrio.pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.rule("D6", "M1", "M2", "J3", "C9", "guarantee-G4"),
]
