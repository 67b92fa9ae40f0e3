"""Reading hierarchies from files: rows of value, wider name, ..., widest name, as ARX writes them."""

from __future__ import annotations

import csv
from pathlib import Path

from casemate.core.errors import DataMissing, DataUnreadable, EmptyData

Rows = tuple[tuple[str, ...], ...]

SEPARATORS = ";,\t|"


def read_rows(path: Path) -> Rows:
    """Return the rows of a hierarchy file: CSV without a header, separated by semicolon, comma, tab or bar.

    Raises:
        DataMissing: no such file.
        EmptyData: it holds no rows.
        DataUnreadable: it is no UTF-8 text, or a quote never ends.
    """
    text = _text(path)
    separator = _separator(text)
    try:
        rows = tuple(tuple(row) for row in csv.reader(text.splitlines(), delimiter=separator, strict=True))
    except csv.Error as error:
        raise DataUnreadable(
            f"the hierarchy is no CSV: {error}", where=str(path), fix="save it as CSV, UTF-8, without a header"
        ) from None
    while rows and not rows[-1]:
        rows = rows[:-1]
    if not rows:
        raise EmptyData(
            "the hierarchy file is empty",
            where=str(path),
            fix="write one row for each value: the value, then ever wider names",
        )
    return rows


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        raise DataMissing("there is no such hierarchy file", where=str(path), fix="check its path") from None
    except IsADirectoryError:
        raise DataUnreadable("the hierarchy is a folder", where=str(path), fix="name a CSV file") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise DataUnreadable(
            "the hierarchy is no UTF-8 text",
            where=f"{path}:{line}, byte {error.start}",
            why="its names would not match those of the data",
            fix="save it again as UTF-8",
        ) from None


def _separator(text: str) -> str:
    """Return the separator that the first line holds most often; a semicolon where it holds none."""
    first = next((line for line in text.splitlines() if line), "")
    return max(SEPARATORS, key=first.count)
