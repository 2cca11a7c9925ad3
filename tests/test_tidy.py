"""The repository keeps its house rules, and each check of them can fail."""

from collections.abc import Collection

import pytest

from tests import tidy
from tests.rules import ROOT
from tests.tidy import Source

OURS = tidy.sources_under(ROOT, tidy.PACKAGES)
TESTS = tidy.sources_under(ROOT, ["tests"])
ALL = OURS + TESTS + tidy.sources_under(ROOT, ["benchmarks", "docs"])

# A function ("path:name") or a file ("path") that may be longer than the rule says, and why.
LONG_FOR_A_REASON: dict[str, str] = {}

# A module that our own code never imports, and who does.
USED_FROM_OUTSIDE: dict[str, str] = {}


IMPURE = "pykka zmq sqlite3 time random uuid threading logging structlog socket os datetime daemon.turn"


def report(problems: Collection[str]) -> None:
    """Fail with one problem a line."""
    if problems:
        pytest.fail("\n".join(problems), pytrace=False)


def test_pure_files_import_only_what_is_pure() -> None:
    report(tidy.impure_imports(OURS))


def test_functions_fit_a_screen_and_files_stay_readable() -> None:
    report(tidy.too_long(OURS, LONG_FOR_A_REASON))


def test_only_the_scheduler_knows_pykka() -> None:
    report([problem for source in OURS for problem in tidy.foreign_pykka(source)])


def test_no_test_sleeps() -> None:
    report([problem for source in TESTS for problem in tidy.sleeps(source)])


def test_unfinished_work_has_an_issue_number() -> None:
    report([problem for source in ALL for problem in tidy.unfinished(source)])


def test_every_module_is_used() -> None:
    report(tidy.unused_modules(OURS, USED_FROM_OUTSIDE))


def test_every_name_is_imported_absolutely_from_where_it_is_defined() -> None:
    report([problem for source in ALL for problem in tidy.relative_imports(source)] + tidy.reexports(OURS))


# Each check, and the smallest source that it must object to.


@pytest.mark.parametrize("name", IMPURE.split())
def test_a_pure_file_that_imports_an_impure_module_is_found(name: str) -> None:
    source = Source("actors/agent/machine.py", f"import enum\nimport {name}\n")
    rule = "pure, because of actors/agent/machine.py: may not import"
    assert tidy.impure_imports([source]) == [f"actors/agent/machine.py:2: {rule} {name}"]


@pytest.mark.parametrize(
    "path",
    [
        "actors/agent/machine.py",
        "actors/dispatcher/policy.py",
        "actors/agent/view.py",
        "actors/channel/events.py",
        "actors/events.py",
        "protocol/session.py",
        "protocol/codec.py",
        "protocol/messages.py",
    ],
)
def test_every_pure_file_is_checked_wherever_the_import_stands(path: str) -> None:
    source = Source(path, "def decide():\n    from time import monotonic\n    return monotonic()\n")
    assert len(tidy.impure_imports([source])) == 1


def test_a_pure_file_cannot_reach_the_clock_through_a_module_of_ours() -> None:
    machine = Source("actors/agent/machine.py", "from actors import names\n")
    names = Source("actors/names.py", "import time\n")
    problems = tidy.impure_imports([machine, names])
    assert problems == ["actors/names.py:1: pure, because of actors/agent/machine.py: may not import time"]


def test_a_shell_may_import_what_a_pure_file_may_not() -> None:
    assert tidy.impure_imports([Source("actors/agent/actor.py", "import time\n")]) == []


def test_an_import_that_only_types_need_does_not_make_a_file_impure() -> None:
    text = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import logging\nelse:\n    import time\n"
    problems = tidy.impure_imports([Source("actors/agent/machine.py", text)])
    assert [problem.rpartition(" ")[2] for problem in problems] == ["time"]


def test_a_function_longer_than_a_screen_is_found_unless_excused() -> None:
    source = Source("daemon/turn.py", "def long():\n" + "    pass\n" * tidy.FUNCTION_LINES_MAX)
    problems = tidy.too_long([source], {})
    assert problems == ["daemon/turn.py:1: a function has at most 70 lines: long has 71"]
    assert tidy.too_long([source], {"daemon/turn.py:long": "a reason"}) == []


def test_a_file_that_is_too_long_is_found_unless_excused() -> None:
    source = Source("daemon/turn.py", "pass\n" * (tidy.FILE_LINES_MAX + 1))
    assert tidy.too_long([source], {}) == ["daemon/turn.py:501: a file has at most 500 lines: this has 501"]
    assert tidy.too_long([source], {"daemon/turn.py": "a reason"}) == []


def test_an_excuse_that_is_no_longer_needed_is_found() -> None:
    problems = tidy.too_long([Source("daemon/turn.py", "pass\n")], {"daemon/turn.py": "a reason"})
    assert problems == ["daemon/turn.py:1: excused from a length it does not have"]


@pytest.mark.parametrize(
    "text",
    [
        "import pykka\n",
        "from pykka import ActorRef\n",
        "import pykka.messages\n",
        "actor._handle_receive(message)\n",
        "class Actor:\n    def _start_actor_loop(self): ...\n",
    ],
)
def test_pykka_outside_the_scheduler_is_found(text: str) -> None:
    assert len(tidy.foreign_pykka(Source("actors/agent/actor.py", text))) == 1
    assert tidy.foreign_pykka(Source(tidy.SCHEDULED, text)) == []


@pytest.mark.parametrize(
    "text",
    [
        "import time\ntime.sleep(1)\n",
        "import time as t\nt.sleep(1)\n",
        "from time import sleep\n",
        "import asyncio\nasyncio.sleep(1)\n",
    ],
)
def test_a_test_that_sleeps_is_found(text: str) -> None:
    assert len(tidy.sleeps(Source("tests/test_x.py", text))) == 1


@pytest.mark.parametrize("mark", ["TODO", "FIXME", "XXX"])
def test_unfinished_work_without_an_issue_is_found(mark: str) -> None:
    source = Source("daemon/turn.py", f"x = 1\ny = 2  # {mark}: later\nz = 3  # {mark}(#12): later\n")
    assert tidy.unfinished(source) == [f"daemon/turn.py:2: {mark} needs an issue number, as in {mark}(#12)"]


def test_a_module_that_nobody_imports_is_found_unless_excused() -> None:
    lonely = Source("daemon/lonely.py", "import daemon.lonely\n")
    assert tidy.unused_modules([lonely], {}) == [
        "daemon/lonely.py:1: nobody imports this module, and it is no entry point"
    ]
    assert tidy.unused_modules([lonely], {"daemon/lonely.py": "a reason"}) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("daemon/__main__.py", ""),
        ("daemon/commands/tail.py", ""),
        ("protocol/specification.py", 'if __name__ == "__main__":\n    pass\n'),
    ],
)
def test_an_entry_point_needs_no_importer(path: str, text: str) -> None:
    assert tidy.unused_modules([Source(path, text)], {}) == []


@pytest.mark.parametrize(
    "text", ["import actors.names\n", "from actors import names\n", "from actors.names import X\n"]
)
def test_every_way_to_import_a_module_counts_as_use(text: str) -> None:
    sources = [Source("daemon/__main__.py", text), Source("actors/names.py", "X = 1\n")]
    assert tidy.unused_modules(sources, {}) == []


def test_a_relative_import_is_found() -> None:
    source = Source("actors/agent/actor.py", "from .machine import decide\nfrom . import view\n")
    assert tidy.relative_imports(source) == [
        "actors/agent/actor.py:1: imports are absolute, not .machine",
        "actors/agent/actor.py:2: imports are absolute, not .",
    ]


def test_an_import_from_a_module_that_does_not_define_the_name_is_found() -> None:
    machine = Source("actors/machine.py", "def decide(): ...\n")
    face = Source("actors/face.py", "from actors.machine import decide\n")
    user = Source("daemon/turn.py", "from actors.face import decide\nfrom actors.machine import decide\n")
    assert tidy.reexports([machine, face, user]) == [
        "daemon/turn.py:1: import decide from the module that defines it, not from actors.face"
    ]
