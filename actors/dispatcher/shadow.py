"""A shadow policy: a whole desk that decides beside the one in force, on the same facts, without effect.

After each decision the two are compared, and the shadow is told what really happened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from actors.dispatcher.decisions import Decision, Offer, OrderEnded
from actors.dispatcher.facts import AgentNews, Report
from actors.dispatcher.machine import View
from config.desk import Desk

#: The most decisions that the shadow makes at one look beyond those in force: what it costs is bounded.
DECISIONS_AT_ONCE = 64
#: How the two can compare.
OUTCOMES = ("agree", "other_agent", "other_conversation", "would_wait", "would_offer")


class Comparison(NamedTuple):
    """How what the shadow would have done compares with a decision about a conversation."""

    conversation: str
    outcome: str


class Shadow:
    """The shadow's own view, and how its decisions compare."""

    __slots__ = ("_orders", "_would_offer", "counts", "desk", "digest", "view")

    def __init__(self, desk: Desk, digest: str) -> None:
        self.desk = desk
        self.digest = digest
        self.view = View(desk, digest)
        self.counts: Counter[str] = Counter(dict.fromkeys(OUTCOMES, 0))
        #: What the shadow would offer and the policy in force lets wait: counted once, until one is told of.
        self._would_offer: dict[str, str] = {}
        #: Orders that were set while running, with ``until`` and ``backlog_before``.
        self._orders: dict[str, tuple[str, str, float]] = {}

    @property
    def agreement(self) -> float:
        """The share of decisions in which the shadow agrees; 1 as long as there are none."""
        compared = self.counts.total()
        return self.counts["agree"] / compared if compared else 1.0

    def take(self, news: Report | AgentNews, now: float) -> None:
        """Take in what a conversation or an agent tells."""
        if isinstance(news, AgentNews):
            self.view.take_agent(news, now)
        else:
            self.view.take_report(news, now)
            if not news.waiting:
                self._would_offer.pop(news.conversation, None)

    def set_order(self, department: str, order: str, until: str, backlog_before: float, now: float) -> None:
        """The order of a queue was set while running: it holds whatever the desk says (D2)."""
        self._orders[department] = (order, until, backlog_before)
        self.view.set_order(department, order, until, backlog_before, now)

    def _take_over(self, real: View, conversation: str, now: float) -> None:
        """Take over what the view in force has booked, ahead of the conversation's own report."""
        truth = real.conversations.get(conversation)
        if truth is not None:
            self.take(truth, now)

    def compare(
        self, real: View, decisions: Collection[Decision], booked: Iterable[str], now: float
    ) -> list[Comparison]:
        """Decide, compare with what was decided, and take over what really happened.

        ``real`` is the view in force after its decisions, which are booked in it, as are the conversations
        ``booked`` for other reasons: these the shadow learns first.
        """
        for conversation in set(booked).difference(map(_about, decisions)):
            self._take_over(real, conversation, now)
        mine = self.view.decide(now, len(decisions) + DECISIONS_AT_ONCE)
        made = {it.conversation: it.agent for it in decisions if isinstance(it, Offer)}
        wanted = {it.conversation: it.agent for it in mine if isinstance(it, Offer)}
        compared = [*compare(made, wanted), *self._offers_of_its_own(made, wanted)]
        for each in compared:
            self.counts[each.outcome] += 1
        agents = {*made.values(), *wanted.values(), *self._agents_of(real, booked)}
        self.view.take_turns(real, agents, now)
        for conversation in {_about(it) for it in (*decisions, *mine)}:
            self._take_over(real, conversation, now)
        for ended in mine:
            if isinstance(ended, OrderEnded):  # Whether it has, the shadow is told.
                self.view.set_order(ended.department, *self._orders[ended.department], now)
        return compared

    @staticmethod
    def _agents_of(real: View, conversations: Iterable[str]) -> Iterator[str]:
        for conversation in conversations:
            truth = real.conversations.get(conversation)
            if truth is not None:
                yield from filter(None, (truth.offered_to, truth.assignee))

    def _offers_of_its_own(self, made: dict[str, str], wanted: dict[str, str]) -> Iterator[Comparison]:
        """What the shadow would offer while nothing is: to agents who are given nothing else either."""
        given = set(made.values())
        for conversation in wanted.keys() - made.keys():
            agent = wanted[conversation]
            if agent not in given and self._would_offer.get(conversation) != agent:
                self._would_offer[conversation] = agent
                yield Comparison(conversation, "would_offer")


def compare(made: dict[str, str], wanted: dict[str, str]) -> Iterator[Comparison]:
    """Compare the offers made with the offers that the shadow would have made: conversation to agent."""
    busy = set(wanted.values())
    for conversation, agent in made.items():
        other = wanted.get(conversation)
        if other == agent:
            outcome = "agree"
        elif other is not None:
            outcome = "other_agent"
        elif agent in busy:
            outcome = "other_conversation"
        else:
            outcome = "would_wait"
        yield Comparison(conversation, outcome)


def _about(decision: Decision) -> str:
    return getattr(decision, "conversation", "")
