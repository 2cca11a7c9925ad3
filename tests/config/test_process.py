from pathlib import Path

import pytest

from config.leaves import leaves
from config.problems import ConfigurationError
from config.process import (
    RELOADABLE,
    ProcessSettings,
    load_process_settings,
    plan_reload,
    process_schema,
    show_with_origin,
)
from config.scanning import dotted

HOME = {"HOME": "/home/anna"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "switchboard.toml"


def load(file: Path, text: str, **environment: str) -> ProcessSettings:
    file.write_text(text)
    return load_process_settings(file, HOME | environment)


def problems_of(file: Path, text: str, **environment: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load(file, text, **environment)
    return [str(problem).replace(f"{file.parent}/", "") for problem in caught.value.problems]


def test_without_file_and_environment_everything_has_a_default() -> None:
    settings = load_process_settings(None, HOME)
    assert settings.daemon.state_directory == Path("/home/anna/.local/state/switchboard")
    assert settings.daemon.admin_socket == Path("/home/anna/.local/state/switchboard/admin.sock")
    assert settings.listen.gateways.address == "tcp://127.0.0.1:5570"
    assert settings.listen.consoles.address == "tcp://127.0.0.1:5571"
    key_file = Path("/home/anna/.local/state/switchboard/keys/server.secret")
    assert settings.listen.gateways.secret_key_file == key_file
    assert settings.listen.gateways.curve
    assert settings.limits.frame_bytes == 262_144
    assert settings.timing.token_s == 43_200
    assert settings.journal.free_bytes_min == 67_108_864


@pytest.mark.parametrize(
    ("environment", "directory"),
    [
        ({"STATE_DIRECTORY": "/var/lib/switchboard:/var/lib/other"}, "/var/lib/switchboard"),
        ({"XDG_STATE_HOME": "/states"}, "/states/switchboard"),
        ({"XDG_STATE_HOME": "not/absolute"}, "/home/anna/.local/state/switchboard"),
        ({"STATE_DIRECTORY": "/var/lib/switchboard", "XDG_STATE_HOME": "/states"}, "/var/lib/switchboard"),
    ],
)
def test_the_state_directory_comes_from_the_environment(environment: dict[str, str], directory: str) -> None:
    assert load_process_settings(None, HOME | environment).daemon.state_directory == Path(directory)


def test_relative_paths_are_meant_from_the_file_s_folder(file: Path) -> None:
    settings = load(file, '[daemon]\nstate_directory = "state"\ndesks = ["a.toml", "/etc/b.toml"]\n')
    assert settings.daemon.desks == (file.parent / "a.toml", Path("/etc/b.toml"))
    assert settings.daemon.admin_socket == file.parent / "state/admin.sock"
    assert settings.listen.consoles.secret_key_file == file.parent / "state/keys/server.secret"


def test_conf_d_lies_over_the_file_and_the_environment_over_both(file: Path) -> None:
    folder = file.parent / "conf.d"
    folder.mkdir()
    (folder / "20-last.toml").write_text("[limits]\nwindow = 20\n")
    (folder / "10-first.toml").write_text("[limits]\nwindow = 10\nconnections = 10\n")
    (folder / "ignored.txt").write_text("not toml")
    text = "[limits]\nwindow = 1\nconnections = 1\ndrain_frames = 1\nlogin_queue = 1\n"
    limits = load(file, text, SWITCHBOARD__LIMITS__LOGIN_QUEUE="99").limits
    assert (limits.window, limits.connections, limits.drain_frames, limits.login_queue) == (20, 10, 1, 99)


def test_variables_reach_nested_settings_of_every_type() -> None:
    environment = HOME | {
        "SWITCHBOARD__LISTEN__GATEWAYS__ADDRESS": "ipc:///run/gateways",
        "SWITCHBOARD__LISTEN__GATEWAYS__CURVE": "false",
        "SWITCHBOARD__TIMING__LEASE_S": "20.5",
        "SWITCHBOARD__LOG__LEVEL": "debug",
        "SWITCHBOARD__DAEMON__DESKS": '["/a.toml"]',
        "SWITCHBOARD_HOME": "not ours",
    }
    settings = load_process_settings(None, environment)
    assert settings.listen.gateways.address == "ipc:///run/gateways"
    assert not settings.listen.gateways.curve
    assert settings.timing.lease_s == 20.5
    assert settings.log.level == "debug"
    assert settings.daemon.desks == (Path("/a.toml"),)


def test_every_problem_of_every_layer_is_reported_together(file: Path) -> None:
    folder = file.parent / "conf.d"
    folder.mkdir()
    (folder / "broken.toml").write_text("[log]\nlevel = = 1\n")
    (folder / "more.toml").write_text("[journal]\nretention_days = 0\n")
    text = """\
[deamon]
[daemon]
desks = "a.toml"
[listen.gateways]
address = "tcp://0.0.0.0:5570"
curve = false
[listen.consoles]
address = "http://localhost"
[http]
port = 70000
[limits]
window = 3.5
[timing]
heartbeat_s = 15
[log]
level = "inf"
"""
    variables = {"SWITCHBOARD__LIMITS__FRAME_BYTES": "many", "SWITCHBOARD__LIMIT__WINDOW": "5"}
    assert problems_of(file, text, **variables) == [
        "conf.d/broken.toml:2: is not valid TOML: invalid value",
        "conf.d/more.toml:2: journal.retention_days: must be at least 1, got 0",
        'switchboard.toml:1: deamon: no such setting. Did you mean "daemon"?',
        'switchboard.toml:3: daemon.desks: expected a list, got text "a.toml"',
        "switchboard.toml:6: listen.gateways.curve: plain text is allowed only on ipc:// or a loopback tcp"
        " address, not on tcp://0.0.0.0:5570. Leave curve = true, or listen on 127.0.0.1.",
        "switchboard.toml:8: listen.consoles.address: must be tcp://<host>:<port> or ipc://<path>",
        "switchboard.toml:10: http.port: must be at most 65535, got 70000",
        "switchboard.toml:12: limits.window: expected a whole number, got 3.5",
        "switchboard.toml:13: timing.lease_s: must be more than heartbeat_s, 15 is not more than 15."
        " A lease that ends before the next heartbeat makes every peer look lost.",
        'switchboard.toml:16: log.level: must be one of "debug", "error", "info", "warning", got text "inf".'
        ' Did you mean "info"?',
        'SWITCHBOARD__LIMITS__FRAME_BYTES: limits.frame_bytes: expected a whole number, got text "many"',
        'SWITCHBOARD__LIMIT__WINDOW: no such setting. Did you mean "SWITCHBOARD__LIMITS__WINDOW"?',
    ]


def test_a_variable_that_is_not_utf_8_is_a_problem_that_can_be_printed() -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_process_settings(None, HOME | {"SWITCHBOARD__LOG__LEVEL": "\udcff"})
    assert "\\udcff" in str(caught.value).encode("utf-8").decode()


def test_a_file_that_was_named_must_be_there(file: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        load_process_settings(file, HOME)


@pytest.mark.parametrize(
    "address",
    ["ipc:///run/s", "tcp://127.0.0.1:1", "tcp://127.8.8.8:*", "tcp://[::1]:0", "tcp://localhost:5570"],
)
def test_plain_text_is_allowed_where_it_cannot_leave_the_machine(file: Path, address: str) -> None:
    settings = load(file, f'[listen.gateways]\naddress = "{address}"\ncurve = false\n')
    assert settings.listen.gateways.address == address


@pytest.mark.parametrize(
    "address",
    [
        "tcp://*:1",
        "tcp://0.0.0.0:1",
        "tcp://[::]:1",
        "tcp://10.0.0.1:1",
        "tcp://lo:1",
        "tcp://127.0.0.1.example:1",
    ],
)
def test_plain_text_is_refused_where_others_could_listen(file: Path, address: str) -> None:
    (problem,) = problems_of(file, f'[listen.gateways]\naddress = "{address}"\ncurve = false\n')
    assert problem.startswith("switchboard.toml:3: listen.gateways.curve: plain text is allowed only on")
    assert load(file, f'[listen.gateways]\naddress = "{address}"\n').listen.gateways.curve


@pytest.mark.parametrize(
    "address",
    ["", "tcp://", "tcp://127.0.0.1", "tcp://127.0.0.1:65536", "ipc://", "inproc://x", "ipc:///" + "x" * 120],
)
def test_an_address_that_cannot_be_bound_is_refused(file: Path, address: str) -> None:
    (problem,) = problems_of(file, f'[listen.consoles]\naddress = "{address}"\n')
    assert problem.startswith("switchboard.toml:2: listen.consoles.address: ")


def test_the_two_sockets_need_two_addresses(file: Path) -> None:
    text = '[listen.gateways]\naddress = "tcp://127.0.0.1:{0}"\n[listen.consoles]\naddress = "tcp://127.0.0.1:{0}"\n'
    assert len(problems_of(file, text.format(5570))) == 1
    assert load(file, text.format("*")).listen.consoles.address == "tcp://127.0.0.1:*"


def test_a_socket_path_too_long_for_the_kernel_is_refused(file: Path) -> None:
    (problem,) = problems_of(file, f'[daemon]\nstate_directory = "/{"x" * 120}"\n')
    assert problem.startswith("default: daemon.admin_socket: has a path longer than 107 bytes")


@pytest.mark.parametrize(
    "text", ["daemon = 1", "listen = []", "[listen]\ngateways = 1", "daemon.state_directory = 3"]
)
def test_a_value_where_a_section_should_be_is_one_problem(file: Path, text: str) -> None:
    (problem,) = problems_of(file, text)
    assert "expected a" in problem


def test_each_setting_is_shown_with_its_origin(file: Path) -> None:
    (file.parent / "conf.d").mkdir()
    (file.parent / "conf.d" / "a.toml").write_text("\n[timing]\nlease_s = 30\n")
    file.write_text('[limits]\nwindow = 8\n[daemon]\ndesks = ["/a.toml"]\n')
    environment = HOME | {"SWITCHBOARD__LOG__LEVEL": "debug", "STATE_DIRECTORY": "/var/lib/s"}
    shown = {key: (value, origin) for key, value, origin in show_with_origin(file, environment)}
    assert shown["limits.window"] == ("8", f"{file}:2")
    assert shown["daemon.desks"] == ('["/a.toml"]', f"{file}:4")
    assert shown["timing.lease_s"] == ("30", f"{file.parent}/conf.d/a.toml:3")
    assert shown["log.level"] == ('"debug"', "SWITCHBOARD__LOG__LEVEL")
    assert shown["daemon.state_directory"] == ('"/var/lib/s"', "STATE_DIRECTORY")
    assert shown["daemon.admin_socket"] == ('"/var/lib/s/admin.sock"', "default")
    assert shown["limits.connections"] == ("1000", "default")
    assert len(shown) == len(list(leaves(ProcessSettings())))


def test_reloadable_keys_exist_and_those_of_bound_sockets_are_not_among_them() -> None:
    keys = {dotted(leaf.path) for leaf in leaves(ProcessSettings())}
    assert keys >= RELOADABLE
    assert not [key for key in RELOADABLE if key.startswith(("listen.", "http."))]


def test_a_reload_says_what_changes_now_and_what_waits_for_a_restart(file: Path) -> None:
    old = load(file, "")
    new = load(file, '[limits]\nwindow = 8\nframe_bytes = 2048\n[log]\nlevel = "debug"\n[http]\nport = 0\n')
    plan = plan_reload(old, new)
    assert plan.now == ("limits.window", "log.level")
    assert plan.at_restart == ("http.port", "limits.frame_bytes")
    assert plan_reload(old, old).now == ()


def test_the_schema_describes_every_section() -> None:
    definitions = process_schema()["$defs"]
    assert set(definitions["ProcessSettings"]["properties"]) == set(ProcessSettings.__struct_fields__)
    assert definitions["Limits"]["properties"]["window"]["default"] == 256
    assert definitions["Daemon"]["properties"]["state_directory"]["type"] == "string"
