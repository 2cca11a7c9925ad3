"""The gateway's process: says every customer's turn, hears every agent's."""

from __future__ import annotations

import asyncio

from benchmarks.replay.peers import Peer, Plan, Talk, run_peer
from benchmarks.replay.sources import Dialogue
from protocol.client import AsyncGatewayClient
from protocol.news import AgentSaid, ConversationEnded

CHANNEL = "web"


class Gateway(Peer):
    """All customers of the channel ``web``; a customer's contact is the name of the dialogue."""

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan, "customer")
        self._talks: dict[str, Talk] = {}

    async def perform(self) -> None:
        """Lead all dialogues, so many at once."""
        plan = self.plan
        name = "" if plan.gateway_keys else "web"
        async with AsyncGatewayClient(
            plan.gateways,
            name=name,
            keys=plan.gateway_keys,
            server_key=plan.server_key,
            on_event=self.note,
        ) as client:
            waiting = iter(plan.dialogues)
            async with asyncio.TaskGroup() as group:
                listening = group.create_task(self._listen(client))
                async with asyncio.TaskGroup() as customers:
                    for _ in range(plan.in_flight):
                        customers.create_task(self._lead(client, waiting))
                listening.cancel()

    async def _lead(self, client: AsyncGatewayClient, waiting: object) -> None:
        for dialogue in waiting:  # type: ignore[attr-defined]
            await self._converse(client, dialogue)

    async def _converse(self, client: AsyncGatewayClient, dialogue: Dialogue) -> None:
        lines = self.report.transcripts[dialogue.name] = []
        talk = self._talks[dialogue.name] = Talk(dialogue, lines)
        await self.play(talk, lambda text: client.customer_message(CHANNEL, dialogue.name, text))
        await talk.wait_until(lambda: talk.ended)

    async def _listen(self, client: AsyncGatewayClient) -> None:
        async for delivery in client.deliveries(CHANNEL):
            self.count(delivery)
            talk = self._talks[delivery.contact]
            if isinstance(delivery.news, AgentSaid):
                talk.take("agent", delivery.news.content.text, delivery.sequence)
            elif isinstance(delivery.news, ConversationEnded):
                talk.end()


if __name__ == "__main__":
    run_peer(Plan, Gateway)
