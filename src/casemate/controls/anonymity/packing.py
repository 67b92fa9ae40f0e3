"""Numbering of equal rows: the columns packed into one 64-bit key where they fit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray


def numbered(rows: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return a number for each row, 0 and up without gaps, the same for equal rows; ascending in the order of the rows.

    Args:
        rows: (n,) or (n, d) integers, n of 1 or more.
    """
    return numbered_columns(iter([rows] if rows.ndim == 1 else rows.T))


def numbered_columns(columns: Iterator[NDArray[np.integer]]) -> NDArray[np.int64]:
    """Return the same of columns that come one by one, (n,) each, at least one."""
    key, span = _from_zero(next(columns))
    for values in columns:
        column, width = _from_zero(values)
        if span > (1 << 62) // width:  # too wide: number what there is so far, which is n at most
            key, span = _dense(key, span), len(key)
        key *= width
        key += column
        span *= width
    return _dense(key, span)


def _from_zero(column: NDArray[np.integer]) -> tuple[NDArray[np.int64], int]:
    """Return a copy of a column that starts at 0, and how many values it may hold."""
    low, high = int(column.min()), int(column.max())
    moved = column.astype(np.int64)
    moved -= low
    return moved, high - low + 1


def _dense(key: NDArray[np.int64], span: int) -> NDArray[np.int64]:
    """Return keys in [0, span) numbered without gaps, in order."""
    if span <= 4 * len(key) + 1024:
        held = np.zeros(span, np.bool_)
        held[key] = True
        return (np.cumsum(held) - 1)[key]
    return np.unique(key, return_inverse=True)[1].astype(np.int64)
