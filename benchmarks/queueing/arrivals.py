"""Read the call log of the "Anonymous Bank" (Technion; its README says what each column means).

A row becomes a call if its customer wanted an agent: outcome AGENT, or HANG after queueing. PHANTOM rows,
and customers who hung up on the voice unit before they queued, are left out. A call comes at its
``vru_entry``.
"""

from __future__ import annotations

import datetime as dt
import gzip
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

COLUMNS = 17
DAY_S = 86_400
#: The log's mark for a call that nobody is named for, and for a customer who was not identified.
NO_SERVER = "NO_SERVER"
NO_CUSTOMER = "0"
#: The log's number of a priority customer.
PRIORITY = "2"


class LogFailed(Exception):
    """The log is not there, or a row of it cannot be read."""


class Row(NamedTuple):
    """What the log says of one customer who wanted an agent; times are in seconds since 1970.

    ``waited_s`` is until the agent answered or the customer hung up. ``began_at``, ``service_s`` and
    ``server`` are of served ones; ``server`` is empty where the log names nobody.
    """

    at: float
    key: str
    customer: str
    priority: int
    skill: str
    waited_s: int
    served: bool
    began_at: float
    service_s: int
    server: str


def read_month(folder: Path, month: str) -> list[Row]:
    """Read ``<month>.txt.gz``; the rows come in the order of arrival. Raises LogFailed."""
    path = folder / f"{month}.txt.gz"
    try:
        with gzip.open(path, "rt", encoding="ascii", newline="") as lines:
            return read_rows(lines)
    except OSError as error:
        raise LogFailed(f"{path} cannot be read: {error}; --data names the folder with the log") from None


def read_rows(lines: Iterable[str]) -> list[Row]:
    """Read the log's lines, the header first."""
    rows: list[Row] = []
    for number, line in enumerate(lines, 1):
        fields = line.rstrip("\r\n").split("\t")
        if number == 1 or fields == [""]:
            continue
        if len(fields) != COLUMNS:
            raise LogFailed(f"line {number} of the log has {len(fields)} columns instead of {COLUMNS}")
        row = _row(fields)
        if row is not None:
            rows.append(row)
    rows.sort()
    return rows


def _row(fields: list[str]) -> Row | None:
    line, call, customer, priority, kind, date, entry = fields[:7]
    waited_s, outcome, service_from, service_s, server = (
        int(fields[11]),
        fields[12],
        fields[13],
        int(fields[15]),
        fields[16],
    )
    served = outcome == "AGENT"
    if not served and (outcome != "HANG" or waited_s <= 0):
        return None
    midnight = dt.datetime.strptime(f"19{date}", "%Y%m%d").replace(tzinfo=dt.UTC).timestamp()
    at = midnight + _seconds(entry)
    began_at = midnight + _seconds(service_from) if served else 0.0
    if served and began_at < at - DAY_S / 2:
        began_at += DAY_S  # The service began after midnight.
    named = "" if server == NO_SERVER or not served else server.lower()
    known = "" if customer == NO_CUSTOMER else customer
    important = int(priority == PRIORITY)
    # The line and the number of the call on it identify the call, and order those of one second.
    key = f"{line}-{int(call):06d}"
    return Row(at, key, known, important, kind.lower(), waited_s, served, began_at, service_s, named)


def _seconds(clock: str) -> int:
    hours, minutes, seconds = clock.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds)
