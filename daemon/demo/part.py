"""The part that a process of the demo plays: handed over on its standard input, so no secret shows in `ps`.

First line: the part. Second line: go. The end of the input: go home. So the processes end with the one that
has started them, however that ends.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable

import msgspec
from msgspec import Struct

from daemon.demo.script import Pace
from protocol.client.keys import KeyPair, load_key_pair


class Part(Struct, frozen=True):
    """Who to be, and where the daemon is. Without a key file the daemon listens in plain."""

    name: str
    address: str
    speed: float
    run: str
    key_file: str = ""
    server_key: str | None = None
    password: str = ""
    languages: tuple[str, ...] = ()

    @property
    def keys(self) -> KeyPair | None:
        """The key pair, if there is one."""
        return load_key_pair(self.key_file) if self.key_file else None

    @property
    def plain_name(self) -> str:
        """The name to say: only on a plain listener; otherwise the key says it."""
        return "" if self.key_file else self.name

    @property
    def pace(self) -> Pace:
        """How fast it is played."""
        return Pace(self.speed)


_decoder = msgspec.json.Decoder(Part)


def receive() -> Part:
    """Read the part."""
    return _decoder.decode(sys.stdin.readline())


def listen(go: Callable[[], None], go_home: Callable[[], None]) -> None:
    """Have one called on the word, the other at the end of the input, in a thread of its own."""

    def work() -> None:
        if sys.stdin.readline():
            go()
            sys.stdin.read()
        go_home()

    threading.Thread(target=work, daemon=True).start()


def begin(work: Callable[[], None]) -> None:
    """Do something in a thread that ends with the process."""
    threading.Thread(target=work, daemon=True).start()
