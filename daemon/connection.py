"""One peer's connection: its session machine, who it is proven to be, its agents and its subscriptions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from actors.authorization import Principal
from actors.commands import Recent
from actors.customer.naming import channel_names
from actors.journal import Address
from actors.lease import Session as LeasedSession
from actors.mailbox import Mailbox
from actors.masking import Masking, masking_of
from config.desk import Desk
from daemon.references import References
from daemon.transport import Listener
from protocol.messages import FromClient
from protocol.session import Session
from protocol.window import Window

Handler = Callable[["Connection", Any], object]
Handlers = dict[type[Any], Handler]

#: Bad frames in a minute after which a connection ends (A09).
BAD_FRAMES = 5
BAD_FRAMES_PERIOD_S = 60.0
#: Heavy messages (logins, subscriptions, questions) of one connection: at once, and each second.
HEAVY_AT_ONCE = 512
HEAVY_PER_S = 100.0
#: Hints of one connection: at once, and each second. A gateway's come from many customers.
HINTS_AT_ONCE = 1_000
HINTS_PER_S = 500.0


class AgentSession(Struct, frozen=True):
    """An agent is logged in on a connection: the agent's address, name as a sender, recent commands,

    the hash of the password that has let the agent in, and under which lease and epoch.
    """

    address: Address
    sender: str
    recent: Recent
    password_hash: str
    leased: LeasedSession


class Allowance:
    """So many at once, and so many each second."""

    __slots__ = ("_at", "_at_once", "_left", "_per_s")

    def __init__(self, at_once: float, per_s: float, now: float) -> None:
        self._at_once = at_once
        self._per_s = per_s
        self._left = at_once
        self._at = now

    def take(self, now: float) -> bool:
        """Take one; False when nothing is left."""
        self._refill(now)
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def overdrawn(self, now: float) -> bool:
        """True while more was taken than there was."""
        self._refill(now)
        return self._left < 0

    def _refill(self, now: float) -> None:
        self._left = min(self._at_once, self._left + (now - self._at) * self._per_s)
        self._at = now

    def charge(self, many: float) -> None:
        """Take more for what has turned out to cost more; what is lacking has to come back first."""
        self._left -= many


class Channel(Struct, frozen=True):
    """A channel this gateway may write to: its address, and its customers' conversations in memory."""

    address: Address
    bound: dict[str, str]


class Subscription:
    """A connection reads a mailbox, with credit."""

    __slots__ = ("connection", "mailbox", "window")

    def __init__(self, connection: Connection, mailbox: Mailbox, window: Window) -> None:
        self.connection = connection
        self.mailbox = mailbox
        self.window = window


class Connection:
    """A connection. ``tenant``, ``principal`` and ``name`` are set by a good ``hello``, from the key."""

    __slots__ = (
        "_references",
        "address",
        "agents",
        "attempt",
        "bad_frames",
        "budget",
        "budget_at",
        "channel_names",
        "channels",
        "client",
        "closed",
        "handlers",
        "heavy",
        "hints",
        "identity",
        "key",
        "listener",
        "masking",
        "name",
        "principal",
        "recent",
        "sender",
        "session",
        "subscriptions",
        "tenant",
    )

    def __init__(
        self,
        listener: Listener,
        identity: bytes,
        key: str,
        session: Session[FromClient],
        now: float,
        budget: float,
        handlers: Handlers,
    ) -> None:
        self.listener = listener
        self.identity = identity
        self.key = key
        self.session = session
        self.closed = False
        self.tenant = ""
        self.name = ""
        self.sender = ""
        self.principal: Principal | None = None
        #: The client's process by its own name, and which of its connections this is.
        self.client = b""
        self.attempt = 0
        #: What this peer may send, and who handles it; a message that is not here is not allowed.
        self.handlers: Handlers = handlers
        #: Channels this gateway may write to; filled as they are used, emptied when the desk changes.
        self.channels: dict[str, Channel] = {}
        #: Agents logged in here.
        self.agents: dict[str, AgentSession] = {}
        #: The gateway's own recent commands.
        self.recent: Recent | None = None
        self.subscriptions: dict[str, Subscription] = {}
        #: What is hidden from the people at this console; None: nothing. Of a gateway always nothing.
        self.masking: Masking | None = None
        self._references = References()
        #: What the people at this console call the channels (J3).
        self.channel_names: dict[str, str] = {}
        self.budget = budget
        self.budget_at = now
        self.heavy = Allowance(HEAVY_AT_ONCE, HEAVY_PER_S, now)
        self.hints = Allowance(HINTS_AT_ONCE, HINTS_PER_S, now)
        self.bad_frames: list[float] = []

    def look_at(self, desk: Desk) -> None:
        """Take over what the desk says of the people at the other end: agents are not to see everything."""
        agents = self.principal is Principal.CONSOLE
        masking = masking_of(desk.policies) if agents else None
        self.masking = masking.referring(self._references.refer) if masking is not None else None
        self.channel_names = channel_names(desk) if agents else {}

    def meant(self, message: Any) -> Any:
        """Return a message of an agent with the customers' identifiers that it has references to."""
        return self._references.meant(message)

    @property
    def who(self) -> tuple[Principal, str, str]:
        """Return which peer this is; to be asked after a good ``hello`` only."""
        assert self.principal is not None
        return (self.principal, self.tenant, self.name)

    def given_up_for(self, newer: Connection) -> bool:
        """Say whether this is an earlier connection of the same process, whose hello has come late."""
        return bool(self.client) and self.client == newer.client and self.attempt < newer.attempt

    def describe(self) -> str:
        """Name the connection for logs."""
        return f"{self.principal or self.listener.role} {self.tenant}/{self.name or '?'}"

    def too_many_bad_frames(self, now: float) -> bool:
        """Note a bad frame; True when it was one too many."""
        self.bad_frames = [at for at in self.bad_frames if at > now - BAD_FRAMES_PERIOD_S]
        self.bad_frames.append(now)
        return len(self.bad_frames) >= BAD_FRAMES

    def refill(self, now: float, rate: float, burst: float) -> bool:
        """The budget of frames is used up: refill it by time; False when the peer is too fast."""
        self.budget = min(burst, self.budget + 1 + (now - self.budget_at) * rate)
        self.budget_at = now
        if self.budget >= 1:
            self.budget -= 1
            return True
        return False
