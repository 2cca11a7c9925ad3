"""Frames: limits, both codecs, vectors from elsewhere, and bombs."""

import json
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import msgpack
import msgspec
import pytest
from hypothesis import given, strategies as st

from protocol.codec import (
    FRAME_BYTES,
    MESSAGES_PER_FRAME,
    Codec,
    client_codec,
    daemon_codec,
    encode,
)
from protocol.content import Text
from protocol.errors import Code, RemoteProtocolError
from protocol.fields import Message
from protocol.messages import AgentMessage, CustomerMessage, Ping
from tests.protocol.examples import CLIENT_KINDS, DAEMON_KINDS, KINDS, messages, smallest

CLIENT: Codec[Any] = client_codec()
DAEMON: Codec[Any] = daemon_codec()
BOTH = pytest.mark.parametrize("codec", [CLIENT, DAEMON], ids=["from client", "from daemon"])
ID = bytes(range(16))


def codec_of(kind: type[Message]) -> Codec[Any]:
    return CLIENT if kind in CLIENT_KINDS else DAEMON


def as_map(message: Message) -> dict[str, Any]:
    return _lists(msgspec.to_builtins(message, builtin_types=(bytes,)))  # type: ignore[no-any-return]


def _lists(value: Any) -> Any:
    """The wire has one kind of array; here it is a list."""
    if isinstance(value, dict):
        return {key: _lists(item) for key, item in value.items()}
    return [_lists(item) for item in value] if isinstance(value, list | tuple) else value


def refusal_of(frame: bytes, codec: Codec[Any] = CLIENT) -> str:
    with pytest.raises(RemoteProtocolError) as raised:
        codec.decode(frame)
    return raised.value.code


def decodes_or_is_refused(frame: bytes, codec: Codec[Any]) -> bool:
    """Say whether nothing else happens than what the codec promises; any other exception passes through."""
    try:
        return bool(codec.decode(frame))
    except RemoteProtocolError as error:
        return error.code in (Code.BAD_FRAME, Code.TOO_LARGE)


def said(text: str) -> CustomerMessage:
    return CustomerMessage(ID, "web", "contact", Text(text))


# Both codecs agree.


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_what_either_codec_writes_the_other_reads_as_the_same(
    kind: type[Message], data: st.DataObject
) -> None:
    message = data.draw(messages(kind))
    assert msgpack.unpackb(encode([message])) == as_map(message)
    assert codec_of(kind).decode(msgpack.packb(as_map(message))) == [message]


@pytest.mark.parametrize(("kinds", "codec"), [(CLIENT_KINDS, CLIENT), (DAEMON_KINDS, DAEMON)])
@given(data=st.data())
def test_an_array_of_messages_comes_back_in_order(
    kinds: tuple[type[Message], ...], codec: Codec[Any], data: st.DataObject
) -> None:
    sent = data.draw(st.lists(st.one_of([messages(kind) for kind in kinds]), min_size=1, max_size=20))
    assert codec.decode(encode(sent)) == sent
    assert codec.decode(msgpack.packb([as_map(message) for message in sent])) == sent


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_fields_of_a_newer_peer_are_ignored(kind: type[Message]) -> None:
    newer = {**as_map(smallest(kind)), "brand_new": {"nested": [1, 2, 3]}}
    assert codec_of(kind).decode(msgpack.packb(newer)) == [smallest(kind)]


# Limits.


def test_a_frame_of_the_allowed_size_passes_and_one_byte_more_does_not() -> None:
    frame = encode([Ping(1)])
    assert Codec(Ping, list[Ping], len(frame)).decode(frame) == [Ping(1)]
    assert refusal_of(frame, Codec(Ping, list[Ping], len(frame) - 1)) == Code.TOO_LARGE


def test_the_most_messages_in_a_frame_pass_and_one_more_does_not() -> None:
    assert len(CLIENT.decode(encode([Ping()] * MESSAGES_PER_FRAME))) == MESSAGES_PER_FRAME
    assert refusal_of(encode([Ping()] * (MESSAGES_PER_FRAME + 1))) == Code.TOO_LARGE


@pytest.mark.parametrize("empty", [b"", b"\x90", b"\xdc\x00\x00", b"\xdd\x00\x00\x00\x00"])
@BOTH
def test_a_frame_with_nothing_in_it_is_refused(codec: Codec[Any], empty: bytes) -> None:
    assert refusal_of(empty, codec) == Code.BAD_FRAME


@pytest.mark.parametrize("length", [15, 17, 0])
def test_a_command_id_has_sixteen_bytes(length: int) -> None:
    wrong = {**as_map(said("hello")), "id": bytes(length)}
    assert refusal_of(msgpack.packb(wrong)) == Code.BAD_FRAME


@pytest.mark.parametrize(("length", "passes"), [(0, False), (1, True), (65_536, True), (65_537, False)])
def test_a_text_has_one_to_65536_characters(length: int, passes: bool) -> None:
    frame = encode([said("a" * length)])
    if passes:
        assert CLIENT.decode(frame) == [said("a" * length)]
    else:
        assert refusal_of(frame) == Code.BAD_FRAME


@pytest.mark.parametrize("kind", KINDS)
def test_bytes_after_the_message_are_refused(kind: type[Message]) -> None:
    assert refusal_of(encode([smallest(kind)]) + b"\xc0", codec_of(kind)) == Code.BAD_FRAME


@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_that_is_cut_off_anywhere_is_refused(kind: type[Message]) -> None:
    frame = encode([smallest(kind)])
    for length in range(len(frame)):
        assert refusal_of(frame[:length], codec_of(kind)) == Code.BAD_FRAME


@BOTH
@given(frame=st.binary(max_size=200))
def test_any_bytes_are_messages_or_are_refused_and_nothing_else(codec: Codec[Any], frame: bytes) -> None:
    assert decodes_or_is_refused(frame, codec)


@given(data=st.data())
def test_a_damaged_frame_is_messages_or_is_refused_and_nothing_else(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(KINDS))
    frame = bytearray(encode([data.draw(messages(kind))]))
    place = data.draw(st.integers(0, len(frame) - 1))
    frame[place] = data.draw(st.integers(0, 255))
    assert decodes_or_is_refused(bytes(frame), codec_of(kind))


# Bombs. The field is one that no message knows, for there the decoder has to skip what it cannot type.

UNKNOWN = b"\x82\xa4type\xa4ping\xa1x"
MANY = b"\xdd\xff\xff\xff\xff"
MEBIBYTE = 1_048_576
BOMBS = {
    "arrays in arrays": b"\x91" * 100_000,
    "arrays in arrays, closed": b"\x91" * 100_000 + b"\xc0",
    "maps in maps": b"\x81\xa1a" * 60_000 + b"\xc0",
    "arrays in an unknown field": UNKNOWN + b"\x91" * 100_000 + b"\xc0",
    "maps in an unknown field": UNKNOWN + b"\x81\xa1a" * 60_000 + b"\xc0",
    "an array of 4 Gi messages": MANY,
    "an array of 4 Gi messages, begun": MANY + encode([Ping()]) * 10,
    "arrays of 4 Gi in arrays of 4 Gi": MANY * 50_000,
    "a map of 4 Gi": b"\xdf\xff\xff\xff\xff",
    "a map of 4 Gi in an unknown field": UNKNOWN + b"\xdf\xff\xff\xff\xff",
    "an array of 4 Gi in an unknown field": UNKNOWN + MANY,
    "a text of 4 GiB": UNKNOWN + b"\xdb\xff\xff\xff\xff",
    "bytes of 4 GiB": UNKNOWN + b"\xc6\xff\xff\xff\xff",
    "an extension of 4 GiB": UNKNOWN + b"\xc9\xff\xff\xff\xff\x01",
    "a mebibyte of empty maps": b"\xdd" + struct.pack(">I", MEBIBYTE) + b"\x80" * MEBIBYTE,
    "a frame full of empty maps": b"\xdd" + struct.pack(">I", FRAME_BYTES - 5) + b"\x80" * (FRAME_BYTES - 5),
    "a frame full of empty arrays": b"\xdd"
    + struct.pack(">I", FRAME_BYTES - 5)
    + b"\x90" * (FRAME_BYTES - 5),
    "a mebibyte of a byte that means nothing": b"\xc1" * MEBIBYTE,
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS.keys())
@BOTH
def test_a_bomb_is_refused_and_costs_next_to_nothing(codec: Codec[Any], bomb: bytes) -> None:
    tracemalloc.start()
    try:
        assert refusal_of(bomb, codec) in (Code.BAD_FRAME, Code.TOO_LARGE)
        assert tracemalloc.get_traced_memory()[1] < MEBIBYTE
    finally:
        tracemalloc.stop()


def test_containers_in_an_unknown_field_are_skipped_and_not_built() -> None:
    frame = UNKNOWN + b"\xdd" + struct.pack(">I", 200_000) + b"\x80" * 200_000
    tracemalloc.start()
    try:
        assert CLIENT.decode(frame) == [Ping()]
        assert tracemalloc.get_traced_memory()[1] < MEBIBYTE // 16
    finally:
        tracemalloc.stop()


# Vectors from elsewhere.


def vectors(shared_data: Path, name: str) -> Any:
    path = shared_data / "test-vectors" / name
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    return json.loads(path.read_text(encoding="utf-8"))


def test_every_encoding_of_the_msgpack_test_suite_is_skipped_unharmed_in_an_unknown_field(
    shared_data: Path,
) -> None:
    for group in vectors(shared_data, "msgpack-test-suite.json").values():
        for encoding in (text for case in group for text in case["msgpack"]):
            value = bytes.fromhex(encoding.replace("-", ""))
            # Twice, with our own field between: whatever is skipped is skipped to its very end.
            frame = b"\x84\xa4type\xa4ping\xa1x" + value + b"\xa6number\x07\xa1y" + value
            assert CLIENT.decode(frame) == [Ping(7)]


def test_every_encoding_of_the_msgpack_test_suite_is_refused_as_a_frame(shared_data: Path) -> None:
    for group in vectors(shared_data, "msgpack-test-suite.json").values():
        for encoding in (text for case in group for text in case["msgpack"]):
            assert refusal_of(bytes.fromhex(encoding.replace("-", ""))) == Code.BAD_FRAME


def test_every_encoding_of_a_text_of_the_msgpack_test_suite_is_the_same_text(shared_data: Path) -> None:
    for group in vectors(shared_data, "msgpack-test-suite.json").values():
        for case in (case for case in group if case.get("string")):
            for encoding in case["msgpack"]:
                content = b"\x82\xa4type\xa4text\xa4text" + bytes.fromhex(encoding.replace("-", ""))
                frame = encode([said("?")]).replace(encode([Text("?")]), content)
                assert CLIENT.decode(frame) == [said(case["string"])]


def test_every_naughty_string_is_carried_unharmed(shared_data: Path) -> None:
    for text in vectors(shared_data, "blns.json"):
        if not text:
            assert refusal_of(encode([said(text)])) == Code.BAD_FRAME
            continue
        sent = [said(text), AgentMessage(ID, "anna", "c1", Text(text))]
        assert CLIENT.decode(encode(list(sent))) == sent
        assert CLIENT.decode(msgpack.packb([as_map(message) for message in sent])) == sent


@pytest.mark.parametrize("broken", [b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf"])
def test_text_that_is_not_utf_8_is_refused(broken: bytes) -> None:
    frame = encode([said("~~~~")]).replace(b"\xa4~~~~", bytes([0xA0 + len(broken)]) + broken)
    assert refusal_of(frame) == Code.BAD_FRAME
