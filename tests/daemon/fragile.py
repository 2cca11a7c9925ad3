"""Files on a disk that loses its power, and in a process that is killed, after any step."""

from __future__ import annotations

from pathlib import Path
from random import Random

from daemon.media.files import Files


class Killed(BaseException):
    """The process ends here."""


class FragileFiles(Files):
    """Does so many steps and is killed; then says what a power loss leaves of them.

    A name survives once its directory was flushed, bytes once their file was; of all else any part may.
    """

    def __init__(self, steps: int | None = None) -> None:
        self.left = steps
        self.done = 0
        #: By inode: what was flushed.
        self._flushed: dict[int, bytes] = {}
        self._written: set[int] = set()
        self._new: set[Path] = set()
        self._removed: dict[Path, bytes] = {}
        self._folders: set[Path] = set()

    def _step(self) -> None:
        if self.left is not None:
            if self.left == 0:
                raise Killed
            self.left -= 1
        self.done += 1

    def make_directory(self, path: Path) -> None:
        self._step()
        super().make_directory(path)

    def write(self, path: Path, offset: int, data: bytes) -> None:
        self._step()
        if not path.exists():
            self._new.add(path)
        super().write(path, offset, data)
        self._folders.add(path.parent)
        self._written.add(path.stat().st_ino)

    def flush(self, path: Path) -> None:
        self._step()
        super().flush(path)
        if path.is_file():
            self._flushed[path.stat().st_ino] = path.read_bytes()

    def flush_directory(self, path: Path) -> None:
        self._step()
        self._new = {name for name in self._new if name.parent != path}
        self._removed = {name: data for name, data in self._removed.items() if name.parent != path}

    def link(self, path: Path, name: Path) -> None:
        self._step()
        if not name.exists():
            self._new.add(name)
        super().link(path, name)
        self._folders.add(name.parent)

    def remove(self, path: Path) -> None:
        self._step()
        if path.exists() and path not in self._new:
            self._removed[path] = path.read_bytes()
        super().remove(path)

    def lose_power(self, chance: Random) -> None:
        """Leave on the disk what was flushed, and of the rest as chance has it."""
        for path in list(self._new):
            if path.exists() and chance.random() < 0.5:
                path.unlink()
        for path, data in self._removed.items():
            if chance.random() < 0.5:
                path.write_bytes(data)
        for path in [path for folder in self._folders for path in folder.iterdir()]:
            inode = path.stat().st_ino
            if inode in self._written:
                self._spoil(path, self._flushed.get(inode, b""), chance)

    @staticmethod
    def _spoil(path: Path, flushed: bytes, chance: Random) -> None:
        data = path.read_bytes()
        if data == flushed:
            return
        kept = data[: chance.randint(len(flushed), max(len(flushed), len(data)))]
        holes = bytearray(kept)
        for at in range(len(flushed), len(holes), 16):
            if chance.random() < 0.3:
                holes[at : at + 16] = bytes(len(holes[at : at + 16]))
        path.write_bytes(bytes(holes))
