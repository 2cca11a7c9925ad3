"""Why a conversation came to whom it came: its decisions, from the events of its stream. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from actors import events
from actors.events import AnyEvent
from actors.events.base import Why
from actors.journal import Entry
from protocol.views import DecisionView

#: How an offer, or a transfer, ends: the outcome of the decision that had made it.
_OFFER_ENDS: dict[type[AnyEvent], str] = {
    events.OfferDeclined: "declined",
    events.OfferExpired: "expired",
    events.OfferWithdrawn: "withdrawn",
}


def decisions(entries: Iterable[Entry]) -> list[DecisionView]:
    """Return every decision in the order of the stream, each with what came of it.

    An offer without an end yet is ``open``. A transfer is a decision of whoever asked for it; the offer that
    it leads to is one of its own.
    """
    found: list[DecisionView] = []
    offers: dict[str, int] = {}
    transfer: int | None = None
    for entry in entries:
        event = entry.event
        match event:
            case events.Offered():
                offers[event.offer] = len(found)
                found.append(_view(entry, event.agent, "open", event.why))
            case events.OfferDeclined() | events.OfferExpired() | events.OfferWithdrawn():
                _came_to(found, offers.pop(event.offer, None), _OFFER_ENDS[type(event)])
            case events.Assigned():
                of_offer = offers.pop(event.offer, None)
                if not _came_to(found, of_offer, event.how):
                    found.append(_view(entry, event.agent, event.how, event.why or Why(), event.by))
            case events.TransferStarted():
                transfer = len(found)
                why = Why(trigger=event.reason)
                found.append(_view(entry, event.to_agent, "transfer", why, event.by, event.to_department))
            case events.TransferEnded():
                _came_to(found, transfer, f"transfer {event.outcome}")
                transfer = None
            case _:
                found += _moved(entry)
    return found


def _moved(entry: Entry) -> Iterator[DecisionView]:
    """Return how it got into a queue, out of an agent's hands, or back into them without the dispatcher."""
    event = entry.event
    match event:
        case events.Released():
            why = Why(trigger=event.reason)
            yield _view(entry, event.agent, "released", why, department=event.department)
        case events.Queued():
            yield _view(entry, "", "queued", Why(trigger=event.reason), department=event.department)
        case events.Reopened(agent=agent) if agent:
            outcome, by = ("returned", "") if event.how == "reply" else ("reopened", event.by)
            yield _view(entry, agent, outcome, Why(), by)
        case events.Muted():
            yield _view(entry, event.agent, "muted", Why(), event.by)
        case events.Unmuted(agent=agent, closes_at=None) if agent:
            yield _view(entry, agent, "unmuted", Why(), event.by)


def _view(
    entry: Entry, agent: str, outcome: str, why: Why, by: str = "", department: str = ""
) -> DecisionView:
    return DecisionView(
        at=entry.at,
        sequence=entry.sequence,
        agent=agent,
        outcome=outcome,
        trigger=why.trigger,
        rule=why.rule,
        choice=why.choice,
        considered=why.considered,
        excluded=why.excluded,
        tie_break=why.tie_break,
        score=why.score,
        waited_s=why.waited_s,
        used=why.used,
        capacity=why.capacity,
        ring=why.ring,
        policy=why.policy,
        by=by,
        department=department,
    )


def _came_to(found: list[DecisionView], place: int | None, outcome: str) -> bool:
    """Note what came of an earlier decision; False where its beginning is no longer kept."""
    if place is None:
        return False
    found[place] = replace(found[place], outcome=outcome)
    return True
