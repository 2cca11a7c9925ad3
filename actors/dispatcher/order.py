"""The order of a queue as numbers: whose turn it is among the firsts of several lines.

A rank is one float, so that a flat array of them can be searched fast. Rounding never turns an order round,
it can only make two ranks equal; equal ones are compared by their exact keys.
"""

from __future__ import annotations

from actors.dispatcher.lines import Place
from actors.dispatcher.reasons import Reason
from config.routing import Department

#: Ranks of those whose turn it is because they were overtaken too often lie below this.
DUE = -1e14
_DUE_BASE = -1e15
_STEP = 1e12

RULES = {
    "longest_wait": Reason.LONGEST_WAIT,
    "newest": Reason.NEWEST,
    "priority": Reason.PRIORITY,
    "deadline": Reason.DEADLINE,
}

#: The first element says that the turn has come; the others are the order's own, and end with the arrival.
Key = tuple[float, ...]


def rank(order: str, department: Department, priority: int, since: float) -> float:
    """Return the place in the order, the least first, as exactly as one float can say it."""
    if order == "newest":
        return -since
    if order == "priority":
        return since - priority * _STEP
    if order == "deadline":
        return since + department.answer_within_s
    return since - priority * department.priority_credit_s


def due_rank(since: float) -> float:
    """Return the rank of somebody whose turn has come."""
    return _DUE_BASE + since


def key(order: str, department: Department, priority: int, place: Place) -> Key:
    """Return the exact place in the order: equals end by the number of arrival."""
    since, number = place
    if order == "newest":
        return (1.0, -since, -number)
    if order == "priority":
        return (1.0, -priority, since, number)
    return (1.0, rank(order, department, priority, since), number)


def due_key(place: Place) -> Key:
    """Return the key of somebody whose turn has come: before all others, the oldest first."""
    return (0.0, *place)
