"""Which style a conversation has, and what that means at a moment (F2-F7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.styles import STYLES, Style, style_named

if TYPE_CHECKING:
    from config.desk import Channel, Desk

LIVE_CHAT = "live_chat"


def begun_with(channel: Channel, department: str, desk: Desk, *, authenticated: bool) -> str:
    """Return the style of a conversation that begins: the department's before the channel's (F6).

    A web visitor whom the gateway does not know is a live chat, whatever they say (F7): there would be
    nobody to come back to.
    """
    if channel.kind == "web" and not authenticated:
        return LIVE_CHAT
    settings = desk.departments.get(department)
    return (settings.style if settings is not None else None) or channel.style


def style_of(ident: str, desk: Desk) -> Style:
    """Return the settings of a style in the desk in force."""
    return style_named(desk.styles, ident) if desk.styles else STYLES.get(ident, STYLES[LIVE_CHAT])
