"""Reading delimited text: the delimiter is found out, types are inferred from all rows, and damage is located."""

from __future__ import annotations

import csv
import io
import zlib
from collections import Counter
from pathlib import Path

from casemate.core.errors import DataUnreadable
from casemate.systems.data.table import Table, check_columns
from casemate.systems.unpacking import TooLarge, gunzipped

DELIMITERS = ",;\t|"
_SAMPLE_LINES = 50


def read_delimited(path: Path, source: str, delimiter: str | None = None) -> Table:
    """Return the rows of a delimited text file in UTF-8 whose first line names the columns.

    Args:
        path: a file, gzipped where its name ends in ``.gz``.
        source: what to call it in a message.
        delimiter: one character; None takes the one of ``, ; tab |`` that splits the first lines alike.

    Raises:
        DataUnreadable: invalid UTF-8, rows of unequal length, a column named twice; with the line.
    """
    import polars as pl

    content = _content(path)
    separator = delimiter or sniff(content)
    _check_header(content, separator, path)
    try:
        # Types come from all rows: a file that turns from numbers to words in its last row is read as words.
        frame = pl.read_csv(content, separator=separator, infer_schema_length=None, try_parse_dates=True)
    except pl.exceptions.NoDataError:
        frame = pl.DataFrame()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        _check_lengths(content, separator, path)
        raise _unreadable(f"{source} cannot be read: {str(error).splitlines()[0]}", str(path)) from error
    if frame.width and frame.get_columns()[-1].null_count():
        _check_lengths(content, separator, path)  # a row that is too short looks like one with missing values
    return Table(source, frame, tuple(frame.columns))


def sniff(content: bytes) -> str:
    """Return the delimiter that splits the first lines into the same number of fields, the most where several do."""
    text = content[:65536].decode("utf-8", errors="replace")
    lines = [line for line in text.split("\n")[:_SAMPLE_LINES] if line.strip()]
    if len(content) > 65536 and len(lines) > 1:
        lines.pop()  # may be cut off
    # Where there are quotes, they tell: after a closing one comes the delimiter.
    return _best(lines, strict=True) or _best(lines, strict=False) or ","


def _best(lines: list[str], *, strict: bool) -> str:
    """Return the delimiter that splits the lines best; empty where none does. ``strict`` heeds the rules of quoting."""
    best, best_score = "", (0.0, 1)
    for candidate in DELIMITERS:
        try:
            widths = Counter(len(row) for row in csv.reader(lines, delimiter=candidate, strict=strict) if row)
        except csv.Error:
            continue  # what it would make of these lines is no table
        if widths:
            width, count = widths.most_common(1)[0]
            score = (count / len(lines), width)
            if width > 1 and score > best_score:
                best, best_score = candidate, score
    return best


def _content(path: Path) -> bytes:
    try:
        raw = path.read_bytes()
        raw = gunzipped(raw) if path.name.lower().endswith(".gz") else raw
    except (OSError, EOFError, zlib.error, TooLarge) as error:
        what = getattr(error, "strerror", None) or error
        raise _unreadable(f"{path.name} cannot be read: {what}", str(path)) from error
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "latin1"
        raise _unreadable(
            f"{path.name} is not UTF-8: byte 0x{raw[error.start]:02x} at offset {error.start}",
            f"{path}:{line}",
            fix=f"convert it, for example: iconv -f {encoding} -t utf-8 {path.name} > converted.csv",
        ) from error
    return raw.rstrip(b"\r\n") + b"\n"  # an empty line at the end is no row


def _check_header(content: bytes, separator: str, path: Path) -> None:
    try:
        header: list[str] = next(_rows(content, separator), [])
    except csv.Error as error:
        raise _unreadable(f"{path.name} has no readable header: {error}", f"{path}:1") from error
    check_columns(header, path, f"{path}:1")


def _check_lengths(content: bytes, separator: str, path: Path) -> None:
    rows = _rows(content, separator)
    try:
        width = len(next(rows, []))
        uneven = next((row for row in rows if row and len(row) != width), None)
    except csv.Error:
        return  # such as a field of more than 128 KiB, which Polars reads
    if uneven is not None:
        raise _unreadable(
            f"{path.name}: this row has {len(uneven)} fields, the header has {width}",
            f"{path}:{rows.line_num}",
            fix=f"repair the row, or set delimiter in [data] if {separator!r} is not it",
        )


def _rows(content: bytes, separator: str) -> csv._reader:  # type: ignore[name-defined]
    return csv.reader(io.TextIOWrapper(io.BytesIO(content), "utf-8-sig", newline=""), delimiter=separator)


def _unreadable(what: str, where: str, fix: str = "repair the file, or write it again") -> DataUnreadable:
    return DataUnreadable(what, where=where, fix=fix)
