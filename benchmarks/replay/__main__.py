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

from benchmarks.replay.performance import Wanted, perform
from benchmarks.replay.sources import load_dialogues


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
    parser.add_argument("--folder", type=Path, help="keep the daemon's files here (an empty folder)")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    dialogues = load_dialogues(options.data)[: options.dialogues]
    wanted = Wanted(options.kill, options.seed, options.in_flight, options.agents, options.curve)
    with tempfile.TemporaryDirectory(prefix="replay-") as temporary:
        found = perform(dialogues, wanted, options.folder or Path(temporary))
    if options.json:
        print(json.dumps(found))
    else:
        print("\n".join(f"{key:>20}  {value}" for key, value in found.items()))
    return 0 if found["equal"] else 1


if __name__ == "__main__":
    sys.exit(main())
