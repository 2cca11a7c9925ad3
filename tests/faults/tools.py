"""What it takes to trouble a process from outside; where a tool is missing, the test says so loudly."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.plays.theatre import until


def compiled(source: Path, folder: Path) -> Path:
    """Compile a library to be preloaded."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip(f"NO C COMPILER: what {source.name} does is NOT tested on this machine")
    library = folder / f"{source.stem}.so"
    command = [compiler, "-shared", "-fPIC", "-O1", "-Wall", "-o", str(library), str(source), "-ldl"]
    subprocess.run(command, check=True)
    return library


@contextmanager
def flushes(process: int, injected: str) -> Iterator[None]:
    """Have strace do something to every flush of a process, for a while: ``delay_enter=…``, ``error=EIO``."""
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("NO STRACE: slow and failing flushes of a running daemon are NOT tested on this machine")
    calls = "fdatasync,fsync"
    tracer = subprocess.Popen(
        [strace, "-f", "-qq", "-e", f"trace={calls}", "-e", f"inject={calls}:{injected}", "-p", str(process)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    status = Path(f"/proc/{process}/status")

    def traced() -> bool:
        if tracer.poll() is not None:
            pytest.skip(f"STRACE MAY NOT ATTACH: slow and failing flushes are NOT tested: {tracer.stderr}")
        return f"TracerPid:\t{tracer.pid}" in status.read_text()

    until(traced, "strace")
    try:
        yield
    finally:
        tracer.send_signal(signal.SIGINT)
        tracer.wait(10)
        if tracer.stderr is not None:
            tracer.stderr.close()


@contextmanager
def small_disk(size_kib: int) -> Iterator[Path]:
    """A file system that is soon full."""
    with tempfile.TemporaryDirectory(prefix="sb-disk-") as folder:
        options = ["-t", "tmpfs", "-o", f"size={size_kib}k,mode=0700", "tmpfs", folder]
        mount = shutil.which("mount")
        if mount is None or os.geteuid() != 0 or subprocess.run([mount, *options], check=False).returncode:
            pytest.skip("NO RIGHT TO MOUNT: a full disk is NOT tested on this machine")
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", folder], check=True)


def more_room(disk: Path, size_kib: int) -> None:
    """Make the small disk larger, with all that is on it."""
    subprocess.run(["mount", "-o", f"remount,size={size_kib}k", str(disk)], check=True)
