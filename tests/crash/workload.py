"""A desk under load, to be killed: `python -m tests.crash.workload DIRECTORY ACKS SEED TURNS FIRST`.

The production system on the production store, without the sockets. What is sent is printed on
standard output. What a client would be told is written to the file ACKS and flushed, after
``release`` and not before: "ack <id> <position>", "refused <id> <code>". A failed commit ends the
process with exit code 74. PLANT names a bug to have: the tests show that they find it.
"""

from __future__ import annotations

import os
import sqlite3
import sys
from pathlib import Path
from random import Random
from typing import Any

from actors import commands, runtime, writebehind
from actors.journal import Batch, CommitUnknown, read_record
from actors.telling import Told
from daemon.stores import sqlite
from daemon.stores.sqlite import SQLiteStore
from protocol.content import Text
from protocol.messages import Ack, CustomerMessage, Refused
from tests.canaries.plant import plant_from_environment
from tests.stage import Stage, desk_text

PLANT = os.environ.get("PLANT", "")
GATEWAY = "gateway/web"
AGENTS = ("a1", "a2")


class Client:
    """The clients' memory: survives what happens to the daemon."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def note(self, lines: list[str]) -> None:
        """Write what the client was told, and flush it."""
        if lines:
            os.write(self._descriptor, "".join(f"{line}\n" for line in lines).encode())
            os.fsync(self._descriptor)


class Load(Stage):
    """Customers write, agents answer, conversations end."""

    def __init__(self, store: SQLiteStore, client: Client, seed: int) -> None:
        self.chance = Random(seed)
        self.client = client
        super().__init__(store, desk_text(agents=2, capacity=3))

    def turn(self, *told: tuple[Any, Any], park_idle_s: float | None = None) -> list[Any]:
        replies = super().turn(*told, park_idle_s=park_idle_s)
        self.client.note([line for reply in replies for line in said(reply)])
        return replies

    def customers_write(self, idents: list[int]) -> None:
        """Send messages under these ids, in one turn; what one says follows from its id."""
        sys.stdout.write("".join(f"{ident}\n" for ident in idents))
        sys.stdout.flush()
        self.turn(
            *(
                (("channel", "acme", "web"), Told(message_of(ident), "acme", GATEWAY, "peer"))
                for ident in idents
            )
        )

    def agents_act(self) -> None:
        """Every agent does one thing with one conversation."""
        view = self.system.actors["dispatcher", "acme", ""].view  # type: ignore[attr-defined]
        for agent in AGENTS:
            known = view.agent(agent)
            for ident in sorted(known.offers)[:1]:
                self.accepts(agent, ident)
            for ident in sorted(known.owned)[:1]:
                if self.chance.random() < 0.4:
                    self.ends(agent, ident)
                else:
                    self.says(agent, ident, "certainly")


def message_of(ident: int) -> CustomerMessage:
    """Return the message that goes under an id."""
    return CustomerMessage(
        ident.to_bytes(16, "big"), "web", f"contact-{ident % 7}", Text(f"message {ident} " * 20)
    )


def said(reply: Any) -> list[str]:
    """Return the line for a reply to a customer's message, if it is one."""
    if isinstance(reply, Ack):
        return [f"ack {reply.id.hex()} {reply.position}"]
    return [f"refused {reply.id.hex()} {reply.code}"] if isinstance(reply, Refused) else []


def plant(store: SQLiteStore, client: Client) -> None:
    """Put the wanted bug in."""
    commit = store.commit

    def ack_before_commit(batch: Batch) -> None:
        if batch.record is not None:
            numbered = enumerate(read_record(batch.record), batch.record.first)
            client.note([f"ack {e.command.hex()} {position}" for position, e in numbered if e.command])
        commit(batch)

    def without_flush(batch: Batch) -> None:
        level = "OFF" if PLANT == "no_flush" else "NORMAL"
        store.connection.execute(f"PRAGMA synchronous = {level}")
        commit(batch)

    if PLANT == "ack_before_commit":
        store.commit = ack_before_commit  # type: ignore[method-assign]
    elif PLANT in ("no_flush", "no_flush_in_commits"):
        store.commit = without_flush  # type: ignore[method-assign]
    elif PLANT == "refuse_after_failed_commit":
        store.commit = lambda batch: refusing(commit, client, batch)  # type: ignore[method-assign]


def refusing(commit: Any, client: Client, batch: Batch) -> None:
    """Say no when a commit fails, and carry on: what G2 forbids."""
    try:
        commit(batch)
    except CommitUnknown:
        if batch.record is not None:
            client.note([f"refused {e.command.hex()} BUSY" for e in read_record(batch.record) if e.command])
        raise


def main(directory: Path, acks: Path, seed: int, turns: int, first: int) -> int:
    """Run turns of a seed; the customers' ids go on from ``first``, and the ten before it are sent again."""
    plant_from_environment()
    sqlite.CHECKPOINT_PAGES = 12
    writebehind.LAG, runtime.STEP, commands.FULL = 12, 3, 5
    store, client = SQLiteStore(directory / "journal.db"), Client(acks)
    plant(store, client)
    try:
        load = Load(store, client, seed)
        load._ids = iter(range(seed << 20, 1 << 60))
        # The agents' ids must be new in each run.
        load._commands = iter(range((seed + 1) << 64, 1 << 120))
        load.logs_in(*AGENTS)
        if first:
            load.customers_write(list(range(max(0, first - 10), first)))
        for turn in range(turns):
            many = load.chance.randint(1, 4)
            load.customers_write(list(range(first, first + many)))
            first += many
            load.agents_act()
            load.clock.advance(load.chance.choice((0.1, 5.0, 31.0)))
            if turn % 5 == 4:
                load.turn(park_idle_s=5.0)
    except CommitUnknown as error:
        sys.stderr.write(f"{error}\n")
        sys.stderr.flush()
        # At once: closing the file would make up its mind about what the failed flush has left open.
        os._exit(74)
    except sqlite3.Error as error:
        sys.stderr.write(f"not a commit: {error}\n")
        return 75
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), *(int(argument) for argument in sys.argv[3:6])))
