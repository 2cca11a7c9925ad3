"""A world of skills: conversations that wait, agents who can take some, and the production view of both.

5 languages and 20 skills; a conversation asks for one language and one or two skills, the common ones far
more often (Zipf), up to 1,050 different requirements; an agent has one or two languages and three to eight
skills. What no agent at all could take is left out.
"""

from __future__ import annotations

import itertools
import random

from actors.dispatcher.decisions import Decision, Offer
from actors.dispatcher.facts import AgentNews, Report
from actors.dispatcher.machine import View
from config.desk import Agent, Desk
from config.routing import Department

LANGUAGES = tuple(f"l{number}" for number in range(5))
SKILLS = tuple(f"s{number}" for number in range(20))
CAPACITY = 4
#: One in ten conversations has a higher priority.
PRIORITIES = (0,) * 90 + (1,) * 8 + (2,) * 2
START = 1_700_000_000.0


def desk_of(agents: int, chance: random.Random) -> Desk:
    """Return a desk with one department and so many agents, with the department's defaults otherwise."""
    people = {}
    for number in range(agents):
        skills = chance.sample(SKILLS, chance.randint(3, 8))
        people[f"a{number:05d}"] = Agent(
            name=f"Agent {number}",
            password="none",
            departments=("help",),
            capacity=CAPACITY,
            languages=tuple(chance.sample(LANGUAGES, chance.randint(1, 2))),
            skills=dict.fromkeys(skills, 5),
        )
    return Desk(
        tenant="acme", departments={"help": Department(name="Help", language="required")}, agents=people
    )


class World:
    """Facts made up by chance, and the view that is told them."""

    def __init__(self, waiting: int, agents: int, busy: float = 1.0, seed: int = 1) -> None:
        self.chance = random.Random(seed)
        self.now = START
        self._ids = itertools.count()
        pairs = [*((skill,) for skill in SKILLS), *itertools.combinations(SKILLS, 2)]
        sorts = [(language, tuple((s, 1) for s in pair)) for pair in pairs for language in LANGUAGES]
        self.chance.shuffle(sorts)
        self.desk = desk_of(agents, self.chance)
        people = [(set(each.languages), set(each.skills)) for each in self.desk.agents.values()]
        self._sorts = [
            (language, skills)
            for language, skills in sorts
            if any(language in speaks and {s for s, _ in skills} <= can for speaks, can in people)
        ]
        self._weights = list(itertools.accumulate(1 / (place + 1) for place in range(len(self._sorts))))
        self._names = list(self.desk.agents)
        self.waiting = waiting
        self.view = View(self.desk, "0" * 64)
        self.owned: dict[str, list[Report]] = {name: [] for name in self.desk.agents}
        self._have_seen_everything()
        self._fill(waiting, busy)

    def _have_seen_everything(self) -> None:
        """Everything that can be asked for has been asked for once, as where a daemon has run for long."""
        for language, skills in self._sorts:
            for priority in set(PRIORITIES):
                report = self.arrival()._replace(language=language, skills=skills, priority=priority)
                self.view.take_report(report, self.now)
                self.view.take_report(report._replace(waiting=False), self.now)

    def _fill(self, waiting: int, busy: float) -> None:
        for name, owned in self.owned.items():
            self.view.take_agent(AgentNews(name, "online", True), self.now)
            for _ in range(round(CAPACITY * busy)):
                owned.append(self.arrival()._replace(waiting=False, assignee=name))
                self.view.take_report(owned[-1], self.now)
        for _ in range(waiting):
            self.view.take_report(self.arrival(), self.now)
        while offers := self.view.decide(self.now, 256):
            for _, accepted in self.accepted(offers):
                self.view.take_report(accepted, self.now)

    def arrival(self, like: Report | None = None) -> Report:
        """Somebody comes, a moment after whoever came before; ``like`` asks for the same."""
        self.now += 0.001
        if like is None:
            language, skills = self.chance.choices(self._sorts, cum_weights=self._weights)[0]
        else:
            language, skills = like.language, like.skills
        return Report(
            conversation=f"c{next(self._ids):09d}",
            waiting=True,
            department="help",
            since=self.now,
            offered_to="",
            assignee="",
            declined={},
            entered=self.now,
            priority=self.chance.choice(PRIORITIES),
            skills=skills,
            language=language,
            kind="web",
        )

    def ending(self) -> Report:
        """Somebody's conversation ends."""
        while not (owned := self.owned[self.chance.choice(self._names)]):
            pass
        return owned.pop(self.chance.randrange(len(owned)))._replace(assignee="")

    def accepted(self, offers: list[Decision]) -> list[tuple[Report, Report]]:
        """Return what each conversation reports of an offer: that it is made, and that it is accepted."""
        told = []
        for offer in offers:
            assert isinstance(offer, Offer)
            offered = self.view.conversations[offer.conversation]
            accepted = offered._replace(offered_to="", assignee=offer.agent)
            self.owned[offer.agent].append(accepted)
            told.append((offered._replace(), accepted))
        return told
