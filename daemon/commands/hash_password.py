"""`switchboard hash-password`: what stands under `password` in a desk file."""

from __future__ import annotations

import sys

import click
from argon2 import PasswordHasher, Type

from daemon.commands.failure import Failure
from daemon.exits import Exit

#: The least that OWASP asks of argon2id; a login costs the daemon about this much memory while it is checked.
MEMORY_KIB = 19_456
ROUNDS = 2
LANES = 1
#: As long as the wire carries.
PASSWORD_LENGTH_MAX = 1_024


@click.command()
def command() -> None:
    """Print the argon2id hash of a password.

    It is typed twice, or is the first line of standard input.
    """
    if sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if not 1 <= len(password) <= PASSWORD_LENGTH_MAX:
        raise Failure(f"a password has 1 to {PASSWORD_LENGTH_MAX} characters", Exit.USAGE)
    hasher = PasswordHasher(time_cost=ROUNDS, memory_cost=MEMORY_KIB, parallelism=LANES, type=Type.ID)
    click.echo(hasher.hash(password))
