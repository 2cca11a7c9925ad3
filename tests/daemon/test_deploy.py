"""What we ship for installing: it is accepted by our own checks and by systemd's."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import inspect

from config.annotations import Section, struct_type, unwrapped
from config.desk import Desk
from config.process import RELOADABLE, ProcessSettings
from config.scanning import KeyPath
from config.together import load_everything
from daemon.archive.figures import Figures, FiguresCollector
from daemon.exits import Exit
from daemon.metrics import Metrics, Numbers
from tests.rules import ROOT

DEPLOY = ROOT / "deploy"
UNIT = DEPLOY / "switchboard.service"
RULES = DEPLOY / "prometheus" / "rules.yaml"
EXPOSURE_MAX = 1.2
METRIC = re.compile(r"switchboard_[a-z_]+")


def setting(name: str) -> str:
    values = re.findall(rf"^{name}=(.*)$", UNIT.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(values) == 1, name
    return str(values[0])


def keys_of(kind: type[Section], path: KeyPath = ()) -> list[str]:
    found: list[str] = []
    for field in struct_type(kind).fields:
        inner, _ = unwrapped(field.type)
        place = (*path, field.encode_name)
        if isinstance(inner, inspect.StructType):
            found += keys_of(inner.cls, place)
        elif isinstance(inner, inspect.DictType):
            value, _ = unwrapped(inner.value_type)
            found += (
                keys_of(value.cls, (*place, "<id>"))
                if isinstance(value, inspect.StructType)
                else [dot(place)]
            )
        elif isinstance(inner, inspect.VarTupleType) and isinstance(inner.item_type, inspect.StructType):
            found += keys_of(inner.item_type.cls, (*path, f"{field.encode_name}[]"))
        else:
            found.append(dot(place))
    return found


def dot(path: KeyPath) -> str:
    return ".".join(map(str, path))


def rows_of(page: str) -> dict[str, list[str]]:
    """The rows of the tables of settings by their keys; what the keys share may stand in the header."""
    found: dict[str, list[str]] = {}
    prefix: str | None = None
    for line in (ROOT / "docs" / page).read_text(encoding="utf-8").splitlines():
        row = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|") or row[0] == "permission":
            prefix = None
        elif row[0] == "setting" or row[0].endswith(".`"):
            prefix = row[0].strip("`").removeprefix("setting")
        elif prefix is not None and row[0].startswith("`"):
            found[prefix + row[0].strip("`")] = row
    return found


def default_of(key: str) -> Any:
    """The default of a setting of a desk by its key on the page."""
    kind: Any = struct_type(Desk)
    for part in key.replace("[]", "").split("."):
        if isinstance(kind, inspect.DictType):
            kind, _ = unwrapped(kind.value_type)
            continue
        if isinstance(kind, inspect.VarTupleType):
            kind = kind.item_type
        (field,) = [field for field in kind.fields if field.encode_name == part]
        kind, _ = unwrapped(field.type)
    if field.default is msgspec.NODEFAULT and field.default_factory is msgspec.NODEFAULT:
        return ""
    return field.default if field.default is not msgspec.NODEFAULT else field.default_factory()


def test_the_sample_configuration_is_accepted_as_a_whole() -> None:
    everything = load_everything(DEPLOY / "switchboard.toml", {})
    assert [desk.tenant for desk in everything.desks.values()] == ["shop"]


def test_the_drain_ends_before_systemd_loses_its_patience() -> None:
    settings = load_everything(DEPLOY / "switchboard.toml", {}).process
    assert int(setting("TimeoutStopSec")) > settings.daemon.drain_timeout_s


def test_the_unit_and_the_sample_agree_on_the_directories() -> None:
    daemon = load_everything(DEPLOY / "switchboard.toml", {}).process.daemon
    assert daemon.state_directory == Path("/var/lib") / setting("StateDirectory")
    assert daemon.admin_socket.parent == Path("/run") / setting("RuntimeDirectory")
    assert setting("RuntimeDirectoryMode") == setting("StateDirectoryMode") == "0700"


def test_systemd_does_not_repeat_what_cannot_get_better() -> None:
    codes = {int(code) for code in setting("RestartPreventExitStatus").split()}
    assert codes == {Exit.USAGE, Exit.DATA, Exit.CONFIGURATION}


@pytest.fixture
def checkable(tmp_path: Path) -> Path:
    """The unit with a program that is there, since ours is not installed where tests run."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not here: the unit was NOT checked")
    path = tmp_path / UNIT.name
    text = re.sub(
        r"^ExecStart=\S+", "ExecStart=/bin/true", UNIT.read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    path.write_text(text, encoding="utf-8")
    return path


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "SYSTEMD_COLORS": "0", "LC_ALL": "C.UTF-8"}
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, env=environment, check=False
    )


def test_systemd_understands_every_line_of_the_unit(checkable: Path) -> None:
    done = analyze("verify", str(checkable))
    if "Failed to" in done.stderr and UNIT.name not in done.stderr:
        pytest.skip(f"systemd-analyze verify does not run here, the unit was NOT checked: {done.stderr}")
    assert (done.returncode, [line for line in done.stderr.splitlines() if UNIT.name in line]) == (0, [])


def test_the_unit_is_as_closed_as_we_say(checkable: Path) -> None:
    done = analyze("security", "--offline=true", str(checkable))
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    if found is None:
        pytest.skip(f"systemd-analyze security does not run here, the unit was NOT scored: {done.stderr}")
    assert float(found[1]) <= EXPOSURE_MAX


def test_every_alert_is_about_a_metric_that_exists_and_is_explained() -> None:
    exposed = set(METRIC.findall(Metrics(_full(), FiguresCollector(Figures())).render()[0].decode()))
    rules = RULES.read_text(encoding="utf-8")
    assert set(METRIC.findall(rules)) - exposed == set()
    explained = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    assert [alert for alert in re.findall(r"alert: (\w+)", rules) if f"| {alert} |" not in explained] == []


def test_the_alerts_are_yaml_with_what_an_operator_needs() -> None:
    yaml = pytest.importorskip("yaml")
    (group,) = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]:
        assert {"alert", "expr", "labels", "annotations"} <= set(rule)
        assert rule["labels"]["severity"] in ("critical", "warning")
        assert rule["annotations"].keys() == {"summary", "runbook"}


def test_every_metric_of_ours_is_explained() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    exposed = Metrics(Numbers(), FiguresCollector(Figures())).render()[0].decode()
    families = re.findall(r"^# TYPE switchboard(_\w+)", exposed, re.MULTILINE)
    assert families
    assert [name for name in families if f"{name}`" not in page and f"{name}_total`" not in page] == []


def test_every_exit_code_is_explained() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    cells = set(re.findall(r"\d+|[A-Z_]{2,}", "".join(re.findall(r"^\| \d.*$", page, re.MULTILINE))))
    assert [code for code in Exit if str(int(code)) not in cells or code.name not in cells] == []


@pytest.mark.parametrize("kind", [ProcessSettings, Desk])
def test_every_setting_is_explained(kind: type[Section]) -> None:
    rows = rows_of("configuration.md")
    assert [key for key in keys_of(kind) if key not in rows] == []


def test_no_setting_is_explained_that_does_not_exist() -> None:
    assert set(rows_of("configuration.md")) - {*keys_of(ProcessSettings), *keys_of(Desk)} == set()


def test_the_page_says_which_settings_reload() -> None:
    rows = rows_of("configuration.md")
    said = {key for key in keys_of(ProcessSettings) if rows[key][2] == "yes"}
    assert said == RELOADABLE


def test_the_defaults_on_the_page_are_the_defaults() -> None:
    rows = rows_of("configuration.md")
    defaults: dict[str, Any] = msgspec.to_builtins(ProcessSettings(), enc_hook=str)
    for key in keys_of(ProcessSettings):
        value: Any = defaults
        for part in key.split("."):
            value = value[part]
        if value not in (".", ()):
            assert rows[key][1].strip("`") == (str(value).lower() if isinstance(value, bool) else str(value))


def test_the_defaults_of_a_desk_on_the_page_are_the_defaults() -> None:
    rows = rows_of("configuration.md")
    for key in keys_of(Desk):
        value, said = default_of(key), rows[key][1].strip('`"')
        if value in (None, (), {}):
            assert said in ("none", ""), key
        elif isinstance(value, bool):
            assert said == str(value).lower(), key
        elif isinstance(value, tuple):
            assert said.replace("`", "") == ", ".join(value), key
        else:
            assert said == str(value), key


def test_nothing_we_ship_names_a_place_on_somebodys_machine() -> None:
    files = [*DEPLOY.rglob("*.*"), ROOT / "docs" / "operations.md", ROOT / "docs" / "configuration.md"]
    assert [
        file for file in files if re.search(r"/(home|tmp|root|work)/", file.read_text(encoding="utf-8"))
    ] == []


def test_the_sample_desk_names_everything_that_has_a_table() -> None:
    sample = tomllib.loads((DEPLOY / "desk.toml").read_text(encoding="utf-8"))
    assert set(sample) == set(Desk.__struct_fields__)


def _full() -> Numbers:
    """Numbers with something under every label, so that every family shows a series."""
    numbers = Numbers()
    numbers.actors = numbers.agents = numbers.connections = {"x": 1}
    numbers.waiting = {("x", "y"): 1}
    numbers.refused("x")
    return numbers
