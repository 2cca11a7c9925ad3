"""What both yardsticks share: the arguments, the listening socket, and the word that they are ready."""

from __future__ import annotations

import argparse
from pathlib import Path

import zmq


def arguments(description: str) -> argparse.ArgumentParser:
    """Return a parser of the arguments that every yardstick takes."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--address", default="tcp://127.0.0.1:*", help="where to listen")
    parser.add_argument("--curve-secret", type=Path, help="file with the server's CURVE secret key (Z85)")
    return parser


def listen(address: str, curve_secret: Path | None) -> zmq.Socket[bytes]:
    """Bind a ROUTER socket and print ``ready <address>``."""
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.ROUTER)
    socket.set(zmq.LINGER, 0)
    socket.set(zmq.SNDHWM, 0)
    socket.set(zmq.RCVHWM, 0)
    if curve_secret is not None:
        socket.set(zmq.CURVE_SERVER, 1)
        socket.set(zmq.CURVE_SECRETKEY, curve_secret.read_bytes().strip())
    socket.bind(address)
    endpoint = socket.get(zmq.LAST_ENDPOINT)
    assert isinstance(endpoint, bytes)
    print("ready", endpoint.rstrip(b"\0").decode(), flush=True)
    return socket
