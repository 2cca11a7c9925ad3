"""How events change a conversation's state: total, every event of its stream in every state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from actors import events
from actors.conversation import outbox
from actors.conversation.labels import tagged
from actors.conversation.state import Conversation, Ending, Invitation, Offer, Status, Transfer
from actors.conversation.window import spent
from actors.dispatcher.reasons import Reason
from actors.events import AnyEvent
from actors.events.conversation import AgentWrote, CustomerWrote, Sending

#: What ``apply`` returns when nobody else goes by what has changed, but a deadline may have.
TIMES: Final = 2


def apply(state: Conversation, event: AnyEvent, sequence: int, at: float) -> int:
    """Take an event into the state.

    Returns False when only the sequence has moved on: somebody has written. Nearly always it is that. Returns
    ``TIMES`` when a deadline may have changed besides, else True.
    """
    state.sequence = sequence
    kind = type(event)
    if kind is CustomerWrote:
        state.unanswered = True
        if event.window is not None:  # type: ignore[union-attr]
            state.window, state.window_at = event.window, sequence  # type: ignore[union-attr]
            return TIMES
        return False
    if kind is AgentWrote:
        state.unanswered = False
        sending = event.sending  # type: ignore[union-attr]
        followed = False
        if sending is not None or state.window is not None:
            followed = _sent(state, sending, sequence, at)
        if state.first_reply_by is None:
            return TIMES if followed else False
        state.first_reply_by = None
        return True
    change = _CHANGES.get(kind)
    if change is None:
        return False
    change(state, event, at)
    return TIMES if kind in _ONLY_TIMES and not getattr(event, "holds", False) else True


def _started(state: Conversation, event: events.Started, at: float) -> None:
    state.channel, state.contact, state.department = event.channel, event.contact, event.department
    state.name, state.language = event.name, event.language
    state.priority, state.skills, state.served_before = event.priority, event.skills, event.previous
    state.started_at, state.question, state.email = at, event.question, event.email
    state.style, state.origin = event.style, event.origin


def _queued(state: Conversation, event: events.Queued, at: float) -> None:
    state.status, state.assignee, state.offer = Status.QUEUED, "", None
    state.department, state.since, state.entered = event.department, event.since, at


def _offered(state: Conversation, event: events.Offered, _: float) -> None:
    if not state.assignee:
        state.status = Status.OFFERED
    state.offer = Offer(event.offer, event.agent, event.deadline_at, event.kind, event.from_agent, event.note)


def _passed(state: Conversation, event: events.OfferDeclined | events.OfferExpired, at: float) -> None:
    state.declined = {**state.declined, event.agent: at}  # Reports share it: never changed in place.
    _unoffer(state)


def _withdrawn(state: Conversation, _: events.OfferWithdrawn, __: float) -> None:
    _unoffer(state)


def _unoffer(state: Conversation) -> None:
    state.offer = None
    if state.status is Status.OFFERED:
        state.status = Status.QUEUED


def _assigned(state: Conversation, event: events.Assigned, at: float) -> None:
    if state.assignee:
        state.previous = state.assignee
    state.status, state.offer, state.assignee = Status.OPEN, None, event.agent
    state.department = event.department
    state.declined, state.assigned_at = {}, at
    state.first_reply_by, state.assignee_gone = event.first_reply_by, False
    state.members = tuple(member for member in state.members if member != event.agent)
    state.ending = None  # Whoever has it now decides anew.
    _uninvite(state, event.agent)


def _released(state: Conversation, event: events.Released, at: float) -> None:
    """Back to a queue. What is being offered stays on offer; and a place in the queue to which it was being
    transferred is kept.
    """
    state.previous = state.assignee or state.previous
    transfer = state.transfer
    stood = transfer is not None and not transfer.to_agent and transfer.to_department == event.department
    state.entered = transfer.entered if transfer is not None and stood else at
    state.status = Status.QUEUED if state.offer is None else Status.OFFERED
    state.assignee, state.department, state.since = "", event.department, event.since
    state.first_reply_by, state.assignee_gone, state.ending = None, False, None
    if event.reason == Reason.TRANSFERRED:
        # Whoever has given it away counts as one who has declined it.
        state.declined = {**state.declined, event.agent: at}


def _ended(state: Conversation, _: events.Ended, at: float) -> None:
    if state.status is not Status.WRAP_UP:
        state.over_at = at
    state.previous = state.assignee or state.muted_from or state.previous
    state.status, state.assignee, state.muted_from, state.closes_at = Status.ENDED, "", "", None
    state.solved_until = None
    _nobody_else(state)


def _nobody_else(state: Conversation) -> None:
    """Nobody is asked anything, nobody but an assignee is in it, and nothing is due."""
    state.offer, state.transfer, state.members, state.invitations = None, None, (), {}
    state.first_reply_by, state.assignee_gone, state.ending = None, False, None


def _solved(state: Conversation, event: events.Solved, _: float) -> None:
    state.status, state.closes_at, state.unanswered = Status.SOLVED, event.closes_at, False
    _nobody_else(state)


def _interrupted(state: Conversation, event: events.Interrupted, at: float) -> None:
    state.status, state.closes_at, state.over_at = Status.WRAP_UP, event.wrap_up_by, at
    _nobody_else(state)


def _status_set(state: Conversation, event: events.StatusSet, at: float) -> None:
    """Who is waited for has no answer to get; taken up again it waits from then on, should it have to."""
    state.status = Status(event.status)
    if state.status is Status.OPEN:
        state.since = at
    else:
        state.unanswered = False


def _reopened(state: Conversation, event: events.Reopened, at: float) -> None:
    """Who had it before may not be there: then it goes on to a queue, in the next event."""
    if event.agent and event.agent != state.assignee:
        state.previous = state.assignee or state.previous
        state.assignee = event.agent
    state.status, state.closes_at = Status.OPEN, None
    state.since, state.declined = at, {}
    if event.window is not None:
        state.window, state.window_at = event.window, state.sequence


def _end_scheduled(state: Conversation, event: events.EndScheduled, _: float) -> None:
    state.ending = Ending(event.by, event.ends_at, event.reason, event.notes)


def _end_cancelled(state: Conversation, _: events.EndCancelled, __: float) -> None:
    state.ending = None


def _muted(state: Conversation, event: events.Muted, at: float) -> None:
    state.previous = state.assignee or state.previous
    state.solved_until = state.closes_at if state.status is Status.SOLVED else None
    state.status, state.assignee, state.muted_from, state.closes_at = Status.MUTED, "", event.agent, None
    state.since = state.since or at
    _nobody_else(state)


def _unmuted(state: Conversation, event: events.Unmuted, _: float) -> None:
    """Without an agent the queue follows, in the next event."""
    state.muted_from, state.solved_until = "", None
    if event.closes_at is not None:
        state.status, state.assignee, state.closes_at = Status.SOLVED, event.agent, event.closes_at
    elif event.agent:
        state.status, state.assignee = Status.OPEN, event.agent


def _tagged(state: Conversation, event: events.Tagged, _: float) -> None:
    state.tags = tagged(state.tags, event)


def _renamed(state: Conversation, event: events.Renamed, _: float) -> None:
    state.name = event.name


def _sent(state: Conversation, sending: Sending | None, sequence: int, at: float) -> bool:
    """A message goes to the customer: it spends the window, and may be followed on its way."""
    if state.window is not None:
        state.window = spent(state.window, at)
    if sending is None or not sending.report_by:
        return False
    state.outbox = outbox.written(state.outbox, sequence, sending)
    return True


def _greeted(state: Conversation, event: events.Greeted, at: float) -> None:
    state.greeted = True
    _sent(state, event.sending, state.sequence, at)


def _greeting_left_out(state: Conversation, _: events.GreetingLeftOut, __: float) -> None:
    state.greeted = True


def _triggered(state: Conversation, event: events.Triggered, _: float) -> None:
    if event.window is not None:
        state.window, state.window_at = event.window, state.sequence


def _window_lapsed(state: Conversation, event: events.WindowLapsed, _: float) -> None:
    state.window = event.window


def _reported(state: Conversation, event: events.DeliveryReported, _: float) -> None:
    state.outbox = outbox.reported(state.outbox, event)
    if event.window is not None:
        state.window = event.window


def _given_again(state: Conversation, event: events.SentAgain, at: float) -> None:
    """It spends a window that the customer has opened meanwhile; the one before is gone with what it took."""
    if state.window is not None and outbox.counts_anew(state.outbox, event, state.window_at):
        state.window = spent(state.window, at)
    state.outbox = outbox.given(state.outbox, event, state.sequence)


def _transfer_started(state: Conversation, event: events.TransferStarted, at: float) -> None:
    if state.assignee:
        state.transfer = Transfer(
            event.by, event.to_agent, event.to_department, event.deadline_at, event.note, at
        )
    state.declined = {}


def _transfer_ended(state: Conversation, _: events.TransferEnded, __: float) -> None:
    state.transfer = None
    if state.assignee:
        state.declined = {}


def _invited(state: Conversation, event: events.Invited, _: float) -> None:
    made = Invitation(event.invitation, event.by, event.deadline_at, event.note)
    state.invitations = {**state.invitations, event.agent: made}


def _invitation_ended(state: Conversation, event: events.InvitationEnded, _: float) -> None:
    _uninvite(state, event.agent)


def _uninvite(state: Conversation, agent: str) -> None:
    if agent in state.invitations:
        state.invitations = {who: made for who, made in state.invitations.items() if who != agent}


def _joined(state: Conversation, event: events.MemberJoined, _: float) -> None:
    state.members = (*state.members, event.agent)


def _left(state: Conversation, event: events.MemberLeft, _: float) -> None:
    state.members = tuple(member for member in state.members if member != event.agent)


def _conference_ended(state: Conversation, _: events.ConferenceEnded, __: float) -> None:
    state.members, state.invitations = (), {}


def _first_reply_missed(state: Conversation, event: events.FirstReplyMissed, at: float) -> None:
    """Whoever has not answered counts as one who has declined, should it be given to somebody else now."""
    state.first_reply_by = None
    state.declined = {**state.declined, event.agent: at}


def _gone(state: Conversation, _: events.AssigneeGone, __: float) -> None:
    state.assignee_gone = True


def _back(state: Conversation, _: events.AssigneeBack, __: float) -> None:
    state.assignee_gone = False


_CHANGES: dict[type[Any], Callable[[Conversation, Any, float], None]] = {
    events.Started: _started,
    events.Queued: _queued,
    events.Greeted: _greeted,
    events.Offered: _offered,
    events.OfferDeclined: _passed,
    events.OfferExpired: _passed,
    events.OfferWithdrawn: _withdrawn,
    events.Assigned: _assigned,
    events.Released: _released,
    events.Ended: _ended,
    events.TransferStarted: _transfer_started,
    events.TransferEnded: _transfer_ended,
    events.Invited: _invited,
    events.InvitationEnded: _invitation_ended,
    events.MemberJoined: _joined,
    events.MemberLeft: _left,
    events.ConferenceEnded: _conference_ended,
    events.FirstReplyMissed: _first_reply_missed,
    events.AssigneeGone: _gone,
    events.AssigneeBack: _back,
    events.Solved: _solved,
    events.Interrupted: _interrupted,
    events.StatusSet: _status_set,
    events.Reopened: _reopened,
    events.EndScheduled: _end_scheduled,
    events.EndCancelled: _end_cancelled,
    events.Muted: _muted,
    events.Unmuted: _unmuted,
    events.Tagged: _tagged,
    events.Renamed: _renamed,
    events.GreetingLeftOut: _greeting_left_out,
    events.Triggered: _triggered,
    events.WindowLapsed: _window_lapsed,
    events.DeliveryReported: _reported,
    events.SentAgain: _given_again,
}
#: Of these nobody goes by what they change; but what holds others back changes who hears them.
_ONLY_TIMES = frozenset({events.Triggered, events.WindowLapsed, events.DeliveryReported, events.SentAgain})
