"""The shell of an agent."""

from __future__ import annotations

from typing import Any

import msgspec

from actors import events
from actors.agent.machine import (
    Agent,
    DeadlineCome,
    Facts,
    Restarted,
    SignOfLife,
    apply,
    deadline,
    decide,
    refused,
)
from actors.agent.view import NEWS
from actors.conversation.orders import OwnerBack, OwnerGone, Refusal, Release
from actors.dispatcher.facts import AgentNews, HandOverAll, OwnedBy
from actors.dispatcher.reasons import Reason
from actors.events import AnyEvent
from actors.journal import Address, SnapshotRow
from actors.runtime import System
from actors.shell import Shell
from actors.telling import Tick, Told
from protocol.messages import Ack, Logout

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Agent)


class AgentActor(Shell):
    """One agent."""

    kind = "agent"

    def __init__(self, system: System, address: Address) -> None:
        super().__init__(system, address)
        self.state = Agent()
        self._lease = system.leases[address]
        self._reported: AgentNews | None = None

    def on_receive(self, message: Any) -> None:
        """Carry out a command of the agent or a supervisor, or take note of what has come of the sessions."""
        told: Told | None = None
        command = message
        if type(message) is Told:
            told, command = message, message.message
            if self.answered_before(told):
                return
            if type(command) is Logout and told.session is not None and not told.session.alive:
                # What was wanted is so already; and a newer login is not this session's to end.
                self.system.reply(told, Ack(command.id, self.system.head))
                return
            if self.shut_out(told):
                return
        elif type(message) is Tick:
            command = DeadlineCome()
        elif type(message) is SignOfLife:
            self._lease.active_at = self.system.now
        self.unsettled = True
        outcome = decide(self.state, command, self._facts())
        if isinstance(outcome, Refusal):
            if told is not None:
                self.system.refuse(told, outcome.code, outcome.message)
            return
        own_before = self.state.own
        self.take_in(outcome, told)
        if told is not None and not outcome:
            # Nothing had to change: safe to repeat, and nothing to remember.
            self.system.reply(told, Ack(told.message.id, self.system.head))
        self._see_to_conversations(outcome, own_before)

    def _facts(self) -> Facts:
        _, tenant, agent = self.address
        return Facts(self.system.now, agent, self.system.desks[tenant], self._lease.active_at)

    def _see_to_conversations(self, outcome: list[AnyEvent], own_before: str) -> None:
        """The agent goes or comes back: the own conversations learn of it in this very turn."""
        state, agent = self.state, self.address[2]
        for event in outcome:
            if isinstance(event, events.HandOverBegun):
                kept = refused(state, self._facts().desk)
                wanted = (event.to_agent, event.to_department, Reason.HANDED_OVER.value, kept)
                self._tell_dispatcher(HandOverAll(agent, *wanted))
                return
        if any(isinstance(event, events.LoggedOut | events.HandedOver) or _goes(event) for event in outcome):
            self._go(agent, state.own)
        elif own_before == "on_reply" and not state.own:
            self._tell_dispatcher(OwnedBy(agent, OwnerBack(agent)))

    def _go(self, agent: str, own: str) -> None:
        reason = Reason.ASSIGNEE_GONE.value
        if own == "queue":
            self._tell_dispatcher(OwnedBy(agent, Release(agent, reason)))
        elif own == "on_reply":
            self._tell_dispatcher(OwnedBy(agent, OwnerGone(agent, reason)))
        elif not self.state.logged_in:
            # Where others are the assignees there is nothing to keep: a conference goes on without the agent.
            self._tell_dispatcher(OwnedBy(agent, Release(agent, reason, keep=True)))

    def _tell_dispatcher(self, message: Any) -> None:
        self.system.tell(("dispatcher", self.address[1], ""), message)

    def audience(self, event: AnyEvent) -> tuple[str, ...]:
        """An agent's own sessions learn of what happens to the agent."""
        return (f"agent/{self.address[2]}",) if type(event) in NEWS else ()

    def announcement(self) -> AgentNews:
        """Return presence and reachability."""
        reachable = self.state.logged_in and self.state.grace_until is None
        return AgentNews(self.address[2], self.state.presence, reachable)

    def settle(self) -> None:
        """Report to the dispatcher when presence or reachability has changed."""
        if self.state.sequence == 0:
            # Somebody has guessed a name, or asks for an agent who has never been here.
            self.system.discard(self)
            return
        self.deadline = deadline(self.state, self._facts())
        news = self.announcement()
        if news != self._reported:
            self._reported = news
            self._tell_dispatcher(news)

    def apply(self, event: Any, sequence: int, at: float) -> None:
        """Take an event into the state, and let those see it who take the agent's commands."""
        apply(self.state, event, sequence, at)
        self._publish()
        self.unsettled = True

    def _publish(self) -> None:
        """Other actors may look at the lease as soon as this one is through with a message."""
        lease, state = self._lease, self.state
        epoch = state.epoch if state.logged_in else 0
        if lease.epoch not in (0, epoch):
            self.system.leases.ended.append(self.address)
        lease.epoch, lease.newest = epoch, state.epoch
        lease.ended, lease.tokens_from = state.ended, state.tokens_from
        lease.warned, lease.own = state.logout_at is not None, state.own
        lease.active_at = max(lease.active_at, state.active_at)

    def sequence(self) -> int:
        """Return the newest sequence of the agent's stream."""
        return self.state.sequence

    def freeze(self) -> SnapshotRow:
        """Return the state; agents are always in memory."""
        return SnapshotRow(self.address, 0, _encoder.encode(self.state), live=True)

    def thaw(self, body: bytes) -> None:
        """Take over a snapshot."""
        self.state = _decoder.decode(body)
        self._publish()

    def woken(self, *, from_parked: bool) -> None:
        """Announce the agent to the dispatcher."""
        self._publish()
        self._reported = None
        self.settle()

    def restarted(self) -> None:
        """No connection outlives the process: the lease is lost until a session comes back."""
        self.system.tell(self.address, Restarted())


def _goes(event: AnyEvent) -> bool:
    return isinstance(event, events.PresenceChosen) and event.own != ""
