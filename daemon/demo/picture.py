"""The picture that a customer of the demo sends: her router, with its three lights, the first one red."""

from __future__ import annotations

import struct
import zlib

WIDTH, HEIGHT = 96, 48
WALL, CASE, RED, GREEN = (236, 231, 219), (52, 56, 64), (220, 50, 47), (38, 166, 91)
LIGHT_RADIUS = 4
#: Where each light is, and its colour.
LIGHTS = ((28, 28, RED), (48, 28, GREEN), (68, 28, GREEN))

Colour = tuple[int, int, int]


def router() -> bytes:
    """Draw it as a PNG."""
    rows = b"".join(b"\0" + b"".join(bytes(_colour(x, y)) for x in range(WIDTH)) for y in range(HEIGHT))
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in chunks)


def _colour(x: int, y: int) -> Colour:
    for at_x, at_y, colour in LIGHTS:
        if (x - at_x) ** 2 + (y - at_y) ** 2 <= LIGHT_RADIUS**2:
            return colour
    antenna = y < 18 and (12 <= x < 15 or 81 <= x < 84)
    return CASE if antenna or (8 <= x < 88 and 18 <= y < 40) else WALL


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
