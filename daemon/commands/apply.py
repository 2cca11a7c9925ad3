"""`switchboard apply`: gives a running daemon a changed desk."""

from __future__ import annotations

from pathlib import Path

import click

from config.desk import parse_desk
from config.problems import ConfigurationError
from daemon.commands.asking import ask, show_changes
from daemon.commands.failure import Failure
from daemon.commands.options import (
    admin_socket,
    config_option,
    configuration_failure,
    socket_option,
    tenant_option,
)
from daemon.exits import Exit


@click.command()
@click.argument("desk", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Only print what would change.")
@click.option(
    "--shadow/--no-shadow",
    default=None,
    help="Let the desk decide without effect beside the one in force, for `switchboard status` to compare; "
    "or no longer.",
)
@tenant_option
@socket_option
@config_option
def command(
    desk: Path | None,
    dry_run: bool,
    shadow: bool | None,
    tenant: str | None,
    socket: Path | None,
    config: Path | None,
) -> None:
    """Bring a desk file into force.

    All of it is taken, or with any problem nothing. --no-shadow needs no DESK.
    """
    if dry_run and shadow is not None:
        raise click.UsageError("--dry-run goes with neither --shadow nor --no-shadow")
    if shadow is False:
        answer = ask(admin_socket(socket, config), {"do": "shadow", "tenant": tenant})
        click.echo(f"{answer['tenant']}: no shadow desk decides any more")
        return
    if desk is None:
        raise click.UsageError("Missing argument 'DESK'.")
    text = _read(desk)
    try:
        name = parse_desk(text, str(desk)).tenant
    except ConfigurationError as error:
        raise configuration_failure(error.problems) from error
    if shadow:
        answer = ask(admin_socket(socket, config), {"do": "shadow", "text": text, "file": str(desk)})
        show_changes(answer, f"{name}: decides in the shadow, with these differences:")
        return
    request = {"do": "apply", "text": text, "file": str(desk), "dry_run": dry_run}
    answer = ask(admin_socket(socket, config), request)
    show_changes(answer, f"{name} would change:" if dry_run else f"{name} has changed:")


def _read(desk: Path) -> str:
    try:
        return desk.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise Failure(f"{desk}: cannot be read: {error.strerror}", Exit.CONFIGURATION) from error
    except UnicodeDecodeError as error:
        raise Failure(f"{desk}: is not UTF-8 text", Exit.CONFIGURATION) from error
