"""The agents' process: a console that many agents are logged in at. Accepts, reads, answers, ends."""

from __future__ import annotations

import asyncio
from functools import partial

from benchmarks.replay.peers import Peer, Plan, Talk, run_peer
from protocol.client import AsyncConsoleClient
from protocol.errors import Code, CommandRefused
from protocol.messages import Delivery, Snapshot
from protocol.news import Assigned, CustomerSaid, OfferMade
from protocol.views import OfferView

THREAD_ENTRIES = 500


class Agents(Peer):
    """All agents; what each says stands in the dialogue that has the contact's name."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan, "agent")
        self._dialogues = {dialogue.name: dialogue for dialogue in plan.dialogues}
        #: What customers say while the thread's beginning is still being read, by conversation.
        self._early: dict[str, list[Delivery]] = {}
        self._talks: dict[str, Talk] = {}
        self._left = len(plan.dialogues)
        self._done = asyncio.Event()

    async def perform(self) -> None:
        """Work until every dialogue has ended."""
        plan = self.plan
        name = "" if plan.console_keys else "desk"
        console = AsyncConsoleClient(
            plan.consoles,
            name=name,
            keys=plan.console_keys,
            server_key=plan.server_key,
            on_event=self.note,
        )
        async with console as client, asyncio.TaskGroup() as group:
            working = [group.create_task(self._work(client, agent, group)) for agent in plan.agents]
            await self._done.wait()
            for task in working:
                task.cancel()

    async def _work(self, client: AsyncConsoleClient, agent: str, group: asyncio.TaskGroup) -> None:
        await client.login(agent, self.plan.password)
        async for told in client.events(agent):
            if isinstance(told, Snapshot):
                for offer in told.offers:
                    group.create_task(self._accept(client, agent, offer))
                continue
            self.count(told)
            match told.news:
                case OfferMade():
                    group.create_task(self._accept(client, agent, told.news.offer))
                case Assigned():
                    self._early[told.conversation] = []
                    group.create_task(self._converse(client, agent, told, told.news.contact))
                case CustomerSaid():
                    self._hear(told)

    async def _accept(self, client: AsyncConsoleClient, agent: str, offer: OfferView) -> None:
        try:
            ack = await client.accept(agent, offer)
        except CommandRefused as refused:
            if refused.code != Code.OFFER_GONE:
                raise
            # It was withdrawn when the daemon came back without us; another offer follows.
        else:
            self.report.duplicate_acks += ack.duplicate

    def _hear(self, told: Delivery) -> None:
        """What the customer says before the assignment is in the thread that is read then."""
        assert isinstance(told.news, CustomerSaid)
        if told.conversation in self._early:
            self._early[told.conversation].append(told)
        elif told.conversation in self._talks:
            self._talks[told.conversation].take("customer", told.news.content.text, told.sequence)

    async def _converse(self, client: AsyncConsoleClient, agent: str, told: Delivery, contact: str) -> None:
        conversation = told.conversation
        lines = self.report.transcripts.setdefault(contact, [])
        talk = Talk(self._dialogues[contact], lines)
        thread = await client.read_thread(agent, conversation, 0, THREAD_ENTRIES)
        for entry in thread.entries:
            if isinstance(entry.news, CustomerSaid) and entry.sequence < told.sequence:
                talk.take("customer", entry.news.content.text, entry.sequence)
        self._talks[conversation] = talk
        for early in self._early.pop(conversation):
            self._hear(early)
        await self.play(talk, partial(client.say, agent, conversation))
        ended = await client.end(agent, conversation, "finished")
        self.report.duplicate_acks += ended.duplicate
        self._left -= 1
        if not self._left:
            self._done.set()


if __name__ == "__main__":
    run_peer(Plan, Agents)
