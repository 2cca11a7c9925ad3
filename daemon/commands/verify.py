"""`switchboard verify`: whether the journal is as it was written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import click

from actors.journal import Address, JournalDamaged, Record, read_record
from daemon.commands.options import config_option, journal_option, journal_path
from daemon.commands.reading import JournalFile


class Found(NamedTuple):
    """What a good journal holds."""

    first: int
    last: int
    turns: int
    streams: int
    hash: bytes


@click.command()
@journal_option
@config_option
def command(journal: Path | None, config: Path | None) -> None:
    """Check that the journal is whole.

    The chain of hashes must hold from the first event to the last, and no stream may have a gap.

    Ends with 65 and the first bad position if it is damaged. The daemon may be running.
    """
    path = journal_path(journal, config)
    with JournalFile(path) as file:
        promised = file.promised()
        found = examine(file.chain())
        if found.last < promised:
            what = f"events up to {promised} were stored once and are missing"
            raise JournalDamaged(found.last + 1, what)
    if found.turns == 0:
        click.echo(f"{path}: good: it is empty")
        return
    events = found.last - found.first + 1
    click.echo(f"{path}: good: {events:,} events in {found.turns:,} turns and {found.streams:,} streams")
    click.echo(f"positions {found.first} to {found.last}, last hash {found.hash.hex()}")


def examine(records: Iterator[Record]) -> Found:
    """Read records to their end. Raises JournalDamaged at the first event out of sequence."""
    sequences: dict[Address, int] = {}
    first = last = turns = 0
    digest = b""
    for record in records:
        first = first or record.first
        last, turns, digest = record.first + record.size - 1, turns + 1, record.hash
        for position, entry in enumerate(read_record(record), record.first):
            stream = (entry.kind, entry.tenant, entry.id)
            # Where the beginning of the journal was removed, a stream may begin anywhere.
            expected = sequences.get(stream, 0 if first == 1 else entry.sequence - 1) + 1
            if entry.sequence != expected:
                what = f"{'/'.join(stream)} goes on with {entry.sequence} where {expected} is due"
                raise JournalDamaged(position, what)
            sequences[stream] = entry.sequence
    return Found(first, last, turns, len(sequences), digest)
