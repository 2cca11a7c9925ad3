"""`switchboard demo` as its user runs it."""

import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.demo.processes import start
from daemon.exits import Exit
from tests.rules import ROOT

RUN_S = 50
LIMIT_S = 60


def demo(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "daemon", "demo", *map(str, arguments)]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "demo"


def finished(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    try:
        out, err = process.communicate(timeout=RUN_S)
    finally:
        process.kill()
    return process.returncode, out, err


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, str, str]:
    folder = tmp_path_factory.mktemp("whole") / "demo"
    return finished(demo("--exit", "--speed", 20, "--no-live", "--directory", folder))


@pytest.mark.timeout(LIMIT_S)
def test_it_runs_to_its_summary_and_loses_nothing(whole_run: tuple[int, str, str]) -> None:
    code, out, err = whole_run
    assert (code, err) == (Exit.OK, "")
    assert "14 conversations, 119 messages" in out
    assert out.rstrip().endswith("nothing was lost.")


@pytest.mark.timeout(LIMIT_S)
@pytest.mark.parametrize(
    "event",
    [
        "declines Robert Hughes: on the phone with another customer",
        "does not answer the offer of Priya Nair",
        "is not answering",
        "David Okafor has left",
        "Olena Kovalenko is away",
        "to take over Michael Brandt",
        "to help with 孙薇",
        "joins the conversation with 孙薇",
        "leaves the conversation with 孙薇",
        "Emma Clarke is greeted: Дякуємо",
        "Emma Clarke writes again about: gift wrap",
    ],
)
def test_routing_is_seen_at_work(whole_run: tuple[int, str, str], event: str) -> None:
    assert event in whole_run[1]


def lines_until(process: subprocess.Popen[str], wanted: str) -> list[str]:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if wanted in line:
            return lines
    pytest.fail(f"{wanted!r} was never printed")


@pytest.fixture(scope="module")
def lingering(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[subprocess.Popen[str], Path, list[str]]]:
    """A demo that is through and runs on, its directory, and what it has told; the last test ends it."""
    folder = tmp_path_factory.mktemp("lingering") / "demo"
    process = demo("--speed", 50, "--no-live", "--directory", folder)
    try:
        yield process, folder, lines_until(process, "The daemon runs on.")
    finally:
        process.kill()
        process.communicate()


@pytest.mark.timeout(LIMIT_S)
def test_what_it_suggests_at_the_end_works(
    lingering: tuple[subprocess.Popen[str], Path, list[str]],
) -> None:
    _, folder, told = lingering
    (explain, idle) = [shlex.split(line) for line in told if " explain " in line]
    answers = [
        subprocess.run(
            [*words, "--config", folder / "switchboard.toml"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for words in (explain, idle)
    ]
    assert "It has waited longest of all that the agent can take." in answers[0]
    assert "The agent is not logged in. (offline)" in answers[1]


@pytest.mark.timeout(LIMIT_S)
def test_another_demo_attaches_and_ctrl_c_ends_all_cleanly(
    lingering: tuple[subprocess.Popen[str], Path, list[str]],
) -> None:
    process, folder, _ = lingering
    code, out, err = finished(
        demo("--attach", folder / "switchboard.toml", "--exit", "--speed", 50, "--no-live")
    )
    assert (code, err) == (Exit.OK, "")
    assert out.rstrip().endswith("nothing was lost.")
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == Exit.OK
    assert not (folder / "state" / "admin.sock").exists()
    assert "daemon.stopped" in (folder / "daemon.log").read_text(encoding="utf-8")


def test_a_taken_port_is_named(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = min(taken.getsockname()[1], 65_533)
        code, _, err = finished(demo("--port", port, "--directory", folder, "--exit"))
    assert code == Exit.CANNOT_CREATE
    assert f"port {port} cannot be used" in err


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    code, _, err = finished(demo("--directory", tmp_path / "file" / "demo", "--exit"))
    assert code == Exit.CANNOT_CREATE
    assert "the demo's directory cannot be made" in err


def test_the_processes_do_not_take_a_package_from_where_the_user_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "daemon").mkdir()
    (tmp_path / "daemon" / "__init__.py").write_text("raise RuntimeError('the wrong one')")
    monkeypatch.chdir(tmp_path)
    with (tmp_path / "errors").open("wb") as errors:
        process = start("daemon", "--version", output=subprocess.DEVNULL, errors=errors)
        process.communicate()
    assert (process.returncode, (tmp_path / "errors").read_text()) == (0, "")
