"""The golden vectors: two examples of every message with their bytes, for whoever writes another codec."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import Struct, inspect

from protocol.codec import encode
from protocol.fields import Message
from protocol.messages import VERSION
from protocol.specification.past import PAST, PAST_EXAMPLES
from protocol.specification.shapes import CONTENTS, FROM_CLIENT, NEWS, REFERENCES, TOP, name_of

#: Versions that are released: their vectors never change again, so ``--write`` leaves them alone.
RELEASED: frozenset[str] = frozenset()

_ID = bytes.fromhex("0190a1b2c3d47e5f8a6b7c8d9e0f1a2b")

#: An example for each field, by name or by ``type.name``.
EXAMPLES: dict[str, Any] = {
    "after": 41,
    "agent": "anna",
    "at": 1735689600.25,
    "by": "agent",
    "channel": "web-shop",
    "code": "BUSY",
    "contact": "visitor-7f3a",
    "reference": "5f0c2a9d81e47b36/12",
    "conversation": "01JGFJJZ008Q5S6M3YDBHQ0V3K",
    "deadline_at": 1735689630.0,
    "department": "sales",
    "duplicate": True,
    "expires_at": 1735732800.0,
    "first_available": 42,
    "frame_bytes": 262_144,
    "frame_burst": 1000,
    "frames_per_second": 500.0,
    "heartbeat_s": 5.0,
    "id": _ID,
    "journal": "5f0e4c1d9a7b4e2f8c3d6a1b0e9f7d24",
    "language": "uk",
    "last": 12,
    "covered": 12,
    "lease_s": 15.0,
    "limit": 50,
    "message": "the daemon is at a limit",
    "name": "Олена",
    "number": 42,
    "offer": "01JGFJK0Q4T1N8W2E6R9Y3U5I7",
    "outcome": "declined",
    "password": "correct horse battery staple",
    "position": 1_000_001,
    "presence": "online",
    "reason": "在开会",
    "retry_after_s": 1.5,
    "role": "gateway",
    "sequence": 3,
    "server": "switchboardd 0.1.0",
    "software": "example-gateway 2.4",
    "stream": "channel/web-shop",
    "text": "Добрий день! 你好 👋",
    "token": "c2lnbmVkLWJ5LXRoZS1kYWVtb24=",
    "version": "1.0",
    "waiting_since": 1735689598.5,
    "window": 64,
    "about": "4 of 4 units",
    "assignee": "wei",
    "author": "boris",
    "available": True,
    "attempt": 3,
    "capacity": 4,
    "client": bytes.fromhex("01941f6f2c8a7c3e9b5d4f6a7081e2d3"),
    "choice": "least_loaded",
    "considered": 3,
    "departments": ("sales", "support"),
    "estimated_wait_s": 95.0,
    "excluded": {"away": 1, "no_room": 2},
    "from_agent": "wei",
    "invitation": "01JGFJM7X2C5V8B1N4M6K9J3H5",
    "invited": "anna",
    "kind": "transfer",
    "logout_at": 1735689660.0,
    "members": ("wei", "boris"),
    "note": "asks about the invoice of May",
    "of_agent": "wei",
    "offered_to": "anna",
    "order": "longest_wait",
    "place": 2,
    "policy": "9f86d081",
    "priority": 3,
    "reachable": True,
    "ring": 1,
    "rule": "longest_wait",
    "score": 0.25,
    "sentence": "The agent's capacity is used up, or too little is left for it.",
    "since": 1735689600.0,
    "skills": {"billing": 3},
    "tie_break": "longest_idle",
    "to_agent": "wei",
    "to_department": "support",
    "total": 17,
    "trigger": "capacity_freed",
    "until": "backlog",
    "used": 3,
    "waited_s": 12.5,
    "waiting": True,
    "abuse_list.kind": "blocked",
    "read_abuse_list.kind": "blocked",
    "block.on": False,
    "do_not_disturb.on": False,
    "first": 100,
    "following": 200,
    "origin": "proactive",
    "authenticated": True,
    "blocked": True,
    "browser": "Firefox 128",
    "channel_name": "Web chat (Shop)",
    "do_not_disturb": True,
    "hint": "typing",
    "online": True,
    "page": "https://shop.example/boots",
    "referrer": "https://search.example/?q=boots",
    "system": "Linux",
    "title": "Черевики",
    "customer_view.place": "上海",
    "visitor_entered.place": "上海",
    "application": "wx8d3f1c5e7a9b2046",
    "arguments": {"order": "48213", "day": "Friday"},
    "card": "spring-sale",
    "duration_s": 4.5,
    "email": "olena@example.org",
    "height": 768,
    "image": "3b9c358f36f0a31b6ad3e14f309c7cf198ac9246e8316f9ce543d5b19ac02b80",
    "image_url": "https://shop.example/sale.jpg",
    "media": "3b9c358f36f0a31b6ad3e14f309c7cf198ac9246e8316f9ce543d5b19ac02b80",
    "media_type": "image/jpeg",
    "question": "Where is my parcel?",
    "reply": "delivery-day",
    "shown_as": "Olha",
    "size_bytes": 183_204,
    "started_at": 1735689598.5,
    "url": "https://shop.example/sale",
    "width": 1024,
    "automatic_reply.kind": "offline",
    "mini_program_card.page": "pages/order/detail?id=48213",
    "data": b"\xff\xd8\xff\xe0\x00\x10JFIF",
    "offset": 131_072,
    "image.name": "parcel.jpg",
    "fetch_media.limit": 65_536,
    "media_stored.kind": "image",
    "upload_media.kind": "voice",
    "voice.media_type": "audio/amr",
    "add": ["roses"],
    "added": ["roses"],
    "after_s": 30.0,
    "closes_at": 1735693200.0,
    "comment": "Very friendly.",
    "ends_at": 1735689690.0,
    "how": "reply",
    "notes": "Wants tulips next time.",
    "on": True,
    "remove": ["tulips"],
    "removed": ["tulips"],
    "status": "pending",
    "style": "social_messaging",
    "tags": ["roses"],
    "wrap_up_by": 1735689900.0,
    "customer_rating.score": 5,
    "rated.score": 5,
    "ColleagueView.conversations": 3,
    "ColleagueView.offers": 1,
    "hand_over.presence": "away",
    "MovedView.outcome": "queued",
    "MovedView.reason": "no_room",
    "ReasonView.code": "no_room",
    "order_changed.by": "anna",
    "transfer_ended.outcome": "accepted",
    "invitation_ended.outcome": "joined",
    "gap.id": bytes(16),
    "hello.name": "acme:web",
    "snapshot.stream": "agent/anna",
    "extra_until": 1736294400.0,
    "extra_sends_left": 1,
    "over": "45015",
    "sends_left": 4,
    "state": "delivered",
    "tag": "HUMAN_AGENT",
    "provider_id": "mid.20250101",
    "retry_at": 1735689602.0,
    "window_rule": "messenger/message",
    "window_closes_at": 1735862400.0,
    "WindowView.rule": "messenger/message",
    "delivery_report.code": "45015",
    "delivery_changed.code": "45015",
    "window_changed.trigger": "menu_click",
    "customer_acted.trigger": "menu_click",
}


def vectors() -> str:
    """Return the vectors of the present version as JSON."""
    rows = [json.dumps(row, ensure_ascii=False) for kind in TOP for row in _rows(kind)]
    return f'{{"version": "{VERSION}", "vectors": [\n' + ",\n".join(rows) + "\n]}\n"


def examples(kind: type[Message]) -> dict[str, Message]:
    """Return named examples of a message: the least, everything, and one for each kind of news or content."""
    found = {"minimal": _make(kind, full=False), "full": _make(kind, full=True)}
    if "news" in kind.__struct_fields__:
        for news in NEWS:
            found[f"full, {name_of(news)}"] = msgspec.structs.replace(
                found["full"], news=_make(news, full=True)
            )
    for content in (*CONTENTS, *REFERENCES):
        if kind in FROM_CLIENT and _may_carry(kind, content):
            found[f"full, {name_of(content)}"] = msgspec.structs.replace(
                found["full"], content=_make(content, full=True)
            )
    return found


def _may_carry(kind: type[Message], content: type[Message]) -> bool:
    """Say whether a message may have this as its content."""
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    found = next((field.type for field in info.fields if field.name == "content"), None)
    kinds = found.types if isinstance(found, inspect.UnionType) else ()
    return any(isinstance(each, inspect.StructType) and each.cls is content for each in kinds)


def _rows(kind: type[Message]) -> Iterator[dict[str, Any]]:
    for case, message in examples(kind).items():
        yield {
            "type": name_of(kind),
            "sender": "client" if kind in FROM_CLIENT else "daemon",
            "case": case,
            "message": readable(message),
            "hex": encode([message]).hex(),
        }


def readable(message: Message) -> Any:
    """Return a message as JSON can hold it: bytes become hexadecimal digits."""
    return _hexadecimal(msgspec.to_builtins(message, builtin_types=(bytes,)))


def _hexadecimal(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {key: _hexadecimal(item) for key, item in value.items()}
    return [_hexadecimal(item) for item in value] if isinstance(value, list) else value


def _make(kind: type[Struct], *, full: bool) -> Any:
    info = inspect.type_info(kind)
    assert isinstance(info, inspect.StructType)
    owner = name_of(kind)
    wanted = [field for field in info.fields if full or field.required]
    return kind(**{field.encode_name: _value(owner, field, full=full) for field in wanted})


def _value(owner: str, field: inspect.Field, *, full: bool) -> Any:
    name, info = field.encode_name, field.type
    match info:
        case inspect.StructType():
            return _make(info.cls, full=full)
        case inspect.UnionType() if all(isinstance(each, inspect.StructType) for each in info.types):
            kinds = {each.cls for each in info.types if isinstance(each, inspect.StructType)}
            return _make(next(each for each in (*NEWS, *CONTENTS) if each in kinds), full=full)
        case inspect.UnionType(types=(inspect.StructType() as one, inspect.NoneType())):
            return _make(one.cls, full=full)
        case inspect.ListType(item_type=inspect.StructType() as item):
            return [_make(item.cls, full=full)] if full else []
    if f"{owner}.{name}" in PAST:
        return PAST_EXAMPLES.get(f"{owner}.{name}", PAST_EXAMPLES.get(name, EXAMPLES.get(name)))
    return EXAMPLES.get(f"{owner}.{name}", EXAMPLES.get(name))
