"""An agent's presence and lease: what the agent has chosen, and whether any of the agent's connections is
alive.

The two are kept apart (PEERS c1, c7, c8): a lost connection does not change what was chosen, and a choice
needs no connection. An agent is
*reachable* while a session is alive. When the last one is lost a grace begins; when it is over the agent
counts as gone, and the conversations go back to the queue with their waiting time (G11).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, NamedTuple

from msgspec import Struct

from actors import events
from actors.events import AnyEvent
from protocol.errors import Code
from protocol.messages import Logout, SetPresence


class Presence(StrEnum):
    """What an agent has chosen, or what has come of not answering (A1, A9)."""

    ONLINE = "online"
    BUSY = "busy"
    AWAY = "away"
    NOT_ANSWERING = "not_answering"
    OFFLINE = "offline"


#: What an agent may choose.
CHOICES = frozenset({Presence.ONLINE, Presence.BUSY, Presence.AWAY})


class Agent(Struct, array_like=True):
    """The state of an agent.

    ``grace_until`` is set while no session is alive and the agent is not gone yet.
    """

    presence: Presence = Presence.OFFLINE
    sequence: int = 0
    grace_until: float | None = None


class SessionOpened(NamedTuple):
    """A connection has logged the agent in."""


class LastSessionLost(NamedTuple):
    """The last connection that carried the agent's session is lost."""

    reason: str


class Restarted(NamedTuple):
    """The daemon has come back from the journal; no connection has outlived it."""


class OfferUnanswered(NamedTuple):
    """An offer to the agent has expired."""

    offer: str


class GraceOver(NamedTuple):
    """The grace may be over."""


class Refusal(NamedTuple):
    """A command was refused; nothing has changed."""

    code: Code
    message: str


class Facts(NamedTuple):
    """What a decision may know beside the state."""

    now: float
    grace_s: float
    presence_initial: Presence


Outcome = list[AnyEvent] | Refusal
Rule = Callable[[Agent, Any, Facts], Outcome]


def _log_in(_: Agent, __: SessionOpened, facts: Facts) -> Outcome:
    return [events.LoggedIn(facts.presence_initial)]


def _regain(state: Agent, _: SessionOpened, __: Facts) -> Outcome:
    return [] if state.grace_until is None else [events.LeaseRegained()]


def _choose(state: Agent, command: SetPresence, _: Facts) -> Outcome:
    if command.presence not in CHOICES:
        return Refusal(
            Code.NOT_ALLOWED, f"choose one of {', '.join(sorted(CHOICES))}, not {command.presence!r}"
        )
    return [events.PresenceChosen(command.presence, "chosen")]


def _log_out(_: Agent, __: Logout, ___: Facts) -> Outcome:
    return [events.LoggedOut("logged out")]


def _lose(state: Agent, command: LastSessionLost, facts: Facts) -> Outcome:
    if state.grace_until is not None:
        return []
    return [events.LeaseLost(facts.now + facts.grace_s, command.reason)]


def _restart(_: Agent, __: Restarted, facts: Facts) -> Outcome:
    """The grace begins anew, also one that had begun: while the daemon was down nobody could come back."""
    return [events.LeaseLost(facts.now + facts.grace_s, "the daemon was restarted")]


def _unanswered(_: Agent, __: OfferUnanswered, ___: Facts) -> Outcome:
    return [events.PresenceChosen(Presence.NOT_ANSWERING, "an offer was not answered")]


def _grace_over(state: Agent, _: GraceOver, facts: Facts) -> Outcome:
    if state.grace_until is None or facts.now < state.grace_until:
        return []
    return [events.LoggedOut("not reachable for the whole grace")]


def _nothing(*_: object) -> Outcome:
    return []


_LOGGED_IN: dict[type[Any], Rule] = {
    SessionOpened: _regain,
    SetPresence: _choose,
    Logout: _log_out,
    LastSessionLost: _lose,
    Restarted: _restart,
    OfferUnanswered: _unanswered,
    GraceOver: _grace_over,
}

#: Every pair of a presence and a command has its answer here.
TABLE: dict[Presence, dict[type[Any], Rule]] = {
    Presence.OFFLINE: {
        SessionOpened: _log_in,
        # The hub lets only an agent with a session say this: logged in, and by policy offline at first (A6).
        SetPresence: _choose,
        Logout: _nothing,
        LastSessionLost: _nothing,
        Restarted: _nothing,
        OfferUnanswered: _nothing,
        GraceOver: _nothing,
    },
    Presence.ONLINE: _LOGGED_IN,
    Presence.BUSY: {**_LOGGED_IN, OfferUnanswered: _nothing},
    Presence.AWAY: {**_LOGGED_IN, OfferUnanswered: _nothing},
    Presence.NOT_ANSWERING: {**_LOGGED_IN, OfferUnanswered: _nothing},
}


def decide(state: Agent, command: Any, facts: Facts) -> Outcome:
    """Return the events that a command causes in this state, or the refusal."""
    return TABLE[state.presence][type(command)](state, command, facts)


def apply(state: Agent, event: AnyEvent, sequence: int) -> None:
    """Take an event into the state."""
    state.sequence = sequence
    match event:
        case events.LoggedIn() | events.PresenceChosen():
            state.presence = Presence(event.presence)
            if isinstance(event, events.LoggedIn):
                state.grace_until = None
        case events.LeaseLost():
            state.grace_until = event.grace_until
        case events.LeaseRegained():
            state.grace_until = None
        case events.LoggedOut():
            state.presence, state.grace_until = Presence.OFFLINE, None
