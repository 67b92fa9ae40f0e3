"""Sorting: batches of rows in the order of a column, whatever their size, by DuckDB under a limit of memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from casemate.controls.deidentification.sink import GROUP_ROWS
from casemate.core.errors import CasemateError

if TYPE_CHECKING:
    import polars

_LEAST = 256 << 20
_UNITS = {"": 1, "K": 10, "M": 20, "G": 30, "T": 40}


def sorted_batches(
    batches: Iterator[polars.DataFrame], key: str, scratch: Path, memory: str
) -> Iterator[polars.DataFrame]:
    """Yield all rows in ascending order of a column, which is left out, in batches of one size.

    What does not fit into the memory is written to the folder ``scratch``, encrypted under a key that is nowhere kept.

    Args:
        batches: the rows; all with the same columns.
        key: a column of unsigned whole numbers.
        scratch: a folder with room for the rows.
        memory: such as ``4GB``; at least 256 MB.

    Raises:
        CasemateError: the disk is full, or the memory too small.
    """
    import duckdb
    import polars as pl

    feed = _Feed(batches)
    if not feed.schema:
        return
    with duckdb.connect(config=_config(scratch, memory)) as connection:
        connection.register("staged", feed.reader())
        try:
            found = connection.sql(f'SELECT * EXCLUDE ("{key}") FROM staged ORDER BY "{key}"')  # noqa: S608
            for batch in found.to_arrow_reader(GROUP_ROWS):
                frame = pl.DataFrame(pl.from_arrow(batch))
                yield frame.cast({name: feed.schema[name] for name in frame.columns})
        except duckdb.Error as error:
            raise feed.error or _no_room(error, scratch) from error


def memory_bytes(text: str) -> int:
    """Return how many bytes ``512MB`` or ``4GB`` are.

    Raises:
        CasemateError: no such amount, or less than 256 MB.
    """
    told = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    amount = int(float(told[1]) * (1 << _UNITS[told[2].upper()] if told[2] else 1)) if told else 0
    if amount < _LEAST:
        raise CasemateError(
            f"{text!r} is no amount of memory of 256 MB or more", where="--memory", fix="for example --memory 4GB"
        )
    return amount


class _Feed:
    """Batches as DuckDB reads them; remembers what went wrong with them, which DuckDB would tell in its own words."""

    def __init__(self, batches: Iterator[polars.DataFrame]) -> None:
        self.error: BaseException | None = None
        self._batches = batches
        self._first = next(batches, None)
        self.schema = {} if self._first is None else dict(self._first.schema)

    def reader(self) -> Any:
        import pyarrow as pa

        assert self._first is not None
        return pa.RecordBatchReader.from_batches(_arrow(self._first).schema, self._all())

    def _all(self) -> Iterator[Any]:
        try:
            assert self._first is not None
            yield from _arrow(self._first).to_batches()
            self._first = None
            for batch in self._batches:
                yield from _arrow(batch).to_batches()
        except BaseException as error:
            self.error = error
            raise


def _arrow(frame: polars.DataFrame) -> Any:
    import polars as pl

    return frame.to_arrow(compat_level=pl.CompatLevel.oldest())


def _config(scratch: Path, memory: str) -> dict[str, Any]:
    return {
        "memory_limit": f"{memory_bytes(memory) >> 20}MiB",
        "temp_directory": str(scratch / "spill"),
        "temp_file_encryption": True,
        "preserve_insertion_order": False,
    }


def _no_room(error: Exception, scratch: Path) -> CasemateError:
    reason = str(error).splitlines()[0]
    small = "OutOfMemory" in type(error).__name__
    return CasemateError(
        f"the rows cannot be put in order: {reason}",
        where=str(scratch.parent),
        why="nothing was written: a file that was there before is as it was",
        fix="give --memory more" if small else "make room on the disk, or choose another folder for the output",
    )
