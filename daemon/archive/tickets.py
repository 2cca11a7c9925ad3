"""What a conversation's events make of its ticket. Pure: the row and an event in, the row changed.

Only what is in the events counts, so a ticket that is made again from the journal's beginning is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from actors import events

#: What a conversation was before it had a style: the journal's older events.
STYLE_BEFORE_STYLES = "live_chat"
#: In the words of F1. To a ticket a queue and an offer are one thing: nobody has it yet.
NEW, OPEN, PENDING, ON_HOLD, SOLVED, CLOSED = "new", "open", "pending", "on_hold", "solved", "closed"


class Ticket(Struct):
    """A row of the table ``ticket``; its fields are the columns. A time of 0: not yet."""

    number: int
    tenant: str
    conversation: str
    customer: int
    channel: str
    channel_kind: str
    contact: str
    name: str
    language: str
    department: str
    style: str
    origin: str
    status: str
    agent: str
    agents: list[str]
    tags: list[str]
    question: int
    started_at: float
    first_offered_at: float = 0.0
    first_assigned_at: float = 0.0
    first_answered_at: float = 0.0
    solved_at: float = 0.0
    closed_at: float = 0.0
    reopenings: int = 0
    customer_messages: int = 0
    agent_messages: int = 0
    ended_by: str = ""
    wrap_up_reason: str = ""
    notes: str = ""
    missed: bool = False
    muted: bool = False
    interrupted: bool = False
    rating: int | None = None
    rating_comment: str = ""

    @property
    def first_response_s(self) -> float:
        """How long the customer waited for the first answer; 0 where none came, or the agent has begun it."""
        if not self.first_answered_at or self.origin == "proactive":
            return 0.0
        return max(0.0, self.first_answered_at - self.started_at)

    @property
    def solve_s(self) -> float:
        """How long it took until it was solved for the last time; 0: it is not."""
        return max(0.0, self.solved_at - self.started_at) if self.solved_at else 0.0

    @property
    def with_customer(self) -> bool:
        """True while the customer's next message belongs to it."""
        return self.status != CLOSED and not self.interrupted

    @property
    def outcome(self) -> str:
        """What became of it, for the figures (O6)."""
        if self.ended_by == "limit":
            return "turned_away"
        return "missed" if self.missed else "answered"


def begun(
    number: int,
    tenant: str,
    conversation: str,
    customer: int,
    channel_kind: str,
    at: float,
    event: events.Started,
) -> Ticket:
    """Return the ticket of a conversation that has just begun."""
    return Ticket(
        number=number,
        tenant=tenant,
        conversation=conversation,
        customer=customer,
        channel=event.channel,
        channel_kind=channel_kind,
        contact=event.contact,
        name=event.name,
        language=event.language,
        department=event.department,
        style=event.style or STYLE_BEFORE_STYLES,
        origin=event.origin,
        status=NEW,
        agent="",
        agents=[],
        tags=[],
        question=0,
        started_at=at,
    )


def change(ticket: Ticket, position: int, at: float, event: Any) -> bool:
    """Bring an event of the conversation into its ticket; False when it says nothing to a ticket."""
    fold = _FOLDS.get(type(event))
    if fold is None:
        return False
    fold(ticket, position, at, event)
    return True


def _customer_wrote(ticket: Ticket, position: int, at: float, event: events.CustomerWrote) -> None:
    ticket.customer_messages += 1
    ticket.question = ticket.question or position
    if ticket.status in (PENDING, ON_HOLD):
        ticket.status = OPEN


def _agent_wrote(ticket: Ticket, position: int, at: float, event: events.AgentWrote) -> None:
    ticket.agent_messages += 1
    ticket.first_answered_at = ticket.first_answered_at or at


def _queued(ticket: Ticket, position: int, at: float, event: events.Queued) -> None:
    ticket.department = event.department
    # Whoever comes back finds the conversation in a queue where the agent is gone (D11).
    _wanted_again(ticket)


def _offered(ticket: Ticket, position: int, at: float, event: events.Offered) -> None:
    ticket.first_offered_at = ticket.first_offered_at or at


def _assigned(ticket: Ticket, position: int, at: float, event: events.Assigned) -> None:
    ticket.first_assigned_at = ticket.first_assigned_at or at
    ticket.department = event.department or ticket.department
    _give(ticket, event.agent)
    if ticket.status == NEW:
        ticket.status = OPEN


def _give(ticket: Ticket, agent: str) -> None:
    ticket.agent = agent
    if agent not in ticket.agents:
        ticket.agents.append(agent)


def _member_joined(ticket: Ticket, position: int, at: float, event: events.MemberJoined) -> None:
    if event.agent not in ticket.agents:
        ticket.agents.append(event.agent)


def _solved(ticket: Ticket, position: int, at: float, event: events.Solved) -> None:
    ticket.status = SOLVED
    ticket.solved_at = at
    ticket.ended_by = "agent"
    _wrapped_up(ticket, event.reason, event.notes)


def _status_set(ticket: Ticket, position: int, at: float, event: events.StatusSet) -> None:
    ticket.status = event.status


def _reopened(ticket: Ticket, position: int, at: float, event: events.Reopened) -> None:
    _open_again(ticket)
    ticket.reopenings += 1
    ticket.interrupted = False
    if event.agent:
        _give(ticket, event.agent)


def _wanted_again(ticket: Ticket) -> None:
    if ticket.status in (SOLVED, PENDING, ON_HOLD):
        _open_again(ticket)


def _open_again(ticket: Ticket) -> None:
    ticket.status = OPEN
    ticket.solved_at = ticket.closed_at = 0.0
    ticket.ended_by = ""
    ticket.missed = False


def _interrupted(ticket: Ticket, position: int, at: float, event: events.Interrupted) -> None:
    # The agent's wrap-up goes on; for the customer it is over, and that is when it was solved.
    ticket.interrupted = True
    ticket.ended_by = event.by
    _solved_at(ticket, at)
    _wrapped_up(ticket, event.reason, "")


def _ended(ticket: Ticket, position: int, at: float, event: events.Ended) -> None:
    # A solved one was ended by the agent who solved it, for that agent's reason, whatever closes it now.
    closes_by_itself = ticket.status == SOLVED and event.by != "agent"
    _wrapped_up(ticket, "" if closes_by_itself else event.reason, event.notes)
    ticket.status = CLOSED
    ticket.closed_at = at
    ticket.ended_by = ticket.ended_by or event.by
    _solved_at(ticket, at)
    ticket.missed = ticket.first_answered_at == 0.0
    ticket.interrupted = ticket.muted = False


def _solved_at(ticket: Ticket, at: float) -> None:
    """What no agent has answered was not solved either, whatever ended it."""
    if ticket.first_answered_at:
        ticket.solved_at = ticket.solved_at or at


def _wrapped_up(ticket: Ticket, reason: str, notes: str) -> None:
    ticket.wrap_up_reason = reason or ticket.wrap_up_reason
    ticket.notes = notes or ticket.notes


def _muted(ticket: Ticket, position: int, at: float, event: events.Muted) -> None:
    ticket.muted = True


def _unmuted(ticket: Ticket, position: int, at: float, event: events.Unmuted) -> None:
    ticket.muted = False
    # With an agent it is that agent's work again, unless it is as solved as before. Without, a queue follows.
    if event.agent and event.closes_at is None:
        _wanted_again(ticket)


def _tagged(ticket: Ticket, position: int, at: float, event: events.Tagged) -> None:
    kept = [tag for tag in ticket.tags if tag not in event.removed]
    ticket.tags = kept + [tag for tag in dict.fromkeys(event.added) if tag not in kept]


def _renamed(ticket: Ticket, position: int, at: float, event: events.Renamed) -> None:
    ticket.name = event.name


def _rated(ticket: Ticket, position: int, at: float, event: events.Rated) -> None:
    ticket.rating = event.score
    ticket.rating_comment = event.comment


_FOLDS: dict[type[Any], Callable[[Ticket, int, float, Any], None]] = {
    events.CustomerWrote: _customer_wrote,
    events.AgentWrote: _agent_wrote,
    events.Queued: _queued,
    events.Offered: _offered,
    events.Assigned: _assigned,
    events.MemberJoined: _member_joined,
    events.Solved: _solved,
    events.StatusSet: _status_set,
    events.Reopened: _reopened,
    events.Interrupted: _interrupted,
    events.Ended: _ended,
    events.Muted: _muted,
    events.Unmuted: _unmuted,
    events.Tagged: _tagged,
    events.Renamed: _renamed,
    events.Rated: _rated,
}
