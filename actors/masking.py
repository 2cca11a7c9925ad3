"""What is hidden of a text, a name, an identifier, and of a whole message, before an agent sees it (M3-M7).

Payment data is hidden, personal data is masked: of a phone number the last four characters stay, of an e-mail
address the first one and the domain. Nothing that is stored or that goes to a channel passes through here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from actors.sensitive import Found, Kind, find, plain_of, whole_is_phone
from config.desk import Policies

M = TypeVar("M", bound=Struct)

PAYMENT = frozenset({Kind.CARD, Kind.IBAN, Kind.SOCIAL_SECURITY})
PERSONAL = frozenset({Kind.EMAIL, Kind.PHONE})

#: Fields whose text the desk or the daemon has chosen itself: none of it is ever a customer's. All other text
#: is looked through, so that a new field is masked before anybody has thought of it.
KEPT = frozenset(
    {
        *("conversation", "offer", "invitation", "stream", "journal", "token", "id", "digest"),
        *("agent", "agents", "author", "by", "assignee", "members", "from_agent", "to_agent", "of_agent"),
        *("reference", "offered_to", "department", "to_department", "departments", "channel", "about"),
        # What is named by its SHA-256 is refused by the wire when it is anything else, or is not stored.
        *("media", "media_type", "image"),
    }
)
#: Fields that hold one name or identifier and nothing else (M7).
WHOLE = frozenset({"contact", "name"})

#: White space, and characters that cannot be seen, are dropped with the number's own.
_DROPPED = frozenset(" \u200b\t\n\r")
_PHONE_SHOWN = 4
#: Full-width, and as it stands in addresses of pages.
_AT = ("@", "\uff20", "%40")


def mask_phone(number: str) -> str:
    """Drop white space, keep the last four characters, star every other one (M4)."""
    kept = [character for character in number if character not in _DROPPED and not character.isspace()]
    stars = max(0, len(kept) - _PHONE_SHOWN)
    return "*" * stars + "".join(kept[stars:])


def mask_email(address: str) -> str:
    """Keep the first character and the domain, one star for each other character before it (M5)."""
    at = max(map(address.rfind, _AT))
    return address[:1] + "*" * (at - 1) + address[at:]


def hide(number: str) -> str:
    """One star for each letter and digit: nothing of it stays."""
    return "*" * sum(map(str.isalnum, number))


_HOW: dict[Kind, Callable[[str], str]] = {
    Kind.CARD: hide,
    Kind.IBAN: hide,
    Kind.SOCIAL_SECURITY: hide,
    Kind.EMAIL: mask_email,
    Kind.PHONE: mask_phone,
    Kind.UNREAD: hide,
}


class Masking:
    """The switches of a desk, and what they do. No text grows by it."""

    __slots__ = ("_refer", "kinds")

    def __init__(self, *, payment: bool, personal: bool, refer: Callable[[str], str] | None = None) -> None:
        self.kinds = (PAYMENT if payment else frozenset()) | (PERSONAL if personal else frozenset())
        if self.kinds:
            self.kinds |= {Kind.UNREAD}  # It may be what is to be hidden.
        self._refer = refer

    def referring(self, refer: Callable[[str], str]) -> Masking:
        """Return the same, that puts references beside contacts that it masks: they can be sent back."""
        payment, personal = self.kinds >= PAYMENT, self.kinds >= PERSONAL
        return Masking(payment=payment, personal=personal, refer=refer)

    def text(self, text: str) -> str:
        """Return a text as an agent may see it."""
        found = [each for each in find(text) if each.kind in self.kinds]
        return _replaced(text, found) if found else text

    def whole(self, text: str) -> str:
        """Return a name or an identifier as an agent may see it; a phone number is one in full (M7)."""
        if Kind.PHONE in self.kinds and whole_is_phone(text):
            return mask_phone(plain_of(text))
        return self.text(text)

    def message(self, message: M) -> M:
        """Return a message as an agent may see it: every text in it, at any depth."""
        changed = {}
        for field, look in _looks(type(message)):
            value = getattr(message, field)
            seen = look(self, value)
            if seen is not value:
                changed[field] = seen
        if not changed:
            return message
        if "contact" in changed and self._refer is not None and hasattr(message, "reference"):
            changed["reference"] = self._refer(message.contact)  # type: ignore[attr-defined]
        return replace(message, **changed)

    def value(self, value: Any) -> Any:
        """Return what stands in a field as an agent may see it."""
        kind = type(value)
        if kind is str:
            return self.text(value)
        if kind in (int, float, bool, bytes) or value is None:
            return value
        if isinstance(value, Struct):
            return self.message(value)
        if isinstance(value, list | tuple | set | frozenset):
            seen = [self.value(each) for each in value]
            return value if all(map(_same, seen, value)) else kind(seen)
        if isinstance(value, dict):
            return {self.value(key): self.value(each) for key, each in value.items()}
        return value


def _same(one: object, other: object) -> bool:
    return one is other


def _look_whole(masking: Masking, value: Any) -> Any:
    return masking.whole(value) if type(value) is str else masking.value(value)


def _look_inside(masking: Masking, value: Any) -> Any:
    """A field that is kept may hold more than a name: ``offer`` is an id here, and all of an offer there."""
    if isinstance(value, Struct):
        return masking.message(value)
    if isinstance(value, list | tuple):
        seen = [_look_inside(masking, each) for each in value]
        return value if all(map(_same, seen, value)) else type(value)(seen)
    return value


@lru_cache(maxsize=1_000)
def _looks(kind: type[Struct]) -> tuple[tuple[str, Callable[[Masking, Any], Any]], ...]:
    special = {**dict.fromkeys(WHOLE, _look_whole), **dict.fromkeys(KEPT, _look_inside)}
    return tuple((field, special.get(field, Masking.value)) for field in kind.__struct_fields__)


def _replaced(text: str, found: list[Found]) -> str:
    plain = plain_of(text)
    pieces, done = [], 0
    for start, end, kind in found:
        # An e-mail address is shown as it was written, a number by its plain digits.
        source = text if kind is Kind.EMAIL else plain
        pieces += [text[done:start], _HOW[kind](source[start:end])]
        done = end
    return "".join([*pieces, text[done:]])


@lru_cache(maxsize=4)
def _of(payment: bool, personal: bool) -> Masking:
    return Masking(payment=payment, personal=personal)


def masking_of(policies: Policies) -> Masking | None:
    """Return what a desk wants to have masked; None if nothing, so that whoever sends pays nothing."""
    if not (policies.mask_payment or policies.mask_personal):
        return None
    return _of(policies.mask_payment, policies.mask_personal)
