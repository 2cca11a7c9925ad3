"""How a process of ours ends: the codes of sysexits.h (docs/operations.md says what to do about each)."""

from enum import IntEnum


class Exit(IntEnum):
    """An exit code, and by its name the reason."""

    OK = 0
    USAGE = 64
    DATA = 65
    """The journal does not verify, or a newer version wrote it."""
    UNAVAILABLE = 69
    """The daemon cannot be reached; or another daemon holds the journal."""
    INTERNAL = 70
    CANNOT_CREATE = 73
    IO = 74
    """A commit failed and may be stored or not: a restart finds out from the journal."""
    TEMPORARY = 75
    PERMISSION = 77
    CONFIGURATION = 78
    INTERRUPTED = 130
    """A second SIGINT: the drain was cut short."""
    TERMINATED = 143
    """A second SIGTERM: the drain was cut short."""
