"""What the journal says of the dialogues, read by a connection that cannot write."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from msgspec import Struct

from actors.events.conversation import AgentWrote, CustomerWrote, Started
from actors.journal import EMPTY_HASH, Entry, Record, read_record, verified
from benchmarks.replay.transcripts import Line, Transcripts


class JournalFound(Struct):
    """What was found. ``gaps`` counts sequences that are not one more than the one before in their stream."""

    transcripts: Transcripts
    events: int = 0
    gaps: int = 0
    epochs: int = 0
    #: Conversations begun more than once for the same dialogue.
    begun_again: int = 0


def read_journal(path: Path) -> JournalFound:
    """Read the whole journal. Raises JournalDamaged where its chain does not hold."""
    found = JournalFound({})
    sequences: dict[tuple[str, str, str], int] = {}
    dialogue_of: dict[str, str] = {}
    epochs = set()
    for record in verified(records(path), EMPTY_HASH):
        epochs.add(record.epoch)
        for entry in read_record(record):
            found.events += 1
            stream = (entry.kind, entry.tenant, entry.id)
            found.gaps += entry.sequence != sequences.get(stream, 0) + 1
            sequences[stream] = entry.sequence
            _take(entry, found, dialogue_of)
    found.epochs = len(epochs)
    return found


def records(path: Path) -> Iterator[Record]:
    """Return the records of a journal's file, in order."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT position, count, epoch, body, hash FROM journal ORDER BY position")
        yield from (Record(*row) for row in rows)


def _take(entry: Entry, found: JournalFound, dialogue_of: dict[str, str]) -> None:
    event = entry.event
    if isinstance(event, Started):
        dialogue_of[entry.id] = event.contact
        found.begun_again += event.contact in found.transcripts
        found.transcripts.setdefault(event.contact, [])
    elif isinstance(event, CustomerWrote | AgentWrote):
        speaker = "customer" if isinstance(event, CustomerWrote) else "agent"
        lines = found.transcripts[dialogue_of[entry.id]]
        lines.append(Line(speaker, event.content.text, entry.sequence))
