from pathlib import Path

import pytest

from config.desk import parse_desk
from config.problems import ConfigurationError
from config.process import load_process_settings
from config.together import check_together, load_everything
from tests.config.texts import GOOD_DESK, KEYS, line_of

HOME = {"HOME": "/home/anna"}
KEYLESS = 'tenant = "t"\n[gateways.web]\n[consoles.desktop]\n'


def load(folder: Path, process: str, **desks: str) -> list[str]:
    """Load a whole configuration, and return its problems."""
    for name, text in desks.items():
        (folder / f"{name}.toml").write_text(text)
    path = folder / "switchboard.toml"
    names = ", ".join(f'"{name}.toml"' for name in desks)
    path.write_text(f"daemon.desks = [{names}]\n{process}")
    try:
        everything = load_everything(path, HOME)
    except ConfigurationError as error:
        return [str(problem).replace(f"{folder}/", "") for problem in error.problems]
    assert list(everything.desks) == [str(folder / f"{name}.toml") for name in desks]
    return []


def test_a_process_and_its_desk_that_fit_are_loaded(tmp_path: Path) -> None:
    assert load(tmp_path, "", desk=GOOD_DESK) == []


def test_a_peer_needs_a_key_exactly_where_its_socket_has_curve(tmp_path: Path) -> None:
    plain = "[listen.{}]\ncurve = false\n"
    rule = "is missing; it can be left out only when listen.{}.curve is false"
    gateway = "desk.toml:2: gateways.web.public_key: " + rule.format("gateways")
    console = "desk.toml:3: consoles.desktop.public_key: " + rule.format("consoles")
    assert load(tmp_path, "", desk=KEYLESS) == [gateway, console]
    assert load(tmp_path, plain.format("gateways"), desk=KEYLESS) == [console]
    assert load(tmp_path, plain.format("consoles"), desk=KEYLESS) == [gateway]
    assert load(tmp_path, plain.format("gateways") + plain.format("consoles"), desk=KEYLESS) == []


def test_two_desks_share_neither_tenant_nor_key(tmp_path: Path) -> None:
    other = f'tenant = "flowers"\n[consoles.c]\npublic_key = "{KEYS[0]}"\n'
    assert load(tmp_path, "", a=GOOD_DESK, b=other) == [
        "b.toml:1: tenant: the same tenant as tenant in a.toml",
        "b.toml:3: consoles.c.public_key: the same public_key as gateways.web.public_key in a.toml",
    ]


def test_the_problems_of_all_files_are_reported_in_one_go(tmp_path: Path) -> None:
    spoilt = GOOD_DESK.replace('kind = "web"', 'kind = "wab"')
    other = f'tenant = "other"\nx = 1\n[gateways.g]\n[consoles.c]\npublic_key = "{KEYS[1]}"\n'
    problems = load(tmp_path, "[limits]\nwindow = 0\n", a=spoilt, b=other, c="= 1")
    kind_line = line_of(spoilt, "kind = ")
    assert [problem.split(": ")[0] for problem in problems] == [
        f"a.toml:{kind_line}",
        "b.toml:2",
        "b.toml:3",
        "b.toml:5",
        "c.toml:1",
        "switchboard.toml:3",
    ]


def test_a_desk_file_that_is_not_there_is_a_problem_beside_the_others(tmp_path: Path) -> None:
    path = tmp_path / "switchboard.toml"
    path.write_text('[daemon]\ndesks = ["absent.toml"]\n[http]\nport = -1\n')
    with pytest.raises(ConfigurationError) as caught:
        load_everything(path, HOME)
    assert [problem.file for problem in caught.value.problems] == [str(tmp_path / "absent.toml"), str(path)]


def test_checked_desks_are_compared_without_their_sources_too() -> None:
    process = load_process_settings(None, HOME)
    desks = {"a.toml": parse_desk(GOOD_DESK, "a.toml"), "b.toml": parse_desk(KEYLESS, "b.toml")}
    assert [str(problem).partition(": is")[0] for problem in check_together(process, desks)] == [
        "b.toml: gateways.web.public_key",
        "b.toml: consoles.desktop.public_key",
    ]
