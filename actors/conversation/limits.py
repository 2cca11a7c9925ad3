"""What a desk says about messages, worked out once for each desk: a message costs one look-up."""

from __future__ import annotations

from typing import NamedTuple

from config.desk import Channel, Desk
from config.messages import KNOWN, ContentKind

#: A character of UTF-8 has at most so many bytes.
BYTES_PER_CHARACTER_MAX = 4


class Rules(NamedTuple):
    """The rules of a desk.

    ``safe_length``: by channel, how many characters a text may have that needs no closer look.
    ``shown_as``: what customers see of those agents of whom the desk says it (H8).
    """

    desk: Desk
    safe_length: dict[str, int]
    shown_as: dict[str, str]


def rules_of(desk: Desk) -> Rules:
    """Work the rules of a desk out."""
    return Rules(
        desk,
        {name: _safe_length(desk, channel) for name, channel in desk.channels.items()},
        {name: agent.shown_as for name, agent in desk.agents.items() if agent.shown_as is not None},
    )


def _safe_length(desk: Desk, channel: Channel) -> int:
    if desk.policies.reserved_characters == "refuse":
        return 0
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
