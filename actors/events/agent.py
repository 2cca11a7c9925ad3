"""What can have happened to an agent."""

from __future__ import annotations

from msgspec import Struct

from actors.events.base import Event


class LoggedIn(Event, frozen=True, tag="logged_in"):
    """A first session of the agent was opened, under a new epoch of the lease: one more than the last."""

    presence: str
    epoch: int = 0


class PresenceChosen(Event, frozen=True, tag="presence_chosen"):
    """The presence has changed, by the agent or for ``reason``.

    ``own``, of an agent who is no longer there for customers: what the policy makes of the agent's own
    conversations (``queue``, ``on_reply`` or ``keep``).
    """

    presence: str
    reason: str = ""
    own: str = ""


class LeaseLost(Event, frozen=True, tag="lease_lost"):
    """No session of the agent is alive any more; after ``grace_until`` the agent counts as gone.

    ``active_at``: when the agent last gave a sign of life.
    """

    grace_until: float
    reason: str
    active_at: float = 0.0


class LeaseRegained(Event, frozen=True, tag="lease_regained"):
    """A session of the agent is alive again before the grace was over."""


class LoggedOut(Event, frozen=True, tag="logged_out"):
    """The agent has left, was logged out (``by`` whom, if not by the policy), or has ``gone`` for good.

    Who is gone did not want to leave: the tokens of that epoch stay good. ``own``: what the policy makes of
    the agent's own conversations.
    """

    reason: str
    gone: bool = False
    own: str = ""
    by: str = ""


class InactivityWarned(Event, frozen=True, tag="inactivity_warned"):
    """Nothing was sent or clicked for long: the agent is logged out at ``logout_at`` (B2)."""

    logout_at: float


class ActiveAgain(Event, frozen=True, tag="active_again"):
    """A sign of life after the warning (B3)."""


class HandOverBegun(Event, frozen=True, tag="hand_over_begun"):
    """The agent leaves and hands all own conversations over (A4)."""

    presence: str
    to_agent: str = ""
    to_department: str = ""


class Moved(Struct, frozen=True, array_like=True, omit_defaults=True, gc=False):
    """What became of one conversation of a hand-over: ``assigned``, ``queued`` or ``kept``, and why."""

    conversation: str
    outcome: str
    to_agent: str = ""
    to_department: str = ""
    reason: str = ""


class HandedOver(Event, frozen=True, tag="handed_over"):
    """The hand-over, conversation by conversation; in the same turn as its beginning."""

    results: list[Moved]
