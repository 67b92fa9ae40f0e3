"""Reading Parquet files."""

from __future__ import annotations

from pathlib import Path

from casemate.core.errors import DataUnreadable
from casemate.systems.data.table import Table, check_columns


def read_parquet(path: Path, source: str) -> Table:
    """Return the rows of a Parquet file.

    Raises:
        DataUnreadable: the file is truncated, damaged, or no Parquet file.
    """
    import polars as pl

    try:
        frame = pl.read_parquet(path, glob=False)
    # A damaged file can also panic inside the reader, which Polars raises beside its ordinary errors.
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise DataUnreadable(
            f"{source} cannot be read as Parquet: {reason}",
            where=str(path),
            why="a file that was cut off or damaged may hold other rows than you think",
            fix="copy or write the file again",
        ) from error
    check_columns(frame.columns, path)
    return Table(source, frame, tuple(frame.columns))
