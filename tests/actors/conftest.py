"""What the tests of the actors share."""

from collections.abc import Callable

import pytest

from tests.actors.small import small_steps


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], None]:
    """Let a test make the lag and the steps of what is written behind as small as it likes."""
    return lambda lag, step: small_steps(monkeypatch, lag, step)
