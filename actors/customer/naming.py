"""What a customer and his channel account are called where agents see them (J2-J4)."""

from __future__ import annotations

import hashlib

from config.desk import Desk

#: What agents call the kinds of channels.
KINDS = {
    "web": "Web chat",
    "wechat-official-account": "WeChat",
    "wechat-mini-program": "WeChat mini program",
    "baidu-mini-program": "Baidu mini program",
    "messenger": "Messenger",
    "sms": "SMS",
}
#: Easy to read aloud: no letter or digit that looks like another one.
LETTERS = "23456789abcdefghijkmnpqrstuvwxyz"
SUFFIX_LENGTH = 3


def channel_name(desk: Desk, channel: str) -> str:
    """Return the kind of a channel for people, and where the tenant has several of it, which one (J3)."""
    settings = desk.channels.get(channel)
    if settings is None:
        return channel
    name = KINDS[settings.kind]
    alike = sum(other.kind == settings.kind for other in desk.channels.values())
    return f"{name} ({settings.name})" if alike > 1 else name


def channel_names(desk: Desk) -> dict[str, str]:
    """Return what agents call each of the channels."""
    return {channel: channel_name(desk, channel) for channel in desk.channels}


def made_up_name(desk: Desk, channel: str, contact: str, place: str = "") -> str:
    """Return what to call a customer whose name nobody knows: always the same for a contact, and no key (J4).

    A web visitor is called by the place, if that is known: "Shanghai4hU"; others "WeChat user x5i".
    """
    settings = desk.channels.get(channel)
    suffix = _suffix(f"{channel}/{contact}")
    if settings is None or settings.kind == "web":
        return f"{place}{suffix}" if place else f"Visitor {suffix}"
    return f"{KINDS[settings.kind]} user {suffix}"


def _suffix(key: str) -> str:
    number = int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big")
    letters = ""
    for _ in range(SUFFIX_LENGTH):
        number, place = divmod(number, len(LETTERS))
        letters += LETTERS[place]
    return letters
