"""What is known of a customer of a channel account, and what may happen to it: a table.

| | not online | online |
|---|---|---|
| visitor entered | the visit begins | refreshed: an event where anything differs |
| visitor viewed | the visit begins with this page | the page is noted |
| visitor left | nothing | the visit is over |
| nothing heard for long | nothing | the visit is over |
| acted, without a conversation | noted | noted |
| do not disturb, block: on or off | as asked; ALREADY_SO where it is | the same |

Whether a message of his may begin a conversation, and what that conversation has to know: ``known``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from msgspec import Struct

from actors import events
from actors.conversation.orders import Known, Refusal
from actors.conversation.window import unknown_trigger
from actors.events import AnyEvent
from actors.events.conversation import Ledger
from protocol.channels import CustomerActed
from protocol.customers import Block, SetDoNotDisturb, VisitorEntered, VisitorLeft, VisitorViewed
from protocol.errors import Code

#: The most pages of a visit that are kept, the newest ones (C6).
PAGES_MAX = 100
#: The most kinds of triggers that are kept, the newest ones.
TRIGGERS_MAX = 16


class Open(NamedTuple):
    """The channel has a message for a conversation that begins: pass it on, if the customer may write."""

    told: Any
    conversation: str
    previous: str
    window: Ledger | None = None


class Silent(NamedTuple):
    """Nothing was heard of the visitor for too long."""


class Page(Struct, frozen=True, array_like=True, gc=False):
    """A page that the visitor has opened."""

    at: float
    page: str
    title: str = ""


class Visit(Struct, array_like=True):
    """A visit to the site; ``pages`` is never changed in place."""

    since: float
    referrer: str = ""
    browser: str = ""
    system: str = ""
    place: str = ""
    pages: tuple[Page, ...] = ()
    ended_at: float | None = None


class Mark(Struct, frozen=True, array_like=True, gc=False):
    """Who has put the customer on a list, when, and in which conversation."""

    by: str
    at: float
    conversation: str


class Customer(Struct, array_like=True):
    """What is known of a customer; ``visit`` is the last one, and goes on while it has no end."""

    sequence: int = 0
    name: str = ""
    language: str = ""
    authenticated: bool = False
    visit: Visit | None = None
    do_not_disturb: Mark | None = None
    blocked: Mark | None = None
    #: When the customer did last what may open a reply window, by trigger; never changed in place.
    triggers: dict[str, float] = {}

    @property
    def online(self) -> bool:
        """True while a visit goes on."""
        return self.visit is not None and self.visit.ended_at is None


Outcome = list[AnyEvent] | Refusal
Rule = Callable[[Customer, Any], Outcome]


def decide(state: Customer, command: Any) -> Outcome:
    """Return the events that a command causes, or the refusal; no events: nothing has to change."""
    return TABLE[state.online][type(command)](state, command)


def known(state: Customer) -> Known:
    """Return what a conversation that begins has to know of its customer."""
    triggers = tuple(state.triggers.items())
    place = state.visit.place if state.visit is not None else ""
    if state.visit is not None and state.online:
        triggers = (*triggers, ("connect", state.visit.since))
    return Known(
        state.name, state.language, state.authenticated, place, state.do_not_disturb is not None, triggers
    )


# Visits.


def _enters(_: Customer, command: VisitorEntered) -> Outcome:
    return [_begun(command)]


def _begun(command: VisitorEntered) -> events.VisitBegun:
    return events.VisitBegun(
        command.page,
        command.title,
        command.referrer,
        command.name,
        command.language,
        command.browser,
        command.system,
        command.place,
        command.authenticated,
    )


def _refreshes(state: Customer, command: VisitorEntered) -> Outcome:
    """A gateway that has connected again tells what it knows: kept is only what differs."""
    visit = state.visit
    assert visit is not None
    about = (command.referrer, command.browser, command.system, command.place)
    known_about = (visit.referrer, visit.browser, visit.system, visit.place)
    who = (command.name or state.name, command.language or state.language, command.authenticated)
    known_who = (state.name, state.language, state.authenticated)
    newest = visit.pages[-1] if visit.pages else Page(0.0, "")
    elsewhere = command.page and (command.page, command.title) != (newest.page, newest.title)
    return [_begun(command)] if elsewhere or (about, who) != (known_about, known_who) else []


def _enters_by_page(_: Customer, command: VisitorViewed) -> Outcome:
    return [events.VisitBegun(), events.PageViewed(command.page, command.title)]


def _views(_: Customer, command: VisitorViewed) -> Outcome:
    return [events.PageViewed(command.page, command.title)]


def _leaves(_: Customer, __: VisitorLeft) -> Outcome:
    return [events.VisitEnded("left")]


def _falls_silent(_: Customer, __: Silent) -> Outcome:
    return [events.VisitEnded("silent")]


def _nothing(_: Customer, __: object) -> Outcome:
    return []


# Triggers, abuse.


def _acts(_: Customer, command: CustomerActed) -> Outcome:
    return unknown_trigger(command.trigger) or [events.Acted(command.trigger)]


def _disturbs(state: Customer, command: SetDoNotDisturb) -> Outcome:
    if command.on == (state.do_not_disturb is not None):
        return _so_already("on the list of suspected harassment", on=command.on)
    return [events.DoNotDisturbSet(command.on, command.agent, command.conversation)]


def _blocks(state: Customer, command: Block) -> Outcome:
    if command.on == (state.blocked is not None):
        return _so_already("blocked", on=command.on)
    return [events.Blocked(command.on, command.agent, command.conversation)]


def _so_already(what: str, *, on: bool) -> Refusal:
    return Refusal(Code.ALREADY_SO, f"the customer is {'already' if on else 'not'} {what}")


_ANYWHERE: dict[type[Any], Rule] = {CustomerActed: _acts, SetDoNotDisturb: _disturbs, Block: _blocks}
#: By whether the customer is online.
TABLE: dict[bool, dict[type[Any], Rule]] = {
    False: {
        **_ANYWHERE,
        VisitorEntered: _enters,
        VisitorViewed: _enters_by_page,
        VisitorLeft: _nothing,
        Silent: _nothing,
    },
    True: {
        **_ANYWHERE,
        VisitorEntered: _refreshes,
        VisitorViewed: _views,
        VisitorLeft: _leaves,
        Silent: _falls_silent,
    },
}

# How events change what is known.


def apply(state: Customer, event: AnyEvent, sequence: int, at: float) -> None:
    """Take an event into the state: total, every event of the stream in every state."""
    state.sequence = sequence
    match event:
        case events.VisitBegun():
            _visit_begun(state, event, at)
        case events.PageViewed() if state.visit is not None:
            state.visit.pages = _with(state.visit.pages, Page(at, event.page, event.title))
        case events.VisitEnded() if state.visit is not None:
            state.visit.ended_at = at
        case events.Acted():
            others = {trigger: when for trigger, when in state.triggers.items() if trigger != event.trigger}
            state.triggers = dict([*others.items(), (event.trigger, at)][-TRIGGERS_MAX:])
        case events.DoNotDisturbSet():
            state.do_not_disturb = Mark(event.by, at, event.conversation) if event.on else None
        case events.Blocked():
            state.blocked = Mark(event.by, at, event.conversation) if event.on else None
        case _:
            pass


def _visit_begun(state: Customer, event: events.VisitBegun, at: float) -> None:
    """Names and languages may change at any time, and are no key (J2); an empty one says nothing."""
    state.name, state.language = event.name or state.name, event.language or state.language
    state.authenticated = event.authenticated
    going_on = state.visit if state.online else None
    pages = going_on.pages if going_on is not None else ()
    newest = pages[-1] if pages else Page(0.0, "")
    if event.page and (event.page, event.title) != (newest.page, newest.title):
        pages = _with(pages, Page(at, event.page, event.title))
    since = going_on.since if going_on is not None else at
    state.visit = Visit(since, event.referrer, event.browser, event.system, event.place, pages)


def _with(pages: tuple[Page, ...], page: Page) -> tuple[Page, ...]:
    return (*pages, page)[-PAGES_MAX:]
