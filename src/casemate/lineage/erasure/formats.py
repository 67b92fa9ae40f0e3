"""Formats of files that an erasure can rewrite: delimited text and Parquet here, others by the same protocol."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

import numpy as np

from casemate.core.errors import DataUnreadable, UnknownName, did_you_mean
from casemate.systems.data.delimited import sniff

if TYPE_CHECKING:
    import polars

TEXT_ENDINGS = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
PARQUET_ENDINGS = (".parquet", ".pq")
SAMPLE = 65536


class Format(Protocol):
    """A kind of file from which rows can be taken out."""

    def takes(self, path: Path) -> bool:
        """Whether this is such a file."""

    def columns(self, path: Path) -> tuple[str, ...]:
        """Return the names of its columns."""

    def ids(self, path: Path, column: str) -> polars.Series:
        """Return the values of a column, in the order of the rows."""

    def copy(self, source: Path, target: Path, gone: np.ndarray) -> tuple[int, list[bytes]]:
        """Write a copy without some rows.

        Args:
            source: the file.
            target: the copy; it does not exist yet.
            gone: positions of the rows that are left out, ascending, (r,) int64.

        Returns:
            How many rows the source had, and the rows that were left out as bytes, where they stood so in it.
        """


class Delimited:
    """CSV and the like in UTF-8, the first line naming the columns, gzipped or not. Rows that stay keep every byte."""

    def takes(self, path: Path) -> bool:
        """Whether the name says so."""
        return path.name.lower().endswith(TEXT_ENDINGS)

    def columns(self, path: Path) -> tuple[str, ...]:
        """Return the names in the first line."""
        with _opened(path, "rb") as file:
            return tuple(_fields(next(_records(file), b""), _delimiter(path)))

    def ids(self, path: Path, column: str) -> polars.Series:
        """Return the values of a column as the text that stands there; an empty one is missing."""
        import polars as pl

        delimiter = _delimiter(path)
        with _opened(path, "rb") as file:
            records = _records(file)
            names = _fields(next(records, b""), delimiter)
            place = _place(column, names, path)
            values = [_field(record, place, delimiter, path) for record in records]
        return pl.Series(column, [value or None for value in values], pl.String)

    def copy(self, source: Path, target: Path, gone: np.ndarray) -> tuple[int, list[bytes]]:
        """Write a copy without some rows; see `Format`."""
        leave = set(gone.tolist())
        left: list[bytes] = []
        total = -1
        with _opened(source, "rb") as file, _opened(target, "xb") as copy:
            for total, record in enumerate(_records(file), -1):
                if total in leave:
                    left.append(record.rstrip(b"\r\n"))
                else:
                    copy.write(record)
        return total + 1, left


class Parquet:
    """Parquet that is not encrypted. Row groups, compression, types and metadata stay."""

    def takes(self, path: Path) -> bool:
        """Whether the name says so, and the footer can be read."""
        if not path.name.lower().endswith(PARQUET_ENDINGS):
            return False
        with path.open("rb") as file:
            return file.read(4) == b"PAR1"

    def columns(self, path: Path) -> tuple[str, ...]:
        """Return the names of the columns."""
        with _parquet(path) as file:
            return tuple(file.schema_arrow.names)

    def ids(self, path: Path, column: str) -> polars.Series:
        """Return the values of a column."""
        import polars as pl

        with _parquet(path) as file:
            _place(column, file.schema_arrow.names, path)
            found = pl.from_arrow(file.read([column]))
        assert isinstance(found, pl.DataFrame)
        return found[column]

    def copy(self, source: Path, target: Path, gone: np.ndarray) -> tuple[int, list[bytes]]:
        """Write a copy without some rows; see `Format`."""
        import pyarrow.parquet as pq

        with _parquet(source) as file:
            schema = file.schema_arrow
            with pq.ParquetWriter(target, schema, compression=_compression(file)) as writer:
                return copy_groups(file, writer, gone), []


def copy_groups(file: Any, writer: Any, gone: np.ndarray) -> int:
    """Copy the row groups of a ``pyarrow.parquet.ParquetFile`` without some rows; return how many rows it had."""
    first = 0
    for number in range(file.num_row_groups):
        group = file.read_row_group(number)
        kept = np.ones(group.num_rows, bool)
        here = gone[(gone >= first) & (gone < first + group.num_rows)]
        kept[here - first] = False
        first += group.num_rows
        if kept.any():
            writer.write_table(group if kept.all() else group.filter(kept))
    return first


FORMATS: tuple[Format, ...] = (Delimited(), Parquet())
"""The formats that need nothing further."""


def format_of(path: Path, formats: Sequence[Format] = FORMATS) -> Format | None:
    """Return the format of a file; None where none takes it."""
    return next((format for format in formats if format.takes(path)), None)


@contextmanager
def _parquet(path: Path) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            yield file
    except pa.ArrowInvalid as error:
        raise DataUnreadable(f"{path.name} is no Parquet file that can be read: {error}", where=str(path)) from None


def _compression(file: Any) -> dict[str, str] | str:
    """How each column is compressed."""
    if not file.num_row_groups:
        return "snappy"
    group = file.metadata.row_group(0)
    columns = [group.column(place) for place in range(group.num_columns)]
    return {column.path_in_schema: _codec(column.compression) for column in columns}


def _codec(name: str) -> str:
    return "NONE" if name == "UNCOMPRESSED" else name


def _opened(path: Path, mode: str) -> IO[bytes]:
    if path.name.lower().endswith(".gz"):
        return gzip.open(path, mode)  # type: ignore[return-value]
    return path.open(mode)


def _delimiter(path: Path) -> str:
    with _opened(path, "rb") as file:
        return sniff(file.read(SAMPLE))


def _records(file: IO[bytes]) -> Iterator[bytes]:
    """The records of delimited text with their line ends; a record ends where its quotes are closed."""
    record = b""
    for line in file:
        record += line
        if record.count(b'"') % 2 == 0:
            yield record
            record = b""
    if record:
        yield record


def _fields(record: bytes, delimiter: str) -> list[str]:
    text = record.decode("utf-8-sig", errors="surrogateescape")
    return next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])


def _field(record: bytes, place: int, delimiter: str, path: Path) -> str:
    if b'"' not in record and record.isascii():
        parts = record.rstrip(b"\r\n").decode().split(delimiter, place + 1)
    else:
        parts = _fields(record, delimiter)
    if place >= len(parts):
        raise DataUnreadable(f"{path.name} has a row that is too short", where=f"{path}: {record[:60]!r}")
    return parts[place]


def _place(column: str, names: Sequence[str], path: Path) -> int:
    if column not in names:
        raise UnknownName(f"{path.name} has no column {column!r}.{did_you_mean(column, names)}", where=str(path))
    return list(names).index(column)
