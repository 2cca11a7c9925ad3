"""All of the SDK but its driver and faces is pure: no clock, chance, socket or thread is within reach."""

import pytest

from tests import tidy
from tests.rules import ROOT

PURE = ["machine", "standing", "outstanding", "subscription", "agents", "link", "events"]
SOURCES = {source.path: source for source in tidy.sources_under(ROOT, ["protocol"])}


@pytest.mark.parametrize(
    "name", [*(f"protocol/client/{name}.py" for name in PURE), "protocol/identifiers.py"]
)
def test_a_pure_file_of_the_sdk_imports_only_what_is_pure(name: str) -> None:
    allowed = tidy.PURE_MAY_IMPORT | tidy.PURE_OWN
    assert {item.module.partition(".")[0] for item in tidy.imports_of(SOURCES[name])} <= allowed
    ours = {
        item.module for item in tidy.imports_of(SOURCES[name]) if item.module.startswith("protocol.client")
    }
    assert ours <= {f"protocol.client.{name}" for name in PURE}
