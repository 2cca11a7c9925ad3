"""Agents' logins:

argon2 in a small side pool, tokens for reconnects, back-off against guessing (GUARANTEES 6, rules 4 and 5).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from msgspec import Struct

#: Verified in place of an unknown agent's hash, so that the answer takes as long.
DUMMY_HASH = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1).hash("nobody")
#: Wrong passwords of one account before it has to wait, and the longest wait.
FREE_TRIES = 5
BACK_OFF_S_MAX = 300.0
#: Doubling more often than this would only overflow.
DOUBLINGS_MAX = 10
#: Accounts with wrong passwords that are remembered before those that need not wait are forgotten.
ACCOUNTS_MAX = 10_000
#: How long a try has to wait while others of its account are being looked at.
UNDER_WAY_S = 1.0


class Claims(Struct, array_like=True):
    """What a token proves: who, on which connection key, until when."""

    tenant: str
    agent: str
    key: str
    password_digest: str
    expires_at: float
    epoch: int = 0


class Tokens:
    """Signs and checks session tokens with HMAC-SHA-256. A token is bound to the connection's key and to the
    password's hash, so a new password voids it; and it names the epoch of the lease under which it was made,
    so that being logged out on purpose voids it."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._decoder = msgspec.msgpack.Decoder(Claims)

    def make(self, claims: Claims) -> str:
        """Return the token for the claims."""
        body = msgspec.msgpack.encode(claims)
        return base64.urlsafe_b64encode(self._sign(body) + body).decode()

    def check(self, token: str, expected: Claims, now: float) -> bool:
        """True when the token proves who is expected, on the same key, has not expired, and is of no earlier
        epoch than is expected."""
        try:
            raw = base64.urlsafe_b64decode(token.encode("ascii"))
            if base64.urlsafe_b64encode(raw).decode() != token:
                return False  # Decoding passes over what it cannot use; a token is only the one we have made.
            signature, body = raw[:32], raw[32:]
            if not hmac.compare_digest(signature, self._sign(body)):
                return False
            claims = self._decoder.decode(body)
        except (ValueError, msgspec.MsgspecError):
            return False
        if claims.expires_at <= now or claims.epoch < expected.epoch:
            return False
        return msgspec.structs.replace(claims, expires_at=0.0, epoch=0) == msgspec.structs.replace(
            expected, expires_at=0.0, epoch=0
        )

    def _sign(self, body: bytes) -> bytes:
        return hmac.new(self._secret, body, hashlib.sha256).digest()


def digest_of(password_hash: str) -> str:
    """Return what stands for a password hash in a token."""
    return hashlib.sha256(password_hash.encode()).hexdigest()[:16]


class BackOff:
    """Wrong passwords of an account (tenant, agent): after a few, each one makes it wait twice as long.

    A try that is still being looked at counts as wrong, so that a queue of guesses gains nothing.
    """

    def __init__(self) -> None:
        self._failures: dict[tuple[str, str], tuple[int, float]] = {}
        self._under_way: dict[tuple[str, str], int] = {}

    def wait_s(self, account: tuple[str, str], now: float) -> float:
        """Return how long the account has to wait, in seconds; 0 when it may try."""
        tries, until = self._failures.get(account, (0, 0.0))
        if until > now:
            return until - now
        under_way = self._under_way.get(account, 0)
        return UNDER_WAY_S if under_way and tries + under_way >= FREE_TRIES else 0.0

    def began(self, account: tuple[str, str]) -> None:
        """Note a try; ``failed`` or ``succeeded`` ends it."""
        self._under_way[account] = self._under_way.get(account, 0) + 1

    def failed(self, account: tuple[str, str], now: float) -> None:
        """Note a wrong password."""
        self._ended(account)
        if len(self._failures) > ACCOUNTS_MAX:
            self._failures = {key: value for key, value in self._failures.items() if value[1] > now}
        tries = self._failures.get(account, (0, 0.0))[0] + 1
        doublings = min(tries - FREE_TRIES, DOUBLINGS_MAX)
        wait_s = min(BACK_OFF_S_MAX, 2.0**doublings) if doublings >= 0 else 0.0
        self._failures[account] = (tries, now + wait_s)

    def succeeded(self, account: tuple[str, str]) -> None:
        """Forget the wrong ones."""
        self._ended(account)
        self._failures.pop(account, None)

    def _ended(self, account: tuple[str, str]) -> None:
        left = self._under_way.pop(account, 1) - 1
        if left > 0:
            self._under_way[account] = left


class PasswordPool:
    """Verifies passwords off the reactor's thread, a few at a time, with a bounded queue."""

    def __init__(self, at_once: int, queue_max: int, post: Callable[[Callable[[], None]], None]) -> None:
        self._pool = ThreadPoolExecutor(at_once, thread_name_prefix="login")
        self._queue_max = queue_max
        self._post = post
        self._waiting = 0
        self._hasher = PasswordHasher()

    def verify(self, password_hash: str | None, password: str, done: Callable[[bool], None]) -> bool:
        """Verify in the pool;

        ``done(ok)`` is called on the reactor's thread. False when the queue is full.
        """
        if self._waiting >= self._queue_max:
            return False
        self._waiting += 1
        self._pool.submit(self._work, password_hash, password, done)
        return True

    def _work(self, password_hash: str | None, password: str, done: Callable[[bool], None]) -> None:
        good = False
        try:
            good = self._hasher.verify(password_hash or DUMMY_HASH, password) and password_hash is not None
        except (VerificationError, InvalidHashError):
            good = False
        finally:
            self._post(lambda: self._finish(good, done))

    def _finish(self, good: bool, done: Callable[[bool], None]) -> None:
        self._waiting -= 1
        done(good)

    def close(self) -> None:
        """Wait for what runs; drop what waits."""
        self._pool.shutdown(cancel_futures=True)


class LoginDesk:
    """Everything about logins in one place: the pool, the back-off and the tokens."""

    def __init__(self, pool: PasswordPool, tokens: Tokens) -> None:
        self.pool = pool
        self.back_off = BackOff()
        self._tokens = tokens

    def make_token(
        self, tenant: str, agent: str, key: str, password_hash: str, expires_at: float, epoch: int
    ) -> str:
        """Return a token for an agent on a connection key, of an epoch of the agent's lease."""
        return self._tokens.make(Claims(tenant, agent, key, digest_of(password_hash), expires_at, epoch))

    def check_token(
        self, token: str, tenant: str, agent: str, key: str, password_hash: str, now: float, epoch: int
    ) -> bool:
        """True when the token lets this agent in on this connection key; not one of an epoch before this."""
        expected = Claims(tenant, agent, key, digest_of(password_hash), 0.0, epoch)
        return self._tokens.check(token, expected, now)


def token_secret(path: Path) -> bytes:
    """Return the secret that signs session tokens; made once, readable by the daemon alone."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes()
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_bytes(32))
    return path.read_bytes()
