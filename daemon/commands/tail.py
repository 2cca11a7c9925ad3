"""`switchboard tail`: what has happened lately."""

from __future__ import annotations

import time
from pathlib import Path

import click

from daemon.commands.options import config_option, journal_option, journal_path
from daemon.commands.reading import JournalFile
from daemon.commands.showing import line

EVENTS_SHOWN = 20
FOLLOW_PERIOD_S = 0.5


@click.command()
@click.option("--after", type=click.IntRange(min=0), metavar="N", help="Begin after position N.")
@click.option("--follow", "-f", is_flag=True, help="Go on as more happens.")
@click.option("--bodies", is_flag=True, help="Also show what people have said, and their names.")
@journal_option
@config_option
def command(after: int | None, follow: bool, bodies: bool, journal: Path | None, config: Path | None) -> None:
    """Print events, one a line.

    Without --after the last twenty. The daemon may be running.
    """
    with JournalFile(journal_path(journal, config)) as file:
        shown = max(0, file.head() - EVENTS_SHOWN) if after is None else after
        while True:
            for position, entry in file.entries(shown):
                click.echo(line(position, entry, bodies=bodies))
                shown = position
            if not follow:
                return
            time.sleep(FOLLOW_PERIOD_S)
