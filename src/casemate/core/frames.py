"""Frames: the content digest of a table, the same whatever library version, chunking or process holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from casemate.core.digests import digest

if TYPE_CHECKING:
    import polars


def frame_digest(frame: polars.DataFrame) -> str:
    """Return the SHA-256 hex digest of a table's column names, types and values, in order."""
    return digest(frame.height, [(name, column_digest(frame[name])) for name in frame.columns])


def column_digest(column: polars.Series) -> str:
    """Return the SHA-256 hex digest of a column's type and values; its name is left out."""
    missing = np.packbits(column.is_null().to_numpy()) if column.null_count() else None
    return digest(str(column.dtype), len(column), missing, *_content(column))


def _content(column: polars.Series) -> tuple[np.ndarray | bytes, ...]:
    import polars as pl

    kind = column.dtype
    if kind == pl.Null:
        return (b"",)
    if kind == pl.Boolean:
        return (np.packbits(column.fill_null(False).to_numpy()),)
    if kind.is_temporal() or kind.is_integer() or kind.is_float():
        return (column.to_physical().fill_null(0).to_numpy(),)
    text = _text(column).fill_null("")
    whole = "".join(text.to_list())
    return text.str.len_bytes().to_numpy(), whole.encode()


def _text(column: polars.Series) -> polars.Series:
    """A column of words, bytes or nested values as text that tells all values apart."""
    import polars as pl

    if column.dtype == pl.Binary:
        return column.bin.encode("hex")
    if column.dtype.is_nested():
        return column.alias("value").to_frame().select(pl.struct("value").struct.json_encode()).to_series()
    return column.cast(pl.String)
