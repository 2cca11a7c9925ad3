"""Replay real dialogues through a running daemon: ``python -m benchmarks.replay --data FOLDER``.

One process is the gateway and says every customer's turn, another is the agents and says every agent's turn;
each writes down what it has said and heard. A turn is said when the turn before it has arrived. At the end
both transcripts and the journal must equal the source byte for byte, also with ``--kill N``: SIGKILL to the
daemon at N random moments under way.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.replay.performance import Wanted, perform
from benchmarks.replay.realtime import performance as realtime
from benchmarks.replay.realtime.sources import has_times
from benchmarks.replay.sources import load_dialogues
from benchmarks.replay.tickets import STYLES


def main(arguments: list[str] | None = None) -> int:
    """Replay, print what was found, return 1 if anything differs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.replay", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder with the dialogues")
    parser.add_argument("--dialogues", type=int, help="only the first so many")
    parser.add_argument("--kill", type=int, default=0, metavar="N", help="kill the daemon N times under way")
    parser.add_argument("--seed", type=int, default=1, help="decides the moments of the kills")
    parser.add_argument("--in-flight", type=int, default=128, help="dialogues at once")
    parser.add_argument("--agents", type=int, default=8)
    parser.add_argument("--curve", action="store_true", help="encrypt, as in production")
    timed = parser.add_argument_group("for sources with time stamps (Twitter, IRC)")
    timed.add_argument("--speed", type=float, default=600.0, help="how many times as fast as it was")
    timed.add_argument("--style", choices=sorted(STYLES), default="live_chat", help="of the conversations")
    timed.add_argument("--longest-silence-s", type=float, default=21_600.0, help="longer ones are cut to it")
    timed.add_argument("--files", type=int, metavar="N", help="N files of IRC, or N hundred threads, only")
    parser.add_argument("--folder", type=Path, help="keep the daemon's files here (an empty folder)")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="replay-") as temporary:
        found = _replayed(options, options.folder or Path(temporary))
    if options.json:
        print(json.dumps(found))
    else:
        print("\n".join(f"{key:>20}  {value}" for key, value in found.items()))
    return 0 if found["equal"] else 1


def _replayed(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    if has_times(options.data):
        timed = realtime.Wanted(
            options.speed,
            options.style,
            options.longest_silence_s,
            options.files,
            options.kill,
            options.seed,
        )
        return realtime.perform(options.data, timed, folder)
    dialogues = load_dialogues(options.data)[: options.dialogues]
    wanted = Wanted(options.kill, options.seed, options.in_flight, options.agents, options.curve)
    return perform(dialogues, wanted, folder)


if __name__ == "__main__":
    sys.exit(main())
