"""Where a text holds payment and personal data: card numbers, IBANs, US social-security numbers, e-mail
addresses, phone numbers. Pure.

Everything is found first and chosen later, so that what is one thing is never taken for another: a card
number is no phone number, whether cards are hidden or not. Of two readings of the same digits the first of
this order holds: IBAN, e-mail, card, social-security number, phone. ``docs/masking.md`` has the rules for
users.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from actors.numerals import (
    PHONE_DIGITS_MAX,
    Chain,
    Group,
    chains,
    digits_of,
    is_card_number,
    is_phone,
    looks_like_phone,
    word_after,
    word_before,
)


class Kind(StrEnum):
    """What was found."""

    IBAN = "iban"
    EMAIL = "email"
    CARD = "card"
    SOCIAL_SECURITY = "social_security"
    PHONE = "phone"
    #: Digits that are not looked at one by one, for there are too many in the text; they may be anything.
    UNREAD = "unread"


class Found(NamedTuple):
    """Data of some kind, from ``start`` to before ``end``."""

    start: int
    end: int
    kind: Kind


#: How long an IBAN is, by its country (the SWIFT registry).
_IBANS = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 "
    "EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 "
    "IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 "
    "NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 "
    "SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30"
)
IBAN_LENGTHS = {entry[:2]: int(entry[2:]) for entry in _IBANS.split()}

#: So many groups of digits, and beginnings of IBANs, are looked at in a text; of more nobody can say at once
#: what they are, and the daemon has one thread. What is left is taken for data, whatever it is.
GROUPS_MAX = 1_000
IBANS_MAX = 250
_LIKE_IBAN = re.compile(r"(?<![0-9A-Za-z])[A-Za-z]{2}\d\d(?:[ \-\u200b]?[0-9A-Za-z]){11,30}(?![0-9A-Za-z])")

#: Only a text that has an at sign or seven digits close together is looked at more closely.
_DIGITS = re.compile(r"\d(?:\D{0,3}\d){6}")
_DIGITS_IN_ASCII = re.compile(r"[0-9](?:[^0-9]{0,3}[0-9]){6}")
_FULL_WIDTH_AT = "\uff20"
_IBAN_BEGINS = re.compile(r"(?<![0-9A-Za-z])[A-Za-z]{2}\d\d(?=[ -]?[0-9A-Za-z])")
_UUID = re.compile(r"(?<![0-9A-Za-z])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Za-z])")
#: The last part has letters only: a number right after an address is none of it, and is looked at as well.
_DOMAIN = re.compile(
    r"[\w-]+(?:[.。｡](?!\d{7})[\w-]+)*[.。｡](?:xn--[0-9A-Za-z-]+|[^\W\d_]+)|\[[0-9A-Fa-f.:]+\]"
)
#: What an address of a page has instead of ``@``, ``+``, spaces, hyphens and brackets.
_ENCODED = re.compile(r"%(?:40|2[BbDd089])")
_FILLED = "\u200b"
#: What a local part may have beside letters and digits; RFC 5322 allows more, that people put around it.
_IN_LOCAL_PART = frozenset("._%+-'&~*")
#: From here on scripts are written without spaces, so that a letter may stand right before an address.
_UNSPACED_SCRIPTS = 0x2E80
#: Stands for what was found already; nothing reads across it.
_DONE = "\ue000"
_SOCIAL_SECURITY_SAID = re.compile(r"(?:\bssn\b|social[ -]security)\D{0,24}$", re.IGNORECASE)


def find(text: str) -> list[Found]:
    """Return all that was found, in order, without overlaps."""
    if not _is_suspicious(text):
        return []
    plain = plain_of(text)
    found = [*_ibans(plain)]
    plain = _without(plain, found)
    emails = [*_emails(plain)]
    plain = _without(plain, emails)
    if (uuids := [match.span() for match in _UUID.finditer(plain)]) != []:
        plain = _without(plain, [Found(start, end, Kind.PHONE) for start, end in uuids])
    found += emails
    for stretch in chains(plain, GROUPS_MAX):
        if isinstance(stretch, Chain):
            found += _in_digits(plain, stretch)
        else:
            found.append(Found(*stretch, Kind.UNREAD))
    return sorted(found)


def _is_suspicious(text: str) -> bool:
    """Every message comes by here, and nearly all of them go no further."""
    if "@" in text or ("%" in text and _ENCODED.search(text) is not None):
        return True
    if text.isascii():
        return _DIGITS_IN_ASCII.search(text) is not None
    return _FULL_WIDTH_AT in text or _DIGITS.search(text) is not None


def plain_of(text: str) -> str:
    """Return the text with each character's plain form in its place: ``４`` is a 4, ``–`` a hyphen.

    Numbers are pasted with no-break spaces, typographic hyphens and direction marks, and typed full-width. In
    addresses of pages some characters are encoded; what is left of their room cannot be seen.
    """
    if not text.isascii():
        text = text.translate({ord(character): _plain(character) for character in set(text)})
    return _ENCODED.sub(_decoded, text) if "%" in text else text


def _decoded(match: re.Match[str]) -> str:
    return _FILLED * 2 + chr(int(match[0][1:], 16))


@lru_cache(maxsize=8_192)
def _plain(character: str) -> str:
    if character.isascii():
        return character
    if "\uff01" <= character <= "\uff5e":
        return chr(ord(character) - 0xFEE0)
    match unicodedata.category(character):
        case "Nd":
            return str(unicodedata.decimal(character))
        case "Zs":
            return " "
        case "Cf":
            # A direction mark, a joiner: not seen, and not there for whoever reads the number.
            return "\u200b"
        case "Pd":
            return "-"
    return character


def _without(plain: str, found: list[Found]) -> str:
    if not found:
        return plain
    pieces, done = [], 0
    for start, end, _ in found:
        pieces += [plain[done:start], _DONE * (end - start)]
        done = end
    return "".join([*pieces, plain[done:]])


def _ibans(plain: str) -> Iterator[Found]:
    done, looked_at = 0, 0
    for match in _IBAN_BEGINS.finditer(plain):
        start = match.start()
        if looked_at == IBANS_MAX:
            for like in _LIKE_IBAN.finditer(plain, max(start, done)):
                yield Found(*like.span(), Kind.UNREAD)
            return
        length = IBAN_LENGTHS.get(match[0][:2].upper(), 0)
        if not length or start < done:
            continue
        looked_at += 1
        characters, end = _characters(plain, start, length)
        if len(characters) == length and _remainder(characters) == 1:
            done = end
            yield Found(start, end, Kind.IBAN)


def _characters(plain: str, start: int, length: int) -> tuple[str, int]:
    """Return so many letters and digits from ``start`` on, with single separators between, and their end.

    None are returned when the word goes on after them.
    """
    characters: list[str] = []
    place, size = start, len(plain)
    while place < size and len(characters) < length:
        character = plain[place]
        if character.isascii() and character.isalnum():
            characters.append(character)
        elif character not in " -\u200b" or not (plain[place - 1].isalnum() or character == "\u200b"):
            break
        place += 1
    if place < size and plain[place].isascii() and plain[place].isalnum():
        return "", place
    return "".join(characters), place


def _remainder(iban: str) -> int:
    """ISO 7064 MOD 97-10; 1 is right."""
    turned = iban[4:] + iban[:4]
    return int("".join(str(int(character, 36)) for character in turned)) % 97


def _emails(plain: str) -> Iterator[Found]:
    done = 0
    at = plain.find("@")
    while at >= 0:
        domain = _DOMAIN.match(plain, at + 1)
        if domain is not None and (start := _local_part(plain, at, done)) < at:
            done = domain.end()
            yield Found(start, done, Kind.EMAIL)
        # What is before this at sign is no part of a later address.
        done = max(done, at + 1)
        at = plain.find("@", done)


def _local_part(plain: str, at: int, after: int) -> int:
    """Return where the local part begins that ends before ``at``."""
    start = at
    while start > after:
        character = plain[start - 1]
        if ord(character) >= _UNSPACED_SCRIPTS and character.isalpha() and start < at:
            break
        within = character.isalnum() or character in _IN_LOCAL_PART or character == _FILLED
        if not (within or unicodedata.combining(character)):
            break
        start -= 1
    while start < at and not (plain[start].isalnum() or plain[start] in "*_+"):
        start += 1
    return start


def _in_digits(plain: str, chain: Chain) -> Iterator[Found]:
    """Find what digits mean that stand together: cards first, for they are the worst to be missed."""
    groups = chain.groups
    cards = dict(_cards(plain, chain)) if chain.digits >= CARD_DIGITS_MIN else {}
    first = 0
    while first < len(groups):
        start = groups[first].start
        if first in cards:
            last = cards[first]
            yield Found(start, groups[last].end, Kind.CARD)
        else:
            last, found = _no_card(plain, chain, first)
            if cards and any(first < card <= last for card in cards):
                last, found = first, None
            if found is not None:
                yield found
        first = last + 1


def _no_card(plain: str, chain: Chain, first: int) -> tuple[int, Found | None]:
    """Return the last group of what begins with ``first``, and what it is; a date is nothing to be found."""
    groups = chain.groups
    if date := chain.date_groups(first):
        return first + date - 1, None
    if (last := _social_security(plain, groups, first)) >= 0:
        return last, Found(groups[first].start, groups[last].end, Kind.SOCIAL_SECURITY)
    if (span := is_phone(plain, chain, first)) is not None:
        return span.last, Found(span.start, span.end, Kind.PHONE)
    return first, None


CARD_DIGITS_MIN, CARD_DIGITS_MAX = 12, 19
#: How the groups of a card number are printed on the card; the last group may be there or not.
_PRINTED = frozenset({(4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 4, 1), (4, 3, 3, 3), (8, 8), (6, 13)})
_PRINTED_FIRST = frozenset(sizes[0] for sizes in _PRINTED)
_IN_CARD = frozenset(" -.")
#: Beyond so many digits a chain is a table of figures: only groups as printed are card numbers there.
_LOOSE_DIGITS_MAX = 40


def _cards(plain: str, chain: Chain) -> Iterator[tuple[int, int]]:
    """Find card numbers, as first and last group; first those that are grouped as on the card."""
    groups, free = chain.groups, [True] * len(chain.groups)
    whole_begin = word_before(plain, groups[0].start) is not None
    whole_end = word_after(plain, groups[-1].end) is not None
    for loose in (False, True) if chain.digits <= _LOOSE_DIGITS_MAX else (False,):
        for first in range(0 if whole_begin else 1, len(groups) if whole_end else len(groups) - 1):
            for last in _ends(groups, first, loose=loose):
                if not whole_end and last == len(groups) - 1:
                    continue
                digits = digits_of(groups, first, last)
                if first == 0 and chain.plus >= 0 and len(digits) <= PHONE_DIGITS_MAX:
                    continue  # A plus stands before phone numbers only.
                if all(free[first : last + 1]) and is_card_number(digits):
                    free[first : last + 1] = [False] * (last + 1 - first)
                    yield first, last
                    break


def _ends(groups: list[Group], first: int, *, loose: bool) -> list[int]:
    """Return the groups with which a card number could end that begins with ``first``, the longest first."""
    total = groups[first].size
    if not loose and total not in _PRINTED_FIRST and total < CARD_DIGITS_MIN:
        return []
    sizes: tuple[int, ...] = (total,)
    separators: set[str] = set()
    ends = [first] if CARD_DIGITS_MIN <= total <= CARD_DIGITS_MAX else []
    for last in range(first + 1, len(groups)):
        total += groups[last].size
        separators |= set(groups[last].separator) - {"\u200b"}
        if total > CARD_DIGITS_MAX or len(separators) > 1 or not separators <= _IN_CARD:
            break
        sizes = (*sizes, groups[last].size)
        if total >= CARD_DIGITS_MIN and (loose or sizes in _PRINTED or sizes[:-1] == (4, 4, 4, 4)):
            ends.append(last)
    return ends[::-1]


def _social_security(plain: str, groups: list[Group], first: int) -> int:
    """Return the last group of a US social-security number that begins with ``first``; -1 if none does."""
    size, last = groups[first].size, first + 2
    if size == 9:
        said = _SOCIAL_SECURITY_SAID.search(plain, max(0, groups[first].start - 64), groups[first].start)
        return first if said and _valid(groups[first].digits) else -1
    if size != 3 or last >= len(groups) or (groups[first + 1].size, groups[last].size) != (2, 4):
        return -1
    separator = groups[last].separator
    if separator not in ("-", " ") or groups[first + 1].separator != separator:
        return -1
    alone = (first == 0 or groups[first].separator != separator) and (
        last + 1 == len(groups) or groups[last + 1].separator != separator
    )
    return last if alone and _valid(digits_of(groups, first, last)) else -1


def _valid(number: str) -> bool:
    """Say whether an area, a group and a serial number are ones that may be given out."""
    area, group, serial = number[:3], number[3:5], number[5:]
    return area not in ("000", "666") and area[0] != "9" and group != "00" and serial != "0000"


def whole_is_phone(text: str) -> bool:
    """Say whether a whole name or identifier is a phone number: then no word around it has to say so."""
    return looks_like_phone(plain_of(text))
