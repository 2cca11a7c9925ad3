"""The demo's gateway with all its customers, as a process: `python -m daemon.demo.gateway`, part on input."""

from __future__ import annotations

import sys
import threading
import time
from functools import partial
from queue import Empty, SimpleQueue

from daemon.commands.showing import spoken
from daemon.demo import part, picture, reports
from daemon.demo.part import Part
from daemon.demo.script import CUSTOMER, PICTURE_MARK, RUN_MARK, TRANSFER, Dialogue, load_script
from protocol.client.blocking import GatewayClient
from protocol.content import Image
from protocol.errors import SwitchboardError
from protocol.messages import Delivery, News
from protocol.news import AgentSaid, Assigned, ConversationEnded

#: A customer to whom nothing happens for so long is stuck.
PATIENCE_S = 120.0


class Over(Exception):
    """The conversation has ended."""


class Customer:
    """One customer, from the first message to the end of the last conversation."""

    def __init__(self, gateway: DemoGateway, visits: list[Dialogue]) -> None:
        self._gateway = gateway
        self._visits = visits
        self._dialogue = visits[0]
        self._answers = 0
        self.contact = f"{self._dialogue.contact}{RUN_MARK}{gateway.run}"
        self.inbox: SimpleQueue[Delivery] = SimpleQueue()

    def play(self) -> None:
        """Come as often as the script says, each time in time, if the conversation before is over by then."""
        began = time.monotonic()
        for visit in self._visits:
            arrives_at = began + self._gateway.pace.seconds(visit.arrives_s)
            time.sleep(max(0.0, arrives_at - time.monotonic()))
            self._dialogue, self._answers = visit, 0
            self._visit()

    def _visit(self) -> None:
        """Follow the dialogue."""
        try:
            self._follow()
            if not self._dialogue.leaves_after_s or not self._leave():
                while True:
                    self._next(PATIENCE_S)
        except Over:
            return
        except (SwitchboardError, Empty) as error:
            what = str(error) or "nothing has happened for too long"
            reports.send(reports.Trouble(self._dialogue.name, what))

    def _follow(self) -> None:
        answers, first = 0, True
        for side, text in self._dialogue.talk:
            if side == CUSTOMER:
                if not first:
                    self._gateway.pace.type(text)
                self._gateway.write(self.contact, self._dialogue, text)
                first = False
            elif side != TRANSFER:
                answers += 1
                while self._answers < answers:
                    self._next(PATIENCE_S)

    def _leave(self) -> bool:
        """Go if nobody has answered in time; say whether that was so."""
        try:
            while not isinstance(
                self._next(self._gateway.pace.seconds(self._dialogue.leaves_after_s)), Assigned
            ):
                pass
        except Empty:
            self._gateway.client.customer_left(self._dialogue.channel, self.contact, "no answer in time")
            return True
        return False

    def _next(self, patience_s: float) -> News:
        """Wait for what happens next to this customer."""
        news = self.inbox.get(timeout=patience_s).news
        if isinstance(news, ConversationEnded):
            raise Over
        self._answers += isinstance(news, AgentSaid)
        return news


class DemoGateway:
    """The connection that all customers share."""

    def __init__(self, played: Part) -> None:
        self.name = played.name
        self.pace = played.pace
        self.run = played.run
        self.client = GatewayClient(
            played.address, name=played.plain_name, keys=played.keys, server_key=played.server_key
        )
        script = load_script()
        contacts = dict.fromkeys(dialogue.contact for dialogue in script.conversations)
        customers = [Customer(self, script.visits(contact)) for contact in contacts]
        self._customers = {customer.contact: customer for customer in customers}
        self._channels = sorted({dialogue.channel for dialogue in script.conversations})

    def subscribe(self) -> None:
        """Listen to every channel."""
        for channel in self._channels:
            self.client.subscribe(channel)
            part.begin(partial(self._listen, channel))
        reports.send(reports.Ready(self.name))

    def _listen(self, channel: str) -> None:
        for delivery in self.client.deliveries(channel):
            customer = self._customers.get(delivery.contact)
            if customer is not None:
                reports.send(reports.Told(self.name, delivery))
                customer.inbox.put(delivery)

    def write(self, contact: str, dialogue: Dialogue, text: str) -> None:
        """Hand over what a customer writes; a picture is uploaded first."""
        said: str | Image = text
        if text.startswith(PICTURE_MARK):
            stored = self.client.upload(picture.router())
            said = Image(
                stored.media,
                text.removeprefix(PICTURE_MARK),
                stored.media_type,
                stored.size_bytes,
                stored.width,
                stored.height,
            )
            text = spoken(said)
        ack = self.client.customer_message(dialogue.channel, contact, said, dialogue.name, dialogue.language)
        reports.send(
            reports.Wrote(self.name, "customer", ack.conversation, ack.sequence, contact, text, time.time())
        )

    def play(self) -> None:
        """Let all customers come, and wait for the last to go."""
        threads = [threading.Thread(target=one.play, daemon=True) for one in self._customers.values()]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        reports.send(reports.Done(self.name))


def main() -> int:
    """Play until the input ends."""
    played = part.receive()
    go_home = threading.Event()
    try:
        gateway = DemoGateway(played)
        with gateway.client:
            gateway.subscribe()
            part.listen(lambda: part.begin(gateway.play), go_home.set)
            go_home.wait()
    except SwitchboardError as error:
        reports.send(reports.Trouble(played.name, str(error)))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
