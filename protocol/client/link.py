"""The client's link to the daemon: the table of its states, and what a refusal leads to. Pure.

WAITING --due--> CONNECTING --connected--> GREETED --welcomed--> OPEN
   ^                 |                        |                   |
   +------ lost -----+------------------------+-------------------+      any but STOPPED --stop--> STOPPED
"""

from __future__ import annotations

import math
from enum import Enum

from protocol.errors import Code

#: The bounds of the pause before the next try.
BACKOFF_S_MIN = 0.05
BACKOFF_S_MAX = 2.0
#: How often a command that the daemon failed on is sent again.
INTERNAL_RETRIES_MAX = 3


class Link(Enum):
    """Where the client stands."""

    WAITING = "waiting"
    CONNECTING = "connecting"
    GREETED = "greeted"
    OPEN = "open"
    STOPPED = "stopped"


class Step(Enum):
    """What can move it."""

    DUE = "due"
    CONNECTED = "connected"
    WELCOMED = "welcomed"
    LOST = "lost"
    STOP = "stop"


#: State -> step -> next state. A missing key changes nothing.
TABLE: dict[Link, dict[Step, Link]] = {
    Link.WAITING: {Step.DUE: Link.CONNECTING, Step.STOP: Link.STOPPED},
    Link.CONNECTING: {Step.CONNECTED: Link.GREETED, Step.LOST: Link.WAITING, Step.STOP: Link.STOPPED},
    Link.GREETED: {Step.WELCOMED: Link.OPEN, Step.LOST: Link.WAITING, Step.STOP: Link.STOPPED},
    Link.OPEN: {Step.LOST: Link.WAITING, Step.STOP: Link.STOPPED},
    Link.STOPPED: {},
}


class Reaction(Enum):
    """What the client does about a refusal."""

    RETRY = "send it again later"
    RECONNECT = "begin the connection anew"
    TELL = "tell the user"


#: What a refusal leads to, and how often at most; after that the user is told.
_REACTIONS: dict[str, tuple[Reaction, float]] = {
    Code.BUSY: (Reaction.RETRY, math.inf),
    Code.STOPPING: (Reaction.RETRY, math.inf),
    Code.SILENT: (Reaction.RETRY, math.inf),
    Code.INTERNAL: (Reaction.RETRY, INTERNAL_RETRIES_MAX),
    # The daemon has started again and knows nothing of our hello.
    Code.OUT_OF_ORDER: (Reaction.RECONNECT, INTERNAL_RETRIES_MAX),
}


def reaction(code: str, failures: int) -> Reaction:
    """Say what to do about a refusal that is the ``failures``-th of its request."""
    if code not in Code.__members__:
        code = Code.INTERNAL  # A code of a newer daemon is not definite (G2).
    what, times_max = _REACTIONS.get(code, (Reaction.TELL, math.inf))
    return what if failures <= times_max else Reaction.TELL


#: The daemon will never let this client in; coming back is of no use until somebody mends the cause.
HOPELESS = frozenset({Code.VERSION, Code.NOT_AUTHENTICATED, Code.NOT_ALLOWED, Code.BAD_FRAME, Code.TOO_LARGE})


def backoff_s(failures: int, chance: float) -> float:
    """Return the pause after so many failures in a row; ``chance`` is in [0, 1)."""
    ceiling: float = min(BACKOFF_S_MAX, 2 * BACKOFF_S_MIN * 2 ** min(failures, 10))
    return BACKOFF_S_MIN + chance * (ceiling - BACKOFF_S_MIN)
