"""Sealed Parquet: every group of columns under a key of its own, so that shredding the key takes those columns away.

Parquet modular encryption with AES-256-GCM. The footer, which holds the names and types of the columns, is under the
key of the rest; whoever has that key and some group's reads that group's columns and no others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from casemate.controls.encryption.key_store import KeyStore, checked, key_name
from casemate.controls.encryption.parquet_keys import factory
from casemate.controls.encryption.whole import native, unwritable, written_whole
from casemate.core.errors import SecretError, ShapeMismatch, UnknownName, did_you_mean

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

MARK = b"PARE"
"""First bytes of a Parquet file whose footer is encrypted."""

Groups = Mapping[str, Sequence[str]]
"""Columns by the name of the key that they are under."""


def dataset_keys(dataset: str, groups: Groups) -> tuple[dict[str, Sequence[str]], str]:
    """Return columns by the name of their key in a key store, and the name of the key of the rest.

    Args:
        dataset: name of the data set.
        groups: columns by group, as a privacy policy declares them.
    """
    return {key_name(dataset, group): columns for group, columns in groups.items()}, key_name(dataset, "rest")


def parquet_encryption(schema: pa.Schema, groups: Groups, store: KeyStore, *, rest: str) -> Any:
    """Return what pyarrow's ``ParquetWriter`` takes as ``encryption_properties``; for one file.

    Args:
        schema: of the file.
        groups: see `Groups`; the keys must exist.
        store: where they are.
        rest: name of the key of all other columns and of the footer.

    Raises:
        UnknownName: a column that the schema lacks.
        SecretError: a column in two groups, one whose name cannot be told to pyarrow, or a key that cannot be had.
    """
    import datetime

    import pyarrow.parquet.encryption as pe

    columns = _leaves(schema, _grouped(schema.names, groups, rest))
    said = pe.EncryptionConfiguration(
        footer_key=checked(rest),
        column_keys={checked(key): paths for key, paths in columns.items() if paths},
        encryption_algorithm="AES_GCM_V1",
        plaintext_footer=False,
        double_wrapping=False,  # ours has 256 bits where pyarrow's has 128; see parquet_keys
        cache_lifetime=datetime.timedelta(minutes=1),
        data_key_length_bits=256,
    )
    return factory(store).file_encryption_properties(pe.KmsConnectionConfig(), said)


@contextmanager
def sealed_writer(
    path: Path, schema: pa.Schema, groups: Groups, store: KeyStore, *, rest: str, compression: str = "zstd"
) -> Iterator[Any]:
    """Yield a ``pyarrow.parquet.ParquetWriter``; the file takes its name when all is written, or never.

    Args:
        path: of the file; replaced where it exists.
        schema, groups, store, rest: see `parquet_encryption`.
        compression: of the columns, before they are encrypted.

    Raises:
        UnknownName, SecretError: see `parquet_encryption`.
        CasemateError: the file cannot be written.
    """
    import pyarrow.parquet as pq

    sealing = parquet_encryption(schema, groups, store, rest=rest)
    try:
        with (
            written_whole(path) as file,
            pq.ParquetWriter(native(file), schema, compression=compression, encryption_properties=sealing) as writer,
        ):
            yield writer
    except OSError as error:
        raise unwritable(error, path) from error


def seal_parquet(
    table: pl.DataFrame | pa.Table | Iterable[pa.RecordBatch],
    path: Path,
    groups: Groups,
    store: KeyStore,
    *,
    rest: str,
    compression: str = "zstd",
) -> int:
    """Write a table as a sealed Parquet file, whole or not at all; return its rows.

    Args:
        table: of Polars or Arrow, or record batches, which are written as they come; at least one.
        path: of the file; replaced where it exists.
        groups: columns by the name of the key that they are under; the keys must exist.
        store: where they are.
        rest: name of the key of all other columns and of the footer.
        compression: of the columns, before they are encrypted.

    Raises:
        UnknownName: a column that the table lacks.
        SecretError: see `parquet_encryption`; or no batch at all.
        ShapeMismatch: batches of different columns.
        CasemateError: the file cannot be written.
    """
    batches = iter(_batches(table))
    first = next(batches, None)
    if first is None:
        raise SecretError("there is nothing to seal: not even an empty batch, which would tell the columns")
    rows = 0
    with sealed_writer(path, first.schema, groups, store, rest=rest, compression=compression) as writer:
        for batch in chain([first], batches):
            if not batch.schema.equals(first.schema):
                raise ShapeMismatch(
                    f"a batch has other columns than the first one, from row {rows} on (counted from 0)",
                    fix="give all batches the same columns and types, in the same order",
                )
            writer.write(batch)
            rows += batch.num_rows
    return rows


def _batches(table: Any) -> Iterable[Any]:
    """Tables or batches of Arrow; a table is written as it is, in row groups of pyarrow's choice."""
    if hasattr(table, "to_arrow"):  # of Polars, in types that any reader knows
        import polars as pl

        return [table.to_arrow(compat_level=pl.CompatLevel.oldest())]
    if hasattr(table, "to_batches"):
        return [table]
    return table  # type: ignore[no-any-return]


def _grouped(names: Sequence[str], groups: Groups, rest: str) -> dict[str, list[str]]:
    """All columns by the key they are under."""
    placed: dict[str, str] = {}
    for key, columns in groups.items():
        for column in columns:
            if column not in names:
                raise UnknownName(
                    f"there is no column {column!r}.{did_you_mean(column, names)}",
                    where=f"group of the key {key!r}",
                    why="a column that is named wrongly would be under the key of the rest, and outlive its own",
                    fix="correct the name, or take it out of the group",
                )
            if placed.setdefault(column, key) != key:
                raise SecretError(
                    f"the column {column!r} is in two groups",
                    where=f"keys {placed[column]!r} and {key!r}",
                    fix="leave it in one",
                )
    return {key: [name for name in names if placed.get(name, rest) == key] for key in dict.fromkeys((*groups, rest))}


def _leaves(schema: pa.Schema, groups: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The same with the paths under which Parquet stores the columns; a struct has several."""
    for name in schema.names:
        if name != name.strip() or set(name) & set(",:;") or not name:
            raise SecretError(
                f"the column {name!r} cannot be given a key of its own",
                why="pyarrow keeps columns and keys in one text, in which commas, colons and semicolons part them",
                fix="rename it, without these and without blanks at its ends",
            )
    return {key: [path for name in names for path in _paths(schema.field(name))] for key, names in groups.items()}


def _paths(field: Any) -> list[str]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not field.type.num_fields:
        return [str(field.name)]
    stored = pa.BufferOutputStream()
    pq.write_table(pa.schema([field]).empty_table(), stored)
    found = pq.ParquetFile(pa.BufferReader(stored.getvalue())).schema
    return [str(found.column(place).path) for place in range(len(found))]
