"""A slice of the fuzzing in every run of the suite; ``python -m tests.fuzz`` throws many more."""

from __future__ import annotations

import json

import pytest

from protocol.client.machine import ClientMachine
from protocol.codec import MESSAGES_PER_FRAME, client_codec, encode
from protocol.errors import Code, RemoteProtocolError
from protocol.messages import Ping
from tests.fuzz.__main__ import main
from tests.fuzz.corpus import Mutator, good
from tests.fuzz.inside import ALLOCATED_MAX, fuzz


@pytest.mark.rule("guarantee-G13")
def test_mutated_frames_are_refused_cheaply_and_nothing_falls_over() -> None:
    found = fuzz(4_000, seed=20261127)
    assert (found["frames"], found["crashes"]) == (4_000, 0), found["problems"]
    assert found["through_the_door"] >= 100
    assert found["allocated_max_bytes"] <= ALLOCATED_MAX


def test_the_same_seed_makes_the_same_frames() -> None:
    one, other = Mutator(7), Mutator(7)
    assert [one.frame() for _ in range(50)] == [other.frame() for _ in range(50)]
    assert len(good()) > 40


@pytest.mark.parametrize("many", [MESSAGES_PER_FRAME + 1, 20_000])
def test_messages_of_a_frame_are_counted_before_they_are_made(many: int) -> None:
    frame = b"\xdc" + many.to_bytes(2, "big") + encode([Ping()]) * many
    with pytest.raises(RemoteProtocolError) as refused:
        client_codec().decode(frame)
    assert refused.value.code is Code.TOO_LARGE
    assert f"{many} messages" in str(refused.value)


def test_what_falls_over_is_reported_with_its_frame(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def clumsy(self: ClientMachine, frame: bytes, now: float) -> None:
        raise IndexError("planted")

    heard = ClientMachine.received
    calls = [0]

    def sometimes(self: ClientMachine, frame: bytes, now: float) -> None:
        calls[0] += 1
        (clumsy if calls[0] == 40 else heard)(self, frame, now)

    monkeypatch.setattr(ClientMachine, "received", sometimes)
    assert main(["--frames", "60", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)["inside"]
    assert found["crashes"] == 1
    assert "IndexError('planted')" in found["problems"][0]
