"""Small lags and steps, so that a few turns reach what takes production twenty thousand events."""

from functools import lru_cache

import pytest

from actors import commands, runtime, writebehind
from actors.dispatcher import actor as dispatcher
from config.desk import parse_desk

#: Parses a desk's text the first time only; of many seeds it keeps the desks of the last ones.
parse_once = lru_cache(maxsize=64)(parse_desk)


def small_steps(patch: pytest.MonkeyPatch, lag: int, step: int) -> None:
    """Write behind after ``lag`` positions, ``step`` rows at a time."""
    patch.setattr(writebehind, "LAG", lag)
    patch.setattr(runtime, "STEP", step)
    patch.setattr(commands, "FULL", step)


def parse_desks_once(patch: pytest.MonkeyPatch) -> None:
    """Checking a desk file takes milliseconds; a test that starts a thousand systems does it once."""
    patch.setattr(dispatcher, "parse_desk", parse_once)
