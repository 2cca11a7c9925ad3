"""Prove what is promised, for so many minutes on two cores: ``python -m tests.prove --minutes 10``."""

from __future__ import annotations

import argparse
import dataclasses
import json
import platform
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path
from random import SystemRandom

from tests.prove.parts import Page, lanes, run_lane
from tests.rules import ROOT


def written(page: Page, minutes: float, first: int, commit: str) -> str:
    """Return the page as text."""
    cpu_s = page.seed_cpu_s / page.seeds if page.seeds else 0.0
    rows = [
        ("simulated seeds", f"{page.seeds:,}"),
        ("simulated hours", f"{page.simulated_hours:,.1f}"),
        ("operations in them", f"{page.operations:,}"),
        ("CPU seconds a seed", f"{cpu_s:.2f}"),
        ("kills of a real daemon under load", f"{page.kills:,}"),
        ("acknowledgements held against the journal", f"{page.acks_checked:,}"),
        ("of them lost", f"{page.lost:,}"),
        ("messages stored twice", f"{page.duplicated:,}"),
        ("crash images opened", f"{page.images:,}"),
        ("frames thrown in process", f"{page.frames:,}"),
        ("frames thrown at a live socket", f"{page.frames_live:,}"),
        (
            "p99 of the people beside it, before and during",
            f"{page.p99_ms_quiet} ms, {page.p99_ms_attacked} ms",
        ),
        ("planted bugs caught", f"{page.canaries_caught} of {page.canaries_planted}"),
        ("failures", f"{len(page.failures):,}"),
    ]
    lines = [
        "# Proof",
        "",
        f"Commit {commit}, {minutes:g} minutes on two cores, seeds from {first}. "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {platform.system()} "
        f"{platform.release()}.",
        "",
        "| what | figure |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in rows),
        "",
        "What each line means, and what it does not: docs/reliability.md.",
        "",
        "Seconds: " + ", ".join(f"{name} {took}" for name, took in page.seconds.items()) + ".",
    ]
    for failure in page.failures:
        lines += ["", "## Failed", "", "```", failure, "```"]
    return "\n".join(lines) + "\n"


def head() -> str:
    """Return the commit that is proven."""
    found = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return found.stdout.strip() or "unknown"


def main(arguments: list[str]) -> int:
    """Run the command; 1 when anything has failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.prove", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="the first seed; 0: any, and it is said"
    )
    parser.add_argument("--into", type=Path, default=ROOT, metavar="FOLDER", help="where the page goes")
    given = parser.parse_args(arguments)
    first = given.seed or SystemRandom().randrange(1, 1_000_000_000)
    page = Page()
    end = time.monotonic() + 60 * given.minutes
    threads = [
        threading.Thread(target=run_lane, args=(page, parts, end)) for parts in lanes(given.minutes, first)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    text = written(page, given.minutes, first, head())
    (given.into / "proof.md").write_text(text, encoding="utf-8")
    (given.into / "proof.json").write_text(json.dumps(dataclasses.asdict(page), indent=1), encoding="utf-8")
    sys.stdout.write(text)
    return 1 if page.failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
