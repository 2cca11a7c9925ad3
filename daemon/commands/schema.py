"""`switchboard schema`: the JSON Schema of the two kinds of configuration file, for editors."""

import json

import click

from config.desk import desk_schema
from config.process import process_schema


@click.command()
@click.argument("kind", type=click.Choice(["settings", "desk"]))
def command(kind: str) -> None:
    """Print a JSON Schema: of switchboard.toml (settings) or of a desk file (desk)."""
    click.echo(json.dumps(process_schema() if kind == "settings" else desk_schema(), indent=2))
