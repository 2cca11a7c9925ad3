"""Finds the line of every key in a TOML text. tomllib reads the values; it forgets where they stood.

The scanner is given only texts that tomllib has accepted. So it decides nothing; it only has to keep its
place.
"""

import json
import re
import tomllib
from bisect import bisect_right
from itertools import accumulate

KeyPath = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE = re.compile(r"[^,\]}\n#]+")
# A multi-line string may end with one or two quotes of its own before the three that close it.
_STRING = re.compile(
    r'"""(?:\\.|[^\\])*?"""(?:"{0,2})'
    r"|'''.*?'''(?:'{0,2})"
    r'|"(?:\\.|[^"\\])*"'
    r"|'[^']*'",
    re.DOTALL,
)


def key_lines(text: str) -> dict[KeyPath, int]:
    """Map each key path of a valid TOML text to its line, counted from 1.

    A path holds a text for each table and key, and a number for each place in a list:
    `("agents", "anna", "departments", 0)`.
    """
    return _Scanner(text).scan()


def dotted(path: KeyPath) -> str:
    """Write a path as TOML would: `agents.anna.departments[0]`; a key that is no bare key is quoted."""
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
            continue
        written = key if _BARE_KEY.fullmatch(key) else json.dumps(key, ensure_ascii=False)
        text += f".{written}" if text else written
    return text


class _Scanner:
    """One walk over one text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._line_starts = [0, *accumulate(len(line) + 1 for line in text.split("\n"))]
        self._lines: dict[KeyPath, int] = {}
        self._tables_in_list: dict[KeyPath, int] = {}

    def scan(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        while self._skip_blank():
            if self._at("[["):
                table = self._list_header()
            elif self._at("["):
                table = self._header()
            else:
                self._assignment(table)
        return self._lines

    def _header(self) -> KeyPath:
        line = self._line()
        self._position += 1
        path = self._within_lists(self._keys())
        self._position += 1
        self._note(path, line)
        return path

    def _list_header(self) -> KeyPath:
        line = self._line()
        self._position += 2
        keys = self._keys()
        self._position += 2
        path = (*self._within_lists(keys[:-1]), keys[-1])
        index = self._tables_in_list.get(path, 0)
        self._tables_in_list[path] = index + 1
        self._note((*path, index), line)
        return (*path, index)

    def _within_lists(self, keys: list[str]) -> KeyPath:
        # A header that goes through a list of tables means the last table of that list.
        path: KeyPath = ()
        for key in keys:
            path = (*path, key)
            if path in self._tables_in_list:
                path = (*path, self._tables_in_list[path] - 1)
        return path

    def _assignment(self, table: KeyPath) -> None:
        line = self._line()
        path = (*table, *self._keys())
        self._note(path, line)
        self._position += 1  # The equals sign.
        self._skip_blank()
        self._value(path)

    def _value(self, path: KeyPath) -> None:
        if self._at("["):
            self._list(path)
        elif self._at("{"):
            self._inline_table(path)
        elif self._at('"') or self._at("'"):
            self._take(_STRING)
        else:
            self._take(_BARE_VALUE)

    def _list(self, path: KeyPath) -> None:
        self._position += 1
        index = 0
        while self._skip_blank() and not self._at("]"):
            if self._at(","):
                self._position += 1
                continue
            self._note((*path, index), self._line())
            self._value((*path, index))
            index += 1
        self._position += 1

    def _inline_table(self, path: KeyPath) -> None:
        self._position += 1
        while self._skip_blank() and not self._at("}"):
            if self._at(","):
                self._position += 1
                continue
            self._assignment(path)
        self._position += 1

    def _keys(self) -> list[str]:
        """Read a key, dotted or not, and the blanks behind it."""
        keys = []
        while True:
            self._skip_blank()
            keys.append(self._key())
            self._skip_blank()
            if not self._at("."):
                return keys
            self._position += 1

    def _key(self) -> str:
        if not (self._at('"') or self._at("'")):
            return self._take(_BARE_KEY)
        return str(tomllib.loads(f"key = {self._take(_STRING)}")["key"])

    def _note(self, path: KeyPath, line: int) -> None:
        # Tables that no header of their own opens stand where they are first mentioned.
        for length in range(1, len(path) + 1):
            self._lines.setdefault(path[:length], line)

    def _line(self) -> int:
        return bisect_right(self._line_starts, self._position)

    def _at(self, word: str) -> bool:
        return self._text.startswith(word, self._position)

    def _skip_blank(self) -> bool:
        """Go to the next thing that means something; False at the end of the text."""
        self._take(_BLANK)
        return self._position < len(self._text)

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._position)
        assert found is not None, f"tomllib accepted what the scanner cannot follow, line {self._line()}"
        self._position = found.end()
        return found.group()
