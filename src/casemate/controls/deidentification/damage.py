"""Damage: what is wrong with a delimited file, found in one pass that holds a block of it at a time."""

from __future__ import annotations

import codecs
import csv
from pathlib import Path

from casemate.core.errors import DataUnreadable
from casemate.systems.data.table import check_columns

_BLOCK = 1 << 22


def check_utf8(path: Path) -> None:
    """Raise DataUnreadable with the line of the first byte that is not UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    line = 1
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                try:
                    decoder.decode(block)
                except UnicodeDecodeError as error:
                    line += error.object[: error.start].count(b"\n")
                    raise _not_utf8(path, line, error.object[error.start]) from error
                line += block.count(b"\n")
            decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise _not_utf8(path, line, error.object[error.start]) from error
    except OSError as error:
        raise damaged(path.name, path, error) from error


def check_header(path: Path, separator: str) -> None:
    """Raise DataUnreadable where the header names a column twice or unreadably, or leaves one without a name."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        header: list[str] = next(csv.reader(file, delimiter=separator), [])
    check_columns(header, path, f"{path}:1")


def check_lengths(path: Path, separator: str) -> None:
    """Raise DataUnreadable with the line of the first row that has more or fewer fields than the header."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file, delimiter=separator)
        try:
            width = len(next(rows, []))
            uneven = next((row for row in rows if row and len(row) != width), None)
        except csv.Error:
            return  # such as a field of more than 128 KiB, which Polars reads
    if uneven is not None:
        raise DataUnreadable(
            f"{path.name}: this row has {len(uneven)} fields, the header has {width}",
            where=f"{path}:{rows.line_num}",
            fix="repair the row",
        )


def damaged(name: str, path: Path | None, error: BaseException) -> DataUnreadable:
    """Return the error that says that a file cannot be read, and why."""
    reason = (getattr(error, "strerror", None) or str(error) or type(error).__name__).splitlines()[0]
    return DataUnreadable(
        f"{name} cannot be read: {reason}",
        where=str(path) if path else None,
        why="a file that was cut off or damaged may hold other rows than you think",
        fix="copy or write the file again",
    )


def _not_utf8(path: Path, line: int, byte: int) -> DataUnreadable:
    return DataUnreadable(
        f"{path.name} is not UTF-8: byte 0x{byte:02x}",
        where=f"{path}:{line}",
        fix=f"convert it, for example: iconv -f latin1 -t utf-8 {path.name} > converted.csv",
    )
