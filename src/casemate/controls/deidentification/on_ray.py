"""On Ray: batches of rows on as many processes or machines as there are, and groups of rows apart from each other.

Every step on rows is a pure function of a batch and its place in the table. The first cuts are decided from counts that
are merged from all batches; the parts that remain are grouped each on its own. The outcome is that of other engines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from casemate.controls.deidentification.cluster import cluster, mapped, tables, to_arrow, to_frame
from casemate.controls.deidentification.out_of_core import write_sorted
from casemate.controls.deidentification.ray_blurring import blurred_on_ray
from casemate.controls.deidentification.source import Source
from casemate.controls.deidentification.staging import Sample, Staging
from casemate.controls.deidentification.work import Done, Watch, Work, Write

if TYPE_CHECKING:
    import polars


def on_ray(source: Source, work: Work, write: Write, watch: Watch, *, scratch: Path, memory: str = "4GB") -> Done:
    """Carry out work on Ray; arguments as of `casemate.controls.deidentification.out_of_core.out_of_core`.

    Raises:
        ExtraMissing: Ray is not installed.
        ControlFailed: a control other than Mondrian.
    """
    with cluster() as data:
        rows = Rows(source, work.read, data)
        staging = Staging.of(work, blurred_on_ray(rows, work, scratch, watch))
        sample = Sample(staging, source.rows)
        staged = _staged(rows, staging, sample, watch)
        published = write_sorted(staged, staging, write, watch, scratch, memory)
        if not published:
            write(*staging.published(sample.staged[0].clear()))
        _keep_raw(source, staging, sample)
        return sample.done(published)


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of a table as blocks of Ray, each with the place of its first row in the table's metadata.

    Args:
        source: the table.
        read: its columns that are needed.
        data: the module ``ray.data``.
    """

    source: Source
    read: tuple[str, ...]
    data: Any

    def blocks(self, columns: Sequence[str]) -> Any:
        """Return a data set of Ray of blocks with these columns, and with the rows' places in the column `PLACE`."""
        wanted = [name for name in self.read if name in columns]
        if self.source.format == "parquet" and self.source.decryption is None:
            return self.data.from_items(_row_groups(self.source)).map_batches(
                _Group(self.source, wanted), batch_size=1, batch_format="pandas"
            )
        return self.data.from_arrow(list(_placed(self.source.batches(wanted))))


PLACE = "place in the raw table"


@dataclass(frozen=True, eq=False)
class _Group:
    """Reads one row group of a Parquet file, where the worker sees the file too."""

    source: Source
    columns: list[str]

    def __call__(self, group: Any) -> Any:
        import polars as pl
        import pyarrow.parquet as pq

        number, start = int(group["group"].iloc[0]), int(group["start"].iloc[0])
        with pq.ParquetFile(self.source.path) as file:
            frame = pl.DataFrame(pl.from_arrow(file.read_row_group(number, columns=self.columns)))
        return next(_placed([frame.select(self.columns)], start))


def _row_groups(source: Source) -> list[dict[str, int]]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(source.path) as file:
        sizes = [file.metadata.row_group(number).num_rows for number in range(file.metadata.num_row_groups)]
    starts = np.cumsum([0, *sizes])
    return [{"group": number, "start": int(starts[number])} for number in range(len(sizes))]


def _placed(batches: Any, start: int = 0) -> Iterator[Any]:
    """Yield batches as Arrow tables, with the rows' places."""
    import polars as pl

    for batch in batches:
        places = pl.Series(PLACE, np.arange(start, start + batch.height), dtype=pl.Int64)
        yield to_arrow(batch.with_columns(places))
        start += batch.height


def _staged(rows: Rows, staging: Staging, sample: Sample, watch: Watch) -> Iterator[polars.DataFrame]:
    """Yield staged rows as the workers finish them, and keep those of the sample."""
    import ray

    held = ray.put(staging)
    done = 0
    for table in tables(mapped(rows.blocks(staging.work.read), _Stage(held, rows.source.schema))):
        staged = to_frame(table, {})
        sample.keep(staged)
        yield staged.drop(staging.place)
        done += staged.height
        watch("changing", done, rows.source.rows)


@dataclass(frozen=True, eq=False)
class _Stage:
    """Stages a block of rows; the staging is fetched once from where all workers of a machine share it."""

    staging: Any
    schema: Any

    def __call__(self, table: Any) -> Any:
        import ray

        staging: Staging = ray.get(self.staging)
        frame = to_frame(table, self.schema)
        start = int(frame[PLACE][0]) if frame.height else 0
        return to_arrow(staging.stage(frame.select(staging.work.read), start))


def _keep_raw(source: Source, staging: Staging, sample: Sample) -> None:
    """Read the raw rows of the sample."""
    places = np.sort(np.concatenate([part[staging.place].to_numpy() for part in sample.staged]))
    start = 0
    for batch in source.batches(staging.work.read):
        first, last = np.searchsorted(places, [start, start + batch.height])
        sample.keep_raw(batch, start, places[first:last])
        start += batch.height
