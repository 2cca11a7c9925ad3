"""What the dispatcher decides. Every decision is reserved in the view at the moment it is made, so that the
next one reckons with it.
"""

from __future__ import annotations

from typing import NamedTuple

from actors.dispatcher.lines import Standing
from actors.dispatcher.pools import Candidate
from actors.dispatcher.reasons import Reason
from actors.events.base import Why


class Offer(NamedTuple):
    """Offer this conversation to this agent; with ``direct`` it is the agent's at once (D8)."""

    conversation: str
    agent: str
    direct: bool
    why: Why


class Overflow(NamedTuple):
    """Move a waiting conversation to another department's queue, with its waiting time."""

    conversation: str
    department: str
    reason: Reason


class TurnedAway(NamedTuple):
    """End a waiting conversation unanswered: a missed chat."""

    conversation: str
    reason: Reason


class OrderEnded(NamedTuple):
    """The order that was set while running has come to its end: the desk's holds again (D2)."""

    department: str


Decision = Offer | Overflow | TurnedAway | OrderEnded


def why_of(
    digest: str,
    standing: Standing,
    candidate: Candidate,
    now: float,
    reasons: tuple[str, str, str],
    considered: int,
    excluded: dict[str, int],
    tie_break: str = "",
    score: float = 0.0,
) -> Why:
    """Write down trigger, rule and choice, and the facts of the moment; ``digest`` is the desk's."""
    waited_s, used = round(now - standing.place[0], 3), candidate.known.used
    capacity, policy = candidate.settings.capacity, digest[:12]
    trigger, rule, choice = reasons
    return Why(
        trigger, rule, choice, considered, excluded, tie_break, score,
        waited_s, used, capacity, standing.ring, policy,
    )  # fmt: skip
