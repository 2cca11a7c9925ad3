"""Uploading and fetching: which request comes next, as each answer says.

The requests survive lost connections by themselves; an upload whose beginning the daemon no longer knows is
begun again, and goes on where it was.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from protocol.client.driver import Driver
from protocol.client.verbs import Client, Request, Steps, dialogue
from protocol.errors import Code, CommandRefused, SwitchboardError
from protocol.media import (
    CHUNK_BYTES,
    FetchMedia,
    MediaChunk,
    MediaKind,
    MediaStored,
    UploadChunk,
    UploadMedia,
    UploadState,
)

#: What a chunk's message has beside its bytes, at most.
OVERHEAD_BYTES = 512
#: How often an upload is begun again, should the daemon not know it any more.
BEGINNINGS_MAX = 5


class MediaDamaged(SwitchboardError):
    """What came of a medium does not have its SHA-256."""


def chunk_bytes(frame_bytes: int) -> int:
    """Return how many bytes a chunk may have, for a daemon that takes frames so large."""
    return max(1, min(CHUNK_BYTES, frame_bytes - OVERHEAD_BYTES))


def uploading(source: bytes | Path, kind: MediaKind, agent: str, driver: Driver) -> Steps[MediaStored]:
    """Bring a medium; returns ``media_stored``."""
    data = source if isinstance(source, bytes) else source.read_bytes()
    media = hashlib.sha256(data).hexdigest()
    begin: Request[Any] = Request(UploadMedia, media=media, size_bytes=len(data), kind=kind, agent=agent)
    request = begin
    beginnings = 1
    while True:
        answer = yield request
        if isinstance(answer, MediaStored):
            return answer
        if isinstance(answer, UploadState):
            piece = data[answer.offset : answer.offset + chunk_bytes(driver.frame_bytes)]
            request = Request(UploadChunk, media=media, offset=answer.offset, data=piece, agent=agent)
        elif answer.code != Code.NOT_ALLOWED or request is begin or beginnings >= BEGINNINGS_MAX:
            raise answer
        else:
            request, beginnings = begin, beginnings + 1


def fetching(media: str, agent: str) -> Steps[bytes]:
    """Fetch a medium whole; returns its bytes."""
    data = bytearray()
    while True:
        answer = yield Request(FetchMedia, media=media, offset=len(data), agent=agent)
        if isinstance(answer, CommandRefused):
            raise answer
        assert isinstance(answer, MediaChunk)
        data += answer.data
        if len(data) >= answer.size_bytes or not answer.data:
            break
    if hashlib.sha256(data).hexdigest() != media:
        raise MediaDamaged(f"the bytes that came are not those of the medium {media}")
    return bytes(data)


class GatewayMedia(Client):
    """Media of a gateway."""

    @dialogue
    def upload(self, source: bytes | Path, kind: MediaKind = "image") -> Steps[MediaStored]:
        """Bring the bytes of an image or voice message; the answer's ``media`` is what messages refer to."""
        return uploading(source, kind, "", self._driver)

    @dialogue
    def fetch(self, media: str) -> Steps[bytes]:
        """Fetch the bytes of a medium. Raises CommandRefused if the tenant has none of that name."""
        return fetching(media, "")


class ConsoleMedia(Client):
    """Media of a console."""

    @dialogue
    def upload(self, agent: str, source: bytes | Path, kind: MediaKind = "image") -> Steps[MediaStored]:
        """Bring the bytes of an image or voice message; the answer's ``media`` is what messages refer to."""
        return uploading(source, kind, agent, self._driver)

    @dialogue
    def fetch(self, agent: str, media: str) -> Steps[bytes]:
        """Fetch the bytes of a medium. Raises CommandRefused if the tenant has none of that name."""
        return fetching(media, agent)
