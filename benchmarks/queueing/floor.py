"""The production dispatcher under the log's facts: the production actors on a virtual clock, no sockets,
the store in memory. Nothing here decides who is served by whom.

Only what a gateway and a console see is used: commands, and the deliveries of their streams. An agent
accepts in the instant of the offer, and ends the conversation after the call's service time; a customer who
has not been answered leaves when the patience is over. Of one instant the order is that of the plain
simulation.
"""

from __future__ import annotations

import heapq
import math
from itertools import count
from typing import Any, NamedTuple

from actors.agent.machine import SessionOpened
from actors.clock import VirtualClock
from actors.conversation.view import delivery
from actors.dispatcher.actor import ApplyDesk, DispatcherActor
from actors.journal import Address
from actors.runtime import System
from actors.telling import Tick, Told
from benchmarks.common import password_hash
from benchmarks.queueing.facts import Call, Facts
from benchmarks.queueing.simulation import ConservationBroken, Happening, Outcome
from config.desk import desk_digest
from daemon.bootstrap import KINDS
from daemon.stores.memory import MemoryStore
from protocol.content import Text
from protocol.messages import Accept, Ack, CustomerLeft, CustomerMessage, End, SetPresence
from protocol.news import Assigned, ConversationEnded, OfferMade

TENANT = "bank"
CHANNEL: Address = ("channel", TENANT, "phone")
DISPATCHER: Address = ("dispatcher", TENANT, "")
#: The stream in which a gateway learns who is assigned and what has ended.
GATEWAY = "channel/phone"
#: Conversations that were idle for so long leave memory, as in the daemon; every so many turns a step.
PARK_AFTER_S = 600.0
PARK_EVERY = 64
#: The auditor goes round once in so many turns, not every few seconds of a month.
AUDIT_EVERY = 4_096


def desk_text(facts: Facts, department: str = "") -> str:
    """Return the desk: one department with the defaults, or with these settings; one call an agent."""
    hashed = password_hash()
    people = "\n".join(
        f'[agents.{agent}]\nname = "{agent}"\npassword = "{hashed}"\ndepartments = ["bank"]\ncapacity = 1\n'
        f"skills = {{ {', '.join(f'{skill} = 1' for skill in sorted(skills))} }}"
        for agent, skills in facts.skills.items()
    )
    return (
        f'tenant = "{TENANT}"\n[departments.bank]\nname = "Bank"\n{department}\n{people}\n'
        "[gateways.voice]\n[consoles.desk]\n"
        '[channels.phone]\nkind = "web"\nname = "Phone"\ngateway = "voice"\ndepartment = "bank"\n'
    )


class LoudFailures:
    """A handler that raises ends the run."""

    def actor_failed(self, address: Address, message: object, error: BaseException) -> None:
        """Raise what the handler has raised."""
        raise error


class Live(NamedTuple):
    """A call that has not ended."""

    number: int
    conversation: str


class Floor:
    """One tenant's agents and customers, and the runtime between them."""

    def __init__(self, facts: Facts, department: str = "") -> None:
        self.facts = facts
        self.outcomes: list[Outcome | None] = [None] * len(facts.calls)
        self.turns = self._audit_at = 0
        self._ended = bytearray(len(facts.calls))
        self._ids, self._commands, self._ticket = count(1), count(1), count()
        self._agenda: list[tuple[float, Happening, int, Any]] = []
        self._live: dict[str, Live] = {}
        self._logged_in: set[str] = set()
        self._clock = VirtualClock(min(facts.calls[0].at, facts.shifts[0].begins) - 1)
        self._store = MemoryStore()
        self.system = System(self._store, KINDS, LoudFailures(), lambda: f"id-{next(self._ids):09d}")
        self.system.recover(self._store.open(), self._clock.now())
        text = desk_text(facts, department)
        self._turn((DISPATCHER, ApplyDesk(text, desk_digest(text), "file", [])))
        dispatcher = self.system.actors[DISPATCHER]
        assert isinstance(dispatcher, DispatcherActor)
        self._auditor = dispatcher.auditor
        self._auditor.due_at = math.inf

    def run(self) -> list[Outcome]:
        """Let everything happen; return the outcome of each call, by its number."""
        for number, call in enumerate(self.facts.calls):
            self._plan(call.at, Happening.ARRIVES, number)
        for shift in self.facts.shifts:
            self._plan(shift.begins, Happening.SHIFT_BEGINS, shift.agent)
            self._plan(shift.ends, Happening.SHIFT_ENDS, shift.agent)
        while self._agenda:
            self._run_timers_before(self._agenda[0][0])
            at, happening, _, what = heapq.heappop(self._agenda)
            self._clock.advance(at - self._clock.now())
            self._happen(happening, what)
            if self.turns >= self._audit_at:
                self._audit()
        self._audit()
        return self._conserved()

    def _audit(self) -> None:
        """Let the auditor go round everything, and then rest again; it must have nothing to heal."""
        self._audit_at = self.turns + AUDIT_EVERY
        rounds = self._auditor.rounds
        while self._auditor.rounds == rounds:
            self._auditor.due_at = 0.0
            self._turn((DISPATCHER, Tick(self._clock.now())))
        self._auditor.due_at = math.inf
        if self._auditor.violations:
            raise ConservationBroken(f"the auditor had to heal: {dict(self._auditor.violations)}")

    def _conserved(self) -> list[Outcome]:
        """Each call has ended exactly once, in the daemon's own news."""
        if set(self._ended) - {1} or self._live:
            wrong = sum(times != 1 for times in self._ended)
            raise ConservationBroken(f"{wrong} conversations did not end exactly once")
        done = [outcome for outcome in self.outcomes if outcome is not None]
        if len(done) != len(self.outcomes):
            raise ConservationBroken(f"{len(self.outcomes) - len(done)} calls have no outcome")
        return done

    def _plan(self, at: float, happening: Happening, what: Any) -> None:
        heapq.heappush(self._agenda, (at, happening, next(self._ticket), what))

    def _run_timers_before(self, at: float) -> None:
        """Let the daemon's own deadlines come, each at its time."""
        while (due := self.system.timers.next_at()) is not None and due < at:
            self._clock.advance(max(0.0, due - self._clock.now()))
            self._turn()

    def _happen(self, happening: Happening, what: Any) -> None:
        match happening:
            case Happening.ARRIVES:
                self._arrives(what)
            case Happening.LEAVES:
                self._leaves(what)
            case Happening.SERVICE_ENDS:
                conversation, agent = what
                self._agent_tells(agent, conversation, End(self._id(), agent, conversation))
            case Happening.SHIFT_BEGINS:
                if what in self._logged_in:
                    self._chooses(what, "online")
                else:
                    self._logged_in.add(what)
                    self._turn((("agent", TENANT, what), SessionOpened()))
            case Happening.SHIFT_ENDS:
                self._chooses(what, "away")

    def _arrives(self, number: int) -> None:
        call = self.facts.calls[number]
        contact = self._contact(call)
        message = CustomerMessage(
            self._id(),
            "phone",
            contact,
            Text("calls"),
            skills={call.skill: 1},
            priority=call.priority,
        )
        self._live[contact] = Live(number, "")
        answer = self._turn((CHANNEL, Told(message, TENANT, "gateway/voice", "gateway")))
        if type(answer[0]) is not Ack:
            raise ConservationBroken(f"call {number} was refused: {answer[0]}")
        if self.outcomes[number] is None:
            self._plan(call.at + call.patience_s, Happening.LEAVES, (number, contact))

    def _contact(self, call: Call) -> str:
        """A customer is the same contact each time; beside a call that goes on it is another line."""
        contact = call.customer or call.key
        return contact if contact not in self._live else f"{contact}/{call.key}"

    def _leaves(self, what: tuple[int, str]) -> None:
        number, contact = what
        if self.outcomes[number] is not None:
            return
        self.outcomes[number] = Outcome(self._clock.now() - self.facts.calls[number].at, "")
        message = CustomerLeft(self._id(), "phone", contact)
        self._turn((CHANNEL, Told(message, TENANT, "gateway/voice", "gateway")))

    def _chooses(self, agent: str, presence: str) -> None:
        message = SetPresence(self._id(), agent, presence)
        self._turn((("agent", TENANT, agent), Told(message, TENANT, f"agent/{agent}", agent)))

    def _agent_tells(self, agent: str, conversation: str, message: Accept | End) -> None:
        told = Told(message, TENANT, f"agent/{agent}", agent)
        answer = self._turn((("conversation", TENANT, conversation), told))
        if type(answer[0]) is not Ack:
            raise ConservationBroken(f"{message} was refused: {answer[0]}")

    def _id(self) -> bytes:
        return next(self._commands).to_bytes(16, "big")

    def _turn(self, *told: tuple[Address, Any]) -> list[Any]:
        """Run one turn with its commit; return the replies. Who gets an offer accepts it before all else."""
        system = self.system
        self.turns += 1
        now = self._clock.now()
        system.begin(now)
        for address, message in told:
            system.tell(address, message)
        system.fire_timers()
        system.run()
        if self.turns % PARK_EVERY == 0:
            system.park_idle(now - PARK_AFTER_S)
        batch = system.seal()
        if batch is not None:
            self._store.commit(batch)
        replies, mailboxes = system.release(batch)
        offers: list[tuple[str, OfferMade]] = []
        for mailbox in dict.fromkeys(mailboxes):
            stream, received = mailbox.stream, mailbox.received
            for number, entry in enumerate(system.deliveries(mailbox, received, 1 << 30), received + 1):
                news = delivery(stream, number, entry)
                if type(news.news) is OfferMade:
                    offers.append((stream.partition("/")[2], news.news))
                elif stream == GATEWAY:
                    self._learn(news.contact, news.conversation, news.news)
            system.received(mailbox, mailbox.last)
        for agent, made in offers:
            offer = made.offer
            accept = Accept(self._id(), agent, offer.conversation, offer.offer)
            self._agent_tells(agent, offer.conversation, accept)
        return [message for _, message in replies]

    def _learn(self, contact: str, conversation: str, news: Any) -> None:
        """What the gateway is told of a call."""
        if type(news) is Assigned:
            number = self._live[contact].number
            call, now = self.facts.calls[number], self._clock.now()
            if self.outcomes[number] is not None:
                raise ConservationBroken(f"call {number} was answered twice, or after it had ended")
            self.outcomes[number] = Outcome(now - call.at, news.agent)
            self._plan(now + call.service_s, Happening.SERVICE_ENDS, (conversation, news.agent))
        elif type(news) is ConversationEnded:
            number = self._live.pop(contact).number
            self._ended[number] += 1
