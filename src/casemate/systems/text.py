"""TOML files read as text, and parsed together with the lines of their keys."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from casemate.core.errors import SystemFileError
from casemate.systems.lines import Lines, locate

_LARGEST = 4 << 20


def read_text(path: Path, called: str, missing: str) -> str:
    """Return the text of a file that a person wrote.

    Args:
        path: the file.
        called: what kind of file it is, such as "system file".
        missing: what to do where there is none.

    Raises:
        SystemFileError: no such file, not readable, too large to have been written by hand, or not UTF-8.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except FileNotFoundError:
        raise SystemFileError(f"there is no {called} {path}", where=str(path), fix=missing) from None
    except OSError as error:
        fix = "check its permissions"
        raise SystemFileError(f"{path} cannot be read: {error.strerror}", where=str(path), fix=fix) from error
    if len(content) > _LARGEST:
        what = f"{path.name} has more than {_LARGEST >> 20} MiB, which no {called} needs"
        raise SystemFileError(what, where=str(path), fix=f"give the path of a {called}")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        what = f"{path.name} is not UTF-8: byte 0x{content[error.start]:02x}"
        raise SystemFileError(what, where=f"{path}:{line}", fix="save it as UTF-8") from None


def parse_text(text: str, file: str, called: str = "the system file") -> tuple[dict[str, Any], Lines]:
    """Return what a TOML text holds, and the lines of its keys.

    Raises:
        SystemFileError: no valid TOML, with its line and column.
    """
    try:
        raw = tomllib.loads(text)
        lines = locate(text.replace("\r\n", "\n"), file, called)
    except tomllib.TOMLDecodeError as error:
        raise _syntax(str(error), text, file) from None
    except RecursionError:
        raise SystemFileError("the file nests arrays or tables too deeply", where=file) from None
    return raw, lines


def _syntax(message: str, text: str, file: str) -> SystemFileError:
    place = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", message)
    what = message[: place.start()] if place else message
    line, column = (place[1], place[2]) if place else (None, None)
    where = f"{file}:{line}:{column}" if line else f"{file}:{text.count(chr(10)) + 1}"
    fix = "see https://toml.io; text stands in quotes, and each key stands once"
    return SystemFileError(f"the file is not valid TOML: {what[:1].lower()}{what[1:]}", where=where, fix=fix)
