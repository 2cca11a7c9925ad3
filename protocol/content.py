"""Content: what one person says to another."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from protocol.fields import Message


class Text(Message, frozen=True, tag="text"):
    """A text message. What an agent writes may be bounded further by the desk's policy (H2)."""

    text: Annotated[str, Meta(min_length=1, max_length=65_536)]


Content = Text
