"""Who else is in a conversation (G9, G10, E7): the table of an agent's standing and the commands about it.

    NEITHER --invited--> INVITED --joins--> MEMBER --leaves, is gone--> NEITHER
                            '--refuses, time-out, withdrawn--> NEITHER

The assignee is neither: assignee and members exclude each other. Members write in the assignee's name, with
their own as the author; so does, without being a member, whoever may ``help`` the assignee (G11). Members
take no capacity. They are let go when the conversation goes back to a queue, and when it ends. Not to answer
an invitation does not make an agent ``not_answering``: no customer waits for it.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, NamedTuple

from actors import events
from actors.conversation.content import written
from actors.conversation.orders import Expire, InviteAsked, OwnerGone, Refusal, Release, WithdrawOffer
from actors.conversation.state import (
    Conversation,
    Facts,
    Outcome,
    may_act,
    not_yours,
    offer_gone,
    without_wrap_up,
)
from actors.events import AnyEvent
from protocol.errors import Code
from protocol.messages import AgentMessage
from protocol.teamwork import CancelInvitation, EndConference, Invite, Join, Leave, RefuseInvitation


class Standing(StrEnum):
    """What an agent who is not the assignee is to a conversation."""

    NEITHER = "neither"
    INVITED = "invited"
    MEMBER = "member"


class LetGo(NamedTuple):
    """The conversation leaves its assignee: nobody else stays in it."""

    reason: str


#: Gets the agent whom the command is about.
StandingRule = Callable[[Conversation, str, Any, Facts], Outcome]


def standing(state: Conversation, agent: str) -> Standing:
    """Return what the agent is to the conversation."""
    if agent in state.members:
        return Standing.MEMBER
    return Standing.INVITED if agent in state.invitations else Standing.NEITHER


def about(state: Conversation, agent: str, command: Any, facts: Facts) -> Outcome:
    """Return what a command about an agent causes."""
    return TABLE[standing(state, agent)][type(command)](state, agent, command, facts)


def invite(state: Conversation, command: InviteAsked, facts: Facts) -> Outcome:
    """The assignee, or a member, asks a colleague to join."""
    wanted: Invite = command.told.message
    if wanted.agent != state.assignee and wanted.agent not in state.members:
        return not_yours()
    if wanted.invited == state.assignee:
        return Refusal(Code.ALREADY_SO, f"{wanted.invited} is the assignee")
    if wanted.invited not in facts.desk.agents:
        return Refusal(Code.NOT_ALLOWED, f"no agent {wanted.invited!r} is in the desk")
    return about(state, wanted.invited, command, facts)


def cancel(state: Conversation, command: CancelInvitation, facts: Facts) -> Outcome:
    """Whoever is in the conversation takes an invitation back: the assignee any, a member the own."""
    made = state.invitations.get(command.invited)
    if command.agent != state.assignee and command.agent not in state.members:
        return not_yours()
    if command.agent != state.assignee and made is not None and made.by != command.agent:
        return Refusal(Code.NOT_ALLOWED, f"the invitation is {made.by}'s")
    return about(state, command.invited, command, facts)


def of_sender(state: Conversation, command: Any, facts: Facts) -> Outcome:
    """A command of an agent about the agent's own standing."""
    return about(state, command.agent, command, facts)


def leave(state: Conversation, command: Leave, facts: Facts) -> Outcome:
    """A member leaves; the assignee cannot."""
    if command.agent == state.assignee:
        return Refusal(Code.NOT_ALLOWED, "the assignee cannot leave: transfer the conversation or end it")
    return about(state, command.agent, command, facts)


def end(state: Conversation, command: EndConference, facts: Facts) -> Outcome:
    """All members and invitations go, the assignee stays (G10)."""
    if not may_act(state, command.agent, "end_for_others", facts.desk):
        return not_yours()
    if not state.members and not state.invitations:
        return Refusal(Code.OFFER_GONE, "nobody else is in the conversation, or asked to join")
    refusal = without_wrap_up(command.reason, facts.desk)
    if refusal is not None:
        return refusal
    return [*let_go(state, "the conference has ended"), events.ConferenceEnded(command.agent, command.reason)]


def expire(state: Conversation, command: Expire, facts: Facts) -> list[AnyEvent]:
    """Invitations that nobody has answered in time."""
    return _all(state, list(state.invitations), command, facts)


def let_go(state: Conversation, reason: str) -> list[AnyEvent]:
    """Nobody but an assignee stays."""
    return _all(state, [*state.members, *state.invitations], LetGo(reason), None)


def uninvite(state: Conversation, reason: str) -> list[AnyEvent]:
    """Nobody is asked to join any more."""
    return _all(state, list(state.invitations), LetGo(reason), None)


def _all(state: Conversation, agents: list[str], command: Any, facts: Facts | None) -> list[AnyEvent]:
    caused: list[AnyEvent] = []
    for agent in agents:
        outcome = TABLE[standing(state, agent)][type(command)](state, agent, command, facts)  # type: ignore[arg-type]
        assert not isinstance(outcome, Refusal)
        caused += outcome
    return caused


def _nothing(*_: object) -> Outcome:
    return []


def _not_yours(*_: object) -> Outcome:
    return not_yours()


def _invite(state: Conversation, agent: str, command: InviteAsked, _: Facts) -> Outcome:
    if command.refusal is not None:
        return command.refusal
    wanted: Invite = command.told.message
    return [
        events.Invited(
            command.invitation,
            agent,
            wanted.agent,
            command.deadline_at,
            state.department,
            state.channel,
            state.contact,
            state.name,
            wanted.note,
        )
    ]


def _invited_already(_: Conversation, agent: str, __: InviteAsked, ___: Facts) -> Outcome:
    return Refusal(Code.UNDER_WAY, f"{agent} is asked to join already")


def _joined_already(_: Conversation, agent: str, __: InviteAsked, ___: Facts) -> Outcome:
    return Refusal(Code.ALREADY_SO, f"{agent} is in the conversation already")


def _over(state: Conversation, agent: str, outcome: str, reason: str = "") -> events.InvitationEnded:
    made = state.invitations[agent]
    return events.InvitationEnded(made.invitation, agent, made.by, outcome, reason)


def _cancel(state: Conversation, agent: str, _: CancelInvitation, __: Facts) -> Outcome:
    return [_over(state, agent, "withdrawn", "taken back")]


def _join(state: Conversation, agent: str, command: Join, facts: Facts) -> Outcome:
    made = state.invitations[agent]
    if made.invitation != command.invitation or facts.now > made.deadline_at:
        return offer_gone()
    return [_over(state, agent, "joined"), events.MemberJoined(agent, made.invitation)]


def _refuse(state: Conversation, agent: str, command: RefuseInvitation, _: Facts) -> Outcome:
    if state.invitations[agent].invitation != command.invitation:
        return offer_gone()
    return [_over(state, agent, "refused", command.reason)]


def _leave(_: Conversation, agent: str, __: Leave, ___: Facts) -> Outcome:
    return [events.MemberLeft(agent, "left")]


def _withdraw(
    state: Conversation, agent: str, command: WithdrawOffer | Release | OwnerGone | LetGo, _: Facts
) -> Outcome:
    return [_over(state, agent, "withdrawn", command.reason)]


def _go(_: Conversation, agent: str, command: Release | OwnerGone | LetGo, __: Facts) -> Outcome:
    return [events.MemberLeft(agent, command.reason)]


def _expire(state: Conversation, agent: str, _: Expire, facts: Facts) -> Outcome:
    return [_over(state, agent, "expired")] if facts.now >= state.invitations[agent].deadline_at else []


def _write(state: Conversation, agent: str, command: AgentMessage, facts: Facts) -> Outcome:
    return written(state, command, facts, agent)


def _help(state: Conversation, agent: str, command: AgentMessage, facts: Facts) -> Outcome:
    if not may_act(state, agent, "help", facts.desk):
        return not_yours()
    return _write(state, agent, command, facts)


TABLE: dict[Standing, dict[type[Any], StandingRule]] = {
    Standing.NEITHER: {
        AgentMessage: _help,
        InviteAsked: _invite,
        CancelInvitation: offer_gone,
        Join: offer_gone,
        RefuseInvitation: offer_gone,
        Leave: _not_yours,
        WithdrawOffer: _nothing,
        Release: _nothing,
        OwnerGone: _nothing,
        Expire: _nothing,
        LetGo: _nothing,
    },
    Standing.INVITED: {
        AgentMessage: _help,
        InviteAsked: _invited_already,
        CancelInvitation: _cancel,
        Join: _join,
        RefuseInvitation: _refuse,
        Leave: _not_yours,
        WithdrawOffer: _withdraw,
        Release: _withdraw,
        OwnerGone: _withdraw,
        Expire: _expire,
        LetGo: _withdraw,
    },
    Standing.MEMBER: {
        AgentMessage: _write,
        InviteAsked: _joined_already,
        CancelInvitation: offer_gone,
        Join: offer_gone,
        RefuseInvitation: offer_gone,
        Leave: _leave,
        WithdrawOffer: _nothing,
        Release: _go,
        OwnerGone: _go,
        Expire: _nothing,
        LetGo: _go,
    },
}
