"""The written specification says what the code does, and CI notices when it does not."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any, get_args

import msgpack
import msgspec
import pytest

from actors.authorization import ALLOWED
from protocol.codec import Codec, client_codec, daemon_codec, encode
from protocol.errors import Code
from protocol.messages import VERSION, FromClient, FromDaemon
from protocol.session import TABLE, Phase, Role
from protocol.specification.__main__ import ASYNCAPI, PAGE, VECTORS, first_difference, main, write
from protocol.specification.asyncapi import document
from protocol.specification.parties import ANSWERS, PARTIES
from protocol.specification.plain import scalar, to_yaml
from protocol.specification.reference import BEGIN, END
from protocol.specification.shapes import ALL, FROM_CLIENT, FROM_DAEMON, TOP, fields_of, name_of
from tests.rules import ROOT

FILES = (PAGE, ASYNCAPI, VECTORS)
PAGE_TEXT = (ROOT / PAGE).read_text(encoding="utf-8")
WRITTEN, _, GENERATED = PAGE_TEXT.partition(BEGIN)
ROWS = [
    row
    for path in sorted((ROOT / VECTORS).parent.glob("*.json"))
    for row in json.loads(path.read_text(encoding="utf-8"))["vectors"]
]
CODECS: dict[str, Codec[Any]] = {"client": client_codec(), "daemon": daemon_codec()}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the generated files, to be spoilt."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


# Up to date.


def test_the_specification_is_up_to_date() -> None:
    assert first_difference(ROOT) is None


@pytest.mark.parametrize("name", FILES)
def test_a_stale_file_is_noticed_named_and_mended(
    copy: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = copy / name
    text = path.read_text(encoding="utf-8")
    spoilt = text.replace("presence", "mood", 1) if name != PAGE else text.replace(END, f"more\n{END}")
    path.write_text(spoilt, encoding="utf-8")
    assert main(["--check"], copy) == 1
    assert f"{name}:" in capsys.readouterr().err
    assert write(copy) == [name]
    assert path.read_text(encoding="utf-8") == text
    assert main(["--check"], copy) == 0


def test_what_people_have_written_is_left_alone(copy: Path) -> None:
    path = copy / PAGE
    path.write_text(path.read_text(encoding="utf-8").replace("# The wire", "# Our wire"), encoding="utf-8")
    assert main(["--check"], copy) == 0


@pytest.mark.parametrize("name", [ASYNCAPI, VECTORS])
def test_a_missing_file_is_noticed(copy: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    (copy / name).unlink()
    assert main(["--check"], copy) == 1
    assert f"{name} is missing" in capsys.readouterr().err


@pytest.mark.parametrize("mark", [BEGIN, END])
def test_a_page_without_the_markers_is_noticed(
    copy: Path, mark: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = copy / PAGE
    path.write_text(path.read_text(encoding="utf-8").replace(mark, ""), encoding="utf-8")
    assert main(["--check"], copy) == 1
    assert "needs the lines" in capsys.readouterr().err


# Complete.


@pytest.mark.parametrize("kind", ALL, ids=name_of)
def test_every_structure_and_each_of_its_fields_is_in_the_reference(kind: type[msgspec.Struct]) -> None:
    section = GENERATED.split(f"\n### `{name_of(kind)}`\n")[1].split("\n#")[0]
    for field in fields_of(kind):
        assert f"| `{field.name}` |" in section
        assert field.meaning


@pytest.mark.parametrize("code", Code)
def test_every_error_code_is_in_the_catalogue_and_in_the_advice(code: Code) -> None:
    assert f"| `{code.value}` |" in GENERATED
    assert f"| `{code.value}` |" in WRITTEN


def test_who_may_send_what_is_what_the_daemon_checks() -> None:
    ours = {party.role: party.may_send for party in PARTIES}
    assert ours == {
        principal.value: {kind: rule.condition for kind, rule in allowed.items()}
        for principal, allowed in ALLOWED.items()
    }


def test_every_message_of_a_client_can_be_sent_by_somebody() -> None:
    assert {kind for party in PARTIES for kind in party.may_send} == set(get_args(FromClient))


def test_every_client_message_with_an_id_has_an_answer_that_may_be_sent() -> None:
    assert {kind for kind in FROM_CLIENT if "id" in kind.__struct_fields__} <= set(ANSWERS)
    legal = {*TABLE[Role.DAEMON][Phase.OPEN], *TABLE[Role.DAEMON][Phase.GREETED]}
    assert {answer for answers in ANSWERS.values() for answer in answers} <= legal


# The examples of the page are real.


def frames() -> list[tuple[str, Any]]:
    """Return the frames of the worked exchanges, with who sends them."""
    found = re.findall(r"^([→←]) (.+)$", WRITTEN, re.MULTILINE)
    return [("client" if arrow == "→" else "daemon", json.loads(text)) for arrow, text in found]


def as_bytes(message: dict[str, Any]) -> dict[str, Any]:
    in_bytes = {name: bytes.fromhex(message[name]) for name in ("id", "client", "data") if name in message}
    return {**message, **in_bytes}


@pytest.mark.parametrize(("sender", "frame"), frames())
def test_every_frame_of_the_worked_exchanges_is_a_frame(sender: str, frame: Any) -> None:
    maps = frame if isinstance(frame, list) else [frame]
    packed = msgpack.packb([as_bytes(each) for each in maps])
    decoded = CODECS[sender].decode(packed)
    assert [name_of(type(message)) for message in decoded] == [each["type"] for each in maps]
    for message, shown in zip(decoded, maps, strict=True):
        assert set(shown) - {"type"} <= set(message.__struct_fields__)


def test_the_frame_that_is_shown_as_bytes_is_the_one_that_is_shown_in_words() -> None:
    (block,) = re.findall(r"^```text\n((?:[0-9a-f]+\n)+)```$", WRITTEN, re.MULTILINE)
    shown = next(frame for _, frame in frames() if "customer_message" in str(frame))
    (message,) = CODECS["client"].decode(bytes.fromhex("".join(block.split())))
    assert msgspec.to_builtins(message, builtin_types=(bytes,)) == as_bytes(shown)
    assert encode([message]).hex() == "".join(block.split())


# Golden vectors.


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['sender']} {row['type']} {row['case']}")
def test_every_vector_decodes_to_what_it_says_and_encodes_to_the_same_bytes(row: dict[str, Any]) -> None:
    frame = bytes.fromhex(row["hex"])
    (message,) = CODECS[row["sender"]].decode(frame)
    assert name_of(type(message)) == row["type"]
    assert encode([message]) == frame
    assert msgpack.unpackb(frame) == as_bytes(row["message"])


@pytest.mark.parametrize("case", ["minimal", "full"])
def test_every_message_has_a_vector(case: str) -> None:
    assert {row["type"] for row in ROWS if row["case"] == case} == {name_of(kind) for kind in TOP}


def test_a_full_vector_leaves_no_field_out() -> None:
    kinds = {name_of(kind): kind for kind in TOP}
    for row in (row for row in ROWS if row["case"] == "full"):
        assert set(row["message"]) == {"type", *kinds[row["type"]].__struct_fields__}


def test_the_page_names_the_version_that_is_spoken() -> None:
    assert f"Version {VERSION}." in WRITTEN
    assert f"vectors/{VERSION}.json" in WRITTEN


# AsyncAPI.


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if "$ref" in value else set()
        return own.union(*map(references, value.values())) if value else own
    return set().union(*map(references, value)) if isinstance(value, list) else set()


def test_every_reference_of_the_asyncapi_file_leads_somewhere() -> None:
    whole = document()
    for reference in references(whole):
        place: Any = whole
        for step in reference.removeprefix("#/").split("/"):
            place = place[step]


def test_the_asyncapi_file_has_every_message_in_its_direction() -> None:
    operations = document()["operations"].values()
    received = {name for each in operations if each["action"] == "receive" for name in named(each)}
    assert received == {name_of(kind) for kind in FROM_CLIENT}
    sent = {name for each in operations if each["action"] == "send" for name in named(each)}
    sent |= {name for each in operations for name in named(each.get("reply", {}))}
    assert sent == {name_of(kind) for kind in get_args(FromDaemon)} == {name_of(kind) for kind in FROM_DAEMON}


def named(operation: dict[str, Any]) -> set[str]:
    return {each["$ref"].rpartition("/")[2] for each in operation.get("messages", [])}


def test_ids_are_bytes_in_the_schemas_and_no_discriminator_is_left() -> None:
    schemas = document()["components"]["schemas"]
    ack = schemas["Ack"]["properties"]["id"]
    assert (ack["format"], ack["minLength"], ack["maxLength"]) == ("binary", 16, 16)
    assert "discriminator" not in json.dumps(schemas)
    assert "base64" not in json.dumps(schemas)


def test_the_asyncapi_file_is_yaml_and_says_what_was_meant() -> None:
    yaml = pytest.importorskip("yaml")
    assert yaml.safe_load((ROOT / ASYNCAPI).read_text(encoding="utf-8")) == json.loads(json.dumps(document()))


@pytest.mark.parametrize(
    "value",
    ["plain words", "yes", "No", "1.0", "a: b", "# no", "", "ends ", "'quoted'", '"', "é👋", "null", "x\ny"],
)
def test_every_text_survives_yaml(value: str) -> None:
    yaml = pytest.importorskip("yaml")
    assert yaml.safe_load(scalar(value)) == value
    nested = {"a": [value, {value or "k": [], "n": {}}, [1, None, True, 0.5]], "b": value}
    assert yaml.safe_load(to_yaml(nested)) == nested
