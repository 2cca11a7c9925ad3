"""Asking the running daemon, for the commands that do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from daemon.admin import AdminClient, NotAllowed, Unreachable
from daemon.commands.failure import Failure
from daemon.commands.options import configuration_failure
from daemon.exits import Exit


def ask(socket: Path, request: dict[str, Any]) -> dict[str, Any]:
    """Ask the daemon and return its answer; what it refuses becomes a Failure."""
    try:
        answer = AdminClient(socket).ask(request)
    except Unreachable as error:
        raise Failure(
            f"{error}. Is `switchboard serve` running with this socket?", Exit.UNAVAILABLE
        ) from error
    except NotAllowed as error:
        raise Failure(str(error), Exit.PERMISSION) from error
    if answer.get("ok") is True:
        return answer
    problems = answer.get("problems")
    if isinstance(problems, list) and problems:
        raise configuration_failure([str(problem) for problem in problems])
    if answer.get("unknown"):
        raise Failure(str(answer.get("error")), Exit.USAGE)
    raise Failure(f"the daemon refuses: {answer.get('error', 'for no reason')}", Exit.TEMPORARY)


def show_changes(answer: dict[str, Any], heading: str) -> None:
    """Print the changes that an answer lists, one a line."""
    changes = answer.get("changes") or []
    click.echo(heading if changes else "nothing changes")
    for change in changes:
        click.echo(f"  {change}")
