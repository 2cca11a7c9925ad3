"""Key files: written for their owner alone, and refused when others may read them."""

import stat
from pathlib import Path

import pytest

from protocol.client.errors import KeyFileError
from protocol.client.keys import (
    KeyPair,
    load_key_pair,
    load_public_key,
    make_key_pair,
    save_key_pair,
    save_public_key,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "gateway.key"


@pytest.fixture
def keys() -> KeyPair:
    return make_key_pair()


def test_a_saved_key_pair_is_loaded_as_it_was(path: Path, keys: KeyPair) -> None:
    save_key_pair(path, keys)
    assert load_key_pair(path) == keys
    assert load_public_key(path) == keys.public


def test_a_key_file_belongs_to_its_owner_alone(path: Path, keys: KeyPair) -> None:
    save_key_pair(path, keys)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o644, 0o777])
def test_a_secret_on_which_others_have_rights_is_refused(path: Path, keys: KeyPair, mode: int) -> None:
    save_key_pair(path, keys)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match=r"chmod 600 .*gateway\.key"):
        load_key_pair(path)


def test_an_existing_file_is_never_overwritten(path: Path, keys: KeyPair) -> None:
    save_key_pair(path, keys)
    with pytest.raises(KeyFileError, match="exists"):
        save_key_pair(path, make_key_pair())
    assert load_key_pair(path) == keys


def test_a_public_key_file_has_no_secret(path: Path, keys: KeyPair) -> None:
    save_public_key(path, keys.public)
    path.chmod(0o600)
    assert load_public_key(path) == keys.public
    with pytest.raises(KeyFileError, match="no secret key"):
        load_key_pair(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "public = 1",
        'public = "short"',
        "not toml",
        'public = "' + '"' * 40,
        'public = "' + "~" * 40 + '"',
    ],
)
def test_a_file_without_a_usable_key_is_refused(path: Path, text: str) -> None:
    path.write_text(text, encoding="ascii")
    with pytest.raises(KeyFileError):
        load_public_key(path)


def test_a_missing_file_is_refused_by_name(path: Path) -> None:
    with pytest.raises(KeyFileError, match=r"gateway\.key: cannot be read"):
        load_key_pair(path)


def test_a_pair_that_is_none_is_refused(path: Path, keys: KeyPair) -> None:
    save_key_pair(path, KeyPair(make_key_pair().public, keys.secret))
    with pytest.raises(KeyFileError, match="does not belong"):
        load_key_pair(path)


def test_the_secret_is_never_shown(keys: KeyPair) -> None:
    assert keys.secret not in repr(keys)
