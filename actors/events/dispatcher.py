"""What can have happened at a dispatcher's desk."""

from __future__ import annotations

from actors.events.base import Event


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


class ShadowApplied(Event, frozen=True, tag="shadow_applied"):
    """A desk decides in the shadow, without effect; with an empty text none does any more."""

    digest: str
    text: str


class OrderChanged(Event, frozen=True, tag="order_changed"):
    """The order of a department's queue was changed while running (D2).

    ``until``: ``backlog`` ends it at the turn of somebody who waited before ``backlog_before``.
    """

    department: str
    order: str
    by: str
    until: str = ""
    backlog_before: float = 0.0


class ChannelCleared(Event, frozen=True, tag="channel_cleared"):
    """All conversations of a channel that has left the desk have been told (F13)."""

    channel: str


class Healed(Event, frozen=True, tag="healed"):
    """The auditor has found the dispatcher's view and the truth apart, and has put the view right."""

    violation: str
    about: str
    found: str
    expected: str
