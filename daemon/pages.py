"""What is made of events for a reader: a page of a thread, the decisions about a conversation."""

from __future__ import annotations

from actors.conversation.actor import ThreadGrant
from actors.conversation.explanation import decisions
from actors.conversation.view import news
from actors.journal import Entry
from protocol.codec import encode
from protocol.messages import Thread, ThreadEntry
from protocol.teamwork import Explanation

#: How many bytes of news a page may have; one entry always fits.
PAGE_BYTES = 131_072
#: How many sequences of a conversation an explanation looks back on, and how many decisions it names; the
#: newest count.
EXPLAINED_SEQUENCES = 5_000
EXPLAINED_DECISIONS = 250


def thread_page(grant: ThreadGrant, entries: list[Entry]) -> Thread:
    """Return one page: what may be seen of the events, up to a number of bytes that fits a frame."""
    visible: list[ThreadEntry] = []
    covered = grant.after
    room = PAGE_BYTES
    for entry in entries:
        told = news(entry.id, entry.event)
        room -= len(encode([told])) if told is not None else 0
        if room < 0 and visible:
            break
        covered = entry.sequence
        if told is not None:
            visible.append(ThreadEntry(entry.sequence, entry.at, told))
    return Thread(grant.id, grant.conversation, visible, grant.last, covered)


def explanation(ident: bytes, conversation: str, entries: list[Entry]) -> Explanation:
    """Return the newest decisions about a conversation."""
    return Explanation(ident, conversation, decisions(entries)[-EXPLAINED_DECISIONS:])
