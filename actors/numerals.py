"""Digits that stand together in a text, in groups as people write numbers; and whether they are a card
number, a date, or a phone number. Pure; ``sensitive.py`` asks.

What a phone number looks like differs by country, and order numbers look like some of them. So what only
could be one (seven digits in a row) counts if a word beside it says so, and what is called an order, a price
or a date is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from actors.wording import BEFORE_LENGTH, phone_follows, says_other, says_phone


class Group(NamedTuple):
    """Digits without anything between them; ``separator`` is what divides them from the group before."""

    start: int
    end: int
    digits: str
    separator: str
    size: int


class Chain(NamedTuple):
    """Groups of digits that stand together; ``plus``: where the plus sign before them is, or -1."""

    groups: list[Group]
    digits: int
    plus: int

    def date_groups(self, first: int) -> int:
        """Return how many groups from ``first`` on are a date: 3 or 0."""
        return 3 if _is_date(self.groups, first) else 0


class Span(NamedTuple):
    """A phone number: from where to where, and its last group."""

    start: int
    end: int
    last: int


#: Between two groups: spaces, brackets, hyphens, dots, a slash; and what cannot be seen.
_CHAIN = re.compile(r"(?:\+[ \u200b]{0,2})?\(?[0-9]+(?:[ ().\-/\u200b]{1,3}[0-9]+)*")
_GROUP = re.compile(r"[0-9]+")
#: Letters without a space between: a whole word is one that somebody has forgotten to end, less is a code.
_GLUED_BEFORE = re.compile(r"(?<![0-9A-Za-z])(?:[A-Za-z]{3,})?\Z")
_GLUED_AFTER = re.compile(r"(?:[A-Za-z]{3,})?(?![0-9A-Za-z])")


def chains(plain: str, groups_max: int) -> Iterator[Chain | tuple[int, int]]:
    """Return all digits of a text, as they stand together; beyond so many groups only where they stand."""
    for match in _CHAIN.finditer(plain):
        if match.end() - match.start() < PHONE_DIGITS_MIN:
            continue
        groups_max -= len(_GROUP.findall(plain, *match.span()))
        if groups_max < 0:
            if sum(map(str.isdigit, match[0])) >= PHONE_DIGITS_MIN:
                yield match.span()
            continue
        groups: list[Group] = []
        before, digits = match.start(), 0
        for group in _GROUP.finditer(plain, match.start(), match.end()):
            start, end = group.span()
            separator = plain[before:start] if groups else ""
            groups.append(Group(start, end, group[0], separator, end - start))
            before, digits = end, digits + end - start
        if digits >= PHONE_DIGITS_MIN:
            yield Chain(groups, digits, match.start() if plain[match.start()] == "+" else -1)


def word_before(plain: str, start: int) -> str | None:
    """Return the letters that stand right before; empty if none do, None if they are part of a code."""
    match = _GLUED_BEFORE.search(plain, max(0, start - BEFORE_LENGTH), start)
    return match[0] if match is not None else None


def word_after(plain: str, end: int) -> str | None:
    """Return the letters that stand right after; empty if none do, None if they are part of a code."""
    match = _GLUED_AFTER.match(plain, end)
    return match[0] if match is not None else None


def digits_of(groups: list[Group], first: int, last: int) -> str:
    """Return the digits of these groups."""
    return "".join(group.digits for group in groups[first : last + 1])


# Card numbers.

#: The beginnings and lengths that card schemes give out. A time in milliseconds passes every tenth check by
#: Luhn's rule, but no scheme's cards have 13 digits with a 1 in front.
_SCHEMES = re.compile(
    r"4\d{12}(?:\d{3}){0,2}"  # Visa
    r"|5[1-5]\d{14}|2[2-7]\d{14}(?:\d{3})?"  # Mastercard; Mir
    r"|3[47]\d{13}|3[0689]\d{12,17}|35\d{14,17}"  # American Express, Diners Club, JCB
    r"|(?:1800|2131)\d{11}"  # JCB
    r"|(?:50|5[6-8]|6\d)\d{10,17}"  # Maestro, Discover, UnionPay, RuPay, Verve
    r"|[89]\d{15}"  # RuPay, UnionPay, Troy, Humo, Uzcard
)
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def is_card_number(digits: str) -> bool:
    """Say whether a card could have that number: by its scheme, and by Luhn's rule."""
    return _SCHEMES.fullmatch(digits) is not None and _luhn(digits)


def _luhn(digits: str) -> bool:
    numbers = [ord(digit) - 48 for digit in digits]
    return (sum(numbers[-1::-2]) + sum(_DOUBLED[number] for number in numbers[-2::-2])) % 10 == 0


# Dates.


def _is_date(groups: list[Group], first: int) -> bool:
    """Say whether three groups are a day, alone: 2024-01-15, 15.01.2024, 1/15/24."""
    if first + 2 >= len(groups):
        return False
    one, two, three = groups[first : first + 3]
    separator = two.separator
    if three.separator != separator or separator not in ("-", ".", "/", " ", ". "):
        return False
    if (first > 0 and one.separator == separator) or (
        first + 3 < len(groups) and groups[first + 3].separator == separator
    ):
        return False
    if one.size == 4:
        return _is_year(one.digits) and _is_day(three.digits, two.digits)
    in_full = three.size == 4 and _is_year(three.digits)
    short = three.size == 2 and separator != " "
    return (in_full or short) and (_is_day(one.digits, two.digits) or _is_day(two.digits, one.digits))


def _is_year(digits: str) -> bool:
    return len(digits) == 4 and "1900" <= digits <= "2099"


def _is_day(day: str, month: str) -> bool:
    return len(day) <= 2 and len(month) <= 2 and 1 <= int(day) <= 31 and 1 <= int(month) <= 12


# Phone numbers.

#: E.164: at most 15 digits after the plus. Shorter than seven is anything.
PHONE_DIGITS_MIN, PHONE_DIGITS_MAX = 7, 15
#: Without a country code no country's numbers are longer.
_NATIONAL_DIGITS_MAX = 12
#: From here on two groups are a phone number though no word says so.
_TWO_GROUPS_DIGITS_MIN = 10
_PHONE_GROUPS_MAX = 8
#: What people write between the groups of a phone number.
_IN_PHONE = frozenset([" ", "  ", "-", ".", "/", "(", " (", ")", ") ", ")-", " - ", ") -", "-(", " -", "- "])
_EXTENSION = re.compile(r" ?(?:x|ext\.?|доб\.?|转|分机) ?[0-9]{1,6}(?![0-9A-Za-z])", re.IGNORECASE)
_AFTER_AN_AMOUNT = re.compile(
    r"[.,:][0-9]|%|_| ?(?:[$€£¥₴₽₹元]|(?:usd|eur|gbp|uah|грн|руб|cny|rmb)\b)", re.IGNORECASE
)
#: Dialled before the country code where nobody writes a plus.
_EXIT_CODE = re.compile(r"00[1-9]")
#: Grouped as people write them; of several readings these go first.
_WRITTEN = frozenset({(3, 3, 4), (1, 3, 3, 4), (4, 2, 2, 2), (2, 2, 2, 2, 2), (3, 4, 4)})
#: Without any group: a mobile number of China, India, Russia, Ukraine, Great Britain with its country code or
#: prefix, one of North America, one with a trunk zero or 00.
_BARE = re.compile(
    r"(?:86)?1[3-9]\d{9}|[6-9]\d{9}|[78]9\d{9}|380\d{9}|447\d{9}|1?[2-9]\d\d[2-9]\d{6}|0[1-9]\d{7,9}"
    r"|00[1-9]\d{7,12}"
)


def is_phone(plain: str, chain: Chain, first: int) -> Span | None:
    """Return the phone number that begins with this group; None if none does."""
    groups = chain.groups
    plus = chain.plus >= 0 and first == 0
    readings = _readings(groups, first, plus=plus)
    if not readings:
        return None
    start = _start(plain, chain, first)
    if not plus and (_joined_before(plain, start) or (first and not _apart(groups[first].separator))):
        return None
    for last in readings:
        end = groups[last].end
        if last + 1 < len(groups) and not _apart(groups[last + 1].separator):
            continue
        extension = _EXTENSION.match(plain, end)
        if extension is None and (word_after(plain, end) != "" or _AFTER_AN_AMOUNT.match(plain, end)):
            continue
        if plus or _is_national(plain, groups, first, last, start):
            if plain[start] == "(" and plain.count("(", start, end) > plain.count(")", start, end):
                start += 1
            return Span(start, extension.end() if extension else end, last)
    return None


def _start(plain: str, chain: Chain, first: int) -> int:
    if first == 0 and chain.plus >= 0:
        return chain.plus
    start = chain.groups[first].start
    return start - 1 if start and plain[start - 1] == "(" else start


def _apart(separator: str) -> bool:
    """Say whether something may end before, or begin after, what stands between two groups."""
    return " " in separator


def _readings(groups: list[Group], first: int, *, plus: bool) -> list[int]:
    """Return the groups with which a number could end that begins with ``first``, the likeliest first."""
    digits, ends, written = 0, list[int](), list[int]()
    exit_code = _EXIT_CODE.match(digits_of(groups, first, first + 1)) is not None
    international = plus or exit_code or groups[first].size > _NATIONAL_DIGITS_MAX
    most = PHONE_DIGITS_MAX if international else _NATIONAL_DIGITS_MAX
    if plus and groups[first].digits.startswith("1"):
        # North America: always ten digits after the 1.
        most = 11
    elif exit_code or _has_trunk_zero(groups, first):
        most += 2
    sizes: tuple[int, ...] = ()
    for last in range(first, min(len(groups), first + _PHONE_GROUPS_MAX)):
        size = groups[last].size
        digits += size
        sizes = (*sizes, size)
        if digits > most or (last > first and not _may_follow(groups[last], international=international)):
            break
        if digits >= PHONE_DIGITS_MIN:
            (written if sizes in _WRITTEN else ends).append(last)
    return written + ends[::-1]


def _joined_before(plain: str, start: int) -> bool:
    """Say whether the digits are the end of something longer: an order number, a fraction, a time."""
    if not start:
        return False
    before = plain[start - 1]
    if before == "_":
        return True
    if before.isascii() and before.isalnum():
        word = word_before(plain, start)
        return word is None or not says_phone(word)
    two = plain[start - 2] if start > 1 else " "
    if before in ",:.":
        return two.isascii() and two.isdigit()
    joined = before in "-/" and two.isascii() and two.isalnum()
    return joined and not says_phone(plain[max(0, start - BEFORE_LENGTH) : start])


def _is_national(plain: str, groups: list[Group], first: int, last: int, start: int) -> bool:
    """Say whether these groups are a phone number without a plus."""
    if first < last and (not _is_grouped(groups, first, last) or _is_other(groups, first, last)):
        return False
    before = plain[max(0, start - BEFORE_LENGTH) : start].lower()
    if says_other(before):
        return False
    if first == last:
        clear = _BARE.fullmatch(groups[first].digits) is not None
    else:
        clear = last - first > 1 or _is_clear_pair(groups[first], groups[last], plain[start])
    return clear or says_phone(before) or phone_follows(plain, groups[last].end)


def _is_clear_pair(one: Group, other: Group, begins: str) -> bool:
    """Say whether two groups look like nothing else: ``17151 2450`` may be a postal code and a house."""
    if one.digits[0] == "0" or begins == "(":
        return other.size >= 5 or one.size + other.size >= _TWO_GROUPS_DIGITS_MIN
    return one.size + other.size >= _TWO_GROUPS_DIGITS_MIN


def _may_follow(group: Group, *, international: bool) -> bool:
    """Say whether a group may stand in a phone number, and not at its beginning."""
    separator = group.separator.replace("\u200b", "") or " "
    return separator in _IN_PHONE and (international or group.size > 1)


def _has_trunk_zero(groups: list[Group], first: int) -> bool:
    """Say whether a zero is written that is not dialled with the country code: ``+46 (0)8``."""
    return any(
        group.digits == "0" and group.separator.endswith("(") for group in groups[first + 1 : first + 3]
    )


def _is_grouped(groups: list[Group], first: int, last: int) -> bool:
    """Say whether these are groups as in a phone number."""
    sizes = [group.size for group in groups[first : last + 1]]
    if max(sizes) > 8 or min(sizes[1:]) < 2 or (max(sizes) < 3 and len(sizes) < 4):
        return False
    if sizes[0] == 1 and sum(sizes) < 9:
        return False
    separators = [group.separator for group in groups[first + 1 : last + 1]]
    if any("/" in separator for separator in separators):
        return separators == ["/"] and groups[first].digits[0] == "0" and sizes[1] >= 5
    return True


def _is_other(groups: list[Group], first: int, last: int) -> bool:
    """Say whether these groups are something else: a date, a range of years, a postal code, an amount."""
    chosen = groups[first : last + 1]
    sizes = tuple(group.size for group in chosen)
    separators = {group.separator for group in chosen[1:]}
    if any(_is_date(groups, place) for place in range(first, last - 1)):
        return True
    # The address of a host, and what follows it.
    if len(sizes) >= 4 and max(sizes[:4]) <= 3 and {group.separator for group in chosen[1:4]} == {"."}:
        return len(sizes) == 4 or chosen[4].separator != "."
    # A year, and what is counted in it; or two years.
    if _is_year(chosen[0].digits) and len(sizes) == 2 and ("-" in separators or _is_year(chosen[1].digits)):
        return True
    if separators == {"-"} and sizes in ((5, 4), (3, 2, 4)):
        return True
    if separators == {"."}:
        return len(sizes) == 2 or set(sizes[1:]) == {3}
    if separators == {" "} and set(sizes[1:]) == {3} and sizes[0] <= 3:
        return chosen[-1].digits == "000" or (sizes[0] == 1 and chosen[0].digits != "0")
    return False


_WHOLE = re.compile(r"[\s\u200b]*\(?\+?[0-9(][0-9 ().\-/\u200b]*[0-9][\s\u200b]*")


def looks_like_phone(plain: str) -> bool:
    """Say whether a whole text could be nothing but a phone number."""
    if _WHOLE.fullmatch(plain) is None:
        return False
    return PHONE_DIGITS_MIN <= sum(map(str.isdigit, plain)) <= PHONE_DIGITS_MAX
