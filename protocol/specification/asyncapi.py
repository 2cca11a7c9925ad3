"""The AsyncAPI document: sockets, operations, messages and schemas, for tools that read such files."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct, inspect

from protocol.codec import FRAME_BYTES, MESSAGES_PER_FRAME
from protocol.errors import CATALOGUE
from protocol.messages import VERSION, FromClient, FromDaemon, Refused
from protocol.specification.parties import ANSWERS, PARTIES, UNASKED, Kind, Party, receivers
from protocol.specification.shapes import ALL, TOP, doc_of, fields_of, name_of

Document = dict[str, Any]


def document() -> Document:
    """Return the whole document."""
    return {
        "asyncapi": "3.1.0",
        "info": {
            "title": "Switchboard wire protocol",
            "version": f"{VERSION}.0",
            "description": "Generated from the message types; docs/protocol.md has the rules in prose.",
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
        },
        "defaultContentType": "application/msgpack",
        "servers": {party.socket: _server(party) for party in PARTIES},
        "channels": {party.socket: _channel(party) for party in PARTIES},
        "operations": {name: value for party in PARTIES for name, value in _operations(party).items()},
        "components": {
            "messages": {name_of(kind): _message(kind) for kind in TOP},
            "schemas": _schemas(),
        },
        "x-errors": {
            code.value: {"definite": meaning.definite, "what": meaning.what, "remedy": meaning.remedy}
            for code, meaning in CATALOGUE.items()
        },
    }


def _server(party: Party) -> Document:
    return {
        "host": party.address,
        "protocol": "zmq",
        "description": f"{party.what} The address is the default; the operator sets it in switchboard.toml.",
        "bindings": {
            "x-zeromq": {"server": "ROUTER", "client": "DEALER", "mechanism": ["CURVE", "NULL"], "parts": 1}
        },
    }


def _channel(party: Party) -> Document:
    kinds = [*party.may_send, *(kind for kind in TOP if party in receivers(kind))]
    names = dict.fromkeys(name_of(kind) for kind in kinds)
    return {
        "address": None,
        "title": f"The {party.role} socket",
        "description": "A frame is one message, or an array of messages.",
        "servers": [{"$ref": f"#/servers/{party.socket}"}],
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
        "bindings": {"x-zeromq": {"frameBytes": FRAME_BYTES, "messagesPerFrame": MESSAGES_PER_FRAME}},
    }


def _operations(party: Party) -> dict[str, Document]:
    """Return what the daemon receives on a socket, one operation a message, and what it sends there."""
    found = {
        f"{party.role}.{name_of(kind)}": _received(party, kind, condition)
        for kind, condition in party.may_send.items()
    }
    found[f"{party.role}.unasked"] = {
        "action": "send",
        "channel": {"$ref": f"#/channels/{party.socket}"},
        "title": f"What the daemon sends to a {party.role} unasked",
        "messages": _references(party, UNASKED[party.role]),
    }
    return found


def _received(party: Party, kind: Kind, condition: str) -> Document:
    operation: Document = {
        "action": "receive",
        "channel": {"$ref": f"#/channels/{party.socket}"},
        "title": f"{name_of(kind)} from a {party.role}",
        "messages": _references(party, (kind,)),
        "x-allowed-if": condition,
    }
    answers: tuple[Kind, ...] = (*ANSWERS.get(kind, ()), Refused)
    operation["reply"] = {
        "channel": {"$ref": f"#/channels/{party.socket}"},
        "messages": _references(party, answers),
    }
    return operation


def _references(party: Party, kinds: tuple[Kind, ...]) -> list[Document]:
    return [{"$ref": f"#/channels/{party.socket}/messages/{name_of(kind)}"} for kind in kinds]


def _message(kind: Kind) -> Document:
    message: Document = {"name": name_of(kind), "title": kind.__name__, "summary": doc_of(kind)}
    if "id" in kind.__struct_fields__:
        message["correlationId"] = {"location": "$message.payload#/id"}
    message["payload"] = {"$ref": f"#/components/schemas/{kind.__name__}"}
    return message


def _schemas() -> Document:
    _, found = msgspec.json.schema_components(
        (FromClient, FromDaemon), ref_template="#/components/schemas/{name}"
    )
    kinds = {kind.__name__: kind for kind in ALL}
    for name in found:
        _complete(found[name], kinds[name])
    return {name: _without_discriminator(found[name]) for name in sorted(found)}


def _complete(schema: Document, kind: type[Struct]) -> None:
    """Say what JSON Schema has no words for, and what each field means."""
    schema["description"] = doc_of(kind)
    properties = schema["properties"]
    for field in fields_of(kind):
        properties[field.name] = {**properties[field.name], "description": field.meaning}
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    for each in info.fields:
        plain = each.type.type if isinstance(each.type, inspect.Metadata) else each.type
        if isinstance(plain, inspect.BytesType):
            properties[each.encode_name] = _bytes(properties[each.encode_name], plain)


def _bytes(schema: Document, info: inspect.BytesType) -> Document:
    """Msgpack has bytes; JSON, which the schema was made for, would have them as base64."""
    limits = {"minLength": info.min_length, "maxLength": info.max_length}
    return {
        "type": "string",
        "format": "binary",
        **{key: value for key, value in limits.items() if value is not None},
        "description": schema["description"],
        "x-msgpack": "bin",
    }


def _without_discriminator(value: Any) -> Any:
    """AsyncAPI wants a plain name there, msgspec writes an object."""
    if isinstance(value, dict):
        return {key: _without_discriminator(item) for key, item in value.items() if key != "discriminator"}
    if isinstance(value, list):
        return [_without_discriminator(item) for item in value]
    return value
