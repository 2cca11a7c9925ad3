"""How a department's queue is served (order, mode, strategy, rings, limits, hours), and what roles may do.

docs/routing.md says what each setting does.
"""

import datetime as dt
import zoneinfo
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Literal

from msgspec import Meta

from config.annotations import Section, Violation, note
from config.kinds import CountOrNone, Identifier, Name, Seconds, SecondsOrNone
from config.problems import did_you_mean
from config.styles import StyleId

DepartmentId = Annotated[str, note(refers_to="departments")]
Level = Annotated[int, Meta(ge=1, le=10)]
Skills = Mapping[Identifier, Level]
Greeting = Annotated[str, Meta(min_length=1, max_length=1000)]
Span = Annotated[
    str,
    Meta(pattern=r"^([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)$"),
    note(says='a span of one day like "09:00-17:30"; the end may be "24:00"'),
]
Order = Literal["longest_wait", "newest", "priority", "deadline"]
Permission = Literal[
    "see_colleagues",
    "transfer_for_others",
    "help",
    "end_for_others",
    "end_sessions",
    "set_order",
    "explain",
    "search",
    "manage_customers",
]
#: Asked for each conversation that begins, so a zone is looked up once.
_zone = lru_cache(maxsize=None)(zoneinfo.ZoneInfo)
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def unknown_zone(key: str, timezone: str) -> Iterator[Violation]:
    """Yield what is wrong with a time zone that the system does not know."""
    try:
        _zone(timezone)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        hint = did_you_mean(timezone, zoneinfo.available_timezones())
        yield Violation(key, 'is no time zone of this system, like "Europe/Kyiv"', hint)


class Ring(Section, frozen=True):
    """`[[departments.<id>.rings]]`: who may answer too when nobody has for `after_s`; rings add up.

    `relax` drops requirements; `departments` lets the agents of other departments answer.
    """

    after_s: Seconds
    relax: tuple[Literal["skills", "language"], ...] = ()
    departments: tuple[DepartmentId, ...] = ()


class Hours(Section, frozen=True):
    """`[departments.<id>.hours]`: when somebody is meant to be there (D10). A day without spans is closed."""

    timezone: str = "UTC"
    monday: tuple[Span, ...] = ()
    tuesday: tuple[Span, ...] = ()
    wednesday: tuple[Span, ...] = ()
    thursday: tuple[Span, ...] = ()
    friday: tuple[Span, ...] = ()
    saturday: tuple[Span, ...] = ()
    sunday: tuple[Span, ...] = ()

    def violations(self) -> Iterator[Violation]:
        """A zone that the system knows, and spans that end after they begin."""
        yield from unknown_zone("timezone", self.timezone)
        for day in DAYS:
            if any(span[:5] >= span[6:] for span in getattr(self, day)):
                yield Violation(day, "has a span that ends before it begins")

    def open_at(self, now: float) -> bool:
        """Say whether the department is open at a time, in seconds since 1970."""
        local = dt.datetime.fromtimestamp(now, _zone(self.timezone))
        minute = f"{local.hour:02}:{local.minute:02}"
        return any(span[:5] <= minute < span[6:] for span in getattr(self, DAYS[local.weekday()]))


class Department(Section, frozen=True):
    """`[departments.<id>]`: a queue, and the agents who serve it. `parent` puts it below another one (L1)."""

    name: Name
    parent: DepartmentId | None = None
    mode: Literal["push", "pull", "direct"] = "push"
    order: Order = "longest_wait"
    strategy: Literal["longest_idle", "least_loaded", "round_robin", "best_skill"] = "least_loaded"
    priority_credit_s: SecondsOrNone = 90
    """How much longer a customer counts as waiting for each step of priority, with `longest_wait`."""
    answer_within_s: Seconds = 60
    """The service-level deadline, for the order `deadline` and for the figures."""
    overtaken_max: CountOrNone = 20
    """How many later arrivals may pass a waiting customer where priorities mix; 0 is no bound."""
    offer_timeout_s: Seconds = 30
    decline_pause_s: SecondsOrNone = 20
    first_reply_timeout_s: SecondsOrNone = 0
    """After so long without the assignee's first reply, `first_reply_missed` happens; 0 is never (c5)."""
    first_reply_missed: Literal["tell", "requeue"] = "tell"
    previous_agent: Literal["idle", "room", "online", "never"] = "idle"
    """When the previous agent is asked first (D7): having no conversation, having room, being online."""
    previous_agent_window_s: SecondsOrNone = 20
    language: Literal["required", "ignored"] = "ignored"
    rings: tuple[Ring, ...] = ()
    pick: Literal["any", "next", "none"] = "any"
    """What agents may take by hand (D3, D4): any waiting conversation, the next one, or none."""
    listed: bool = True
    """Whether agents may see who waits (D5)."""
    waiting_max: CountOrNone = 0
    """The most who may wait here; 0 is no limit."""
    wait_max_s: SecondsOrNone = 0
    """The longest that anybody may wait here; 0 is no limit."""
    at_limit: Literal["overflow", "end", "keep"] = "keep"
    """What becomes of a customer beyond a limit: moved to `overflow`, told so and ended, or kept waiting."""
    overflow: DepartmentId | None = None
    hours: Hours | None = None
    greeting_online: Greeting | None = None
    greeting_offline: Greeting | None = None
    turned_away: Greeting = "All our agents are busy. Please write again later."
    style: StyleId | None = None
    """How conversations that begin here end and come back (F6); without it, as their channel says."""

    def violations(self) -> Iterator[Violation]:
        """Rings that open one after the other, and somewhere to overflow to."""
        starts = [ring.after_s for ring in self.rings]
        if any(later <= earlier for earlier, later in pairwise(starts)):
            yield Violation("rings", "must open one after the other, each with a greater after_s")
        if self.at_limit == "overflow" and self.overflow is None:
            yield Violation("overflow", 'is missing; at_limit is "overflow"')
        if self.mode == "pull" and self.pick == "none":
            yield Violation(
                "pick", 'must be "any" or "next"; mode is "pull", so nobody would ever be answered'
            )


class Role(Section, frozen=True):
    """`[roles.<id>]`: what agents of this role may do beyond their own work (L2, L3)."""

    permissions: tuple[Permission, ...] = ()


ROLES: Mapping[str, Role] = {
    "agent": Role(permissions=("see_colleagues",)),
    "supervisor": Role(
        permissions=(
            "see_colleagues",
            "transfer_for_others",
            "help",
            "end_for_others",
            "end_sessions",
            "set_order",
            "explain",
            "search",
            "manage_customers",
        )
    ),
}
"""Roles that exist without being written; a desk may write them otherwise."""
