"""What every test may use: reproducible hypothesis profiles, the rules report, the shared data."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.rules import ROOT, RuleRecorder

# CI must give the same verdict twice, so its examples follow from the test alone. Look for new ones with
# `pytest --hypothesis-profile=explore`.
SLOW_MACHINES = [HealthCheck.too_slow]
settings.register_profile(
    "ci", deadline=None, derandomize=True, max_examples=50, suppress_health_check=SLOW_MACHINES
)
settings.register_profile("explore", deadline=None, max_examples=2000, suppress_health_check=SLOW_MACHINES)
settings.load_profile("ci")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--rules-report",
        type=Path,
        metavar="FILE",
        help="Write which rules this run proves, to be read by `python -m tests.rules --report FILE`.",
    )


def pytest_configure(config: pytest.Config) -> None:
    path: Path | None = config.getoption("--rules-report")
    if path is not None:
        config.pluginmanager.register(RuleRecorder(path))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real conversations that lie beside the checkout on some machines and are never copied into it."""
    path = ROOT.parent / "shared" / "data"
    if not path.is_dir():
        pytest.skip(f"{path} is not there")
    return path
