"""What is going on, as far as the people have been told by the daemon. No clock, no terminal.

Reports of several processes cross each other on their way here. Each carries the conversation's own sequence,
so the newest one counts, and one that comes twice changes nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from daemon.demo import reports
from daemon.demo.reports import AnyReport, Told, Wrote
from daemon.demo.script import AGENT, CUSTOMER, Dialogue, Script, Side
from protocol.messages import Delivery, News
from protocol.news import (
    AgentSaid,
    Assigned,
    ConversationEnded,
    CustomerSaid,
    OfferEnded,
    OfferMade,
    PresenceChanged,
    Unassigned,
)
from protocol.teamwork import AutomaticReply, InvitationMade, Joined, Left
from protocol.views import OfferView

#: A message in its place: its conversation and its sequence there.
Place = tuple[str, int]


class Stage(StrEnum):
    """Where a conversation stands."""

    WAITING = "waiting"
    OFFERED = "offered"
    TALKING = "talking"
    ENDED = "ended"


class Line(NamedTuple):
    """One message."""

    side: Side
    text: str


class Happening(NamedTuple):
    """One line of the ticker."""

    at: float
    mark: str
    text: str


@dataclass
class Talk:
    """One conversation as it stands."""

    ident: str
    dialogue: Dialogue
    department: str
    since: float
    stage: Stage = Stage.WAITING
    agent: str = ""
    deadline_at: float = 0.0
    waited_s: float | None = None
    outcome: str = ""
    newest: int = 0
    #: How often it was offered to somebody; and who has served the customer in the conversation before.
    offers: int = 0
    served_before: str = ""
    lines: dict[int, Line] = field(default_factory=dict)

    @property
    def said(self) -> list[Line]:
        """What was said, in order."""
        return [self.lines[sequence] for sequence in sorted(self.lines)]

    def count(self, side: Side) -> int:
        """How many messages one side has written."""
        return sum(line.side == side for line in self.lines.values())


class Scene:
    """Everything that is shown."""

    def __init__(self, script: Script, departments: Mapping[str, str], names: Mapping[str, str]) -> None:
        self._script = script
        self._departments = departments
        self.names = names
        self.talks: dict[str, Talk] = {}
        self.presence: dict[str, str] = dict.fromkeys(names, "offline")
        self.ready: set[str] = set()
        self.done = False
        self.happenings: list[Happening] = []
        self.troubles: list[str] = []
        #: What was acknowledged to each side, and what has reached the other.
        self.sent: dict[Side, dict[Place, str]] = {CUSTOMER: {}, AGENT: {}}
        self.reached: dict[Side, set[Place]] = {CUSTOMER: set(), AGENT: set()}
        self._known: set[Place] = set()
        self._changes: dict[type[Any], Callable[[Talk, str, Delivery, Any], None]] = {
            OfferMade: self._offer_made,
            OfferEnded: self._offer_ended,
            Assigned: self._assigned,
            Unassigned: self._back_in_queue,
            ConversationEnded: self._ended,
        }

    def at_stage(self, stage: Stage) -> list[Talk]:
        """Return the conversations at a stage, the one that came first in front."""
        return sorted(
            (talk for talk in self.talks.values() if talk.stage is stage), key=lambda one: one.since
        )

    def load_of(self, agent: str) -> int:
        """How many conversations an agent has."""
        return sum(talk.stage is Stage.TALKING and talk.agent == agent for talk in self.talks.values())

    @property
    def settled(self) -> bool:
        """Whether all is over, and all that was written has reached the other side."""
        over = all(talk.stage is Stage.ENDED for talk in self.talks.values())
        return self.done and over and not any(self.under_way(side) for side in (CUSTOMER, AGENT))

    def under_way(self, side: Side) -> list[Place]:
        """What one side has written and the other has not got; not what nobody is left to read."""
        return [
            place
            for place in self.sent[side]
            if place not in self.reached[side] and not self.left_early(place[0])
        ]

    def left_early(self, ident: str) -> bool:
        """Say whether the customer has gone before any agent had the conversation."""
        talk = self.talks.get(ident)
        return talk is not None and talk.stage is Stage.ENDED and not talk.agent

    # What comes in.

    def take_all(self, news: Iterable[AnyReport]) -> None:
        """Take in what has come together, in the order in which it happened."""
        for report in sorted(news, key=_when):
            self.take(report)

    def take(self, report: AnyReport) -> None:
        """Take in what somebody reports."""
        match report:
            case reports.Ready():
                self.ready.add(report.who)
                if report.presence:
                    self.presence[report.who] = report.presence
            case reports.Wrote():
                self._wrote(report)
            case reports.HasRead():
                self.reached[CUSTOMER].update((report.conversation, number) for number in report.sequences)
            case reports.Told():
                self._told(report)
            case reports.Done():
                self.done = True
            case reports.Trouble():
                self.troubles.append(f"{report.who}: {report.what}")

    def _wrote(self, report: Wrote) -> None:
        talk = self._talk(report.conversation, report.contact, report.at)
        self.sent[report.side][report.conversation, report.sequence] = report.text
        if talk is not None:
            talk.lines[report.sequence] = Line(report.side, report.text)

    def _talk(self, ident: str, contact: str, at: float) -> Talk | None:
        """Find a conversation, or begin it; None if it is none of ours."""
        if ident in self.talks:
            return self.talks[ident]
        visits = self._script.visits(contact)
        before = [talk for talk in self.talks.values() if talk.dialogue in visits]
        if len(before) >= len(visits):
            return None
        dialogue = visits[len(before)]
        talk = self.talks[ident] = Talk(ident, dialogue, self._departments[dialogue.channel], at)
        again = " again" if before else ""
        talk.served_before = before[-1].agent if before else ""
        self._tell(at, "+", f"{dialogue.name} writes{again} about: {dialogue.about} ({talk.department})")
        return talk

    def _told(self, report: Told) -> None:
        delivery = report.delivery
        news, place = delivery.news, (delivery.conversation, delivery.sequence)
        if isinstance(news, PresenceChanged):
            self._presence_changed(report.who, delivery.at, news)
            return
        if isinstance(news, CustomerSaid):
            self.reached[CUSTOMER].add(place)
        elif isinstance(news, AgentSaid) and report.who not in self.names:
            # Colleagues in the conversation hear it too; what counts is the customer's gateway.
            self.reached[AGENT].add(place)
        contact = news.offer.contact if isinstance(news, OfferMade) else delivery.contact
        talk = self._talk(delivery.conversation, contact, delivery.at)
        if talk is None or place in self._known:
            return
        words = self._in_words(talk, report.who, news)
        if words is None:
            return
        self._known.add(place)
        change = self._changes.get(type(news))
        if change is not None and delivery.sequence > talk.newest:
            talk.newest = delivery.sequence
            change(talk, report.who, delivery, news)
        self._tell(delivery.at, *words)

    def _offer_made(self, talk: Talk, who: str, delivery: Delivery, news: OfferMade) -> None:
        talk.offers += 1
        if news.offer.kind == "new":
            talk.stage, talk.agent, talk.deadline_at = Stage.OFFERED, who, news.offer.deadline_at
            talk.since = news.offer.waiting_since

    def _offer_ended(self, talk: Talk, who: str, delivery: Delivery, news: OfferEnded) -> None:
        # While it is transferred the owner still has it.
        if talk.stage is not Stage.TALKING:
            self._back_in_queue(talk, who, delivery, news)

    def _back_in_queue(self, talk: Talk, who: str, delivery: Delivery, news: OfferEnded | Unassigned) -> None:
        talk.stage, talk.agent = Stage.WAITING, ""

    def _assigned(self, talk: Talk, who: str, delivery: Delivery, news: Assigned) -> None:
        talk.stage, talk.agent = Stage.TALKING, news.agent
        if talk.waited_s is None:
            talk.waited_s = max(0.0, delivery.at - talk.since)

    def _ended(self, talk: Talk, who: str, delivery: Delivery, news: ConversationEnded) -> None:
        if talk.stage is not Stage.TALKING:
            talk.agent, talk.waited_s = "", max(0.0, delivery.at - talk.since)
        talk.stage = Stage.ENDED
        talk.outcome = f"left: {news.reason}" if news.by == CUSTOMER else news.reason

    def _in_words(self, talk: Talk, who: str, news: News) -> tuple[str, str] | None:
        """Say what has happened, with the mark of its kind; None where nothing has to be said."""
        customer, agent = talk.dialogue.name, self.names.get(who, who)
        match news:
            case OfferMade(offer=OfferView(kind="new")):
                knows = ", who knows the customer" if who == talk.served_before else ""
                return "?", f"{customer} is offered to {agent}{knows}"
            case OfferMade(offer=offer):
                return "?", f"{self.names[offer.from_agent]} asks {agent} to take over {customer}"
            case OfferEnded(outcome="declined"):
                return "!", f"{agent} declines {customer}: {news.reason}"
            case OfferEnded(outcome="expired"):
                return "!", f"{agent} does not answer the offer of {customer}"
            case OfferEnded():
                return "!", f"the offer of {customer} to {agent} is withdrawn: {news.reason}"
            case Assigned():
                return "=", f"{self.names[news.agent]} takes {customer}"
            case Unassigned():
                return "!", f"{self.names[news.agent]} is gone: {customer} waits again"
            case ConversationEnded(by="customer"):
                return "x", f"{customer} has left: {news.reason}"
            case ConversationEnded():
                return "-", f"{self.names.get(talk.agent, 'nobody')} ends with {customer}: {news.reason}"
        return self._beside_in_words(customer, agent, news)

    def _beside_in_words(self, customer: str, agent: str, news: News) -> tuple[str, str] | None:
        """Say what changes nothing in where the conversation stands."""
        match news:
            case AutomaticReply():
                return "~", f"{customer} is greeted: {news.text}"
            case InvitationMade(invitation=invitation):
                return "?", f"{self.names[invitation.from_agent]} invites {agent} to help with {customer}"
            case Joined():
                return "=", f"{self.names[news.agent]} joins the conversation with {customer}"
            case Left():
                return "-", f"{self.names[news.agent]} leaves the conversation with {customer}"
        return None

    def _presence_changed(self, agent: str, at: float, news: PresenceChanged) -> None:
        self.presence[agent] = news.presence
        presence = news.presence.replace("_", " ")
        self._tell(
            at,
            "*",
            f"{self.names[agent]} is {presence}"
            + (f": {news.reason}" if news.reason not in ("", "chosen") else ""),
        )

    def _tell(self, at: float, mark: str, text: str) -> None:
        self.happenings.append(Happening(at, mark, text))


def _when(report: AnyReport) -> tuple[float, int]:
    match report:
        case Told():
            return report.delivery.at, report.delivery.sequence
        case Wrote():
            return report.at, report.sequence
    return math.inf, 0
