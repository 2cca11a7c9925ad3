"""What may happen to a conversation: its life. Every pair of a status and a command has an answer in
``TABLE``: events, nothing to do, or a refusal with its code.

    NEW --customer writes--> QUEUED --offered--> OFFERED --accepted--> OPEN
                             QUEUED <--declined, expired, withdrawn-- OFFERED
                             QUEUED --taken by hand, given directly, moved by a supervisor--> OPEN
                             QUEUED <--assignee gone, first reply missed, handed over-- OPEN
    OPEN <--set, customer writes--> PENDING, ON_HOLD
    OPEN, PENDING, ON_HOLD --ended, by the style--> SOLVED or ENDED
    SOLVED --customer writes, reopened--> OPEN, or QUEUED; --its time is over--> ENDED
    OPEN, PENDING, ON_HOLD --customer leaves, channel removed--> WRAP_UP --ended--> ENDED
    ENDED --reopened--> OPEN
    all but WRAP_UP and ENDED <--do not disturb--> MUTED

| | QUEUED | OFFERED | OPEN, PENDING, ON_HOLD | SOLVED | WRAP_UP | MUTED |
|---|---|---|---|---|---|---|
| customer writes | goes on | goes on | is open, or queued (D11) | reopens | a new one | is kept |
| customer leaves | ends | ends | ends, or to wrap up (F11) | ends | - | ends |
| agent writes | - | - | who is in it, helpers (G11) | - | - | - |
| ends (G12: for others) | supervisor | supervisor | now, later, by the style | closes | closes | closes |
| offer | made | ignored | transfer.py | ignored | ignored | ignored |
| taken, given | assigned | by its agent | transfer.py | - | - | - |
| transfer | supervisor | supervisor | transfer.py | - | - | - |
| assignee gone | - | - | queued, or when written to | kept | ends | - |
| other department | moves | ignored | transfer.py | ignored | ignored | ignored |
| invitations | - | - | conference.py | - | - | - |
| customer blocked (M2) | ends | ends | ends | ends | stays | ends |
| channel removed (F13) | ends | ends | to wrap up | ends | stays | ends |

A dash is a refusal for whoever asked, and nothing for news. NEW refuses all but a customer's message. ENDED
can be reopened, noted on, tagged and rated; it refuses everything else, and ignores all news.
"""

from __future__ import annotations

from typing import Any

from actors import events
from actors.conversation import conference, endings, labels, outbox, proactive, returning, transfer, waiting
from actors.conversation.content import written
from actors.conversation.limits import NEVER_SAFE
from actors.conversation.orders import (
    AssignDirectly,
    Begin,
    BeginProactively,
    ChannelGone,
    Claim,
    Expire,
    Greet,
    InviteAsked,
    MakeOffer,
    MoveTo,
    Mute,
    OwnerBack,
    OwnerGone,
    Reassign,
    Refusal,
    Release,
    Reopening,
    Shut,
    TransferAsked,
    TurnAway,
    Unmute,
    VisitChanged,
    WithdrawOffer,
)
from actors.conversation.state import (
    Conversation,
    Facts,
    Outcome,
    Rule,
    Status,
    closed,
    not_yours,
    nothing,
    offer_gone,
)
from actors.conversation.window import acted, visited
from actors.dispatcher.reasons import Reason
from actors.events import AnyEvent
from actors.events.conversation import AgentWrote, CustomerWrote
from protocol.channels import CustomerActed, DeliveryReport
from protocol.content import Text
from protocol.errors import Code
from protocol.life import AddNote, CancelEnd, CustomerRating, Reopen, SetStatus, Tag
from protocol.messages import Accept, AgentMessage, CustomerLeft, CustomerMessage, Decline, End
from protocol.teamwork import (
    CancelInvitation,
    CancelTransfer,
    EndConference,
    Join,
    Leave,
    RefuseInvitation,
)

# The customer.


def _customer_writes_to_assignee(state: Conversation, command: CustomerMessage, facts: Facts) -> Outcome:
    """The hot path: nearly always the message is all."""
    if state.assignee_gone:
        return returning.written(state, command, facts, *transfer.released(state, Reason.ASSIGNEE_GONE))
    content, rules = command.content, facts.rules
    if (
        type(content) is Text
        and rules is not None
        and state.window is None
        and state.channel not in rules.demands
        and state.ending is None
        and (not command.name or command.name == state.name)
    ):
        return [CustomerWrote(command.contact, content, command.channel)]
    return returning.written(state, command, facts)


def _begun_already(state: Conversation, command: Begin, facts: Facts) -> Outcome:
    return TABLE[state.status][CustomerMessage](state, command.told.message, facts)


# Agents.


def _agent_writes(state: Conversation, command: AgentMessage, facts: Facts) -> Outcome:
    """The hot path: a text that is short enough for its channel needs one look-up."""
    if state.assignee != command.agent:
        return conference.of_sender(state, command, facts)
    content, rules = command.content, facts.rules
    if (
        type(content) is Text
        and rules is not None
        and state.window is None
        and len(content.text) <= rules.safe_length.get(state.channel, NEVER_SAFE)
    ):
        return [AgentWrote(state.assignee, state.contact, content)]
    return written(state, command, facts)


# The dispatcher.


def _begin_proactively(_: Conversation, command: BeginProactively, facts: Facts) -> Outcome:
    return proactive.begin(command, facts, _agent_writes)


def _begun_by_another(*_: object) -> Refusal:
    """The channel binds a visitor to a conversation that has just been made: it cannot have begun."""
    return Refusal(Code.ALREADY_SO, "the conversation has begun already")


def _withdraw_all(state: Conversation, command: WithdrawOffer, facts: Facts) -> Outcome:
    """Whatever the agent was asked: to take it, to join."""
    outcome = transfer.by_phase(state, command, facts)
    invited = conference.of_sender(state, command, facts)
    assert not isinstance(outcome, Refusal)
    assert not isinstance(invited, Refusal)
    return [*invited, *outcome]


def _release(state: Conversation, command: Release, facts: Facts) -> Outcome:
    if state.assignee != command.agent:
        return conference.of_sender(state, command, facts)
    return [] if command.keep else transfer.released(state, command.reason)


def _release_later(state: Conversation, command: Release, facts: Facts) -> Outcome:
    """It waits for somebody: nobody has to take it over before the customer replies (F5, D11)."""
    if state.assignee == command.agent in facts.desk.agents:
        return []
    return _release(state, command, facts)


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


def _expire_any(state: Conversation, command: Expire, facts: Facts) -> Outcome:
    """One thing at a time: whoever sends the command asks again until nothing is due."""
    return (
        transfer.by_phase(state, command, facts)
        or conference.expire(state, command, facts)
        or endings.due(state, facts)
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
    SetStatus: not_yours,
    CancelEnd: not_yours,
    Release: nothing,
    Reassign: nothing,
    OwnerGone: nothing,
    OwnerBack: nothing,
    Unmute: nothing,
}
#: What is told to a conversation that has begun, whatever its status.
_LABELS: dict[type[Any], Rule] = {
    AddNote: labels.note,
    Tag: labels.tag,
    CustomerRating: labels.rate,
    CustomerActed: acted,
    DeliveryReport: outbox.report,
    VisitChanged: visited,
    BeginProactively: _begun_by_another,
}
_WAITING: dict[type[Any], Rule] = {
    **_NOT_OPEN,
    **_LABELS,
    Begin: _begun_already,
    CustomerMessage: waiting.customer_writes,
    CustomerLeft: endings.customer_leaves,
    End: endings.agent_closes,
    Reopen: returning.open_already,
    Reopening: returning.reopened_already,
    TransferAsked: transfer.move_waiting,
    Greet: waiting.greet,
    Mute: returning.mute,
    Shut: endings.shut,
    ChannelGone: endings.channel_gone,
}
_IN_HAND: dict[type[Any], Rule] = {
    **_LABELS,
    Begin: _begun_already,
    CustomerMessage: returning.customer_answers,
    CustomerLeft: endings.customer_leaves_agent,
    AgentMessage: _agent_writes,
    Accept: transfer.by_phase,
    Decline: transfer.by_phase,
    End: endings.agent_ends,
    CancelEnd: endings.cancel,
    SetStatus: returning.set_status,
    Reopen: returning.open_already,
    Reopening: returning.reopened_already,
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
    Release: _release_later,
    Reassign: _reassign,
    MoveTo: transfer.by_phase,
    TurnAway: transfer.by_phase,
    Greet: waiting.greet,
    OwnerGone: _owner_gone,
    OwnerBack: _owner_back,
    Mute: returning.mute,
    Unmute: nothing,
    Shut: endings.shut,
    ChannelGone: endings.channel_gone_for_agent,
    Expire: _expire_any,
}
#: Neither a queue nor an agent's work: what can be done with it is little.
_SET_APART: dict[type[Any], Rule] = {
    **dict.fromkeys(_NOT_OPEN, returning.set_apart),
    **_LABELS,
    Begin: _begun_already,
    CustomerMessage: waiting.customer_writes,
    CustomerLeft: endings.customer_leaves,
    Accept: offer_gone,
    Decline: offer_gone,
    Join: offer_gone,
    RefuseInvitation: offer_gone,
    End: endings.agent_closes,
    Reopen: returning.set_apart,
    Reopening: returning.reopened_already,
    Claim: returning.set_apart,
    TransferAsked: returning.set_apart,
    MakeOffer: nothing,
    AssignDirectly: nothing,
    WithdrawOffer: nothing,
    Release: nothing,
    Reassign: nothing,
    OwnerGone: nothing,
    OwnerBack: nothing,
    MoveTo: nothing,
    TurnAway: nothing,
    Greet: nothing,
    Mute: nothing,
    Unmute: nothing,
    Shut: endings.shut,
    ChannelGone: endings.channel_gone,
    Expire: nothing,
}

TABLE: dict[Status, dict[type[Any], Rule]] = {
    Status.NEW: {
        **_NOT_OPEN,
        Begin: waiting.begin,
        BeginProactively: _begin_proactively,
        CustomerMessage: waiting.start,
        CustomerLeft: not_yours,
        CustomerRating: not_yours,
        CustomerActed: not_yours,
        DeliveryReport: outbox.not_of_channel,
        VisitChanged: nothing,
        Accept: offer_gone,
        Decline: offer_gone,
        End: not_yours,
        Reopen: not_yours,
        Reopening: not_yours,
        AddNote: not_yours,
        Tag: not_yours,
        MakeOffer: nothing,
        AssignDirectly: nothing,
        Claim: not_yours,
        TransferAsked: not_yours,
        WithdrawOffer: nothing,
        MoveTo: nothing,
        TurnAway: nothing,
        Greet: nothing,
        Mute: nothing,
        Shut: nothing,
        ChannelGone: nothing,
        Expire: nothing,
    },
    Status.QUEUED: {
        **_WAITING,
        Accept: offer_gone,
        Decline: offer_gone,
        MakeOffer: waiting.offer,
        AssignDirectly: waiting.give,
        Claim: waiting.take,
        WithdrawOffer: nothing,
        MoveTo: waiting.move,
        TurnAway: waiting.turn_away,
        Expire: nothing,
    },
    Status.OFFERED: {
        **_WAITING,
        Accept: waiting.accept,
        Decline: waiting.decline,
        MakeOffer: nothing,
        AssignDirectly: nothing,
        Claim: waiting.take_offered,
        WithdrawOffer: waiting.withdraw,
        MoveTo: nothing,
        TurnAway: nothing,
        Expire: waiting.expire,
    },
    Status.OPEN: {**_IN_HAND, CustomerMessage: _customer_writes_to_assignee, Release: _release},
    Status.PENDING: _IN_HAND,
    Status.ON_HOLD: _IN_HAND,
    Status.SOLVED: {
        **_SET_APART,
        CustomerMessage: returning.customer_returns,
        Reopen: returning.reopen,
        Mute: returning.mute,
        Expire: endings.close,
    },
    Status.WRAP_UP: {
        **_SET_APART,
        Begin: closed,
        CustomerMessage: closed,
        CustomerLeft: closed,
        CustomerActed: closed,
        VisitChanged: nothing,
        Claim: transfer.taken,
        Release: endings.agent_gone,
        Reassign: endings.agent_gone,
        OwnerGone: endings.agent_gone,
        Shut: nothing,
        ChannelGone: nothing,
        Expire: endings.close,
    },
    Status.MUTED: {**_SET_APART, Unmute: returning.unmute},
    Status.ENDED: {
        **dict.fromkeys(_SET_APART, nothing),
        **_LABELS,
        Begin: closed,
        CustomerMessage: closed,
        CustomerLeft: closed,
        CustomerActed: closed,
        VisitChanged: nothing,
        AgentMessage: _ended_for_agent,
        Accept: offer_gone,
        Decline: offer_gone,
        End: _ended_for_agent,
        CancelEnd: _ended_for_agent,
        SetStatus: _ended_for_agent,
        Reopen: returning.reopen_ended,
        Reopening: returning.reopening,
        CancelTransfer: _ended_for_agent,
        CancelInvitation: _ended_for_agent,
        Join: offer_gone,
        RefuseInvitation: offer_gone,
        Leave: _ended_for_agent,
        EndConference: _ended_for_agent,
        Claim: _ended_claim,
        TransferAsked: _ended_for_agent,
        InviteAsked: _ended_for_agent,
    },
}


def decide(state: Conversation, command: Any, facts: Facts) -> Outcome:
    """Return the events that a command causes in this state, or the refusal."""
    return TABLE[state.status][type(command)](state, command, facts)
