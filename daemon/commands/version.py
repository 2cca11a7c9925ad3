"""`switchboard --version`."""

from importlib.metadata import version

from daemon.metrics import build_facts

LIBRARIES = ("pyzmq", "pykka", "msgpack", "msgspec", "structlog", "prometheus-client", "click", "argon2-cffi")


def describe(*, verbose: bool) -> str:
    """Say which version this is; verbose: and what it is built on, one a line."""
    facts = build_facts()
    first = f"switchboard {facts.pop('version')}"
    if not verbose:
        return first
    rows = facts | {name: version(name) for name in LIBRARIES}
    return "\n".join([first, *(f"{name:<18} {found}" for name, found in rows.items())])
