"""The steps of an upload and of a fetch, as answers and refusals direct them."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from protocol.client.asynchronous import AsyncGatewayClient
from protocol.client.machine import size_of
from protocol.client.media import BEGINNINGS_MAX, MediaDamaged, chunk_bytes, fetching, uploading
from protocol.client.outstanding import agent_of, lane_of
from protocol.client.verbs import Request, Steps
from protocol.errors import Code, CommandRefused
from protocol.media import (
    CHUNK_BYTES,
    FetchMedia,
    MediaChunk,
    MediaStored,
    UploadChunk,
    UploadMedia,
    UploadState,
)

ID = bytes(16)
DATA = bytes(range(256)) * 1_000
MEDIA = hashlib.sha256(DATA).hexdigest()
STORED = MediaStored(ID, MEDIA, "image", "image/png", len(DATA), 1, 1)


def upload(frame_bytes: int = 262_144, source: bytes | Path = DATA, agent: str = "") -> Steps[Any]:
    driver: Any = SimpleNamespace(frame_bytes=frame_bytes)
    return uploading(source, "image", agent, driver)


def first(steps: Steps[Any]) -> Any:
    return next(steps).make(id=ID)


def then(steps: Steps[Any], answer: Any) -> Any:
    return steps.send(answer).make(id=ID)


def end(steps: Steps[Any], answer: Any) -> Any:
    with pytest.raises(StopIteration) as caught:
        steps.send(answer)
    return caught.value.value


def test_an_upload_goes_where_each_answer_says_and_ends_when_it_is_stored(tmp_path: Path) -> None:
    file = tmp_path / "picture"
    file.write_bytes(DATA)
    steps = upload(source=file)
    assert first(steps) == UploadMedia(ID, MEDIA, len(DATA))
    assert then(steps, UploadState(ID, MEDIA, 0)) == UploadChunk(ID, MEDIA, 0, DATA[:CHUNK_BYTES])
    assert then(steps, UploadState(ID, MEDIA, 200_000)) == UploadChunk(ID, MEDIA, 200_000, DATA[200_000:])
    assert then(steps, UploadState(ID, MEDIA, 0)).offset == 0, "a power loss has spoilt what had come"
    assert end(steps, STORED) == STORED


def test_what_is_there_already_is_not_sent() -> None:
    steps = upload()
    first(steps)
    assert end(steps, STORED) == STORED


@pytest.mark.parametrize("frame_bytes", [1_024, 4_096, 262_144, 67_108_864])
def test_every_chunk_fits_into_a_frame(frame_bytes: int) -> None:
    steps = upload(frame_bytes, agent="a" * 128)
    first(steps)
    chunk = then(steps, UploadState(ID, MEDIA, 0))
    assert 0 < len(chunk.data) == chunk_bytes(frame_bytes) <= CHUNK_BYTES
    assert size_of(chunk) <= frame_bytes


def test_an_upload_that_the_daemon_does_not_know_any_more_is_begun_again_but_not_for_ever() -> None:
    steps = upload()
    first(steps)
    unknown = CommandRefused(Code.NOT_ALLOWED, "no upload of that medium is under way")
    for _ in range(BEGINNINGS_MAX - 1):
        assert isinstance(then(steps, UploadState(ID, MEDIA, 100)), UploadChunk)
        assert isinstance(then(steps, unknown), UploadMedia)
    then(steps, UploadState(ID, MEDIA, 100))
    with pytest.raises(CommandRefused, match="NOT_ALLOWED"):
        steps.send(unknown)


@pytest.mark.parametrize("code", [Code.CONTENT, Code.QUOTA, Code.TOO_LARGE, Code.NOT_AUTHENTICATED])
def test_any_other_refusal_is_the_users(code: Code) -> None:
    steps = upload()
    first(steps)
    then(steps, UploadState(ID, MEDIA, 0))
    with pytest.raises(CommandRefused, match=code):
        steps.send(CommandRefused(code, "no"))


def test_a_refused_beginning_is_not_tried_again() -> None:
    steps = upload()
    first(steps)
    with pytest.raises(CommandRefused, match="NOT_ALLOWED"):
        steps.send(CommandRefused(Code.NOT_ALLOWED, "a gateway may not"))


def test_a_fetch_asks_until_it_has_all_and_checks_that_it_is_the_one() -> None:
    steps = fetching(MEDIA, "anna")
    assert first(steps) == FetchMedia(ID, MEDIA, 0, agent="anna")
    part = MediaChunk(ID, MEDIA, "image/png", len(DATA), 0, DATA[:CHUNK_BYTES])
    assert then(steps, part) == FetchMedia(ID, MEDIA, CHUNK_BYTES, agent="anna")
    rest = MediaChunk(ID, MEDIA, "image/png", len(DATA), CHUNK_BYTES, DATA[CHUNK_BYTES:])
    assert end(steps, rest) == DATA


@pytest.mark.parametrize("data", [b"", b"x" * len(DATA)])
def test_bytes_that_are_not_the_mediums_are_not_handed_on(data: bytes) -> None:
    steps = fetching(MEDIA, "")
    first(steps)
    with pytest.raises(MediaDamaged, match=MEDIA):
        steps.send(MediaChunk(ID, MEDIA, "image/png", len(DATA), 0, data))


def test_requests_about_one_medium_keep_their_order_and_a_gateways_wait_for_no_agent() -> None:
    chunk, other = UploadChunk(ID, MEDIA, 0, b"x"), UploadChunk(ID, "0" * 64, 0, b"x")
    assert lane_of(chunk) == lane_of(UploadChunk(ID, MEDIA, 9, b"y")) != lane_of(other)
    assert agent_of(chunk) is None
    assert agent_of(UploadChunk(ID, MEDIA, 0, b"x", "anna")) == "anna"


def test_an_asyncio_upload_reads_and_hashes_its_file_outside_of_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large file, or a slow disk, would hold up whatever else the loop has to do."""
    at_work: list[int] = []
    source = tmp_path / "photo.png"
    source.write_bytes(DATA)
    sha256 = hashlib.sha256

    def hashes(data: bytes) -> Any:
        at_work.append(threading.get_ident())
        return sha256(data)

    class Bare(AsyncGatewayClient):
        _driver: Any = SimpleNamespace(frame_bytes=262_144)

        def __init__(self) -> None: ...

        async def _ask(self, request: Request[Any]) -> Any:
            return STORED

    monkeypatch.setattr(hashlib, "sha256", hashes)
    assert asyncio.run(Bare().upload(source)) == STORED
    assert len(at_work) == 1
    assert threading.get_ident() not in at_work
