"""Logins: what guessing passwords costs, which passwords and which tokens are good."""

from __future__ import annotations

import base64
import stat
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from argon2 import PasswordHasher
from msgspec.structs import replace

from daemon import logins
from daemon.logins import (
    BACK_OFF_S_MAX,
    FREE_TRIES,
    BackOff,
    Claims,
    PasswordPool,
    Tokens,
    digest_of,
    token_secret,
)

ACCOUNT = ("acme", "a1")


def fail(back_off: BackOff, times: int, now: float = 0.0) -> None:
    for _ in range(times):
        back_off.began(ACCOUNT)
        back_off.failed(ACCOUNT, now)


def test_each_wrong_password_after_the_free_ones_doubles_the_wait() -> None:
    back_off = BackOff()
    fail(back_off, FREE_TRIES - 1)
    waits = []
    for _ in range(4):
        fail(back_off, 1)
        waits.append(back_off.wait_s(ACCOUNT, 0.0))
    assert waits == [1.0, 2.0, 4.0, 8.0]


def test_the_wait_has_a_bound_however_many_wrong_passwords_there_are() -> None:
    back_off = BackOff()
    fail(back_off, 3_000)
    assert back_off.wait_s(ACCOUNT, 0.0) == BACK_OFF_S_MAX


def test_tries_under_way_count_as_wrong() -> None:
    back_off = BackOff()
    for _ in range(FREE_TRIES):
        assert back_off.wait_s(ACCOUNT, 0.0) == 0
        back_off.began(ACCOUNT)
    assert back_off.wait_s(ACCOUNT, 0.0) > 0
    assert back_off.wait_s(("acme", "a2"), 0.0) == 0
    back_off.succeeded(ACCOUNT)
    assert back_off.wait_s(ACCOUNT, 0.0) == 0


def test_after_the_wait_one_try_at_a_time() -> None:
    back_off = BackOff()
    fail(back_off, FREE_TRIES)
    assert back_off.wait_s(ACCOUNT, 2.0) == 0
    back_off.began(ACCOUNT)
    assert back_off.wait_s(ACCOUNT, 2.0) > 0


@pytest.mark.rule("guarantee-G13")
def test_of_very_many_accounts_those_that_need_not_wait_are_forgotten_and_no_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(logins, "ACCOUNTS_MAX", 2)
    back_off = BackOff()
    fail(back_off, FREE_TRIES + 3)
    for name in ("a2", "a3", "a4"):
        back_off.began(("acme", name))
        back_off.failed(("acme", name), 0.0)
    assert set(back_off._failures) == {ACCOUNT, ("acme", "a4")}
    assert back_off.wait_s(ACCOUNT, 0.0) == 8.0


# Passwords.

RIGHT = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("right")


class Pool:
    """A pool of one thread whose answers are taken when the test asks for them."""

    def __init__(self, queue_max: int = 8) -> None:
        self.posted: list[Callable[[], None]] = []
        self.answers: list[bool] = []
        self.pool = PasswordPool(1, queue_max, self.posted.append)

    def verify(self, password_hash: str | None, password: str) -> bool:
        return self.pool.verify(password_hash, password, self.answers.append)

    def finish(self) -> list[bool]:
        """Wait for what runs, and take the answers as the reactor's thread does."""
        self.pool._pool.shutdown()
        for finish in self.posted:
            finish()
        return self.answers


@pytest.mark.parametrize(
    ("password_hash", "password", "good"),
    [(RIGHT, "right", True), (RIGHT, "wrong", False), (None, "nobody", False), ("no hash", "right", False)],
    ids=["right", "wrong", "of an unknown agent", "of a hash that is none"],
)
def test_only_the_right_password_of_an_agent_who_is_there_is_good(
    password_hash: str | None, password: str, good: bool
) -> None:
    """An unknown agent's answer takes as long: a hash is verified, and its password lets nobody in."""
    pool = Pool()
    assert pool.verify(password_hash, password)
    assert pool.finish() == [good]


@pytest.mark.rule("guarantee-G13")
def test_no_more_passwords_wait_than_may_and_an_answer_makes_room() -> None:
    pool = Pool(queue_max=2)
    assert [pool.verify(RIGHT, "right") for _ in range(3)] == [True, True, False]
    assert pool.finish() == [True, True]
    assert pool.pool._waiting == 0


def test_a_pool_that_is_closed_has_answered_what_ran() -> None:
    pool = Pool()
    pool.verify(RIGHT, "right")
    pool.pool.close()
    assert len(pool.posted) <= 1
    with pytest.raises(RuntimeError):
        pool.verify(RIGHT, "right")


# Tokens.

CLAIMS = Claims("acme", "a1", "KEY", digest_of(RIGHT), 100.0, 3)


def test_a_token_is_good_for_whom_and_for_how_long_it_was_made() -> None:
    tokens = Tokens(b"secret")
    token = tokens.make(CLAIMS)
    assert tokens.check(token, CLAIMS, 99.9)
    assert tokens.check(token, replace(CLAIMS, epoch=2), 99.9), "of a later login than is asked for"
    assert not tokens.check(token, CLAIMS, 100.0)
    assert not tokens.check(token, replace(CLAIMS, epoch=4), 99.9)
    for other in ({"tenant": "rival"}, {"agent": "a2"}, {"key": "OTHER"}, {"password_digest": "new"}):
        assert not tokens.check(token, replace(CLAIMS, **other), 99.9), other


def forged(token: str) -> dict[str, str]:
    raw = base64.urlsafe_b64decode(token)
    body = msgspec.msgpack.encode([1, 2])
    signed = Tokens(b"secret")._sign(body) + body
    return {
        "nothing": "",
        "no letters of a token": token + "é",
        "cut off": token[:-4],
        "something that decoding passes over": token[:8] + "!" + token[8:],
        "signed by another secret": Tokens(b"other").make(CLAIMS),
        "another body under the signature": base64.urlsafe_b64encode(raw[:-1] + b"\x09").decode(),
        "signed, and no claims": base64.urlsafe_b64encode(signed).decode(),
    }


@pytest.mark.parametrize("what", forged(Tokens(b"secret").make(CLAIMS)))
def test_whatever_else_is_shown_is_no_token(what: str) -> None:
    tokens = Tokens(b"secret")
    assert not tokens.check(forged(tokens.make(CLAIMS))[what], CLAIMS, 1.0)


def test_the_secret_is_made_once_and_nobody_else_may_read_it(tmp_path: Path) -> None:
    path = tmp_path / "tokens.secret"
    secret = token_secret(path)
    assert len(secret) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert token_secret(path) == secret
    assert token_secret(tmp_path / "another.secret") != secret
