"""How many tickets a replay in time should come to: ``python -m benchmarks.replay.tickets --data FOLDER``.

A second opinion, on purpose without any code of the daemon or of the replay: it reads the data by itself, and
knows the rule of a style as one sentence. A message of a customer begins a ticket if he has none, or if his
last one was ended and more than ``--close-after-s`` has gone by since.
"""

from __future__ import annotations

import argparse
import collections
import gzip
import json
import re
import sys
import tarfile
from datetime import datetime
from pathlib import Path

#: What is said around one customer: time, and whether he said it.
Talk = list[tuple[float, bool]]

STYLES = {"live_chat": 0.0, "live_chat_with_return": 3_600.0, "social_messaging": 345_600.0}


def tickets(
    talks: list[Talk], quiet_s: float, longest_s: float, close_after_s: float, margin_s: float
) -> int:
    """Count the tickets of all customers."""
    return sum(_tickets(talk, quiet_s, longest_s, close_after_s, margin_s) for talk in talks)


def _tickets(talk: Talk, quiet_s: float, longest_s: float, close_after_s: float, margin_s: float) -> int:
    count, answered, last = 1, False, talk[0][0]
    for at, by_customer in talk[1:]:
        silence = min(at - last, longest_s)
        if by_customer and answered and silence > quiet_s:
            # Returns near the moment of closing are put off beyond it: see --margin-s.
            count += silence > close_after_s - margin_s
        answered, last = not by_customer, at
    return count


def read_twitter(path: Path, hundreds: int | None) -> list[Talk]:
    """Each pair of company and author is a customer; the agent's words belong to who began the thread."""
    talks: dict[tuple[str, str], Talk] = {}
    threads = [json.loads(line) for line in gzip.decompress(path.read_bytes()).decode().split("\n") if line]
    threads = sorted(threads, key=lambda it: it["started"])[: None if hundreds is None else hundreds * 100]
    for thread in threads:
        began = datetime.fromisoformat(thread["started"][:-1]).timestamp()
        h, m, s = (float(part) for part in thread["duration"].split(":"))
        latest = began
        for turn in thread["turns"]:
            if turn["datetime"]:
                latest = max(latest, datetime.fromisoformat(turn["datetime"][:-1]).timestamp())
            else:
                final = began + 3600 * h + 60 * m + s
                latest = final + 86_400 * max(0, -(-(latest - final) // 86_400))
            owner = thread["turns"][0]["author"] if turn["role"] == "agent" else turn["author"]
            talks.setdefault((thread["company"], owner), []).append((latest, turn["role"] != "agent"))
    return [sorted(talk, key=lambda said: said[0]) for talk in talks.values()]


def read_irc(path: Path, files: int | None) -> list[Talk]:
    """Whoever says the first line of an annotated conversation is its customer."""
    talks: list[Talk] = []
    with tarfile.open(path) as archive:
        inside = [(each.name, archive.extractfile(each)) for each in archive if each.isfile()]
        content = {name: file.read().decode("utf-8", "replace") for name, file in inside if file}
    for name in sorted(name for name in content if "annotation" in name)[:files]:
        raw = content.get(name.replace("annotation", "raw")) or content[name.replace("annotation", "ascii")]
        speakers, times = _speakers(raw.split("\n"))
        groups = _joined([tuple(map(int, row.split()[:2])) for row in content[name].splitlines()])
        mine: dict[str, list[tuple[int, bool]]] = collections.defaultdict(list)
        for group in groups:
            rows = [row for row in sorted(group) if row in speakers]
            for row in rows:
                mine[speakers[rows[0]]].append((row, speakers[row] == speakers[rows[0]]))
        talks += [[(times[row], his) for row, his in sorted(said)] for said in mine.values()]
    return talks


def _speakers(rows: list[str]) -> tuple[dict[int, str], dict[int, float]]:
    speakers: dict[int, str] = {}
    stamps: dict[int, float] = {}
    in_minute: dict[float, list[int]] = {}
    day, previous = 0, -1.0
    for number, row in enumerate(rows):
        stamp = re.search(r"\[(\d\d):(\d\d)(:\d\d)?\]\s+(.*)", row)
        if stamp is None or row.startswith("==="):
            continue
        words = re.match(r"<([^>]+)> ?(.*)|\* (\S+) ?(.*)", stamp[4])
        if words is None:
            continue
        at = 60.0 * (60 * int(stamp[1]) + int(stamp[2])) + float((stamp[3] or ":0")[1:]) + 86_400 * day
        if not row.startswith("stripe") and at + 43_200 < previous:
            day, at = day + 1, at + 86_400
        previous = stamps[number] = max(previous, at)
        if stamp[3] is None:
            in_minute.setdefault(previous, []).append(number)
        if (words[2] or words[4] or "").strip():
            speakers[number] = (words[1] or words[3]).strip()
    for minute, numbers in in_minute.items():
        for place, number in enumerate(numbers):
            stamps[number] = minute + 60.0 * place / len(numbers)
    return speakers, stamps


def _joined(links: list[tuple[int, ...]]) -> list[set[int]]:
    """Merge the links into groups, the slow and plain way."""
    group_of: dict[int, set[int]] = {}
    for one, other in links:
        merged = group_of.get(one, {one}) | group_of.get(other, {other})
        group_of.update(dict.fromkeys(merged, merged))
    return list({id(group): group for group in group_of.values()}.values())


def main(arguments: list[str] | None = None) -> int:
    """Print how many tickets there should be."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.replay.tickets", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--style", choices=sorted(STYLES), default="live_chat")
    parser.add_argument("--files", type=int)
    parser.add_argument("--quiet-s", type=float, default=600.0, help="the silence before which agents end")
    parser.add_argument("--longest-silence-s", type=float, default=21_600.0)
    parser.add_argument("--close-after-s", type=float, help="instead of the style's own")
    parser.add_argument("--margin-s", type=float, default=1_200.0)
    options = parser.parse_args(arguments)
    twitter = options.data / "dialogues.jsonl.gz"
    talks = (
        read_twitter(twitter, options.files)
        if twitter.exists()
        else read_irc(options.data / "irc-support.tar.gz", options.files)
    )
    close_after_s = STYLES[options.style] if options.close_after_s is None else options.close_after_s
    print(tickets(talks, options.quiet_s, options.longest_silence_s, close_after_s, options.margin_s))
    return 0


if __name__ == "__main__":
    sys.exit(main())
