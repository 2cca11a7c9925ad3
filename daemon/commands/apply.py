"""`switchboard apply`: gives a running daemon a changed desk."""

from __future__ import annotations

from pathlib import Path

import click

from config.desk import parse_desk
from config.problems import ConfigurationError
from daemon.commands.asking import ask, show_changes
from daemon.commands.failure import Failure
from daemon.commands.options import admin_socket, config_option, configuration_failure, socket_option
from daemon.exits import Exit


@click.command()
@click.argument("desk", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Only print what would change.")
@socket_option
@config_option
def command(desk: Path, dry_run: bool, socket: Path | None, config: Path | None) -> None:
    """Bring a desk file into force.

    All of it is taken, or with any problem nothing.
    """
    text = _read(desk)
    try:
        tenant = parse_desk(text, str(desk)).tenant
    except ConfigurationError as error:
        raise configuration_failure(error.problems) from error
    request = {"do": "apply", "text": text, "file": str(desk), "dry_run": dry_run}
    answer = ask(admin_socket(socket, config), request)
    show_changes(answer, f"{tenant} would change:" if dry_run else f"{tenant} has changed:")


def _read(desk: Path) -> str:
    try:
        return desk.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise Failure(f"{desk}: cannot be read: {error.strerror}", Exit.CONFIGURATION) from error
    except UnicodeDecodeError as error:
        raise Failure(f"{desk}: is not UTF-8 text", Exit.CONFIGURATION) from error
