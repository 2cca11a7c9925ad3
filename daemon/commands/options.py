"""What several commands share: which configuration they mean, and what follows from it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from config.problems import ConfigurationError, Problem
from config.process import ProcessSettings, load_process_settings
from daemon.commands.failure import Failure
from daemon.exits import Exit
from daemon.stores.sqlite import JOURNAL_FILE

SYSTEM_CONFIG = Path("/etc/switchboard/switchboard.toml")

CommandT = TypeVar("CommandT", bound=Callable[..., Any])


def config_option(command: CommandT) -> CommandT:
    """Add `--config`: given, else from the environment, else the system's file if it is there, else none."""
    option = click.option(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        envvar="SWITCHBOARD_CONFIG",
        metavar="FILE",
        default=lambda: SYSTEM_CONFIG if SYSTEM_CONFIG.exists() else None,
        help=f"The process's settings. [default: $SWITCHBOARD_CONFIG, else {SYSTEM_CONFIG}, else none]",
    )
    return option(command)


def socket_option(command: CommandT) -> CommandT:
    """Add `--socket`, which spares the configuration."""
    option = click.option(
        "--socket",
        type=click.Path(path_type=Path),
        metavar="PATH",
        help="The daemon's admin socket. [default: as configured]",
    )
    return option(command)


def tenant_option(command: CommandT) -> CommandT:
    """Add `--tenant`, for daemons that serve several."""
    option = click.option("--tenant", metavar="TENANT", help="Which tenant's, where several have that name.")
    return option(command)


def journal_option(command: CommandT) -> CommandT:
    """Add `--journal`, which spares the configuration."""
    option = click.option(
        "--journal",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="The journal's file. [default: as configured]",
    )
    return option(command)


def settings_from(config: Path | None) -> ProcessSettings:
    """Load the process's settings; every problem ends up in the Failure."""
    try:
        return load_process_settings(config, os.environ)
    except ConfigurationError as error:
        raise configuration_failure(error.problems) from error


def journal_path(journal: Path | None, config: Path | None) -> Path:
    """Return where the journal is."""
    return journal or settings_from(config).daemon.state_directory / JOURNAL_FILE


def admin_socket(socket: Path | None, config: Path | None) -> Path:
    """Return where the admin socket is."""
    return socket or settings_from(config).daemon.admin_socket


def configuration_failure(problems: tuple[Problem, ...] | list[str]) -> Failure:
    """Make the failure that lists every problem of a configuration."""
    many = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    lines = [f"{many} in the configuration", *(f"  {problem}" for problem in problems)]
    return Failure("\n".join(lines), Exit.CONFIGURATION)
