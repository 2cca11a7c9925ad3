"""What the dispatcher goes by: what conversations and agents tell it. Whole facts, so that telling one twice
changes nothing; and what it tells in turn is in ``actors/conversation/orders.py``.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from actors.events.agent import Moved

#: Kind and weight of a conversation that holds no capacity: pending, say, where the style releases it (F5).
RELEASED = ("", 0)


class Report(NamedTuple):
    """What a conversation tells its dispatcher: everything that routing goes by.

    A conversation that is being transferred has an ``assignee`` and is ``waiting`` or ``offered_to`` somebody
    as well; then ``department`` is where it goes. ``since``: the customer has waited so long. ``entered``: it
    stands in this department's queue so long, which rings and the longest wait go by. ``previous``: the agent
    who served the customer last. ``members``: who is in it beside the assignee, or is asked to join; they
    take no capacity, but have to be told of (``WithdrawOffer``, ``OwnedBy``). ``parked``: it leaves memory.
    ``woken``: it has come back into memory, having been counted as ``counted_as`` (None: as what it is).
    ``begun``: its first message has come in this turn, and the daemon has not answered it by itself yet
    (D10). ``kind`` and ``weight`` are ``RELEASED`` where it takes none of the assignee's capacity.

    Whatever the dispatcher has told a conversation, it reports afterwards, also when it has refused: the view
    has booked what was decided, and the report settles it.
    """

    conversation: str
    waiting: bool
    department: str
    since: float
    offered_to: str
    assignee: str
    declined: dict[str, float]
    parked: bool = False
    woken: bool = False
    entered: float = 0.0
    priority: int = 0
    skills: tuple[tuple[str, int], ...] = ()
    language: str = ""
    kind: str = ""
    weight: int = 1
    previous: str = ""
    transferring: bool = False
    members: tuple[str, ...] = ()
    begun: bool = False
    counted_as: tuple[str, int] | None = None


def nobodys(conversation: str, department: str, now: float) -> Report:
    """Return the report of a conversation that does not come about, or no longer concerns the dispatcher."""
    return Report(conversation, False, department, now, "", "", {})


class AgentNews(NamedTuple):
    """What an agent tells its dispatcher."""

    agent: str
    presence: str
    reachable: bool


class OwnedBy(NamedTuple):
    """Pass a message on to every conversation that is assigned or offered to the agent, or that the agent is
    a member of or invited to (``Report.members``); whoever it does not concern ignores it.
    """

    agent: str
    message: Any


class HandOverAll(NamedTuple):
    """Move every conversation of an agent: to a colleague, a department, or each to its own queue (A4).

    The dispatcher plans it with the room there is, tells the conversations, and answers with
    ``HandOverPlanned``. ``refused`` says where to with what nobody has room for or nobody is there to take:
    to the conversation's own ``queue``, or ``keep`` it with the agent; ``on_reply`` keeps only those whose
    customer has an answer (D11).
    """

    agent: str
    to_agent: str
    to_department: str
    reason: str
    refused: str = "queue"


class HandOverPlanned(NamedTuple):
    """The answer to ``HandOverAll``, to the agent."""

    results: list[Moved]
