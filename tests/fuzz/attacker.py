"""Throws frames at a live socket: ``python -m tests.fuzz.attacker ADDRESS FRAMES SEED``; prints verdicts."""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import Any

import zmq

from protocol.codec import daemon_codec, encode
from protocol.messages import VERSION, Goodbye, Hello, Refused
from tests.fuzz.corpus import Mutator

#: One bad frame more in a minute would end the connection.
FRAMES_PER_CONNECTION = 4
#: So many connections at a time.
CONNECTIONS = 8
PATIENCE_MS = 2_000


def main(address: str, frames: int, seed: int) -> int:
    """Throw so many frames, a few a connection, every other connection after a good hello."""
    mutator, verdicts = Mutator(seed), Counter[str]()
    context: zmq.Context[Any] = zmq.Context()
    codec, thrown, number = daemon_codec(), 0, 0
    while thrown < frames:
        sockets = []
        for _ in range(CONNECTIONS):
            number += 1
            socket: Any = context.socket(zmq.DEALER)
            socket.linger = 0
            socket.setsockopt(zmq.RECONNECT_IVL, -1)
            socket.connect(address)
            if number % 2:
                socket.send(encode([Hello(VERSION, "gateway", name="acme:evil")]))
            for _ in range(FRAMES_PER_CONNECTION):
                socket.send(mutator.frame())
                thrown += 1
            sockets.append((socket, FRAMES_PER_CONNECTION + number % 2))
        for socket, wanted in sockets:
            heard, gone = 0, False
            while heard < wanted and not gone and socket.poll(PATIENCE_MS):
                for message in codec.decode(socket.recv()):
                    heard += 1
                    gone = isinstance(message, Goodbye)
                    code = message.code if isinstance(message, Refused | Goodbye) else type(message).__name__
                    verdicts[code] += 1
            if heard < wanted and not gone:
                verdicts["silence"] += 1
            socket.close(0)
    context.destroy(0)
    sys.stdout.write(json.dumps({"thrown": thrown, "verdicts": verdicts}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
