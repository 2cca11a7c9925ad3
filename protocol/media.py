"""Messages about media: the bytes of images and voice messages, brought in pieces and fetched in pieces.

They belong to the vocabulary of ``protocol/messages.py``, which lists them. A medium is named by the SHA-256
of its bytes, so the same picture is stored once; it is the tenant's, and no other tenant can tell that it is
there. An upload is the sender's own, by the medium's name: it goes on where it was after a lost connection
and after a restart of the daemon, and each answer says where that is.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from protocol.content import Media, MediaType
from protocol.fields import CommandId, Message, Number

#: The most bytes of a medium that one message carries.
CHUNK_BYTES = 131_072

MediaKind = Literal["image", "voice"]
#: A console says which of its agents it is for; a gateway leaves it out.
ForAgent = Annotated[str, Meta(max_length=128)]


class UploadMedia(Message, frozen=True, tag="upload_media"):
    """Begin to bring a medium, or go on with it; answered at once where the tenant has it already.

    What is brought is kept for ``media.keep_unreferenced_s``, and for good once a message refers to it.
    """

    id: CommandId
    media: Media
    size_bytes: Annotated[int, Meta(ge=1, le=2**40)]
    kind: MediaKind = "image"
    agent: ForAgent = ""


class UploadChunk(Message, frozen=True, tag="upload_chunk"):
    """The next bytes of an upload. Those that do not follow on what is there are passed over.

    With the last of them the medium is checked: its size, its SHA-256, and what it is by its own bytes.
    """

    id: CommandId
    media: Media
    offset: Number
    data: Annotated[bytes, Meta(min_length=1, max_length=CHUNK_BYTES)]
    agent: ForAgent = ""


class FetchMedia(Message, frozen=True, tag="fetch_media"):
    """Ask for ``limit`` bytes of a medium of the tenant, from ``offset`` on."""

    id: CommandId
    media: Media
    offset: Number = 0
    limit: Annotated[int, Meta(ge=1, le=CHUNK_BYTES)] = CHUNK_BYTES
    agent: ForAgent = ""


class UploadState(Message, frozen=True, tag="upload_state"):
    """The upload goes on: the bytes from ``offset`` on are wanted. After a doubt about them it may be 0."""

    id: CommandId
    media: Media
    offset: Number


class MediaStored(Message, frozen=True, tag="media_stored"):
    """The medium is whole, checked and flushed; messages may refer to it. This is what it really is."""

    id: CommandId
    media: Media
    kind: MediaKind
    media_type: MediaType
    size_bytes: Number
    width: Number = 0
    height: Number = 0


class MediaChunk(Message, frozen=True, tag="media_chunk"):
    """Bytes of a medium from ``offset`` on; with ``offset`` beyond its end there are none."""

    id: CommandId
    media: Media
    media_type: MediaType
    size_bytes: Number
    offset: Number
    data: bytes
