"""Sink: a table written batch by batch beside its place, and moved there whole or not at all.

Row groups have one size whatever the batches, so that the same rows make the same file.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from casemate.controls.deidentification.scratch import beside, telling

if TYPE_CHECKING:
    import polars

GROUP_ROWS = 1 << 17
"""Rows of a row group of a Parquet file."""


class Sink:
    """An output that is being written. Left without `publish`, it leaves nothing behind.

    Args:
        path: where it is to go; CSV where the name ends so, else Parquet.
        encryption: says, given the Arrow schema of a Parquet file, how pyarrow seals it; None leaves it open.
    """

    def __init__(self, path: Path, *, encryption: Callable[[Any], Any] | None = None) -> None:
        self.path = path
        self.part = beside(path, "part")
        self.rows = 0
        self._started = False
        self._encryption = encryption
        self._csv = path.name.lower().endswith(".csv")
        self._waiting: list[polars.DataFrame] = []
        self._file: Any = None
        self._writer: Any = None

    def __enter__(self) -> Self:
        with telling(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Never a file, or a link, that somebody put there; nobody else may read it until it is published.
            self._file = os.fdopen(os.open(self.part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._file is not None and not self._file.closed:
            with suppress(OSError, ValueError):  # what is thrown away need not be complete
                if self._writer is not None:
                    self._writer.close()
            self._file.close()
        self.part.unlink(missing_ok=True)

    def write(self, frame: polars.DataFrame) -> None:
        """Add rows; the first ones tell the columns and their types."""
        self._waiting.append(frame)
        if sum(part.height for part in self._waiting) >= GROUP_ROWS:
            self._flush(everything=False)

    def finish(self) -> Path:
        """Write what waits, and return the complete temporary file, to be looked at before it is published."""
        self._flush(everything=True)
        with telling(self.path):
            if self._writer is not None:
                self._writer.close()
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
        return self.part

    def publish(self, *, private: bool = False) -> None:
        """Move the finished file to its place; a ``private`` one is for its owner only."""
        with telling(self.path):
            if not private:
                self.part.chmod(_usual_mode(self.part))
            self.part.replace(self.path)

    def _flush(self, *, everything: bool) -> None:
        import polars as pl

        if not self._waiting:
            return
        rows = pl.concat(self._waiting, rechunk=True)
        last = rows.height if everything else rows.height - rows.height % GROUP_ROWS
        for start in range(0, last, GROUP_ROWS):
            self._write(rows[start : min(start + GROUP_ROWS, last)])
        if not self._started:
            self._write(rows)  # none at all: only the columns
        self._waiting = [rows[last:]] if last < rows.height else []

    def _write(self, rows: polars.DataFrame) -> None:
        with telling(self.path):
            if self._csv:
                rows.write_csv(self._file, include_header=not self._started)
            else:
                table = _plain(rows)
                self._writer = self._writer or self._open(table.schema)
                self._writer.write_table(table, row_group_size=GROUP_ROWS)
        self._started = True
        self.rows += rows.height

    def _open(self, schema: Any) -> Any:
        import pyarrow.parquet as pq

        sealing = None if self._encryption is None else self._encryption(schema)
        return pq.ParquetWriter(
            self._file, schema, compression="zstd", encryption_properties=sealing, store_schema=False
        )


def _plain(rows: polars.DataFrame) -> Any:
    """The rows as an Arrow table whose types any reader knows."""
    import polars as pl
    import pyarrow as pa

    table = rows.to_arrow(compat_level=pl.CompatLevel.oldest())
    short = {pa.large_string(): pa.string(), pa.large_binary(): pa.binary()}
    fields = [field.with_type(short.get(field.type, field.type)) for field in table.schema]
    return table.cast(pa.schema(fields))


def _usual_mode(part: Path) -> int:
    """The permissions of a new file here. They are not asked of the umask, which cannot be read without changing it."""
    probe = part.with_suffix(".mode")
    try:
        os.close(os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        return probe.stat().st_mode & 0o777
    finally:
        probe.unlink(missing_ok=True)
