"""The sources with time stamps: customer care on Twitter, and a support channel on IRC with its annotations.

Every text is given the number of its place, so that no two are equal: one that came to the wrong conversation
would be seen.
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
import re
import tarfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.replay.realtime.script import Customer, Deed, Step
from benchmarks.replay.sources import NoSource

TWITTER, IRC = "dialogues.jsonl.gz", "irc-support.tar.gz"
DAY_S = 86_400.0
#: Threads of two years begin within these hours; each file of IRC begins so long after the one before.
TWITTER_SPREAD_S, IRC_STAGGER_S = 12 * 3600.0, 900.0

_LINE = re.compile(
    r"(?:stripe (\d{4}-\d\d-\d\d) )?\[(\d\d):(\d\d)(?::(\d\d))?\]\s+(?:<([^>]+)>|\* (\S+)) ?(.*)"
)


def has_times(folder: Path) -> bool:
    """Say whether this is a source with time stamps."""
    return (folder / TWITTER).exists() or (folder / IRC).exists()


def load_customers(folder: Path, files: int | None = None) -> list[Customer]:
    """Read all customers of a folder; ``files``: of so many files of IRC, or so many hundred threads."""
    if (path := folder / TWITTER).exists():
        return _twitter(path, files)
    if (path := folder / IRC).exists():
        return _irc(path, files)
    raise NoSource(f"{folder} holds neither {TWITTER} nor {IRC}")


# Twitter: a channel, a department and an agent for each company.


def _twitter(path: Path, hundreds: int | None) -> list[Customer]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        threads = [json.loads(line) for line in file]
    threads.sort(key=lambda thread: thread["started"])
    threads = threads[: hundreds * 100] if hundreds is not None else threads
    said: dict[tuple[str, str], list[Step]] = defaultdict(list)
    number = 0
    for thread in threads:
        company = thread["company"].lower()
        asker = thread["turns"][0]["author"]
        for at, turn in zip(_times(thread), thread["turns"], strict=True):
            # A bystander is a customer of his own, whom nobody answers.
            who = asker if turn["role"] == "agent" else turn["author"]
            deed: Deed = "agent" if turn["role"] == "agent" else "customer"
            number += 1
            text = f"#{number} {turn['message']}"
            said[company, who].append(Step(at, deed, company if deed == "agent" else "", text))
    between_s = TWITTER_SPREAD_S / len(said)
    return [
        Customer(f"{company}/{who}", company, _from(place * between_s, steps))
        for place, ((company, who), steps) in enumerate(said.items())
    ]


def _times(thread: dict[str, Any]) -> Iterator[float]:
    """The last turn has a duration only, of which the source has kept the part of a day."""
    at = 0.0
    for turn in thread["turns"]:
        if turn["datetime"] is not None:
            at = max(at, _seconds(turn["datetime"]))
        else:
            hours, minutes, seconds = thread["duration"].split(":")
            ended = _seconds(thread["started"]) + int(hours) * 3600 + int(minutes) * 60 + float(seconds)
            while ended < at:
                ended += DAY_S
            at = ended
        yield at


def _seconds(text: str) -> float:
    return dt.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def _from(start: float, steps: list[Step]) -> list[Step]:
    """Move all steps so that the first is at ``start``."""
    steps.sort(key=lambda step: step.at)
    first = steps[0].at
    return [Step(start + step.at - first, step.deed, step.who, step.text) for step in steps]


# IRC: whoever starts an annotated conversation is a customer, whoever else speaks in it an agent.


def _irc(path: Path, files: int | None) -> list[Customer]:
    customers: list[Customer] = []
    with tarfile.open(path) as archive:
        every = set(archive.getnames())
        names = sorted(name for name in every if name.endswith(".annotation.txt"))
        for place, name in enumerate(names[:files]):
            stem = name.removesuffix(".annotation.txt")
            raw = f"{stem}.raw.txt" if f"{stem}.raw.txt" in every else f"{stem}.ascii.txt"
            lines = _read(archive, raw).split("\n")
            links = [tuple(map(int, link.split()[:2])) for link in _read(archive, name).splitlines()]
            customers += _file(f"{place:02}", lines, _clusters(links), place * IRC_STAGGER_S)
    return customers


def _read(archive: tarfile.TarFile, name: str) -> str:
    file = archive.extractfile(name)
    assert file is not None, "the archive holds files only"
    return file.read().decode("utf-8", "replace")


def _clusters(links: Iterable[tuple[int, ...]]) -> list[list[int]]:
    """Return the conversations as line numbers: what is linked belongs together."""
    parents: dict[int, int] = {}

    def root(line: int) -> int:
        while parents.setdefault(line, line) != line:
            line = parents[line]
        return line

    for one, other in links:
        first, second = sorted((root(one), root(other)))
        parents[second] = first
    found: dict[int, list[int]] = defaultdict(list)
    for line in sorted(parents):
        found[root(line)].append(line)
    return list(found.values())


def _file(prefix: str, lines: list[str], clusters: list[list[int]], start: float) -> list[Customer]:
    said = {line: found for line in range(len(lines)) if (found := _LINE.match(lines[line])) is not None}
    times = _line_times(said)
    agents: dict[str, str] = {}
    steps: dict[str, list[tuple[int, Step]]] = defaultdict(list)
    for cluster in clusters:
        spoken = [line for line in cluster if line in said and said[line][7].strip()]
        if not spoken:
            continue
        asker = _nick(said[spoken[0]])
        for line in spoken:
            nick = _nick(said[line])
            deed: Deed = "customer" if nick == asker else "agent"
            who = agents.setdefault(nick, f"a{len(agents) + 1}") if deed == "agent" else ""
            text = f"#{prefix}.{line} {said[line][7]}"
            steps[asker].append((line, Step(times[line], deed, who, text)))
    begun = min((step.at for each in steps.values() for _, step in each), default=0.0)
    customers = []
    for asker, numbered in steps.items():
        ordered = [step for _, step in sorted(numbered)]
        customers.append(
            Customer(
                f"{prefix}/{asker}",
                "irc",
                [Step(start + step.at - begun, step.deed, step.who, step.text) for step in ordered],
            )
        )
    return customers


def _nick(found: re.Match[str]) -> str:
    nick = found[5] or found[6]
    return nick.strip()


def _line_times(said: dict[int, re.Match[str]]) -> dict[int, float]:
    """Return each line's time; the lines of one minute are spread over it, and midnight is passed upwards."""
    times: dict[int, float] = {}
    minutes: dict[float, list[int]] = defaultdict(list)
    before, days = 0.0, 0.0
    for line, found in said.items():
        at = int(found[2]) * 3600 + int(found[3]) * 60 + int(found[4] or 0) + days
        if found[1] is None and at < before - DAY_S / 2:
            days += DAY_S
            at += DAY_S
        before = max(before, at)
        times[line] = before
        if found[4] is None:
            minutes[before].append(line)
    for minute, together in minutes.items():
        for place, line in enumerate(together):
            times[line] = minute + 60 * place / len(together)
    return times
