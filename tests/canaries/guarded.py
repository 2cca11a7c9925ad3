"""Bugs that the simulator cannot see: in SQLite, in sockets, in what keeps strangers and tenants apart."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from actors.journal import EMPTY_HASH, Batch
from daemon import hub
from daemon.clock import SteadyClock
from daemon.hub import Hub
from daemon.outbound import Outbound
from daemon.stores import sqlite
from daemon.stores.sqlite import SQLiteStore
from daemon.zap import ZapHandler


def _synchronous(patch: pytest.MonkeyPatch, level: str) -> None:
    commit = SQLiteStore.commit

    def hasty(self: SQLiteStore, batch: Batch) -> None:
        self.connection.execute(f"PRAGMA synchronous = {level}")
        commit(self, batch)

    patch.setattr(SQLiteStore, "commit", hasty)


def commits_are_flushed_now_and_then(patch: pytest.MonkeyPatch) -> None:
    _synchronous(patch, "NORMAL")


def commits_are_never_flushed(patch: pytest.MonkeyPatch) -> None:
    _synchronous(patch, "OFF")


def the_epoch_is_not_looked_at(patch: pytest.MonkeyPatch) -> None:
    update = sqlite.UPDATE_SHARD
    assert "epoch = ?" in update
    patch.setattr(sqlite, "UPDATE_SHARD", update.replace("epoch = ?", "? > 0"))


def nobody_takes_the_lock(patch: pytest.MonkeyPatch) -> None:
    def opens(path: Path) -> int:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    patch.setattr(sqlite, "lock", opens)


def hashes_are_not_looked_at(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("actors.journal.chain", lambda previous, first, epoch, body: EMPTY_HASH)


def every_key_is_let_in(patch: pytest.MonkeyPatch) -> None:
    decide = ZapHandler._decide

    def friendly(self: ZapHandler, fields: list[bytes]) -> bytes | None:
        return decide(self, fields) or b"somebody"

    patch.setattr(ZapHandler, "_decide", friendly)


def routing_ids_prove_something(patch: pytest.MonkeyPatch) -> None:
    opens = Hub._open

    def trusting(self: Hub, listener: Any, identity: bytes, frame: Any, now: float) -> Any:
        connection = opens(self, listener, b"\0" + identity, frame, now)
        if connection is not None:
            self._connections[identity] = self._connections.pop(b"\0" + identity)
            connection.identity = identity
        return connection

    patch.setattr(Hub, "_open", trusting)


def the_tenant_is_not_looked_at(patch: pytest.MonkeyPatch) -> None:
    from_agent = hub.Told

    def anybodys(message: Any, tenant: str, *rest: Any) -> Any:
        ident = getattr(message, "conversation", "")
        known = [address for address in told_to[0].system.actors if address[::2] == ("conversation", ident)]
        return from_agent(message, known[0][1] if known else tenant, *rest)

    def conversation_of(self: Hub, connection: Any, message: Any) -> None:
        told_to[0] = self
        told = self._told(connection, message)
        if told is not None:
            self.system.tell(("conversation", told.tenant, message.conversation), told)

    told_to: list[Any] = [None]
    patch.setattr(hub, "Told", anybodys)
    patch.setattr(Hub, "_from_agent", conversation_of)


def the_wall_clock_is_believed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(SteadyClock, "now", lambda self: time.time())


def a_gap_is_not_told(patch: pytest.MonkeyPatch) -> None:
    def silent(self: Outbound, subscription: Any) -> None:
        subscription.window.skip_to(subscription.mailbox.last)

    patch.setattr(Outbound, "_tell_gap", silent)
