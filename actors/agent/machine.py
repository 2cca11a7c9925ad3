"""An agent's presence and lease: what the agent has chosen, and whether any of the agent's connections is
alive.

The two are kept apart (PEERS c1, c7, c8): a lost connection does not change what was chosen, and a choice
needs no connection. An agent is *reachable* while a session is alive. When the last one is lost a grace
begins; when it is over the agent counts as gone (G11). Every login after a logout begins a new epoch of the
lease, and only sessions of the epoch in force may speak.

    LOGGED_OUT --session opened--> online, busy, away, transfer_only, finishing, offline <--chosen--
        ^                              |  ^ chosen by hand only (A9)
        |                              '--offer unanswered--> not_answering
        '-- logged out, gone for the whole grace, inactive, ended by a supervisor, handed over ---------
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from msgspec import Struct

from actors import events
from actors.conversation.orders import Refusal
from actors.dispatcher.facts import HandOverPlanned
from actors.events import AnyEvent
from actors.permissions import may
from config.desk import Desk
from protocol.errors import Code
from protocol.messages import Logout, SetPresence
from protocol.teamwork import EndSession, HandOver


class Presence(StrEnum):
    """What an agent has chosen, or what has come of not answering (A1, A6, A9)."""

    ONLINE = "online"
    BUSY = "busy"
    AWAY = "away"
    TRANSFER_ONLY = "transfer_only"
    FINISHING = "finishing"
    NOT_ANSWERING = "not_answering"
    OFFLINE = "offline"


#: What an agent may choose. ``offline`` is to stay logged in and not be there for customers (A6).
CHOICES = frozenset(Presence) - {Presence.NOT_ANSWERING}
#: Who has chosen one of these is not there for the own conversations: a policy says what becomes of them.
ABSENT = frozenset({Presence.AWAY, Presence.OFFLINE})
#: Stands in the table for an agent who is not logged in; to others such an agent is ``offline``.
LOGGED_OUT = "logged_out"


class Agent(Struct, array_like=True):
    """The state of an agent; times are seconds since 1970."""

    presence: Presence = Presence.OFFLINE
    sequence: int = 0
    #: Set while no session is alive and the agent is not gone yet.
    grace_until: float | None = None
    logged_in: bool = False
    #: Of the lease: grows with each login after a logout.
    epoch: int = 0
    #: Tokens of earlier epochs let nobody in.
    tokens_from: int = 0
    #: Why the agent was logged out last.
    ended: str = ""
    #: What was chosen last; a login by token, behind the agent's back, keeps to it (A9).
    last: Presence = Presence.OFFLINE
    #: The newest sign of life that is in the journal; later ones are in the lease.
    active_at: float = 0.0
    #: Set once the agent was warned: the logout for inactivity (B2).
    logout_at: float | None = None
    #: What the policy makes of the agent's own conversations: empty while the agent is there.
    own: str = ""
    #: The dispatcher's plan is still to come; it comes in the same turn.
    handing_over: bool = False

    @property
    def standing(self) -> str:
        """The row of the table: the presence, or ``LOGGED_OUT``."""
        return self.presence if self.logged_in else LOGGED_OUT


class SessionOpened(NamedTuple):
    """A connection has logged the agent in: ``by_hand`` with the password, else with a token."""

    by_hand: bool = True


class LastSessionLost(NamedTuple):
    """The last connection that carried the agent's session, of this epoch, is lost."""

    reason: str
    epoch: int


class Restarted(NamedTuple):
    """The daemon has come back from the journal; no connection has outlived it."""


class OfferUnanswered(NamedTuple):
    """An offer to the agent has expired, of a new conversation or of a transfer."""

    offer: str


class SignOfLife(NamedTuple):
    """Something was sent or clicked (B1); an agent is told only when the agent was warned."""


class DeadlineCome(NamedTuple):
    """A time may have come: of the grace, the warning, the logout."""


class DeskChanged(NamedTuple):
    """Another desk is in force: times may be others, or the agent is no longer in it."""


class Facts(NamedTuple):
    """What a decision may know beside the state. ``active_at``: the newest sign of life."""

    now: float
    agent: str
    desk: Desk
    active_at: float


Outcome = list[AnyEvent] | Refusal
Rule = Callable[[Agent, Any, Facts], Outcome]


def _log_in(state: Agent, command: SessionOpened, facts: Facts) -> Outcome:
    presence = facts.desk.policies.presence_initial if command.by_hand else state.last
    return [events.LoggedIn(presence, state.epoch + 1)]


def _regain(state: Agent, command: SessionOpened, _: Facts) -> Outcome:
    regained: list[AnyEvent] = [] if state.grace_until is None else [events.LeaseRegained()]
    if command.by_hand and state.logout_at is not None:
        regained.append(events.ActiveAgain())
    return regained


def _choose(_: Agent, command: SetPresence, facts: Facts) -> Outcome:
    if command.presence not in CHOICES:
        return Refusal(
            Code.NOT_ALLOWED, f"choose one of {', '.join(sorted(CHOICES))}, not {command.presence!r}"
        )
    policies = facts.desk.policies
    own = {Presence.AWAY: policies.when_away, Presence.OFFLINE: policies.when_lost}
    return [events.PresenceChosen(command.presence, "chosen", own.get(Presence(command.presence), ""))]


def _log_out(_: Agent, __: Logout, facts: Facts) -> Outcome:
    return [events.LoggedOut("logged out", own=facts.desk.policies.when_lost)]


def _end(_: Agent, command: EndSession, facts: Facts) -> Outcome:
    """Somebody has walked away, and a supervisor ends all that is left of the login (PEERS c7)."""
    if not may(facts.desk, command.agent, "end_sessions", facts.agent):
        return _not_permitted()
    return [events.LoggedOut(command.reason, own=facts.desk.policies.when_lost, by=command.agent)]


def _end_logged_out(state: Agent, command: EndSession, facts: Facts) -> Outcome:
    """Whoever is merely gone cannot come back by token any more; and the event remembers the command, so
    that a late repeat of it ends no login that came after (G3).
    """
    if not may(facts.desk, command.agent, "end_sessions", facts.agent):
        return _not_permitted()
    return [events.LoggedOut(command.reason, own=state.own, by=command.agent)]


def _leave_desk(state: Agent, _: DeskChanged, facts: Facts) -> Outcome:
    """Who is no longer in the desk does not come back: the own conversations go to the queue, whatever the
    policy is for those who do (PEERS c1, c9).
    """
    if facts.agent in facts.desk.agents or not state.sequence:
        return []
    if not state.logged_in and state.own == "queue":
        return []
    return [events.LoggedOut("the agent is no longer in the desk", own="queue")]


def _lose(state: Agent, command: LastSessionLost, facts: Facts) -> Outcome:
    if state.grace_until is not None or command.epoch != state.epoch:
        return []
    until = facts.now + facts.desk.policies.grace_s
    return [events.LeaseLost(until, command.reason, facts.active_at)]


def _restart(state: Agent, command: Restarted, facts: Facts) -> Outcome:
    """The grace begins anew, also one that had begun: while the daemon was down nobody could come back.

    It counts as a sign of life: what was clicked shortly before is not in the journal, and nobody is logged
    out for what the daemon has forgotten.
    """
    unfinished = _restart_logged_out(state, command, facts)
    assert isinstance(unfinished, list)
    warned: list[AnyEvent] = [] if state.logout_at is None else [events.ActiveAgain()]
    until = facts.now + facts.desk.policies.grace_s
    return [*unfinished, *warned, events.LeaseLost(until, "the daemon was restarted", facts.now)]


def _restart_logged_out(state: Agent, _: Restarted, __: Facts) -> Outcome:
    """A hand-over without its plan: the dispatcher has failed on it, and what is left goes by the policy."""
    return [events.HandedOver([])] if state.handing_over else []


def _unanswered(_: Agent, __: OfferUnanswered, ___: Facts) -> Outcome:
    return [events.PresenceChosen(Presence.NOT_ANSWERING, "an offer was not answered")]


def _sign(state: Agent, _: SignOfLife, __: Facts) -> Outcome:
    return [] if state.logout_at is None else [events.ActiveAgain()]


def _look_at_clock(state: Agent, _: DeadlineCome, facts: Facts) -> Outcome:
    policies = facts.desk.policies
    if state.grace_until is not None and facts.now >= state.grace_until:
        return [events.LoggedOut("not reachable for the whole grace", gone=True, own=policies.when_lost)]
    if state.logout_at is not None:
        if not policies.inactivity_logout_s:
            return [events.ActiveAgain()]
        if facts.now >= state.logout_at:
            why = f"nothing was sent or clicked for {policies.inactivity_logout_s:g} s"
            return [events.LoggedOut(why, own=policies.when_lost)]
        return []
    warn_at = _warn_at(state, facts)
    if warn_at is None or facts.now < warn_at:
        return []
    # However late this is noticed: between the warning and the logout there is the whole time (B2).
    return [events.InactivityWarned(facts.now + _warning_s(facts.desk))]


def _hand_over(state: Agent, command: HandOver, facts: Facts) -> Outcome:
    """All or nothing: what can be wrong with the command is looked at before anything changes (A4)."""
    desk = facts.desk
    if command.to_agent and command.to_department:
        return Refusal(Code.NOT_ALLOWED, "name a colleague or a department, not both")
    if command.to_agent == facts.agent:
        return Refusal(Code.NOT_ALLOWED, "nobody can hand over to oneself; name a colleague")
    if command.to_agent and command.to_agent not in desk.agents:
        return Refusal(Code.NOT_ALLOWED, f"no agent {command.to_agent!r} is in the desk")
    if command.to_department and command.to_department not in desk.departments:
        return Refusal(Code.NOT_ALLOWED, f"no department {command.to_department!r} is in the desk")
    if state.handing_over:
        return Refusal(Code.UNDER_WAY, "a hand-over of this agent is under way")
    begun = events.HandOverBegun(command.presence, command.to_agent, command.to_department)
    if command.presence == "offline":
        return [begun, events.LoggedOut("handed over", own=desk.policies.when_lost)]
    own = "on_reply" if desk.policies.when_away == "on_reply" else "keep"
    return [begun, events.PresenceChosen(Presence.AWAY, "handed over", own)]


def _planned(state: Agent, command: HandOverPlanned, _: Facts) -> Outcome:
    return [events.HandedOver(command.results)] if state.handing_over else []


def _nothing(*_: object) -> Outcome:
    """News that came too late, or asks for what is so already."""
    return []


def _not_logged_in(*_: object) -> Outcome:
    return Refusal(Code.NOT_AUTHENTICATED, "the agent is not logged in")


def _not_permitted() -> Refusal:
    """The same answer for "not permitted" and "does not exist" (G15)."""
    return Refusal(Code.NOT_ALLOWED, "no colleague whose sessions this agent may end has that name")


_LOGGED_IN: dict[type[Any], Rule] = {
    SessionOpened: _regain,
    SetPresence: _choose,
    Logout: _log_out,
    EndSession: _end,
    HandOver: _hand_over,
    HandOverPlanned: _planned,
    LastSessionLost: _lose,
    Restarted: _restart,
    OfferUnanswered: _unanswered,
    SignOfLife: _sign,
    DeadlineCome: _look_at_clock,
    DeskChanged: _leave_desk,
}
#: Where nothing is offered an unanswered offer is one that was taken back too late: it changes nothing.
_NOTHING_OFFERED: dict[type[Any], Rule] = {**_LOGGED_IN, OfferUnanswered: _nothing}

#: Every pair of a standing and a command has its answer here.
TABLE: Mapping[str, Mapping[type[Any], Rule]] = {
    LOGGED_OUT: {
        SessionOpened: _log_in,
        SetPresence: _not_logged_in,
        Logout: _nothing,
        EndSession: _end_logged_out,
        HandOver: _not_logged_in,
        HandOverPlanned: _planned,
        LastSessionLost: _nothing,
        Restarted: _restart_logged_out,
        OfferUnanswered: _nothing,
        SignOfLife: _nothing,
        DeadlineCome: _nothing,
        DeskChanged: _leave_desk,
    },
    Presence.ONLINE: _LOGGED_IN,
    Presence.BUSY: _LOGGED_IN,
    Presence.TRANSFER_ONLY: _LOGGED_IN,
    Presence.AWAY: _NOTHING_OFFERED,
    Presence.FINISHING: _NOTHING_OFFERED,
    Presence.NOT_ANSWERING: _NOTHING_OFFERED,
    Presence.OFFLINE: _NOTHING_OFFERED,
}


def decide(state: Agent, command: Any, facts: Facts) -> Outcome:
    """Return the events that a command causes in this state, or the refusal."""
    return TABLE[state.standing][type(command)](state, command, facts)


def why_logged_out(event: events.LoggedOut) -> str:
    """Return what the agent's sessions are told."""
    if not event.by:
        return event.reason
    return f"logged out by {event.by}" + (f": {event.reason}" if event.reason else "")


def deadline(state: Agent, facts: Facts) -> float | None:
    """Return when to look at the clock next; None while there is nothing to wait for."""
    if not state.logged_in:
        return None
    times = (state.grace_until, state.logout_at, _warn_at(state, facts))
    return min((at for at in times if at is not None), default=None)


def _warn_at(state: Agent, facts: Facts) -> float | None:
    """Return when to warn; an agent whom no warning can reach is waited for, for the grace."""
    limit_s = facts.desk.policies.inactivity_logout_s
    if not limit_s or state.logout_at is not None or state.grace_until is not None:
        return None
    return facts.active_at + limit_s - _warning_s(facts.desk)


def _warning_s(desk: Desk) -> float:
    return min(desk.policies.inactivity_warning_s, desk.policies.inactivity_logout_s)


def refused(state: Agent, desk: Desk) -> str:
    """Return what becomes of what nobody can take in a hand-over (A4): see ``HandOverAll.refused``.

    It does not stay with one who logs out where the conversations of the lost go to the queue: nothing stays
    with somebody who is not there (PEERS c1).
    """
    if desk.policies.hand_over_refused == "queue" or state.own == "queue":
        return "queue"
    return "on_reply" if state.own == "on_reply" else "keep"


def apply(state: Agent, event: AnyEvent, sequence: int, at: float) -> None:
    """Take an event into the state. Total: every event of an agent's stream, in every state."""
    state.sequence = sequence
    _CHANGES[type(event)](state, event, at)


def _logged_in(state: Agent, event: events.LoggedIn, at: float) -> None:
    state.logged_in, state.epoch = True, event.epoch or state.epoch + 1
    state.grace_until = state.logout_at = None
    state.handing_over, state.active_at = False, at
    _is_now(state, Presence(event.presence), state.own)


def _presence_chosen(state: Agent, event: events.PresenceChosen, at: float) -> None:
    presence = Presence(event.presence)
    if presence is not Presence.NOT_ANSWERING:
        state.active_at = at
    _is_now(state, presence, event.own)


def _is_now(state: Agent, presence: Presence, own: str) -> None:
    state.presence = state.last = presence
    state.own = _sticks(state.own, own) if presence in ABSENT else ""


def _sticks(before: str, own: str) -> str:
    """What the conversations were told stays so until the agent is back."""
    return "on_reply" if (before, own) == ("on_reply", "keep") else own


def _lease_lost(state: Agent, event: events.LeaseLost, _: float) -> None:
    state.grace_until = event.grace_until
    state.active_at = max(state.active_at, event.active_at)


def _lease_regained(state: Agent, _: events.LeaseRegained, __: float) -> None:
    state.grace_until = None


def _logged_out(state: Agent, event: events.LoggedOut, _: float) -> None:
    state.presence, state.logged_in = Presence.OFFLINE, False
    state.grace_until = state.logout_at = None
    state.ended, state.own = why_logged_out(event), _sticks(state.own, event.own)
    if not event.gone:
        state.tokens_from = state.epoch + 1


def _warned(state: Agent, event: events.InactivityWarned, _: float) -> None:
    state.logout_at = event.logout_at


def _active_again(state: Agent, _: events.ActiveAgain, at: float) -> None:
    state.logout_at, state.active_at = None, at


def _hand_over_begun(state: Agent, _: events.HandOverBegun, __: float) -> None:
    state.handing_over = True


def _handed_over(state: Agent, _: events.HandedOver, __: float) -> None:
    state.handing_over = False


_CHANGES: dict[type[Any], Callable[[Agent, Any, float], None]] = {
    events.LoggedIn: _logged_in,
    events.PresenceChosen: _presence_chosen,
    events.LeaseLost: _lease_lost,
    events.LeaseRegained: _lease_regained,
    events.LoggedOut: _logged_out,
    events.InactivityWarned: _warned,
    events.ActiveAgain: _active_again,
    events.HandOverBegun: _hand_over_begun,
    events.HandedOver: _handed_over,
}
