"""What is done to files, one small step each. A step that is done is seen by everybody; what a power loss may
take back is gone only until it is flushed.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

DIRECTORY_MODE, FILE_MODE = 0o700, 0o600


class Files:
    """The files of a disk."""

    def make_directory(self, path: Path) -> None:
        """Make a directory, and those above it; each is flushed into the one above."""
        if path.is_dir():
            return
        self.make_directory(path.parent)
        with suppress(FileExistsError):
            path.mkdir(DIRECTORY_MODE)
        self.flush_directory(path.parent)

    def write(self, path: Path, offset: int, data: bytes) -> None:
        """Write into a file, which is made if it is not there; what stands behind is cut off."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        try:
            os.ftruncate(descriptor, offset)
            done = 0
            while done < len(data):
                done += os.pwrite(descriptor, data[done:], offset + done)
        finally:
            os.close(descriptor)

    def flush(self, path: Path) -> None:
        """Have a file's bytes survive a power loss."""
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def flush_directory(self, path: Path) -> None:
        """Have the names in a directory survive a power loss."""
        self.flush(path)

    def link(self, path: Path, name: Path) -> None:
        """Give a file a second name; where the name stands already, it is of the same bytes."""
        with suppress(FileExistsError):
            os.link(path, name)

    def remove(self, path: Path) -> None:
        """Take a name away, if it is there."""
        path.unlink(missing_ok=True)

    def is_directory(self, path: Path) -> bool:
        """Say whether the directory is there: an operator may have taken it away."""
        return path.is_dir()

    def read(self, path: Path, offset: int, limit: int) -> bytes:
        """Read a part of a file."""
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(limit)
