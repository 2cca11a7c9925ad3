"""`switchboard export`: tickets, customers or messages of a span of time, for other programs."""

from __future__ import annotations

import datetime as dt
import os
import sys
import syslog
import zoneinfo
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import click

from actors.journal import Entry, entries_at
from config.problems import did_you_mean, quoted
from daemon.archive.export import FORMATS, KINDS, Span, masked, plain
from daemon.archive.queries import masking, position
from daemon.commands.failure import Failure
from daemon.commands.options import config_option, journal_option, journal_path
from daemon.commands.reading import JournalFile, archive_file
from daemon.exits import Exit


@click.command()
@click.argument("kind", type=click.Choice(list(KINDS)))
@click.option(
    "--from", "since", metavar="TIME", help="From when on: a date, or date and time. [default: all]"
)
@click.option("--to", "until", metavar="TIME", help="Until when; a date alone means that whole day.")
@click.option("--timezone", default="UTC", show_default=True, help="Of the times of --from and --to.")
@click.option("--format", "form", type=click.Choice(list(FORMATS)), default="jsonl", show_default=True)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="A new file; one that is there is never overwritten. [default: standard output]",
)
@click.option(
    "--unmasked", is_flag=True, help="Hide nothing, whatever the desk masks; the system log notes it."
)
@click.option("--tenant", metavar="TENANT", default="", help="Only this tenant's. [default: all]")
@journal_option
@config_option
def command(
    kind: str,
    since: str | None,
    until: str | None,
    timezone: str,
    form: str,
    output: Path | None,
    unmasked: bool,
    tenant: str,
    journal: Path | None,
    config: Path | None,
) -> None:
    """Export tickets, customers or messages.

    Tickets and customers by when their conversations began, messages by when they were said. Times in the
    export are UTC. What the desk masks for agents is masked here too. The daemon may be running.
    """
    zone = zone_of(timezone)
    span = Span(tenant, moment(since, zone, end=False), moment(until, zone, end=True))
    if span.since >= span.until:
        raise Failure(f"--from {since} is not before --to {until}", Exit.USAGE)
    path = journal_path(journal, config)
    keys, rows = KINDS[kind]
    with JournalFile(path) as file, archive_file(path) as archive:
        masks = masking(archive)
        if tenant and tenant not in masks:
            hint = did_you_mean(tenant, masks) or f"There are: {', '.join(sorted(masks)) or 'none'}."
            raise Failure(f"no tenant {quoted(tenant)}. {hint}", Exit.USAGE)
        behind = file.head() - position(archive)
        if behind > 0:
            lacks = f"the archive lacks the newest {behind:,} events: they are not in the export"
            click.echo(f"switchboard: {lacks}", err=True)

        def entries(positions: list[int]) -> list[Entry]:
            return list(entries_at(positions, file.record_at))

        with destination(output) as target:
            found = rows(archive, entries, span)
            if unmasked:
                syslog.syslog(
                    syslog.LOG_NOTICE, f"switchboard: unmasked export of {kind} by user {os.getuid()}"
                )
            else:
                found = masked(found, masks)
            many = FORMATS[form](plain(found), keys, target)
    click.echo(f"{many:,} {kind}", err=True)


@contextmanager
def destination(output: Path | None) -> Iterator[TextIO]:
    """Open what is written to; a new file is for its owner alone, and goes again when the export fails."""
    if output is None:
        yield sys.stdout
        return
    try:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise Failure(f"{output}: is there already, and is not overwritten", Exit.CANNOT_CREATE) from error
    except OSError as error:
        raise Failure(f"{output}: cannot be written: {error.strerror}", Exit.CANNOT_CREATE) from error
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            yield file
    except BaseException:
        output.unlink(missing_ok=True)
        raise


def zone_of(timezone: str) -> zoneinfo.ZoneInfo:
    """Return the time zone of the command line."""
    try:
        return zoneinfo.ZoneInfo(timezone)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError) as error:
        raise Failure(f"--timezone {timezone}: no such time zone, like Europe/Kyiv", Exit.USAGE) from error


def moment(text: str | None, zone: zoneinfo.ZoneInfo, *, end: bool) -> float:
    """Return a time from the command line in seconds since 1970; a date alone as the end is all that day."""
    if text is None:
        return float("inf") if end else 0.0
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError as error:
        example = "2026-11-27 or 2026-11-27T14:30"
        raise Failure(f"{text!r} is no date and no time like {example}", Exit.USAGE) from error
    if end and len(text) == len("2026-11-27"):
        found += dt.timedelta(days=1)
    return (found if found.tzinfo else found.replace(tzinfo=zone)).timestamp()
