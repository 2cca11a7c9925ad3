"""The shell of an agent."""

from __future__ import annotations

from typing import Any

import msgspec

from actors import events
from actors.agent.machine import (
    Agent,
    Facts,
    GraceOver,
    Presence,
    Refusal,
    Restarted,
    apply,
    decide,
)
from actors.conversation.orders import Release
from actors.dispatcher.facts import AgentNews, OwnedBy
from actors.events import AnyEvent
from actors.journal import Address, SnapshotRow
from actors.runtime import System
from actors.shell import Shell
from actors.telling import Tick, Told
from protocol.messages import Ack

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Agent)


class AgentActor(Shell):
    """One agent."""

    kind = "agent"

    def __init__(self, system: System, address: Address) -> None:
        super().__init__(system, address)
        self.state = Agent()
        self._reported: AgentNews | None = None

    def on_receive(self, message: Any) -> None:
        """Carry out a command of the agent's sessions, or take note of their loss."""
        told: Told | None = None
        command = message
        if type(message) is Told:
            if self.answered_before(message):
                return
            told, command = message, message.message
        elif type(message) is Tick:
            command = GraceOver()
        outcome = decide(self.state, command, self._facts())
        if isinstance(outcome, Refusal):
            if told is not None:
                self.system.refuse(told, outcome.code, outcome.message)
            return
        self.take_in(outcome, told)
        if told is not None and not outcome:
            # Nothing had to change: safe to repeat, and nothing to remember.
            self.system.reply(told, Ack(told.message.id, self.system.head))
        if any(isinstance(event, events.LoggedOut) for event in outcome):
            self._hand_back(outcome)

    def _facts(self) -> Facts:
        policies = self.system.desks[self.address[1]].policies
        return Facts(self.system.now, policies.grace_s, Presence(policies.presence_initial))

    def _hand_back(self, outcome: list[AnyEvent]) -> None:
        """The agent is gone: every own conversation goes back to its queue, in this very turn."""
        _, tenant, agent = self.address
        if self.system.desks[tenant].policies.when_lost != "queue":
            return
        reason = next(event.reason for event in outcome if isinstance(event, events.LoggedOut))
        self.system.tell(("dispatcher", tenant, ""), OwnedBy(agent, Release(agent, reason)))

    def audience(self, event: AnyEvent) -> tuple[str, ...]:
        """An agent's own sessions learn of the agent's presence."""
        if isinstance(event, events.LoggedIn | events.PresenceChosen | events.LoggedOut):
            return (f"agent/{self.address[2]}",)
        return ()

    def announcement(self) -> AgentNews:
        """Return presence and reachability."""
        presence = self.state.presence
        reachable = self.state.grace_until is None and presence is not Presence.OFFLINE
        return AgentNews(self.address[2], presence, reachable)

    def settle(self) -> None:
        """Report to the dispatcher when presence or reachability has changed."""
        self.deadline = self.state.grace_until
        news = self.announcement()
        if news != self._reported:
            self._reported = news
            self.system.tell(("dispatcher", self.address[1], ""), news)

    def apply(self, event: Any, sequence: int, at: float) -> None:
        """Take an event into the state."""
        apply(self.state, event, sequence)
        self.unsettled = True

    def sequence(self) -> int:
        """Return the newest sequence of the agent's stream."""
        return self.state.sequence

    def freeze(self) -> SnapshotRow:
        """Return the state; agents are always in memory."""
        return SnapshotRow(self.address, 0, _encoder.encode(self.state), live=True)

    def thaw(self, body: bytes) -> None:
        """Take over a snapshot."""
        self.state = _decoder.decode(body)

    def woken(self, *, from_parked: bool) -> None:
        """Announce the agent to the dispatcher."""
        self._reported = None
        self.settle()

    def restarted(self) -> None:
        """No connection outlives the process: the lease is lost until a session comes back."""
        self.system.tell(self.address, Restarted())
