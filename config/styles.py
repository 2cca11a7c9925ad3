"""How conversations end and come back (F2-F7): styles, as data.

docs/conversations.md says what each setting does.
"""

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta

from config.annotations import Section, note

#: The longest that a conversation may stay solved (F4): 28 days.
CLOSE_AFTER_S_MAX = 2_419_200
DAY_S = 86_400


class Style(Section, frozen=True):
    """`[styles.<id>]`: what becomes of a conversation that its agent ends, and what releases capacity."""

    close_after_s: Annotated[float, Meta(ge=0, le=CLOSE_AFTER_S_MAX)] = 0
    """How long it stays solved: a message within that time reopens it. 0 ends it at once."""
    releases: tuple[Literal["pending", "on_hold"], ...] = ()
    """While it has one of these statuses it takes none of its agent's capacity (F5)."""


STYLES: Mapping[str, Style] = {
    "live_chat": Style(),
    "live_chat_with_return": Style(close_after_s=3_600),
    "social_messaging": Style(close_after_s=4 * DAY_S, releases=("pending", "on_hold")),
}
"""Styles that exist without being written; a desk may write them otherwise."""

StyleId = Annotated[str, note(refers_to="styles", besides=tuple(STYLES))]


def style_named(styles: Mapping[str, Style], ident: str) -> Style:
    """Return a style by its id; one that has left the desk leaves live chat, which keeps nothing open."""
    return styles.get(ident) or STYLES.get(ident) or STYLES["live_chat"]
