"""Uploading and fetching, for both kinds of clients: which request comes next, as each answer says.

The requests survive lost connections by themselves; an upload whose beginning the daemon no longer knows is
begun again, and goes on where it was.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Generator
from functools import partial
from pathlib import Path
from typing import Any

from protocol.client.driver import Driver
from protocol.client.outstanding import Command
from protocol.client.pending import Pending
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

Request = Callable[..., Command]
#: Takes the answer to each request, or the refusal it met, and gives the next request.
Steps = Generator[Request, Any, Any]


class MediaDamaged(SwitchboardError):
    """What came of a medium does not have its SHA-256."""


def chunk_bytes(frame_bytes: int) -> int:
    """Return how many bytes a chunk may have, for a daemon that takes frames so large."""
    return max(1, min(CHUNK_BYTES, frame_bytes - OVERHEAD_BYTES))


def uploading(source: bytes | Path, kind: MediaKind, agent: str, driver: Driver) -> Steps:
    """Bring a medium; returns ``media_stored``."""
    data = source if isinstance(source, bytes) else source.read_bytes()
    media = hashlib.sha256(data).hexdigest()
    begin = partial(UploadMedia, media=media, size_bytes=len(data), kind=kind, agent=agent)
    request: Request = begin
    beginnings = 1
    while True:
        answer = yield request
        if isinstance(answer, MediaStored):
            return answer
        if isinstance(answer, UploadState):
            piece = data[answer.offset : answer.offset + chunk_bytes(driver.frame_bytes)]
            request = partial(UploadChunk, media=media, offset=answer.offset, data=piece, agent=agent)
        elif answer.code != Code.NOT_ALLOWED or request is begin or beginnings >= BEGINNINGS_MAX:
            raise answer
        else:
            request, beginnings = begin, beginnings + 1


def fetching(media: str, agent: str) -> Steps:
    """Fetch a medium whole; returns its bytes."""
    data = bytearray()
    while True:
        answer = yield partial(FetchMedia, media=media, offset=len(data), agent=agent)
        if isinstance(answer, CommandRefused):
            raise answer
        assert isinstance(answer, MediaChunk)
        data += answer.data
        if len(data) >= answer.size_bytes or not answer.data:
            break
    if hashlib.sha256(data).hexdigest() != media:
        raise MediaDamaged(f"the bytes that came are not those of the medium {media}")
    return bytes(data)


class _Blocking:
    """How a blocking client goes through the steps."""

    _driver: Driver

    def _send(self, make: Request, command_id: bytes | None = None) -> Pending[Any]:
        raise NotImplementedError

    def _upload(self, source: bytes | Path, kind: MediaKind, agent: str) -> MediaStored:
        stored: MediaStored = self._through(uploading(source, kind, agent, self._driver))
        return stored

    def _fetch(self, media: str, agent: str) -> bytes:
        data: bytes = self._through(fetching(media, agent))
        return data

    def _through(self, steps: Steps) -> Any:
        answer: Any = None
        while True:
            try:
                request = steps.send(answer)
            except StopIteration as end:
                return end.value
            try:
                answer = self._send(request).result()
            except CommandRefused as refused:
                answer = refused


class GatewayMedia(_Blocking):
    """Media of a blocking gateway."""

    def upload(self, source: bytes | Path, kind: MediaKind = "image") -> MediaStored:
        """Bring the bytes of an image or voice message; the answer's ``media`` is what messages refer to."""
        return self._upload(source, kind, "")

    def fetch(self, media: str) -> bytes:
        """Fetch the bytes of a medium. Raises CommandRefused if the tenant has none of that name."""
        return self._fetch(media, "")


class ConsoleMedia(_Blocking):
    """Media of a blocking console."""

    def upload(self, agent: str, source: bytes | Path, kind: MediaKind = "image") -> MediaStored:
        """Bring the bytes of an image or voice message; the answer's ``media`` is what messages refer to."""
        return self._upload(source, kind, agent)

    def fetch(self, agent: str, media: str) -> bytes:
        """Fetch the bytes of a medium. Raises CommandRefused if the tenant has none of that name."""
        return self._fetch(media, agent)


class _Async:
    """How an asyncio client goes through the steps."""

    _driver: Driver

    async def _send(self, make: Request, command_id: bytes | None = None) -> Any:
        raise NotImplementedError

    async def _upload(self, source: bytes | Path, kind: MediaKind, agent: str) -> MediaStored:
        # Reading a file would hold up the loop.
        data = source if isinstance(source, bytes) else await asyncio.to_thread(source.read_bytes)
        stored: MediaStored = await self._through(uploading(data, kind, agent, self._driver))
        return stored

    async def _fetch(self, media: str, agent: str) -> bytes:
        data: bytes = await self._through(fetching(media, agent))
        return data

    async def _through(self, steps: Steps) -> Any:
        answer: Any = None
        while True:
            try:
                request = steps.send(answer)
            except StopIteration as end:
                return end.value
            try:
                answer = await self._send(request)
            except CommandRefused as refused:
                answer = refused


class AsyncGatewayMedia(_Async):
    """Media of an asyncio gateway."""

    async def upload(self, source: bytes | Path, kind: MediaKind = "image") -> MediaStored:
        """Bring the bytes of an image or voice message; the answer's ``media`` is what messages refer to."""
        return await self._upload(source, kind, "")

    async def fetch(self, media: str) -> bytes:
        """Fetch the bytes of a medium. Raises CommandRefused if the tenant has none of that name."""
        return await self._fetch(media, "")


class AsyncConsoleMedia(_Async):
    """Media of an asyncio console."""

    async def upload(self, agent: str, source: bytes | Path, kind: MediaKind = "image") -> MediaStored:
        """Bring the bytes of an image or voice message; the answer's ``media`` is what messages refer to."""
        return await self._upload(source, kind, agent)

    async def fetch(self, agent: str, media: str) -> bytes:
        """Fetch the bytes of a medium. Raises CommandRefused if the tenant has none of that name."""
        return await self._fetch(media, agent)
