"""Is what the clients were told true of the journal? (GUARANTEES I1 to I5, I12, I18)."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

from actors import events
from daemon.stores.sqlite import SQLiteStore
from protocol.messages import Ack
from tests.actors.oracle import Oracle

KEPT = 20


def judge(
    journal: Path, sent: dict[str, list[str]], acknowledged: list[tuple[str, str, Ack]]
) -> dict[str, Any]:
    """Read the whole journal; return how many messages are lost, doubled, out of order or contradicted."""
    store = SQLiteStore(journal)
    store.open()
    oracle = Oracle()
    problems: list[str] = []
    try:
        oracle.read(store)
    except AssertionError as error:
        problems.append(f"the journal contradicts itself: {error}")
    finally:
        store.close()
    where: dict[str, list[int]] = {}
    spoken: dict[str, list[str]] = {}
    for position, entry in enumerate(oracle.entries, 1):
        if isinstance(entry.event, events.CustomerWrote):
            where.setdefault(entry.event.content.text, []).append(position)
            spoken.setdefault(entry.event.contact, []).append(entry.event.content.text)
    lost = [text for _, text, _ in acknowledged if text not in where]
    doubled = [text for text, positions in where.items() if len(positions) > 1]
    denied = []
    for _, text, ack in acknowledged:
        found = where.get(text, [0])[0]
        entry = oracle.entries[found - 1]
        if (found, entry.id, entry.sequence) != (ack.position, ack.conversation, ack.sequence):
            denied.append(f"{text}: the answer says {ack}, the journal {found}")
    disordered = [contact for contact, texts in spoken.items() if texts != sent[contact][: len(texts)]]
    problems += [f"lost: {text}" for text in lost] + [f"twice: {text}" for text in doubled]
    problems += denied + [f"out of order: {contact}" for contact in disordered]
    return {
        "events": len(oracle.entries),
        "lost": len(lost),
        "duplicated": len(doubled),
        "contradicted": len(denied),
        "out_of_order": len(disordered),
        "problems": problems[:KEPT],
    }


def gaps(numbers: list[int]) -> int:
    """Count where a consumer's numbers do not go on by one."""
    return sum(after != before + 1 for before, after in pairwise(numbers))


def answers_missing(texts: list[str], answers: list[str]) -> int:
    """Count the acknowledged answers that the customers did not get exactly once."""
    counted = Counter(texts)
    return sum(counted[answer] != 1 for answer in answers)
