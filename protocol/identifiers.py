"""Command ids: 16 bytes that grow with time, laid out as a UUID of version 7 (RFC 9562).

    48 bits milliseconds since 1970 | version 7 | 12 bits | variant 2 | 62 bits

The 12 + 62 bits are chance at the first id of a millisecond and a counter from there on, so that the ids of
one maker strictly grow. Clock and chance are arguments.
"""

from __future__ import annotations

from collections.abc import Callable

#: How many bytes of chance one id takes.
CHANCE_BYTES = 10
_TAIL_BITS = 74
_LOW_BITS = 62


def _layout(now_ms: int, tail: int) -> bytes:
    high, low = tail >> _LOW_BITS, tail & ((1 << _LOW_BITS) - 1)
    whole = (now_ms & ((1 << 48) - 1)) << 80 | 0x7 << 76 | high << 64 | 0b10 << 62 | low
    return whole.to_bytes(16, "big")


def _tail(chance: bytes) -> int:
    return int.from_bytes(chance[:CHANCE_BYTES], "big") & ((1 << _TAIL_BITS) - 1)


def command_id(now_ms: int, chance: bytes) -> bytes:
    """Make one id from a time and ten bytes of chance."""
    assert len(chance) >= CHANCE_BYTES
    return _layout(now_ms, _tail(chance))


class CommandIds:
    """Makes ids that strictly grow, even within a millisecond and when the clock steps back.

    Not thread-safe: whoever shares one holds a lock around it.
    """

    __slots__ = ("_chance", "_clock", "_now_ms", "_tail")

    def __init__(self, clock: Callable[[], int], chance: Callable[[int], bytes]) -> None:
        self._clock = clock
        self._chance = chance
        self._now_ms = -1
        self._tail = 0

    def __call__(self) -> bytes:
        """Return the next id."""
        now_ms = self._clock()
        if now_ms > self._now_ms:
            # Half of the range stays free, so that counting on within the millisecond does not run over.
            self._now_ms, self._tail = now_ms, _tail(self._chance(CHANCE_BYTES)) >> 1
        else:
            self._tail += 1
        if self._tail >> _TAIL_BITS:
            self._now_ms, self._tail = self._now_ms + 1, 0
        return _layout(self._now_ms, self._tail)
