"""The durable yardstick: the least that a server can do which never loses a message it has answered.

Drain, decode typed, one SQLite row per message, one commit (WAL, synchronous=FULL) per drained batch, then
echo. No actors, no routing, no acks. The backend socket costs a third of what the multipart helpers do.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import zmq
from zmq.backend import Socket as BackendSocket

from benchmarks.yardsticks.serving import arguments, listen
from protocol.codec import client_codec
from protocol.messages import CustomerMessage

#: The most messages in one commit.
DRAIN = 512
#: As rarely as the daemon, so that both pay for checkpoints alike.
CHECKPOINT_PAGES = 4_000
# Plain ints: combining pyzmq's flag enums costs more than the call.
DONTWAIT = int(zmq.DONTWAIT)
SNDMORE = int(zmq.SNDMORE)


def open_table(path: Path) -> sqlite3.Connection:
    """Create the table of messages, flushed to the disk at each commit."""
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
    database.execute("CREATE TABLE message (position INTEGER PRIMARY KEY, id BLOB, contact TEXT, body BLOB)")
    return database


def main() -> None:
    """Store and echo until the process is ended."""
    parser = arguments(__doc__)
    parser.add_argument("--database", type=Path, required=True, help="the file to create")
    options = parser.parse_args()
    database = open_table(options.database)
    socket = listen(options.address, options.curve_secret)
    receive, send = BackendSocket.recv.__get__(socket), BackendSocket.send.__get__(socket)
    decode = client_codec().decode
    while True:
        socket.poll()
        echoes: list[tuple[bytes, bytes]] = []
        rows: list[tuple[bytes, str, bytes]] = []
        while len(rows) < DRAIN:
            try:
                peer = receive(DONTWAIT)
            except zmq.Again:
                break
            frame = receive(DONTWAIT, False)
            if frame.more:  # A frame is one part: whatever sends more is not one of ours.
                raise SystemExit("a peer sent more than one part")
            body = frame.bytes
            for message in decode(body):
                assert isinstance(message, CustomerMessage)
                rows.append((message.id, message.contact, body))
            echoes.append((peer, body))
        database.execute("BEGIN")
        database.executemany("INSERT INTO message (id, contact, body) VALUES (?, ?, ?)", rows)
        database.execute("COMMIT")
        for peer, body in echoes:
            send(peer, SNDMORE)
            send(body, DONTWAIT)


if __name__ == "__main__":
    main()
