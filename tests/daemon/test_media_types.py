"""What bytes are is found in the bytes: no name and no claim counts (H5)."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from daemon.media.sniffing import Found, examine
from tests.daemon import pictures

KNOWN: dict[str, tuple[bytes, Found]] = {
    "png": (pictures.png(3, 2), Found("image", "image/png", 3, 2)),
    "jpeg": (pictures.jpeg(640, 480), Found("image", "image/jpeg", 640, 480)),
    "jpeg of a camera": (
        pictures.jpeg(4000, 3000, pictures.exif()),
        Found("image", "image/jpeg", 4000, 3000),
    ),
    "gif": (pictures.gif(5, 4), Found("image", "image/gif", 5, 4)),
    "webp, lossy": (pictures.webp(b"VP8 "), Found("image", "image/webp", 7, 6)),
    "webp, lossless": (pictures.webp(b"VP8L"), Found("image", "image/webp", 7, 6)),
    "webp, extended": (pictures.webp(b"VP8X"), Found("image", "image/webp", 7, 6)),
    "amr": (pictures.amr(), Found("voice", "audio/amr")),
    "amr wide": (b"#!AMR-WB\n" + bytes(50), Found("voice", "audio/amr-wb")),
    "mp3": (pictures.mp3(), Found("voice", "audio/mpeg")),
    "mp3 with a tag": (
        pictures.mp3(tag=b"ID3\x04\0\0\0\0\x01\x00" + bytes(128)),
        Found("voice", "audio/mpeg"),
    ),
    "aac": (pictures.adts(), Found("voice", "audio/aac")),
    "ogg": (pictures.ogg(), Found("voice", "audio/ogg")),
    "wav": (pictures.wav(), Found("voice", "audio/wav")),
    "mp4 with sound": (pictures.mp4(b"smhd"), Found("voice", "audio/mp4")),
    "webm with sound": (pictures.webm(b"A_OPUS"), Found("voice", "audio/webm")),
}
UNKNOWN: dict[str, bytes] = {
    "nothing": b"",
    "a text": "Привіт".encode(),
    "a page": b"<html><script>alert(1)</script></html>",
    "a drawing with a script": b'<svg xmlns="http://www.w3.org/2000/svg" onload="x()"/>',
    "a program": b"MZ\x90\0" + bytes(100),
    "a document": b"%PDF-1.7\n" + bytes(100),
    "an archive": b"PK\x03\x04" + bytes(100),
    "a png without its header": pictures.png()[:12],
    "a png of no size": pictures.png(0, 2),
    "a jpeg of no size": pictures.jpeg(0, 480),
    "a jpeg that ends before its size": pictures.jpeg(640, 480)[:25],
    "a jpeg that begins its data before its size": b"\xff\xd8\xff\xda\x00\x04\x00\x00" + pictures.jpeg()[2:],
    "a film": pictures.mp4(b"smhd", b"vmhd"),
    "a film in webm": pictures.webm(b"V_VP9", b"A_OPUS"),
    "a film in ogg": pictures.ogg(b"\x80theora"),
    "two bytes that look like mp3": b"\xff\xfb" + bytes(500),
    "one frame of mp3 and no second": pictures.mp3(1),
}


@pytest.mark.rule("H5", "H6")
@pytest.mark.parametrize("name", KNOWN)
def test_a_known_type_is_recognised_with_the_size_of_a_picture(name: str) -> None:
    data, found = KNOWN[name]
    assert examine(data) == found


@pytest.mark.rule("H5", "H6")
@pytest.mark.parametrize("name", UNKNOWN)
def test_what_is_not_whole_or_not_known_is_nothing(name: str) -> None:
    assert examine(UNKNOWN[name]) is None


@given(st.sampled_from([data for data, _ in KNOWN.values()]), st.data())
def test_any_bytes_have_an_answer(data: bytes, chance: st.DataObject) -> None:
    """Cut short and spoilt anywhere; a found picture always has a size."""
    spoilt = bytearray(data[: chance.draw(st.integers(0, len(data)))])
    for _ in range(chance.draw(st.integers(0, 4))):
        if spoilt:
            spoilt[chance.draw(st.integers(0, len(spoilt) - 1))] = chance.draw(st.integers(0, 255))
    found = examine(bytes(spoilt))
    assert found is None or found.kind == "voice" or (found.width > 0 and found.height > 0)
