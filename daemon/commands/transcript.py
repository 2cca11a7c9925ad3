"""`switchboard transcript`: one conversation from its beginning, as people read it."""

from __future__ import annotations

from pathlib import Path

import click

from daemon.commands.failure import Failure
from daemon.commands.options import config_option, journal_option, journal_path
from daemon.commands.reading import JournalFile
from daemon.commands.showing import moment, sentence
from daemon.exits import Exit


@click.command()
@click.argument("conversation")
@journal_option
@config_option
def command(conversation: str, journal: Path | None, config: Path | None) -> None:
    """Print one conversation.

    Who said what and when, and what was decided and why. The daemon may be running.
    """
    path = journal_path(journal, config)
    known = False
    with JournalFile(path) as file:
        for _, entry in file.conversation(conversation):
            if not known:
                click.echo(f"conversation {conversation} of {entry.tenant}")
                known = True
            click.echo(f"{moment(entry.at)}  {sentence(entry.event)}")
    if not known:
        what = f'{path}: no conversation "{conversation}". `switchboard tail` shows ids.'
        raise Failure(what, Exit.USAGE)
