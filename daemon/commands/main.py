"""`switchboard`: finds the command, runs it, and turns whatever happens into an exit code.

Commands are imported when they are called: so the packages can be checked before that, and a start is quick.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

import click

from daemon.commands.failure import Failure
from daemon.commands.packages import misplaced
from daemon.exits import Exit

#: In the order of the help page. Each module has its command under the name `command`.
COMMANDS = {
    "serve": "daemon.commands.serve",
    "check": "daemon.commands.check",
    "schema": "daemon.commands.schema",
    "status": "daemon.commands.status",
    "apply": "daemon.commands.apply",
    "explain": "daemon.commands.explain",
    "order": "daemon.commands.order",
    "reload": "daemon.commands.reload",
    "stop": "daemon.commands.stop",
    "keys": "daemon.commands.keys",
    "hash-password": "daemon.commands.hash_password",
    "verify": "daemon.commands.verify",
    "tail": "daemon.commands.tail",
    "transcript": "daemon.commands.transcript",
    "export": "daemon.commands.export",
    "archive": "daemon.commands.archive",
    "demo": "daemon.commands.demo",
}


class Commands(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(COMMANDS[cmd_name]).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command, or say which one may have been meant."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from config.problems import did_you_mean

            hint = did_you_mean(args[0], COMMANDS)
            raise click.UsageError(f"No such command '{args[0]}'. {hint or ''}".rstrip(), ctx)
        return super().resolve_command(ctx, args)


@click.group(
    cls=Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--version", "show_version", is_flag=True, help="Say which version this is.")
@click.option("--verbose", is_flag=True, help="With --version: also the versions of what it is built on.")
@click.pass_context
def switchboard(context: click.Context, show_version: bool, verbose: bool) -> None:
    """Route customer conversations to agents."""
    if show_version:
        from daemon.commands.version import describe

        click.echo(describe(verbose=verbose))
        context.exit()
    if verbose:
        raise click.UsageError("--verbose goes with --version", context)
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code. What went wrong is on standard error by then."""
    faults = misplaced()
    if faults:
        return _failed("\n".join(faults), Exit.INTERNAL)
    try:
        result = switchboard.main(list(arguments), prog_name="switchboard", standalone_mode=False)
    except Failure as failure:
        return _failed(str(failure), failure.exit)
    except click.UsageError as error:
        error.show()
        return Exit.USAGE
    except click.ClickException as error:
        return _failed(error.format_message(), Exit.USAGE)
    except click.Abort:
        return _failed("interrupted", Exit.INTERRUPTED)
    except Exception:
        traceback.print_exc()
        return _failed("this is a fault of ours; please report it with the lines above", Exit.INTERNAL)
    return result if isinstance(result, int) else Exit.OK


def _failed(message: str, code: Exit) -> int:
    click.echo(f"switchboard: {message}", err=True)
    return int(code)


def main() -> NoReturn:
    """The entry point."""
    sys.exit(int(run(sys.argv[1:])))
