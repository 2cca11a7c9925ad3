"""Customers, agents and a supervisor, who do what the seed says; when faults have stopped, their part."""

from __future__ import annotations

from collections.abc import Callable
from itertools import accumulate
from random import Random
from typing import Any, get_args

from config.routing import Order
from protocol.client.link import Link as LinkState
from protocol.content import Text
from protocol.customers import (
    AgentHint,
    CustomerHint,
    InviteVisitor,
    VisitorEntered,
    VisitorLeft,
    VisitorViewed,
)
from protocol.life import AddNote, CancelEnd, CustomerRating, Reopen, SetStatus, Tag
from protocol.messages import (
    Accept,
    AgentMessage,
    CustomerLeft,
    CustomerMessage,
    Decline,
    End,
    Logout,
    ReadThread,
    SetPresence,
)
from protocol.teamwork import (
    CancelInvitation,
    CancelTransfer,
    EndConference,
    EndSession,
    Explain,
    HandOver,
    Invite,
    Join,
    Leave,
    ReadColleagues,
    ReadPosition,
    ReadQueue,
    RefuseInvitation,
    SetOrder,
    Take,
    TakeNext,
    Transfer,
    WhyIdle,
    WhyNot,
)
from tests.simulation.minds import Mind
from tests.simulation.peers import Console, Gateway
from tests.simulation.shop import AGENTS, CONSOLES, CONTACTS, DEPARTMENTS, SAID, WEIGHTS

Say = Callable[[str, Any], None]
Session = tuple[Console, Mind]

PRESENCES = ("online", "online", "online", "online", "busy", "away", "offline")
#: What is done how often, of a hundred or so.
ACTS = {
    "write": 24, "answer": 24, "say": 18, "end": 9, "leave": 3, "login": 5, "presence": 5, "transfer": 4,
    "cancel": 1, "invite": 3, "join": 3, "out": 2, "take": 3, "next": 3, "hand_over": 1, "order": 1,
    "logout": 1, "end_session": 0.5, "ask": 2, "late": 1, "click": 1, "status": 5, "end_later": 2,
    "go_on": 1, "note": 1, "tag": 1, "reopen": 1, "rate": 1,
    "visit": 6, "approach": 2, "hint": 1,
}  # fmt: skip
#: How many messages a customer sends in one go.
MESSAGES = (1, 1, 1, 1, 3)


class People:
    """Everybody outside. ``act`` has somebody do one thing."""

    def __init__(
        self, chance: Random, gateways: dict[str, Gateway], consoles: dict[str, Console], say: Say
    ) -> None:
        self.chance = chance
        self.consoles = consoles
        self.tell = say
        self._gateway = {channel: each for each in gateways.values() for channel in each.channels}
        self._count = 0
        self._acts: list[Callable[[], bool]] = [getattr(self, f"_{name}") for name in ACTS]
        self._weights = list(accumulate(ACTS.values()))

    def act(self) -> None:
        """Somebody does something; who has nothing to do leaves it to one with an offer, or to a customer."""
        (act,) = self.chance.choices(self._acts, cum_weights=self._weights)
        if not act() and not self._answer():
            self._write()

    def sessions(self) -> list[Session]:
        """Return who is logged in where, as far as they know."""
        return [
            (console, mind)
            for console in self.consoles.values()
            for mind in console.minds.values()
            if mind.ready
        ]

    def _text(self) -> Text:
        self._count += 1
        return Text(f"{SAID}{self._count}")

    def _some(self, what: Callable[[Mind], Any]) -> Session | None:
        able = [(console, mind) for console, mind in self.sessions() if what(mind)]
        return self.chance.choice(able) if able else None

    def _does(self, console: Console, command: Any) -> bool:
        self.tell(command.agent, command)
        console.says(command)
        return True

    # Customers.

    def _customer(self) -> tuple[Gateway, str, str]:
        channel = self.chance.choice(list(WEIGHTS))
        return self._gateway[channel], channel, self.chance.choice(CONTACTS)

    def _write(self) -> bool:
        gateway, channel, contact = self._customer()
        for _ in range(self.chance.choice(MESSAGES)):
            known = self.chance.random() < 0.7
            command = CustomerMessage(gateway.ids(), channel, contact, self._text(), authenticated=known)
            self.tell(contact, command)
            gateway.says(command)
        return True

    def _visit(self) -> bool:
        """Somebody comes to the site, looks at another page, or goes."""
        gateway, contact = self._gateway["web"], self.chance.choice(CONTACTS)
        page, ident = f"/page/{self.chance.randint(1, 3)}", gateway.ids()
        command = self.chance.choice(
            (
                VisitorEntered(ident, "web", contact, page),
                VisitorViewed(ident, "web", contact, page),
                VisitorLeft(ident, "web", contact),
            )
        )
        self.tell(contact, command)
        gateway.says(command)
        return True

    def _leave(self) -> bool:
        gateway, channel, contact = self._customer()
        command = CustomerLeft(gateway.ids(), channel, contact)
        self.tell(contact, command)
        gateway.says(command)
        return True

    # Agents and their sessions.

    def _login(self) -> bool:
        away = [agent for agent in AGENTS if not any(mind.agent == agent for _, mind in self.sessions())]
        agent = self.chance.choice(away or AGENTS)
        console = self.chance.choice(list(self.consoles.values()))
        if agent in console.minds:
            return False
        self.tell(agent, f"logs in at {console.name}")
        console.logs_in(agent)
        return True

    def _logout(self) -> bool:
        found = self._some(lambda _: True)
        return found is not None and self._does(found[0], Logout(found[0].ids(), found[1].agent))

    def _presence(self) -> bool:
        found = self._some(lambda _: True)
        if found is None:
            return False
        chosen = self.chance.choice(PRESENCES)
        return self._does(found[0], SetPresence(found[0].ids(), found[1].agent, chosen))

    def _click(self) -> bool:
        found = self._some(lambda _: True)
        if found is not None:
            found[0].machine.still_here(found[1].agent, found[0].scheduler.now())
            found[0].step()
        return found is not None

    def _hand_over(self) -> bool:
        found = self._some(lambda mind: mind.own)
        if found is None:
            return False
        presence = self.chance.choice(("away", "offline"))
        to = self.chance.choice(("", "", *AGENTS, *DEPARTMENTS))
        agent, department = ("", to) if to in DEPARTMENTS else (to, "")
        return self._does(found[0], HandOver(found[0].ids(), found[1].agent, presence, agent, department))

    def _end_session(self) -> bool:
        found = self._some(lambda mind: mind.agent == "boss")
        other = self.chance.choice(AGENTS)
        return found is not None and self._does(found[0], EndSession(found[0].ids(), "boss", other))

    # Agents and offers.

    def _answer(self) -> bool:
        found = self._some(lambda mind: mind.offers)
        if found is None:
            return self._come_back()
        console, mind = found
        talk = self.chance.choice(list(mind.offers))
        kind = Accept if self.chance.random() < 0.8 else Decline
        return self._does(console, kind(console.ids(), mind.agent, talk, mind.offers[talk]))

    def _come_back(self) -> bool:
        """Who has let an offer run out, or was away, is there again."""
        found = self._some(lambda mind: mind.presence != "online")
        if found is None or self.chance.random() < 0.3:
            return False
        return self._does(found[0], SetPresence(found[0].ids(), found[1].agent, "online"))

    def _late(self) -> bool:
        """Somebody answers an offer that another agent has."""
        offers = [each for _, mind in self.sessions() for each in mind.offers.items()]
        found = self._some(lambda _: True)
        if not offers or found is None:
            return False
        return self._does(found[0], Accept(found[0].ids(), found[1].agent, *self.chance.choice(offers)))

    def _take(self) -> bool:
        found = self._some(lambda _: True)
        talks = [talk for _, mind in self.sessions() for talk in (*mind.offers, *mind.own)]
        if found is None or not talks:
            return False
        return self._does(found[0], Take(found[0].ids(), found[1].agent, self.chance.choice(talks)))

    def _next(self) -> bool:
        found = self._some(lambda _: True)
        department = self.chance.choice(("", *DEPARTMENTS))
        return found is not None and self._does(
            found[0], TakeNext(found[0].ids(), found[1].agent, department)
        )

    def _order(self) -> bool:
        found = self._some(lambda mind: mind.agent == "boss")
        order: Any = self.chance.choice(("", *get_args(Order)))
        until: Any = self.chance.choice(("", "backlog"))
        department = self.chance.choice(DEPARTMENTS)
        return found is not None and self._does(
            found[0], SetOrder(found[0].ids(), "boss", department, order, until)
        )

    # Agents and conversations.

    def _approach(self) -> bool:
        """An agent writes first (C8)."""
        found = self._some(lambda mind: mind.presence == "online")
        if found is None:
            return False
        console, mind = found
        contact = self.chance.choice(CONTACTS)
        return self._does(console, InviteVisitor(console.ids(), mind.agent, "web", contact, self._text()))

    def _hint(self) -> bool:
        """Somebody types: nobody answers, and nothing is kept."""
        gateway, channel, contact = self._customer()
        gateway.machine.hint(CustomerHint(channel, contact, "typing"))
        gateway.step()
        found = self._some(lambda mind: mind.own)
        if found is not None:
            console, mind = found
            console.machine.hint(AgentHint(mind.agent, self.chance.choice(list(mind.own)), "typing"))
            console.step()
        return True

    def _with_own(self, make: Callable[[bytes, str, str], Any]) -> bool:
        found = self._some(lambda mind: mind.own)
        if found is None:
            return False
        console, mind = found
        return self._does(console, make(console.ids(), mind.agent, self.chance.choice(list(mind.own))))

    def _say_to_customer(self, ident: bytes, agent: str, talk: str) -> Any:
        return AgentMessage(ident, agent, talk, self._text())

    def _say(self) -> bool:
        return self._with_own(self._say_to_customer)

    def _end(self) -> bool:
        return self._with_own(End)

    def _end_later(self) -> bool:
        return self._with_own(lambda ident, agent, talk: End(ident, agent, talk, after_s=90))

    def _go_on(self) -> bool:
        return self._with_own(CancelEnd)

    def _status(self) -> bool:
        status: Any = self.chance.choice(("open", "pending", "on_hold"))
        return self._with_own(lambda ident, agent, talk: SetStatus(ident, agent, talk, status))

    def _note(self) -> bool:
        return self._with_own(lambda ident, agent, talk: AddNote(ident, agent, talk, "asks for more time"))

    def _tag(self) -> bool:
        tags = self.chance.sample(("late", "angry", "vip"), 2)
        return self._with_own(lambda ident, agent, talk: Tag(ident, agent, talk, tags[:1], tags[1:]))

    def _reopen(self) -> bool:
        found = self._some(lambda mind: mind.ended)
        if found is None:
            return False
        console, mind = found
        return self._does(console, Reopen(console.ids(), mind.agent, self.chance.choice(mind.ended)))

    def _rate(self) -> bool:
        gateway, channel, contact = self._customer()
        command = CustomerRating(gateway.ids(), channel, contact, self.chance.randint(1, 5), "fine")
        self.tell(contact, command)
        gateway.says(command)
        return True

    def _transfer(self) -> bool:
        def make(ident: bytes, agent: str, talk: str) -> Any:
            to = self.chance.choice((*AGENTS, *DEPARTMENTS))
            if to in DEPARTMENTS:
                return Transfer(ident, agent, talk, to_department=to)
            return Transfer(ident, agent, talk, to_agent=to)

        return self._with_own(make)

    def _cancel(self) -> bool:
        kind = self.chance.choice((CancelTransfer, EndConference))
        return self._with_own(kind)

    def _invite(self) -> bool:
        def make(ident: bytes, agent: str, talk: str) -> Any:
            invited = self.chance.choice(AGENTS)
            if self.chance.random() < 0.2:
                return CancelInvitation(ident, agent, talk, invited)
            return Invite(ident, agent, talk, invited)

        return self._with_own(make)

    def _join(self) -> bool:
        found = self._some(lambda mind: mind.invitations)
        if found is None:
            return False
        console, mind = found
        talk = self.chance.choice(list(mind.invitations))
        kind = Join if self.chance.random() < 0.7 else RefuseInvitation
        return self._does(console, kind(console.ids(), mind.agent, talk, mind.invitations[talk]))

    def _out(self) -> bool:
        found = self._some(lambda mind: mind.joined)
        if found is None:
            return False
        console, mind = found
        return self._does(console, Leave(console.ids(), mind.agent, self.chance.choice(list(mind.joined))))

    # Questions.

    def _ask(self) -> bool:
        found = self._some(lambda _: True)
        if found is None or self.chance.random() < 0.2:
            gateway, channel, contact = self._customer()
            gateway.says(ReadPosition(gateway.ids(), channel, contact))
            return True
        console, mind = found
        ident, agent = console.ids(), mind.agent
        talk = self.chance.choice([*mind.own, *mind.offers, *mind.joined, "id-000001"])
        other = self.chance.choice(AGENTS)
        question = self.chance.choice(
            [
                ReadQueue(ident, agent, self.chance.choice(DEPARTMENTS)),
                ReadColleagues(ident, agent),
                ReadThread(ident, agent, talk),
                Explain(ident, agent, talk),
                WhyNot(ident, agent, talk, other),
                WhyIdle(ident, agent, other),
            ]
        )
        return self._does(console, question)

    # When faults have stopped: everybody does their part.

    def do_your_part(self) -> None:
        """Everybody who is not there logs in; who is there goes online and finishes what there is."""
        there: dict[str, Session] = {}
        for console in self.consoles.values():
            for mind in console.minds.values():
                there.setdefault(mind.agent, (console, mind))
        for name, agents in CONSOLES.items():
            console = self.consoles[name]
            if console.machine.link is LinkState.OPEN:
                for agent in agents:
                    if agent not in there:
                        self.tell(agent, f"logs in at {name}")
                        console.logs_in(agent)
        for console, mind in there.values():
            if mind.ready and not console.waits(mind.agent):
                self._finish(console, mind)

    def _finish(self, console: Console, mind: Mind) -> None:
        agent = mind.agent
        if mind.presence != "online":
            self._does(console, SetPresence(console.ids(), agent, "online"))
        for talk, invitation in list(mind.invitations.items()):
            self._does(console, RefuseInvitation(console.ids(), agent, talk, invitation))
        for talk in list(mind.joined):
            self._does(console, Leave(console.ids(), agent, talk))
        for talk, offer in list(mind.offers.items()):
            self._does(console, Accept(console.ids(), agent, talk, offer))
        for talk in list(mind.own):
            if talk in mind.transferring:
                self._does(console, CancelTransfer(console.ids(), agent, talk))
            self._does(console, End(console.ids(), agent, talk))
        if not mind.own and not mind.offers:
            self._does(console, TakeNext(console.ids(), agent, ""))


def describe(command: Any) -> str:
    """Say in a few words what a command is."""
    facts = [
        f"{name} {value.text if isinstance(value, Text) else value}"
        for name in command.__struct_fields__
        if name not in ("id", "agent") and (value := getattr(command, name)) not in ("", {}, 0)
    ]
    return f"{type(command).__name__} {', '.join(facts)}"
