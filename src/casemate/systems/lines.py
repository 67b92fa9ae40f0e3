"""The line of every key of a TOML text, so that a mistake can be shown where it was made. `tomllib` tells no lines."""

from __future__ import annotations

import bisect
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field

_DEEPEST = 100
"""Parts of the longest key path; more take time and room by their square, and no system file has them."""

KeyPath = tuple[str | int, ...]
"""Keys and, for arrays, positions counted from 0: ``("controls", 0, "use")``."""

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_BASIC = re.compile(r'"(?:[^"\\]|\\.)*"')
_LITERAL = re.compile(r"'[^']*'")
# Up to two quotes may stand right before the three that close a multi-line string.
_MULTILINE = re.compile(r'"""(?:[^"\\]|\\.|"{1,2}(?!"))*"{3,5}|' + r"'''(?:[^']|'{1,2}(?!'))*'{3,5}", re.DOTALL)
_SCALAR = re.compile(r"[^,\]}#\n]*")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")


@dataclass(frozen=True)
class Lines:
    """Where the keys of a file stand.

    Args:
        file: what to call the file in a message; empty where there is none.
        starts: the line of every key path, counted from 1.
        called: what kind of file it is, for a message.
    """

    file: str = ""
    starts: Mapping[KeyPath, int] = field(default_factory=dict)
    called: str = "the system file"

    def line(self, *path: str | int) -> int | None:
        """Return the line of a key, or of the nearest table around it that is written down; None where none is."""
        return next((self.starts[path[:end]] for end in range(len(path), 0, -1) if path[:end] in self.starts), None)

    def where(self, *path: str | int) -> str:
        """Return the place of a key for a message: ``casemate.toml:12: data.columns.age``."""
        line = self.line(*path)
        place = f"{self.file}:{line}" if self.file and line else self.file
        return ": ".join(part for part in (place, dotted(path)) if part)


def dotted(path: KeyPath) -> str:
    """Write a key path as TOML would: ``attacks."evasion.pgd".radius``, with ``[0]`` for a position."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            key = part if _BARE.fullmatch(part) else quoted(part)
            text += f".{key}" if text else key
    return text


def quoted(text: str) -> str:
    """Write text as a TOML string on one line."""
    # JSON's escapes are TOML's; only DEL may stand bare in one and not in the other.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def locate(text: str, file: str = "", called: str = "the system file") -> Lines:
    """Return the lines of all keys, tables and array items in ``text``, which must be valid TOML 1.0.

    Raises:
        RecursionError: it nests deeper than any system file.
    """
    scanner = _Scanner(text)
    scanner.document()
    return Lines(file, scanner.starts, called)


class _Scanner:
    """Walks through valid TOML once and notes where each key begins. It reads no values."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.starts: dict[KeyPath, int] = {}
        self._breaks = [match.start() for match in re.finditer("\n", text)]
        self._items: dict[KeyPath, int] = {}  # arrays of tables, and how many items each has so far

    def document(self) -> None:
        table: KeyPath = ()
        self._skip(_BLANK)
        while self.at < len(self.text):
            if self._peek("["):
                table = self._header()
            else:
                self._pair(table)
            self._skip(_BLANK)

    def _header(self) -> KeyPath:
        line = self._line()
        repeated = self._peek("[[")
        self.at += 2 if repeated else 1
        keys = self._key()
        self.at += 2 if repeated else 1
        path = self._inside(keys[:-1]) + keys[-1:] if repeated else self._inside(keys)
        self._note(path, line)
        if repeated:
            self._items[path] = self._items.get(path, 0) + 1
            path = (*path, self._items[path] - 1)
            self._note(path, line)
        return path

    def _inside(self, keys: KeyPath) -> KeyPath:
        # A header that passes through an array of tables means its latest item.
        path: KeyPath = ()
        for key in keys:
            path = (*path, key)
            if path in self._items:
                path = (*path, self._items[path] - 1)
        return path

    def _pair(self, table: KeyPath) -> None:
        line = self._line()
        path = table + self._key()
        self._note(path, line)
        self.at += 1  # the equals sign
        self._skip(_BLANK)
        self._value(path)

    def _key(self) -> KeyPath:
        parts: list[str] = []
        while True:
            self._skip(_BLANK)
            start = self.at
            if not (self._skip(_BASIC) or self._skip(_LITERAL)):
                self._skip(_BARE)
            written = self.text[start : self.at]
            parts.append(tomllib.loads(f"key = {written}")["key"] if written[0] in "\"'" else written)
            self._skip(_BLANK)
            if not self._peek("."):
                return tuple(parts)
            self.at += 1

    def _value(self, path: KeyPath) -> None:
        if self._peek("["):
            self._array(path)
        elif self._peek("{"):
            self._inline_table(path)
        elif not (self._skip(_MULTILINE) or self._skip(_BASIC) or self._skip(_LITERAL)):
            self._skip(_SCALAR)

    def _array(self, path: KeyPath) -> None:
        self.at += 1
        position = 0
        self._skip(_BLANK)
        while not self._peek("]"):
            self._note((*path, position), self._line())
            self._value((*path, position))
            position += 1
            self._separator()
        self.at += 1

    def _inline_table(self, path: KeyPath) -> None:
        self.at += 1
        self._skip(_BLANK)
        while not self._peek("}"):
            self._pair(path)
            self._separator()
        self.at += 1

    def _separator(self) -> None:
        self._skip(_BLANK)
        if self._peek(","):
            self.at += 1
            self._skip(_BLANK)

    def _note(self, path: KeyPath, line: int) -> None:
        if len(path) > _DEEPEST:
            raise RecursionError("a key has too many parts")
        for end in range(1, len(path) + 1):  # a dotted key makes the tables on its way
            self.starts.setdefault(path[:end], line)

    def _line(self) -> int:
        return bisect.bisect_left(self._breaks, self.at) + 1

    def _peek(self, start: str) -> bool:
        return self.text.startswith(start, self.at)

    def _skip(self, pattern: re.Pattern[str]) -> bool:
        match = pattern.match(self.text, self.at)
        if match is None:
            return False
        self.at = match.end()
        return True
