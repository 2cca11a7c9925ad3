"""How a conversation changes hands: the table of a transfer's phases and commands (G1-G8), and what every way
of getting or losing an assignee has in common.

    NONE --to a colleague--> ASKED   --accepted--> NONE, with a new assignee
    NONE --to a department-> QUEUED  --taken, given directly--> NONE, with a new assignee
                             QUEUED  --offered--> OFFERED --accepted--> NONE, with a new assignee
                             QUEUED <--declined, time-out, withdrawn-- OFFERED
    any --declined, time-out, unavailable, cancelled, the conversation ends--> NONE, the assignee as before

The assignee keeps the conversation, and answers in it, until somebody has accepted. Should the assignee be
lost before that, the transfer's target stands: what was offered stays on offer, and the conversation waits
where it was to go. Whoever does not answer a transfer's offer becomes ``not_answering`` as with any other. A
department without a place for it (``MoveTo``, ``TurnAway``) leaves it with its assignee.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from actors import events
from actors.conversation.conference import let_go
from actors.conversation.orders import (
    AssignDirectly,
    Claim,
    Expire,
    MakeOffer,
    MoveTo,
    Refusal,
    TransferAsked,
    TurnAway,
    WithdrawOffer,
)
from actors.conversation.state import (
    Conversation,
    Facts,
    Offer,
    Outcome,
    Rule,
    Transfer,
    may_act,
    not_yours,
    nothing,
    offer_gone,
    without_wrap_up,
)
from actors.dispatcher.reasons import Reason
from actors.events import AnyEvent
from actors.events.base import Why
from config.desk import Desk
from protocol import teamwork
from protocol.errors import Code
from protocol.messages import Accept, Decline
from protocol.teamwork import CancelTransfer


class Phase(StrEnum):
    """How far a transfer has come."""

    NONE = "none"
    ASKED = "a colleague is asked"
    QUEUED = "waits in a department's queue"
    OFFERED = "offered out of the queue"


def phase(state: Conversation) -> Phase:
    """Return how far the conversation's transfer has come."""
    if state.transfer is None:
        return Phase.NONE
    if state.transfer.to_agent:
        return Phase.ASKED
    return Phase.QUEUED if state.offer is None else Phase.OFFERED


def by_phase(state: Conversation, command: Any, facts: Facts) -> Outcome:
    """Return what a command causes in the phase of the transfer."""
    return TABLE[phase(state)][type(command)](state, command, facts)


# What every way of getting and losing an assignee has in common.


def assigned(
    state: Conversation,
    facts: Facts,
    agent: str,
    how: str,
    *,
    department: str = "",
    offer: str = "",
    by: str = "",
    why: Why | None = None,
) -> list[AnyEvent]:
    """Return the events by which the conversation becomes the agent's."""
    department = department or state.department
    settings = facts.desk.departments.get(department)
    timeout_s = settings.first_reply_timeout_s if settings is not None else 0
    known = facts.desk.agents.get(agent)
    event = events.Assigned(
        offer,
        agent,
        department,
        state.channel,
        state.contact,
        state.since,
        state.name,
        how,
        by,
        state.assignee,
        why,
        facts.now + timeout_s if timeout_s else None,
        (known.shown_as or "") if known is not None else "",
        state.origin,
    )
    made = state.invitations.get(agent)
    if made is None:
        return [event]
    return [events.InvitationEnded(made.invitation, agent, made.by, "withdrawn", Reason.IS_ASSIGNEE), event]


def released(
    state: Conversation, reason: str, department: str = "", since: float | None = None
) -> list[AnyEvent]:
    """Return the events by which the conversation goes back to a queue, or on to where it was to go.

    With its waiting time, unless the customer waits ``since`` another moment.
    """
    under_way = state.transfer
    to = department or (under_way.to_department if under_way is not None else "") or state.department
    caused = let_go(state, reason)
    caused.append(events.Released(state.assignee, to, state.since if since is None else since, reason))
    if under_way is not None:
        caused.append(events.TransferEnded(state.assignee, "withdrawn", reason, under_way.by))
    return caused


def stopped(state: Conversation, outcome: str, reason: str) -> list[AnyEvent]:
    """Return the events by which a transfer that may be under way ends without a new assignee."""
    under_way = state.transfer
    if under_way is None:
        return []
    ended = events.TransferEnded(state.assignee, outcome, reason, under_way.by)
    if state.offer is None:
        return [ended]
    return [events.OfferWithdrawn(state.offer.offer, state.offer.agent, reason), ended]


# The rules.


def _refusal(
    state: Conversation, wanted: teamwork.Transfer, desk: Desk, dispatchers: Refusal | None
) -> Refusal | None:
    """Return why the transfer that was asked for cannot be, whatever is under way."""
    if not may_act(state, wanted.agent, "transfer_for_others", desk):
        return not_yours()
    if not wanted.to_agent and not wanted.to_department:
        return Refusal(Code.NOT_ALLOWED, "name the colleague or the department that shall have it")
    if wanted.to_department and wanted.to_department not in desk.departments:
        return Refusal(Code.NOT_ALLOWED, f"no department {wanted.to_department!r} is in the desk")
    if wanted.to_agent:
        colleague = desk.agents.get(wanted.to_agent)
        if colleague is None:
            return Refusal(Code.NOT_ALLOWED, f"no agent {wanted.to_agent!r} is in the desk")
        if wanted.to_department and wanted.to_department not in colleague.departments:
            text = f"{wanted.to_agent} does not serve the department {wanted.to_department!r} (G2)"
            return Refusal(Code.NOT_ALLOWED, text)
        if wanted.to_agent == state.assignee:
            return Refusal(Code.ALREADY_SO, f"the conversation is {wanted.to_agent}'s already")
    return without_wrap_up(wanted.reason, desk) or dispatchers


def _start(state: Conversation, command: TransferAsked, facts: Facts) -> Outcome:
    wanted: teamwork.Transfer = command.told.message
    refusal = _refusal(state, wanted, facts.desk, command.refusal)
    return refusal if refusal is not None else _started(state, command, wanted, facts)


def _again(state: Conversation, command: TransferAsked, facts: Facts) -> Outcome:
    """A supervisor's transfer goes before the one under way; any other has to be cancelled first."""
    wanted: teamwork.Transfer = command.told.message
    refusal = _refusal(state, wanted, facts.desk, command.refusal)
    if refusal is not None:
        return refusal
    assert state.transfer is not None
    offered_to = state.offer.agent if state.offer is not None else ""
    if wanted.agent in (state.assignee, state.transfer.by) or wanted.to_agent == offered_to != "":
        return Refusal(Code.UNDER_WAY, "a transfer of the conversation is under way: cancel it first")
    return [
        *stopped(state, "withdrawn", Reason.TRANSFERRED),
        *_started(state, command, wanted, facts),
    ]


def _started(
    state: Conversation, command: TransferAsked, wanted: teamwork.Transfer, facts: Facts
) -> list[AnyEvent]:
    start = events.TransferStarted(
        wanted.agent,
        state.assignee,
        wanted.to_agent,
        wanted.to_department,
        command.deadline_at,
        wanted.note,
        wanted.reason,
    )
    # Whoever takes it himself consents by that (G8).
    consent = facts.desk.policies.transfer_consent == "required" and wanted.to_agent != wanted.agent
    if consent:
        return [start, _asked(state, command, wanted)] if wanted.to_agent else [start]
    if wanted.to_agent:
        department = wanted.to_department
        given = assigned(state, facts, wanted.to_agent, "transferred", department=department, by=wanted.agent)
        return [start, events.TransferEnded(state.assignee, "accepted", "", wanted.agent), *given]
    return [
        start,
        *let_go(state, Reason.TRANSFERRED),
        events.Released(state.assignee, wanted.to_department, state.since, Reason.TRANSFERRED),
        events.TransferEnded(state.assignee, "accepted", "", wanted.agent),
    ]


def _asked(state: Conversation, command: TransferAsked, wanted: teamwork.Transfer) -> events.Offered:
    return events.Offered(
        command.offer,
        wanted.to_agent,
        command.deadline_at,
        wanted.to_department or state.department,
        state.channel,
        state.contact,
        state.name,
        state.since,
        Why(rule=Reason.CHOSEN_BY_HAND),
        "transfer",
        state.assignee or wanted.agent,
        wanted.note,
        state.origin,
    )


def move_waiting(state: Conversation, command: TransferAsked, facts: Facts) -> Outcome:
    """A supervisor moves a conversation that nobody has yet: to a queue, or to an agent (PEERS c9)."""
    wanted: teamwork.Transfer = command.told.message
    refusal = _refusal(state, wanted, facts.desk, command.refusal)
    if refusal is not None:
        return refusal
    offer = state.offer
    if offer is not None and offer.agent == wanted.to_agent != wanted.agent:
        return Refusal(Code.UNDER_WAY, f"the conversation is offered to {offer.agent} already")
    start, *rest = _started(state, command, wanted, facts)
    caused: list[AnyEvent] = [start]
    if offer is not None:
        caused.append(events.OfferWithdrawn(offer.offer, offer.agent, Reason.TRANSFERRED))
    if not wanted.to_agent:
        return [*caused, events.Queued(wanted.to_department, state.since, Reason.TRANSFERRED)]
    return [*caused, *(event for event in rest if type(event) is not events.TransferEnded)]


def _under_way(state: Conversation) -> tuple[Transfer, Offer | None]:
    assert state.transfer is not None
    return state.transfer, state.offer


def _none(state: Conversation, command: CancelTransfer, facts: Facts) -> Outcome:
    if not may_act(state, command.agent, "transfer_for_others", facts.desk):
        return not_yours()
    return Refusal(Code.OFFER_GONE, "no transfer of the conversation is under way")


def _cancel(state: Conversation, command: CancelTransfer, facts: Facts) -> Outcome:
    if not may_act(state, command.agent, "transfer_for_others", facts.desk):
        return not_yours()
    return stopped(state, "withdrawn", "taken back")


def _accept(state: Conversation, command: Accept, facts: Facts) -> Outcome:
    _, offer = _under_way(state)
    assert offer is not None
    if (offer.offer, offer.agent) != (command.offer, command.agent):
        return offer_gone()
    if facts.now > offer.deadline_at:
        return Refusal(Code.OFFER_GONE, "the offer's deadline has passed")
    return _handed(state, facts, command.agent, "transferred", offer.offer)


def _handed(
    state: Conversation, facts: Facts, agent: str, how: str, offer: str = "", why: Why | None = None
) -> list[AnyEvent]:
    """The transfer has come about, in whatever way."""
    under_way, _ = _under_way(state)
    return [
        events.TransferEnded(state.assignee, "accepted", "", under_way.by),
        *assigned(
            state,
            facts,
            agent,
            how,
            department=under_way.to_department,
            offer=offer,
            by=under_way.by if how != "taken" else agent,
            why=why,
        ),
    ]


def _passed(state: Conversation, event: AnyEvent, outcome: str, reason: str, facts: Facts) -> Outcome:
    """An offer has come to nothing: so has the transfer to a colleague, while one to a department goes on."""
    under_way, _ = _under_way(state)
    if not under_way.to_agent:
        if facts.now < under_way.deadline_at:
            return [event]
        outcome, reason = "expired", ""
    return [event, events.TransferEnded(state.assignee, outcome, reason, under_way.by)]


def _decline(state: Conversation, command: Decline, facts: Facts) -> Outcome:
    _, offer = _under_way(state)
    assert offer is not None
    if (offer.offer, offer.agent) != (command.offer, command.agent):
        return offer_gone()
    event = events.OfferDeclined(command.offer, command.agent, command.reason)
    return _passed(state, event, "declined", command.reason, facts)


def _expire_offer(state: Conversation, _: Expire, facts: Facts) -> Outcome:
    offer = _under_way(state)[1]
    assert offer is not None
    if facts.now < offer.deadline_at:
        return []
    return _passed(state, events.OfferExpired(offer.offer, offer.agent), "expired", "", facts)


def _withdraw(state: Conversation, command: WithdrawOffer, facts: Facts) -> Outcome:
    _, offer = _under_way(state)
    assert offer is not None
    if offer.agent != command.agent:
        return []
    event = events.OfferWithdrawn(offer.offer, command.agent, command.reason)
    return _passed(state, event, "unavailable", command.reason, facts)


def _expire(state: Conversation, _: Expire, facts: Facts) -> Outcome:
    under_way = _under_way(state)[0]
    return stopped(state, "expired", "") if facts.now >= under_way.deadline_at else []


def _no_place(state: Conversation, command: MoveTo | TurnAway, _: Facts) -> Outcome:
    """The department has no place for it: the assignee keeps it."""
    return stopped(state, "unavailable", command.reason)


def _offer(state: Conversation, command: MakeOffer, _: Facts) -> Outcome:
    under_way = _under_way(state)[0]
    if command.agent == state.assignee:
        return []
    return [
        events.Offered(
            command.offer,
            command.agent,
            command.deadline_at,
            under_way.to_department,
            state.channel,
            state.contact,
            state.name,
            state.since,
            command.why,
            "transfer",
            state.assignee,
            under_way.note,
            state.origin,
        )
    ]


def _give(state: Conversation, command: AssignDirectly, facts: Facts) -> Outcome:
    if command.agent == state.assignee:
        return []
    return _handed(state, facts, command.agent, "direct", why=command.why)


def _claim(state: Conversation, command: Claim, facts: Facts) -> Outcome:
    if command.agent == state.assignee:
        return taken(state, command, facts)
    if command.refusal is not None:
        return command.refusal
    return _handed(state, facts, command.agent, "taken", why=command.why)


def _claim_offered(state: Conversation, command: Claim, facts: Facts) -> Outcome:
    _, offer = _under_way(state)
    assert offer is not None
    if offer.agent != command.agent:
        return taken(state, command, facts)
    return _handed(state, facts, command.agent, "taken", offer.offer, command.why)


def taken(state: Conversation, command: Claim, facts: Facts) -> Outcome:
    """Somebody was quicker (D6): tell who, to those who may have seen the conversation wait."""
    if command.agent == state.assignee:
        return Refusal(Code.ALREADY_SO, "the conversation is yours already")
    if not _may_see_waiting(facts.desk, command.agent, state):
        return not_yours()
    if state.assignee and phase(state) is not Phase.OFFERED:
        return Refusal(Code.TAKEN, f"{state.assignee} was quicker: the conversation is {state.assignee}'s")
    assert state.offer is not None
    return Refusal(Code.TAKEN, f"the conversation is offered to {state.offer.agent}")


def _may_see_waiting(desk: Desk, agent: str, state: Conversation) -> bool:
    settings = desk.agents.get(agent)
    if settings is None:
        return False
    served = {state.department, state.transfer.to_department if state.transfer is not None else ""}
    for name in tuple(served):
        department = desk.departments.get(name)
        for ring in department.rings if department is not None else ():
            served.update(ring.departments)
    return not served.isdisjoint(settings.departments)


TABLE: dict[Phase, dict[type[Any], Rule]] = {
    Phase.NONE: {
        TransferAsked: _start,
        CancelTransfer: _none,
        Accept: offer_gone,
        Decline: offer_gone,
        MakeOffer: nothing,
        AssignDirectly: nothing,
        Claim: taken,
        WithdrawOffer: nothing,
        MoveTo: nothing,
        TurnAway: nothing,
        Expire: nothing,
    },
    Phase.ASKED: {
        TransferAsked: _again,
        CancelTransfer: _cancel,
        Accept: _accept,
        Decline: _decline,
        MakeOffer: nothing,
        AssignDirectly: nothing,
        Claim: taken,
        WithdrawOffer: _withdraw,
        MoveTo: nothing,
        TurnAway: nothing,
        Expire: _expire_offer,
    },
    Phase.QUEUED: {
        TransferAsked: _again,
        CancelTransfer: _cancel,
        Accept: offer_gone,
        Decline: offer_gone,
        MakeOffer: _offer,
        AssignDirectly: _give,
        Claim: _claim,
        WithdrawOffer: nothing,
        MoveTo: _no_place,
        TurnAway: _no_place,
        Expire: _expire,
    },
    Phase.OFFERED: {
        TransferAsked: _again,
        CancelTransfer: _cancel,
        Accept: _accept,
        Decline: _decline,
        MakeOffer: nothing,
        AssignDirectly: nothing,
        Claim: _claim_offered,
        WithdrawOffer: _withdraw,
        MoveTo: nothing,
        TurnAway: nothing,
        Expire: _expire_offer,
    },
}
