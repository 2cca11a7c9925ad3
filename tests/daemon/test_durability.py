"""Acknowledgements go out only for what survives: flush errors, crash images, kills (GUARANTEES S1-S4).

A process runs the production system on the production store while a preloaded library logs all that
it writes, flushes and promises, in one order. From the log we build the disks that a power loss
could leave, open each, and hold the promises against it. The planted bugs at the end show that the
verdict can be "guilty".
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.actors.small import parse_desks_once
from tests.crash.recording import Disk, NoCompiler, Op, Step, build_shim, flushes, read_log
from tests.crash.running import COMMIT_FAILED, Run, quick_folder, verdicts
from tests.crash.verdict import Told, problems

pytestmark = pytest.mark.rule("guarantee-G1", "guarantee-G2")


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        return build_shim(tmp_path_factory.mktemp("shim"))
    except NoCompiler as error:
        pytest.skip(str(error))


@pytest.fixture(autouse=True)
def desks_are_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parse_desks_once(monkeypatch)


@pytest.fixture
def place() -> Iterator[Path]:
    with quick_folder() as folder:
        yield folder


def test_whatever_a_power_loss_leaves_has_all_that_was_acknowledged(place: Path, shim: Path) -> None:
    run = Run(place, shim)
    assert run.live(45) == 0
    steps = read_log(run.log)
    assert sum(step.op is Op.FLUSH and step.name == "journal.db" for step in steps) > 5, (
        "no checkpoint was cut"
    )
    many, found = verdicts(steps, place, 120, seed=1)
    assert many > 250
    assert found == []


def test_a_power_loss_in_a_second_life_keeps_what_both_lives_acknowledged(place: Path, shim: Path) -> None:
    run = Run(place, shim)
    run.live(8)
    first_life = len(read_log(run.log))
    run.live(8, first=max(run.sent) + 1)
    steps = read_log(run.log)
    assert len(steps) > first_life
    _, found = verdicts(steps, place, 40, seed=2)
    assert found == []


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory, shim: Path) -> dict[str, list[int]]:
    """Which flushes a run of forty turns has: the next run has the same."""
    run = Run(tmp_path_factory.mktemp("rehearsal"), shim)
    run.live(40)
    return flushes(read_log(run.log))


@pytest.mark.rule("guarantee-G14", "guarantee-G3")
@pytest.mark.parametrize("part", [0.1, 0.3, 0.5, 0.7, 0.9])
def test_a_failed_flush_ends_in_silence_and_the_same_ids_are_answered_afterwards(
    place: Path, shim: Path, numbers: dict[str, list[int]], part: float
) -> None:
    fail = numbers["commit"][int(len(numbers["commit"]) * part)]
    run = Run(place, shim)
    assert run.live(40, fail=fail) == COMMIT_FAILED
    steps = read_log(run.log)
    failed = next(at for at, step in enumerate(steps) if step.op is Op.FAILED)
    assert not any(step.op is Op.ACK for step in steps[failed:]), (
        "something was said after the flush had failed"
    )
    told = run.told()
    assert not any(word.startswith(bytes(8)) for word in told.refused), "a customer was told no"
    # The machine goes on: the page cache may have kept what the flush has not.
    assert problems(run.journal, told, wholly=True) == []
    # Or it loses power, too.
    assert after_losing_power(steps[: failed + 1], place, fail) == []
    everything = list(run.sent)
    assert run.live(6, first=max(everything) + 1) == 0
    assert run.told().acknowledged.keys() >= {ident.to_bytes(16, "big") for ident in everything[-4:]}
    assert problems(run.journal, run.told(), wholly=True) == []


@pytest.mark.parametrize("part", [0.2, 0.5, 0.8])
def test_a_failed_flush_in_a_checkpoint_takes_nothing_from_what_is_acknowledged(
    place: Path, shim: Path, numbers: dict[str, list[int]], part: float
) -> None:
    """SQLite passes over it; so what it was about may never be written, and must still be in the log."""
    run = Run(place, shim)
    run.live(40, fail=numbers["checkpoint"][int(len(numbers["checkpoint"]) * part)])
    steps = read_log(run.log)
    assert any(step.op is Op.FAILED for step in steps)
    _, found = verdicts(steps, place, 0, seed=5, every=3)
    assert found == []


def after_losing_power(steps: list[Step], place: Path, seed: int) -> list[str]:
    """Lose power after these steps, ten times with different luck; return the complaints."""
    disk, chance = Disk(), Random(seed)
    for step in steps:
        disk.take(step)
    told = Told(bytes(disk.acks).decode().splitlines())
    found = []
    for number in range(10):
        folder = place / f"failed-{number}"
        disk.after_power_loss(folder, chance if number else None)
        found += problems(folder / "journal.db", told)
    return found


def test_a_process_killed_at_any_moment_comes_back_with_all_that_it_acknowledged(
    place: Path, shim: Path
) -> None:
    run, chance = Run(place, shim), Random(4)
    first = 0
    for _ in range(6):
        process = run.start(10_000, first=first)
        assert process.stdout is not None
        for _ in range(chance.randint(3, 60)):
            first = max(first, int(process.stdout.readline()) + 1)
        try:
            process.wait(timeout=chance.random() / 50)
        except subprocess.TimeoutExpired:
            process.kill()
        output, _ = process.communicate(timeout=10)
        first = max([first, *(int(line) + 1 for line in output.split())])
        assert process.returncode == -9
        assert problems(run.journal, run.told(), wholly=True) == []
    assert len(run.told().acknowledged) > 50


# The verdict can be "guilty".


@pytest.mark.parametrize("bug", ["no_flush", "no_flush_in_commits", "ack_before_commit"])
def test_the_crash_images_convict_a_daemon_that_acknowledges_too_early(
    place: Path, shim: Path, bug: str
) -> None:
    run = Run(place, shim)
    assert run.live(12, plant=bug) == 0
    _, found = verdicts(read_log(run.log), place, 40, seed=3)
    assert sum("was acknowledged at" in problem for problem in found) > 5


def test_the_log_of_clients_convicts_a_daemon_that_says_no_after_a_failed_commit(
    place: Path, shim: Path, numbers: dict[str, list[int]]
) -> None:
    run = Run(place, shim)
    assert run.live(40, plant="refuse_after_failed_commit", fail=numbers["commit"][20]) == COMMIT_FAILED
    assert any("was refused (BUSY)" in problem for problem in problems(run.journal, run.told()))
