"""What a client can go by when a command was refused; and the plain text that stands for a content."""

from __future__ import annotations

import pytest

from protocol.content import Image, Text, as_content
from protocol.errors import CATALOGUE, Code, CommandRefused


@pytest.mark.rule("guarantee-G2")
@pytest.mark.parametrize("code", Code)
def test_a_refusal_is_as_definite_as_the_catalogue_says(code: Code) -> None:
    refused = CommandRefused(code.value, "no")
    assert refused.definite is CATALOGUE[code].definite
    assert str(refused) == f"{code.value}: no"


@pytest.mark.rule("guarantee-G2")
def test_a_code_of_a_newer_daemon_is_not_taken_for_definite() -> None:
    assert not CommandRefused("FROM_TOMORROW", "no").definite


def test_a_refusal_says_when_to_try_again_and_what_is_left_of_the_window() -> None:
    refused = CommandRefused(Code.WINDOW_CLOSED, "no", 1.5, 1000.0, 3)
    assert (refused.code, refused.message) == (Code.WINDOW_CLOSED, "no")
    assert (refused.retry_after_s, refused.window_closes_at, refused.sends_left) == (1.5, 1000.0, 3)


def test_a_plain_text_stands_for_a_content_and_a_content_for_itself() -> None:
    assert as_content("hello") == Text("hello")
    picture = Image("0" * 64)
    assert as_content(picture) is picture
