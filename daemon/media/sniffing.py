"""What bytes are, by themselves: no name and no claim of a sender counts. Pure.

Only types that are known are anything. Of a picture the header must say how large it is; of a container that
may hold a film as well as a voice, that it holds no film.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from typing import NamedTuple

#: Where headers are looked for that may stand anywhere.
HEAD_BYTES = 65_536
PNG = b"\x89PNG\r\n\x1a\n"
#: Markers of a JPEG that begin a frame, and so have its size: all SOF but the three that share their row.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
#: Markers without a length.
_BARE = frozenset({0x01, *range(0xD0, 0xD8)})
_OGG_VOICES = (b"OpusHead", b"\x01vorbis", b"Speex   ", b"\x7fFLAC")
_MP4_BRANDS = (
    b"M4A ",
    b"M4B ",
    b"mp42",
    b"isom",
    b"iso2",
    b"iso5",
    b"iso6",
    b"dash",
    b"3gp4",
    b"3gp5",
    b"3gp6",
)
_MP3_KBITS = {
    True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MP3_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}


class Found(NamedTuple):
    """What bytes are: ``image`` or ``voice``, their media type, and how large a picture is in pixels."""

    kind: str
    media_type: str
    width: int = 0
    height: int = 0


def examine(data: bytes) -> Found | None:
    """Say what a whole medium is; None if nothing that is known."""
    for look in _LOOKS:
        found = look(data)
        if found is not None:
            return found
    return None


def _picture(media_type: str, width: int, height: int) -> Found | None:
    return Found("image", media_type, width, height) if width and height else None


def _png(data: bytes) -> Found | None:
    if not data.startswith(PNG) or data[12:16] != b"IHDR" or len(data) < 33:
        return None
    return _picture("image/png", *struct.unpack_from(">II", data, 16))


def _jpeg(data: bytes) -> Found | None:
    """Go from marker to marker until one says how large the picture is."""
    if not data.startswith(b"\xff\xd8\xff"):
        return None
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker in _BARE:
            at += 2
        elif marker in _FRAMES:
            if at + 9 > len(data):
                return None
            height, width = struct.unpack_from(">HH", data, at + 5)
            return _picture("image/jpeg", width, height)
        elif marker in (0xD9, 0xDA):
            return None
        else:
            at += 2 + max(2, int(struct.unpack_from(">H", data, at + 2)[0]))
    return None


def _gif(data: bytes) -> Found | None:
    if data[:6] not in (b"GIF87a", b"GIF89a") or len(data) < 13:
        return None
    return _picture("image/gif", *struct.unpack_from("<HH", data, 6))


def _webp(data: bytes) -> Found | None:
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP" or len(data) < 30:
        return None
    chunk = data[12:16]
    if chunk == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
    elif chunk == b"VP8L" and data[20] == 0x2F:
        bits = int.from_bytes(data[21:25], "little")
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    elif chunk == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = (size & 0x3FFF for size in struct.unpack_from("<HH", data, 26))
    else:
        return None
    return _picture("image/webp", width, height)


def _amr(data: bytes) -> Found | None:
    if data.startswith(b"#!AMR-WB\n"):
        return Found("voice", "audio/amr-wb")
    return Found("voice", "audio/amr") if data.startswith(b"#!AMR\n") else None


def _wav(data: bytes) -> Found | None:
    wave = data[:4] == b"RIFF" and data[8:12] == b"WAVE" and b"fmt " in data[12:HEAD_BYTES]
    return Found("voice", "audio/wav") if wave else None


def _ogg(data: bytes) -> Found | None:
    """Sound alone: the first pages of a film name its picture's codec too."""
    if not data.startswith(b"OggS"):
        return None
    head = data[:HEAD_BYTES]
    if b"theora" in head or not any(voice in head[:512] for voice in _OGG_VOICES):
        return None
    return Found("voice", "audio/ogg")


def _mp4(data: bytes) -> Found | None:
    """Its tracks say of themselves whether they are sound (``smhd``) or pictures (``vmhd``)."""
    if data[4:8] != b"ftyp" or data[8:12] not in _MP4_BRANDS:
        return None
    return Found("voice", "audio/mp4") if b"smhd" in data and b"vmhd" not in data else None


def _webm(data: bytes) -> Found | None:
    head = data[:HEAD_BYTES]
    if not head.startswith(b"\x1a\x45\xdf\xa3") or b"webm" not in head[:64]:
        return None
    sound = re.search(rb"A_(OPUS|VORBIS)", head) is not None
    return Found("voice", "audio/webm") if sound and b"V_" not in head else None


def _mp3(data: bytes) -> Found | None:
    """Two frames, one right after the other; two bytes alone would be chance. A tag may stand before."""
    at = 0
    if data.startswith(b"ID3") and len(data) >= 10:
        at = 10 + (data[6] << 21 | data[7] << 14 | data[8] << 7 | data[9])
    length = _mp3_frame(data, at)
    if length is None or _mp3_frame(data, at + length) is None:
        return None
    return Found("voice", "audio/mpeg")


def _mp3_frame(data: bytes, at: int) -> int | None:
    """Return the length of the frame of MPEG audio, layer III, that begins there."""
    if at + 4 > len(data) or data[at] != 0xFF or data[at + 1] & 0xE6 != 0xE2:
        return None
    version, rate, kbits = data[at + 1] >> 3 & 3, data[at + 2] >> 2 & 3, data[at + 2] >> 4
    if version == 1 or rate == 3 or kbits in (0, 15):
        return None
    first = version == 3
    bytes_per_kbit = 144_000 if first else 72_000
    padding = data[at + 2] >> 1 & 1
    return bytes_per_kbit * _MP3_KBITS[first][kbits] // _MP3_RATES[version][rate] + padding


def _aac(data: bytes) -> Found | None:
    """Two frames of ADTS, one right after the other."""
    at = 0
    for _ in range(2):
        if at + 7 > len(data) or data[at] != 0xFF or data[at + 1] & 0xF6 != 0xF0:
            return None
        at += (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
    return Found("voice", "audio/aac")


_LOOKS: tuple[Callable[[bytes], Found | None], ...] = (
    *(_png, _jpeg, _gif, _webp),
    *(_amr, _wav, _ogg, _mp4, _webm, _aac, _mp3),
)
