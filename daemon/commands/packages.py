"""Our packages have plain names, so another distribution could hide one of them."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("daemon", "actors", "protocol", "config")


def place_of(package: str) -> Path | None:
    """Return the folder that a package would be imported from, or None if there is none."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).resolve().parent


def misplaced(place_of: Callable[[str], Path | None] = place_of) -> list[str]:
    """Return a sentence for each of our packages that does not lie beside this one."""
    ours = Path(__file__).resolve().parents[2]
    return [
        f"the package {package!r} would come from {place or 'nowhere'} and not from {ours / package}: "
        "another distribution is in the way. Install switchboardd into a virtual environment of its own"
        for package in PACKAGES
        if (place := place_of(package)) != ours / package
    ]
