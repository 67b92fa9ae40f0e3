"""Parquet files, sealed and unsealed as files: row group by row group, so that any size will do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from casemate.controls.encryption.key_store import KeyStore
from casemate.controls.encryption.parquet import Groups, sealed_writer
from casemate.controls.encryption.parquet_reading import parquet_batches, parquet_schema
from casemate.controls.encryption.whole import native, unwritable, written_whole
from casemate.core.errors import DataMissing, DataUnreadable

RowsDone = Callable[[int, int], None]
"""Called with how many rows are done, and how many there are (0 where nobody knows)."""


def seal_parquet_file(
    source: Path, target: Path, groups: Groups, store: KeyStore, *, rest: str, watch: RowsDone | None = None
) -> tuple[tuple[str, ...], int]:
    """Seal the columns of a Parquet file; the target is written whole or not at all.

    Args:
        source: the open file.
        target: the sealed one; replaced where it exists.
        groups, store, rest: see `seal_parquet`.
        watch: see `RowsDone`.

    Returns:
        The names of the columns, and how many rows there are.

    Raises:
        DataMissing, DataUnreadable: there is no such file, or it is not Parquet.
        UnknownName, SecretError, CasemateError: see `seal_parquet`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        opened = pq.ParquetFile(source)
    except FileNotFoundError:
        raise DataMissing(f"there is no file {source}") from None
    except (pa.ArrowInvalid, OSError) as error:
        raise _no_parquet(source, error) from error
    with opened as file, sealed_writer(target, file.schema_arrow, groups, store, rest=rest) as writer:
        rows = 0
        for place in range(file.num_row_groups):
            try:
                table = file.read_row_group(place)
            except (pa.ArrowInvalid, OSError) as error:
                raise _no_parquet(source, error) from error
            writer.write_table(table)
            rows += table.num_rows
            if watch is not None:
                watch(rows, file.metadata.num_rows)
        return tuple(file.schema_arrow.names), rows


def unseal_parquet_file(
    source: Path, target: Path, store: KeyStore, columns: Sequence[str] | None = None, *, watch: RowsDone | None = None
) -> tuple[tuple[str, ...], int]:
    """Write columns of a sealed Parquet file as open Parquet, whole or not at all, for its owner's eyes only.

    Args:
        source: the sealed file.
        target: the open one; replaced where it exists.
        store, columns: see `open_parquet`.
        watch: see `RowsDone`.

    Returns:
        The names of the columns, in the order of the file, and how many rows there are.

    Raises:
        CasemateError: the target cannot be written; and what `open_parquet` raises.
    """
    import pyarrow.parquet as pq

    schema, rows = parquet_schema(source, store, columns), 0
    try:
        with (
            written_whole(target, private=True) as writing,
            pq.ParquetWriter(native(writing), schema, compression="zstd") as writer,
        ):
            for batch in parquet_batches(source, store, columns):
                writer.write_batch(batch)
                rows += batch.num_rows
                if watch is not None:
                    watch(rows, 0)
    except OSError as error:
        raise unwritable(error, target) from error
    return tuple(schema.names), rows


def _no_parquet(source: Path, error: Exception) -> DataUnreadable:
    return DataUnreadable(
        f"the file cannot be read as Parquet: {error}",
        where=str(source),
        fix="seal it as a whole, without groups of columns",
    )
