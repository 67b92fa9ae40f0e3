"""Columns as codes, and sets of columns as one packed key per row, so that classes are counted exactly and fast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import polars

_BITS = 63
_COUNTED = 1 << 24
"""Keys below this are counted by a table of counters instead of by sorting."""


@dataclass(frozen=True, eq=False)
class Codes:
    """Columns whose values are numbers from 0 on; missing values are a value like any other.

    Args:
        columns: codes of each column, (n,) int32 each, or int64 where there are so many.
        sizes: how many codes each column may have.
        rows: how many rows there are.
    """

    columns: tuple[np.ndarray, ...]
    sizes: tuple[int, ...]
    rows: int

    def key(self, chosen: Sequence[int]) -> tuple[np.ndarray, int]:
        """Return one number for each row's values in the chosen columns, (n,) int64, and how many there may be."""
        packed, size = np.zeros(self.rows, dtype=np.int64), 1
        for index in chosen:
            packed, size = extend(packed, size, self.columns[index], self.sizes[index])
        return packed, size


def encode(columns: Sequence[polars.Series]) -> Codes:
    """Return columns of any plain type as codes."""
    coded = [_encode(column) for column in columns]
    small = [codes.astype(np.int32) if size < 1 << 31 else codes for codes, size in coded]
    return Codes(tuple(small), tuple(size for _, size in coded), len(columns[0]) if columns else 0)


def extend(packed: np.ndarray, size: int, codes: np.ndarray, more: int) -> tuple[np.ndarray, int]:
    """Return keys that also hold one more column; they are numbered anew where they would outgrow 63 bits."""
    if size * more >= 1 << _BITS:
        different, packed = np.unique(packed, return_inverse=True)
        size = len(different)
    return packed * more + codes, size * more


def class_sizes(packed: np.ndarray, size: int) -> np.ndarray:
    """Return how many rows share each key that occurs, (classes,) int64, in no particular order."""
    if size <= min(_COUNTED, 8 * len(packed) + 1024):
        counted = np.bincount(packed, minlength=1)
        return counted[counted > 0]
    ordered = np.sort(packed.astype(np.uint32) if size <= 1 << 32 else packed)
    ends = np.flatnonzero(np.concatenate((ordered[1:] != ordered[:-1], [True]))) if len(ordered) else np.zeros(0, int)
    return np.diff(ends, prepend=-1)


def _encode(column: polars.Series) -> tuple[np.ndarray, int]:
    import polars as pl

    dtype = column.dtype
    if dtype == pl.Boolean or dtype.is_integer():
        made = _small(column.cast(pl.Int64, strict=False) if dtype != pl.UInt64 else column)
        if made is not None:
            return made
    if dtype.is_float():
        column = column.fill_nan(None)
    codes = column.rank("dense").fill_null(0) if dtype.is_numeric() or dtype.is_temporal() else _words(column)
    numbered: np.ndarray = codes.cast(pl.Int64).to_numpy()
    return numbered, int(numbered.max(initial=0)) + 1


def _small(column: polars.Series) -> tuple[np.ndarray, int] | None:
    """Whole numbers within a narrow range are codes as they stand."""
    low, high = column.min(), column.max()
    if not isinstance(low, int) or not isinstance(high, int) or high - low > 1 << 20:
        return None
    moved = (column - (low - 1)).fill_null(0)
    return moved.to_numpy().astype(np.int64, copy=False), high - low + 2


def _words(column: polars.Series) -> polars.Series:
    import polars as pl

    text = column.cast(pl.String, strict=False) if column.dtype != pl.String else column
    different = text.unique(maintain_order=True)
    table = pl.DataFrame({"v": different, "c": pl.int_range(len(different), eager=True)})
    return text.to_frame("v").join(table, on="v", how="left", nulls_equal=True, maintain_order="left")["c"]
