"""`switchboard demo`: a daemon at work, with people who play customers and agents."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from daemon.commands.failure import Failure
from daemon.exits import Exit

PORT_MAX = 65_533


@click.command()
@click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the demo's daemon keeps everything. [default: a new directory for temporary files]",
)
@click.option(
    "--attach",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="CONFIG",
    help="Play on a running daemon, by the settings in a directory that a demo has made.",
)
@click.option(
    "--port",
    type=click.IntRange(1, PORT_MAX),
    metavar="N",
    help="Listen on the ports N to N+2. [default: any that are free]",
)
@click.option("--speed", type=click.FloatRange(0.1, 100), default=1.0, help="How many times as fast.")
@click.option(
    "--live/--no-live", default=True, help="Show the live view. It is off where there is no terminal."
)
@click.option("--exit", "leave", is_flag=True, help="End after the summary.")
def command(
    directory: Path | None, attach: Path | None, port: int | None, speed: float, live: bool, leave: bool
) -> int:
    """Show a daemon at work.

    Starts one with a sample desk, lets a dozen customers write to four agents in English, Chinese and
    Ukrainian, and shows who waits, who is offered what, and who talks. Then the daemon runs on until Ctrl-C.
    """
    if attach is not None and (directory is not None or port is not None):
        raise click.UsageError("--attach goes with neither --directory nor --port")
    try:
        from rich.console import Console
    except ImportError as error:
        raise Failure(
            f"the demo needs the package rich ({error}): pip install rich", Exit.INTERNAL
        ) from error
    from daemon.demo.play import Options, Play

    options = Options(directory, attach, port, speed, live, leave)
    return Play(options, Console(file=sys.stdout)).run()
