"""The smallest media of each type that are what they say."""

from __future__ import annotations

import struct
import zlib


def png(width: int = 3, height: int = 2, more: bytes = b"") -> bytes:
    """Return a picture; with ``more`` it has other bytes, and so another name."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(b"".join(b"\0" + bytes(width) for _ in range(min(height, 64))))
    text = chunk(b"tEXt", b"more\0" + more) if more else b""
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + text + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def jpeg(width: int = 640, height: int = 480, before: bytes = b"") -> bytes:
    """Return the headers of a picture; ``before`` are segments that stand before its size."""
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\x01\x11\x00"
    return b"\xff\xd8\xff\xe0\x00\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0" + before + frame + b"\xff\xda\0\x02"


def exif(size: int = 40_000) -> bytes:
    """Return a segment as cameras write it: a small picture in it looks like a header of its own."""
    return b"\xff\xe1" + struct.pack(">H", size) + (b"Exif\0\0" + jpeg(160, 120)).ljust(size - 2, b"\0")


def amr(frames: int = 10) -> bytes:
    """Return a voice message as phones record it."""
    return b"#!AMR\n" + (b"\x3c" + bytes(31)) * frames


def mp3(frames: int = 3, tag: bytes = b"") -> bytes:
    """Return frames of 128 kbit/s at 44.1 kHz."""
    return tag + (b"\xff\xfb\x90\x00" + bytes(413)) * frames


def adts(frames: int = 3) -> bytes:
    """Return frames of AAC."""
    length = 64
    header = bytes(
        [0xFF, 0xF1, 0x50, 0x80 | length >> 11, length >> 3 & 0xFF, (length & 7) << 5 | 0x1F, 0xFC]
    )
    return (header + bytes(length - 7)) * frames


def gif(width: int = 5, height: int = 4) -> bytes:
    """Return a picture's header."""
    return b"GIF89a" + struct.pack("<HH", width, height) + b"\0\0\0;"


def webp(kind: bytes, width: int = 7, height: int = 6) -> bytes:
    """Return a picture's header, as each of the three kinds has it."""
    if kind == b"VP8X":
        body = bytes(4) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    elif kind == b"VP8L":
        body = b"\x2f" + (width - 1 | height - 1 << 14).to_bytes(4, "little") + bytes(5)
    else:
        body = b"\0\0\0\x9d\x01\x2a" + struct.pack("<HH", width, height)
    chunk = kind + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", len(chunk) + 4) + b"WEBP" + chunk


def mp4(*tracks: bytes) -> bytes:
    """Return a container with the headers of these tracks: ``smhd`` is sound, ``vmhd`` a film."""
    return b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + b"".join(
        b"\0\0\0\x10" + track + bytes(8) for track in tracks
    )


def webm(*codecs: bytes) -> bytes:
    """Return a container whose tracks have these codecs."""
    tracks = b"".join(b"\x86" + bytes([0x80 | len(codec)]) + codec for codec in codecs)
    return b"\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm" + tracks


def ogg(codec: bytes = b"OpusHead") -> bytes:
    """Return a container's first page."""
    return b"OggS\0\x02" + bytes(20) + b"\x01\x13" + codec + bytes(11)


def wav() -> bytes:
    """Return a header."""
    return b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0" + bytes(16) + b"data\0\0\0\0"
