"""Plants the bug that the environment names: in a test run (`-p tests.canaries.plant`), in a daemon's process
(`python -m tests.canaries.plant serve …`), in the workload of the crash images.
"""

from __future__ import annotations

import os
import sys

import pytest

#: What names the bug.
NAME = "PLANTED_BUG"


def plant_from_environment() -> None:
    """Have the bug from now on, for the life of the process."""
    name = os.environ.get(NAME)
    if name:
        from tests.canaries.planted import PLANTED

        (bug,) = [bug for bug in PLANTED if bug.name == name]
        bug.plant(pytest.MonkeyPatch())


def pytest_configure() -> None:
    """The test's own process has the bug, and so have the daemons that it starts."""
    from tests.plays.theatre import House

    plant_from_environment()
    House.program = "tests.canaries.plant"


if __name__ == "__main__":
    plant_from_environment()
    from daemon.commands.main import main

    sys.exit(main())
