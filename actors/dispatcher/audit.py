"""The audit: is what the dispatcher believes what the conversations, the agents and the store say?

Facts in, differences out; and ``heal_…`` puts the view right from those facts. ``auditor.py`` gathers them.
"""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from operator import itemgetter
from typing import Any, NamedTuple

from actors.dispatcher.facts import AgentNews, Report
from actors.dispatcher.machine import View
from actors.dispatcher.roster import Roster

#: What in a report only matters when it is told, as it is in one that tells nothing of the kind.
OF_THE_MOMENT: dict[str, Any] = {"parked": False, "woken": False, "begun": False, "counted_as": None}
#: Takes out of a report what lasts: what has to agree. Every conversation is compared in every round.
_lasting = itemgetter(*(place for place, name in enumerate(Report._fields) if name not in OF_THE_MOMENT))


class Kind(StrEnum):
    """What can be wrong; docs/routing.md has the table."""

    LOST = "lost"
    GHOST = "ghost"
    WRONG_PLACE = "wrong_place"
    WRONG_OWNER = "wrong_owner"
    STALE_OFFER = "stale_offer"
    DOUBLED = "doubled"
    DRIFTED_COUNTER = "drifted_counter"
    WRONG_PRESENCE = "wrong_presence"
    NOT_IN_ONE_PLACE = "not_in_one_place"


class Violation(NamedTuple):
    """A difference; ``about`` a conversation or an agent."""

    kind: Kind
    about: str
    found: str
    expected: str


def of_conversation(view: View, ident: str, truth: Report | None) -> Violation | None:
    """Compare what the view has of a conversation with its announcement: None if it is not in memory."""
    known = view.conversations.get(ident)
    if not is_open(truth):
        truth = None
    kind = _difference(view, known, truth)
    return Violation(kind, ident, _place(known), _place(truth)) if kind is not None else None


def of_truth(ident: str, truth: Report | None, *, is_open: bool) -> Violation | None:
    """Say whether a conversation that has not ended is in exactly one place by what it says itself.

    Being transferred it is with its assignee, and on its way: that is one place. Nobody can heal another.
    """
    places = 0
    if truth is not None:
        places = (
            bool(truth.waiting) + bool(truth.offered_to) + bool(truth.assignee and not truth.transferring)
        )
        places = max(places, bool(truth.assignee))
    if places == is_open:
        return None
    return Violation(Kind.NOT_IN_ONE_PLACE, ident, _place(truth), "one place" if is_open else "nowhere")


def _difference(view: View, known: Report | None, truth: Report | None) -> Kind | None:
    if truth is None:
        return None if known is None else Kind.GHOST
    if known is None:
        return Kind.LOST
    if known.assignee != truth.assignee:
        return Kind.WRONG_OWNER
    if known.offered_to != truth.offered_to:
        return Kind.STALE_OFFER
    if _lasting(known) != _lasting(truth) or view.stands(truth.conversation) != truth.waiting:
        return Kind.WRONG_PLACE
    owner, offered = view.roster.get(truth.assignee), view.roster.get(truth.offered_to)
    if truth.assignee and (owner is None or truth.conversation not in owner.owned):
        return Kind.WRONG_OWNER
    if truth.offered_to and (offered is None or truth.conversation not in offered.offers):
        return Kind.STALE_OFFER
    return None


def is_open(report: Report | None) -> bool:
    """Say whether the dispatcher has to know of a conversation."""
    return report is not None and bool(report.waiting or report.offered_to or report.assignee)


def _without_moment(report: Report) -> Report:
    """A report without what only matters when it is told."""
    return report._replace(**OF_THE_MOMENT)


def _place(report: Report | None) -> str:
    if report is None:
        return "nowhere"
    places = []
    if report.waiting:
        places.append(f"waits in {report.department}")
    if report.offered_to:
        places.append(f"offered to {report.offered_to}")
    if report.assignee:
        places.append(f"owned by {report.assignee}")
    return ", ".join(places)


def of_agent(
    view: View, agent: str, news: AgentNews | None, parked_as: Counter[tuple[str, int]]
) -> Violation | None:
    """Compare what the view has of an agent with the agent's news, and its ledger with a recount.

    ``parked_as`` counts by kind and weight what the store has of the agent's and memory has not.
    """
    known = view.roster.get(agent, Roster())
    there = (news.presence, news.reachable) if news is not None else ("offline", False)
    if (known.presence, known.reachable) != there:
        return Violation(
            Kind.WRONG_PRESENCE, agent, _presence(known.presence, known.reachable), _presence(*there)
        )
    strays = _strays(view, agent, known)
    if strays:
        return Violation(Kind.DOUBLED, agent, f"books {', '.join(sorted(strays))}", "in nobody's books twice")
    used, kinds = _recount(view, known, parked_as)
    found = (known.used, known.parked, dict(+known.kinds))
    expected = (used, parked_as.total(), dict(kinds))
    if found != expected:
        return Violation(Kind.DRIFTED_COUNTER, agent, _ledger(*found), _ledger(*expected))
    return None


def _presence(presence: str, reachable: bool) -> str:
    return f"{presence}, {'reachable' if reachable else 'not reachable'}"


def _ledger(used: int, parked: int, kinds: dict[str, int]) -> str:
    by_kind = ", ".join(f"{many} {kind}" for kind, many in sorted(kinds.items()))
    return f"{used} units used, {parked} parked" + (f"; {by_kind}" if by_kind else "")


def _strays(view: View, agent: str, known: Roster) -> set[str]:
    """Return what stands in an agent's books and is somebody else's, or nobody's."""
    reports = view.conversations
    owned = {it for it in known.owned if it not in reports or reports[it].assignee != agent}
    offers = {it for it in known.offers if it not in reports or reports[it].offered_to != agent}
    return owned | offers


def _recount(view: View, known: Roster, parked_as: Counter[tuple[str, int]]) -> tuple[int, Counter[str]]:
    """Return the units and the conversations by kind of channel that an agent's work amounts to."""
    used, kinds = 0, Counter[str]()
    for ident in [*known.owned, *known.offers]:
        report = view.conversations.get(ident)
        if report is not None:
            used += report.weight
            kinds[report.kind] += 1
    for (kind, weight), many in parked_as.items():
        used += weight * many
        kinds[kind] += many
    return used, kinds


def heal_conversation(view: View, ident: str, truth: Report | None, now: float) -> set[str]:
    """Put the view right about a conversation; return the agents whose books it stood in."""
    touched = set()
    for agent, known in view.roster.items():
        if ident in known.owned or ident in known.offers:
            touched.add(agent)
    nowhere = Report(ident, False, "", 0.0, "", "", {})
    view.take_report(nowhere, now)
    for agent in touched:
        view.roster[agent].owned.discard(ident)
        view.roster[agent].offers.discard(ident)
    if truth is not None:
        view.take_report(_without_moment(truth), now)
        touched.update(name for name in (truth.assignee, truth.offered_to) if name)
    return touched


def heal_agent(
    view: View, agent: str, news: AgentNews | None, parked_as: Counter[tuple[str, int]], now: float
) -> None:
    """Put the view right about an agent: presence, books and ledger."""
    view.put_right(agent, parked_as)
    view.take_agent(news if news is not None else AgentNews(agent, "offline", False), now)
