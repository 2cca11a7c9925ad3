"""What may happen to a conversation: its life. Every pair of a status and a command has an answer in
``TABLE``: events, nothing to do, or a refusal with its code.

    NEW --customer writes--> QUEUED --offered--> OFFERED --accepted--> OPEN --ended--> ENDED
                             QUEUED <--declined, expired, withdrawn-- OFFERED
                             QUEUED --taken by hand, given directly, moved by a supervisor--> OPEN
                             QUEUED <--assignee gone, first reply missed, handed over-- OPEN

| | NEW | QUEUED | OFFERED | OPEN |
|---|---|---|---|---|
| customer writes | begins | goes on | goes on | goes on; assignee gone: to the queue (D11) |
| customer leaves | - | ends | offer withdrawn, ends | transfer and invitations over, ends |
| agent writes | - | - | - | assignee, members (conference.py), helpers (G11) |
| ends | - | supervisor only | supervisor only | assignee, or supervisor (G12) |
| offer | - | made | ignored | transfer.py |
| taken, given | - | assigned | only by the one it is offered to | transfer.py |
| transfer | - | supervisor only: moved | supervisor only: moved | transfer.py |
| assignee gone | - | - | - | released, or kept until the customer writes or has written; a member leaves |
| other department, turned away | - | done | ignored: the offer stands | transfer.py |
| invitations | - | - | - | conference.py |

A dash is a refusal for whoever asked, and nothing for news. ENDED refuses everything, and ignores all news.
"""

from __future__ import annotations

from typing import Any

from actors import events
from actors.conversation import conference, transfer
from actors.conversation.content import received, written
from actors.conversation.orders import (
    AssignDirectly,
    Begin,
    Claim,
    Expire,
    Greet,
    InviteAsked,
    Known,
    MakeOffer,
    MoveTo,
    OwnerBack,
    OwnerGone,
    Reassign,
    Refusal,
    Release,
    TransferAsked,
    TurnAway,
    WithdrawOffer,
)
from actors.conversation.state import (
    Conversation,
    Facts,
    Outcome,
    Rule,
    Status,
    closed,
    may_act,
    not_yours,
    nothing,
    offer_gone,
    without_wrap_up,
)
from actors.dispatcher.reasons import Reason
from actors.events import AnyEvent
from actors.events.conversation import Said
from protocol.content import Text
from protocol.errors import Code
from protocol.messages import Accept, AgentMessage, CustomerLeft, CustomerMessage, Decline, End
from protocol.teamwork import (
    CancelInvitation,
    CancelTransfer,
    EndConference,
    Join,
    Leave,
    RefuseInvitation,
)

#: The levels that a skill can have in the desk: more can be asked of nobody.
LEVELS = (1, 10)


# The customer.


def _begin(_: Conversation, command: Begin, facts: Facts) -> Outcome:
    return _started(command.told.message, command.previous, facts, command.known)


def _start(_: Conversation, command: CustomerMessage, facts: Facts) -> Outcome:
    return _started(command, "", facts, Known())


def _started(message: CustomerMessage, previous: str, facts: Facts, known: Known) -> Outcome:
    """What the message says goes before what is known of the customer, and that before the channel's own."""
    channel = facts.desk.channels.get(message.channel)
    if channel is None:
        return Refusal(Code.NOT_ALLOWED, f"no channel {message.channel!r} is in the desk")
    content = received(message.content, facts)
    if isinstance(content, Refusal):
        return content
    department, reason = channel.department, Reason.ARRIVAL
    if message.department in facts.desk.departments:
        department = message.department
    elif message.department:
        reason = Reason.UNKNOWN_DEPARTMENT
    low, high = LEVELS
    skills = {skill: min(max(level, low), high) for skill, level in message.skills.items()}
    return [
        events.Started(
            message.channel,
            message.contact,
            department,
            message.name or known.name,
            message.language or known.language or channel.language or "",
            {**channel.skills, **skills},
            message.priority or channel.priority,
            previous,
            message.question,
            message.email,
        ),
        events.CustomerWrote(message.contact, content, message.channel, said(message)),
        events.Queued(department, facts.now, reason),
    ]


def said(message: CustomerMessage) -> Said | None:
    """Return what a first message says beside its content; None if nothing."""
    found = Said(
        message.name,
        message.language,
        message.department,
        message.skills,
        message.priority,
        message.question,
        message.email,
    )
    return None if found == Said() else found


def _customer_writes(_: Conversation, command: CustomerMessage, facts: Facts) -> Outcome:
    content = command.content if type(command.content) is Text else received(command.content, facts)
    if isinstance(content, Refusal):
        return content
    return [events.CustomerWrote(command.contact, content, command.channel)]


def _customer_writes_to_assignee(state: Conversation, command: CustomerMessage, facts: Facts) -> Outcome:
    content = command.content if type(command.content) is Text else received(command.content, facts)
    if isinstance(content, Refusal):
        return content
    wrote: AnyEvent = events.CustomerWrote(command.contact, content, command.channel)
    if state.assignee_gone:
        return [wrote, *transfer.released(state, Reason.ASSIGNEE_GONE)]
    return [wrote]


def _begun_already(state: Conversation, command: Begin, facts: Facts) -> Outcome:
    return TABLE[state.status][CustomerMessage](state, command.told.message, facts)


def _customer_leaves(state: Conversation, command: CustomerLeft, _: Facts) -> Outcome:
    ended = events.Ended("customer", state.contact, command.reason, state.channel)
    return [*_nothing_pending(state, Reason.CUSTOMER_LEFT), ended]


def _nothing_pending(state: Conversation, reason: str) -> list[AnyEvent]:
    """Return the events after which nobody is asked anything any more."""
    if state.transfer is not None:
        pending = transfer.stopped(state, "withdrawn", reason)
    elif state.offer is not None:
        pending = [events.OfferWithdrawn(state.offer.offer, state.offer.agent, reason)]
    else:
        pending = []
    return [*pending, *conference.uninvite(state, reason)] if state.invitations else pending


# Agents.


def _agent_writes(state: Conversation, command: AgentMessage, facts: Facts) -> Outcome:
    if state.assignee != command.agent:
        return conference.of_sender(state, command, facts)
    return written(state, command, facts)


def _agent_ends(state: Conversation, command: End, facts: Facts) -> Outcome:
    """The assignee ends it, or who has ``end_for_others`` (G12): also one that nobody has yet."""
    if not may_act(state, command.agent, "end_for_others", facts.desk):
        return not_yours()
    refusal = without_wrap_up(command.reason, facts.desk)
    if refusal is not None:
        return refusal
    return [*_nothing_pending(state, Reason.ENDED), events.Ended("agent", state.contact, command.reason)]


def _accept(state: Conversation, command: Accept, facts: Facts) -> Outcome:
    assert state.offer is not None
    if (state.offer.offer, state.offer.agent) != (command.offer, command.agent):
        return offer_gone()
    if facts.now > state.offer.deadline_at:
        return Refusal(Code.OFFER_GONE, "the offer's deadline has passed")
    how = "transferred" if state.offer.kind == "transfer" else "accepted"
    by = state.offer.from_agent if how == "transferred" else ""
    return transfer.assigned(state, facts, command.agent, how, offer=command.offer, by=by)


def _decline(state: Conversation, command: Decline, facts: Facts) -> Outcome:
    assert state.offer is not None
    if (state.offer.offer, state.offer.agent) != (command.offer, command.agent):
        return offer_gone()
    return [events.OfferDeclined(command.offer, command.agent, command.reason)]


def _take(state: Conversation, command: Claim, facts: Facts) -> Outcome:
    if command.refusal is not None:
        return command.refusal
    return transfer.assigned(state, facts, command.agent, "taken", by=command.agent, why=command.why)


def _take_offered(state: Conversation, command: Claim, facts: Facts) -> Outcome:
    assert state.offer is not None
    if state.offer.agent != command.agent:
        return transfer.taken(state, command, facts)
    offer, agent = state.offer.offer, command.agent
    return transfer.assigned(state, facts, agent, "taken", offer=offer, by=agent, why=command.why)


# The dispatcher.


def _offer(state: Conversation, command: MakeOffer, _: Facts) -> Outcome:
    return [
        events.Offered(
            command.offer,
            command.agent,
            command.deadline_at,
            state.department,
            state.channel,
            state.contact,
            state.name,
            state.since,
            command.why,
        )
    ]


def _give(state: Conversation, command: AssignDirectly, facts: Facts) -> Outcome:
    return transfer.assigned(state, facts, command.agent, "direct", why=command.why)


def _withdraw(state: Conversation, command: WithdrawOffer, _: Facts) -> Outcome:
    assert state.offer is not None
    if state.offer.agent != command.agent:
        return []
    return [events.OfferWithdrawn(state.offer.offer, command.agent, command.reason)]


def _withdraw_all(state: Conversation, command: WithdrawOffer, facts: Facts) -> Outcome:
    """Whatever the agent was asked: to take it, to join."""
    outcome = transfer.by_phase(state, command, facts)
    invited = conference.of_sender(state, command, facts)
    assert not isinstance(outcome, Refusal)
    assert not isinstance(invited, Refusal)
    return [*invited, *outcome]


def _move(state: Conversation, command: MoveTo, _: Facts) -> Outcome:
    return [events.Queued(command.department, state.since, command.reason)]


def _turn_away(state: Conversation, command: TurnAway, _: Facts) -> Outcome:
    return [
        events.Greeted("turned_away", command.text, state.contact),
        events.Ended("limit", state.contact, command.reason),
    ]


def _greet(state: Conversation, command: Greet, _: Facts) -> Outcome:
    return [] if state.greeted else [events.Greeted(command.kind, command.text, state.contact)]


def _release(state: Conversation, command: Release, facts: Facts) -> Outcome:
    if state.assignee != command.agent:
        return conference.of_sender(state, command, facts)
    return [] if command.keep else transfer.released(state, command.reason)


def _reassign(state: Conversation, command: Reassign, facts: Facts) -> Outcome:
    if state.assignee != command.agent or command.to_agent == command.agent:
        return []
    pending = transfer.stopped(state, "withdrawn", Reason.HANDED_OVER)
    to = command.to_department
    if command.to_agent:
        given = transfer.assigned(
            state, facts, command.to_agent, "handed_over", department=to, by=command.agent
        )
        return [*pending, *given]
    back = events.Released(command.agent, to or state.department, state.since, command.reason)
    return [*pending, *conference.let_go(state, command.reason), back]


def _owner_gone(state: Conversation, command: OwnerGone, facts: Facts) -> Outcome:
    if state.assignee != command.agent:
        return conference.of_sender(state, command, facts)
    if state.assignee_gone:
        return []
    if state.unanswered:
        # The customer has written already: nobody has to write twice to be answered (D11).
        return transfer.released(state, command.reason)
    return [events.AssigneeGone(command.agent, command.reason)]


def _owner_back(state: Conversation, command: OwnerBack, _: Facts) -> Outcome:
    if not state.assignee_gone or state.assignee != command.agent:
        return []
    return [events.AssigneeBack(command.agent)]


# Time.


def _expire(state: Conversation, _: Expire, facts: Facts) -> Outcome:
    assert state.offer is not None
    if facts.now < state.offer.deadline_at:
        return []
    return [events.OfferExpired(state.offer.offer, state.offer.agent)]


def _expire_any(state: Conversation, command: Expire, facts: Facts) -> Outcome:
    """One thing at a time: whoever sends the command asks again until nothing is due."""
    return (
        transfer.by_phase(state, command, facts)
        or conference.expire(state, command, facts)
        or _miss_first_reply(state, facts)
    )


def _miss_first_reply(state: Conversation, facts: Facts) -> list[AnyEvent]:
    if state.first_reply_by is None or facts.now < state.first_reply_by:
        return []
    missed = events.FirstReplyMissed(state.assignee, state.assigned_at)
    department = facts.desk.departments.get(state.department)
    if department is None or department.first_reply_missed == "tell":
        return [missed]
    return [missed, *transfer.released(state, Reason.FIRST_REPLY_MISSED)]


# Answers to what is no longer, or never was, possible.


def _ended_for_agent(state: Conversation, command: Any, facts: Facts) -> Outcome:
    """Who had the conversation may know that it is over; to all others there never was any (G15)."""
    if isinstance(command, TransferAsked | InviteAsked | Claim):
        command = command.told.message
    return closed() if command.agent == state.previous else not_yours()


def _ended_claim(state: Conversation, command: Claim, facts: Facts) -> Outcome:
    """Who serves the department has seen it wait."""
    settings = facts.desk.agents.get(command.agent)
    known = settings is not None and state.department in settings.departments
    return closed() if known else _ended_for_agent(state, command, facts)


_NOT_OPEN: dict[type[Any], Rule] = {
    AgentMessage: not_yours,
    CancelTransfer: not_yours,
    CancelInvitation: not_yours,
    Join: offer_gone,
    RefuseInvitation: offer_gone,
    Leave: not_yours,
    EndConference: not_yours,
    InviteAsked: not_yours,
    Release: nothing,
    Reassign: nothing,
    OwnerGone: nothing,
    OwnerBack: nothing,
}
_WAITING: dict[type[Any], Rule] = {
    **_NOT_OPEN,
    Begin: _begun_already,
    CustomerMessage: _customer_writes,
    CustomerLeft: _customer_leaves,
    End: _agent_ends,
    TransferAsked: transfer.move_waiting,
    Greet: _greet,
}

TABLE: dict[Status, dict[type[Any], Rule]] = {
    Status.NEW: {
        **_NOT_OPEN,
        Begin: _begin,
        CustomerMessage: _start,
        CustomerLeft: not_yours,
        Accept: offer_gone,
        Decline: offer_gone,
        End: not_yours,
        MakeOffer: nothing,
        AssignDirectly: nothing,
        Claim: not_yours,
        TransferAsked: not_yours,
        WithdrawOffer: nothing,
        MoveTo: nothing,
        TurnAway: nothing,
        Greet: nothing,
        Expire: nothing,
    },
    Status.QUEUED: {
        **_WAITING,
        Accept: offer_gone,
        Decline: offer_gone,
        MakeOffer: _offer,
        AssignDirectly: _give,
        Claim: _take,
        WithdrawOffer: nothing,
        MoveTo: _move,
        TurnAway: _turn_away,
        Expire: nothing,
    },
    Status.OFFERED: {
        **_WAITING,
        Accept: _accept,
        Decline: _decline,
        MakeOffer: nothing,
        AssignDirectly: nothing,
        Claim: _take_offered,
        WithdrawOffer: _withdraw,
        MoveTo: nothing,
        TurnAway: nothing,
        Expire: _expire,
    },
    Status.OPEN: {
        Begin: _begun_already,
        CustomerMessage: _customer_writes_to_assignee,
        CustomerLeft: _customer_leaves,
        AgentMessage: _agent_writes,
        Accept: transfer.by_phase,
        Decline: transfer.by_phase,
        End: _agent_ends,
        CancelTransfer: transfer.by_phase,
        CancelInvitation: conference.cancel,
        Join: conference.of_sender,
        RefuseInvitation: conference.of_sender,
        Leave: conference.leave,
        EndConference: conference.end,
        MakeOffer: transfer.by_phase,
        AssignDirectly: transfer.by_phase,
        Claim: transfer.by_phase,
        TransferAsked: transfer.by_phase,
        InviteAsked: conference.invite,
        WithdrawOffer: _withdraw_all,
        Release: _release,
        Reassign: _reassign,
        MoveTo: transfer.by_phase,
        TurnAway: transfer.by_phase,
        Greet: _greet,
        OwnerGone: _owner_gone,
        OwnerBack: _owner_back,
        Expire: _expire_any,
    },
    Status.ENDED: {
        Begin: closed,
        CustomerMessage: closed,
        CustomerLeft: closed,
        AgentMessage: _ended_for_agent,
        Accept: offer_gone,
        Decline: offer_gone,
        End: _ended_for_agent,
        CancelTransfer: _ended_for_agent,
        CancelInvitation: _ended_for_agent,
        Join: offer_gone,
        RefuseInvitation: offer_gone,
        Leave: _ended_for_agent,
        EndConference: _ended_for_agent,
        MakeOffer: nothing,
        AssignDirectly: nothing,
        Claim: _ended_claim,
        TransferAsked: _ended_for_agent,
        InviteAsked: _ended_for_agent,
        WithdrawOffer: nothing,
        Release: nothing,
        Reassign: nothing,
        MoveTo: nothing,
        TurnAway: nothing,
        Greet: nothing,
        OwnerGone: nothing,
        OwnerBack: nothing,
        Expire: nothing,
    },
}


def decide(state: Conversation, command: Any, facts: Facts) -> Outcome:
    """Return the events that a command causes in this state, or the refusal."""
    return TABLE[state.status][type(command)](state, command, facts)
