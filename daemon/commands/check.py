"""`switchboard check`: everything that is wrong with a configuration, at once, before any daemon sees it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import click

from config.desk import Desk, check_desk
from config.problems import ConfigurationError, Problem, in_reading_order
from config.process import ProcessSettings, read_process, show_with_origin
from config.sections import ConsoleListener, GatewayListener, Listen
from config.source import Source, read_source
from config.together import check_together, load_everything
from daemon.commands.options import config_option, configuration_failure

#: Stands in where only desks are checked: asks nothing of them that depends on how the process listens.
PLAIN = ProcessSettings(
    listen=Listen(gateways=GatewayListener(curve=False), consoles=ConsoleListener(curve=False))
)


@click.command()
@config_option
@click.option("--origins", is_flag=True, help="Also show every setting, and where its value is from.")
@click.argument("desks", nargs=-1, metavar="[DESK]...", type=click.Path(path_type=Path))
@click.pass_context
def command(context: click.Context, config: Path | None, origins: bool, desks: tuple[Path, ...]) -> None:
    """Name every problem of a configuration.

    Without DESK: the settings and all desks they name. With DESK: these desk files, together with the
    settings if --config is on the command line.
    """
    with_settings = (
        not desks or context.get_parameter_source("config") is click.core.ParameterSource.COMMANDLINE
    )
    if not desks:
        checked = _everything(config)
    else:
        checked = _these(desks, config, with_settings=with_settings)
    if origins and with_settings:
        for shown in show_with_origin(config, os.environ):
            click.echo(f"{shown.key} = {shown.value}  # {shown.origin}")
    for file, desk in checked.items():
        click.echo(f"{file}: good: {_summary(desk)}")
    if with_settings:
        click.echo(f"{config or 'the settings'}: good")


def _everything(config: Path | None) -> Mapping[str, Desk]:
    try:
        return load_everything(config, os.environ).desks
    except ConfigurationError as error:
        raise configuration_failure(error.problems) from error


def _these(paths: tuple[Path, ...], config: Path | None, *, with_settings: bool) -> Mapping[str, Desk]:
    problems: list[Problem] = []
    process: ProcessSettings | None = PLAIN
    if with_settings:
        _, checked = read_process(config, os.environ)
        problems += checked.problems
        process = checked.settings
    sources: dict[str, Source] = {}
    desks: dict[str, Desk] = {}
    for path in dict.fromkeys(paths):
        try:
            sources[str(path)] = read_source(path)
        except ConfigurationError as error:
            problems += error.problems
            continue
        found = check_desk(sources[str(path)])
        problems += found.problems
        if isinstance(found.settings, Desk):
            desks[str(path)] = found.settings
    problems += check_together(process or PLAIN, desks, sources)
    if problems:
        raise configuration_failure(in_reading_order(problems))
    return desks


def _summary(desk: Desk) -> str:
    tables = ("departments", "agents", "channels", "gateways", "consoles")
    counts = ", ".join(f"{len(getattr(desk, table))} {table}" for table in tables)
    return f"tenant {desk.tenant}, {counts}"
