"""The four packages have plain names, and these are the guards that make that safe."""

import tomllib
from importlib.metadata import packages_distributions
from importlib.util import find_spec
from typing import Any

import pytest

from tests.rules import ROOT
from tests.tidy import PACKAGES

OWNER = "switchboardd"


@pytest.fixture(scope="module")
def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_distribution_has_a_name_of_its_own(pyproject: dict[str, Any]) -> None:
    assert pyproject["project"]["name"] == OWNER


def test_nothing_we_depend_on_is_known_to_bring_a_package_of_our_name(pyproject: dict[str, Any]) -> None:
    wanted = pyproject["project"]["dependencies"] + pyproject["dependency-groups"]["dev"]
    assert not [text for text in wanted if text.startswith(("python-daemon", "actors", "protocol", "config"))]


def test_the_shipped_packages_are_listed_on_purpose(pyproject: dict[str, Any]) -> None:
    listed = pyproject["tool"]["setuptools"]["packages"]["find"]["include"]
    assert set(listed) == {pattern for name in PACKAGES for pattern in (name, f"{name}.*")}


def test_tests_import_the_checkout_and_not_an_installation(pyproject: dict[str, Any]) -> None:
    settings = pyproject["tool"]["pytest"]["ini_options"]
    assert settings["pythonpath"] == ["."]
    assert "--import-mode=importlib" in settings["addopts"]


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_is_imported_from_the_checkout(name: str) -> None:
    # A folder without __init__.py would lose to an installed package of the same name.
    spec = find_spec(name)
    assert spec is not None
    assert spec.origin == str(ROOT / name / "__init__.py")


@pytest.mark.parametrize("name", PACKAGES)
def test_no_other_distribution_owns_a_package_of_our_name(name: str) -> None:
    owners = set(packages_distributions().get(name, ()))
    if not owners:
        pytest.skip(f"{OWNER} runs from the checkout and is not installed")
    assert owners == {OWNER}
