"""Texts as words, and what somebody searches for as an expression of SQLite's full-text search. Pure.

The words are made here and not by SQLite, so that a search in Chinese finds one character or two, an
apostrophe or an accent hides nothing, and й stays another letter than и.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

#: A longer word is cut: somebody has leant on the keyboard, or it is a file in disguise.
WORD_LENGTH_MAX = 64
#: The most words and phrases of a query; more would be an attack on the reader.
TERMS_MAX = 32
#: Between these letters they belong to a word, and are left out of it: м'ята, don’t.
APOSTROPHES = "'’ʼ`´"
#: With these marks a Cyrillic letter is another letter: й, ї, ў. (ё is found by е, as people write it.)
LETTER_MARKS = frozenset({("и", "\u0306"), ("і", "\u0308"), ("у", "\u0306")})
#: Scripts that are written without spaces: each character is a word, and a word is a phrase.
SPACELESS = re.compile(
    "["
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f"  # Burmese
    "\u1780-\u17ff"  # Khmer
    "\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u3035"  # Han radicals and iteration marks
    "\u3040-\u30ff\u31f0-\u31ff"  # Kana
    "\u3100-\u312f\u31a0-\u31bf"  # Bopomofo
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"  # Han
    "\uac00-\ud7af"  # Hangul: the particles stick to the word
    "\U0001b000-\U0001b16f\U00020000-\U0003ffff"  # rarer Kana and Han
    "]"
)

#: What a byte of ASCII is to a word: a letter, written small, a digit, or what ends it.
_ASCII = bytes(byte if chr(byte).isalnum() and byte < 128 else 32 for byte in range(256)).lower()
_TERM = re.compile(r'"([^"]*)"?|(\S+)')


@lru_cache(maxsize=4_096)
def _kind(character: str) -> str:
    """Say what a character is to a word: ``w`` goes into it, ``1`` is one by itself, ``-`` ends it."""
    if SPACELESS.match(character):
        return "1"
    category = unicodedata.category(character)
    if category[0] in "LNM":
        return "w"
    return "1" if category in ("So", "Sk") and ord(character) > 0xFF else "-"


def folded(text: str) -> str:
    """Return a text without what does not count: case, width, accents."""
    if text.isascii():
        return text.lower()
    plain: list[str] = []
    base = ""
    for character in unicodedata.normalize("NFKD", text).casefold():
        if not unicodedata.combining(character):
            base = character
            plain.append(character)
        elif (base, character) in LETTER_MARKS or not _accented(base):
            plain.append(character)
    return unicodedata.normalize("NFC", "".join(plain))


@lru_cache(maxsize=4_096)
def _accented(base: str) -> bool:
    """True in the alphabets in which a mark above or below a letter is an accent."""
    return base != "" and unicodedata.name(base, "").startswith(("LATIN ", "GREEK ", "CYRILLIC "))


def words(text: str) -> list[str]:
    """Return the words of a text in their order."""
    if text.isascii():
        # Tens of times as fast, and the same: a test holds the two against each other.
        found = text.encode().translate(_ASCII, b"'`").decode().split()
    else:
        found = list(_words(text))
    if max(map(len, found), default=0) <= WORD_LENGTH_MAX:
        return found
    return [word[:WORD_LENGTH_MAX] for word in found]


def _words(text: str) -> Iterator[str]:
    word: list[str] = []
    for character in folded(text):
        kind = _kind(character)
        if kind == "w":
            word.append(character)
            continue
        if character in APOSTROPHES and word:
            continue
        if word:
            yield "".join(word)
            word = []
        if kind == "1":
            yield character
    if word:
        yield "".join(word)


def indexed(text: str) -> str:
    """Return the words of a text as the index takes them."""
    return " ".join(words(text))


def expression(query: str) -> str:
    """Return what is to be found, for ``MATCH``; empty when the query has no words.

    Nothing of the query is read as an operator of SQLite's: each word stands between double quotes.
    """
    return " AND ".join(f'text : "{phrase}"{"*" if prefix else ""}' for phrase, prefix in _terms(query))


def stands_in(query: str, text: str) -> bool:
    """Say whether a text has all that is to be found: what the index says of the text that it has seen."""
    said = f" {indexed(text)} "
    return all((f" {phrase}" if prefix else f" {phrase} ") in said for phrase, prefix in _terms(query))


def _terms(query: str) -> list[tuple[str, bool]]:
    """Return the phrases of a query, and whether the last word of each is only the beginning of one."""
    terms: list[tuple[str, bool]] = []
    for quoted, bare in _TERM.findall(query):
        phrase = indexed(quoted or bare)
        if phrase and len(terms) < TERMS_MAX:
            terms.append((phrase, bare.endswith("*") and bare != "*"))
    return terms


def name_key(name: str) -> str:
    """Return a name as names are compared: exact but for case, width and the spaces around it (N3)."""
    return unicodedata.normalize("NFKC", name).casefold().strip()
