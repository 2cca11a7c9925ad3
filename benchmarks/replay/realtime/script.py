"""The script of a replay in time: who says what when, and when an agent ends a conversation.

The sources know no end of a conversation. The agents here know the future: the last word before the customer
is silent for ``quiet_s`` ends it, and so does the last word of all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Literal

from msgspec import Struct

Deed = Literal["customer", "agent", "end"]


class Step(Struct, frozen=True, array_like=True):
    """Something that is said, or an end; ``at`` in seconds of the source, ``who`` is the agent."""

    at: float
    deed: Deed
    who: str = ""
    text: str = ""


class Customer(Struct, frozen=True):
    """A customer with all that is said to and by him, over however many conversations that will be."""

    contact: str
    channel: str
    steps: list[Step]


class Rules(Struct, frozen=True):
    """What is done to the times of the source, in its own seconds.

    ``longest_silence_s``: a longer silence is cut to it. A return that would come within ``margin_s`` of the
    moment at which a solved conversation closes is put off until ``margin_s`` after it, for no replay keeps
    time to the millisecond.
    """

    quiet_s: float
    longest_silence_s: float
    close_after_s: float
    margin_s: float


def scripted(customers: Iterable[Customer], rules: Rules) -> list[Customer]:
    """Return the customers with the times of the replay, and with the ends."""
    return [Customer(each.contact, each.channel, [*_timed(each.steps, rules)]) for each in customers]


def _timed(steps: list[Step], rules: Rules) -> Iterator[Step]:
    at = steps[0].at
    yield Step(at, *_rest(steps[0]))
    for before, step in pairwise(steps):
        silence = min(max(0.0, step.at - before.at), rules.longest_silence_s)
        if before.deed == "agent" and step.deed == "customer" and silence > rules.quiet_s:
            yield Step(at, "end")
            if abs(silence - rules.close_after_s) < rules.margin_s:
                silence = rules.close_after_s + rules.margin_s
        at += silence
        yield Step(at, *_rest(step))
    if steps[-1].deed == "agent":
        yield Step(at, "end")


def _rest(step: Step) -> tuple[Deed, str, str]:
    return step.deed, step.who, step.text
