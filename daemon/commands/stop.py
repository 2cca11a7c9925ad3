"""`switchboard stop`: as SIGTERM."""

from __future__ import annotations

from pathlib import Path

import click

from daemon.commands.asking import ask
from daemon.commands.options import admin_socket, config_option, socket_option


@click.command()
@socket_option
@config_option
def command(socket: Path | None, config: Path | None) -> None:
    """Have the daemon drain and end."""
    ask(admin_socket(socket, config), {"do": "stop"})
    click.echo("the daemon drains and ends")
