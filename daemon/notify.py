"""Tells systemd how the service is doing: sd_notify(3) in a few lines. Without systemd nothing happens."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping


def notify(*lines: str) -> bool:
    """Send one notification; return whether systemd was there to hear it."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path.startswith(("/", "@")):
        return False
    # A leading @ stands for the zero byte of the abstract namespace.
    address = "\0" + path[1:] if path.startswith("@") else path
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto("\n".join(lines).encode(), socket.MSG_DONTWAIT, address)
    except OSError:
        return False
    return True


def ready(text: str = "Ready.") -> bool:
    """The journal is open, the sockets are bound, the self-test has passed; also: a reload is over."""
    return notify("READY=1", _status(text))


def reloading() -> bool:
    """A reload has begun; `ready` ends it. The time is what Type=notify-reload asks for."""
    return notify("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")


def stopping(text: str = "Draining.", extend_s: float = 0) -> bool:
    """The drain has begun; with `extend_s` systemd waits at least this long from now on."""
    more = [f"EXTEND_TIMEOUT_USEC={int(extend_s * 1_000_000)}"] if extend_s else []
    return notify("STOPPING=1", _status(text), *more)


def status(text: str) -> bool:
    """One line for a human: `systemctl status` shows it."""
    return notify(_status(text))


def watchdog() -> bool:
    """A probe has just passed through the reactor and the journal."""
    return notify("WATCHDOG=1")


def watchdog_interval_s(environment: Mapping[str, str] = os.environ) -> float | None:
    """Return how often `watchdog` must be called: half of what systemd allows; None if nobody watches."""
    allowed_us = environment.get("WATCHDOG_USEC", "")
    watched = environment.get("WATCHDOG_PID", "")
    if not allowed_us.isdecimal() or int(allowed_us) == 0 or watched not in ("", str(os.getpid())):
        return None
    return int(allowed_us) / 2_000_000


def _status(text: str) -> str:
    return f"STATUS={' '.join(text.split())}"
