"""The verbs of an agent at work: presence, offers, words, the queue, transfers, conferences, explanations."""

from __future__ import annotations

from protocol.client.verbs import Client, Request, verb
from protocol.content import Outgoing, as_content
from protocol.messages import Accept, Ack, AgentMessage, Decline, ReadThread, SetPresence, Thread
from protocol.teamwork import (
    CancelInvitation,
    CancelTransfer,
    Colleagues,
    EndConference,
    EndSession,
    Explain,
    Explanation,
    HandOver,
    Invite,
    Join,
    Leave,
    ReadColleagues,
    ReadQueue,
    Reasons,
    RefuseInvitation,
    SetOrder,
    Take,
    TakeNext,
    Transfer,
    WaitingList,
    WhyIdle,
    WhyNot,
)
from protocol.views import InvitationView, OfferView


class Work(Client):
    """What an agent does with offers and conversations of his own."""

    @verb
    def set_presence(self, agent: str, presence: str) -> Request[Ack]:
        """Choose the presence: ``online``, ``busy``, ``away``, ``transfer_only`` or ``finishing``."""
        return Request(SetPresence, agent=agent, presence=presence)

    @verb
    def accept(self, agent: str, offer: OfferView) -> Request[Ack]:
        """Take the conversation that was offered to the agent."""
        return Request(Accept, agent=agent, conversation=offer.conversation, offer=offer.offer)

    @verb
    def decline(self, agent: str, offer: OfferView, reason: str = "") -> Request[Ack]:
        """Refuse the conversation that was offered to the agent."""
        return Request(
            Decline, agent=agent, conversation=offer.conversation, offer=offer.offer, reason=reason
        )

    @verb
    def say(self, agent: str, conversation: str, text: str | Outgoing) -> Request[Ack]:
        """Write to the customer of a conversation: a text, or any content, canned reply or card."""
        return Request(AgentMessage, agent=agent, conversation=conversation, content=as_content(text))

    @verb
    def read_thread(self, agent: str, conversation: str, after: int = 0, limit: int = 100) -> Request[Thread]:
        """Read a conversation's entries after a sequence."""
        return Request(ReadThread, agent=agent, conversation=conversation, after=after, limit=limit)


class Teamwork(Client):
    """What agents do with each other, with the queue, and what they may know of both."""

    @verb
    def hand_over(
        self, agent: str, presence: str, *, to_agent: str = "", to_department: str = ""
    ) -> Request[Ack]:
        """Go ``away`` or ``offline`` and give all own conversations away, in one transaction.

        To a colleague, to a department's queue, or, with neither, each to its own queue. The news
        ``handed_over`` has what became of each.
        """
        return Request(
            HandOver, agent=agent, presence=presence, to_agent=to_agent, to_department=to_department
        )

    @verb
    def end_session(self, agent: str, of_agent: str, reason: str = "") -> Request[Ack]:
        """End all sessions of a colleague who has walked away; needs the permission ``end_sessions``."""
        return Request(EndSession, agent=agent, of_agent=of_agent, reason=reason)

    @verb
    def take_next(self, agent: str, department: str = "") -> Request[Ack]:
        """Take the waiting conversation whose turn it is; the ack names it.

        Raises CommandRefused with UNAVAILABLE when nobody waits whom the agent could take.
        """
        return Request(TakeNext, agent=agent, department=department)

    @verb
    def take(self, agent: str, conversation: str) -> Request[Ack]:
        """Take this waiting conversation. Raises CommandRefused with TAKEN when somebody was quicker."""
        return Request(Take, agent=agent, conversation=conversation)

    @verb
    def read_queue(self, agent: str, department: str, limit: int = 100) -> Request[WaitingList]:
        """Read who waits in a department's queue, in its order."""
        return Request(ReadQueue, agent=agent, department=department, limit=limit)

    @verb
    def set_order(self, agent: str, department: str, order: str, until: str = "") -> Request[Ack]:
        """Change the order of a department's queue; an empty order is the desk's again.

        ``until`` = ``backlog``: until the turn of somebody who waits already. Needs the permission
        ``set_order``.
        """
        return Request(SetOrder, agent=agent, department=department, order=order, until=until)

    @verb
    def transfer(
        self,
        agent: str,
        conversation: str,
        *,
        to_agent: str = "",
        to_department: str = "",
        note: str = "",
        reason: str = "",
    ) -> Request[Ack]:
        """Give a conversation to a colleague or to a department's queue.

        It stays the assignee's until somebody has accepted; the news ``transfer_ended`` tells the outcome.
        """
        return Request(
            Transfer,
            agent=agent,
            conversation=conversation,
            to_agent=to_agent,
            to_department=to_department,
            note=note,
            reason=reason,
        )

    @verb
    def cancel_transfer(self, agent: str, conversation: str) -> Request[Ack]:
        """Take back a transfer that nobody has accepted yet."""
        return Request(CancelTransfer, agent=agent, conversation=conversation)

    @verb
    def invite(self, agent: str, conversation: str, invited: str, note: str = "") -> Request[Ack]:
        """Ask a colleague to join a conversation; the news ``invitation_ended`` has the answer."""
        return Request(Invite, agent=agent, conversation=conversation, invited=invited, note=note)

    @verb
    def cancel_invitation(self, agent: str, conversation: str, invited: str) -> Request[Ack]:
        """Take an invitation back."""
        return Request(CancelInvitation, agent=agent, conversation=conversation, invited=invited)

    @verb
    def join(self, agent: str, invitation: InvitationView) -> Request[Ack]:
        """Accept an invitation: the agent is a member of the conversation from now on."""
        return Request(
            Join, agent=agent, conversation=invitation.conversation, invitation=invitation.invitation
        )

    @verb
    def refuse_invitation(self, agent: str, invitation: InvitationView, reason: str = "") -> Request[Ack]:
        """Refuse an invitation."""
        return Request(
            RefuseInvitation,
            agent=agent,
            conversation=invitation.conversation,
            invitation=invitation.invitation,
            reason=reason,
        )

    @verb
    def leave(self, agent: str, conversation: str) -> Request[Ack]:
        """Leave a conversation that the agent has joined."""
        return Request(Leave, agent=agent, conversation=conversation)

    @verb
    def end_conference(self, agent: str, conversation: str, reason: str = "") -> Request[Ack]:
        """Let all members and invitations go; the assignee stays."""
        return Request(EndConference, agent=agent, conversation=conversation, reason=reason)

    @verb
    def read_colleagues(self, agent: str) -> Request[Colleagues]:
        """Read the agents of one's own departments and those below, with state and load."""
        return Request(ReadColleagues, agent=agent)

    @verb
    def explain(self, agent: str, conversation: str) -> Request[Explanation]:
        """Read why a conversation was offered and assigned as it was."""
        return Request(Explain, agent=agent, conversation=conversation)

    @verb
    def why_not(self, agent: str, conversation: str, of_agent: str = "") -> Request[Reasons]:
        """Read why a waiting conversation does not come to an agent; without ``of_agent``, to oneself."""
        return Request(WhyNot, agent=agent, conversation=conversation, of_agent=of_agent or agent)

    @verb
    def why_idle(self, agent: str, of_agent: str = "") -> Request[Reasons]:
        """Read why an agent gets nothing; without ``of_agent``, oneself."""
        return Request(WhyIdle, agent=agent, of_agent=of_agent or agent)
