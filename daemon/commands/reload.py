"""`switchboard reload`: as SIGHUP, but says what came of it."""

from __future__ import annotations

from pathlib import Path

import click

from daemon.commands.asking import ask, show_changes
from daemon.commands.options import admin_socket, config_option, socket_option


@click.command()
@socket_option
@config_option
def command(socket: Path | None, config: Path | None) -> None:
    """Read settings and desk files again.

    All of it is taken, or with any problem nothing.
    """
    answer = ask(admin_socket(socket, config), {"do": "reload"})
    show_changes(answer, "changed:")
    waiting = answer.get("at_restart") or []
    if waiting:
        click.echo(f"only a restart changes: {', '.join(waiting)}")
