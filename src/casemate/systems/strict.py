"""Strict conversion of parsed TOML into typed tables; every mistake is told with its file, line and key."""

from __future__ import annotations

import math
import re
import types
import typing
from collections.abc import Iterable
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from casemate.core.errors import SystemFileError, did_you_mean
from casemate.systems.lines import KeyPath, Lines, dotted

T = TypeVar("T", bound=msgspec.Struct)

_WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "array": "an array",
    "object": "a table",
    "date": "a date such as 2030-12-31",
    "datetime": "a date with a time",
    "time": "a time",
}
_PATTERNS = {
    r"\\S": "that is not empty",
    "^https?://": "that starts with http:// or https://",
    r"^[A-Za-z_][\\w.]*:[A-Za-z_]\\w*$": "of the form module:function",
}
_PLAIN_TYPE = re.compile(rf"\b({'|'.join(_WORDS)})\b")


def convert(raw: Any, kind: type[T], lines: Lines, at: KeyPath = ()) -> T:
    """Return ``raw`` as a ``kind``.

    Args:
        raw: what was parsed.
        kind: the table that it should be.
        lines: where the file's keys stand.
        at: where in the file ``raw`` stands; the whole of it where empty.

    Raises:
        SystemFileError: an unknown or missing key, a value of the wrong type or out of its range.
    """
    _check(raw, kind, lines, at)
    return msgspec.convert(raw, kind, strict=True)


def mistake(
    what: str, lines: Lines, path: KeyPath, *, why: str | None = None, fix: str | None = None
) -> SystemFileError:
    """Return the error for a mistake at ``path``."""
    return SystemFileError(what, where=lines.where(*path), why=why, fix=fix)


def check_names(names: Iterable[tuple[str, KeyPath]], known: Iterable[str], what: str, lines: Lines) -> None:
    """Raise SystemFileError for the first name, each given with its key path, that is not among ``known``."""
    known = sorted(known)
    for name, path in names:
        if name not in known:
            hint = did_you_mean(name, known)
            raise mistake(f"there is no {what} {name!r}.{hint}", lines, path, fix=f"use one of: {', '.join(known)}")


def _check(value: Any, kind: Any, lines: Lines, path: KeyPath) -> None:
    # msgspec stops at the first mistake and hides the names of mapping keys; walking down keeps the whole path.
    inner = _unwrap(kind)
    if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
        _check_table(value, inner, lines, path)
    elif get_origin(inner) is dict and isinstance(value, dict):
        for key, item in value.items():
            _check(item, get_args(inner)[1], lines, (*path, key))
    elif get_origin(inner) is tuple and get_args(inner)[-1] is Ellipsis and isinstance(value, list):
        for position, item in enumerate(value):
            _check(item, get_args(inner)[0], lines, (*path, position))
    else:
        _check_value(value, kind, lines, path)


def _check_table(value: Any, kind: type[msgspec.Struct], lines: Lines, path: KeyPath) -> None:
    if not isinstance(value, dict):
        raise mistake(f"{_name(path)} must be a table", lines, path, fix=f"write its keys under [{_name(path)}]")
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for key in value:
        if key not in fields:
            place = f"[{_name(path)}]" if path else lines.called
            raise mistake(
                f"{place} has no key {key!r}.{did_you_mean(key, fields)}",
                lines,
                (*path, key),
                fix=f"its keys are: {', '.join(fields)}",
            )
    for key, field in fields.items():
        if key in value:
            _check(value[key], field.type, lines, (*path, key))
        elif field.required:
            place = f"[{_name(path)}]" if path else lines.called
            raise mistake(f"{place} needs {key!r}", lines, (*path, key), fix=f"add {_describe(field.type, key) or key}")


def _check_value(value: Any, kind: Any, lines: Lines, path: KeyPath) -> None:
    numbers = value if isinstance(value, list) else [value]
    if any(isinstance(number, float) and not math.isfinite(number) for number in numbers):
        raise mistake(f"{_name(path)}: {value} is not a finite number", lines, path, fix=_describe(kind, path[-1]))
    try:
        msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError as error:
        allowed = _choices(kind)
        if allowed and isinstance(value, str):
            text = f"{value!r} is not one of: {', '.join(allowed)}.{did_you_mean(value, allowed)}"
        else:
            text = f"{_plain(str(error))}; it says {_short(value)}"
        raise mistake(f"{_name(path)}: {text}", lines, path, fix=_describe(kind, path[-1])) from None


def _unwrap(kind: Any) -> Any:
    """Take `Annotated` and ``| None`` off a type."""
    if get_origin(kind) is typing.Annotated:
        return _unwrap(get_args(kind)[0])
    if get_origin(kind) in (Union, types.UnionType):
        rest = [option for option in get_args(kind) if option is not type(None)]
        return _unwrap(rest[0]) if len(rest) == 1 else kind
    return kind


def _choices(kind: Any) -> tuple[str, ...]:
    inner = _unwrap(kind)
    return get_args(inner) if get_origin(inner) is Literal else ()


def _describe(kind: Any, key: str | int) -> str | None:
    """Return a key with the description that its type carries; None where it carries none."""
    metas = get_args(kind)[1:] if get_origin(kind) is typing.Annotated else ()
    texts = [meta.description for meta in metas if isinstance(meta, msgspec.Meta) and meta.description]
    return f"{key}: {texts[-1]}" if texts else None


def _plain(message: str) -> str:
    """Say a message of msgspec in the words of TOML, without its path."""
    message = re.sub(r" - at `.*`$", "", message).replace("Expected", "expected").replace(" | null", "")
    message = re.sub(r" matching regex '(.*)'$", lambda match: f" {_PATTERNS.get(match[1], match[0][1:])}", message)
    return re.sub(r"`([^`]*)`", lambda match: _PLAIN_TYPE.sub(lambda word: _WORDS[word[0]], match[1]), message)


def _short(value: Any, most: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= most else f"{text[:most]}..."


def _name(path: KeyPath) -> str:
    return dotted(path)
