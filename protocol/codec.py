"""Frames: bytes to messages and back, within limits.

A frame is one message (a msgpack map) or an array of messages. Decoding is typed, so a decode bomb is refused
before it costs anything; whatever is wrong with a frame comes out as one error class.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from protocol.errors import Code, RemoteProtocolError
from protocol.fields import Message
from protocol.messages import FromClient, FromDaemon

#: The most bytes in a frame, unless configured otherwise.
FRAME_BYTES = 262_144
#: The most messages in a frame.
MESSAGES_PER_FRAME = 1_024

#: What decoding raises, whatever is in the frame.
UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError, IndexError, OverflowError)
#: The first byte of a map with few keys, without their number: a single message, nearly always.
SMALL_MAP = 0x80

M = TypeVar("M")

_encoder = msgspec.msgpack.Encoder()


def encode(messages: list[Message]) -> bytes:
    """Make one frame of one or more messages."""
    if len(messages) == 1:
        return _encoder.encode(messages[0])
    return _encoder.encode(messages)


class Codec(Generic[M]):
    """Decodes the frames of one direction.

    ``one(frame)`` decodes a single message and raises what msgspec raises: for who handles any failure by
    calling ``decode``, which says what is wrong.
    """

    __slots__ = ("_many", "frame_bytes", "one")

    def __init__(self, one: object, many: object, frame_bytes: int) -> None:
        self.one: Callable[[bytes], M] = msgspec.msgpack.Decoder(one).decode
        self._many: Callable[[bytes], list[M]] = msgspec.msgpack.Decoder(many).decode
        self.frame_bytes = frame_bytes

    def decode(self, frame: bytes) -> list[M]:
        """Return the messages of a frame, at least one.

        Raises RemoteProtocolError with BAD_FRAME or TOO_LARGE.
        """
        if len(frame) > self.frame_bytes:
            raise RemoteProtocolError(
                Code.TOO_LARGE, f"the frame has {len(frame)} bytes, {self.frame_bytes} are allowed"
            )
        try:
            # 0x90-0x9f, 0xdc and 0xdd begin an array: several messages in one frame.
            first = frame[0]
            if first & 0xF0 != 0x90 and first not in (0xDC, 0xDD):
                return [self.one(frame)]
            # Counted before they are made: refusing a frame must not cost what its messages would.
            many = (
                first & 0x0F if first < 0xA0 else int.from_bytes(frame[1 : 3 if first == 0xDC else 5], "big")
            )
            messages = self._many(frame) if 0 < many <= MESSAGES_PER_FRAME else []
        except UNREADABLE as error:
            raise RemoteProtocolError(Code.BAD_FRAME, str(error) or "the frame is empty") from error
        if not messages:
            raise RemoteProtocolError(
                Code.TOO_LARGE if many else Code.BAD_FRAME,
                f"the frame has {many} messages, 1 to {MESSAGES_PER_FRAME} are allowed",
            )
        return messages


def client_codec(frame_bytes: int = FRAME_BYTES) -> Codec[FromClient]:
    """Decode what clients send."""
    return Codec(FromClient, list[FromClient], frame_bytes)


def daemon_codec(frame_bytes: int = 16 * FRAME_BYTES) -> Codec[FromDaemon]:
    """Decode what the daemon sends; a frame of it may hold a whole turn's deliveries."""
    return Codec(FromDaemon, list[FromDaemon], frame_bytes)
