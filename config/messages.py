"""What may be sent: canned replies, cards, and what the channels of each kind are known to take.

docs/media.md has the sources of the limits.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from msgspec import Meta, Struct

from config.annotations import Section, Violation, note
from config.kinds import Name

ChannelKind = Literal[
    "web", "wechat-official-account", "wechat-mini-program", "baidu-mini-program", "messenger", "sms"
]
Language = Annotated[
    str,
    Meta(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$"),
    note(says='a language tag like "uk" or "zh-Hans"'),
]
ContentKind = Literal["image", "voice", "link_card", "mini_program_card"]
ImageType = Literal["image/gif", "image/jpeg", "image/png", "image/webp"]
VoiceType = Literal[
    "audio/aac",
    "audio/amr",
    "audio/amr-wb",
    "audio/mp4",
    "audio/mpeg",
    "audio/ogg",
    "audio/wav",
    "audio/webm",
]
#: The longest text that a message can carry (`protocol/content.py`); no setting allows more.
TEXT_LENGTH_MAX = 65_536
TextLength = Annotated[int, Meta(ge=1, le=TEXT_LENGTH_MAX)]
ReplyText = Annotated[str, Meta(min_length=1, max_length=TEXT_LENGTH_MAX)]
Media = Annotated[
    str,
    Meta(pattern=r"^[0-9a-f]{64}$"),
    note(says="the SHA-256 of a stored picture: 64 hexadecimal digits"),
]
Url = Annotated[
    str,
    Meta(pattern=r"^https?://[^\s<>\"]+$", max_length=2_048),
    note(says='an address that begins with "https://" or "http://"'),
]

#: A placeholder of a canned reply (H3).
PLACEHOLDER = re.compile(r"<([a-z][a-z0-9_]{0,63})>")
#: What marks placeholders, and nothing else in a canned reply.
RESERVED = "<>"


class Known(Struct, frozen=True):
    """What is known of a kind of channel: the longest text, and what it can carry beside texts."""

    text_length_max: int | None = None
    text_bytes_max: int | None = None
    contents: tuple[ContentKind, ...] = ()


KNOWN: Mapping[ChannelKind, Known] = {
    "web": Known(contents=("image", "voice", "link_card")),
    "wechat-official-account": Known(
        text_bytes_max=2_048, contents=("image", "voice", "link_card", "mini_program_card")
    ),
    "wechat-mini-program": Known(text_bytes_max=2_048, contents=("image", "link_card", "mini_program_card")),
    "baidu-mini-program": Known(contents=("image",)),
    "messenger": Known(text_length_max=2_000, contents=("image", "voice", "link_card")),
    "sms": Known(),
}


class Reply(Section, frozen=True):
    """`[replies.<id>]`: a canned reply, in one or more languages. `<name>` in a text is a placeholder."""

    title: Name
    texts: Annotated[Mapping[Language, ReplyText], Meta(min_length=1)]

    def violations(self) -> Iterator[Violation]:
        """The reserved characters mark placeholders only."""
        for language, text in self.texts.items():
            if any(mark in PLACEHOLDER.sub("", text) for mark in RESERVED):
                what = f"has a < or > in {language!r} that is no placeholder like <customer_name> (H3)"
                yield Violation("texts", what)


class CardText(Section, frozen=True):
    """`[cards.<id>.texts.<language>]`: a card's words, and where it leads in this language, if elsewhere."""

    title: Annotated[str, Meta(min_length=1, max_length=256)]
    text: Annotated[str, Meta(max_length=1_000)] = ""
    url: Url | None = None
    page: Annotated[str, Meta(min_length=1, max_length=2_048)] | None = None


class Card(Section, frozen=True):
    """`[cards.<id>]`: a link, or a page of a mini program, with a title and a picture (H7)."""

    kind: Literal["link", "mini_program"]
    texts: Annotated[Mapping[Language, CardText], Meta(min_length=1)]
    url: Url | None = None
    """Where a link leads."""
    application: Annotated[str, Meta(min_length=1, max_length=128)] | None = None
    """The mini program's id at its provider."""
    page: Annotated[str, Meta(min_length=1, max_length=2_048)] | None = None
    """The mini program's page."""
    image: Media | None = None
    """A picture that was uploaded."""
    image_url: Url | None = None
    """A picture that is elsewhere."""

    def violations(self) -> Iterator[Violation]:
        """Each kind has what it leads by, in every language, and nothing of the other kind."""
        link = self.kind == "link"
        leads, other = ("url", "page") if link else ("page", "url")
        if getattr(self, leads) is None:
            without = [name for name, text in self.texts.items() if getattr(text, leads) is None]
            if without:
                yield Violation(leads, f"is missing, and the texts in {', '.join(without)} have none either")
        if not link and self.application is None:
            yield Violation("application", "is missing")
        if link and self.application is not None:
            yield Violation("application", "belongs to cards of the kind mini_program")
        if getattr(self, other) is not None or any(getattr(text, other) for text in self.texts.values()):
            yield Violation(other, f"does not belong to a card of the kind {self.kind}")
