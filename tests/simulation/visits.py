"""What the journal must say of visits (C2-C9): a second reading, told every event of a customer."""

from __future__ import annotations

from typing import Any

from actors import events
from actors.journal import Entry


class Visits:
    """Who is on which site."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        #: By ``<channel>/<contact>``: when anything of the visit was last written.
        self._online: dict[str, float] = {}

    def take(self, entry: Entry) -> None:
        """Take an event of a customer in."""
        event: Any = entry.event
        match event:
            case events.VisitBegun():
                self._online[entry.id] = entry.at
            case events.PageViewed():
                assert entry.id in self._online, f"C6: {entry.id} opens a page and is not there"
                self._online[entry.id] = entry.at
            case events.VisitEnded():
                written_at = self._online.pop(entry.id, None)
                assert written_at is not None, f"C4: {entry.id} leaves and was not there"
                silent = event.reason == "silent"
                assert not silent or entry.at >= written_at + self._timeout_s, (
                    f"C4: {entry.id} is taken for gone too early"
                )

    def begun(self, ident: str, started: events.Started) -> None:
        """A conversation begins: with somebody who has not written only if he is there."""
        there = f"{started.channel}/{started.contact}" in self._online
        assert there or started.origin != "proactive", f"C9: {ident} begins with a visitor who is not there"
