"""One demo agent, as a process: `python -m daemon.demo.agent` with the part on standard input."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from queue import SimpleQueue

from daemon.commands.showing import spoken
from daemon.demo import part, reports
from daemon.demo.part import Part
from daemon.demo.script import AGENT, CARD_MARK, COLLEAGUE, CUSTOMER, TRANSFER, Dialogue, load_script
from protocol.client.blocking import ConsoleClient
from protocol.content import Card, Image, Text
from protocol.errors import CommandRefused, SwitchboardError
from protocol.messages import Delivery, News, Snapshot, Thread
from protocol.news import (
    AgentSaid,
    ConversationEnded,
    CustomerSaid,
    OfferEnded,
    OfferMade,
    PresenceChanged,
    Unassigned,
)
from protocol.teamwork import InvitationEnded, InvitationMade, Left, TransferEnded
from protocol.views import InvitationView, OfferView

#: How long an agent looks at an offer, comes to oneself after an unanswered one, and wraps up.
LOOKS_S = 1.4
COMES_BACK_S = 5.0
WRAPS_UP_S = 1.2
#: How often an agent goes round the colleagues when none of them has room, and after what time again.
ASKS = 8
ASKS_AGAIN_S = 1.5
#: How long the daemon may take to log an agent out.
GOES_HOME_S = 1.0


class Over(Exception):
    """The conversation is no longer this agent's."""


class Talk:
    """One conversation, from its offer to its end."""

    def __init__(self, agent: DemoAgent, offer: OfferView) -> None:
        self._agent = agent
        self._offer = offer
        self._dialogue: Dialogue | None = None
        self._heard: set[int] = set()
        self.inbox: SimpleQueue[Delivery] = SimpleQueue()

    def play(self) -> None:
        """Look at it, decide, and if it was accepted follow the dialogue."""
        with agreeable(self._agent.name):
            thread = self._read()
            self._dialogue = self._agent.dialogue_of(self._offer.contact, thread)
            if self._answer(thread):
                said = sum(isinstance(entry.news, AgentSaid) for entry in thread.entries)
                self._follow(said)

    def _read(self) -> Thread:
        thread = self._agent.client.read_thread(self._agent.name, self._offer.conversation)
        heard = [entry.sequence for entry in thread.entries if isinstance(entry.news, CustomerSaid)]
        self._heard.update(heard)
        reports.send(reports.HasRead(self._agent.name, self._offer.conversation, tuple(heard)))
        return thread

    def _answer(self, thread: Thread) -> bool:
        """Accept, decline, or leave the offer unanswered; say whether it was accepted."""
        agent, dialogue = self._agent, self._dialogue
        first = not any(isinstance(entry.news, OfferEnded) for entry in thread.entries)
        agent.pace.pause(LOOKS_S)
        if dialogue is None:
            agent.client.decline(agent.name, self._offer, "this agent only plays the demo")
        elif dialogue.language not in agent.languages:
            agent.client.decline(agent.name, self._offer, f"does not read {dialogue.language}")
        elif dialogue.declined_because and first:
            agent.client.decline(agent.name, self._offer, dialogue.declined_because)
        elif not (dialogue.leaves_after_s or (dialogue.unanswered and first)):
            agent.client.accept(agent.name, self._offer)
            return True
        return False

    def _follow(self, said: int) -> None:
        """Play the agent's lines, beginning after those that somebody has said already."""
        assert self._dialogue is not None
        agent, conversation, wanted = self._agent, self._offer.conversation, 0
        for cue, text in self._dialogue.talk:
            if cue == CUSTOMER:
                wanted += 1
                self._wait_for(wanted)
            elif cue == TRANSFER:
                if self._offer.kind == "new":
                    self._hand_on(text)
            elif said:
                said -= 1
            elif cue == AGENT or not self._have_said(text):
                agent.say(conversation, self._offer.contact, text)
        agent.pace.pause(WRAPS_UP_S)
        agent.client.end(agent.name, conversation, self._dialogue.wrap_up)

    def _wait_for(self, wanted: int) -> None:
        while len(self._heard) < wanted:
            self._hear()

    def _hear(self) -> News:
        """Wait for what happens next in the conversation."""
        delivery = self.inbox.get()
        if isinstance(delivery.news, CustomerSaid):
            self._heard.add(delivery.sequence)
            if isinstance(delivery.news.content, Image):
                # An agent looks at a picture; the client makes sure that it is the one.
                self._agent.client.fetch(self._agent.name, delivery.news.content.media)
        elif isinstance(delivery.news, ConversationEnded | Unassigned):
            raise Over
        return delivery.news

    def _colleagues(self) -> Iterator[str]:
        """Return whom to ask, one after the other, and all of them again after a while."""
        assert self._dialogue is not None
        for _ in range(ASKS):
            yield from (name for name in self._dialogue.colleagues if name != self._agent.name)
            self._agent.pace.pause(ASKS_AGAIN_S)

    def _hand_on(self, note: str) -> None:
        """Have a colleague take over: then it is Over. Goes on alone if nobody consents."""
        agent, conversation = self._agent, self._offer.conversation
        for colleague in self._colleagues():
            try:
                agent.client.transfer(agent.name, conversation, to_agent=colleague, note=note)
            except CommandRefused:
                continue  # No room, or not there.
            while not isinstance(news := self._hear(), TransferEnded):
                pass
            if news.outcome == "accepted":
                raise Over

    def _have_said(self, text: str) -> bool:
        """Invite a colleague to say a line; False if nobody has."""
        assert self._dialogue is not None
        agent, conversation = self._agent, self._offer.conversation
        for colleague in self._colleagues():
            try:
                agent.client.invite(agent.name, conversation, colleague, self._dialogue.note)
            except CommandRefused:
                continue
            while not isinstance(news := self._hear(), InvitationEnded | AgentSaid | Left) or (
                isinstance(news, InvitationEnded) and news.outcome == "joined"
            ):
                pass
            if isinstance(news, AgentSaid) and news.content == Text(text):
                return True
        return False


@contextmanager
def agreeable(name: str) -> Iterator[None]:
    """Let an agent's conversation end as it likes; only what nobody can explain is reported."""
    try:
        yield
    except Over:
        return
    except CommandRefused as refused:
        # The customer has left, or the offer has ended, while this agent was busy with it.
        if not refused.definite:
            reports.send(reports.Trouble(name, str(refused)))
    except SwitchboardError:
        return


class DemoAgent:
    """An agent who plays by the script."""

    def __init__(self, played: Part) -> None:
        self.name = played.name
        self.languages = played.languages
        self.pace = played.pace
        self._part = played
        self._script = load_script()
        self._talks: dict[str, Talk] = {}
        self.client = ConsoleClient(
            played.address, name=played.plain_name, keys=played.keys, server_key=played.server_key
        )

    def work(self) -> None:
        """Log in, and answer until the client is closed."""
        self.client.login(self.name, self._part.password)
        for item in self.client.events(self.name):
            if isinstance(item, Snapshot):
                self._begin(item)
            else:
                reports.send(reports.Told(self.name, item))
                self._take(item)

    def _begin(self, snapshot: Snapshot) -> None:
        if snapshot.presence != "online":
            part.begin(self._come_back)
        for offer in snapshot.offers:
            self._consider(offer)
        reports.send(reports.Ready(self.name, snapshot.presence))

    def _take(self, delivery: Delivery) -> None:
        news = delivery.news
        if isinstance(news, OfferMade):
            self._consider(news.offer)
        elif isinstance(news, InvitationMade):
            part.begin(partial(self._help, news.invitation))
        elif isinstance(news, PresenceChanged):
            if news.presence == "not_answering":
                part.begin(self._come_back)
        elif delivery.conversation in self._talks:
            self._talks[delivery.conversation].inbox.put(delivery)

    def _consider(self, offer: OfferView) -> None:
        talk = Talk(self, offer)
        self._talks[offer.conversation] = talk
        part.begin(talk.play)

    def _help(self, invitation: InvitationView) -> None:
        """Join a colleague's conversation, say what the script has for it, and leave."""
        with agreeable(self.name):
            self.pace.pause(LOOKS_S)
            self.client.join(self.name, invitation)
            thread = self.client.read_thread(self.name, invitation.conversation)
            dialogue = self.dialogue_of(invitation.contact, thread)
            for cue, text in dialogue.talk if dialogue is not None else ():
                if cue == COLLEAGUE:
                    self.say(invitation.conversation, invitation.contact, text)
            self.pace.pause(WRAPS_UP_S)
            self.client.leave(self.name, invitation.conversation)

    def dialogue_of(self, contact: str, thread: Thread) -> Dialogue | None:
        """Find what is played: by the customer, and by the first words."""
        said = (entry.news.content for entry in thread.entries if isinstance(entry.news, CustomerSaid))
        return self._script.opened_with(contact, spoken(next(said, Text(""))))

    def say(self, conversation: str, contact: str, text: str) -> None:
        """Type a line and send it."""
        self.pace.type(text)
        card = Card(text.removeprefix(CARD_MARK)) if text.startswith(CARD_MARK) else None
        ack = self.client.say(self.name, conversation, card or text)
        if card is not None:
            # What the card has become in the customer's language is in the thread.
            thread = self.client.read_thread(self.name, conversation, ack.sequence - 1, 1)
            text = next(
                spoken(each.news.content) for each in thread.entries if isinstance(each.news, AgentSaid)
            )
        reports.send(
            reports.Wrote(self.name, "agent", conversation, ack.sequence, contact, text, time.time())
        )

    def take_breaks(self) -> None:
        """Be away when the script says so."""
        for one in self._script.breaks:
            if one.agent == self.name:
                self.pace.pause(one.at_s)
                self.client.set_presence(self.name, "away")
                self.pace.pause(one.lasts_s)
                self.client.set_presence(self.name, "online")

    def go_home(self) -> None:
        """Log out, which ends the stream of events; without a daemon, close after a moment."""
        logout = threading.Thread(target=self.client.logout, args=(self.name,), daemon=True)
        logout.start()
        logout.join(GOES_HOME_S)
        self.client.close(0.0)

    def _come_back(self) -> None:
        self.pace.pause(COMES_BACK_S)
        self.client.set_presence(self.name, "online")


def main() -> int:
    """Play until the input ends."""
    played = part.receive()
    try:
        agent = DemoAgent(played)
        part.listen(lambda: part.begin(agent.take_breaks), agent.go_home)
        agent.work()
    except SwitchboardError as error:
        reports.send(reports.Trouble(played.name, str(error)))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
