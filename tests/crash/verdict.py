"""Is what the clients were told true of what is left of the journal? GUARANTEES I1, I2, I3, I12, I18."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from actors.clock import VirtualClock
from actors.events.conversation import CustomerWrote
from actors.runtime import System, Told as Sent
from daemon.stores.memory import MemoryStore
from daemon.stores.sqlite import SQLiteStore
from tests.actors.oracle import Oracle, projection
from tests.crash.workload import GATEWAY, message_of
from tests.stage import KINDS, Failures


class Told:
    """What the clients were told, from the lines that the workload wrote."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.acknowledged: dict[bytes, int] = {}
        self.refused: dict[bytes, str] = {}
        #: Ids that were acknowledged at two positions.
        self.contradictions: list[str] = []
        for line in lines:
            word, ident, what = line.split()
            command = bytes.fromhex(ident)
            if word == "refused":
                self.refused[command] = what
            elif self.acknowledged.setdefault(command, int(what)) != int(what):
                self.contradictions.append(line)


def problems(journal: Path, told: Told, *, wholly: bool = False) -> list[str]:
    """Open what a crash has left, recover from it, and return everything that is wrong.

    ``wholly``: also compare what was recovered with a replay from zero.
    """
    store = SQLiteStore(journal)
    try:
        opened = store.open()
        oracle = Oracle()
        oracle.read(store)
        idents = iter(range(1 << 30))
        system = System(store, KINDS, Failures(), lambda: f"after-{next(idents)}")
        system.recover(opened, VirtualClock().now())
        found = list(told.contradictions)
        found += _untrue(oracle, told)
        found += _not_recovered(system, oracle)
        (integrity,) = store.connection.execute("PRAGMA integrity_check").fetchone()
        if integrity != "ok":
            found.append(f"integrity_check: {integrity}")
        if wholly and projection(system, oracle) != projection(_from_zero(store, system), oracle):
            found.append("tables and tail differ from a replay from zero")
        return found
    except Exception as error:  # Whatever keeps the daemon from starting.
        return [f"{type(error).__name__}: {error}"]
    finally:
        store.close()


def _untrue(oracle: Oracle, told: Told) -> list[str]:
    found = []
    where = {command: position for (_, _, command), position in oracle.commands.items()}
    for command, position in told.acknowledged.items():
        if where.get(command) != position:
            found.append(f"{command.hex()} was acknowledged at {position}, and is at {where.get(command)}")
    for command, code in told.refused.items():
        if command in where:
            found.append(f"{command.hex()} was refused ({code}), and is at {where[command]}")
    for (_, sender, command), position in oracle.commands.items():
        event = oracle.entries[position - 1].event
        if sender == GATEWAY:
            said = message_of(int.from_bytes(command, "big"))
            if not isinstance(event, CustomerWrote) or event.content != said.content:
                found.append(f"{command.hex()} is not what was sent")
    return found


def _not_recovered(system: System, oracle: Oracle) -> list[str]:
    """A resent command must find its first answer: in memory, or in the command table."""
    found = []
    for (tenant, sender, command), position in oracle.commands.items():
        known = system.first_entry(Sent(_Command(command), tenant, sender, None))
        if known is None or known[0] != position:
            found.append(f"{command.hex()} is at {position}, and sent again it finds {known and known[0]}")
    return found


class _Command(NamedTuple):
    """As much of a command as it takes to look it up."""

    id: bytes


def _from_zero(store: SQLiteStore, system: System) -> System:
    bare = MemoryStore()
    bare._records = list(store.records(0))
    bare._firsts = [record.first for record in bare._records]
    idents = iter(range(1 << 30))
    other = System(bare, KINDS, Failures(), lambda: f"zero-{next(idents)}")
    other.recover(bare.open(), VirtualClock().now())
    return other
