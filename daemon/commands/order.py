"""`switchboard order`: shows or changes the order of a queue while it runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import click

from config.routing import Order
from daemon.commands.asking import ask
from daemon.commands.options import admin_socket, config_option, socket_option, tenant_option

#: Goes back to what the desk file says.
DESK = "desk"


@click.command()
@click.argument("department")
@click.argument("order", required=False, type=click.Choice([*get_args(Order), DESK]))
@click.option(
    "--until-backlog",
    is_flag=True,
    help="Until the turn of somebody who waits already: then the desk's again.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the daemon's answer as it is.")
@tenant_option
@socket_option
@config_option
def command(
    department: str,
    order: str | None,
    until_backlog: bool,
    as_json: bool,
    tenant: str | None,
    socket: Path | None,
    config: Path | None,
) -> None:
    """Show the order of a department's queue, or change it at once.

    With `desk` the order is what the desk file says again.
    """
    if until_backlog and order in (None, DESK):
        raise click.UsageError("--until-backlog goes with an order to change to")
    request = {
        "do": "order",
        "department": department,
        "order": "" if order == DESK else order,
        "until_backlog": until_backlog,
        "tenant": tenant,
    }
    answer = ask(admin_socket(socket, config), request)
    if as_json:
        click.echo(json.dumps(answer, indent=2))
        return
    origin = "as the desk says" if answer["of_desk"] else "changed while running"
    until = ", until the turn of somebody who waited before" if answer["until"] == "backlog" else ""
    click.echo(f"{answer['department']}: {answer['order']}, {origin}{until}; waiting: {answer['waiting']}")
