"""Which connections have said hello under each key, and when a newer one takes the place of an older.

One key, one connection. But a hello may come late: its process may be dead by then, and another may have
come in. No hello can say which of two processes is the younger without believing their clocks. So a newcomer
takes the place only with what it sends after its welcome, for whoever was dead by then sends nothing. All who
had said hello before it are over then. Only within one process a hello says which connection is newer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from actors.authorization import Principal
from daemon.connection import Connection, Handler, Handlers
from daemon.sessions import Log
from protocol.errors import Code
from protocol.messages import Goodbye

#: A peer: its principal, tenant and name.
Who = tuple[Principal, str, str]
#: So many connections of a peer stand there at most; beyond it the oldest that has not spoken is over.
STANDING_MAX = 16


class Places:
    """The connections of each peer, in the order of their hellos; ``close`` ends one."""

    def __init__(self, close: Callable[[Connection, Code, str], None], log: Log) -> None:
        self._close = close
        self._log = log
        self._places: dict[Who, list[Connection]] = {}

    def given_up(self, newcomer: Connection) -> bool:
        """Say whether the newcomer's process has made another connection since, which has said hello."""
        return any(newcomer.given_up_for(other) for other in self._places.get(newcomer.who, ()))

    def enter(self, newcomer: Connection) -> bool:
        """Let a connection that has said hello stand last; False: it has to show that its process lives.

        What the same process has given up for it is over at once.
        """
        self._replace(other for other in self._standing(newcomer) if other.given_up_for(newcomer))
        place = self._places.setdefault(newcomer.who, [])
        place.append(newcomer)
        if len(place) > STANDING_MAX:
            self._replace([place[1]])
        return len(place) == 1

    def leave(self, connection: Connection) -> None:
        """A connection is over; it may be one that never entered."""
        place = self._places.get(connection.who, [])
        if connection in place:
            place.remove(connection)
            if not place:
                del self._places[connection.who]

    def proving(self, handlers: Handlers) -> Handlers:
        """Return these handlers for a newcomer: whatever it says, it lives, and those before it are over.

        A goodbye is the exception: whoever leaves takes nobody's place.
        """
        return {
            kind: handler if kind is Goodbye else self._proving(handler, handlers)
            for kind, handler in handlers.items()
        }

    def _proving(self, handler: Handler, afterwards: Handlers) -> Handler:
        def handle(newcomer: Connection, message: Any) -> None:
            place = self._standing(newcomer)
            self._replace(place[: place.index(newcomer)])
            newcomer.handlers = afterwards
            handler(newcomer, message)

        return handle

    def _standing(self, connection: Connection) -> list[Connection]:
        return list(self._places.get(connection.who, ()))

    def _replace(self, older: Iterable[Connection]) -> None:
        for connection in older:
            self._log.warning("peer.replaced", peer=connection.describe())
            self._close(connection, Code.REPLACED, "the same peer has connected again")
