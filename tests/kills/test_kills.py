"""A few kills in every run of the suite; ``python -m tests.kills`` has many more."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.stores.sqlite import SQLiteStore
from protocol.messages import Ack
from tests.kills.__main__ import killed
from tests.kills.verdict import answers_missing, gaps, judge
from tests.stage import Stage


@pytest.mark.timeout(120)
@pytest.mark.rule("guarantee-G1", "guarantee-G2", "guarantee-G3", "guarantee-G4", "guarantee-G5")
def test_a_daemon_that_is_killed_under_load_loses_and_doubles_nothing() -> None:
    found = killed(3, seed=20261127)
    assert found["problems"] == []
    assert (found["lost"], found["duplicated"], found["gaps"]) == (0, 0, 0)
    assert found["acked"] > 300


# The verdict can be "guilty".


@pytest.fixture
def told(tmp_path: Path) -> tuple[Path, dict[str, list[str]], list[tuple[str, str, Ack]]]:
    stage = Stage(SQLiteStore(tmp_path / "journal.db"))
    texts = [f"ann says {number}" for number in range(3)]
    acks = [("ann", text, stage.writes("ann", text)) for text in texts]
    stage.store.close()
    return tmp_path / "journal.db", {"ann": texts}, acks


Told = tuple[Path, dict[str, list[str]], list[tuple[str, str, Ack]]]


def test_a_true_story_is_believed(told: Told) -> None:
    assert judge(*told)["problems"] == []


def test_a_message_that_was_acknowledged_and_is_not_there_is_lost(told: Told) -> None:
    journal, sent, acks = told
    gone = ("ann", "ann says 99", acks[0][2])
    assert judge(journal, sent, [*acks, gone])["lost"] == 1


def test_an_answer_with_another_position_contradicts_the_journal(told: Told) -> None:
    journal, sent, acks = told
    contact, text, ack = acks[1]
    wrong = Ack(ack.id, ack.position + 1, ack.conversation, ack.sequence)
    assert judge(journal, sent, [acks[0], (contact, text, wrong)])["contradicted"] == 1


def test_messages_in_another_order_than_they_were_sent_are_seen(told: Told) -> None:
    journal, sent, acks = told
    assert judge(journal, {"ann": sent["ann"][::-1]}, acks)["out_of_order"] == 1


def test_gaps_and_answers_that_came_twice_or_never_are_counted() -> None:
    assert gaps([1, 2, 4, 5, 5]) == 2
    assert answers_missing(["a", "b", "b"], ["a", "b", "c"]) == 2
