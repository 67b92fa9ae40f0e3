"""Numbering of equal rows: the columns packed into one 64-bit key where they fit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def numbered(rows: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return a number for each row, 0 and up without gaps, the same for equal rows; ascending in the order of the rows.

    Args:
        rows: (n,) or (n, d) integers, n of 1 or more.
    """
    columns = rows[:, None] if rows.ndim == 1 else rows
    key = columns[:, 0].astype(np.int64)
    key, span = _from_zero(key)
    for j in range(1, columns.shape[1]):
        column, width = _from_zero(columns[:, j].astype(np.int64))
        if span > (1 << 62) // width:  # too wide: number what there is so far, which is n at most
            key, span = _dense(key, span), len(key)
        key, span = key * width + column, span * width
    return _dense(key, span)


def _from_zero(column: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
    """Return a column that starts at 0, and how many values it may hold."""
    low = int(column.min())
    return column - low, int(column.max()) - low + 1


def _dense(key: NDArray[np.int64], span: int) -> NDArray[np.int64]:
    """Return keys in [0, span) numbered without gaps, in order."""
    if span <= 4 * len(key) + 1024:
        held = np.zeros(span, np.bool_)
        held[key] = True
        return (np.cumsum(held) - 1)[key]
    return np.unique(key, return_inverse=True)[1].astype(np.int64)
