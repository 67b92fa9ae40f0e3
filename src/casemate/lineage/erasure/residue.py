"""Residue: what is left of a person where everything about them was to be taken away."""

from __future__ import annotations

import mmap
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from casemate.core.errors import CasemateError
from casemate.lineage.erasure.formats import FORMATS, Format, format_of
from casemate.lineage.erasure.plan import rows_of
from casemate.store import Store, bulk, tables

if TYPE_CHECKING:
    from sqlalchemy import Connection

SHORTEST = 6
"""Bytes of an id; shorter ones are found by chance in any file, so that only whole values are looked at."""

LONGEST_HITS = 5
TEXT_ENDINGS = (".csv", ".tsv", ".txt", ".json")
HEX = re.compile(rb"[0-9a-f]{32,}")
AROUND = 64


@dataclass(frozen=True)
class Hit:
    """A place where something of the person is left.

    Args:
        where: file or table.
        what: what was found there, never the id itself.
    """

    where: str
    what: str


@dataclass(frozen=True)
class Residue:
    """What a search for the person found.

    Args:
        files: how many were searched.
        bytes: how many bytes they have.
        hits: what was found; empty where all is clean.
        notes: what could not be searched, and why.
    """

    files: int
    bytes: int
    hits: tuple[Hit, ...]
    notes: tuple[str, ...]


def scan(
    subject: str, rows: Sequence[bytes], files: Iterable[Path], formats: Sequence[Format], columns: Iterable[str] = ()
) -> Residue:
    """Search files for a person's id and rows.

    Args:
        subject: the id.
        rows: rows that were taken out, as they stood in their files; those that hold the id are searched for.
        files: to be searched, byte for byte; those of a known format value by value too.
        formats: that files may have.
        columns: that may hold ids.
    """
    hits: list[Hit] = []
    names = tuple(columns)
    patterns = _patterns(subject, rows)
    count = size = 0
    for path in sorted({path for path in files if path.is_file()}):
        count += 1
        size += path.stat().st_size
        hits += [Hit(str(path), what) for what in _bytes(path, patterns)]
        hits += [Hit(str(path), what) for what in _values(path, subject, formats, names)]
    notes = () if len(subject.encode()) >= SHORTEST else (_too_short(subject),)
    return Residue(count, size, tuple(hits), notes)


def in_store(store: Store, subject: str) -> list[Hit]:
    """Search every word that a store holds for an id, by query."""
    with store.reading() as connection:
        return [hit for table in (*tables.CHAINED, tables.entry) for hit in _in_table(connection, table.name, subject)]


def texts_with(connection: Connection, subject: str) -> list[int]:
    """Return the numbers of the texts that name a person; none for an id that is too short to tell."""
    if len(subject.encode()) < SHORTEST:
        return []
    query = "SELECT id, body FROM text WHERE body IS NOT NULL"
    return [id for id, body in bulk.select(connection, query, "casemate_texts") if _names(body, subject)]


def _in_table(connection: Connection, name: str, subject: str) -> Iterable[Hit]:
    if len(subject.encode()) < SHORTEST:
        return
    words = [column.name for column in tables.metadata.tables[name].columns if column.type.python_type is str]
    if not words:
        return
    listed = ", ".join(f'"{word}"' for word in words)
    found = sum(
        any(value is not None and _names(value, subject) for value in row)
        for row in bulk.select(connection, f'SELECT {listed} FROM "{name}"', f"casemate_{name}")  # noqa: S608
    )
    if found:
        yield Hit(f"table {name}", f"the id, in {found} rows")


def _names(text: str, subject: str) -> bool:
    """Whether a text names somebody: their id, not as a part of a longer word or number."""
    return re.search(rf"(?<![0-9A-Za-z]){re.escape(subject)}(?![0-9A-Za-z])", text) is not None


def _patterns(subject: str, rows: Sequence[bytes]) -> list[tuple[str, bytes]]:
    spoken = subject.encode()
    found = [("the id", spoken), ("the id in UTF-16", subject.encode("utf-16-le"))] if len(spoken) >= SHORTEST else []
    return found + [("a row", row) for row in dict.fromkeys(rows) if spoken in row and len(row) > len(spoken)]


def _bytes(path: Path, patterns: Sequence[tuple[str, bytes]]) -> list[str]:
    """What of the patterns is in a file, and where."""
    if not path.stat().st_size:
        return []
    words = path.name.lower().endswith(TEXT_ENDINGS)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return [
            f"{what} at byte {place}"
            for what, pattern in patterns
            for place in _places(data, pattern, words=words)[:LONGEST_HITS]
        ]


def _places(data: mmap.mmap, pattern: bytes, *, words: bool) -> list[int]:
    found: list[int] = []
    place = data.find(pattern)
    while place >= 0 and len(found) < LONGEST_HITS:
        if not _by_chance(data, place, len(pattern), words=words):
            found.append(place)
        place = data.find(pattern, place + 1)
    return found


def _by_chance(data: mmap.mmap, place: int, length: int, *, words: bool) -> bool:
    """Whether a hit is part of a longer word of a text, or of a digest in hexadecimal."""
    if words:
        before, after = data[max(place - 1, 0) : place], data[place + length : place + length + 1]
        return (before.isalnum() and before.isascii()) or (after.isalnum() and after.isascii())
    start = max(place - AROUND, 0)
    around = data[start : place + length + AROUND]
    return any(m.start() <= place - start and place - start + length <= m.end() for m in HEX.finditer(around))


def _values(path: Path, subject: str, formats: Sequence[Format], columns: Sequence[str]) -> list[str]:
    format = format_of(path, formats)
    if format is None:
        return []
    try:
        there = [name for name in format.columns(path) if name in columns]
        found = {name: len(rows_of(format.ids(path, name), subject)) for name in there}
    except CasemateError as error:
        return [f"it cannot be read: {error.what}"]
    return [f"the id, in {count} rows of the column {name!r}" for name, count in found.items() if count]


def _too_short(subject: str) -> str:
    return (
        f"the id has {len(subject.encode())} bytes, which are found by chance in any file: whole values and rows were "
        "searched for, not single bytes"
    )


__all__ = ["FORMATS", "Hit", "Residue", "in_store", "scan", "texts_with"]
