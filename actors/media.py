"""What the daemon knows of media, and which one a content refers to. The bytes are in ``daemon/media``."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from protocol.content import Content, Image, LinkCard, MiniProgramCard, Voice


class Medium(NamedTuple):
    """A stored medium: ``image`` or ``voice``, and what it is by its own bytes."""

    kind: str
    media_type: str
    size_bytes: int
    width: int = 0
    height: int = 0


#: Find a medium of a tenant by its SHA-256. Whoever finds one may refer to it: it stays at least until the
#: turn is committed, and then for good.
Find = Callable[[str, str], Medium | None]


def no_media(tenant: str, media: str) -> Medium | None:
    """Find nothing: where no media are stored."""
    return None


def referred_to(content: Content) -> str:
    """Return the medium that a content refers to; "" if none."""
    if isinstance(content, Image | Voice):
        return content.media
    if isinstance(content, LinkCard | MiniProgramCard):
        return content.image
    return ""
