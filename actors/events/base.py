"""The base of every event, and a decision in brief."""

from __future__ import annotations

from msgspec import Struct, field


class Event(Struct, frozen=True, array_like=True, omit_defaults=True, gc=False):
    """The base of every event."""


class Why(Struct, frozen=True, array_like=True, omit_defaults=True):
    """A decision in brief: what the journal keeps of the reasons, as codes of ``dispatcher/reasons.py``.

    ``trigger`` made the dispatcher look; ``rule`` chose the conversation and ``choice`` the agent.
    ``excluded`` counts the department's agents that were not eligible, by code.
    """

    trigger: str = ""
    rule: str = ""
    choice: str = ""
    considered: int = 0
    excluded: dict[str, int] = field(default_factory=dict)
    tie_break: str = ""
    score: float = 0.0
    waited_s: float = 0.0
    used: int = 0
    capacity: int = 0
    ring: int = 0
    policy: str = ""
