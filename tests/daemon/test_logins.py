"""Back-off: what guessing passwords costs."""

from __future__ import annotations

from daemon.logins import BACK_OFF_S_MAX, FREE_TRIES, BackOff

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
