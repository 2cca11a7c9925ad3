"""What an agent knows: from the snapshot and the news of the agent's stream alone."""

from __future__ import annotations

from typing import Any

from protocol import life, teamwork
from protocol.messages import Delivery, Snapshot
from protocol.news import Assigned, ConversationEnded, OfferEnded, OfferMade, PresenceChanged, Unassigned


class Mind:
    """One agent's session, as the agent sees it."""

    def __init__(self, agent: str) -> None:
        self.agent = agent
        #: A snapshot has come.
        self.ready = False
        self.presence = ""
        #: By conversation: the live offer, the invitation.
        self.offers: dict[str, str] = {}
        self.invitations: dict[str, str] = {}
        self.own: dict[str, None] = {}
        self.joined: dict[str, None] = {}
        #: Who was asked to join what, and has not answered as far as is known.
        self.asked: dict[str, str] = {}
        self.transferring: dict[str, None] = {}
        #: What has ended here lately.
        self.ended: list[str] = []

    def restart(self, snapshot: Snapshot) -> None:
        """Begin anew from a snapshot."""
        self.__init__(self.agent)  # type: ignore[misc]
        self.ready = True
        self.presence = snapshot.presence
        self.offers = {offer.conversation: offer.offer for offer in snapshot.offers}
        self.invitations = {each.conversation: each.invitation for each in snapshot.invitations}
        for view in snapshot.conversations:
            (self.own if view.assignee == self.agent else self.joined)[view.conversation] = None

    def hear(self, delivery: Delivery) -> None:
        """Take in news."""
        talk, news = delivery.conversation, delivery.news
        match news:
            case OfferMade():
                self.offers[talk] = news.offer.offer
            case OfferEnded():
                self.offers.pop(talk, None)
            case Assigned():
                self._assigned(talk, news.agent)
            case Unassigned():
                self.own.pop(talk, None)
                self.transferring.pop(talk, None)
            case ConversationEnded():
                self._forget(talk)
                self.ended = [*self.ended[-4:], talk]
            case PresenceChanged():
                self.presence = news.presence
            case _:
                self._hear_teamwork(talk, news)

    def _hear_teamwork(self, talk: str, news: Any) -> None:
        match news:
            case teamwork.InvitationMade():
                self.invitations[talk] = news.invitation.invitation
            case teamwork.InvitationEnded() if news.agent == self.agent:
                self.invitations.pop(talk, None)
            case teamwork.InvitationEnded():
                self.asked.pop(talk, None)
            case teamwork.Joined() if news.agent == self.agent:
                self.joined[talk] = None
            case teamwork.Left() if news.agent == self.agent:
                self.joined.pop(talk, None)
            case life.Reopened() if news.agent == self.agent:
                self.own[talk] = None
                self.joined.pop(talk, None)
            case teamwork.TransferStarted():
                self.transferring[talk] = None
            case teamwork.TransferEnded():
                self.transferring.pop(talk, None)

    def _assigned(self, talk: str, agent: str) -> None:
        self.offers.pop(talk, None)
        if agent == self.agent:
            self.own[talk] = None
            self.joined.pop(talk, None)
            self.invitations.pop(talk, None)
        else:
            self.own.pop(talk, None)

    def _forget(self, talk: str) -> None:
        for known in (
            self.offers, self.invitations, self.own, self.joined, self.asked, self.transferring,
        ):  # fmt: skip
            known.pop(talk, None)  # type: ignore[attr-defined]
