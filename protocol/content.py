"""Content: what one person says to another, and what an agent may name instead of saying it.

The bytes of an image or a voice message are not in here: they are uploaded before (``protocol/media.py``) and
named by their SHA-256. What the daemon knows of them it fills in, so that the history stands on its own.
"""

from __future__ import annotations

from typing import Annotated, TypeVar

from msgspec import Meta, field

from protocol.fields import Message, Number

Media = Annotated[
    str,
    Meta(min_length=64, max_length=64, pattern="^[0-9a-f]{64}$", description="SHA-256 of the bytes, in hex"),
]
MediaOrNone = Annotated[str, Meta(max_length=64, pattern="^([0-9a-f]{64})?$")]
MediaType = Annotated[str, Meta(max_length=64)]
Title = Annotated[str, Meta(min_length=1, max_length=256)]
Teaser = Annotated[str, Meta(max_length=1_000)]
Link = Annotated[str, Meta(min_length=1, max_length=2_048)]
LinkOrNone = Annotated[str, Meta(max_length=2_048)]
Reference = Annotated[str, Meta(min_length=1, max_length=128)]
ReferenceOrNone = Annotated[str, Meta(max_length=128)]
Language = Annotated[str, Meta(max_length=35)]

# What is stored and delivered.


class Text(Message, frozen=True, tag="text"):
    """A text message. What an agent writes may be bounded further by the desk and the channel (H2).

    ``reply``: the canned reply that it was made of, as it is or with the agent's changes.
    """

    text: Annotated[str, Meta(min_length=1, max_length=65_536)]
    reply: ReferenceOrNone = ""


class Image(Message, frozen=True, tag="image"):
    """A picture (H5). The sender gives ``media`` and, for people, ``name``; the rest the daemon fills in."""

    media: Media
    name: Annotated[str, Meta(max_length=256)] = ""
    media_type: MediaType = ""
    size_bytes: Number = 0
    width: Number = 0
    height: Number = 0


class Voice(Message, frozen=True, tag="voice"):
    """A voice message (H6). The sender gives ``media`` and ``duration_s``; the rest the daemon fills in."""

    media: Media
    duration_s: Annotated[float, Meta(ge=0, le=86_400)] = 0.0
    media_type: MediaType = ""
    size_bytes: Number = 0


class LinkCard(Message, frozen=True, tag="link_card"):
    """A link with a title, a teaser and a picture (H7): stored (``image``), or to be fetched from elsewhere.

    ``card``: the card of the desk that it was made of.
    """

    title: Title
    url: Link
    text: Teaser = ""
    image: MediaOrNone = ""
    image_url: LinkOrNone = ""
    card: ReferenceOrNone = ""


class MiniProgramCard(Message, frozen=True, tag="mini_program_card"):
    """A page of a mini program with a title and a picture (H7); ``application`` is its provider's id."""

    title: Title
    application: Reference
    page: Link
    image: MediaOrNone = ""
    image_url: LinkOrNone = ""
    card: ReferenceOrNone = ""


# What an agent may name; the decision to send it makes content of it.


class CannedReply(Message, frozen=True, tag="canned_reply"):
    """A reply of the desk, in the customer's language or in ``language`` (K4).

    ``arguments`` fill its placeholders, beside those that the daemon fills by itself. What is stored and
    delivered is the ``text`` it makes.
    """

    reply: Reference
    language: Language = ""
    arguments: Annotated[dict[str, Annotated[str, Meta(max_length=1_000)]], Meta(max_length=16)] = field(
        default_factory=dict
    )


class Card(Message, frozen=True, tag="card"):
    """A card of the desk, in the customer's language or in ``language`` (H7).

    What is stored and delivered is the ``link_card`` or ``mini_program_card`` it makes.
    """

    card: Reference
    language: Language = ""


C = TypeVar("C", bound=Message)

#: What is stored and delivered.
Content = Text | Image | Voice | LinkCard | MiniProgramCard
#: What an agent may send.
Outgoing = Content | CannedReply | Card


def as_content(said: str | C) -> Text | C:
    """Return a content as it is, and a plain text as the content that says it."""
    return Text(said) if isinstance(said, str) else said
