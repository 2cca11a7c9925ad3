"""Public keys as ZeroMQ writes them: 32 bytes as 40 characters of Z85."""

from typing import Annotated

from msgspec import Meta

from config.annotations import note

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}

PublicKey = Annotated[
    str,
    Meta(pattern=r"^[0-9a-zA-Z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}$"),
    note(unique="public_key", says="a public key: 40 characters of Z85"),
]


def decodes(public_key: str) -> bool:
    """Whether every five characters of a Z85 text fit in four bytes; else two texts could mean one key."""
    groups = (public_key[start : start + 5] for start in range(0, len(public_key), 5))
    return all(_number(group) < 2**32 for group in groups)


def _number(group: str) -> int:
    number = 0
    for character in group:
        number = number * 85 + _VALUES[character]
    return number
