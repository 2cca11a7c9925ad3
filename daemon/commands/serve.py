"""`switchboard serve`: the daemon itself."""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
from pathlib import Path

import click
import zmq

from config.problems import ConfigurationError
from config.together import load_everything
from daemon.admin import AdminError, AnotherDaemon
from daemon.commands.failure import Failure
from daemon.commands.options import config_option, configuration_failure
from daemon.exits import Exit
from daemon.http import CannotListen
from protocol.client.errors import KeyFileError


@click.command()
@config_option
def command(config: Path | None) -> int:
    """Run the daemon until SIGTERM. SIGHUP reloads; SIGUSR1 prints what every thread is doing."""
    os.umask(0o077)
    if sys.__stderr__ is not None:
        faulthandler.register(signal.SIGUSR1, file=sys.__stderr__, all_threads=True)
    try:
        everything = load_everything(config, os.environ)
    except ConfigurationError as error:
        raise configuration_failure(error.problems) from error
    # Imported last, so that a wrong configuration is named even where a library is broken.
    from daemon.bootstrap import serve

    try:
        return serve(everything.process, config)
    except KeyFileError as error:
        hint = "Make one with `switchboard keys make server`"
        raise Failure(f"{error}. {hint}", Exit.CONFIGURATION) from error
    except AnotherDaemon as error:
        raise Failure(str(error), Exit.UNAVAILABLE) from error
    except (AdminError, CannotListen, zmq.ZMQError) as error:
        raise Failure(str(error), Exit.CANNOT_CREATE) from error
    except PermissionError as error:
        raise Failure(f"{error.filename}: {error.strerror}", Exit.PERMISSION) from error
