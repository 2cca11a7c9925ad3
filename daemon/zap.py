"""Who may connect: the ZAP handler, in a loop of our own, and the self-test that proves it still refuses.

pyzmq's authenticator thread dies for good when a callback raises, and its callback does not see routing ids.
Here every exception becomes a refusal.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import zmq
from zmq.utils import z85

from daemon.transport import ZAP_DOMAIN, Listener

ENDPOINT = "inproc://zeromq.zap.01"
#: What one probe of the self-test may take.
PROBE_S = 5.0


class ZapHandler:
    """Answers libzmq's question about each new connection.

    ``allowed(role, key)`` decides; keys are Z85 text.
    """

    def __init__(self, context: zmq.Context[Any], allowed: Callable[[str, str], bool]) -> None:
        self._allowed = allowed
        self.refused = 0
        self.socket = context.socket(zmq.ROUTER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.bind(ENDPOINT)

    def answer_all(self) -> None:
        """Answer every question that waits."""
        while True:
            try:
                parts = self.socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            self.socket.send_multipart(self._answer(parts))

    def _answer(self, parts: list[bytes]) -> list[bytes]:
        cut = parts.index(b"") + 1 if b"" in parts else 0
        version, request, *rest = [*parts[cut:], b"", b""]
        try:
            user = self._decide(rest)
        except Exception:
            user = None
        if user is None:
            self.refused += 1
            return [*parts[:cut], version, request, b"400", b"not allowed", b"", b""]
        return [*parts[:cut], version, request, b"200", b"", user, b""]

    def _decide(self, fields: list[bytes]) -> bytes | None:
        """Return the user id of a peer to let in, or None."""
        domain, _address, _own_routing_id, mechanism, *credentials = fields
        role = domain.decode().removeprefix(f"{ZAP_DOMAIN}-")
        if mechanism == b"CURVE":
            key: bytes = z85.encode(credentials[0])
            return key if self._allowed(role, key.decode()) else None
        if mechanism == b"NULL":
            # No user id: on a plain listener no key tells one peer from another.
            return b"" if self._allowed(role, "") else None
        return None

    def close(self) -> None:
        """Stop answering: from now on everybody is refused."""
        self.socket.close(0)


class Probe:
    """One connection of the self-test: it must be let in, or must be refused."""

    def __init__(
        self,
        context: zmq.Context[Any],
        listener: Listener,
        server_key: bytes,
        keys: tuple[bytes, bytes],
        now: float,
    ) -> None:
        self._started_at = now
        self.socket = context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.RECONNECT_IVL, -1)
        self.socket.curve_serverkey = server_key
        self.socket.curve_publickey, self.socket.curve_secretkey = keys
        events = (
            zmq.EVENT_HANDSHAKE_SUCCEEDED
            | zmq.EVENT_HANDSHAKE_FAILED_AUTH
            | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
        )
        self._monitor = self.socket.get_monitor_socket(events)
        self.socket.connect(listener.address)

    def outcome(self, now: float) -> str | None:
        """Return ``let in``, ``refused`` or ``no answer``; None while it is open."""
        if self._monitor.poll(0):
            kind = int.from_bytes(self._monitor.recv_multipart()[0][:2], "little")
            return "let in" if kind == zmq.EVENT_HANDSHAKE_SUCCEEDED else "refused"
        return "no answer" if now - self._started_at > PROBE_S else None

    def close(self) -> None:
        """End the connection."""
        self.socket.disable_monitor()
        self._monitor.close(0)  # Disabling leaves our end of it open.
        self.socket.close(0)


class SelfTest:
    """A connection with a random key must be refused, one with the probe's key must pass:

    at start and every minute.
    """

    def __init__(self, context: zmq.Context[Any], listeners: list[tuple[Listener, bytes]]) -> None:
        self._context = context
        self._listeners = listeners
        self.keys = zmq.curve_keypair()
        self.probe_key = self.keys[0].decode()
        self._running: list[tuple[Probe, str, str]] = []
        self.problems: list[str] | None = None
        self._failed: list[str] = []

    @property
    def running(self) -> bool:
        """True while probes are out."""
        return bool(self._running)

    def start(self, now: float) -> None:
        """Send out two probes for each CURVE listener."""
        self._failed = []
        for listener, server_key in self._listeners:
            for keys, expected in ((zmq.curve_keypair(), "refused"), (self.keys, "let in")):
                probe = Probe(self._context, listener, server_key, keys, now)
                self._running.append((probe, expected, listener.role))
        if not self._running:
            self.problems = []

    def step(self, now: float) -> bool:
        """Look after the probes; True when the test has just ended, with ``problems`` filled in."""
        still = []
        for probe, expected, role in self._running:
            outcome = probe.outcome(now)
            if outcome is None:
                still.append((probe, expected, role))
                continue
            probe.close()
            if outcome != expected:
                self._failed.append(f"the {role} listener: a key that must be {expected} got {outcome!r}")
        ended = bool(self._running) and not still
        self._running = still
        if ended:
            self.problems = self._failed
        return ended

    def close(self) -> None:
        """End what is still out."""
        for probe, _, _ in self._running:
            probe.close()
        self._running = []
