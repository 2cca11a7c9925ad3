"""Who gets no connection for a while: peers that were ended and may not know it yet; peers of bad frames."""

from __future__ import annotations

from daemon.connection import Connection

#: For how long the frames of an ended connection are dropped, and a peer of bad frames stays out.
AWAY_S = 60.0
#: So many ended connections are remembered; beyond that the oldest is forgotten.
ENDED_MAX = 4_096


class Doorkeeper:
    """Remembers routing ids that the daemon has ended, and banned keys. Times are in seconds since 1970."""

    def __init__(self) -> None:
        self._ended: dict[bytes, float] = {}
        self._banned: dict[str, float] = {}

    def end(self, identity: bytes, now: float) -> None:
        """From now on drop what is still under way on this ZeroMQ connection."""
        self._ended.pop(identity, None)
        self._ended[identity] = now + AWAY_S
        if len(self._ended) > ENDED_MAX:
            del self._ended[next(iter(self._ended))]

    def ended(self, identity: bytes, now: float) -> bool:
        """True when the daemon has ended this ZeroMQ connection a while ago."""
        return self._ended.get(identity, 0.0) > now

    def ban(self, connection: Connection, now: float) -> None:
        """Keep a peer out by its key; on a plain listener nobody has one, and the connection's end is all."""
        if connection.key:
            self._banned[connection.key] = now + AWAY_S

    def banned_s(self, key: str, now: float) -> float:
        """Return for how many more seconds a key is kept out; 0 when it may come in."""
        return max(0.0, self._banned.get(key, 0.0) - now)

    def forget(self, now: float) -> None:
        """Forget what is over."""
        self._ended = {identity: until for identity, until in self._ended.items() if until > now}
        self._banned = {key: until for key, until in self._banned.items() if until > now}
