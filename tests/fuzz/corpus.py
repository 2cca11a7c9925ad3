"""What mutations begin with: every message at its smallest, frames of several, and bombs."""

from __future__ import annotations

from random import Random

import msgspec

from protocol.codec import FRAME_BYTES, MESSAGES_PER_FRAME, encode
from protocol.content import Text
from protocol.messages import CustomerMessage, Hello, Ping
from tests.protocol.examples import KINDS, smallest


def bombs() -> list[bytes]:
    """Frames that would cost much if anybody believed them."""
    deep = b"\x91" * 200_000
    message = {"type": "customer_message", "id": bytes(16), "channel": "web", "contact": "c"}
    packed = msgspec.msgpack.encode
    return [
        b"",
        b"\xc1",
        b"\x90",
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\x81\xdb\xff\xff\xff\xfe",
        deep,
        b"\x81\xa1a" * 60_000,
        b"\xdc\xff\xff" + b"\x80" * 65_535,
        b"\xdc\x4e\x20" + encode([Ping()]) * 20_000,
        encode([Ping()] * (MESSAGES_PER_FRAME + 1)),
        encode([Ping()]) + b"\x00",
        encode([Ping()])[:-1],
        packed({"type": "ping", "number": -1}),
        packed({"type": "ping", "number": 2**63}),
        packed({"type": "ping", "number": 1.5}),
        packed({"type": "ping", "number": None}),
        packed({"type": "welcome"}),
        packed({"type": ["ping"]}),
        packed({"type": "Ping"}),
        packed({1: 2}),
        packed({**message, "content": {"type": "text", "text": ""}}),
        packed({**message, "content": {"type": "text", "text": "x" * 65_537}}),
        packed({**message, "content": {"type": "image", "text": "x"}}),
        packed({**message, "id": bytes(15), "content": {"type": "text", "text": "x"}}),
        packed({**message, "contact": "", "content": {"type": "text", "text": "x"}}),
        packed({**message, "contact": "x" * 257, "content": {"type": "text", "text": "x"}}),
        # Not UTF-8: half a character, a surrogate.
        b"\x81\xa4type\xa4pin\xff",
        b"\x82\xa4type\xa5hello\xa7version\xa3\xed\xa0\x80",
        # Extensions, timestamps out of range.
        b"\x82\xa4type\xa4ping\xa6number\xd6\xff\xff\xff\xff\xff",
        b"\x82\xa4type\xa4ping\xa6number\xc7\x0c\xff" + b"\xff" * 12,
        b"\x82\xa4type\xa4ping\xa6number\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00",
        b"\x82\xa4type\xa4ping\xa6number\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00",
        bytes(FRAME_BYTES),
        b"\x81" * (FRAME_BYTES + 1),
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b'{"type": "ping"}',
        encode([Hello("1.0", "gateway"), Hello("1.0", "gateway")]),
    ]


def good() -> list[bytes]:
    """Return frames as they should be: each message, some together, and texts of several scripts."""
    messages = [smallest(kind) for kind in KINDS]
    texts = ["Hello?", "你好，有人吗？ ☎", "x" * 4_096, "=1+1\r\n\x1b[2J"]
    said = [CustomerMessage(bytes([n]) * 16, "web", f"c{n}", Text(text)) for n, text in enumerate(texts)]
    together = [encode(messages[at : at + 5]) for at in range(0, len(messages), 5)]
    return [*(encode([message]) for message in messages), *(encode([each]) for each in said), *together]


class Mutator:
    """Makes frames from a seed: bits flipped, bytes cut out, put in and doubled, two frames spliced."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self._good = good()
        self._bombs = [bomb for bomb in bombs() if len(bomb) < 4_096]

    def frame(self) -> bytes:
        """Return the next frame."""
        chance = self.chance
        kind = chance.random()
        if kind < 0.02:
            return chance.randbytes(chance.randint(0, 64))
        source = self._bombs if kind < 0.1 else self._good
        frame = bytearray(chance.choice(source))
        for _ in range(chance.choice((1, 1, 2, 4))):
            self._mutate(frame)
        return bytes(frame)

    def _mutate(self, frame: bytearray) -> None:
        chance = self.chance
        place = chance.randrange(len(frame)) if frame else 0
        match chance.randrange(7):
            case 0 if frame:
                frame[place] ^= 1 << chance.randrange(8)
            case 1:
                del frame[place : place + chance.randint(1, 8)]
            case 2:
                frame[place:place] = chance.randbytes(chance.randint(1, 8))
            case 3:
                frame += frame[place : place + 32]
            case 4 if frame:
                # A byte that msgpack takes for a length or a type.
                frame[place] = chance.choice(
                    (0x80, 0x8F, 0x90, 0x9F, 0xC0, 0xC1, 0xC4, 0xC7, 0xCB, 0xCF, 0xD9, 0xDB, 0xDD, 0xDF, 0xFF)
                )
            case 5:
                other = chance.choice(self._good)
                frame[place:] = other[chance.randrange(len(other)) :]
            case _:
                del frame[place:]
