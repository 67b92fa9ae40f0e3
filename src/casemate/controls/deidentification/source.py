"""Source: a table read in batches, so that one that is larger than the memory can be read as often as needed.

Types are those that Casemate reads data with everywhere: of a delimited file they come from all its rows. Every engine
reads through this file, so that none of them can see another table than the rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from casemate.controls.deidentification.damage import check_header, check_lengths, check_utf8, damaged
from casemate.core.digests import file_digest
from casemate.core.errors import DataUnreadable, EmptyData
from casemate.systems.data.delimited import read_delimited, sniff
from casemate.systems.data.read import FORMATS, existing
from casemate.systems.data.table import check_columns

if TYPE_CHECKING:
    import polars

BATCH_ROWS = 1 << 18
"""Rows of a batch: large enough that the work per batch does not count, small enough for wide tables."""
_FIRST_ROWS = 10_000

Format = Literal["parquet", "csv", "frame"]


@dataclass(frozen=True, eq=False)
class Source:
    """A table that can be read in batches, again and again.

    Args:
        name: what to call it in a message.
        schema: its columns in order, each with its Polars type.
        rows: how many rows there are.
        path: the file; None for a table that is in memory.
        format: how it is read.
        separator: what separates the fields of a delimited file.
        frame: the whole table, where it is in memory.
        decryption: how pyarrow opens a Parquet file that is sealed; None for one that is not.
    """

    name: str
    schema: Mapping[str, Any]
    rows: int
    path: Path | None
    format: Format
    separator: str = ","
    frame: polars.DataFrame | None = None
    decryption: Any = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(self.schema)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the file, or of the content of a table in memory."""
        if self.path is not None:
            return file_digest(self.path)
        from casemate.core.frames import frame_digest

        assert self.frame is not None
        return frame_digest(self.frame)

    def batches(self, columns: Sequence[str] | None = None, size: int = BATCH_ROWS) -> Iterator[polars.DataFrame]:
        """Yield the rows in order, at most ``size`` at a time, with the named columns only.

        Raises:
            DataUnreadable: the file is damaged.
        """
        wanted = list(self.columns if columns is None else columns)
        for batch in self._read(wanted, size):
            for start in range(0, batch.height, size):
                yield batch.slice(start, size)

    def whole(self, columns: Sequence[str] | None = None) -> polars.DataFrame:
        """Return all rows, with the named columns only."""
        import polars as pl

        return pl.concat(list(self.batches(columns)), rechunk=True)

    def _read(self, wanted: list[str], size: int) -> Iterator[polars.DataFrame]:
        if self.frame is not None:
            return iter([self.frame.select(wanted)])
        return self._read_parquet(wanted, size) if self.format == "parquet" else self._read_delimited(wanted, size)

    def _read_parquet(self, wanted: list[str], size: int) -> Iterator[polars.DataFrame]:
        import polars as pl

        try:
            with self._parquet() as file:
                for batch in file.iter_batches(size, columns=wanted):
                    yield pl.DataFrame(pl.from_arrow(batch)).select(wanted)
        except (OSError, ValueError) as error:  # pyarrow's own errors are kinds of these
            raise damaged(self.name, self.path, error) from error

    def _read_delimited(self, wanted: list[str], size: int) -> Iterator[polars.DataFrame]:
        import polars as pl

        assert self.path is not None
        scan = pl.scan_csv(self.path, separator=self.separator, schema=dict(self.schema), glob=False)
        try:
            yield from scan.select(wanted).collect_batches(chunk_size=size, engine="streaming")
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            raise damaged(self.name, self.path, error) from error

    def _parquet(self) -> Any:
        import pyarrow.parquet as pq

        return pq.ParquetFile(self.path, decryption_properties=self.decryption, memory_map=True)


def open_source(path: Path, *, decryption: Any = None) -> Source:
    """Open a table in a Parquet or delimited text file; only what tells its columns and types is read.

    Args:
        path: its name's ending tells its format; a text file may be gzipped, and is then read as a whole.
        decryption: how pyarrow opens a sealed Parquet file.

    Raises:
        DataMissing: there is no such file.
        DataUnreadable: not in its format, not UTF-8, columns named twice, rows of unequal length.
        EmptyData: there are no rows.
    """
    found = existing(path.parent, path.name)
    match format_of(found):
        case "parquet":
            source = _parquet_source(found, decryption)
        case "csv" | "tsv" as format:
            source = _delimited_source(found, "\t" if format == "tsv" else None)
        case _:
            what = f"the ending of {path.name} tells neither Parquet nor delimited text"
            raise DataUnreadable(what, where=str(path), fix="name it .parquet, .csv or .tsv, as its content is")
    if not source.rows:
        raise EmptyData("there are no rows", where=str(path), fix="check the file, or what wrote it")
    return source


def format_of(path: Path) -> str | None:
    """Return the format that the ending of a file's name tells; None where it tells none."""
    name = path.name.lower().removesuffix(".gz")
    return next((format for ending, format in FORMATS.items() if name.endswith(ending)), None)


def frame_source(frame: polars.DataFrame, name: str = "table") -> Source:
    """Return a source of a table that is in memory."""
    return Source(name, dict(frame.schema), frame.height, None, "frame", frame=frame)


def _parquet_source(path: Path, decryption: Any) -> Source:
    import polars as pl
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path, decryption_properties=decryption) as file:
            check_columns(file.schema_arrow.names, path)
            empty, rows = pl.DataFrame(pl.from_arrow(file.schema_arrow.empty_table())), file.metadata.num_rows
    except (OSError, ValueError) as error:
        raise damaged(path.name, path, error) from error
    return Source(path.name, dict(empty.schema), rows, path, "parquet", decryption=decryption)


def _delimited_source(path: Path, separator: str | None) -> Source:
    import polars as pl

    if path.name.lower().endswith(".gz"):
        table = read_delimited(path, path.name, separator)
        assert isinstance(table.values, pl.DataFrame)
        return Source(path.name, dict(table.values.schema), len(table), path, "frame", frame=table.values)
    check_utf8(path)
    with path.open("rb") as file:
        separator = separator or sniff(file.read(1 << 16))
    try:
        schema, rows, short = _types(path, separator)
    except pl.exceptions.NoDataError:
        return Source(path.name, {}, 0, path, "frame", frame=pl.DataFrame())
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        check_lengths(path, separator)
        raise damaged(path.name, path, error) from error
    check_header(path, separator)
    if short:
        check_lengths(path, separator)  # a row that is too short looks like one with missing values
    return Source(path.name, schema, rows, path, "csv", separator)


def _types(path: Path, separator: str) -> tuple[dict[str, Any], int, bool]:
    """Return the columns' types, the number of rows, and whether the last field of any is missing.

    All rows tell the types: a column that turns from numbers to words in its last row holds words. Finding them out
    from all rows is slow, and needless where all can be read with those of the first ones.
    """
    import polars as pl

    schema = _guess(path, separator, _FIRST_ROWS)
    try:
        rows, missing = _counts(path, separator, schema)
        start = pl.scan_csv(path, separator=separator, schema=schema, n_rows=_FIRST_ROWS, glob=False).collect()
        if all(missing[name] == rows for name in schema if start[name].null_count() == start.height):
            return schema, rows, bool(missing[start.columns[-1]])
    except (pl.exceptions.ComputeError, pl.exceptions.SchemaError):
        pass  # a later row holds what the first ones do not
    schema = _guess(path, separator, None)
    rows, missing = _counts(path, separator, schema)
    return schema, rows, bool(missing[list(schema)[-1]])


def _guess(path: Path, separator: str, first: int | None) -> dict[str, Any]:
    import polars as pl

    scan = pl.scan_csv(path, separator=separator, infer_schema_length=first, try_parse_dates=True, glob=False)
    return dict(scan.collect_schema())


def _counts(path: Path, separator: str, schema: Mapping[str, Any]) -> tuple[int, Counter[str]]:
    """Return the number of rows, and of missing values by column."""
    import polars as pl

    rows, missing = 0, Counter[str]()
    scan = pl.scan_csv(path, separator=separator, schema=dict(schema), glob=False)
    for batch in scan.collect_batches(chunk_size=BATCH_ROWS, engine="streaming"):
        rows += batch.height
        missing.update(dict(zip(batch.columns, batch.null_count().row(0), strict=True)))
    return rows, missing
