"""An agent's lease, as the sessions hold it: which of them may still speak, and when one last did.

The epoch is the agent's own, in the journal: it grows with every login after a logout. Here it stands where
everyone sees it who takes a command, so that a command of a dead session is refused whichever way it came and
however early in the turn it was sent (PEERS c1, c7). The agent's actor alone changes an epoch, a warning and
an end.
"""

from __future__ import annotations

from actors.journal import Address

#: Policies by which an absent agent's conversations go to somebody else, at once or with a reply.
GIVEN_UP = frozenset({"queue", "on_reply"})


class Lease:
    """The lease of one agent in this process."""

    __slots__ = ("active_at", "ended", "epoch", "newest", "own", "tokens_from", "warned")

    def __init__(self) -> None:
        #: Under which epoch sessions are alive; 0 when the agent is logged out.
        self.epoch = 0
        #: The newest epoch that there was; the next login's is one more.
        self.newest = 0
        #: What becomes of the agent's conversations while the agent is absent; empty for one who is there.
        self.own = ""
        #: Why there is no session of an earlier epoch any more.
        self.ended = ""
        #: A token of an earlier epoch than this lets nobody in: the agent was logged out on purpose.
        self.tokens_from = 0
        #: The agent was warned of the logout for inactivity: the actor must learn of a sign of life.
        self.warned = False
        #: When something was last sent or clicked, in seconds since 1970 (B1). Noted by whoever takes
        #: commands, and looked at by the actor when its deadline comes: a message costs one assignment.
        self.active_at = 0.0


class Session:
    """One session of an agent: under which epoch of which lease it was opened.

    With the first session of a login the epoch comes into force as soon as the actor has been told of it.
    """

    __slots__ = ("epoch", "lease")

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self.epoch = lease.epoch or lease.newest + 1

    @property
    def alive(self) -> bool:
        """Whether the agent is still logged in under this session's epoch."""
        return self.epoch == self.lease.epoch

    def refusal(self) -> str:
        """Say why a command of this session is refused."""
        return f"this session is over: {self.lease.ended or 'the agent was logged out'}; log in again"


class Leases(dict[Address, Lease]):
    """The leases of all agents, by the agent's address."""

    def __init__(self) -> None:
        super().__init__()
        #: Whose epoch has ended. After the flush somebody ends the sessions that are no longer alive.
        self.ended: list[Address] = []

    def there(self, tenant: str, agent: str) -> bool:
        """Say whether an agent is logged in, be it without a living connection, and has not given up the own
        conversations.
        """
        lease = self.get(("agent", tenant, agent))
        return lease is not None and lease.epoch != 0 and lease.own not in GIVEN_UP

    def keeps(self, tenant: str, agent: str) -> bool:
        """Say whether an agent is absent, and keeps the own conversations."""
        lease = self.get(("agent", tenant, agent))
        return lease is not None and lease.own == "keep"

    def __missing__(self, address: Address) -> Lease:
        lease = self[address] = Lease()
        return lease
