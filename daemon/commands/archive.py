"""`switchboard archive`: how far the archive is behind the journal; or make it anew."""

from __future__ import annotations

import os
from pathlib import Path

import click

from actors.journal import Deposed
from daemon.admin import AdminClient, NotAllowed, Unreachable
from daemon.archive.feeding import Feeder, Journal
from daemon.archive.file import ARCHIVE_FILE
from daemon.archive.keeper import JournalRecords
from daemon.archive.queries import position
from daemon.commands.failure import Failure
from daemon.commands.options import (
    admin_socket,
    config_option,
    journal_option,
    journal_path,
    socket_option,
)
from daemon.commands.reading import JournalFile, archive_file
from daemon.exits import Exit
from daemon.stores.sqlite import lock

#: How long a step without the daemon is: between two of them progress is shown.
STEP_S = 2.0


@click.command()
@click.option(
    "--rebuild", is_flag=True, help="Make the archive anew from the journal. Nothing is lost by it."
)
@socket_option
@journal_option
@config_option
def command(rebuild: bool, socket: Path | None, journal: Path | None, config: Path | None) -> None:
    """Show how far the archive is, or make it anew.

    With --rebuild a running daemon begins its archive anew and goes on routing; without one it is made here.
    """
    path = journal_path(journal, config)
    if not rebuild:
        _show(path)
    elif journal is None and _daemon_rebuilds(admin_socket(socket, config)):
        click.echo("the daemon makes the archive anew; `switchboard archive` shows how far it is")
    else:
        _rebuild(path)


def _show(path: Path) -> None:
    with JournalFile(path) as file:
        head = file.head()
    with archive_file(path) as archive:
        reached = position(archive)
    shown = path.with_name(ARCHIVE_FILE)
    click.echo(f"{shown}: position {reached:,}, {max(0, head - reached):,} events behind the journal")


def _daemon_rebuilds(socket: Path) -> bool:
    """Have the running daemon do it; False where none runs."""
    try:
        answer = AdminClient(socket).ask({"do": "archive", "rebuild": True})
    except Unreachable:
        return False
    except NotAllowed as error:
        raise Failure(str(error), Exit.PERMISSION) from error
    if answer.get("ok") is not True:
        raise Failure(f"the daemon refuses: {answer.get('error', 'for no reason')}", Exit.TEMPORARY)
    return True


def _rebuild(path: Path) -> None:
    with JournalFile(path) as file:
        head, ident = file.head(), file.ident()
    try:
        held = lock(path)
    except Deposed as error:
        what = f"{error}: a daemon runs with this journal, and its socket is another; say --socket"
        raise Failure(what, Exit.UNAVAILABLE) from error
    records = JournalRecords(path)
    feeder = Feeder(path.with_name(ARCHIVE_FILE), Journal(ident, records))
    try:
        feeder.rebuild()
        _feed(feeder, head)
    finally:
        feeder.close()
        records.close()
        os.close(held)


def _feed(feeder: Feeder, head: int) -> None:
    skipped = 0
    while True:
        fed = feeder.step(STEP_S)
        if fed.failed:
            raise Failure("the archive could not be made; the lines above say why", Exit.IO)
        skipped += fed.skipped
        click.echo(f"{fed.position:,} of {head:,} events")
        if fed.position >= head:
            break
    if skipped:
        click.echo(f"{skipped:,} events could not be brought in; the lines above name them", err=True)
