"""The players' process: the gateway and a console with all agents, each customer's script in an own task.

A step is done at its time, but not before the one before it was acknowledged: so the order within a
customer's conversations is the source's, and all else happens when it happens.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import suppress

from msgspec import Struct, field

from benchmarks.replay.peers import Counts, Reporting, run_peer
from benchmarks.replay.realtime.script import Customer, Step
from protocol.client import AsyncConsoleClient, AsyncGatewayClient
from protocol.content import Text
from protocol.errors import Code, CommandRefused
from protocol.messages import Ack, Delivery, Snapshot
from protocol.news import AgentSaid, CustomerSaid
from protocol.teamwork import InvitationMade
from protocol.views import InvitationView

#: After the last step, how long what is still under way may take.
LATE_S = 30.0
LOGINS_AT_ONCE = 16
#: After so long an agent is invited again.
AGAIN_S = 0.2


class Plan(Struct):
    """What the process is told."""

    customers: list[Customer]
    agents: list[str]
    gateways: str
    consoles: str
    password: str
    speed: float
    #: After so long without anything said a conversation has left memory.
    park_after_s: float


class Said(Struct, frozen=True, array_like=True):
    """A step that was acknowledged; ``present`` are the agents who were in the conversation."""

    contact: str
    place: int
    conversation: str
    sequence: int
    present: tuple[str, ...]


class Heard(Struct, frozen=True, array_like=True):
    """Words that came in a stream; ``agent`` is empty where the customer has said them."""

    stream: str
    number: int
    contact: str
    conversation: str
    sequence: int
    agent: str
    text: str


class Report(Counts):
    """What was said and heard."""

    said: list[Said] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    #: How far behind its time a step was begun at most, in real seconds.
    late_s: float = 0.0
    #: Words of customers after so long a silence that their conversation had to be fetched back.
    slept: int = 0


class Talk:
    """A customer's conversation as far as the players know: who has it, who is in it."""

    def __init__(self) -> None:
        self.conversation = ""
        self.assignee = ""
        self.members: tuple[str, ...] = ()
        self.spoken_at = 0.0
        #: By how much the script is late for this customer.
        self.behind_s = 0.0

    @property
    def present(self) -> tuple[str, ...]:
        """The agents who hear what the customer writes."""
        return (self.assignee, *self.members) if self.assignee else ()


class Players(Reporting):
    """Everybody."""

    report: Report

    def __init__(self, plan: Plan) -> None:
        super().__init__(Report())
        self.plan = plan
        self._gateway: AsyncGatewayClient
        self._console: AsyncConsoleClient
        self._invitations: dict[tuple[str, str], asyncio.Future[InvitationView]] = {}
        self._began = 0.0
        self._expected: Counter[str] = Counter()
        self._came = asyncio.Event()

    async def perform(self) -> None:
        """Play everything, then wait until everything has arrived."""
        plan = self.plan
        self._gateway = AsyncGatewayClient(plan.gateways, name="web", on_event=self.note)
        self._console = AsyncConsoleClient(plan.consoles, name="desk", on_event=self.note)
        async with self._gateway, self._console, asyncio.TaskGroup() as listening:
            ready = [asyncio.Event() for _ in plan.agents]
            door = asyncio.Semaphore(LOGINS_AT_ONCE)
            listeners = [
                listening.create_task(self._work(agent, come, door))
                for agent, come in zip(plan.agents, ready, strict=True)
            ]
            channels = sorted({each.channel for each in plan.customers})
            listeners += [listening.create_task(self._listen(channel)) for channel in channels]
            for come in ready:
                await come.wait()
            self._began = time.monotonic()
            async with asyncio.TaskGroup() as playing:
                for customer in plan.customers:
                    playing.create_task(self._play(customer))
            with suppress(TimeoutError):
                async with asyncio.timeout(LATE_S):
                    await self._everything_came()
            for listener in listeners:
                listener.cancel()

    async def _everything_came(self) -> None:
        while self.report.deliveries and len(self.report.heard) < self._expected.total():
            self._came.clear()
            await self._came.wait()

    # Hearing.

    async def _listen(self, channel: str) -> None:
        async for told in self._gateway.deliveries(channel):
            self._hear(told)

    async def _work(self, agent: str, ready: asyncio.Event, door: asyncio.Semaphore) -> None:
        async with door:
            await self._console.login(agent, self.plan.password)
        async for told in self._console.events(agent):
            if isinstance(told, Snapshot):
                ready.set()
                continue
            self._hear(told)
            if isinstance(told.news, InvitationMade):
                self._invite(agent, told.conversation, told.news.invitation)

    def _hear(self, told: Delivery) -> None:
        self.count(told)
        news = told.news
        if isinstance(news, CustomerSaid | AgentSaid) and isinstance(news.content, Text):
            agent = (news.author or news.agent) if isinstance(news, AgentSaid) else ""
            self.report.heard.append(
                Heard(
                    told.stream,
                    told.number,
                    told.contact,
                    told.conversation,
                    told.sequence,
                    agent,
                    news.content.text,
                )
            )
            self._came.set()

    def _invite(self, agent: str, conversation: str, invitation: InvitationView) -> None:
        if self._invitation(agent, conversation).done():
            # The one before was withdrawn, and nobody has asked for it.
            del self._invitations[agent, conversation]
        self._invitation(agent, conversation).set_result(invitation)

    def _invitation(self, agent: str, conversation: str) -> asyncio.Future[InvitationView]:
        key = (agent, conversation)
        if key not in self._invitations:
            self._invitations[key] = asyncio.get_running_loop().create_future()
        return self._invitations[key]

    # Saying.

    async def _play(self, customer: Customer) -> None:
        talk = Talk()
        for place, step in enumerate(customer.steps):
            due = self._began + step.at / self.plan.speed + talk.behind_s
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            self.report.late_s = max(self.report.late_s, time.monotonic() - due)
            if step.deed == "end":
                await self._console.end(talk.assignee, talk.conversation)
                talk.members = ()
                # How long the customer stays away is kept to: it decides whether this is a new ticket.
                talk.behind_s += max(0.0, time.monotonic() - due)
                continue
            if step.deed == "customer":
                ack = await self._customer_says(customer, step, talk)
                hear = talk.present
            else:
                ack = await self._agent_says(step, talk)
                hear = (customer.channel, *(agent for agent in talk.present if agent != step.who))
            talk.spoken_at = time.monotonic()
            self._expected.update(hear)
            said = Said(customer.contact, place, ack.conversation, ack.sequence, talk.present)
            self.report.said.append(said)
            self.acknowledged(ack)
            if step.who in talk.members and not _speaks_on(customer.steps, place):
                await self._console.leave(step.who, talk.conversation)
                talk.members = tuple(agent for agent in talk.members if agent != step.who)

    async def _customer_says(self, customer: Customer, step: Step, talk: Talk) -> Ack:
        asleep = talk.spoken_at and time.monotonic() - talk.spoken_at > 2 * self.plan.park_after_s
        ack = await self._gateway.customer_message(customer.channel, customer.contact, step.text)
        if ack.conversation != talk.conversation:
            talk.conversation, talk.assignee, talk.members = ack.conversation, "", ()
        elif asleep and talk.assignee and not talk.members:
            self.report.slept += 1
        return ack

    async def _agent_says(self, step: Step, talk: Talk) -> Ack:
        """Whoever speaks first takes the conversation; who speaks then is invited by whoever has it."""
        agent, conversation = step.who, talk.conversation
        if not talk.assignee:
            await self._console.take(agent, conversation)
            talk.assignee = agent
        elif agent not in talk.present:
            while not await self._joins(talk, agent):
                await asyncio.sleep(AGAIN_S)
            talk.members = (*talk.members, agent)
        return await self._console.say(agent, conversation, step.text)

    async def _joins(self, talk: Talk, agent: str) -> bool:
        """Have the assignee invite an agent, who joins; False if the daemon was killed in the midst of it.

        When it is back it withdraws the invitations of whom it does not see yet.
        """
        conversation = talk.conversation
        try:
            await self._console.invite(talk.assignee, conversation, agent)
            invitation = await self._invitation(agent, conversation)
            del self._invitations[agent, conversation]
            await self._console.join(agent, invitation)
        except CommandRefused as refused:
            if refused.code not in (Code.OFFER_GONE, Code.UNAVAILABLE):
                raise
            return False
        return True


def _speaks_on(steps: list[Step], place: int) -> bool:
    """Say whether the agent of a step speaks again before the conversation ends."""
    for step in steps[place + 1 :]:
        if step.deed == "end":
            return False
        if step.who == steps[place].who:
            return True
    return False


if __name__ == "__main__":
    run_peer(Plan, Players)
