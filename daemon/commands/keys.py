"""`switchboard keys`: CURVE key pairs, for the daemon itself and for gateways and consoles."""

from __future__ import annotations

import re
from pathlib import Path

import click

from daemon.commands.failure import Failure
from daemon.commands.options import config_option, settings_from
from daemon.exits import Exit
from protocol.client.errors import KeyFileError
from protocol.client.keys import load_public_key, make_key_pair, save_key_pair, save_public_key

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")
SECRET, PUBLIC = ".secret", ".public"

directory_option = click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where the keys are. [default: keys in the state directory]",
)


@click.group()
def command() -> None:
    """Make and list keys. NAME.secret stays where it is used; NAME.public may go anywhere."""


@command.command()
@click.argument("name")
@directory_option
@config_option
def make(name: str, directory: Path | None, config: Path | None) -> None:
    """Make a key pair NAME and print its public key. The daemon's own is called server."""
    if not NAME.fullmatch(name):
        raise Failure(f"{name!r} is no name for a key: use letters, digits, and _.@-", Exit.USAGE)
    folder = _folder(directory, config)
    secret, public = folder / f"{name}{SECRET}", folder / f"{name}{PUBLIC}"
    for path in (secret, public):
        if path.exists():
            raise Failure(f"{path}: is there already, and keys are never overwritten", Exit.CANNOT_CREATE)
    keys = make_key_pair()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        save_key_pair(secret, keys)
        save_public_key(public, keys.public)
    except KeyFileError as error:
        raise Failure(str(error), Exit.CANNOT_CREATE) from error
    except OSError as error:
        raise Failure(f"{folder}: cannot be made: {error.strerror}", Exit.CANNOT_CREATE) from error
    click.echo(f"wrote {secret} and {public}", err=True)
    click.echo(keys.public)


@command.command("list")
@directory_option
@config_option
def list_keys(directory: Path | None, config: Path | None) -> None:
    """List the keys: name, public key, and whether the secret is here too."""
    folder = _folder(directory, config)
    names = sorted({path.stem for suffix in (SECRET, PUBLIC) for path in folder.glob(f"*{suffix}")})
    if not names:
        click.echo(f"no keys in {folder}", err=True)
    for name in names:
        secret = folder / f"{name}{SECRET}"
        here = secret.exists()
        key = _public(secret if here else folder / f"{name}{PUBLIC}")
        click.echo(f"{name:<24} {key}  {'secret and public' if here else 'public'}")


@command.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def public(file: Path) -> None:
    """Print the public key of a key file, as a desk file wants it."""
    click.echo(_public(file))


def _public(path: Path) -> str:
    try:
        return load_public_key(path)
    except KeyFileError as error:
        raise Failure(str(error), Exit.CONFIGURATION) from error


def _folder(directory: Path | None, config: Path | None) -> Path:
    return directory or settings_from(config).daemon.state_directory / "keys"
