"""What the generator writes: frames made before the clock starts, texts that prove themselves.

A text begins with the message's index, so that the receiver can tell that it is the next one of its
conversation, and with the time at which it was sent (in the paced runs; noughts elsewhere).
"""

from __future__ import annotations

from protocol.codec import encode
from protocol.content import Text
from protocol.messages import AgentMessage, CustomerMessage

CHANNEL = "web"
INDEX_DIGITS = 12
STAMP_DIGITS = 19
NO_STAMP = b"0" * STAMP_DIGITS
#: How the ids of measured messages begin.
MEASURED = bytes([0, 0, 0, 0, 0, 0, 0, 1])
#: Parts index and stamp; occurs nowhere after them.
MARK = "@"
#: Makes the frame of a customer's message about 190 bytes long.
REST = " Good evening. Has my order left the store yet?"


def text(index: int) -> Text:
    """Return the text of a message, not stamped yet."""
    return Text(f"{index:0{INDEX_DIGITS}d}{MARK}{0:0{STAMP_DIGITS}d}{REST}")


def ident(index: int) -> bytes:
    """Return the command id of a message: it grows, as the SDK's do, from above those of the opening."""
    return MEASURED + index.to_bytes(8, "big")


def index_in(command: bytes) -> int:
    """Return the index of the message that a command id stands for."""
    return int.from_bytes(command[8:], "big")


def index_of(written: str) -> int:
    """Return the index in a text."""
    return int(written[:INDEX_DIGITS])


def stamp_of(written: str) -> int:
    """Return the time in a text, in nanoseconds."""
    return int(written[INDEX_DIGITS + 1 : INDEX_DIGITS + 1 + STAMP_DIGITS])


def stamped(frame: bytes, now_ns: int) -> bytes:
    """Put the time into a frame."""
    at = frame.rindex(MARK.encode()) + 1
    return b"%b%019d%b" % (frame[:at], now_ns, frame[at + STAMP_DIGITS :])


def stamp_in(frame: bytes) -> int:
    """Return the time in a frame, in nanoseconds."""
    at = frame.rindex(MARK.encode()) + 1
    return int(frame[at : at + STAMP_DIGITS])


def contact(number: int) -> str:
    """Return the name of a customer."""
    return f"customer-{number:06d}"


def from_customer(index: int, number: int) -> bytes:
    """Return the frame of a customer's message."""
    return encode([CustomerMessage(ident(index), CHANNEL, contact(number), text(index))])


def from_agent(index: int, agent: str, conversation: str) -> bytes:
    """Return the frame of an agent's message."""
    return encode([AgentMessage(ident(index), agent, conversation, text(index))])
