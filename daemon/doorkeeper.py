"""Who gets a connection; who gets none for a while: who was ended, and senders of bad frames."""

from __future__ import annotations

from typing import Any

from daemon.connection import Connection
from daemon.outbound import Outbound
from daemon.transport import Listener, peer_key
from protocol.errors import Code

#: For how long the frames of an ended connection are dropped, and a peer of bad frames stays out.
AWAY_S = 60.0
#: So many ended connections are remembered; beyond that the oldest is forgotten.
ENDED_MAX = 4_096


class Doorkeeper:
    """Remembers routing ids that the daemon has ended, and banned keys. Times are in seconds since 1970."""

    def __init__(self) -> None:
        self._ended: dict[bytes, float] = {}
        self._banned: dict[str, float] = {}
        #: Frames that were dropped because their routing id was not the sender's own.
        self.impostors = 0

    def admit(self, listener: Listener, identity: bytes, frame: Any, now: float, *, full: bool) -> str | None:
        """Return the key of a peer that may have a connection ("" on a plain listener); None if it may not.

        Who is turned away is told why, once.
        """
        if identity[0] != 0:
            # Only libzmq's own routing ids begin with a zero: this peer has chosen one itself (A03).
            self.impostors += 1
            return None
        if self._ended.get(identity, 0.0) > now:
            return None
        key = peer_key(frame) if listener.secure else ""
        banned_s = self._banned.get(key, 0.0) - now
        if banned_s > 0:
            text = f"this key has sent too many bad frames; come back in {banned_s:.0f} s"
        elif full:
            text = "the daemon has all the connections it may have"
        else:
            return key
        listener.send(identity, Outbound.goodbye(Code.BUSY, text))
        self.end(identity, now)
        return None

    def end(self, identity: bytes, now: float) -> None:
        """From now on drop what is still under way on this ZeroMQ connection."""
        self._ended.pop(identity, None)
        self._ended[identity] = now + AWAY_S
        if len(self._ended) > ENDED_MAX:
            del self._ended[next(iter(self._ended))]

    def ban(self, connection: Connection, now: float) -> None:
        """Keep a peer out by its key; on a plain listener nobody has one, and the connection's end is all."""
        if connection.key:
            self._banned[connection.key] = now + AWAY_S

    def forget(self, now: float) -> None:
        """Forget what is over."""
        self._ended = {identity: until for identity, until in self._ended.items() if until > now}
        self._banned = {key: until for key, until in self._banned.items() if until > now}
