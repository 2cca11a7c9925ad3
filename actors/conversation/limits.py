"""What a desk says about messages, worked out once for each desk: a message costs one look-up."""

from __future__ import annotations

from typing import NamedTuple

from config.desk import Channel, Desk
from config.messages import KNOWN, ContentKind
from config.windows import Window

#: A character of UTF-8 has at most so many bytes.
BYTES_PER_CHARACTER_MAX = 4
#: The safe length of a channel whose texts all need a closer look.
NEVER_SAFE = -1


class Demands(NamedTuple):
    """What a channel demands of what is sent through it: its window, and how far messages are followed."""

    kind: str
    window_id: str
    window: Window
    receipts: str
    holds: bool
    attempts_max: int
    timeout_s: float

    @property
    def followed(self) -> bool:
        """Whether the gateway reports what becomes of each message."""
        return self.receipts != "none"


class Rules(NamedTuple):
    """The rules of a desk.

    ``safe_length``: by channel, how many characters an agent's text may have that needs no closer look.
    ``shown_as``: what customers see of those agents of whom the desk says it (H8). ``demands``: the channels,
    and only those, whose windows count or end by time, or whose messages are followed.
    """

    desk: Desk
    safe_length: dict[str, int]
    shown_as: dict[str, str]
    demands: dict[str, Demands]


def rules_of(desk: Desk) -> Rules:
    """Work the rules of a desk out."""
    every = {name: demands_of(channel, desk) for name, channel in desk.channels.items()}
    shown_as = {name: agent.shown_as for name, agent in desk.agents.items() if agent.shown_as is not None}
    return Rules(
        desk,
        {} if shown_as else {name: _safe_length(desk, channel) for name, channel in desk.channels.items()},
        shown_as,
        {name: found for name, found in every.items() if _anything(found)},
    )


def demands_of(channel: Channel, desk: Desk) -> Demands:
    """Return what a channel demands, be it nothing."""
    ident, window = desk.window_of(channel)
    return Demands(
        channel.kind,
        ident,
        window,
        channel.receipts,
        channel.head_of_line == "hold",
        channel.delivery_attempts_max,
        channel.delivery_timeout_s,
    )


def _anything(demands: Demands) -> bool:
    return demands.window.limited or demands.followed


def _safe_length(desk: Desk, channel: Channel) -> int:
    if desk.policies.reserved_characters == "refuse" or _anything(demands_of(channel, desk)):
        return NEVER_SAFE
    most = [desk.policies.text_length_max]
    length, size = text_length_max(channel), text_bytes_max(channel)
    if length is not None:
        most.append(length)
    if size is not None:
        most.append(size // BYTES_PER_CHARACTER_MAX)
    return min(most)


def text_length_max(channel: Channel) -> int | None:
    """Return the longest text of a channel in characters; None if nothing is known of it."""
    return channel.text_length_max or KNOWN[channel.kind].text_length_max


def text_bytes_max(channel: Channel) -> int | None:
    """Return the longest text of a channel in bytes of UTF-8; None if nothing is known of it."""
    return channel.text_bytes_max or KNOWN[channel.kind].text_bytes_max


def contents_of(channel: Channel) -> tuple[ContentKind, ...]:
    """Return what agents may send through a channel beside texts."""
    return KNOWN[channel.kind].contents if channel.contents is None else channel.contents
