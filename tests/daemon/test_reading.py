"""The reader's thread does what would hold the reactor up."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any

import pytest

from actors.journal import Entry
from daemon.reading import JournalReader
from daemon.stores.sqlite import SQLiteStore
from protocol.messages import Refused, Thread
from tests.stage import Stage

ID = bytes(16)
PATIENCE_S = 10.0


class Way:
    """Notes what is sent, and whether it was masked before."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any]] = []

    def send(self, _: Any, message: Any) -> None:
        self.sent.append(("to be masked", message))

    def send_seen(self, _: Any, message: Any, masking: Any) -> None:
        self.sent.append((f"masked by {masking}", message))


class Mask:
    """Notes on which thread it works."""

    def __init__(self) -> None:
        self.threads: list[str] = []

    def message(self, message: Any) -> Any:
        self.threads.append(threading.current_thread().name)
        return message

    def __str__(self) -> str:
        return "the mask"


def reads(folder: Path, masking: Mask | None, make: Callable[[list[Entry]], Any]) -> list[tuple[str, Any]]:
    stage = Stage(SQLiteStore(folder / "journal.db"))
    stage.writes("ann", "hello")
    way: Any = Way()
    posted: SimpleQueue[Callable[[], None]] = SimpleQueue()
    reader = JournalReader(folder / "journal.db", way, posted.put)
    connection: Any = SimpleNamespace(masking=masking)
    reader.read(connection, ID, [stage.system.head], make)
    posted.get(timeout=PATIENCE_S)()
    reader.close()
    return way.sent


@pytest.mark.rule("M3")
def test_a_long_answer_is_masked_where_it_is_made_and_not_on_the_reactors_thread(tmp_path: Path) -> None:
    mask, page = Mask(), Thread(ID, "c1", [], 1, 1)
    assert reads(tmp_path, mask, lambda _: page) == [("masked by the mask", page)]
    assert [name.rpartition("_")[0] for name in mask.threads] == ["reader"]


def test_what_cannot_be_read_is_refused_with_the_kind_of_failure(tmp_path: Path) -> None:
    def fails(_: list[Entry]) -> Any:
        raise KeyError("4111 1111 1111 1111")

    ((how, refusal),) = reads(tmp_path, None, fails)
    assert (how, refusal.message) == ("to be masked", "the journal could not be read (KeyError)")
    assert isinstance(refusal, Refused)
