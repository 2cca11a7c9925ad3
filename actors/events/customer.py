"""What can have happened to a customer of a channel account, beyond a single conversation."""

from __future__ import annotations

from actors.events.base import Event


class VisitBegun(Event, frozen=True, tag="visit_begun"):
    """The customer has come to the site; while a visit goes on: what is known of it was told anew."""

    page: str = ""
    title: str = ""
    referrer: str = ""
    name: str = ""
    language: str = ""
    browser: str = ""
    system: str = ""
    place: str = ""
    authenticated: bool = False


class PageViewed(Event, frozen=True, tag="page_viewed"):
    """The visitor has opened a page."""

    page: str
    title: str = ""


class VisitEnded(Event, frozen=True, tag="visit_ended"):
    """The visit is over; ``reason``: ``left``, or ``silent`` when the gateway has said nothing for long."""

    reason: str = "left"


class Acted(Event, frozen=True, tag="acted"):
    """The customer has done what opens a reply window, and has no conversation that could take note of it."""

    trigger: str


class DoNotDisturbSet(Event, frozen=True, tag="do_not_disturb_set"):
    """An agent has put the customer on the list of suspected harassment, or has taken him off it (M1)."""

    on: bool
    by: str
    conversation: str


class Blocked(Event, frozen=True, tag="blocked"):
    """An agent has shut the customer out, or has let him in again (M2)."""

    on: bool
    by: str
    conversation: str
