"""What has come of it: the table at the end, and whether anything was lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from rich.table import Table

from actors.events.conversation import AgentWrote, CustomerWrote
from daemon.commands.reading import JournalFile
from daemon.commands.showing import spoken
from daemon.demo.scene import Place, Scene, Stage
from daemon.demo.script import AGENT, CUSTOMER, Script, Side

#: Nothing has to be said about an agent for a customer who has left.
NOBODY = "-"

Stored = Mapping[Side, Mapping[Place, str]]


class Balance(NamedTuple):
    """One side's messages on their way: acknowledged, found in the journal with the same text, and received.

    ``unread``: those of customers who had left before any agent had them.
    """

    sent: int
    stored: int
    received: int
    unread: int

    @property
    def lost(self) -> int:
        """How many have not arrived, or are not in the journal."""
        return (self.sent - self.stored) + (self.sent - self.received - self.unread)


def stored_messages(file: JournalFile, after: int, scene: Scene) -> Stored:
    """Read from the journal what was written in the scene's conversations."""
    stored: dict[Side, dict[Place, str]] = {CUSTOMER: {}, AGENT: {}}
    for _, entry in file.entries(after):
        if entry.id in scene.talks:
            if isinstance(entry.event, CustomerWrote):
                stored[CUSTOMER][entry.id, entry.sequence] = spoken(entry.event.content)
            elif isinstance(entry.event, AgentWrote):
                stored[AGENT][entry.id, entry.sequence] = spoken(entry.event.content)
    return stored


def balance(scene: Scene, stored: Stored, side: Side) -> Balance:
    """Compare what was acknowledged with what the journal holds and what has arrived.

    A message that is in the journal but was never acknowledged counts as sent too: it must arrive as well.
    """
    sent = {**stored[side], **scene.sent[side]}
    found = sum(stored[side].get(place) == text for place, text in sent.items())
    received = sum(place in scene.reached[side] for place in sent)
    unread = sum(place not in scene.reached[side] and scene.left_early(place[0]) for place in sent)
    return Balance(len(sent), found, received, unread)


def conversations_table(scene: Scene) -> Table:
    """Draw one row per conversation."""
    table = _table("Conversations")
    for heading in ("Customer", "Lang", "Department", "Agent"):
        table.add_column(heading, no_wrap=True)
    table.add_column("Waited", justify="right", no_wrap=True)
    table.add_column("Messages", justify="right", no_wrap=True)
    table.add_column("Outcome", overflow="fold")
    for talk in scene.talks.values():
        waited = "" if talk.waited_s is None else f"{talk.waited_s:.1f} s"
        messages = f"{talk.count(CUSTOMER)} + {talk.count(AGENT)}"
        dialogue = talk.dialogue
        table.add_row(
            dialogue.name,
            dialogue.language,
            talk.department,
            talk.agent or NOBODY,
            waited,
            messages,
            talk.outcome or talk.stage.value,
        )
    return table


def _table(title: str) -> Table:
    # Without a box, so that a row of this fits into 80 columns.
    style = "bold reverse"
    return Table(box=None, title=f" {title} ", title_style=style, title_justify="left", padding=(0, 1, 0, 0))


def balance_table(balances: Mapping[str, Balance]) -> Table:
    """Draw what has become of the messages."""
    table = _table("Messages")
    table.add_column("From")
    for heading in ("acknowledged", "in the journal", "received", "lost"):
        table.add_column(heading, justify="right")
    for name, one in balances.items():
        received = f"{one.received}" + (f" ({one.unread} left unread)" if one.unread else "")
        table.add_row(name, str(one.sent), str(one.stored), received, str(one.lost))
    return table


def faults(scene: Scene, script: Script) -> list[str]:
    """List what did not go as it should have."""
    found = list(scene.troubles)
    played = [talk.dialogue for talk in scene.talks.values()]
    found += [
        f"{one.name} never came about: {one.about}" for one in script.conversations if one not in played
    ]
    found += [
        f"the conversation with {talk.dialogue.name} is not over: {talk.stage.value}"
        for talk in scene.talks.values()
        if talk.stage is not Stage.ENDED
    ]
    return found


def totals(scene: Scene, balances: Mapping[str, Balance]) -> str:
    """Say it in one sentence."""
    waits = sorted(talk.waited_s for talk in scene.talks.values() if talk.waited_s is not None)
    longest = f"{waits[-1]:.1f} s" if waits else "no time"
    lost = sum(one.lost for one in balances.values())
    messages = sum(one.sent for one in balances.values())
    verdict = "nothing was lost" if not lost else f"{lost} LOST"
    return f"{len(scene.talks)} conversations, {messages} messages, longest wait {longest}: {verdict}."
