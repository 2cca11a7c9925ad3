"""Everything that can have happened, as the journal keeps it.

Names say what has happened; times are seconds since 1970.
"""

from __future__ import annotations

from msgspec import Struct

from protocol.messages import Content


class Event(Struct, frozen=True, array_like=True, omit_defaults=True, gc=False):
    """The base of every event."""


# In a conversation's stream.


class Started(Event, frozen=True, tag="started"):
    """A conversation has begun."""

    channel: str
    contact: str
    department: str
    name: str = ""
    language: str = ""


class Queued(Event, frozen=True, tag="queued"):
    """The conversation waits in the department's queue since ``since``."""

    department: str
    since: float
    reason: str


class CustomerWrote(Event, frozen=True, tag="customer_wrote"):
    """The customer has written."""

    contact: str
    content: Content
    channel: str = ""


class AgentWrote(Event, frozen=True, tag="agent_wrote"):
    """The agent has written to the customer."""

    agent: str
    contact: str
    content: Content


class Offered(Event, frozen=True, tag="offered"):
    """The conversation was offered to an agent until ``deadline_at``; ``why`` is the decision in brief."""

    offer: str
    agent: str
    deadline_at: float
    department: str
    channel: str
    contact: str
    name: str
    since: float
    why: dict[str, str | int | float]


class OfferDeclined(Event, frozen=True, tag="offer_declined"):
    """The agent has declined."""

    offer: str
    agent: str
    reason: str = ""


class OfferExpired(Event, frozen=True, tag="offer_expired"):
    """The agent has not answered in time."""

    offer: str
    agent: str


class OfferWithdrawn(Event, frozen=True, tag="offer_withdrawn"):
    """The offer was taken back."""

    offer: str
    agent: str
    reason: str


class Assigned(Event, frozen=True, tag="assigned"):
    """The agent has accepted and is the assignee; the customer had waited since ``since``."""

    offer: str
    agent: str
    department: str
    channel: str
    contact: str
    since: float
    name: str = ""


class Released(Event, frozen=True, tag="released"):
    """The assignee has lost the conversation; it goes back to the queue with its waiting time."""

    agent: str
    department: str
    since: float
    reason: str


class Ended(Event, frozen=True, tag="ended"):
    """The conversation is over."""

    by: str
    contact: str
    reason: str = ""
    channel: str = ""


# In an agent's stream.


class LoggedIn(Event, frozen=True, tag="logged_in"):
    """A first session of the agent was opened."""

    presence: str


class PresenceChosen(Event, frozen=True, tag="presence_chosen"):
    """The presence has changed, by the agent or for ``reason``."""

    presence: str
    reason: str = ""


class LeaseLost(Event, frozen=True, tag="lease_lost"):
    """No session of the agent is alive any more; after ``grace_until`` the agent counts as gone."""

    grace_until: float
    reason: str


class LeaseRegained(Event, frozen=True, tag="lease_regained"):
    """A session of the agent is alive again before the grace was over."""


class LoggedOut(Event, frozen=True, tag="logged_out"):
    """The agent has left, or was gone for the whole grace."""

    reason: str


# In the dispatcher's stream.


class DeskApplied(Event, frozen=True, tag="desk_applied"):
    """A desk is in force; ``text`` is the whole desk file."""

    digest: str
    text: str
    source: str
    changes: list[str]


class SetAside(Event, frozen=True, tag="set_aside"):
    """The daemon failed on a command:

    in which actor, on what, with which error; and the command as msgpack.
    """

    actor: str
    name: str
    error: str
    command: bytes


AnyEvent = (
    Started
    | Queued
    | CustomerWrote
    | AgentWrote
    | Offered
    | OfferDeclined
    | OfferExpired
    | OfferWithdrawn
    | Assigned
    | Released
    | Ended
    | SetAside
    | LoggedIn
    | PresenceChosen
    | LeaseLost
    | LeaseRegained
    | LoggedOut
    | DeskApplied
)
