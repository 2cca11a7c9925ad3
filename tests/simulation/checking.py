"""The checkers: what must hold after every turn, with every answer, and at the end (GUARANTEES section 4).

I1 acknowledged is in the journal         I10 no overtaking among equals
I2 no command twice, content as sent      I11 live = tables and tail = replay from zero
I3 sequences without gaps                 I12 epochs never go back
I4 consumers get the stream, whole        I13 what is for a customer is handed on, and again only when
I5 a sender's messages keep their order       the gateway itself has died
I6 one assignee, one live offer           I15 the log never has what was said
I7 capacity is kept, books are a recount  I16 nothing piles up
I8 no offer outlives its deadline         I17 each command has one outcome
I9 who can be served is offered; in the   I18 no answer contradicts the journal
   end all are served                     I19 the metrics agree with the journal
G6 what becomes of messages to customers; window: nobody is written to outside the reply window (sendings.py)
C4, C6, C9 visits begin and end, and who is approached is there and has no other conversation (visits.py)
G11 nobody waits for somebody who is gone, nor longer than the grace; G14 no handler fails

Not here: I14 (tenants apart) takes two tenants and hostile peers: tests/attacks/test_tenants.py. Of I15 only
the log; files and metrics: tests/daemon/test_logs.py, test_metrics.py. Of I16 only what is in memory;
threads, descriptors and resident memory take a real process: tests/kills, tests/fuzz.

The journal is read by tests/actors/oracle.py, which shares no code with the actors; I2, I3, I6, I8 and I12
are partly its own.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from actors import commands, events
from actors.dispatcher import audit
from actors.dispatcher.actor import DispatcherActor
from actors.journal import Entry, JournalDamaged
from config.desk import Desk
from protocol.channels import DeliveryReport
from protocol.customers import VisitorEntered, VisitorLeft
from protocol.errors import CATALOGUE, Code
from protocol.messages import Ack, AgentMessage, CustomerMessage, Delivery, LoggedIn, Logout, Subscribed
from protocol.teamwork import EndSession
from tests.actors.oracle import Oracle, crashed, journal_only, projection, recovered
from tests.simulation.living import Alive, Known, Living
from tests.simulation.process import Process
from tests.simulation.sendings import Sendings
from tests.simulation.shop import ATTEMPTS_MAX, STYLES, VISIT_S, WINDOW_S, WINDOW_SENDS
from tests.simulation.visits import Visits

#: The styles in which what waits for somebody outside takes none of the agent's capacity (F5).
RELEASING = frozenset(name for name, lines in STYLES.items() if "releases" in lines)
TAKES_ROOM_AGAIN = events.StatusSet | events.Reopened | events.TransferStarted
#: How much later than its deadline an offer may end (G9).
LATE_S = 1.0
#: How many deliveries of a consumer may be in memory: what is CROWDED in a play, and what one turn adds.
PILED_UP = 100
#: What one turn may add to the recent commands before they are written.
COMMANDS_A_TURN = 64
#: Four peers, and connections that the daemon has not found dead yet.
CONNECTIONS_MAX = 12
#: An answer that acknowledges nothing: what was asked is so already, and nothing had to be kept.
NOTHING_KEPT = (Logout, EndSession, DeliveryReport, VisitorEntered, VisitorLeft)


class Violation(Exception):
    """An invariant does not hold. ``checker`` is its id."""

    def __init__(self, checker: str, what: str) -> None:
        super().__init__(f"{checker}: {what}")
        self.checker = checker


def violated(error: AssertionError) -> Violation:
    """Return what the oracle complains about; its complaints begin with the id of an invariant."""
    text = str(error).partition("\n")[0]
    found = re.match(r"([A-Z]\d+|auditor|window)\b:?\s*(.*)", text)
    return Violation(found[1], found[2]) if found else Violation("oracle", text or repr(error))


def _back_to_life(fresh: list[Entry]) -> set[str]:
    return {entry.id for entry in fresh if isinstance(entry.event, TAKES_ROOM_AGAIN)}


class Checkers:
    """Look on, and complain."""

    def __init__(self, weights: dict[str, int], windowed: frozenset[str]) -> None:
        self.oracle = Oracle(weights=weights, releases=RELEASING)
        self.living = Living(self.oracle)
        self.sendings = Sendings(ATTEMPTS_MAX, WINDOW_SENDS, WINDOW_S)
        self._windowed = windowed
        self.visits = Visits(VISIT_S)
        self.desk = Desk(tenant="acme")
        self._desk_before: Desk | None = None
        #: What an agent has brought back from history, and nobody was given since.
        self._reopened: set[str] = set()
        self._used_before: dict[str, int] = {}
        #: When the first live offer, transfer or grace has outlived its deadline.
        self._complain_at = float("inf")
        #: When the first message to a customer must have got further.
        self._sendings_due_at = float("inf")
        #: Since when those waited who did before the turn.
        self._waited_before: dict[str, float] = {}
        #: What has come back to life in turns that were stored while nobody was told.
        self._back_unseen: set[str] = set()
        #: By (sender, command): what was sent, and whether an outcome was told.
        self._sent: dict[tuple[str, bytes], Any] = {}
        self._clients: dict[tuple[str, bytes], str] = {}
        self._outcomes: dict[tuple[str, bytes], str] = {}
        self._refused: dict[tuple[str, bytes], str] = {}
        #: Until when agents without a living connection are waited for.
        self._graces: dict[str, float] = {}
        self._newest_said: dict[tuple[str, str, str], int] = {}

    # After each turn.

    def restarted(self, process: Process) -> None:
        """Read what the last life has written without being able to say so: a turn of its own (G2)."""
        try:
            fresh = self.oracle.read(process.store)
            for entry in fresh:
                self._take(entry)
        except AssertionError as error:
            raise violated(error) from error
        self._back_unseen |= _back_to_life(fresh)
        self._desk_before = None
        self._note_changes(fresh)
        self._note_who_waits()

    def turned(self, process: Process) -> None:
        """Read what the turn has written, and compare it with what the actors hold."""
        if process.failures.seen:
            address, message, error = process.failures.seen[0]
            raise Violation("G14", f"a handler of {address} has raised {error!r} on {message!r}")
        if process.log.leaks:
            raise Violation("I15", f"the log has what was said: {process.log.leaks[0]}")
        try:
            news = process.store.head > self.oracle.head
            self._look(process, self.oracle.read(process.store) if news else [])
        except AssertionError as error:
            raise violated(error) from error
        except JournalDamaged as error:
            raise Violation("I12" if "epoch" in str(error) else "I3", str(error)) from error

    def _look(self, process: Process, fresh: list[Entry]) -> None:
        for entry in fresh:
            self._take(entry)
        # As of when the turn began: while the disk works, nothing can end.
        now = process.system.now
        dispatcher = process.system.actors["dispatcher", "acme", ""]
        assert isinstance(dispatcher, DispatcherActor)
        changed = bool(fresh) or self.desk is not self._desk_before
        if changed:
            self._desk_before = self.desk
            concerned = self._note_changes(fresh)
            self._capacity_is_kept(dispatcher, fresh)
            for box in process.system.mailboxes.values():
                assert len(box.recent) <= PILED_UP, (
                    f"I16: {len(box.recent)} deliveries of {box.stream} in memory"
                )
        if now >= self._sendings_due_at:
            self.sendings.overdue(now)
        if now >= self._complain_at:
            self._something_has_outlived_its_deadline(now)
        assert not dispatcher.auditor.violations, f"auditor: {dispatcher.auditor.violations}"
        # What opens with time alone is looked for as long as anybody waits.
        if fresh or self.living.waiting:
            opinion = Known(self.desk, self.oracle, now, self._used_before, self.living.waiting)
            left = next(opinion.left_undecided(), None)
            assert left is None, (
                f"I9: {left[0] if left else ''} waits, and {left[1] if left else ''} has room"
            )
            if fresh:
                self._equals_keep_their_order(opinion, fresh)
                self._nobody_waits_for_somebody_gone(concerned)
        if changed:
            self._note_who_waits()

    def _note_changes(self, fresh: list[Entry]) -> Alive:
        """Note what has become of whom. Returns the living of whom what holds for one may hold no more: those
        that have changed, and all when an agent or the desk has.
        """
        idents = dict.fromkeys(entry.id for entry in fresh if entry.kind == "conversation")
        self.living.changed(idents)
        self._sendings_due_at = self.sendings.due_at
        self._complain_at = min([self.living.ends_at, *self._graces.values()]) + LATE_S
        alive = self.living.alive
        if any(entry.kind in ("agent", "dispatcher") for entry in fresh):
            return alive
        return {ident: alive[ident] for ident in idents if ident in alive}

    def _capacity_is_kept(self, dispatcher: DispatcherActor, fresh: list[Entry]) -> None:
        """I7: nobody has more than allowed, except of what was there when the desk allowed more.

        What has come back to life, or is on its way to somebody, takes its room again, come what may (F5).
        """
        idents = _back_to_life(fresh) | self._back_unseen
        self._back_unseen.clear()
        alive, used = self.living.alive, self.living.used
        back = [alive[ident] for ident in idents if ident in alive]
        for agent, settings in self.desk.agents.items():
            allowed = max(settings.capacity, self._used_before.get(agent, 0))
            if back:
                allowed += sum(self.oracle.weight(thread) for thread in back if agent in thread.assignees)
            assert used[agent] <= allowed, f"I7: {agent} has {used[agent]} units, and may have {allowed}"
            booked = dispatcher.view.agent(agent).used
            assert booked == used[agent], f"I7: {agent} has {used[agent]} units, the books say {booked}"
        self._used_before = dict(used)

    def _something_has_outlived_its_deadline(self, now: float) -> None:
        for ident, thread in self.living.alive.items():
            for offer in thread.offers:
                assert offer.deadline_at + LATE_S > now, f"I8: the offer of {ident} outlives its deadline"
            if thread.transfer is not None and thread.transfer.deadline_at and not thread.offers:
                assert thread.transfer.deadline_at + LATE_S > now, f"I8: the transfer of {ident} never ends"
        for agent, until in self._graces.items():
            assert until + LATE_S > now, f"G11: {agent} is waited for longer than the grace"

    def _note_who_waits(self) -> None:
        self._waited_before = {ident: thread.since for ident, thread in self.living.waiting.items()}

    def _take(self, entry: Entry) -> None:
        event: Any = entry.event
        if entry.kind == "conversation":
            self._take_of_conversation(entry, event)
        elif entry.kind == "customer":
            self.visits.take(entry)
        elif entry.kind == "agent":
            if isinstance(event, events.LeaseLost):
                self._graces[entry.id] = event.grace_until
            elif isinstance(event, events.LeaseRegained | events.LoggedIn | events.LoggedOut):
                self._graces.pop(entry.id, None)
        if isinstance(event, events.CustomerWrote):
            self._keeps_order(
                (entry.sender, self.oracle.threads[entry.id].channel, event.contact), event.content.text
            )
        elif isinstance(event, events.AgentWrote):
            channel = f"channel/{self.oracle.threads[entry.id].channel}"
            held = event.sending is not None and event.sending.held
            assert held is not (channel in entry.audience), f"I13: who carries {event.content}?"
            # An agent may be logged in twice; each of the two is a sender with an order of its own.
            client = self._clients.get((entry.sender, entry.command), "")
            self._keeps_order((client, entry.sender, entry.id), event.content.text)
        if entry.command:
            self._content_as_sent(entry, event)

    def _take_of_conversation(self, entry: Entry, event: Any) -> None:
        channel = self.oracle.threads[entry.id].channel
        self.sendings.take(entry, channel, windowed=channel in self._windowed)
        if isinstance(event, events.Started):
            self.visits.begun(entry.id, event)
        if isinstance(event, events.Reopened):
            self._reopened.add(entry.id)
        elif isinstance(event, events.Assigned | events.Released | events.Ended):
            self._reopened.discard(entry.id)
        if isinstance(event, events.Released):
            # Whoever gives it away counts as one who has declined it.
            self.oracle.threads[entry.id].declined[event.agent] = entry.at

    def _keeps_order(self, sender: tuple[str, str, str], text: str) -> None:
        number = int(text.rpartition("#")[2])
        before = self._newest_said.get(sender, 0)
        assert number > before, f"I5: number {number} of {sender} comes after {before}"
        self._newest_said[sender] = number

    def _content_as_sent(self, entry: Entry, event: Any) -> None:
        sent = self._sent.get((entry.sender, entry.command))
        assert sent is not None, f"I2: {entry.sender} never sent {entry.command.hex()}"
        if isinstance(sent, CustomerMessage | AgentMessage):
            assert event.content == sent.content, f"I2: {sent.content} was sent, {event.content} is kept"

    def _equals_keep_their_order(self, opinion: Known, fresh: list[Entry]) -> None:
        """I10: who waited before the turn and still does was not overtaken by an equal who came later."""
        offered = {entry.id for entry in fresh if isinstance(entry.event, events.Offered)}
        if not offered or not self._waited_before:
            return
        changed = {entry.event.department for entry in fresh if isinstance(entry.event, events.OrderChanged)}
        # What was taken back in the same turn has kept nobody from anything.
        back = {entry.event.offer for entry in fresh if isinstance(entry.event, events.OfferWithdrawn)}
        for entry in fresh:
            event = entry.event
            if not isinstance(event, events.Offered) or event.kind != "new":
                continue
            if event.department in changed or event.offer in back:
                continue
            if self.oracle.threads[entry.id].served or self._order_of(event.department) != "longest_wait":
                continue
            for ident, since in self._waited_before.items():
                thread = self.living.alive.get(ident) if ident not in offered else None
                if thread is None or thread.transfer is not None or not since == thread.since < event.since:
                    continue
                if (thread.channel, thread.wanted_in) != (event.channel, event.department):
                    continue
                able = opinion.serves(event.agent, thread) and opinion.skilled(event.agent, thread)
                excused = event.agent in thread.declined or opinion.kept(thread) or not able
                assert excused, f"I10: {ident} was overtaken by {entry.id}"

    def _order_of(self, department: str) -> str:
        chosen = self.oracle.orders.get(department)
        return chosen.order if chosen and chosen.order else self.desk.departments[department].order

    def _nobody_waits_for_somebody_gone(self, concerned: Alive) -> None:
        reachable, presence = self.oracle.reachable, self.oracle.presence
        for ident, thread in concerned.items():
            for offer in thread.offers:
                assert reachable.get(offer.agent), f"G11: {ident} is offered to {offer.agent}, who is gone"
            # What waits for somebody outside stays with its agent until the customer writes (D11).
            taken_back = self.desk.policies.when_lost == "queue" and thread.status == "open"
            # Who reopens it has it, even being offline by choice (F14).
            taken_back = taken_back and ident not in self._reopened
            for agent in thread.assignees if taken_back else ():
                assert presence[agent] != "offline", f"G11: {agent} has {ident} and is logged out"

    # With each answer and delivery.

    def sent(self, sender: str, command: Any, client: str) -> None:
        """A client process has taken a command on."""
        self._clients[sender, command.id] = client
        self._sent[sender, command.id] = command

    def answered(self, sender: str, ident: bytes, answer: Any) -> None:
        """A client was told that a command is carried out."""
        if isinstance(answer, LoggedIn | Subscribed):
            return
        self._outcome(sender, ident, "answered")
        if not isinstance(answer, Ack):
            return
        position = self.oracle.commands.get(("acme", sender, ident))
        if position is None:
            if not isinstance(self._sent[sender, ident], NOTHING_KEPT):
                raise Violation("I1", f"{self._sent[sender, ident]} is acknowledged and not in the journal")
            return
        entry = self.oracle.entries[position - 1]
        conversation = entry.id if entry.kind == "conversation" else ""
        found = (position, conversation, entry.sequence)
        told = (answer.position, answer.conversation, answer.sequence)
        if found != told:
            raise Violation("I18", f"the answer says {told}, the journal {found}")

    def failed(self, sender: str, ident: bytes, code: str, *, repeats: bool) -> None:
        """A client was told that a command is refused, or that its outcome is not known.

        Refused is what came first: where the network ``repeats`` it, that is another try, which may succeed.
        """
        if (sender, ident) not in self._sent:
            return
        self._outcome(sender, ident, f"failed {code}")
        definite = code in CATALOGUE and CATALOGUE[Code(code)].definite and code != Code.ID_REUSED
        if definite and not repeats:
            self._refused[sender, ident] = code
            self._is_not_stored(sender, ident, code)

    def abandoned(self, sender: str, ident: bytes) -> None:
        """The client itself is gone; nobody waits for the outcome."""
        self._outcome(sender, ident, "abandoned")

    def _outcome(self, sender: str, ident: bytes, outcome: str) -> None:
        before = self._outcomes.setdefault((sender, ident), outcome)
        if before is not outcome:
            raise Violation("I17", f"{self._sent.get((sender, ident))} was {before}, and then {outcome}")

    def _is_not_stored(self, sender: str, ident: bytes, code: str) -> None:
        if ("acme", sender, ident) in self.oracle.commands:
            raise Violation("I18", f"{self._sent[sender, ident]} was refused with {code}, and is stored")

    def snapshot_taken(self, consumer: str, stream: str, number: int) -> None:
        """A consumer begins anew from a snapshot: it may not be ahead of the stream."""
        last = len(self.oracle.mail.get(stream, ()))
        if number > last:
            raise Violation(
                "I4", f"{consumer} got a snapshot of {stream} as of {number}, which ends at {last}"
            )

    def delivered(self, consumer: str, stream: str, number: int, wanted: int, told: Delivery) -> None:
        """A consumer has got a delivery; ``wanted`` is the number that is next there."""
        if number != wanted:
            raise Violation("I4", f"{consumer} got {number} of {stream}, and {wanted} was next")
        mail = self.oracle.mail.get(stream, [])
        if number > len(mail) or mail[number - 1] != told:
            raise Violation("I4", f"{consumer} got {told}, which {stream} does not have there")

    # At the end.

    def finished(self, process: Process) -> None:
        """Everything is quiet: what the whole history says."""
        for (sender, ident), command in self._sent.items():
            if (sender, ident) not in self._outcomes:
                raise Violation("I17", f"{command} has no outcome")
        for (sender, ident), code in self._refused.items():
            self._is_not_stored(sender, ident, code)
        self._restart_changes_nothing(process)
        self._books_are_right(process)
        self._numbers_agree(process)
        self._nothing_has_grown(process)

    def handed(self, gateway: str, lives: int, handed: Counter[tuple[str, int]], streams: list[str]) -> None:
        """I13: what is for a customer reaches the gateway, and again only when the gateway has died."""
        for stream in streams:
            for number in range(1, len(self.oracle.mail.get(stream, ())) + 1):
                times = handed[stream, number]
                if not 1 <= times <= lives:
                    raise Violation(
                        "I13", f"{gateway} has handed {number} of {stream} on {times} times in {lives} lives"
                    )

    def _nothing_has_grown(self, process: Process) -> None:
        """I16: when all is quiet, nothing piles up anywhere."""
        system = process.system
        piles = {
            "inboxes": [address for address, actor in system.actors.items() if actor.inbox],
            "entries": system.entries,
            "commands": [] if len(system.commands) < commands.FULL + COMMANDS_A_TURN else ["too many"],
            "connections": list(process.hub._connections)[CONNECTIONS_MAX:],
        }
        for name, pile in piles.items():
            if pile:
                raise Violation("I16", f"{name} have piled up: {pile}")

    def _restart_changes_nothing(self, process: Process) -> None:
        """I11: live = tables and tail = replay from zero."""
        live = projection(process.system, self.oracle)
        for name, store in (("a restart", crashed), ("a replay", journal_only)):
            found = projection(recovered(store(process.store)), self.oracle)
            for key, value in live.items():
                if found.get(key) != value:
                    raise Violation("I11", f"{name} finds another {key}: {found.get(key)}, not {value}")

    def _books_are_right(self, process: Process) -> None:
        dispatcher = process.system.actors["dispatcher", "acme", ""]
        assert isinstance(dispatcher, DispatcherActor)
        for ident in self.oracle.threads:
            actor: Any = process.system.actors.get(("conversation", "acme", ident))
            truth = actor.announcement() if actor is not None else None
            drift = audit.of_conversation(dispatcher.view, ident, truth)
            if drift is not None:
                raise Violation("auditor", f"{ident}: {drift}")

    def _numbers_agree(self, process: Process) -> None:
        """I19: what this life of the process has counted is what it has written."""
        wrote = Counter(type(entry.event) for entry in self.oracle.entries[process.head_at_start :])
        numbers = process.numbers
        counted = {
            events.Offered: numbers.offers["made"],
            events.OfferExpired: numbers.offers["expired"],
            events.CustomerWrote: numbers.messages_customer,
            events.AgentWrote: numbers.messages_agent,
        }
        for kind, many in counted.items():
            if wrote[kind] != many:
                raise Violation(
                    "I19", f"{many} {kind.__name__} are counted, {wrote[kind]} are in the journal"
                )
