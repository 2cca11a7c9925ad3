"""Measure masking: ``python -m benchmarks.masking --data FILE [--phones FILE] [--json]``.

``--data`` is a list of texts with spans (Presidio's synthetic set, plain or gzipped). A span counts as found
if something of its kind covers all of it; what is found counts as right if it overlaps a span of its kind.
What was missed and what was found wrongly is shown by its shape (``999-99-9999``), never as it is.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from time import process_time_ns
from typing import Any

from actors.masking import Masking, mask_email, mask_phone
from actors.sensitive import Found, Kind, find
from benchmarks.masking.phones import measure

#: The kinds of the set, by what they are called here.
KINDS = {
    "CREDIT_CARD": Kind.CARD,
    "IBAN_CODE": Kind.IBAN,
    "EMAIL_ADDRESS": Kind.EMAIL,
    "PHONE_NUMBER": Kind.PHONE,
    "US_SSN": Kind.SOCIAL_SECURITY,
}
REQUIRED = {"CREDIT_CARD": 0.98, "IBAN_CODE": 0.98, "EMAIL_ADDRESS": 0.98, "PHONE_NUMBER": 0.95}
#: The examples of rules M4 and M5, to the letter.
EXAMPLES = (
    (mask_phone("+ 1 (123) 456 7890"), "**********7890"),
    (mask_phone("+447966197542"), "*********7542"),
    (mask_email("melissa@gmail.com"), "m******@gmail.com"),
)
#: Messages of 200 characters whose masking is timed.
MESSAGES = {
    "words": "Hello, my parcel has not come yet, could you please look where it is? ",
    "chinese": "您好，我的包裹还没有到，请帮我查一下它现在在哪里，谢谢您。",
    "orders_and_dates": "Order 4512345678 of 2026-01-15 at 14:30 for 1,299.00 has not come. ",
    "all_kinds": "Card 4111 1111 1111 1111, call +44 7966 197542 or write to melissa@gmail.com. ",
}
LENGTH, TIMES, ROUNDS = 200, 500, 7


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, return 1 if less is found than required or an example is not exact."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.masking", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="texts with spans, JSON or gzipped JSON")
    parser.add_argument("--phones", type=Path, help="phone numbers by region, JSON")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    found = compared(_load(options.data))
    found["examples_exact"] = all(seen == wanted for seen, wanted in EXAMPLES)
    if options.phones is not None:
        found["phones"] = measure(options.phones)
    found["us_per_message"] = {name: _timed(text) for name, text in MESSAGES.items()}
    enough = all(found["recall"].get(kind, 1.0) >= least for kind, least in REQUIRED.items())
    found["met"] = enough and found["examples_exact"]
    print(json.dumps(found, ensure_ascii=False) if options.json else "\n".join(_lines(found)))
    return 0 if found["met"] else 1


def compared(texts: list[dict[str, Any]]) -> dict[str, Any]:
    """Compare what is found with the spans: recall and precision by kind, and what differs."""
    there, hit, got, right = Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    missed: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    wrong: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    for entry in texts:
        text, spans = entry["full_text"], [*_spans(entry)]
        found = find(text)
        for kind, start, end in spans:
            there[kind] += 1
            if any(each.kind is KINDS[kind] and each.start <= start and each.end >= end for each in found):
                hit[kind] += 1
            else:
                missed[kind][_shape(text[start:end])] += 1
        for each in found:
            kind = next(name for name, known in KINDS.items() if known is each.kind)
            got[kind] += 1
            if _overlaps(each, [(start, end) for other, start, end in spans if other == kind]):
                right[kind] += 1
            else:
                wrong[kind][_shape(text[each.start : each.end])] += 1
    return {
        "texts": len(texts),
        "recall": {kind: round(hit[kind] / there[kind], 4) for kind in KINDS if there[kind]},
        "precision": {kind: round(right[kind] / got[kind], 4) for kind in KINDS if got[kind]},
        "spans": dict(there),
        "missed": {kind: dict(shapes) for kind, shapes in missed.items() if shapes},
        "wrong": {kind: dict(shapes) for kind, shapes in wrong.items() if shapes},
    }


def _load(path: Path) -> list[dict[str, Any]]:
    raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    texts: list[dict[str, Any]] = json.loads(raw)
    return texts


def _spans(entry: dict[str, Any]) -> Iterator[tuple[str, int, int]]:
    for span in entry["spans"]:
        if span["entity_type"] in KINDS:
            yield span["entity_type"], span["start_position"], span["end_position"]


def _overlaps(found: Found, spans: list[tuple[int, int]]) -> bool:
    return any(found.start < end and start < found.end for start, end in spans)


def _shape(text: str) -> str:
    return re.sub(r"[^\W\d_]", "A", re.sub(r"\d", "9", text))


def _timed(text: str) -> float:
    """Return the microseconds of processor time that masking one message takes, of the best round."""
    masking = Masking(payment=True, personal=True)
    message = (text * LENGTH)[:LENGTH]
    rounds = []
    for _ in range(ROUNDS):
        began = process_time_ns()
        for _ in range(TIMES):
            masking.text(message)
        rounds.append((process_time_ns() - began) / TIMES / 1000)
    return round(min(rounds), 1)


def _lines(found: dict[str, Any]) -> Iterator[str]:
    for kind, recall in found["recall"].items():
        yield f"{kind:>14}  recall {recall:.4f}  precision {found['precision'].get(kind, 1.0):.4f}"
    for key in ("missed", "wrong", "phones", "us_per_message", "examples_exact", "met"):
        if key in found:
            yield f"{key:>14}  {found[key]}"


if __name__ == "__main__":
    sys.exit(main())
