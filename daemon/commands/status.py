"""`switchboard status`: how the running daemon is doing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from daemon.commands.asking import ask
from daemon.commands.options import admin_socket, config_option, socket_option


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the daemon's answer as it is.")
@socket_option
@config_option
def command(as_json: bool, socket: Path | None, config: Path | None) -> None:
    """Show how the daemon is doing."""
    answer = ask(admin_socket(socket, config), {"do": "status"})
    if as_json:
        click.echo(json.dumps(answer, indent=2))
        return
    rows = [row for key, value in answer.items() if key != "ok" for row in _rows(key, value)]
    width = max((len(key) for key, _ in rows), default=0)
    for key, value in rows:
        click.echo(f"{key:<{width}}  {value}".rstrip())


def _rows(key: str, value: Any, depth: int = 0) -> Iterator[tuple[str, str]]:
    """Flatten a value into rows; a table's keys are indented below its name, a small table is one row."""
    key = "  " * depth + key
    if (
        isinstance(value, dict)
        and value
        and (depth < 2 or any(isinstance(it, dict) for it in value.values()))
    ):
        yield key, ""
        for inner, below in value.items():
            yield from _rows(inner, below, depth + 1)
    else:
        yield key, _shown(value)


def _shown(value: Any) -> str:
    """Show a value on one line."""
    match value:
        case dict():
            return ", ".join(f"{key} {_shown(it)}" for key, it in value.items()) or "none"
        case list():
            return ", ".join(map(str, value)) or "none"
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case _:
            return str(value)
