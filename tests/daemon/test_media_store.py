"""Media in files: whole or not at all, whatever happens (H5); nobody's but the tenant's (G15)."""

from __future__ import annotations

import errno
import hashlib
import stat
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from config.sections import Limits
from daemon.media.catalogue import Name
from daemon.media.files import Files
from daemon.media.store import Declined, MediaStore, Peer, declined
from protocol.errors import Code
from protocol.media import FetchMedia, MediaKind, MediaStored, UploadChunk, UploadMedia, UploadState
from tests.daemon import pictures
from tests.daemon.fragile import FragileFiles, Killed

ID = bytes(16)
WEB, OTHER_GATEWAY = Peer("acme", "gateway+web"), Peer("acme", "gateway+sms")
STRANGER = Peer("rival", "gateway+web")
DAY_S = 86_400.0
PICTURE = pictures.png(more=b"x" * 500)
PIECE = 100


def name_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[MediaStore]:
    made = MediaStore(tmp_path / "media", Limits())
    yield made
    made.close()


def opened(directory: Path, disk: Files | None = None, limits: Limits | None = None) -> MediaStore:
    made = MediaStore(directory, limits or Limits(), disk)
    made.catalogue.use_journal("j", 1_000)
    made.find_uploads(0.0)
    return made


def begins(
    store: MediaStore, data: bytes, peer: Peer = WEB, kind: MediaKind = "image", now: float = 0.0
) -> Any:
    return store.begin(peer, UploadMedia(ID, name_of(data), len(data), kind), now)


def uploads(
    store: MediaStore,
    data: bytes,
    peer: Peer = WEB,
    kind: MediaKind = "image",
    *,
    pieces: int = 1_000_000,
    now: float = 0.0,
) -> Any:
    """Bring a medium as the SDK does, piece by piece from where each answer says; at most so many pieces."""
    answer = begins(store, data, peer, kind, now)
    while isinstance(answer, UploadState) and pieces:
        pieces -= 1
        piece = data[answer.offset : answer.offset + PIECE]
        answer = store.take(peer, UploadChunk(ID, answer.media, answer.offset, piece), now)
    return answer


def fetches(store: MediaStore, media: str, tenant: str = "acme") -> bytes:
    data = b""
    while True:
        chunk = store.fetch(tenant, FetchMedia(ID, media, len(data), PIECE))
        data += chunk.data
        if len(data) >= chunk.size_bytes:
            return data


def refused(code: Code, *words: str, by: Any) -> None:
    with pytest.raises(Declined) as caught:
        by()
    assert caught.value.code is code
    for word in words:
        assert word in caught.value.message


def files_of(directory: Path) -> list[Path]:
    return [path for path in directory.glob("*/[0-9a-f][0-9a-f]/*") if path.is_file()]


def parts_of(directory: Path) -> list[Path]:
    return [path for path in directory.glob("*/incoming/*/*") if path.is_file()]


# In and out.


@pytest.mark.rule("H5")
def test_what_was_brought_is_fetched_byte_for_byte_and_is_what_its_bytes_say(store: MediaStore) -> None:
    stored = uploads(store, PICTURE)
    assert stored == MediaStored(ID, name_of(PICTURE), "image", "image/png", len(PICTURE), 3, 2)
    assert fetches(store, stored.media) == PICTURE
    voice = uploads(store, pictures.amr(), kind="voice")
    assert (voice.kind, voice.media_type) == ("voice", "audio/amr")
    assert store.fetch("acme", FetchMedia(ID, voice.media, 10_000)).data == b""


def test_files_and_folders_are_for_the_daemon_alone(store: MediaStore, tmp_path: Path) -> None:
    uploads(store, PICTURE)
    begins(store, pictures.jpeg())
    for path in (tmp_path / "media").rglob("*"):
        allowed = 0o700 if path.is_dir() else 0o600
        assert stat.S_IMODE(path.stat().st_mode) & ~allowed & ~0o44 == 0 or path.suffix.startswith(".db")
    (file,) = files_of(tmp_path / "media")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_same_picture_is_stored_once_whoever_brings_it(store: MediaStore, tmp_path: Path) -> None:
    first = uploads(store, PICTURE)
    assert begins(store, PICTURE, OTHER_GATEWAY) == first
    assert len(files_of(tmp_path / "media")) == store.count == 1
    assert store.size_bytes == len(PICTURE)


@pytest.mark.rule("guarantee-G15")
def test_a_tenant_cannot_tell_that_another_one_has_a_medium(store: MediaStore) -> None:
    media = uploads(store, PICTURE).media
    missing = "0" * 64
    for wanted in (media, missing):
        refused(Code.NOT_ALLOWED, wanted, by=lambda wanted=wanted: fetches(store, wanted, "rival"))
    assert store.catalogue.find("rival", media, 0.0) is None
    state = begins(store, PICTURE, STRANGER)
    assert state == UploadState(ID, media, 0), "who has not the bytes has to bring all of them"


def test_two_peers_who_bring_the_same_medium_do_not_disturb_each_other(
    store: MediaStore, tmp_path: Path
) -> None:
    begins(store, PICTURE, OTHER_GATEWAY)
    lie = UploadChunk(ID, name_of(PICTURE), 0, b"x" * len(PICTURE))
    uploads(store, PICTURE, pieces=2)
    refused(Code.CONTENT, "SHA-256", by=lambda: store.take(OTHER_GATEWAY, lie, 0.0))
    assert isinstance(uploads(store, PICTURE), MediaStored)
    assert fetches(store, name_of(PICTURE)) == PICTURE
    assert parts_of(tmp_path / "media") == []


def test_who_is_second_to_finish_the_same_medium_is_told_that_it_is_stored(
    store: MediaStore, tmp_path: Path
) -> None:
    chunk = UploadChunk(ID, name_of(PICTURE), 0, PICTURE)
    for peer in (WEB, OTHER_GATEWAY):
        begins(store, PICTURE, peer)
    first, second = store.take(WEB, chunk, 0.0), store.take(OTHER_GATEWAY, chunk, DAY_S)
    assert isinstance(first, MediaStored)
    assert second == first
    assert (store.count, store.size_bytes, store.uploads) == (1, len(PICTURE), 0)
    assert parts_of(tmp_path / "media") == []
    assert store.remove_unreferenced(DAY_S, frozenset()) == 0, "it is as good as new"


# Going on.


def test_pieces_that_come_twice_or_too_early_change_nothing(store: MediaStore) -> None:
    media = name_of(PICTURE)
    begins(store, PICTURE)
    first = UploadChunk(ID, media, 0, PICTURE[:PIECE])
    assert store.take(WEB, first, 0.0) == UploadState(ID, media, PIECE)
    assert store.take(WEB, first, 0.0) == UploadState(ID, media, PIECE)
    early = UploadChunk(ID, media, 3 * PIECE, PICTURE[3 * PIECE : 4 * PIECE])
    assert store.take(WEB, early, 0.0) == UploadState(ID, media, PIECE)
    assert begins(store, PICTURE) == UploadState(ID, media, PIECE)
    assert isinstance(uploads(store, PICTURE), MediaStored)
    last = UploadChunk(ID, media, 0, PICTURE[:PIECE])
    assert isinstance(store.take(WEB, last, 0.0), MediaStored), "the answer to the last piece was lost"


def test_an_upload_goes_on_after_a_restart_where_it_was(tmp_path: Path) -> None:
    store = opened(tmp_path)
    uploads(store, PICTURE, pieces=3)
    store.close()
    again = opened(tmp_path)
    piece = UploadChunk(ID, name_of(PICTURE), 3 * PIECE, PICTURE[3 * PIECE :])
    refused(Code.NOT_ALLOWED, "upload_media first", by=lambda: again.take(WEB, piece, 0.0))
    assert begins(again, PICTURE) == UploadState(ID, name_of(PICTURE), 3 * PIECE)
    assert isinstance(again.take(WEB, piece, 0.0), MediaStored)
    again.close()


def test_what_a_power_loss_has_spoilt_of_an_upload_is_wanted_again(tmp_path: Path) -> None:
    store = opened(tmp_path)
    uploads(store, PICTURE, pieces=3)
    store.close()
    (part,) = parts_of(tmp_path)
    part.write_bytes(bytes(3 * PIECE))
    again = opened(tmp_path)
    begins(again, PICTURE)
    rest = UploadChunk(ID, name_of(PICTURE), 3 * PIECE, PICTURE[3 * PIECE :])
    assert again.take(WEB, rest, 0.0) == UploadState(ID, name_of(PICTURE), 0)
    assert isinstance(uploads(again, PICTURE), MediaStored)
    again.close()


# Refusals.


@pytest.mark.rule("H5")
def test_what_is_not_what_it_is_said_to_be_is_refused_and_gone(store: MediaStore, tmp_path: Path) -> None:
    page = b"<html>" + bytes(200)
    refused(Code.CONTENT, "nothing that is known", "no image", by=lambda: uploads(store, page))
    refused(Code.CONTENT, "audio/amr", "no image", by=lambda: uploads(store, pictures.amr()))
    refused(Code.CONTENT, "image/png", "no voice", by=lambda: uploads(store, PICTURE, kind="voice"))
    lie = UploadMedia(ID, name_of(b"other"), len(PICTURE))
    store.begin(WEB, lie, 0.0)
    chunk = UploadChunk(ID, lie.media, 0, PICTURE)
    refused(Code.CONTENT, name_of(PICTURE), lie.media, by=lambda: store.take(WEB, chunk, 0.0))
    begins(store, PICTURE)
    long = UploadChunk(ID, name_of(PICTURE), 0, PICTURE + b"x")
    refused(Code.CONTENT, "more bytes", by=lambda: store.take(WEB, long, 0.0))
    assert files_of(tmp_path) == parts_of(tmp_path) == []
    assert store.uploads == 0


def test_a_stored_medium_is_not_taken_for_another_kind(store: MediaStore) -> None:
    uploads(store, PICTURE)
    refused(Code.CONTENT, "is image/png", by=lambda: begins(store, PICTURE, kind="voice"))


def test_limits_are_named_and_leave_what_is_there(tmp_path: Path) -> None:
    limits = Limits(uploads=2, media_bytes_max=1_000, tenant_media_bytes_max=2_000)
    store = opened(tmp_path, limits=limits)
    refused(Code.TOO_LARGE, "1001", "media_bytes_max", by=lambda: begins(store, bytes(1001)))
    begins(store, bytes(900))
    begins(store, bytes(901))
    refused(Code.BUSY, "limits.uploads", by=lambda: begins(store, b"y"))
    refused(Code.QUOTA, "tenant_media_bytes_max is 2000", by=lambda: begins(store, b"y" * 200, OTHER_GATEWAY))
    assert isinstance(begins(store, b"y" * 200, STRANGER), UploadState), "one tenant's quota is its own"
    assert isinstance(begins(store, bytes(900)), UploadState), "what was begun goes on"
    store.close()


class FullDisk(Files):
    """Has no room while ``full``; what fits is written before it fails."""

    full = True

    def write(self, path: Path, offset: int, data: bytes) -> None:
        if self.full:
            super().write(path, offset, data[:7])
            raise OSError(errno.ENOSPC, "no space left")
        super().write(path, offset, data)


def test_a_full_disk_is_busy_and_the_upload_goes_on_when_there_is_room(tmp_path: Path) -> None:
    disk = FullDisk()
    store = opened(tmp_path, disk)
    begins(store, PICTURE)
    chunk = UploadChunk(ID, name_of(PICTURE), 0, PICTURE)
    for _ in range(2):
        with pytest.raises(OSError, match="no space") as caught:
            store.take(WEB, chunk, 0.0)
        refusal = declined(caught.value)
        assert (refusal.code, refusal.retry_after_s) == (Code.BUSY, 5.0)
    disk.full = False
    assert isinstance(store.take(WEB, chunk, 0.0), MediaStored)
    assert fetches(store, name_of(PICTURE)) == PICTURE
    store.close()


class UnsafeDisk(Files):
    """The first flush fails; what it should have written is gone, and the next one knows nothing of it."""

    def __init__(self, of: str) -> None:
        self.of = of
        self.failed = False

    def flush(self, path: Path) -> None:
        if self.of == ("directory" if path.is_dir() else "file") and not self.failed:
            self.failed = True
            raise OSError(errno.EIO, "input/output error")
        super().flush(path)


@pytest.mark.rule("H5")
@pytest.mark.parametrize("of", ["file", "directory"])
def test_what_the_disk_has_failed_to_flush_is_brought_again_and_not_flushed_again(
    tmp_path: Path, of: str
) -> None:
    disk = UnsafeDisk(of)
    (tmp_path / "media" / "acme" / "incoming" / WEB.name).mkdir(parents=True)
    store = opened(tmp_path / "media", disk)
    with pytest.raises(OSError, match="input/output") as caught:
        uploads(store, PICTURE)
    assert declined(caught.value).code is Code.INTERNAL
    assert (files_of(tmp_path / "media"), parts_of(tmp_path / "media"), store.uploads) == ([], [], 0)
    assert begins(store, PICTURE) == UploadState(ID, name_of(PICTURE), 0)
    assert isinstance(uploads(store, PICTURE), MediaStored)
    store.close()


# Crashes.


def check(directory: Path, acknowledged: bool) -> None:
    """After a crash: what has a row is whole; what was acknowledged has a row; the client gets there."""
    store = opened(directory)
    there = store.catalogue.get(Name("acme", name_of(PICTURE))) is not None
    assert there or not acknowledged, "acknowledged, and gone"
    for file in files_of(directory):
        assert name_of(file.read_bytes()) == file.name, "half a medium under a whole one's name"
    if there:
        assert fetches(store, name_of(PICTURE)) == PICTURE
    assert isinstance(uploads(store, PICTURE, now=1.0), MediaStored)
    assert fetches(store, name_of(PICTURE)) == PICTURE
    store.close()


def abandoned(directory: Path) -> None:
    """The client never comes back: a day later nothing is left but what has a row."""
    store = opened(directory)
    store.drop_stale_uploads(DAY_S)
    assert parts_of(directory) == []
    rows = {store.catalogue.get(Name("acme", file.name)) is not None for file in files_of(directory)}
    assert rows <= {True}, "a file that nobody will ever find"
    store.close()


def steps_of_an_upload(directory: Path) -> int:
    disk = FragileFiles()
    store = opened(directory, disk)
    uploads(store, PICTURE)
    store.close()
    return disk.done


@pytest.mark.rule("guarantee-G1")
@pytest.mark.parametrize("power", [False, True])
@pytest.mark.parametrize("comes_back", [True, False])
def test_a_crash_at_any_step_leaves_a_whole_medium_or_none(
    tmp_path: Path, power: bool, comes_back: bool
) -> None:
    many = steps_of_an_upload(tmp_path / "rehearsal")
    assert many > 10
    for seed in range(4 if power else 1):
        for steps in range(1, many + 1):
            directory = tmp_path / f"{seed}-{steps}"
            disk, acknowledged = FragileFiles(steps), False
            try:
                store = opened(directory, disk)
                acknowledged = isinstance(uploads(store, PICTURE), MediaStored)
            except Killed:
                pass
            if power:
                disk.lose_power(Random(seed * 1_000 + steps))
            if comes_back:
                check(directory, acknowledged)
            else:
                abandoned(directory)


class NoFlush(FragileFiles):
    """A disk of somebody who has forgotten to flush."""

    def flush(self, path: Path) -> None:
        self._step()


def test_the_crashes_above_convict_a_store_that_does_not_flush(tmp_path: Path) -> None:
    convicted = 0
    for seed in range(8):
        disk = NoFlush()
        store = opened(tmp_path / str(seed), disk)
        uploads(store, PICTURE)
        store.close()
        disk.lose_power(Random(seed))
        try:
            check(tmp_path / str(seed), acknowledged=True)
        except AssertionError:
            convicted += 1
    assert convicted > 2


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("steps", range(1, 5))
def test_a_crash_while_a_medium_is_removed_ends_with_the_removal(
    tmp_path: Path, steps: int, seed: int
) -> None:
    store = opened(tmp_path)
    uploads(store, PICTURE)
    store.close()
    disk = FragileFiles(steps)
    try:
        dying = opened(tmp_path, disk)
        dying.remove_unreferenced(DAY_S, frozenset())
    except Killed:
        pass
    disk.lose_power(Random(seed))
    again = opened(tmp_path)
    row = again.catalogue.get(Name("acme", name_of(PICTURE)))
    assert (row is not None) == bool(files_of(tmp_path)), "a row without a file, or a file without a row"
    assert isinstance(uploads(again, PICTURE), MediaStored)
    assert fetches(again, name_of(PICTURE)) == PICTURE
    again.close()


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ubrd"), st.integers(0, 3)), max_size=25))
def test_counts_and_files_agree_whatever_comes_in_whatever_order(
    tmp_path_factory: pytest.TempPathFactory, acts: list[tuple[str, int]]
) -> None:
    """Upload, begin, restart, drop and remove, against the files themselves."""
    directory = tmp_path_factory.mktemp("walk")
    media = [pictures.png(more=bytes([number]) * 300) for number in range(4)]
    store, now = opened(directory), 0.0
    for act, number in acts:
        now += 1.0
        if act == "u":
            assert isinstance(uploads(store, media[number], now=now), MediaStored)
        elif act == "b":
            uploads(store, media[number], pieces=number, now=now)
        elif act == "r":
            store.close()
            store = opened(directory)
        else:
            store.drop_stale_uploads(now - number)
            store.remove_unreferenced(now - number, frozenset())
        files = files_of(directory)
        assert store.count == len(files)
        assert store.size_bytes == sum(file.stat().st_size for file in files)
        assert store.uploads >= len(parts_of(directory)), "a part that nobody knows of"
    store.close()
