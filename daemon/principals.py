"""Who a peer is: from its CURVE key, or on a plain listener from the name it gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from actors.authorization import Principal
from config.desk import Desk
from daemon.transport import Listener


class Who(NamedTuple):
    """A peer: what it is, whose, and its name in the desk."""

    principal: Principal
    tenant: str
    name: str


class Principals:
    """All peers of all desks in force."""

    def __init__(self, desks: Mapping[str, Desk]) -> None:
        self._desks = desks
        self._by_key: dict[tuple[str, str], Who] = {}
        self._by_name: dict[tuple[str, str], list[Who]] = {}
        #: The self-test's own key: let in by the handshake, and by nothing else.
        self.probe_key = ""

    def refresh(self) -> None:
        """Look through the desks again."""
        self._by_key, self._by_name = {}, {}
        for tenant, desk in self._desks.items():
            for principal, peers in ((Principal.GATEWAY, desk.gateways), (Principal.CONSOLE, desk.consoles)):
                for name, peer in peers.items():
                    who = Who(principal, tenant, name)
                    if peer.public_key:
                        self._by_key[principal.value, peer.public_key] = who
                    for alias in (name, f"{tenant}:{name}"):
                        self._by_name.setdefault((principal.value, alias), []).append(who)

    def may_connect(self, role: str, key: str, *, secure: bool) -> bool:
        """Answer the ZAP handler: may this key shake hands with that listener?"""
        if not secure:
            return key == ""
        return bool(key) and (key == self.probe_key or (role, key) in self._by_key)

    def find(self, listener: Listener, key: str, name: str) -> Who | None:
        """Return who a connection is; on a plain listener ``name`` (or ``tenant:name``) must be unique."""
        if listener.secure:
            return self._by_key.get((listener.role, key))
        found = self._by_name.get((listener.role, name), [])
        return found[0] if len(found) == 1 else None
