"""Reading sealed Parquet: the columns whose keys there are, and a plain word about the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from casemate.controls.encryption.key_store import KeyStore
from casemate.controls.encryption.parquet import MARK
from casemate.controls.encryption.parquet_keys import factory
from casemate.core.errors import (
    CasemateError,
    DataMissing,
    DataUnreadable,
    KeyMissing,
    KeyShredded,
    SealBroken,
    SecretError,
    UnknownName,
    did_you_mean,
)

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

BATCH = 1 << 16
"""Rows of a batch."""


def open_parquet(path: Path, store: KeyStore, columns: Sequence[str] | None = None) -> pl.DataFrame:
    """Return columns of a sealed Parquet file.

    Args:
        path: of the file.
        store: where the keys are: that of the rest, and those of the columns' groups.
        columns: all where None; others need no key. They come in the order of the file.

    Raises:
        DataMissing: there is no such file.
        DataUnreadable: it is not sealed Parquet.
        KeyShredded, KeyMissing: the key of some column is gone, or not in this store; which, and which can be read.
        SealBroken: the key is another one, or the file was altered.
        UnknownName: a column that the file lacks.
    """
    import polars as pl

    with _reading(path, store) as file:
        table = file.read(columns=_checked(file, columns, path))
    frame = pl.from_arrow(table)
    return frame if isinstance(frame, pl.DataFrame) else frame.to_frame()


def parquet_batches(
    path: Path, store: KeyStore, columns: Sequence[str] | None = None, *, rows: int = BATCH
) -> Iterator[pa.RecordBatch]:
    """Yield columns of a sealed Parquet file in batches; arguments and errors as of `open_parquet`.

    Args:
        path, store, columns: see `open_parquet`.
        rows: of a batch, at most.
    """
    with _reading(path, store) as file:
        yield from file.iter_batches(batch_size=rows, columns=_checked(file, columns, path))


def parquet_schema(path: Path, store: KeyStore, columns: Sequence[str] | None = None) -> pa.Schema:
    """Return names and types of columns of a sealed Parquet file, in its order; the key of the rest is enough.

    Arguments and errors as of `open_parquet`.
    """
    import pyarrow as pa

    with _reading(path, store) as file:
        names = _checked(file, columns, path)
        schema = file.schema_arrow
    return schema if names is None else pa.schema([schema.field(name) for name in names], schema.metadata)


@contextmanager
def _reading(path: Path, store: KeyStore) -> Iterator[Any]:
    """The file, opened; what goes wrong is told in our words."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    import pyarrow.parquet.encryption as pe

    _check_mark(path)
    file: Any = None
    try:
        keys = factory(store).file_decryption_properties(pe.KmsConnectionConfig())
        file = pq.ParquetFile(path, decryption_properties=keys)
        yield file
    except (KeyShredded, KeyMissing, SealBroken) as error:
        raise _told(error, path, file) from error
    except CasemateError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _altered(path, error) from error
    finally:
        if file is not None:
            file.close()


def _check_mark(path: Path) -> None:
    try:
        with path.open("rb") as file:
            start = file.read(len(MARK))
    except OSError as error:
        raise DataMissing(f"the file cannot be read: {error.strerror}", where=str(path)) from error
    if start != MARK:
        raise DataUnreadable(
            "this is not a sealed Parquet file",
            where=str(path),
            why="its first bytes are not those of Parquet with an encrypted footer",
            fix="read it as what it is; a file sealed as a whole is opened by casemate unseal",
        )


def _checked(file: Any, columns: Sequence[str] | None, path: Path) -> list[str] | None:
    if columns is None:
        return None
    known = file.schema_arrow.names
    for name in columns:
        if name not in known:
            hint = did_you_mean(name, known)
            raise UnknownName(f"there is no column {name!r}.{hint}", where=str(path), fix=f"take of {', '.join(known)}")
    return [name for name in known if name in columns]


def _told(error: SecretError, path: Path, file: Any) -> CasemateError:
    """The error of a key, with the columns that are lost with it and those that are not."""
    lost = _lost(file) if file is not None else None
    if lost is None:
        where = f"the footer of {path}"
        fix = "nothing of the file can be read without the key of its footer"
        return type(error)(error.what, where=f"{where}; {error.where}", why=error.why, fix=fix)
    left = [name for name in file.schema_arrow.names if name not in lost]
    return type(error)(
        error.what,
        where=f"column{'s' if len(lost) > 1 else ''} {', '.join(lost)} of {path}; {error.where}",
        why=error.why,
        fix=f"read the others: {', '.join(left)}" if left else "no column of it can be read",
    )


def _lost(file: Any) -> list[str]:
    """The columns whose keys cannot be had: the first value of each is asked for.

    Not its metadata: where pyarrow gets no key for those, it ends the process.
    """
    import pyarrow as pa

    lost = []
    for name in file.schema_arrow.names:
        try:
            next(file.iter_batches(batch_size=1, columns=[name], use_threads=False), None)
        except (SecretError, pa.ArrowException, OSError, ValueError):
            lost.append(name)
    return lost


def _altered(path: Path, error: Exception) -> SealBroken:
    return SealBroken(
        "the sealed Parquet file does not open",
        where=str(path),
        why="it was altered or cut off after it was sealed, or a key was replaced; these cannot be told apart",
        fix="restore the file from a copy",
        details=str(error),
    )
