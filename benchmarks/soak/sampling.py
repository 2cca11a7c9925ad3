"""What a process holds, as the kernel counts it, and how that changes with time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import linear_regression

from msgspec import Struct

MIB = 1024 * 1024


class Sample(Struct):
    """What the daemon held at one moment, and how quickly it delivered in the seconds before.

    ``rss_mib`` is made of ``anonymous_mib``, which only the process itself can give back, and of pages of
    mapped files and libraries, which the kernel takes back when it needs them.
    """

    at_s: float
    rss_mib: float
    anonymous_mib: float
    threads: int
    descriptors: int
    journal_mib: float
    archive_mib: float
    p99_ms: float


def take_sample(pid: int, state: Path, at_s: float, p99_ms: float) -> Sample:
    """Look at a process and at its files."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    status = {
        name: value.split()[0] for name, _, value in (line.partition(":") for line in lines) if value.strip()
    }
    return Sample(
        round(at_s, 1),
        int(status["VmRSS"]) / 1024,
        int(status["RssAnon"]) / 1024,
        int(status["Threads"]),
        sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()),
        round(_mib_of(state, "journal.db"), 1),
        round(_mib_of(state, "archive.db"), 1),
        round(p99_ms, 2),
    )


def _mib_of(state: Path, name: str) -> float:
    """Return the size of a database with its write-ahead log."""
    return sum(file.stat().st_size for file in state.glob(f"{name}*")) / MIB


def after_warm_up(samples: Sequence[Sample], warm_up_s: float) -> list[Sample]:
    """Return the samples that count: while caches fill, memory grows and means nothing."""
    return [sample for sample in samples if sample.at_s >= warm_up_s]


def slope_per_hour(samples: Sequence[Sample], what: str) -> float | None:
    """Return by how much a figure grows in an hour, by least squares; None of fewer than three samples.

    The line through all of them, and not the difference of two: memory comes and goes by some hundred KiB
    with every burst, and first and last alone would tell of that.
    """
    if len(samples) < 3:
        return None
    hours = [sample.at_s / 3600 for sample in samples]
    return linear_regression(hours, [float(getattr(sample, what)) for sample in samples]).slope


def growth(samples: Sequence[Sample], what: str) -> int:
    """Return by how much more there is at the end than at the beginning: the least of each third, compared.

    The least, because a thread or a file that is there for a moment is no growth; a leak is never given back.
    """
    third = max(1, len(samples) // 3)
    first, last = ([getattr(sample, what) for sample in part] for part in (samples[:third], samples[-third:]))
    return int(min(last) - min(first)) if samples else 0
