"""What everybody said, heard, and what the journal holds, against the script."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from actors.events.conversation import AgentWrote, CustomerWrote, Started
from actors.journal import EMPTY_HASH, read_record, verified
from benchmarks.replay.journal import records
from benchmarks.replay.realtime.player import Heard, Report
from benchmarks.replay.realtime.script import Customer
from protocol.content import Text

#: One text in a conversation, and where: conversation, sequence, who has said it ("" is the customer), text.
Word = tuple[str, int, str, str]


class Wrong(Struct):
    """How what came differs from what was to come, in words."""

    lost: int = 0
    doubled: int = 0
    #: Came to somebody who was not in that conversation, or to another customer.
    crossed: int = 0
    out_of_order: int = 0


class Journal(Struct):
    """What the journal holds of the conversations."""

    words: dict[str, list[Word]]
    contacts: dict[str, str]
    gaps: int = 0
    epochs: int = 0


def read_words(path: Path) -> Journal:
    """Read every conversation of the journal. Raises JournalDamaged where its chain does not hold."""
    found = Journal(defaultdict(list), {})
    sequences: dict[tuple[str, str, str], int] = {}
    epochs = set()
    for record in verified(records(path), EMPTY_HASH):
        epochs.add(record.epoch)
        for entry in read_record(record):
            stream = (entry.kind, entry.tenant, entry.id)
            found.gaps += entry.sequence != sequences.get(stream, 0) + 1
            sequences[stream] = entry.sequence
            event = entry.event
            if isinstance(event, Started):
                found.contacts[entry.id] = event.contact
            elif isinstance(event, CustomerWrote | AgentWrote) and isinstance(event.content, Text):
                who = (event.author or event.agent) if isinstance(event, AgentWrote) else ""
                found.words[entry.id].append((entry.id, entry.sequence, who, event.content.text))
    found.epochs = len(epochs)
    return found


def judged(customers: list[Customer], report: Report, journal: Journal) -> dict[str, Any]:
    """Compare streams and journal with the script."""
    wanted = _wanted(customers, report)
    heard: dict[str, list[Heard]] = defaultdict(list)
    for word in report.heard:
        heard[word.stream].append(word)
    wrong = {"streams": Wrong(), "journal": _in_journal(customers, journal)}
    for stream in wanted.keys() | heard.keys():
        _compare(wanted.get(stream, []), heard.get(stream, []), wrong["streams"])
    return {key: asdict(each) for key, each in wrong.items()}


def _wanted(customers: list[Customer], report: Report) -> dict[str, list[tuple[str, Word]]]:
    """Return what each stream should have brought: the word, and in a channel's stream to which contact."""
    steps = {customer.contact: customer for customer in customers}
    wanted: dict[str, list[tuple[str, Word]]] = defaultdict(list)
    for said in report.said:
        customer = steps[said.contact]
        step = customer.steps[said.place]
        word = (said.conversation, said.sequence, step.who, step.text)
        if step.deed == "agent":
            # To the customer it is always the assignee who speaks.
            seen = (said.conversation, said.sequence, said.present[0], step.text)
            wanted[f"channel/{customer.channel}"].append((said.contact, seen))
        for agent in said.present:
            if agent != step.who:
                wanted[f"agent/{agent}"].append(("", word))
    return wanted


def _compare(wanted: list[tuple[str, Word]], heard: list[Heard], wrong: Wrong) -> None:
    came = [(each.contact, (each.conversation, each.sequence, each.agent, each.text)) for each in heard]
    due, got = Counter(wanted), Counter(came)
    wrong.lost += (due - got).total()
    wrong.doubled += sum(count - 1 for word, count in got.items() if word in due)
    wrong.crossed += sum(count for word, count in got.items() if word not in due)
    last: dict[str, int] = {}
    for each in sorted(heard, key=lambda each: each.number):
        wrong.out_of_order += each.sequence <= last.get(each.conversation, 0)
        last[each.conversation] = each.sequence


def _in_journal(customers: list[Customer], journal: Journal) -> Wrong:
    """Each customer's conversations, one after the other, are the script, word for word."""
    wrong = Wrong()
    of_contact: dict[str, list[Word]] = defaultdict(list)
    for conversation, contact in journal.contacts.items():
        words = journal.words[conversation]
        wrong.out_of_order += sum(one[1] >= other[1] for one, other in pairwise(words))
        of_contact[contact] += words
    for customer in customers:
        script = [(step.who, step.text) for step in customer.steps if step.deed != "end"]
        found = [(who, text) for _, _, who, text in of_contact.pop(customer.contact, [])]
        due, got = Counter(script), Counter(found)
        wrong.lost += (due - got).total()
        wrong.doubled += sum(count - 1 for word, count in got.items() if word in due)
        wrong.crossed += sum(count for word, count in got.items() if word not in due)
        if due == got:
            wrong.out_of_order += sum(one != other for one, other in zip(script, found, strict=True))
    wrong.crossed += sum(map(len, of_contact.values()))
    return wrong
