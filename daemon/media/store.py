"""The media of all tenants in a directory beside the journal. For one thread; nothing else touches the files.

    media/<tenant>/ab/ab34…          a whole medium, under its SHA-256; it has a row in the catalogue
    media/<tenant>/incoming/<peer>/ab34…    what has come of an upload so far
    media/catalogue.db

A medium is made in this order, so that after a crash at any step it is there whole or not at all: its bytes
are checked and flushed, given their name, the name is flushed, the row is committed, and only then the upload
is forgotten and answered. What a crash leaves under a name without a row has its upload beside it, by which
it is found.
"""

from __future__ import annotations

import errno
import hashlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from actors.media import Medium
from config.sections import Limits
from daemon.media.catalogue import Catalogue, Name, Unreferenced
from daemon.media.files import Files
from daemon.media.sniffing import examine
from protocol.errors import Code
from protocol.media import FetchMedia, MediaChunk, MediaStored, UploadChunk, UploadMedia, UploadState

INCOMING = "incoming"
#: How much is read at a time where a whole file is gone through.
READ_BYTES = 1_048_576
#: How many media are removed in one step.
REMOVALS = 50
#: When to try again what the disk had no room for.
DISK_FULL_RETRY_S = 5.0
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class Declined(Exception):
    """The request is refused."""

    def __init__(self, code: Code, message: str, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry_after_s = retry_after_s


class Peer(NamedTuple):
    """Who uploads: a gateway or console of a tenant."""

    tenant: str
    name: str


class Upload:
    """What has come of a medium so far. ``resumed``: some of it before the process began."""

    __slots__ = ("digest", "kind", "offset", "resumed", "size_bytes", "touched_at")

    def __init__(self, offset: int, touched_at: float, *, resumed: bool) -> None:
        self.offset = offset
        self.touched_at = touched_at
        self.resumed = resumed
        #: Said by ``upload_media``; until then what has come counts.
        self.size_bytes = offset
        self.kind = ""
        self.digest = hashlib.sha256()


class MediaStore:
    """Takes media in, gives them out, and takes away what nobody refers to."""

    def __init__(self, directory: Path, limits: Limits, disk: Files | None = None) -> None:
        self._directory = directory
        self.limits = limits
        self._disk = disk or Files()
        self._disk.make_directory(directory)
        self.catalogue = Catalogue(directory / "catalogue.db")
        self._uploads: dict[tuple[Peer, str], Upload] = {}
        for unreferenced in list(self.catalogue.begun_removals()):
            self._remove(unreferenced)
        self._used = self.catalogue.used_bytes()
        #: How much there is: for whoever looks on from another thread.
        self.count, self.size_bytes = self.catalogue.count(), sum(self._used.values())
        self.removed = 0
        #: Where the journal ends, as far as this thread was told.
        self.position = 0

    @property
    def uploads(self) -> int:
        """How many uploads are under way."""
        return len(self._uploads)

    def find_uploads(self, now: float) -> None:
        """Go on with what was under way when the process ended."""
        for path in self._directory.glob(f"*/{INCOMING}/*/*"):
            peer = Peer(path.parents[2].name, path.parent.name)
            self._uploads[peer, path.name] = Upload(path.stat().st_size, now, resumed=True)

    # Uploads.

    def begin(self, peer: Peer, wanted: UploadMedia, now: float) -> UploadState | MediaStored:
        """Begin an upload, or say where it stands. Raises Declined."""
        name = Name(peer.tenant, wanted.media)
        stored = self.catalogue.get(name)
        if stored is not None:
            if stored.kind != wanted.kind:
                what = f"the medium is stored, and is {stored.media_type}, which is no {wanted.kind}"
                raise Declined(Code.CONTENT, what)
            self.catalogue.renew(name, now)
            self._forget(peer, wanted.media)
            return _stored(wanted.id, wanted.media, stored)
        upload = self._uploads.get((peer, wanted.media))
        self._check_room(peer, wanted, upload)
        if upload is None:
            upload = self._uploads[peer, wanted.media] = Upload(0, now, resumed=False)
            self._disk.make_directory(self._part(peer, wanted.media).parent)
        elif upload.offset > wanted.size_bytes or upload.kind == "":
            self._take_up(peer, wanted, upload)
        upload.size_bytes, upload.kind, upload.touched_at = wanted.size_bytes, wanted.kind, now
        return self._go_on(peer, wanted.media, wanted.id, now, upload)

    def _check_room(self, peer: Peer, wanted: UploadMedia, upload: Upload | None) -> None:
        limits = self.limits
        if wanted.size_bytes > limits.media_bytes_max:
            what = f"the medium has {wanted.size_bytes} bytes, limits.media_bytes_max is"
            raise Declined(Code.TOO_LARGE, f"{what} {limits.media_bytes_max}")
        of_tenant = [each for (of, _), each in self._uploads.items() if of.tenant == peer.tenant]
        under_way = sum(each.size_bytes for each in of_tenant)
        under_way -= upload.size_bytes if upload is not None else 0
        used = self._used.get(peer.tenant, 0) + under_way + wanted.size_bytes
        if used > limits.tenant_media_bytes_max:
            what = f"the tenant would have {used} bytes, limits.tenant_media_bytes_max is"
            raise Declined(Code.QUOTA, f"{what} {limits.tenant_media_bytes_max}")
        if upload is None and sum(of == peer for of, _ in self._uploads) >= limits.uploads:
            what = f"this peer has {limits.uploads} uploads under way, as many as limits.uploads allows"
            raise Declined(Code.BUSY, f"{what}; finish one first", 1.0)

    def _take_up(self, peer: Peer, wanted: UploadMedia, upload: Upload) -> None:
        """Read again what has come before, for its checksum; from the beginning if it is too much."""
        part = self._part(peer, wanted.media)
        upload.digest = hashlib.sha256()
        if upload.offset > wanted.size_bytes:
            upload.offset = 0
            self._disk.write(part, 0, b"")
            return
        for piece in self._pieces(part):
            upload.digest.update(piece)

    def _pieces(self, path: Path) -> Iterator[bytes]:
        at = 0
        while piece := self._disk.read(path, at, READ_BYTES):
            yield piece
            at += len(piece)

    def take(self, peer: Peer, chunk: UploadChunk, now: float) -> UploadState | MediaStored:
        """Take the next bytes in. Raises Declined."""
        upload = self._uploads.get((peer, chunk.media))
        if upload is None or not upload.kind:
            stored = self.catalogue.get(Name(peer.tenant, chunk.media))
            if stored is not None:
                return _stored(chunk.id, chunk.media, stored)
            raise Declined(Code.NOT_ALLOWED, "no upload of that medium is under way; send upload_media first")
        if chunk.offset != upload.offset:
            # They have come already, or those before them were lost.
            return UploadState(chunk.id, chunk.media, upload.offset)
        if upload.offset + len(chunk.data) > upload.size_bytes:
            self._forget(peer, chunk.media)
            what = f"there are more bytes than the {upload.size_bytes} that were announced"
            raise Declined(Code.CONTENT, what)
        self._disk.write(self._part(peer, chunk.media), upload.offset, chunk.data)
        upload.digest.update(chunk.data)
        upload.offset += len(chunk.data)
        upload.touched_at = now
        return self._go_on(peer, chunk.media, chunk.id, now, upload)

    def _go_on(
        self, peer: Peer, media: str, ident: bytes, now: float, upload: Upload
    ) -> UploadState | MediaStored:
        if upload.offset < upload.size_bytes:
            return UploadState(ident, media, upload.offset)
        part = self._part(peer, media)
        if upload.digest.hexdigest() != media:
            if upload.resumed:
                # What a power loss has left of the first part may be anything.
                upload.resumed, upload.offset, upload.digest = False, 0, hashlib.sha256()
                self._disk.write(part, 0, b"")
                return UploadState(ident, media, 0)
            self._forget(peer, media)
            what = f"the bytes have the SHA-256 {upload.digest.hexdigest()}, not {media}"
            raise Declined(Code.CONTENT, what)
        found = examine(b"".join(self._pieces(part)))
        if found is None or found.kind != upload.kind:
            self._forget(peer, media)
            what = "nothing that is known" if found is None else found.media_type
            raise Declined(Code.CONTENT, f"the bytes are {what}, which is no {upload.kind}")
        name = Name(peer.tenant, media)
        medium = Medium(found.kind, found.media_type, upload.size_bytes, found.width, found.height)
        if self.catalogue.get(name) is not None:
            # Another peer has brought it meanwhile.
            self.catalogue.renew(name, now)
        else:
            self._keep(name, medium, part, now)
        self._forget(peer, media)
        return _stored(ident, media, medium)

    def _keep(self, name: Name, medium: Medium, part: Path, now: float) -> None:
        """Make the file safe; from then on there is the medium."""
        try:
            self._keep_file(name, part)
        except OSError:
            # To flush it once more would say nothing: what the disk has refused is dropped, and counts as
            # written from then on. The bytes have to be brought again.
            self._forget(Peer(name.tenant, part.parent.name), name.media)
            raise
        self.catalogue.add(name, medium, now, self.position)
        self._used[name.tenant] = self._used.get(name.tenant, 0) + medium.size_bytes
        self.count += 1
        self.size_bytes += medium.size_bytes

    def _keep_file(self, name: Name, part: Path) -> None:
        """The order of these steps is what a crash goes by; see above."""
        path = self._path(name)
        self._disk.flush(part)
        # By the part's name a medium is found that a crash leaves without a row: it has to outlast this too.
        self._disk.flush_directory(part.parent)
        self._disk.make_directory(path.parent)
        self._disk.link(part, path)
        self._disk.flush_directory(path.parent)

    def _forget(self, peer: Peer, media: str) -> None:
        """The upload is over. What stands under the medium's name without a row was left by a crash."""
        if self._uploads.pop((peer, media), None) is None:
            return
        name = Name(peer.tenant, media)
        if self.catalogue.get(name) is None and not self._is_coming(name):
            self._disk.remove(self._path(name))
        self._disk.remove(self._part(peer, media))

    def _is_coming(self, name: Name) -> bool:
        return any(of.tenant == name.tenant and media == name.media for of, media in self._uploads)

    # Fetching.

    def fetch(self, tenant: str, wanted: FetchMedia) -> MediaChunk:
        """Read a part of a medium. Raises Declined."""
        name = Name(tenant, wanted.media)
        medium = self.catalogue.get(name)
        if medium is None:
            raise Declined(Code.NOT_ALLOWED, f"the tenant has no medium {wanted.media}")
        data = self._disk.read(self._path(name), wanted.offset, wanted.limit)
        return MediaChunk(wanted.id, wanted.media, medium.media_type, medium.size_bytes, wanted.offset, data)

    # What nobody refers to.

    def drop_stale_uploads(self, before: float) -> None:
        """Forget uploads of which nothing has come since this time."""
        stale = [key for key, upload in self._uploads.items() if upload.touched_at < before]
        for peer, media in stale[:REMOVALS]:
            self._forget(peer, media)

    def remove_unreferenced(self, before: float, kept: frozenset[Name]) -> int:
        """Take away media that came before this time and that no event refers to; return how many.

        ``kept``: those that a desk in force refers to.
        """
        found = [
            each
            for each in self.catalogue.unreferenced(before, REMOVALS + len(kept))
            if each.name not in kept and self.catalogue.claim(each.name)
        ]
        for unreferenced in found:
            self._remove(unreferenced)
            self._used[unreferenced.name.tenant] -= unreferenced.size_bytes
            self.count -= 1
            self.size_bytes -= unreferenced.size_bytes
            self.removed += 1
        return len(found)

    def _remove(self, unreferenced: Unreferenced) -> None:
        path = self._path(unreferenced.name)
        self._disk.remove(path)
        if self._disk.is_directory(path.parent):
            self._disk.flush_directory(path.parent)
        self.catalogue.removed(unreferenced.name)

    # Places.

    def _path(self, name: Name) -> Path:
        return self._directory / name.tenant / name.media[:2] / name.media

    def _part(self, peer: Peer, media: str) -> Path:
        return self._directory / peer.tenant / INCOMING / peer.name / media

    def close(self) -> None:
        """Close the catalogue."""
        self.catalogue.close()


def _stored(ident: bytes, media: str, medium: Medium) -> MediaStored:
    return MediaStored(ident, media, *medium)  # type: ignore[arg-type]


def declined(error: OSError | sqlite3.Error) -> Declined:
    """Return the refusal for a failed step; whatever it was, the same request may be sent again."""
    if isinstance(error, OSError):
        full = error.errno in FULL
    else:
        full = getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL
    if full:
        return Declined(Code.BUSY, "the disk is full; nothing more is taken in", DISK_FULL_RETRY_S)
    return Declined(Code.INTERNAL, f"the media's files could not be used ({type(error).__name__})")
