"""Key pairs and their files.

A key file is TOML with ``public`` and ``secret``, both Z85; only its owner may read it. What is given to
others is a file with ``public`` alone.
"""

from __future__ import annotations

import os
import stat
import struct
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import zmq
from zmq.utils import z85

from protocol.client.errors import KeyFileError

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A CURVE key pair, each key as 40 characters of Z85. The secret is never shown."""

    public: str
    secret: str = field(repr=False)


def make_key_pair() -> KeyPair:
    """Make a new key pair."""
    public, secret = zmq.curve_keypair()
    return KeyPair(public.decode(), secret.decode())


def save_key_pair(path: Path | str, keys: KeyPair) -> None:
    """Write a new key file that only its owner can read. An existing file is never overwritten."""
    _write(path, f'public = "{keys.public}"\nsecret = "{keys.secret}"\n', 0o600)


def save_public_key(path: Path | str, public: str) -> None:
    """Write a new file with a public key alone, to give to the other side."""
    _write(path, f'public = "{public}"\n', 0o644)


def load_key_pair(path: Path | str) -> KeyPair:
    """Read a key file. Raises KeyFileError, also when others than its owner may read it."""
    with _open(path) as file:
        mode = os.fstat(file.fileno()).st_mode
        if mode & _OTHERS:
            raise KeyFileError(
                path, f"others than its owner have rights on it (mode {mode & 0o777:04o}): chmod 600 {path}"
            )
        values = _parse(path, file.read())
    keys = KeyPair(_key(path, values, "public"), _key(path, values, "secret"))
    if zmq.curve_public(keys.secret.encode()).decode() != keys.public:
        raise KeyFileError(path, "the public key does not belong to the secret key")
    return keys


def load_public_key(path: Path | str) -> str:
    """Read the public key of a file, whether or not it has a secret too. Raises KeyFileError."""
    with _open(path) as file:
        return _key(path, _parse(path, file.read()), "public")


def _write(path: Path | str, text: str, mode: int) -> None:
    # Z85 has no quote and no backslash, so a key is a TOML string as it is.
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except OSError as error:
        raise KeyFileError(path, f"cannot be written: {error.strerror}") from error
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)


def _open(path: Path | str) -> BinaryIO:
    try:
        return Path(path).open("rb")
    except OSError as error:
        raise KeyFileError(path, f"cannot be read: {error.strerror}") from error


def _parse(path: Path | str, raw: bytes) -> dict[str, object]:
    try:
        return tomllib.loads(raw.decode("ascii"))
    except ValueError as error:
        raise KeyFileError(path, f"is not a key file: {error}") from error


def _key(path: Path | str, values: dict[str, object], name: str) -> str:
    key = values.get(name)
    if not isinstance(key, str) or len(key) != 40 or not key.isascii():
        raise KeyFileError(path, f"has no {name} key of 40 characters")
    try:
        z85.decode(key.encode())
    except (KeyError, ValueError, struct.error) as error:
        raise KeyFileError(path, f"its {name} key is not Z85") from error
    return key
