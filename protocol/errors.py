"""The error catalogue: stable codes, what each means, and the exceptions that carry them.

SwitchboardError
├── ProtocolError            a rule of the wire was broken
│   ├── LocalProtocolError   by this side: a programming error
│   └── RemoteProtocolError  by the peer
├── CommandRefused           the daemon refused a command
└── ConnectionLost           the peer has not been heard of for the lease
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Code(StrEnum):
    """A stable code of the wire."""

    BAD_FRAME = "BAD_FRAME"
    TOO_LARGE = "TOO_LARGE"
    VERSION = "VERSION"
    NOT_AUTHENTICATED = "NOT_AUTHENTICATED"
    NOT_ALLOWED = "NOT_ALLOWED"
    ID_REUSED = "ID_REUSED"
    OUT_OF_ORDER = "OUT_OF_ORDER"
    OFFER_GONE = "OFFER_GONE"
    TAKEN = "TAKEN"
    UNAVAILABLE = "UNAVAILABLE"
    UNDER_WAY = "UNDER_WAY"
    ALREADY_SO = "ALREADY_SO"
    WRAP_UP = "WRAP_UP"
    CLOSED = "CLOSED"
    BLOCKED = "BLOCKED"
    CONTENT = "CONTENT"
    WINDOW_CLOSED = "WINDOW_CLOSED"
    BUSY = "BUSY"
    QUOTA = "QUOTA"
    HISTORY_CHANGED = "HISTORY_CHANGED"
    REPLACED = "REPLACED"
    SILENT = "SILENT"
    STOPPING = "STOPPING"
    INTERNAL = "INTERNAL"


class Meaning(NamedTuple):
    """What a code tells its reader. ``definite``: nothing was stored and nothing will be."""

    definite: bool
    what: str
    remedy: str


CATALOGUE: dict[Code, Meaning] = {
    Code.BAD_FRAME: Meaning(
        True,
        "The frame is not a message of this protocol.",
        "Mend the client; the connection ends after five in a minute.",
    ),
    Code.TOO_LARGE: Meaning(
        True,
        "The frame, the message or the text is larger than allowed.",
        "Send less; `welcome.frame_bytes` and the desk's policy say how much.",
    ),
    Code.VERSION: Meaning(
        True, "The daemon does not speak the client's major version.", "Upgrade the older side."
    ),
    Code.NOT_AUTHENTICATED: Meaning(
        True, "The key, password or token is not valid.", "Log in again, or ask the operator for a key."
    ),
    Code.NOT_ALLOWED: Meaning(
        True,
        "This peer may not do that, or what it named does not exist.",
        "Check the id and who owns it.",
    ),
    Code.ID_REUSED: Meaning(
        True, "The command id was used before, for something else.", "Make a new id for each command."
    ),
    Code.OUT_OF_ORDER: Meaning(
        True,
        "The message is not legal in this state of the connection.",
        "Say `hello` first, then log in or subscribe.",
    ),
    Code.OFFER_GONE: Meaning(
        True, "The offer, invitation or transfer is over, or another answer came first.", "Wait for the next."
    ),
    Code.TAKEN: Meaning(
        True,
        "Somebody else was quicker: the conversation is assigned, or offered, to another agent.",
        "The message names the agent; take another conversation.",
    ),
    Code.UNAVAILABLE: Meaning(
        True,
        "Nothing can be taken or given now: nobody waits, or the colleague or department cannot take it.",
        "The message says why; choose another one, or try again later.",
    ),
    Code.UNDER_WAY: Meaning(
        True,
        "Something is under way that it cannot stand beside: a transfer, an offer, an invitation, a hand-over"
        ", or another conversation of the customer.",
        "The message says what; wait for its end, or cancel it first.",
    ),
    Code.ALREADY_SO: Meaning(
        True, "What was asked for is so already.", "Nothing has to be done; the message says how it is."
    ),
    Code.WRAP_UP: Meaning(
        True,
        "The desk wants a wrap-up reason here, one of its own.",
        "Send it again with a new id and one of the reasons that the message names.",
    ),
    Code.CLOSED: Meaning(True, "The conversation has ended.", "Nothing more can be sent to it."),
    Code.BLOCKED: Meaning(
        True,
        "The customer is blocked in this channel: an agent has shut him out.",
        "Nothing of him is stored until he is let in again; tell him so, or nothing.",
    ),
    Code.CONTENT: Meaning(
        True,
        "The content is not what it is said to be, or cannot be sent through this channel.",
        "The message says what is wrong with it; send something else.",
    ),
    Code.WINDOW_CLOSED: Meaning(
        True,
        "The channel's reply window is over or used up: its provider would refuse the message.",
        "The message names the rule; wait until the customer writes again.",
    ),
    Code.BUSY: Meaning(
        True, "The daemon is at a limit.", "Send the same command again after `retry_after_s`."
    ),
    Code.QUOTA: Meaning(
        True, "A limit of the desk or the channel is used up.", "The message names the limit."
    ),
    Code.HISTORY_CHANGED: Meaning(
        True,
        "The numbers asked for belong to another history (a restored backup, say).",
        "Subscribe without `after` and begin from the snapshot.",
    ),
    Code.REPLACED: Meaning(
        True, "The same key has connected again; the newer connection stays.", "Run one instance per key."
    ),
    Code.SILENT: Meaning(
        False, "Nothing was heard of the peer for `lease_s`.", "Connect again and resume; send pings in time."
    ),
    Code.STOPPING: Meaning(
        False, "The daemon is stopping.", "Connect again; resend what was not acknowledged."
    ),
    Code.INTERNAL: Meaning(
        False, "The daemon failed on this command; it was set aside.", "Tell the operator; look in the log."
    ),
}


class SwitchboardError(Exception):
    """The base of all errors of this package."""


class ProtocolError(SwitchboardError):
    """A rule of the wire was broken. ``code`` is what the peer is told."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class LocalProtocolError(ProtocolError):
    """This side tried to do what the protocol forbids."""


class RemoteProtocolError(ProtocolError):
    """The peer did what the protocol forbids."""


class CommandRefused(SwitchboardError):
    """The daemon refused a command. ``definite``: sending it again is of no use."""

    def __init__(
        self,
        code: str,
        message: str,
        retry_after_s: float = 0.0,
        window_closes_at: float = 0.0,
        sends_left: int | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.retry_after_s = retry_after_s
        #: With WINDOW_CLOSED: when the reply window closes or has closed, and what is left in it.
        self.window_closes_at = window_closes_at
        self.sends_left = sends_left

    @property
    def definite(self) -> bool:
        """True when nothing was stored; an unknown code counts as not definite (G2)."""
        return self.code in CATALOGUE and CATALOGUE[Code(self.code)].definite


class ConnectionLost(SwitchboardError):
    """The peer has not been heard of for the lease, or has said goodbye."""
